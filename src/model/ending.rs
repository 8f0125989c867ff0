//! How the lab's node and the sandbox of a pod ended, and what a pod says about itself.

use serde::{Deserialize, Serialize};

use super::{OsError, WaitStatus};

/// How the lab's node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeEnd {
    /// The app has ended it, because the lab was closed.
    Closed,
    /// The app has killed it, because its socket failed.
    SocketFailed(OsError),
    /// The app has killed it, because it sent something that is no message.
    Garbled,
    /// It ended itself, because it could not return from a pod's namespace (`setns(2)`).
    LostInNamespace,
    /// It exited, or a signal killed it that the app did not send.
    Ended(WaitStatus),
    /// It has ended, and its status could not be read.
    Unknown,
}

/// How the process that held a pod's namespaces ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxEnd {
    /// The container that held them; `None` for pause.
    pub container: Option<String>,
    pub status: WaitStatus,
    pub members: MembersFate,
}

/// What becomes of a pod's containers when its sandbox has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersFate {
    /// There were none.
    NoMembers,
    /// The kernel has killed them all with their pid namespace.
    Killed,
    /// The lab stops them all.
    Stopped,
    /// The kernel has killed some with their pid namespace, and the lab stops the others.
    SomeKilled,
}

/// Why a pod is as it is (`status.message`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodMessage {
    /// In the words of a kubelet or of a container runtime, which are shown as they are.
    Runtime(String),
    SandboxEnded(SandboxEnd),
    /// The lab's node has ended, and the kernel has killed every pod with it.
    NodeEnded(NodeEnd),
}
