//! The clocks: `CLOCK_MONOTONIC` for every stamp, and clock ticks after boot for start times.

use nix::time::{ClockId, clock_gettime};

use crate::model::{MonoNs, WallAnchor};

/// Nanoseconds of a clock tick (`USER_HZ`), the unit of start times and CPU times in `/proc/PID/stat`.
pub const NS_PER_TICK: u64 = 10_000_000;

/// Reads a clock, in nanoseconds.
fn read(id: ClockId) -> u64 {
    // it fails only for a clock that does not exist (clock_gettime(2)), and all clocks used here exist
    clock_gettime(id).map_or(0, |t| t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}

/// Now, on `CLOCK_MONOTONIC`.
pub fn now() -> MonoNs {
    MonoNs(read(ClockId::CLOCK_MONOTONIC))
}

pub fn anchor() -> WallAnchor {
    let before = now();
    let unix = read(ClockId::CLOCK_REALTIME);
    let after = now();
    WallAnchor { mono: MonoNs(before.0.midpoint(after.0)), unix_ns: unix as i64 }
}

/// Converts between the monotonic clock and the start times of `/proc/PID/stat`, which include suspended time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Nanoseconds that the machine was suspended since boot.
    suspended: u64,
}

impl Ticks {
    pub fn now() -> Self {
        let mono = now().0;
        Self { suspended: read(ClockId::CLOCK_BOOTTIME).saturating_sub(mono) }
    }

    /// The start time of a process whose fork was reported at `t`. The kernel takes the start time shortly before it
    /// reports the fork, so the true one may be smaller.
    pub fn start_at(self, t: MonoNs) -> u64 {
        (t.0 + self.suspended) / NS_PER_TICK
    }

    /// The end of the tick in which a process with this start time was born.
    pub fn born_by(self, start: u64) -> MonoNs {
        MonoNs(((start + 1) * NS_PER_TICK).saturating_sub(self.suspended))
    }
}
