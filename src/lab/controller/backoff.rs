//! The back-off of a container that keeps ending: how long it waits before it is started again.

use serde::{Deserialize, Serialize};

use crate::model::MonoNs;

/// How many times faster than a kubelet's the lab's back-off runs; 1 is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoClock(u32);

impl Default for DemoClock {
    fn default() -> Self {
        Self(10)
    }
}

impl DemoClock {
    pub const EXACT: Self = Self(1);
    pub const FASTEST: u32 = 100_000;

    /// `None` unless `times` is from 1 to [`DemoClock::FASTEST`].
    pub fn new(times: u32) -> Option<Self> {
        (1..=Self::FASTEST).contains(&times).then_some(Self(times))
    }

    pub const fn times(self) -> u32 {
        self.0
    }

    /// The length in the lab, in nanoseconds, of `ms` milliseconds of a kubelet.
    pub fn ns(self, ms: u64) -> u64 {
        ms.saturating_mul(1_000_000) / u64::from(self.0)
    }

    pub fn after(self, at: MonoNs, ms: u64) -> MonoNs {
        at.plus(self.ns(ms))
    }
}

/// The kubelet's first and longest wait (`backOffPeriod`, `MaxContainerBackOff` in pkg/kubelet/kubelet.go).
const FIRST_MS: u64 = 10_000;
const LONGEST_MS: u64 = 300_000;

/// The waits of one container: none, 10 s, 20 s … 300 s. They start from none again after the container has run for 10
/// minutes (`client-go/util/flowcontrol/backoff.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    delay_ms: u64,
    last: MonoNs,
}

impl Backoff {
    /// Whether a container that finished at `finished` may start now; if not, the error is when it may.
    pub fn try_again(&mut self, finished: MonoNs, now: MonoNs, clock: DemoClock) -> Result<(), MonoNs> {
        if self.delay_ms > 0 && finished.since(self.last) > clock.ns(2 * LONGEST_MS) {
            self.delay_ms = 0;
        }
        let until = clock.after(finished, self.delay_ms);
        if self.delay_ms > 0 && now < until {
            return Err(until);
        }
        self.delay_ms = if self.delay_ms == 0 { FIRST_MS } else { (self.delay_ms * 2).min(LONGEST_MS) };
        self.last = now;
        Ok(())
    }

    /// The present wait, by a kubelet's clock.
    pub const fn delay_ms(&self) -> u64 {
        self.delay_ms
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, DemoClock};
    use crate::model::MonoNs;

    const S: u64 = 1_000_000_000;

    /// The waits between an end and the next start, for a container that ends as soon as it is started.
    fn waits(clock: DemoClock, deaths: usize) -> Vec<u64> {
        let (mut backoff, mut now) = (Backoff::default(), MonoNs(S));
        let wait = |_| {
            let finished = now;
            if let Err(until) = backoff.try_again(finished, now, clock) {
                now = until;
                backoff.try_again(finished, now, clock).expect("due");
            }
            now.since(finished)
        };
        (0..deaths).map(wait).collect()
    }

    #[test]
    fn waits_double_up_to_five_minutes() {
        let exact: Vec<u64> = waits(DemoClock::EXACT, 9).iter().map(|ns| ns / S).collect();
        assert_eq!(exact, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
        let tenfold: Vec<u64> = waits(DemoClock::default(), 7).iter().map(|ns| ns / (S / 10)).collect();
        assert_eq!(tenfold, [0, 10, 20, 40, 80, 160, 300]);
    }

    #[test]
    fn ten_minutes_of_running_reset_the_back_off() {
        let mut backoff = Backoff::default();
        let t = |s: u64| MonoNs(s * S);
        assert_eq!(backoff.try_again(t(1), t(1), DemoClock::EXACT), Ok(()));
        assert_eq!(backoff.try_again(t(2), t(2), DemoClock::EXACT), Err(t(12)));
        assert_eq!(backoff.try_again(t(2), t(12), DemoClock::EXACT), Ok(()));
        // started at 12, ran for exactly ten minutes: no reset; one second more resets it
        assert_eq!(backoff.try_again(t(612), t(612), DemoClock::EXACT), Err(t(632)));
        assert_eq!(backoff.try_again(t(613), t(613), DemoClock::EXACT), Ok(()));
        assert_eq!(backoff.delay_ms(), 10_000);
    }
}
