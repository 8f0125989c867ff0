//! Starting an init, an actor below it that does what a pod's processes do, and watching both.

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

/// For closures that run in the child, between clone and exec: only what signal-safety(7) allows.
pub mod before {
    pub use super::child::{block, child_that_died, close, deny, ignore, leak_descriptors, raise, subreaper};
}

/// How a failing test names it.
pub const ACTOR: &str = "the actor below the init";
