//! Namespaces, their owners and parents, and what keeps them alive.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{NsId, NsKind, ProcId, Process, State};

/// What is known about one namespace besides its processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub id: NsId,
    /// A number that no other namespace has until the next boot (`NS_GET_ID`, Linux 6.18; of a mount namespace also
    /// `NS_GET_MNTNS_ID`, Linux 6.8).
    #[serde(default)]
    pub unique: Option<u64>,
    /// Uid of the creator of a user namespace (`NS_GET_OWNER_UID`, `ioctl_nsfs(2)`), in the observer's
    /// user namespace.
    pub owner_uid: Option<u32>,
    /// The user namespace that owns it (`NS_GET_USERNS`).
    pub owner: Option<NsId>,
    /// The parent of a pid or user namespace (`NS_GET_PARENT`).
    pub parent: Option<NsId>,
    /// The number of a network namespace in the observer's (`ip-netns(8)`, `nsid`).
    #[serde(default)]
    pub net: Option<NetNsId>,
    /// What keeps it alive besides its processes and its children, sorted. `None` if that was not searched for.
    #[serde(default)]
    pub holders: Option<Arc<[Holder]>>,
}

impl Namespace {
    pub const fn new(id: NsId) -> Self {
        Self { id, unique: None, owner_uid: None, owner: None, parent: None, net: None, holders: None }
    }
}

/// A link of `/proc/PID/ns/` as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    In(NsId),
    /// The process has ended: then it leaves all namespaces but user and pid (`exit_task_namespaces` in
    /// `kernel/nsproxy.c`).
    Left,
    /// It could not be read.
    NotVisible,
}

impl Link {
    pub fn of(p: &Process, kind: NsKind) -> Self {
        if p.state == State::Zombie && !matches!(kind, NsKind::User | NsKind::Pid) {
            return Self::Left;
        }
        p.namespaces.get(kind).map_or(Self::NotVisible, Self::In)
    }

    /// The namespace that it leads to.
    pub const fn namespace(self) -> Option<NsId> {
        match self {
            Self::In(ns) => Some(ns),
            Self::Left | Self::NotVisible => None,
        }
    }
}

/// The number by which the kernel's netlink names a network namespace (`RTM_GETNSID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetNsId {
    /// It has no number.
    Unassigned,
    Number(u32),
}

/// What keeps a namespace alive besides the processes that are in it, and besides its children.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A thread that is in it, while its process is in another one (`setns(2)` and `unshare(2)` change a thread).
    Thread { process: ProcId, tid: u32 },
    /// A thread whose next children will be in it (`/proc/PID/ns/pid_for_children`, `time_for_children`); of the first
    /// thread `tid` is the pid.
    ForChildren { process: ProcId, tid: u32 },
    /// An open file of a process.
    File { process: ProcId, fd: u32 },
    /// A socket that was made in this network namespace, of a process that is in another one now.
    Socket { process: ProcId, fd: u32 },
    /// A bind mount.
    Mount {
        /// The mount namespace that has it.
        inside: NsId,
        /// Its id there: the first field of `/proc/PID/mountinfo`.
        id: u64,
        /// Where it is mounted. Bytes that are not UTF-8 are replaced.
        point: String,
    },
}

impl Holder {
    /// The process that holds it; `None` for a mount.
    pub const fn process(&self) -> Option<ProcId> {
        match self {
            Self::Thread { process, .. }
            | Self::ForChildren { process, .. }
            | Self::File { process, .. }
            | Self::Socket { process, .. } => Some(*process),
            Self::Mount { .. } => None,
        }
    }
}

impl fmt::Display for Holder {
    /// A path that leads to the holder, such as `/proc/12/fd/3` or `/run/netns/blue`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread { process, tid } => write!(f, "/proc/{process}/task/{tid}"),
            Self::ForChildren { process, tid } if *tid == process.pid => write!(f, "/proc/{process} (for children)"),
            Self::ForChildren { process, tid } => write!(f, "/proc/{process}/task/{tid} (for children)"),
            Self::File { process, fd } | Self::Socket { process, fd } => write!(f, "/proc/{process}/fd/{fd}"),
            Self::Mount { point, .. } => f.write_str(point),
        }
    }
}
