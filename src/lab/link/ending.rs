//! Reports the end of the node and what it means for its pods.

use crate::model::{
    ContainerState, Delta, Parent, Phase, Pod, PodReason, ProcId, Signal, Source, Stamp, TerminatedReason, WaitStatus,
    WaitingReason,
};
use crate::observe::{self, identify};

pub(super) fn now() -> Stamp {
    Stamp::prompt(observe::now(), Source::App)
}

/// The Deltas for a node that this process has reaped. The node and every pod are gone.
pub(super) fn deltas_of_end(node: ProcId, status: Option<i32>, pods: impl Iterator<Item = Pod>) -> Vec<Delta> {
    let at = now();
    let status = status.map(WaitStatus);
    let reason = match status {
        Some(s) => format!("the node {}", describe(s)),
        None => "the node has ended".to_owned(),
    };
    let by = identify(std::process::id()).map_or(Parent::Unknown, Parent::Process);
    let mut deltas = vec![
        Delta::Exited { id: node, status, at },
        Delta::Reaped { id: node, by, at },
        Delta::NodeEnded { reason: reason.clone(), at },
    ];
    deltas.extend(pods.map(|pod| match &pod.reason {
        // the pod was being deleted; now it is gone
        Some(PodReason::Terminating) => Delta::PodRemoved { uid: pod.uid, at },
        _ => Delta::Pod { pod: Box::new(lost_pod(pod, &reason, at)), at },
    }));
    deltas
}

fn describe(status: WaitStatus) -> String {
    match status.signal() {
        Some(n) => format!("was killed by {}", Signal(n)),
        None => format!("ended with exit code {}", status.code()),
    }
}

/// The state of a pod whose node is gone: the kernel has killed all its processes, no process listens on its ports, and
/// no container or sandbox will be started again.
fn lost_pod(mut pod: Pod, reason: &str, at: Stamp) -> Pod {
    pod.phase = Phase::Failed;
    pod.reason = Some(PodReason::NodeLost);
    pod.message = Some(format!("{reason}; the kernel took every pod with it"));
    pod.ip = None;
    pod.host_ports.clear();
    if let Some(sandbox) = &mut pod.sandbox {
        sandbox.ended.get_or_insert(at);
    }
    for container in &mut pod.containers {
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
                process: None,
            };
            Pod {
                uid: PodUid(message.to_owned()),
                name: "web".to_owned(),
                runtime: Runtime::Lab,
                phase: Phase::Running,
                reason: Some(reason),
                message: Some(message.to_owned()),
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
        let deltas = deltas_of_end(node, Some(9), pods.into_iter());
        let lost = deltas.iter().find_map(|d| match d {
            Delta::Pod { pod, .. } => Some(pod),
            _ => None,
        });
        let lost = lost.expect("the pod that was not being deleted");
        assert_eq!((lost.phase, &lost.reason), (Phase::Failed, &Some(PodReason::NodeLost)));
        let message = lost.message.as_deref().expect("a message");
        assert_eq!(message, "the node was killed by SIGKILL; the kernel took every pod with it");
        assert!(lost.host_ports.is_empty(), "no process listens any more");
        let waiting = ContainerState::waiting(WaitingReason::NodeLost, None);
        assert_eq!(lost.containers[0].state, waiting, "it will not be restarted");
        let removed = deltas.iter().any(|d| matches!(d, Delta::PodRemoved { uid, .. } if uid.0 == "deleted"));
        assert!(removed, "a pod that was being deleted is gone");
    }
}
