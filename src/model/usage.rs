//! CPU time, memory and tasks of processes and containers.

use serde::{Deserialize, Serialize};

/// CPU time and how fast it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Used so far, in user and kernel mode, in nanoseconds.
    pub time_ns: u64,
    /// The rate over about the last second, in thousandths of one core. More than 1,000 is more than one core.
    pub permille: u32,
}

impl Cpu {
    /// The sum of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            time_ns: self.time_ns.saturating_add(other.time_ns),
            permille: self.permille.saturating_add(other.permille),
        }
    }
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessUsage {
    pub threads: u32,
    pub rss_bytes: u64,
    /// CPU time of its own threads.
    pub cpu: Cpu,
    /// CPU time of the children it has waited for, and of theirs.
    pub waited_cpu: Cpu,
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Counted by the kernel in the container's own cgroup; includes processes that have ended.
    Cgroup,
    /// Our sum of what `/proc` tells about the living processes.
    Proc,
}

impl Origin {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Proc => "/proc",
        }
    }
}

/// A figure and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Figure<T> {
    /// The cgroup's figure if there is one, else that of /proc.
    pub(super) fn best(cgroup: Option<T>, proc: T) -> Self {
        match cgroup {
            Some(value) => Self { value, origin: Origin::Cgroup },
            None => Self { value: proc, origin: Origin::Proc },
        }
    }
}

/// The figures in the files of a cgroup (`Documentation/admin-guide/cgroup-v2.rst`); `None` where it lacks the
/// controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupUsage {
    /// `usage_usec` of `cpu.stat`.
    pub cpu: Option<Cpu>,
    /// The working set, as the kubelet counts it: `memory.current` less `inactive_file` of `memory.stat`.
    pub memory_bytes: Option<u64>,
    /// `pids.current`, which counts threads.
    pub tasks: Option<u64>,
}

/// The cgroup of a pod's member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// From the root of the hierarchy, as in `/proc/PID/cgroup`.
    pub path: String,
    pub usage: CgroupUsage,
}

/// What a pod's member uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub cpu: Figure<Cpu>,
    /// From the cgroup the working set; from /proc the sum of resident memory, where shared memory counts for each
    /// process.
    pub memory_bytes: Figure<u64>,
    /// Threads.
    pub tasks: Figure<u64>,
}

impl Usage {
    /// The origin, if it is the same for all three figures.
    pub fn origin(&self) -> Option<Origin> {
        let origin = self.cpu.origin;
        (self.memory_bytes.origin == origin && self.tasks.origin == origin).then_some(origin)
    }
}
