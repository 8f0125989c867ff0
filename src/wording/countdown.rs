//! How long a container still waits, and for what.

use crate::model::{Awaited, Countdown, MonoNs};

/// `restarts in 8 s`, `KILL in 23 s`; `restarts now` when the time is over.
pub fn left(count: &Countdown, now: MonoNs) -> String {
    let what = match count.awaited {
        Awaited::Restart(_) => "restarts",
        Awaited::Kill => "KILL",
    };
    match count.seconds(now) {
        0 => format!("{what} now"),
        s @ 1..120 => format!("{what} in {s} s"),
        s => format!("{what} in {} min {:02} s", s / 60, s % 60),
    }
}

/// Why it waits.
pub const fn why(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Restart(_) => {
            "It has ended again and again, so the lab waits before it starts it again, as a kubelet does"
        }
        Awaited::Kill => "It got TERM and has not ended. It gets KILL when the grace period is over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BackOff;

    #[test]
    fn the_time_that_is_left_is_told_in_seconds() {
        const S: u64 = 1_000_000_000;
        let restart = Awaited::Restart(BackOff { kubelet_ms: 300_000, clock: 1 });
        let table = [
            (Awaited::Kill, 23, "KILL in 23 s"),
            (Awaited::Kill, 0, "KILL now"),
            (restart, 1, "restarts in 1 s"),
            (restart, 0, "restarts now"),
            (restart, 119, "restarts in 119 s"),
            (restart, 125, "restarts in 2 min 05 s"),
        ];
        for (awaited, seconds, words) in table {
            let count = Countdown { awaited, until: MonoNs(1000 * S) };
            assert_eq!(left(&count, MonoNs((1000 - seconds) * S)), words);
        }
    }
}
