//! What is in the namespaces that hold few values: uts, user, cgroup and time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bounded, Finding};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UtsContent {
    pub names: Finding<SystemNames>,
}

/// The names that `uname(2)` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemNames {
    pub host_name: String,
    /// The name of the NIS domain, `(none)` if it was never set.
    pub domain_name: String,
}

/// What is in a user namespace (`user_namespaces(7)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserContent {
    pub uids: Finding<Vec<IdRange>>,
    pub gids: Finding<Vec<IdRange>>,
    /// Whether a process may call setgroups(2).
    pub setgroups: Finding<bool>,
}

/// Ids inside and what they are in the observer's user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdRange {
    /// The first one.
    pub inside: u32,
    /// The one outside that it is; null if it has none there.
    pub outside: Option<u32>,
    /// How many follow each other.
    pub count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CgroupContent {
    /// The cgroups of the processes of pods that are in the namespace, by path.
    pub groups: Finding<Bounded<CgroupLimits>>,
}

/// The limits of a cgroup of version 2 and what it uses. Null where it lacks the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CgroupLimits {
    /// From the root of the hierarchy.
    pub path: String,
    /// How many of the processes in the namespace are in it.
    pub processes: u32,
    pub memory_bytes: Option<u64>,
    pub memory_max: Option<Limit>,
    pub tasks: Option<u64>,
    pub tasks_max: Option<Limit>,
    pub cpu_max: Option<CpuLimit>,
    /// How much of the time of the last 10 s some task has waited.
    pub cpu_pressure: Option<Pressure>,
    pub memory_pressure: Option<Pressure>,
    pub io_pressure: Option<Pressure>,
}

/// A number, or `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Max,
    At(u64),
}

/// `cpu.max`: how much of each period it may use, both in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuLimit {
    pub quota_us: Limit,
    pub period_us: u64,
}

/// In hundredths of a percent of the last 10 s (`Documentation/accounting/psi.rst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pressure {
    /// At least one task has waited.
    pub some: u32,
    /// All tasks have waited.
    pub full: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeContent {
    pub offsets: Finding<ClockOffsets>,
}

/// How much the clocks inside are ahead of the host's (`time_namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockOffsets {
    pub monotonic: ClockOffset,
    pub boottime: ClockOffset,
}

/// The sum of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockOffset {
    pub seconds: i64,
    pub nanoseconds: u32,
}
