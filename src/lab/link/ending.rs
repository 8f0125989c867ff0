//! What the end of the node means for the picture.

use crate::model::{ContainerState, Delta, Parent, Phase, Pod, ProcId, Signal, Source, Stamp, WaitStatus};
use crate::sys::clock;

pub(super) fn now() -> Stamp {
    Stamp::prompt(clock::now(), Source::App)
}

/// The node has been reaped by this process: it, and every pod, is gone.
pub(super) fn of_node(node: ProcId, status: Option<i32>, pods: impl Iterator<Item = Pod>) -> Vec<Delta> {
    let at = now();
    let status = status.map(WaitStatus);
    let reason = match status {
        Some(s) => format!("the node {}", how(s)),
        None => "the node has ended".to_owned(),
    };
    let us = procfs::process::Process::myself().and_then(|p| p.stat());
    let by = us.map_or(Parent::Unknown, |s| Parent::Process(ProcId { pid: s.pid as u32, start: s.starttime }));
    let mut deltas = vec![
        Delta::Exited { id: node, status, at },
        Delta::Reaped { id: node, by, at },
        Delta::NodeEnded { reason: reason.clone(), at },
    ];
    deltas.extend(pods.map(|pod| Delta::Pod { pod: Box::new(lost(pod, &reason, at)), at }));
    deltas
}

fn how(status: WaitStatus) -> String {
    match status.signal() {
        Some(n) => format!("was killed by {}", Signal(n)),
        None => format!("ended with exit code {}", status.code()),
    }
}

/// A pod whose node is gone: the kernel has killed all that still ran.
fn lost(mut pod: Pod, reason: &str, at: Stamp) -> Pod {
    pod.phase = Phase::Failed;
    pod.reason = Some("NodeLost".to_owned());
    pod.message = Some(format!("{reason}; the kernel took every pod with it"));
    pod.ip = None;
    if let Some(sandbox) = &mut pod.sandbox {
        sandbox.ended.get_or_insert(at);
    }
    for container in &mut pod.containers {
        if matches!(container.state, ContainerState::Running { .. }) {
            let status = WaitStatus::killed(Signal::KILL.0);
            container.state = ContainerState::Terminated { status, reason: "Error".to_owned(), at };
            container.last_exit = Some(status);
        }
    }
    pod
}
