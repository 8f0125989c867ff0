//! Scripts: what a user would click, one step a line.
//!
//! ```text
//! # a comment
//! wait ready                                   # all pods, or: wait ready nginx-busybox
//! kill nginx-busybox/nginx:worker[0] TERM      # a member's first process, or one in it by name
//! wait gone nginx-busybox/nginx:worker[0]      # the one that was killed
//! wait restarted nginx within 30s              # since the last kill, exec or delete
//! expect shared net pause nginx                # the pod's name may be left out where it is clear
//! exec nginx-busybox/busybox -- wget -qO- localhost
//! expect output hello pod
//! snapshot after.json
//! ```
//!
//! `wait` and `expect` take the same conditions. A wait has ten seconds unless it says `within`; an
//! expectation one, since the picture follows the kernel by an instant.

mod condition;
mod engine;
mod parse;
mod resolve;
mod step;

pub use condition::pod_ready;
pub use engine::{Engine, Progress};
pub use parse::{ScriptError, duration, parse};
pub use step::{Condition, MemberRef, Script, Step, StepKind};
