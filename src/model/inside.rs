//! What is in a namespace: interfaces and sockets, mounts, shared memory, names, id maps, limits and clocks.
//!
//! It is read when somebody wants to see it (`src/inside/`), so it is true at the time of the reading and may be outdated
//! afterwards. What is in a pid namespace is not read: the processes of the World are it.

mod ipc;
mod mnt;
mod net;
mod other;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NsKind, OsError, Stamp};

pub use ipc::{IpcContent, MessageQueue, PosixQueue, SemaphoreSet, SharedMemory};
pub use mnt::{MntContent, MountPoint};
pub use net::{
    Address, Connection, Interface, NetContent, NetSocket, PeerInterface, Protocol, Route, SocketState, UnixConnection,
    UnixEnd, UnixListener,
};
pub use other::{
    CgroupContent, CgroupLimits, ClockOffset, ClockOffsets, CpuLimit, IdRange, Limit, Pressure, SystemNames,
    TimeContent, UserContent, UtsContent,
};

/// What a reading has found, or why it has found nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding<T> {
    Known(T),
    /// What was to be read is no longer there, or the kernel does not have it (`ENOENT`, `ESRCH`).
    NotThere,
    /// We may not read it (`EACCES`, `EPERM`).
    NotPermitted,
    Failed(OsError),
}

impl<T> Finding<T> {
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(found) => Some(found),
            _ => None,
        }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Finding<U> {
        match self {
            Self::Known(found) => Finding::Known(f(found)),
            Self::NotThere => Finding::NotThere,
            Self::NotPermitted => Finding::NotPermitted,
            Self::Failed(error) => Finding::Failed(error),
        }
    }

    /// Why nothing was found, without the type of what was looked for; `None` if something was.
    pub fn why_not(&self) -> Option<Finding<()>> {
        match self {
            Self::Known(_) => None,
            Self::NotThere => Some(Finding::NotThere),
            Self::NotPermitted => Some(Finding::NotPermitted),
            Self::Failed(error) => Some(Finding::Failed(*error)),
        }
    }
}

/// The first things of a list. A pod can make as many as it likes, and only so many are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounded<T> {
    pub items: Vec<T>,
    /// How many more there are.
    pub left_out: u32,
}

impl<T> Bounded<T> {
    /// The first `most` of these.
    pub fn of(all: impl IntoIterator<Item = T>, most: usize) -> Self {
        let mut all = all.into_iter();
        let items = all.by_ref().take(most).collect();
        Self { items, left_out: u32::try_from(all.count()).unwrap_or(u32::MAX) }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Bounded<U> {
        Bounded { items: self.items.into_iter().map(f).collect(), left_out: self.left_out }
    }
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { items: Vec::new(), left_out: 0 }
    }
}

/// What is in a namespace, by its kind. There is none for pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Cgroup(CgroupContent),
    Ipc(IpcContent),
    Mnt(MntContent),
    Net(NetContent),
    Time(TimeContent),
    User(UserContent),
    Uts(UtsContent),
}

impl Content {
    /// The kinds that have a content to be read.
    pub const KINDS: [NsKind; 7] =
        [NsKind::Cgroup, NsKind::Ipc, NsKind::Mnt, NsKind::Net, NsKind::Time, NsKind::User, NsKind::Uts];

    pub const fn kind(&self) -> NsKind {
        match self {
            Self::Cgroup(_) => NsKind::Cgroup,
            Self::Ipc(_) => NsKind::Ipc,
            Self::Mnt(_) => NsKind::Mnt,
            Self::Net(_) => NsKind::Net,
            Self::Time(_) => NsKind::Time,
            Self::User(_) => NsKind::User,
            Self::Uts(_) => NsKind::Uts,
        }
    }

