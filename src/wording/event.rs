//! How often and how long ago an event came, as kubectl writes it.

use super::duration::format_like_kubectl;
use crate::model::MonoNs;
use crate::model::events::Aggregated;

/// `x3 over 40s`, from the first of them until now; `None` for one that came once.
pub fn times(event: &Aggregated, now: MonoNs) -> Option<String> {
    (event.count > 1).then(|| format!("x{} over {}", event.count, format_like_kubectl(now.since(event.first))))
}

/// How long ago it came, as `kubectl describe` and `kubectl events` write it: `52s`, or `3s (x2 over 155m)`
/// (`DescribeEvents` in k8s.io/kubectl/pkg/describe).
pub fn interval(event: &Aggregated, now: MonoNs) -> String {
    match times(event, now) {
        Some(times) => format!("{} ({times})", format_like_kubectl(now.since(event.last))),
        None => format_like_kubectl(now.since(event.first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::events::aggregate;
    use crate::model::{EventKind, PodEvent, PodUid, Source, Stamp};

    fn event(pod: &str, kind: EventKind, reason: &str, message: &str, s: u64) -> PodEvent {
        let at = Stamp::prompt(MonoNs(s * 1_000_000_000), Source::Node);
        PodEvent { pod: PodUid(pod.into()), kind, reason: reason.into(), message: message.into(), at }
    }

    #[test]
    fn equal_events_are_merged() {
        use EventKind::{Normal, Warning};
        let back_off = |s| event("a", Warning, "BackOff", "Back-off restarting failed container web", s);
        type Case = (&'static str, Vec<PodEvent>, Vec<(&'static str, &'static str)>);
        let table: [Case; 6] = [
            ("nothing", vec![], vec![]),
            ("one", vec![back_off(1)], vec![("BackOff", "60s")]),
            ("three", vec![back_off(1), back_off(21), back_off(41)], vec![("BackOff", "20s (x3 over 60s)")]),
            (
                "others in between, in the order of their last",
                vec![back_off(1), event("a", Normal, "Started", "Started container web", 2), back_off(3)],
                vec![("Started", "59s"), ("BackOff", "58s (x2 over 60s)")],
            ),
            (
                "another pod, kind or message is another event",
                vec![
                    back_off(1),
                    event("b", Warning, "BackOff", "Back-off restarting failed container web", 2),
                    event("a", Normal, "BackOff", "Back-off restarting failed container web", 3),
                    event("a", Warning, "BackOff", "Back-off restarting failed container db", 4),
                ],
                vec![("BackOff", "60s"), ("BackOff", "59s"), ("BackOff", "58s"), ("BackOff", "57s")],
            ),
            ("late ones", vec![back_off(9), back_off(4)], vec![("BackOff", "52s (x2 over 57s)")]),
        ];
        for (name, events, expected) in table {
            let merged = aggregate(&events);
            let now = MonoNs(61_000_000_000);
            let told: Vec<(&str, String)> =
                merged.iter().map(|a| (a.event.reason.as_str(), interval(a, now))).collect();
            let told: Vec<(&str, &str)> = told.iter().map(|(r, t)| (*r, t.as_str())).collect();
            assert_eq!(told, expected, "{name}");
            assert_eq!(merged.iter().map(|a| a.count).sum::<usize>(), events.len(), "{name}");
            assert!(merged.iter().all(|a| a.event.at.t == a.last && a.first <= a.last), "{name}");
        }
    }
}
