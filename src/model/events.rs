//! Events of the same pod, kind, reason and message told as one, as `kubectl describe` does.

use std::collections::BTreeMap;

use super::{MonoNs, PodEvent};

/// The same event, once or more often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregated {
    pub first: MonoNs,
    pub last: MonoNs,
    pub count: usize,
    /// As it was told last.
    pub event: PodEvent,
}

impl Aggregated {
    /// `x3 over 40s`; nothing for one that came once.
    pub fn times(&self) -> Option<String> {
        (self.count > 1).then(|| format!("x{} over {}", self.count, human(self.last.since(self.first) / 1_000_000_000)))
    }
}

/// One kind of event while it is counted.
struct Found<'a> {
    first: MonoNs,
    last: MonoNs,
    count: usize,
    /// Where the last one stood.
    place: usize,
    event: &'a PodEvent,
}

/// Merges equal events; in the order in which each came last.
pub fn aggregate<'a>(events: impl IntoIterator<Item = &'a PodEvent>) -> Vec<Aggregated> {
    let mut found: BTreeMap<_, Found<'_>> = BTreeMap::new();
    for (place, event) in events.into_iter().enumerate() {
        let key = (&event.pod, event.kind, event.reason.as_str(), event.message.as_str());
        let t = event.at.t;
        let known = found.entry(key).or_insert(Found { first: t, last: t, count: 0, place, event });
        known.first = known.first.min(t);
        known.count += 1;
        // sources may be late: the latest by its own time
        if t >= known.last {
            (known.last, known.place, known.event) = (t, place, event);
        }
    }
    let mut merged: Vec<Found<'_>> = found.into_values().collect();
    merged.sort_unstable_by_key(|f| (f.last, f.place));
    let owned = |f: Found<'_>| Aggregated { first: f.first, last: f.last, count: f.count, event: f.event.clone() };
    merged.into_iter().map(owned).collect()
}

/// Seconds as kubectl says them (`HumanDuration` in `k8s.io/apimachinery/pkg/util/duration`).
fn human(s: u64) -> String {
    let with = |n: u64, unit: char, rest: u64, small: char| match rest {
        0 => format!("{n}{unit}"),
        rest => format!("{n}{unit}{rest}{small}"),
    };
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    match s {
        0..120 => format!("{s}s"),
        120..600 => with(m, 'm', s % 60, 's'),
        600..10_800 => format!("{m}m"),
        10_800..28_800 => with(h, 'h', m % 60, 'm'),
        28_800..172_800 => format!("{h}h"),
        172_800..691_200 => with(d, 'd', h % 24, 'h'),
        _ => format!("{d}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventKind, PodUid, Source, Stamp};

    fn event(pod: &str, kind: EventKind, reason: &str, message: &str, s: u64) -> PodEvent {
        let at = Stamp::prompt(MonoNs(s * 1_000_000_000), Source::Node);
        PodEvent { pod: PodUid(pod.into()), kind, reason: reason.into(), message: message.into(), at }
    }

    #[test]
    fn what_is_the_same_in_every_part_is_told_once() {
        use EventKind::{Normal, Warning};
        let back_off = |s| event("a", Warning, "BackOff", "Back-off restarting failed container web", s);
        type Case = (&'static str, Vec<PodEvent>, Vec<(&'static str, Option<&'static str>)>);
        let table: [Case; 6] = [
            ("nothing", vec![], vec![]),
            ("one", vec![back_off(1)], vec![("BackOff", None)]),
            ("three", vec![back_off(1), back_off(21), back_off(41)], vec![("BackOff", Some("x3 over 40s"))]),
            (
                "others in between, in the order of their last",
                vec![back_off(1), event("a", Normal, "Started", "Started container web", 2), back_off(3)],
                vec![("Started", None), ("BackOff", Some("x2 over 2s"))],
            ),
            (
                "another pod, kind or message is another event",
                vec![
                    back_off(1),
                    event("b", Warning, "BackOff", "Back-off restarting failed container web", 2),
                    event("a", Normal, "BackOff", "Back-off restarting failed container web", 3),
                    event("a", Warning, "BackOff", "Back-off restarting failed container db", 4),
                ],
                vec![("BackOff", None); 4],
            ),
            ("late ones", vec![back_off(9), back_off(4)], vec![("BackOff", Some("x2 over 5s"))]),
        ];
        for (name, events, expected) in table {
            let merged = aggregate(&events);
            let told: Vec<(&str, Option<String>)> =
                merged.iter().map(|a| (a.event.reason.as_str(), a.times())).collect();
            let told: Vec<(&str, Option<&str>)> = told.iter().map(|(r, t)| (*r, t.as_deref())).collect();
            assert_eq!(told, expected, "{name}");
            assert_eq!(merged.iter().map(|a| a.count).sum::<usize>(), events.len(), "{name}");
            assert!(merged.iter().all(|a| a.event.at.t == a.last && a.first <= a.last), "{name}");
        }
    }

    #[test]
    fn lengths_are_told_as_kubectl_tells_them() {
        let table = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (245, "4m5s"),
            (601, "10m"),
            (10_799, "179m"),
            (10_860, "3h1m"),
            (28_800, "8h"),
            (172_800, "2d"),
            (190_800, "2d5h"),
            (691_200, "8d"),
        ];
        for (s, words) in table {
            assert_eq!(human(s), words, "{s} s");
        }
    }
}
