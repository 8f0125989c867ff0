//! What a container waits for until a known time: its back-off, or the end of its grace period.

use super::{BackOff, Container, ContainerState, MonoNs};

/// What happens when the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The container is started again.
    Restart(BackOff),
    /// The container gets KILL. It got TERM before, and has not ended.
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown {
    pub awaited: Awaited,
    pub until: MonoNs,
}

impl Countdown {
    /// Whole seconds until then, rounded up; 0 from then on.
    pub fn seconds(&self, now: MonoNs) -> u64 {
        self.until.since(now).div_ceil(1_000_000_000)
    }
}

impl Container {
    /// What it waits for; `None` if it does not wait for a time that is known.
    pub fn countdown(&self) -> Option<Countdown> {
        if let Some(until) = self.kill_at {
            return Some(Countdown { awaited: Awaited::Kill, until });
        }
        let ContainerState::Waiting { back_off: Some(wait), .. } = self.state else { return None };
        let Some(ContainerState::Terminated { at, .. }) = self.last_state else { return None };
        Some(Countdown { awaited: Awaited::Restart(wait), until: at.t.plus(wait.lab_ns()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_count_down_to_zero() {
        const S: u64 = 1_000_000_000;
        let count = Countdown { awaited: Awaited::Kill, until: MonoNs(30 * S) };
        let seconds = [0, 1, 29 * S, 29 * S + 1, 30 * S, 31 * S].map(|now| count.seconds(MonoNs(now)));
        assert_eq!(seconds, [30, 30, 1, 1, 0, 0]);
    }
}
