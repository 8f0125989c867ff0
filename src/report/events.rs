//! `kubectl events` (k8s.io/kubectl/pkg/cmd/events), and the table of events that `kubectl describe` ends with.

use super::pods::TABLE;
use super::text::{Cell, Target, Text};
use crate::model::events::aggregate;
use crate::model::{EventKind, MonoNs, PodUid, World};
use crate::wording::event::interval;

/// The source of all events of the lab: the node, which is scheduler and kubelet in one.
const FROM: &str = "podscope-node";

/// `LAST SEEN TYPE REASON OBJECT MESSAGE`, of one pod or of all pods, ordered by the last occurrence.
pub fn events(world: &World, pod: Option<&PodUid>, now: MonoNs) -> Text {
    let mut text = Text::new(TABLE);
    let merged = aggregate(world.events.iter().filter(|e| pod.is_none_or(|uid| e.pod == *uid)));
    if merged.is_empty() {
        return text;
    }
    text.head(["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    for a in merged {
        let object = world.pod(&a.event.pod).map(|p| format!("Pod/{}", p.name));
        let target = object.is_some().then(|| Target::Pod(a.event.pod.clone()));
        text.row([
            interval(&a, now).into(),
            kind(a.event.kind).into(),
            a.event.reason.as_str().into(),
            // of a removed pod only the uid is known
            Cell::to(object.unwrap_or_else(|| format!("Pod/{}", a.event.pod)), target),
            a.event.message.trim().into(),
        ]);
    }
    text
}

/// `DescribeEvents` in k8s.io/kubectl/pkg/describe.
pub(super) fn describe_events(world: &World, pod: &PodUid, now: MonoNs, text: &mut Text) {
    let merged = aggregate(world.events.iter().filter(|e| e.pod == *pod));
    if merged.is_empty() {
        return text.row(["Events:".into(), "<none>".into()]);
    }
    text.row(["Events:".into()]);
    text.head(["  Type", "Reason", "Age", "From", "Message"]);
    text.head(["  ----", "------", "----", "----", "-------"]);
    let node = world.node.as_ref().map(|n| n.process);
    for a in merged {
        text.row([
            format!("  {}", kind(a.event.kind)).into(),
            a.event.reason.as_str().into(),
            interval(&a, now).into(),
            Cell::process(FROM, node),
            a.event.message.trim().into(),
        ]);
    }
}

const fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Normal => "Normal",
        EventKind::Warning => "Warning",
    }
}
