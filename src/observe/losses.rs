//! What the connector's socket or BPF's ring buffer has lost, and when to rescan for it. Rescans are limited to a share of the time.

use crate::model::MonoNs;

/// Least time between two rescans.
const MIN_INTERVAL_NS: u64 = 250_000_000;
/// The pause after a rescan is this many times as long as the rescan, so that rescans take at most a tenth of a core.
const PAUSE_FACTOR: u64 = 10;

/// What was lost before one rescan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `None` if the kernel does not tell how many.
    pub count: Option<u64>,
    /// When it was first noticed.
    pub since: MonoNs,
}

#[derive(Debug, Default)]
pub struct Losses {
    /// The source's own count when it was last read. It only grows, and wraps.
    dropped: u32,
    /// When the first loss was noticed that no rescan has followed yet.
    since: Option<MonoNs>,
    not_before: MonoNs,
}

impl Losses {
    /// The source reported a loss.
    pub fn note(&mut self, now: MonoNs) {
        self.since.get_or_insert(now);
    }

    /// When to call [`due`](Self::due) next.
    pub fn deadline(&self) -> Option<MonoNs> {
        self.since.map(|_| self.not_before)
    }

    /// The loss to rescan for now; call [`done`](Self::done) after the rescan. `dropped` reads the source's count,
    /// which the kernel raises just after it has reported the loss.
    pub fn due(&mut self, now: MonoNs, dropped: impl FnOnce() -> Option<u32>) -> Option<Loss> {
        if now < self.not_before {
            return None;
        }
        let since = self.since.take()?;
        let count = dropped().map(|dropped| {
            let more = dropped.wrapping_sub(self.dropped);
            self.dropped = dropped;
            u64::from(more).max(1)
        });
        Some(Loss { count, since })
    }

    /// A rescan took from `started` until `now`.
    pub fn done(&mut self, started: MonoNs, now: MonoNs) {
        self.not_before = now.plus(MIN_INTERVAL_NS.max(PAUSE_FACTOR * now.since(started)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn losses_add_up_until_the_next_rescan() {
        let mut losses = Losses { dropped: u32::MAX - 1, ..Losses::default() };
        assert_eq!((losses.due(MonoNs(0), || Some(0)), losses.deadline()), (None, None));
        losses.note(MonoNs(5));
        let loss = losses.due(MonoNs(6), || Some(3));
        assert_eq!(loss, Some(Loss { count: Some(5), since: MonoNs(5) }), "the count wrapped");
        losses.done(MonoNs(6), MonoNs(7));
        losses.note(MonoNs(8));
        losses.note(MonoNs(9));
        assert_eq!(losses.due(MonoNs(11), || Some(10)), None, "the last rescan was too recent");
        let at = losses.deadline().expect("a loss waits");
        assert_eq!(at, MonoNs(7 + MIN_INTERVAL_NS));
        assert_eq!(losses.due(at, || Some(110)), Some(Loss { count: Some(107), since: MonoNs(8) }));
        assert_eq!((losses.due(at, || Some(110)), losses.deadline()), (None, None));
    }

    #[test]
    fn a_slow_rescan_is_followed_by_a_long_pause() {
        let mut losses = Losses::default();
        losses.note(MonoNs(0));
        assert_eq!(losses.due(MonoNs(0), || None).map(|l| l.count), Some(None), "an old kernel does not count");
        losses.done(MonoNs(0), MonoNs(100 * MS));
        losses.note(MonoNs(101 * MS));
        assert_eq!(losses.deadline(), Some(MonoNs(1_100 * MS)));
    }

    #[test]
    fn a_storm_of_losses_costs_a_bounded_share_of_the_time() {
        let mut losses = Losses::default();
        let (mut now, mut rescans) = (0, 0);
        while now < 60_000 * MS {
            losses.note(MonoNs(now));
            if losses.due(MonoNs(now), || None).is_some() {
                rescans += 1;
                let started = now;
                now += 40 * MS;
                losses.done(MonoNs(started), MonoNs(now));
            }
            now += MS;
        }
        assert!((100..=150).contains(&rescans), "{rescans} in a minute");
    }
}
