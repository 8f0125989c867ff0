//! Namespace calls on request: the commands for a container of the image `podscope/hand`.

use serde::{Deserialize, Serialize};

use crate::model::{Member, NsKind};

/// One namespace operation of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceStep {
    /// `unshare(2)`: creates new namespaces of these kinds.
    Unshare(Vec<NsKind>),
    /// `setns(2)`: joins these namespaces of another member.
    Join { kinds: Vec<NsKind>, target: Member },
    /// `fork(2)`: starts a child that runs until it gets TERM.
    Fork,
}

/// The step as it is sent to the container; a pidfd comes with `Join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceCommand {
    Unshare(Vec<NsKind>),
    Join(Vec<NsKind>),
    Fork,
}

/// The container's answer: success, or which call failed and how.
pub type NamespaceAnswer = Result<(), String>;

/// The stand-in that executes these steps.
pub const APPLET: &str = "hand";
