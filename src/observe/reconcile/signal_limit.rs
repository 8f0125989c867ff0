//! Bounds how many signals are passed on. Of many equal ones the first few are, and then one a second.

use std::collections::HashMap;
use std::num::NonZeroU64;

use crate::model::{MonoNs, ProcId, Signal, SignalSent};

/// So many signals of one number to one process are passed on at once.
const BURST: u64 = 8;
/// Time after which one more is.
const REFILL_NS: u64 = 1_000_000_000;
/// How many pairs of process and number are followed at a time. Signals of others are counted only.
const MAX_PAIRS: usize = 1_024;

#[derive(Debug, Default)]
pub struct SignalLimit {
    pairs: HashMap<(ProcId, Signal), Pair>,
    uncounted: u64,
}

#[derive(Debug)]
struct Pair {
    /// How many may be passed on, as of `since`.
    room: u64,
    since: MonoNs,
    /// The last one that found no room.
    held: Option<SignalSent>,
    /// How many before that found none.
    skipped: u64,
}

impl Pair {
    fn refill(&mut self, now: MonoNs) {
        let more = now.since(self.since) / REFILL_NS;
        self.room = (self.room + more).min(BURST);
        self.since = if self.room == BURST { self.since.max(now) } else { self.since.plus(more * REFILL_NS) };
    }
}

impl SignalLimit {
    /// The signal, if it is to be passed on now.
    pub fn admit(&mut self, sent: SignalSent) -> Option<SignalSent> {
        let now = sent.at.t;
        let key = (sent.target, sent.signal);
        if self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&key) {
            self.forget_quiet(now);
            if self.pairs.len() >= MAX_PAIRS {
                self.uncounted += 1;
                return None;
            }
        }
        let pair = self.pairs.entry(key).or_insert(Pair { room: BURST, since: now, held: None, skipped: 0 });
        pair.refill(now);
        if pair.room > 0 && pair.held.is_none() {
            pair.room -= 1;
            return Some(sent);
        }
        pair.skipped += u64::from(pair.held.replace(sent).is_some());
        None
    }

    /// Those that had to wait and are to be passed on now, by their times.
    pub fn take_due(&mut self, now: MonoNs) -> Vec<SignalSent> {
        let mut due = Vec::new();
        for pair in self.pairs.values_mut() {
            pair.refill(now);
            if pair.room > 0
                && let Some(held) = pair.held.take()
            {
                pair.room -= 1;
                let skipped = NonZeroU64::new(std::mem::take(&mut pair.skipped));
                due.push(SignalSent { skipped, ..held });
            }
        }
        self.forget_quiet(now);
        due.sort_by_key(|sent| (sent.at.t, sent.target, sent.signal));
        due
    }

    /// How many were only counted since the last call.
    pub const fn take_uncounted(&mut self) -> u64 {
        std::mem::replace(&mut self.uncounted, 0)
    }

    /// When to call [`take_due`](Self::take_due) next.
    pub fn deadline(&self) -> Option<MonoNs> {
        self.pairs.values().filter(|pair| pair.held.is_some()).map(|pair| pair.since.plus(REFILL_NS)).min()
    }

    fn forget_quiet(&mut self, now: MonoNs) {
        self.pairs.retain(|_, pair| {
            pair.refill(now);
            pair.held.is_some() || pair.room < BURST
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Precision, SignalResult, SignalSender, Source, Stamp};

    fn sent(pid: u32, signal: Signal, at: u64) -> SignalSent {
        SignalSent {
            signal,
            sender: SignalSender::Kernel,
            target: ProcId { pid, start: 0 },
            target_name: String::new(),
            result: SignalResult::Delivered,
            skipped: None,
            at: Stamp::new(MonoNs(at), Source::Bpf, Precision::Exact),
        }
    }

    #[test]
    fn of_a_storm_the_first_and_the_last_are_passed_on() {
        let mut limit = SignalLimit::default();
        let passed = (0..1_000).filter_map(|at| limit.admit(sent(1, Signal::USR1, at))).count();
        assert_eq!(passed as u64, BURST);
        assert!(limit.admit(sent(1, Signal::KILL, 1_000)).is_some(), "another signal has room of its own");
        assert!(limit.admit(sent(2, Signal::USR1, 1_000)).is_some(), "and so has another process");
        let at = limit.deadline().expect("one waits");
        assert_eq!((limit.take_due(at.minus(1)).len(), at), (0, MonoNs(REFILL_NS)));
        let due = limit.take_due(at);
        assert_eq!(due.len(), 1);
        assert_eq!((due[0].at.t, due[0].skipped.map(NonZeroU64::get)), (MonoNs(999), Some(1_000 - BURST - 1)));
        assert_eq!((limit.deadline(), limit.take_due(at.plus(REFILL_NS)).len()), (None, 0));
        limit.take_due(at.plus(20 * REFILL_NS));
        assert!(limit.pairs.is_empty(), "what is quiet is forgotten");
    }

    #[test]
    fn a_long_storm_is_passed_on_once_a_second() {
        let mut limit = SignalLimit::default();
        let mut passed = 0;
        for ms in 0..60_000 {
            passed += limit.admit(sent(1, Signal::USR1, ms * 1_000_000)).iter().count();
            passed += limit.take_due(MonoNs(ms * 1_000_000)).len();
        }
        assert!((60..=60 + BURST as usize).contains(&passed), "{passed}");
    }

    #[test]
    fn it_is_bounded() {
        let mut limit = SignalLimit::default();
        let passed = (0..2_000).filter_map(|pid| limit.admit(sent(pid, Signal::TERM, 0))).count();
        assert_eq!((passed, limit.pairs.len()), (MAX_PAIRS, MAX_PAIRS));
        assert_eq!((limit.take_uncounted(), limit.take_uncounted()), (2_000 - MAX_PAIRS as u64, 0));
        assert!(limit.admit(sent(9_999, Signal::TERM, 30 * REFILL_NS)).is_some(), "there is room again");
    }
}
