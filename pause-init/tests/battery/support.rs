//! Starting an init, an actor below it that does what a pod's processes do, and watching both.

mod actor;
mod child;
mod process;
mod start;

pub use actor::End;
pub use process::{Stat, children, until, until_some};
pub use start::{Init, Running, Start};

/// For closures that run in the child, between clone and exec: only what signal-safety(7) allows.
pub mod before {
    pub use super::child::{block, child_that_died, close, deny, ignore, leak_descriptors, raise, subreaper};
}

/// The forks of tests and benchmarks must not take locks another thread held: see `child`.
pub const ACTOR: &str = "the actor below the init";
