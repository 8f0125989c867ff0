//! The columns of the process tree, and how each sorts.

use serde::{Deserialize, Serialize};

use crate::model::{Link, Member, NsKind, Process, State, World};

/// A column, in the order in which they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    #[default]
    Pid,
    PidInPod,
    Parent,
    User,
    State,
    Threads,
    Cpu,
    CpuTime,
    Memory,
    Start,
    Age,
    Pod,
    Container,
    /// The inode number of its namespace of a kind.
    Namespace(NsKind),
    Command,
}

/// What a column sorts by. The values of one column are all of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    Number(u64),
    State(State),
    Text(String),
    /// Not known, or there is none: always at the end.
    None,
}

impl Column {
    /// All that can be left out. The command is always there.
    pub const OPTIONAL: [Self; 21] = [
        Self::Pid,
        Self::PidInPod,
        Self::Parent,
        Self::User,
        Self::State,
        Self::Threads,
        Self::Cpu,
        Self::CpuTime,
        Self::Memory,
        Self::Start,
        Self::Age,
        Self::Pod,
        Self::Container,
        Self::Namespace(NsKind::Cgroup),
        Self::Namespace(NsKind::Ipc),
        Self::Namespace(NsKind::Mnt),
        Self::Namespace(NsKind::Net),
        Self::Namespace(NsKind::Pid),
        Self::Namespace(NsKind::Time),
        Self::Namespace(NsKind::User),
        Self::Namespace(NsKind::Uts),
    ];

    /// Those that are shown until the user chooses others.
    pub const INITIAL: [Self; 10] = [
        Self::Pid,
        Self::PidInPod,
        Self::Parent,
        Self::User,
        Self::State,
        Self::Cpu,
        Self::Memory,
        Self::Age,
        Self::Pod,
        Self::Container,
    ];

    /// Whether its values change so often that the rows would move under the pointer.
    pub const fn is_restless(self) -> bool {
        matches!(self, Self::State | Self::Threads | Self::Cpu | Self::CpuTime | Self::Memory)
    }

    /// Whether the largest value comes first when it is chosen.
    pub const fn begins_descending(self) -> bool {
        matches!(self, Self::Threads | Self::Cpu | Self::CpuTime | Self::Memory)
    }

    pub fn key(self, world: &World, p: &Process) -> SortKey {
        let number = |n: Option<u32>| n.map_or(SortKey::None, |n| SortKey::Number(n.into()));
        let text = |text: Option<&str>| text.map_or(SortKey::None, |text| SortKey::Text(text.to_owned()));
        match self {
            Self::Pid => number(Some(p.id.pid)),
            Self::PidInPod => number(p.pid_in_pod()),
            Self::Parent => number(p.parent.process().map(|id| id.pid)),
            Self::User => number(p.uid),
            Self::State => SortKey::State(p.state),
            Self::Threads => number(Some(p.threads)),
            Self::Cpu => SortKey::Number(p.cpu.permille.into()),
            Self::CpuTime => SortKey::Number(p.cpu.time_ns),
            Self::Memory => SortKey::Number(p.rss_bytes),
            Self::Start => SortKey::Number(p.born.t.0),
            Self::Age => SortKey::Number(u64::MAX - p.born.t.0),
            Self::Pod => text(pod_name(world, p)),
            Self::Container => text(p.member.as_ref().map(Member::name)),
            Self::Namespace(kind) => match Link::of(p, kind) {
                Link::In(ns) => SortKey::Number(ns.ino),
                Link::Left | Link::NotVisible => SortKey::None,
            },
            Self::Command => SortKey::Text(p.title()),
        }
    }
}

/// The name of the pod that it belongs to, if that is known.
pub fn pod_name<'a>(world: &'a World, p: &Process) -> Option<&'a str> {
    Some(world.pod(&p.member.as_ref()?.pod)?.name.as_str())
}
