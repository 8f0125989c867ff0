//! Errors of a lab.

use crate::lab::protocol::Step;
use crate::model::{Member, PodUid};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The kernel or its configuration does not let an ordinary user run pods.
    #[error("{0}")]
    UserNamespaces(Box<Forbidden>),
    /// The node's process could not be started.
    #[error("the lab's node could not be started: {0}")]
    Start(String),
    /// The node has ended, and every pod with it.
    #[error("the lab's node has ended; start the lab again")]
    NodeGone,
    #[error("there is no pod {0}")]
    NoSuchPod(PodUid),
    #[error("{} is not running", .0.name())]
    NotRunning(Member),
    #[error("{0}")]
    Refused(String),
    #[error("the lab's node did not answer within {0:?}")]
    NoAnswer(std::time::Duration),
}

/// What forbids pods on this machine, and how to change that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not {}: {forbids}; {remedy}", .step.words())]
pub struct Forbidden {
    pub step: Step,
    /// `errno(3)` of the step.
    pub errno: i32,
    pub forbids: String,
    pub remedy: String,
}
