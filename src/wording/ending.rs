//! How the lab's node and the sandboxes of pods ended, in words.

use std::borrow::Cow;

use super::os_error;
use crate::model::{MembersFate, NodeEnd, Pod, PodMessage, SandboxEnd, Signal, WaitStatus};

/// How the lab's node ended: the beginning of a sentence, without a capital letter and a full stop.
pub fn node_end(end: NodeEnd) -> String {
    match end {
        NodeEnd::Closed => "the lab was closed".into(),
        NodeEnd::SocketFailed(e) => {
            format!("the connection to the node failed ({}), so the app ended it", os_error::name_and_description(e))
        }
        NodeEnd::Garbled => "the node sent a message that is not understood, so the app ended it".into(),
        NodeEnd::LostInNamespace => "the node could not return from a pod's namespace, and ended itself".into(),
        NodeEnd::Ended(status) => format!("the node {}", how(status)),
        NodeEnd::Unknown => "the node has ended".into(),
    }
}

/// Why a pod is as it is; `None` if it does not say.
pub fn pod_message(pod: &Pod) -> Option<Cow<'_, str>> {
    pod.message.as_ref().map(|message| match message {
        PodMessage::Runtime(words) => words.into(),
        PodMessage::SandboxEnded(end) => sandbox_end(end).into(),
        PodMessage::NodeEnded(end) => format!("{}; the kernel took every pod with it", node_end(*end)).into(),
    })
}

fn sandbox_end(end: &SandboxEnd) -> String {
    let then = match end.members {
        MembersFate::NoMembers => "no container had joined it",
        MembersFate::Killed => "the kernel took every member with it",
        MembersFate::Stopped => "its containers are stopped, since their network and IPC namespaces lost their holder",
        MembersFate::SomeKilled => {
            "the kernel took every member of its pid namespace with it, and the others are stopped"
        }
    };
    format!("{} {}; {then}", end.container.as_deref().unwrap_or("pause"), how(end.status))
}

pub(super) fn how(status: WaitStatus) -> String {
    match status.signal() {
        Some(n) => format!("was killed by {}", Signal(n)),
        None => format!("ended with exit code {}", status.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OsError;

    #[test]
    fn each_end_of_the_node_has_its_own_words() {
        let table = [
            (NodeEnd::Closed, "the lab was closed"),
            (
                NodeEnd::SocketFailed(OsError(12)),
                "the connection to the node failed (ENOMEM: Out of memory), so the app ended it",
            ),
            (NodeEnd::Garbled, "the node sent a message that is not understood, so the app ended it"),
            (NodeEnd::LostInNamespace, "the node could not return from a pod's namespace, and ended itself"),
            (NodeEnd::Ended(WaitStatus::killed(9)), "the node was killed by SIGKILL"),
            (NodeEnd::Ended(WaitStatus::exited(3)), "the node ended with exit code 3"),
            (NodeEnd::Unknown, "the node has ended"),
        ];
        for (end, words) in table {
            assert_eq!(node_end(end), words);
        }
    }

    #[test]
    fn the_end_of_a_sandbox_tells_what_becomes_of_its_members() {
        let (killed, exited) = (WaitStatus::killed(9), WaitStatus::exited(1));
        let table = [
            (None, killed, MembersFate::NoMembers, "pause was killed by SIGKILL; no container had joined it"),
            (None, killed, MembersFate::Killed, "pause was killed by SIGKILL; the kernel took every member with it"),
            (
                Some("web"),
                exited,
                MembersFate::Stopped,
                "web ended with exit code 1; its containers are stopped, since their network and IPC namespaces lost \
                 their holder",
            ),
            (
                None,
                exited,
                MembersFate::SomeKilled,
                "pause ended with exit code 1; the kernel took every member of its pid namespace with it, and the \
                 others are stopped",
            ),
        ];
        for (container, status, members, words) in table {
            let container = container.map(str::to_owned);
            assert_eq!(sandbox_end(&SandboxEnd { container, status, members }), words);
        }
    }
}
