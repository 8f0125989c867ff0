//! Reports the end of the node and what it means for its pods.

use crate::lab::protocol::LOST_IN_NAMESPACE;
use crate::model::{
    ContainerState, Delta, NodeEnd, OsError, Parent, Phase, Pod, PodMessage, PodReason, ProcId, Signal, Source, Stamp,
    TerminatedReason, WaitStatus, WaitingReason,
};
use crate::observe::{self, identify};

pub(super) fn now() -> Stamp {
    Stamp::prompt(observe::now(), Source::App)
}

/// Why the app stopped receiving the node's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastReport {
    /// The node closed its socket, as the kernel does when it ends.
    ClosedByNode,
    /// The lab was dropped.
    ClosedByApp,
    SocketFailed(OsError),
    /// The node sent something that is no report.
    Garbled,
}

/// How the node ended. The app kills a node that it can no longer talk to, so that SIGKILL may be its own.
pub(super) fn node_end(last: LastReport, status: Option<WaitStatus>) -> NodeEnd {
    const KILLED: WaitStatus = WaitStatus::killed(Signal::KILL.0);
    const LOST: WaitStatus = WaitStatus::exited(LOST_IN_NAMESPACE);
    match (status, last) {
        (None, _) => NodeEnd::Unknown,
        (Some(LOST), _) => NodeEnd::LostInNamespace,
        // a node that still lived may see the end of its socket before the signal comes
        (Some(KILLED | WaitStatus(0)), LastReport::ClosedByApp) => NodeEnd::Closed,
        (Some(KILLED), LastReport::SocketFailed(error)) => NodeEnd::SocketFailed(error),
        (Some(KILLED), LastReport::Garbled) => NodeEnd::Garbled,
        (Some(status), _) => NodeEnd::Ended(status),
    }
}

/// The Deltas for a node that this process has reaped. The node and every pod are gone.
pub(super) fn deltas_of_end(
    node: ProcId,
    last: LastReport,
    status: Option<i32>,
    pods: impl Iterator<Item = Pod>,
) -> Vec<Delta> {
    let at = now();
    let status = status.map(WaitStatus);
    let end = node_end(last, status);
    let by = identify(std::process::id()).map_or(Parent::Unknown, Parent::Process);
    let mut deltas =
        vec![Delta::Exited { id: node, status, at }, Delta::Reaped { id: node, by, at }, Delta::NodeEnded { end, at }];
    deltas.extend(pods.map(|pod| match &pod.reason {
        // the pod was being deleted; now it is gone
        Some(PodReason::Terminating) => Delta::PodRemoved { uid: pod.uid, at },
        _ => Delta::Pod { pod: Box::new(lost_pod(pod, end, at)), at },
    }));
    deltas
}

