//! Namespaces by hand: what a container of the image `podscope/hand` does when it is told to.

use serde::{Deserialize, Serialize};

use crate::model::{Member, NsKind};

/// One thing that a process can do with its namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandStep {
    /// `unshare(2)`: new ones of its own.
    Unshare(Vec<NsKind>),
    /// `setns(2)`: into those of another member.
    Join { kinds: Vec<NsKind>, target: Member },
    /// `fork(2)`: a child that stays until it gets TERM.
    Fork,
}

/// The same as the container is told it; with `Join` comes a pidfd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    Unshare(Vec<NsKind>),
    Join(Vec<NsKind>),
    Fork,
}

/// What the container answers: nothing, or which call failed and how.
pub(super) type Answer = Result<(), String>;

/// The stand-in that obeys.
pub(super) const APPLET: &str = "hand";
