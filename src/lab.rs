//! The lab runs pods without root, in a separate process: the node.
//!
//! [`Lab`] is the app's side, [`node`] the other process.

mod allow;
pub mod applets;
mod cgroup;
pub mod controller;
mod error;
pub(crate) mod executable;
mod hand;
pub mod hidden;
mod link;
mod network;
pub mod node;
pub(crate) mod own_pause;
mod ports;
pub(crate) mod protocol;
pub mod spec;
mod stream;
mod users;
pub mod watch;
pub(crate) mod wire;

pub use applets::Url;
pub use controller::DemoClock;
pub use error::{Error, Forbidden};
pub use hand::NamespaceStep;
pub use link::{Attachment, CancelExec, DetachHandle, Exec, Follow, Lab, Streams};
pub use network::PodCidr;
pub use node::MAX_PROCESSES;
pub use own_pause::ManifestFiles;
pub(crate) use protocol::latin1;
pub use protocol::{ExecOutput, LogPart, Options, OutputStart, Step, Stream, StreamRequest};
pub use spec::{Change, ContainerSpec, Join, JoinPid, PodSpec, SpecError, Warning, change, parse, parse_with_files};
