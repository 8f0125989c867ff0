//! The lab runs pods without root, in a separate process: the node.
//!
//! [`Lab`] is the app's side, [`node`] the other process. Each module below is a sub-room. Which sub-room may import
//! which is in ARCHITECTURE.md, and `tests/pure/structure.rs` checks it.

pub mod applets;
mod cgroup;
pub mod controller;
pub mod hidden;
pub(crate) mod latin1;
pub(crate) mod link;
pub mod node;
pub(crate) mod own_pause;
mod ports;
pub(crate) mod protocol;
pub mod spec;
mod stream;
pub mod watch;
pub(crate) mod wire;

pub use applets::Url;
pub use controller::DemoClock;
pub use link::{Attachment, CancelExec, DetachHandle, Error, Exec, Forbidden, Lab, Obstacle, Streams};
pub use node::MAX_PROCESSES;
pub use own_pause::{ManifestFiles, parse_with_files};
pub use protocol::{ExecOutput, LogPart, NamespaceStep, Options, OutputStart, PodCidr, Step, Stream, StreamRequest};
pub use spec::{Change, ContainerSpec, Join, JoinPid, PodSpec, SpecError, Warning, change, parse};