    /// That nothing of it was found, for the same reason. `None` for pid.
    pub fn missing(kind: NsKind, why: &Finding<()>) -> Option<Self> {
        fn none<T>(why: &Finding<()>) -> Finding<T> {
            match why {
                Finding::Known(()) | Finding::NotThere => Finding::NotThere,
                Finding::NotPermitted => Finding::NotPermitted,
                Finding::Failed(error) => Finding::Failed(*error),
            }
        }
        Some(match kind {
            NsKind::Cgroup => Self::Cgroup(CgroupContent { groups: none(why) }),
            NsKind::Ipc => Self::Ipc(IpcContent {
                shared_memory: none(why),
                semaphores: none(why),
                queues: none(why),
                posix_queues: none(why),
            }),
            NsKind::Mnt => Self::Mnt(MntContent { mounts: none(why) }),
            NsKind::Net => Self::Net(NetContent {
                interfaces: none(why),
                routes: none(why),
                sockets: none(why),
                unix: none(why),
                unix_connections: none(why),
                closed_processes: Vec::new(),
            }),
            NsKind::Pid => return None,
            NsKind::Time => Self::Time(TimeContent { offsets: none(why) }),
            NsKind::User => Self::User(UserContent { uids: none(why), gids: none(why), setgroups: none(why) }),
            NsKind::Uts => Self::Uts(UtsContent { names: none(why) }),
        })
    }

    /// Bytes that it takes in memory, texts at their usual length.
    pub fn bytes(&self) -> usize {
        const TEXT: usize = 24;
        fn list<T>(found: &Finding<Bounded<T>>, texts: usize) -> usize {
            found.known().map_or(0, |all| all.items.len() * (size_of::<T>() + texts * TEXT))
        }
        size_of::<Self>()
            + match self {
                Self::Cgroup(content) => list(&content.groups, 4),
                Self::Ipc(content) => {
                    list(&content.shared_memory, 2)
                        + list(&content.semaphores, 0)
                        + list(&content.queues, 0)
                        + list(&content.posix_queues, 1)
                }
                Self::Mnt(content) => list(&content.mounts, 6),
                Self::Net(content) => {
                    list(&content.interfaces, 6)
                        + list(&content.routes, 1)
                        + list(&content.sockets, 1)
                        + list(&content.unix, 3)
                        + list(&content.unix_connections, 3)
                }
                Self::User(_) | Self::Uts(_) => 4 * TEXT,
                Self::Time(_) => 0,
            }
    }

    /// Why some of it was not found; each reason once, in the order of the parts.
    pub fn gaps(&self) -> Vec<Finding<()>> {
        let all = match self {
            Self::Cgroup(content) => vec![content.groups.why_not()],
            Self::Ipc(content) => vec![
                content.shared_memory.why_not(),
                content.semaphores.why_not(),
                content.queues.why_not(),
                content.posix_queues.why_not(),
            ],
            Self::Mnt(content) => vec![content.mounts.why_not()],
            Self::Net(content) => vec![
                content.interfaces.why_not(),
                content.routes.why_not(),
                content.sockets.why_not(),
                content.unix.why_not(),
                content.unix_connections.why_not(),
                (!content.closed_processes.is_empty()).then_some(Finding::NotPermitted),
            ],
            Self::Time(content) => vec![content.offsets.why_not()],
            Self::User(content) => {
                vec![content.uids.why_not(), content.gids.why_not(), content.setgroups.why_not()]
            }
            Self::Uts(content) => vec![content.names.why_not()],
        };
        let mut gaps: Vec<Finding<()>> = Vec::new();
        for gap in all.into_iter().flatten() {
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        gaps
    }
}

/// What was in a namespace when it was read last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// When it was read.
    pub at: Stamp,
    pub content: Arc<Content>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_list_says_how_many_are_left_out() {
        assert_eq!(Bounded::of(0..5, 3), Bounded { items: vec![0, 1, 2], left_out: 2 });
        assert_eq!(Bounded::of(0..2, 3), Bounded { items: vec![0, 1], left_out: 0 });
    }

    #[test]
    fn each_kind_but_pid_has_a_content_that_can_be_missing() {
        for kind in NsKind::ALL {
            let missing = Content::missing(kind, &Finding::NotPermitted);
            assert_eq!(missing.as_ref().map(Content::kind), Content::KINDS.contains(&kind).then_some(kind));
            assert!(missing.is_none_or(|content| content.gaps() == [Finding::NotPermitted]), "{kind}");
        }
    }
}
