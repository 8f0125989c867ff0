//! A sandbox that lives while no container runs: pause holds the namespaces, and the pod keeps its address.

use crate::layout::pod_map::{PodMap, Sharing};
use crate::model::{ContainerState, NsKind, Pod, PodReason};
use crate::ui::text;

/// The namespaces that pause holds for containers that do not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    held: Vec<NsKind>,
}

impl Resting {
    /// `None` while a container runs, or if none of them will be started again.
    pub fn of(map: &PodMap, pod: &Pod) -> Option<Self> {
        let has_pause = map.columns.first().is_some_and(|column| column.hexagon.is_some());
        let waits = |state: &ContainerState| matches!(state, ContainerState::Waiting { back_off: Some(_), .. });
        let waits = pod.containers.iter().any(|c| waits(&c.state));
        let is_ending = matches!(pod.reason, Some(PodReason::Terminating | PodReason::NodeLost));
        if !has_pause || !waits || is_ending {
            return None;
        }
        let is_held = |sharing: Sharing| sharing == Sharing::Held;
        let held = map.rails.iter().filter(|rail| rail.segments.iter().any(|s| is_held(s.sharing)));
        let held: Vec<NsKind> = held.map(|rail| rail.kind).collect();
        (!held.is_empty()).then_some(Self { held })
    }

    pub fn title(&self) -> String {
        let namespaces = text::count(self.held.len(), "namespace", "namespaces");
        format!("No container runs now; pause holds {namespaces}")
    }

    pub fn details(&self, pod: &Pod) -> String {
        let names: Vec<&str> = self.held.iter().map(|kind| kind.name()).collect();
        let names = match names.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            _ => names.concat(),
        };
        let verb = if self.held.len() == 1 { "lives" } else { "live" };
        let address = pod.ip.filter(|_| self.held.contains(&NsKind::Net));
        let address = address.map(|ip| format!(" with the address {ip}")).unwrap_or_default();
        format!("{names} {verb} on{address}. The containers join them again when they start.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_namespaces_are_named() {
        let resting = Resting { held: vec![NsKind::Net, NsKind::Ipc, NsKind::User] };
        assert_eq!(resting.title(), "No container runs now; pause holds 3 namespaces");
    }
}
