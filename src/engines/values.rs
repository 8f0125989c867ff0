//! What is known of the engines' pods and containers, as plain values.

use std::path::PathBuf;

use crate::model::{ProcId, Runtime};

/// A pod of an engine, or containers that share a network, ipc or pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnginePod {
    pub runtime: Runtime,
    /// The engine's id of the pod. If it has none, that of its sandbox, else that of its oldest container. A pod that
    /// was made by hand has the inode of the namespace that its processes share: `net:[4026532328]`.
    pub id: String,
    /// The pod's name; of containers that are no pod for their engine, the name of the container that holds the
    /// namespaces. `None` if no engine has told it.
    pub name: Option<String>,
    /// The Kubernetes namespace.
    pub namespace: Option<String>,
    /// The uid of a Kubernetes pod, which stays the same for every sandbox.
    pub uid: Option<String>,
    /// The container that holds the pod's namespaces and does nothing else.
    pub sandbox: Option<EngineContainer>,
    pub containers: Vec<EngineContainer>,
    /// The id of the container in which the engine itself runs, such as a node of kind.
    pub within: Option<String>,
}

impl EnginePod {
    /// The sandbox, then the containers.
    pub fn members(&self) -> impl Iterator<Item = &EngineContainer> {
        self.sandbox.iter().chain(&self.containers)
    }
}

/// A container of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineContainer {
    pub id: String,
    /// `None` if no engine has told it.
    pub name: Option<String>,
    pub image: Option<String>,
    pub status: ContainerStatus,
    /// The processes that were seen, the oldest first. That is the container's first process.
    pub processes: Vec<ProcId>,
}

/// What an engine calls the state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerStatus {
    Created,
    Running,
    Paused,
    Exited {
        /// Docker and podman tell it in their lists, CRI does not.
        code: Option<i32>,
    },
    /// No engine told it, and no process was seen.
    Unknown,
}

impl ContainerStatus {
    /// Whether it has processes, seen or not.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A container as its engine lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContainer {
    pub runtime: Runtime,
    pub id: String,
    pub name: Option<String>,
    pub image: Option<String>,
    pub status: ContainerStatus,
    /// Whether it holds the namespaces of a pod.
    pub is_sandbox: bool,
    pub pod: Option<ListedPod>,
    /// The id or name of the container whose network it uses (`--network=container:X`).
    pub joins: Option<String>,
}

/// The pod of a listed container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedPod {
    /// The engine's id: that of podman's pod or of CRI's sandbox. Containers with the same one are in the same pod.
    pub id: String,
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub uid: Option<String>,
}

/// A socket at which an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    pub protocol: Protocol,
    pub path: PathBuf,
}

/// How to ask an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Docker's HTTP API, of docker and podman.
    Docker,
    /// The Container Runtime Interface of Kubernetes over gRPC, of containerd and CRI-O.
    Cri,
}

/// Why an engine did not tell its containers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// No socket, nobody listens there, or it has no Container Runtime Interface.
    #[error("not there")]
    NotThere,
    #[error("not permitted")]
    NotPermitted,
    #[error("no answer in time")]
    TimedOut,
    #[error("{0}")]
    Failed(String),
}

/// An answer of one engine. It replaces the one before from the same socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub socket: Socket,
    pub answer: Result<Vec<ListedContainer>, Note>,
}
