//! What a command and a lab say to each other.

use serde::{Deserialize, Serialize};

use crate::lab::{Stream, Wanted, Which};
use crate::model::{WaitStatus, World};

/// Grows with every change of a message.
pub const VERSION: u32 = 1;

/// A container as the command line names it: `POD`, `POD/CONTAINER` or `-c CONTAINER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub pod: String,
    /// Without it, the first container of the pod, as with kubectl.
    pub container: Option<String>,
}

/// The first packet of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u32,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    About,
    /// All that the lab's app knows now.
    World,
    Logs {
        target: Target,
        which: Which,
    },
    /// The log of the present run and what is written from now on, as a stream.
    Follow {
        target: Target,
    },
    Exec {
        target: Target,
        argv: Vec<String>,
        wanted: Wanted,
    },
    Attach {
        target: Target,
        stdin: bool,
        /// Until it runs, if it does not yet.
        wait: bool,
    },
    /// Adds an ephemeral container, which is attached to by its name ([`Reply::Added`]).
    Debug {
        pod: String,
        /// The container whose processes it sees; without it, what the pod shares.
        target: Option<String>,
        name: Option<String>,
        image: String,
        argv: Vec<String>,
        stdin: bool,
        tty: bool,
    },
    Delete {
        pod: String,
        grace_seconds: Option<u32>,
    },
}

/// After [`Reply::Streams`], from the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leave {
    /// What runs goes on without it. Closing the connection hangs up instead.
    Detach,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// A line for the person, before the rest.
    Note(String),
    About(About),
    World(Box<World>),
    Bytes(#[serde(with = "crate::lab::latin")] Vec<u8>),
    /// They come with the packet, in this order. `terminal`: the container has a terminal.
    Streams(Vec<Stream>),
    /// What the streams belong to has ended.
    Ended(WaitStatus),
    Done,
    /// The name of the container that was added.
    Added(String),
    /// There is no such pod or container here; another lab may have it.
    NotHere(String),
    Failed(String),
}

/// Which lab this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Of the program that has the lab.
    pub pid: u32,
    /// It has a window.
    pub window: bool,
    pub pods: Vec<String>,
}
