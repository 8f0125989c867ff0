//! The messages between a command and a lab.

use serde::{Deserialize, Serialize};

use crate::lab::{LogPart, Stream, StreamRequest};
use crate::model::{WaitStatus, World};

/// The version of the messages; increased with every change.
pub const VERSION: u32 = 1;

/// A container as named on the command line: `POD`, `POD/CONTAINER` or `-c CONTAINER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub pod: String,
    /// `None` is the first container of the pod, as with kubectl.
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
    /// Asks for everything that the lab's app knows now.
    World,
    Logs {
        target: Target,
        which: LogPart,
    },
    /// Asks for the log of the current run and all later output, as a stream.
    Follow {
        target: Target,
    },
    Exec {
        target: Target,
        argv: Vec<String>,
        wanted: StreamRequest,
    },
    Attach {
        target: Target,
        stdin: bool,
        /// Wait until the container runs.
        wait: bool,
    },
    /// Adds an ephemeral container. The reply is its name ([`Reply::Added`]), to attach to it.
    Debug {
        pod: String,
        /// The container whose pid namespace it joins; `None` shares what the pod shares.
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

/// What the command may send after [`Reply::Streams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leave {
    /// The program keeps running. Closing the connection without this hangs up its terminal.
    Detach,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// A line for the user, sent before the real reply.
    Note(String),
    About(About),
    World(Box<World>),
    Bytes(#[serde(with = "crate::lab::latin1")] Vec<u8>),
    /// The kinds of the descriptors that come with the packet, in this order. [`Stream::Terminal`]: the program has a
    /// terminal.
    Streams(Vec<Stream>),
    /// The program of the streams has ended.
    Ended(WaitStatus),
    Done,
    /// The name of the container that was added.
    Added(String),
    /// This lab has no such pod or container; another lab may have it.
    NotHere(String),
    Failed(String),
}

/// What a lab is identified by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The pid of the program that has the lab.
    pub pid: u32,
    /// Whether the lab has a window.
    pub window: bool,
    pub pods: Vec<String>,
}
