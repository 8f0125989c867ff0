//! Starts an init with an actor below it, which acts as a pod's processes do, and watches both.

mod actor;
mod child;
mod init;
mod process;
mod running;
mod start;

pub use actor::End;
pub use init::Init;
pub use process::{Stat, until};
pub use running::Running;
pub use start::Start;

/// Functions for closures that run in the child between clone and exec: they do only what signal-safety(7) allows.
pub mod before {
    pub use super::child::{block, close, deny, fork_a_zombie, ignore, leak_descriptors, raise, subreaper};
}

/// The actor's name in failure messages.
pub const ACTOR: &str = "the actor below the init";