/// The state of a pod whose node is gone: the kernel has killed all its processes, no process listens on its ports, and
/// no container or sandbox will be started again.
fn lost_pod(mut pod: Pod, end: NodeEnd, at: Stamp) -> Pod {
    pod.phase = Phase::Failed;
    pod.reason = Some(PodReason::NodeLost);
    pod.message = Some(PodMessage::NodeEnded(end));
    pod.ip = None;
    pod.host_ports.clear();
    if let Some(sandbox) = &mut pod.sandbox {
        sandbox.ended.get_or_insert(at);
    }
    for container in &mut pod.containers {
        container.kill_at = None;
        let started = container.running_since();
        match &mut container.state {
            ContainerState::Running { .. } => {
                let status = WaitStatus::killed(Signal::KILL.0);
                let reason = TerminatedReason::Error;
                container.state = ContainerState::Terminated { status, reason, message: None, started, at };
                container.last_exit = Some(status);
                container.last_message = None;
            }
            ContainerState::Waiting { .. } => {
                container.state = ContainerState::waiting(WaitingReason::NodeLost, None);
            }
            ContainerState::Terminated { .. } => {}
        }
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BackOff, Container, ContainerKind, MonoNs, PodUid, Program, RestartPolicy, Runtime};

    #[test]
    fn a_pod_of_an_ended_node_shows_no_ports_and_no_restarts() {
        let node = ProcId { pid: 7, start: 7 };
        let pod = |reason, message: &str| {
            let state = ContainerState::Waiting {
                reason: WaitingReason::CrashLoopBackOff,
                message: Some("back-off 10s restarting failed container".to_owned()),
                back_off: Some(BackOff { kubelet_ms: 10_000, clock: 1 }),
            };
            let app = Container {
                name: "app".to_owned(),
                kind: ContainerKind::App,
                image: "busybox".to_owned(),
                program: Program::Host,
                command: Vec::new(),
                state,
                restarts: Some(3),
                last_exit: None,
                last_message: None,
                stdin: false,
                last_state: None,
                kill_at: None,
                process: None,
            };
            Pod {
                uid: PodUid(message.to_owned()),
                name: "web".to_owned(),
                runtime: Runtime::Lab,
                phase: Phase::Running,
                reason: Some(reason),
                message: Some(PodMessage::Runtime(message.to_owned())),
                ip: None,
                share_pid: true,
                restart: Some(RestartPolicy::Always),
                sandbox: None,
                containers: vec![app],
                host_network: false,
                host_ports: vec![(8880, 80)],
                volumes: Vec::new(),
                manifest: None,
                created: Stamp::prompt(MonoNs(1), Source::Node),
            }
        };
        let pods = [pod(PodReason::SandboxChanged, "a new sandbox follows"), pod(PodReason::Terminating, "deleted")];
        let deltas = deltas_of_end(node, LastReport::ClosedByNode, Some(9), pods.into_iter());
        let lost = deltas.iter().find_map(|d| match d {
            Delta::Pod { pod, .. } => Some(pod),
            _ => None,
        });
        let lost = lost.expect("the pod that was not being deleted");
        assert_eq!((lost.phase, &lost.reason), (Phase::Failed, &Some(PodReason::NodeLost)));
        assert_eq!(lost.message, Some(PodMessage::NodeEnded(NodeEnd::Ended(WaitStatus::killed(9)))));
        assert!(lost.host_ports.is_empty(), "no process listens any more");
        let waiting = ContainerState::waiting(WaitingReason::NodeLost, None);
        assert_eq!(lost.containers[0].state, waiting, "it will not be restarted");
        let removed = deltas.iter().any(|d| matches!(d, Delta::PodRemoved { uid, .. } if uid.0 == "deleted"));
        assert!(removed, "a pod that was being deleted is gone");
    }

    #[test]
    fn the_end_of_a_node_is_told_from_its_status_and_its_last_report() {
        use LastReport::{ClosedByApp, ClosedByNode, Garbled, SocketFailed};
        let (killed, error) = (WaitStatus::killed(9), OsError(12));
        let segv = WaitStatus::killed(11);
        let table = [
            (ClosedByNode, None, NodeEnd::Unknown),
            (ClosedByNode, Some(killed), NodeEnd::Ended(killed)),
            (ClosedByNode, Some(WaitStatus::exited(71)), NodeEnd::LostInNamespace),
            (ClosedByNode, Some(WaitStatus(0)), NodeEnd::Ended(WaitStatus(0))),
            (ClosedByApp, Some(killed), NodeEnd::Closed),
            (ClosedByApp, Some(WaitStatus(0)), NodeEnd::Closed),
            (ClosedByApp, Some(segv), NodeEnd::Ended(segv)),
            (SocketFailed(error), Some(killed), NodeEnd::SocketFailed(error)),
            (SocketFailed(error), Some(segv), NodeEnd::Ended(segv)),
            (Garbled, Some(killed), NodeEnd::Garbled),
        ];
        for (last, status, end) in table {
            assert_eq!(node_end(last, status), end, "{last:?} {status:?}");
        }
    }
}
