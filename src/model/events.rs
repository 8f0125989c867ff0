//! Merges events of the same pod, kind, reason and message, as `kubectl describe` does.

use std::collections::BTreeMap;

use super::{MonoNs, PodEvent};

/// An event that came once or several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregated {
    pub first: MonoNs,
    pub last: MonoNs,
    pub count: usize,
    /// The latest of them.
    pub event: PodEvent,
}

/// Equal events while they are counted.
struct Counted<'a> {
    first: MonoNs,
    last: MonoNs,
    count: usize,
    /// The index of the latest one.
    place: usize,
    event: &'a PodEvent,
}

/// Merges equal events. The result is in the order in which each came last.
pub fn aggregate<'a>(events: impl IntoIterator<Item = &'a PodEvent>) -> Vec<Aggregated> {
    let mut found: BTreeMap<_, Counted<'_>> = BTreeMap::new();
    for (place, event) in events.into_iter().enumerate() {
        let key = (&event.pod, event.kind, event.reason.as_str(), event.message.as_str());
        let t = event.at.t;
        let known = found.entry(key).or_insert(Counted { first: t, last: t, count: 0, place, event });
        known.first = known.first.min(t);
        known.count += 1;
        // sources may be late, so the event's own time decides which is the latest
        if t >= known.last {
            (known.last, known.place, known.event) = (t, place, event);
        }
    }
    let mut merged: Vec<Counted<'_>> = found.into_values().collect();
    merged.sort_unstable_by_key(|f| (f.last, f.place));
    let owned = |f: Counted<'_>| Aggregated { first: f.first, last: f.last, count: f.count, event: f.event.clone() };
    merged.into_iter().map(owned).collect()
}
