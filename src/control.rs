//! The socket of a running lab, for commands in other terminals.
//!
//! A lab listens on a socket in a directory of its user, `podscope` below `$XDG_RUNTIME_DIR`, which no other user can
//! enter and no pod can see. The socket is named after the pid of the program that has the lab, and is removed with the
//! lab. The socket of a killed program refuses connections, and the next command removes it. Only the lab's own user is
//! accepted, and only from the same user namespace, since a pod's root is that user outside of the pod.
//!
//! A connection carries one request. Streams of programs are passed as descriptors, so that the data does not go
//! through the lab's app.

mod client;
mod directory;
mod peer;
pub(crate) mod protocol;
mod serve;
mod server;

pub use client::{Client, ClientError, Lab, Opened, labs};
pub use directory::DirectoryError;
pub use protocol::{About, Reply, Request, Target};
pub use server::{Server, StartError, StateRequest, StateSender};
