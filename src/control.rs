//! The door to a running lab, for commands in other terminals.
//!
//! A lab listens on a socket in a directory of its user, `podscope` below `$XDG_RUNTIME_DIR`, which nobody else can
//! enter and no pod can see. It is named after the pid of the program that has the lab, and goes with it; one that was
//! left behind by a killed program refuses connections and is removed by whoever looks next. Only the lab's own user is
//! heard, and only from the same user namespace: a pod's root is that user outside of the pod.
//!
//! A connection is one request. Streams of programs come as descriptors, so that the lab's app is not in their way.

mod client;
mod directory;
mod peer;
mod protocol;
mod serve;
mod server;

pub use client::{Client, ClientError, Lab, Opened, labs};
pub use directory::DirectoryError;
pub use protocol::{About, Reply, Request, Target};
pub use server::{Answers, Server, StartError, Wish};
