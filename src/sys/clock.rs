//! The clock every stamp is read from.

use nix::time::{ClockId, clock_gettime};

use crate::model::MonoNs;

/// Now, on `CLOCK_MONOTONIC`.
pub fn now() -> MonoNs {
    // it fails only for a clock that does not exist (clock_gettime(2))
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(MonoNs(0), |t| MonoNs(t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64))
}
