//! Identities that survive the reuse of pids and inode numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A process: its pid in the observer's pid namespace, and its start time, since pids are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProcId {
    pub pid: u32,
    /// Clock ticks after boot: field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`).
    pub start: u64,
}

impl fmt::Display for ProcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pid)
    }
}

/// The eight kinds of namespace, by the kernel's short names, in alphabetical order
/// (`namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NsKind {
    Cgroup,
    Ipc,
    Mnt,
    Net,
    Pid,
    Time,
    User,
    Uts,
}

impl NsKind {
    pub const ALL: [Self; 8] =
        [Self::Cgroup, Self::Ipc, Self::Mnt, Self::Net, Self::Pid, Self::Time, Self::User, Self::Uts];

    /// The name of the link in `/proc/PID/ns/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Mnt => "mnt",
            Self::Net => "net",
            Self::Pid => "pid",
            Self::Time => "time",
            Self::User => "user",
            Self::Uts => "uts",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

impl fmt::Display for NsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A namespace: its nsfs device and inode, and how many namespaces had that inode before it, since inode numbers are
/// reused (`fs/nsfs.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NsId {
    pub kind: NsKind,
    pub dev: u64,
    pub ino: u64,
    pub generation: u32,
}

impl fmt::Display for NsId {
    /// As the kernel writes the link: `net:[4026532328]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[{}]", self.kind, self.ino)
    }
}

/// The pod's uid. The node gives it when the pod is first started, and it stays the same for every sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodUid(pub String);

impl fmt::Display for PodUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A member of a pod: its pause, or one of its containers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    pub pod: PodUid,
    /// `None` is the pause.
    pub container: Option<String>,
}

impl Member {
    pub fn pause(pod: &PodUid) -> Self {
        Self { pod: pod.clone(), container: None }
    }

    pub fn container(pod: &PodUid, name: &str) -> Self {
        Self { pod: pod.clone(), container: Some(name.to_owned()) }
    }

    /// `pause`, or the container's name.
    pub fn name(&self) -> &str {
        self.container.as_deref().unwrap_or("pause")
    }
}
