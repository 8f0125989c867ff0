//! What the connector's socket has lost, and when to look for it: not more often than the machine can bear.

use crate::model::MonoNs;

/// Between two rescans at least.
const LEAST_NS: u64 = 250_000_000;
/// A rescan is followed by a pause so many times as long, so that it takes a tenth of a core at most.
const REST: u64 = 10;

/// What was lost before one rescan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `None`: the kernel does not tell how many.
    pub count: Option<u64>,
    /// When it was first noticed.
    pub since: MonoNs,
}

#[derive(Debug, Default)]
pub struct Losses {
    /// The socket's own count, which never goes back but wraps.
    dropped: u32,
    pending: Option<Loss>,
    not_before: MonoNs,
}

impl Losses {
    /// `dropped` is the socket's count at the start.
    pub fn new(dropped: Option<u32>) -> Self {
        Self { dropped: dropped.unwrap_or_default(), ..Self::default() }
    }

    /// The socket said that it lost something, and its count now.
    pub fn note(&mut self, dropped: Option<u32>, now: MonoNs) {
        let more = dropped.map(|dropped| u64::from(dropped.wrapping_sub(self.dropped)));
        self.dropped = dropped.unwrap_or(self.dropped);
        let (count, since) = match self.pending {
            None => (more, now),
            Some(loss) => (loss.count.zip(more).map(|(known, more)| known + more), loss.since),
        };
        self.pending = Some(Loss { count, since });
    }

    /// When [`due`](Self::due) is next to be asked.
    pub fn deadline(&self) -> Option<MonoNs> {
        self.pending.map(|_| self.not_before)
    }

    /// What to look for now; then [`done`](Self::done) is to be called.
    pub fn due(&mut self, now: MonoNs) -> Option<Loss> {
        if now < self.not_before { None } else { self.pending.take() }
    }

    /// A rescan took from `started` until `now`.
    pub fn done(&mut self, started: MonoNs, now: MonoNs) {
        self.not_before = now.plus(LEAST_NS.max(REST * now.since(started)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn losses_add_up_while_they_wait() {
        let mut losses = Losses::new(Some(u32::MAX - 1));
        assert_eq!((losses.due(MonoNs(0)), losses.deadline()), (None, None));
        losses.note(Some(3), MonoNs(5));
        assert_eq!(losses.due(MonoNs(6)), Some(Loss { count: Some(5), since: MonoNs(5) }), "the count wrapped");
        losses.done(MonoNs(6), MonoNs(7));
        losses.note(Some(10), MonoNs(8));
        losses.note(Some(10), MonoNs(9));
        losses.note(Some(110), MonoNs(10));
        assert_eq!(losses.due(MonoNs(11)), None, "it was looked for a moment ago");
        let at = losses.deadline().expect("something waits");
        assert_eq!(at, MonoNs(7 + LEAST_NS));
        assert_eq!(losses.due(at), Some(Loss { count: Some(107), since: MonoNs(8) }));
        assert_eq!((losses.due(at), losses.deadline()), (None, None));
    }

    #[test]
    fn a_rescan_that_takes_long_is_seldom() {
        let mut losses = Losses::new(None);
        losses.note(None, MonoNs(0));
        assert_eq!(losses.due(MonoNs(0)).map(|l| l.count), Some(None));
        losses.done(MonoNs(0), MonoNs(100 * MS));
        losses.note(Some(7), MonoNs(101 * MS));
        assert_eq!(losses.deadline(), Some(MonoNs(1_100 * MS)));
    }

    #[test]
    fn a_storm_of_losses_costs_a_bounded_share_of_the_time() {
        let mut losses = Losses::new(None);
        let (mut now, mut rescans) = (0, 0);
        while now < 60_000 * MS {
            losses.note(None, MonoNs(now));
            if losses.due(MonoNs(now)).is_some() {
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
