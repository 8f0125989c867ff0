//! The test battery's code that starts inits, shared as source files.

#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/actor.rs"]
mod actor;
#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/child.rs"]
mod child;
#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/init.rs"]
mod init;
#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/process.rs"]
mod process;
#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/running.rs"]
mod running;
#[allow(dead_code, reason = "only the battery uses all of it")]
#[path = "../../tests/battery/support/start.rs"]
mod start;

pub use actor::End;
pub use init::Init;
pub use process::until;
pub use start::Start;

pub const ACTOR: &str = "the actor below the init";
