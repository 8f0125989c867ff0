//! A pod built step by step: what each step is elsewhere, and what it has changed in the kernel's links.
//!
//! ```text
//! Step ──► equal ──► the lines of docker, util-linux and the kubelet
//!   │
//!   └─ Pending (with the links before) ──► looks at the World ──► Report (with what differs now)
//! ```
//!
//! Pure: whoever drives tells the lab to do a step, and asks [`Pending::look`] whenever the World has changed.

mod equal;
mod links;
mod template;
mod watch;

pub use equal::{Equal, equal};
pub use links::{LinkLine, Links, With};
pub use template::Template;
pub use watch::{Pending, Report};

use crate::lab::ContainerSpec;
use crate::model::{Member, PodUid};

/// One step of building a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A pod of this name with pause alone.
    Sandbox { name: String },
    /// A container joins the pod.
    Join { pod: PodUid, container: Box<ContainerSpec>, ephemeral: bool },
    /// One container gets another command: it alone is started anew.
    Replace { member: Member, argv: Vec<String> },
    /// A container is taken out of its pod.
    Leave { member: Member },
}

impl Step {
    /// The pod that is there already.
    pub fn pod(&self) -> Option<&PodUid> {
        match self {
            Self::Sandbox { .. } => None,
            Self::Join { pod, .. } => Some(pod),
            Self::Replace { member, .. } | Self::Leave { member } => Some(&member.pod),
        }
    }

    /// The container that it is about, or pause.
    pub fn member_name(&self) -> &str {
        match self {
            Self::Sandbox { .. } => "pause",
            Self::Join { container, .. } => &container.name,
            Self::Replace { member, .. } | Self::Leave { member } => member.name(),
        }
    }
}
