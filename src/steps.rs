//! Builds a pod step by step. Shows the same step in other tools, and what it has changed in the namespace links.
//!
//! ```text
//! Step ──► equivalents ──► the same in docker, util-linux and the kubelet
//!   │
//!   └─ Pending (with the links before) ──► checks the World ──► Report (with what has changed)
//! ```
//!
//! Pure: the caller tells the lab to execute a step, and calls [`Pending::poll`] whenever the World has changed.

mod equivalents;
mod links;
mod template;
mod watch;

pub use equivalents::{Equivalents, equivalents};
pub use links::{LinkLine, Links, SharedWith};
pub use template::Template;
pub use watch::{Pending, Report};

use crate::lab::ContainerSpec;
use crate::model::{Member, PodUid};

/// One step of building a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creates a pod of this name that has only pause.
    Sandbox { name: String },
    /// Adds a container to the pod.
    Join { pod: PodUid, container: Box<ContainerSpec>, ephemeral: bool },
    /// Gives one container another command; only this container is restarted.
    Replace { member: Member, argv: Vec<String> },
    /// Removes a container from its pod.
    Leave { member: Member },
}

impl Step {
    /// The existing pod that the step changes; `None` for a new one.
    pub fn pod(&self) -> Option<&PodUid> {
        match self {
            Self::Sandbox { .. } => None,
            Self::Join { pod, .. } => Some(pod),
            Self::Replace { member, .. } | Self::Leave { member } => Some(&member.pod),
        }
    }

    /// The name of the container that the step is about, or `pause`.
    pub fn member_name(&self) -> &str {
        match self {
            Self::Sandbox { .. } => "pause",
            Self::Join { container, .. } => &container.name,
            Self::Replace { member, .. } | Self::Leave { member } => member.name(),
        }
    }
}
