//! Points in time and durations in the format of each tool. Times of day are in UTC, so that the same World gives the
//! same text everywhere; kubectl uses the time zone of its machine.

use crate::model::{MonoNs, WallAnchor, World};

/// Go's `time.RFC1123Z`: `Mon, 02 Jan 2006 15:04:05 +0000`; `<unknown>` if the World has no wall clock.
pub(super) fn rfc1123z(world: &World, t: MonoNs) -> String {
    let anchor = &world.host.anchor;
    let unknown = || "<unknown>".to_owned();
    if *anchor == WallAnchor::default() {
        return unknown();
    }
    let at = jiff::Timestamp::from_nanosecond(i128::from(anchor.unix_ns_at(t)));
    at.map_or_else(|_| unknown(), |at| at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

/// `units.HumanDuration` of `github.com/docker/go-units`, which docker and crictl use.
pub(super) fn docker(ns: u64) -> String {
    let s = ns / 1_000_000_000;
    let (minutes, hours) = (s / 60, (s + 1800) / 3600);
    match s {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{s} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 => format!("{minutes} minutes"),
        _ => match hours {
            1 => "About an hour".to_owned(),
            2..48 => format!("{hours} hours"),
            48..336 => format!("{} days", hours / 24),
            336..1440 => format!("{} weeks", hours / 24 / 7),
            1440..17_520 => format!("{} months", hours / 24 / 30),
            _ => format!("{} years", s / 3600 / 24 / 365),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{docker, rfc1123z};
    use crate::model::{Host, MonoNs, WallAnchor, World};

    #[test]
    fn durations_are_formatted_as_in_docker() {
        const HOUR: u64 = 3600;
        let table = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (HOUR - 1, "59 minutes"),
            (HOUR, "About an hour"),
            (HOUR + 1799, "About an hour"),
            (HOUR + 1800, "2 hours"),
            (48 * HOUR, "2 days"),
            (14 * 24 * HOUR, "2 weeks"),
            (60 * 24 * HOUR, "2 months"),
            (730 * 24 * HOUR, "2 years"),
        ];
        for (s, words) in table {
            assert_eq!(docker(s * 1_000_000_000), words, "{s} s");
        }
    }

    #[test]
    fn a_time_of_day_needs_an_anchor() {
        let mut world = World::default();
        assert_eq!(rfc1123z(&world, MonoNs(1)), "<unknown>");
        let anchor = WallAnchor { mono: MonoNs(5_000_000_000), unix_ns: 1_136_214_245_000_000_000 };
        world.host = Host { anchor, ..Host::default() };
        assert_eq!(rfc1123z(&world, MonoNs(6_000_000_000)), "Mon, 02 Jan 2006 15:04:06 +0000");
    }
}
