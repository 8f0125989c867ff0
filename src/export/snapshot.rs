//! `podscope.snapshot/1`: the state of the machine at one moment, for people and programs.
//!
//! Numbers are JSON numbers, lists are sorted, an unknown fact is `null` and `host.visibility` says why. The
//! environment of a process is never included.

mod build;
mod events;
mod pods;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, EventKind, NsKind, Origin, Phase, Precision, Runtime, Source};

pub use events::{Event, EventType};

/// The name and version of the format.
pub const SCHEMA: &str = "podscope.snapshot/1";

/// The JSON Schema of [`Snapshot`]; `assets/schema` has a copy.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Snapshot>().to_value()
}

/// What a snapshot includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these pids and what they belong to; everything if empty.
    pub pids: BTreeSet<u32>,
    /// Leave out all arguments.
    pub redact: bool,
}

impl Selection {
    pub fn includes(&self, process: &model::Process) -> bool {
        self.pids.is_empty() || self.pids.contains(&process.id.pid)
    }
}

/// The machine at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// RFC 3339, in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub taken_at: String,
    pub host: Host,
    /// All processes in the process table, zombies too, by pid.
    pub processes: Vec<Process>,
    /// All namespaces that were found. If only some processes were asked for, theirs, with ancestors and owners. By kind
    /// and id.
    pub namespaces: Vec<Namespace>,
    /// By name.
    pub pods: Vec<Pod>,
    /// By time.
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// As `uname -r` says.
    pub kernel: String,
    pub boot_id: String,
    /// The user who took the snapshot.
    pub user: String,
    /// For each source of facts, how much of it was available, and why not all.
    pub visibility: BTreeMap<String, Seen>,
    /// What the search for namespaces and their holders has looked at; null if the whole machine was not searched.
    #[serde(default)]
    pub search: Option<model::Search>,
}

/// How much of one source of facts was available.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    pub level: Level,
    /// Why not all.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Full,
    Partial,
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// In the pid namespace of the process that took the snapshot.
    pub pid: u32,
    /// Clock ticks after boot, field 22 of /proc/PID/stat.
    pub start_time: u64,
    /// 0 when the parent is outside of what can be seen.
    pub ppid: Option<u32>,
    pub comm: String,
    /// Empty for a kernel thread or if it could not be read; null if left out on request.
    pub cmdline: Option<Vec<String>>,
    /// The kernel's letter: R S D T t I Z.
    pub state: char,
    pub uid: Option<u32>,
    /// The pid in each pid namespace, outermost first.
    pub nspid: Vec<u32>,
    /// Null for a zombie.
    pub threads: Option<u32>,
    /// Resident memory. Null for a zombie.
    pub rss_bytes: Option<u64>,
    /// CPU time it has used, without its children's.
    pub cpu_time_ns: u64,
    pub namespaces: Namespaces,
    /// The name of its pod.
    pub pod: Option<String>,
    /// The name of its container; null for the pause, and outside of pods.
    pub container: Option<String>,
}

/// The inode number of each namespace that a process is in; null if it could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Namespaces {
    pub cgroup: Option<u64>,
    pub ipc: Option<u64>,
    pub mnt: Option<u64>,
    pub net: Option<u64>,
    pub pid: Option<u64>,
    pub time: Option<u64>,
    pub user: Option<u64>,
    pub uts: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// The inode number, as in /proc/PID/ns and lsns.
    pub id: u64,
    pub kind: NsKind,
    /// A number that no other namespace has until the next boot; null before Linux 6.18.
    #[serde(default)]
    pub unique_id: Option<u64>,
    /// The user namespace that owns it.
    pub owner: Option<u64>,
    /// The parent of a pid or user namespace; null if it has none.
    pub parent: Option<u64>,
    /// The uid that created it, of a user namespace.
    pub owner_uid: Option<u32>,
    /// Pids of the processes in it; a zombie is still in its user and its pid namespace.
    pub members: Vec<u32>,
    /// What else keeps it alive, such as `/run/netns/blue`; null if that was not searched for.
    pub holders: Option<Vec<String>>,
    /// The same, each with its kind and its parts.
    #[serde(default)]
    pub held_by: Option<Vec<Holder>>,
    /// What is in it. Null for pid, and for a namespace that no pod is in: it was not read.
    #[serde(default)]
    pub inside: Option<Inside>,
}

/// What was in a namespace. A part that could not be read is `not_there`, `not_permitted` or `failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inside {
    /// RFC 3339, in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub read_at: String,
    pub content: model::inside::Content,
}

/// What keeps a namespace alive besides the processes in it and the namespaces below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Holder {
    /// A thread that is in it, while its process is in another one.
    Thread { pid: u32, tid: u32 },
    /// A thread whose next children will be in it.
    ForChildren { pid: u32, tid: u32 },
    /// An open file.
    File { pid: u32, fd: u32 },
    /// A socket of a process that is in another network namespace.
    Socket { pid: u32, fd: u32 },
    Mount {
        /// The mount namespace that has the mount.
        mnt: u64,
        /// The first field of /proc/PID/mountinfo.
        id: u64,
        path: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pod {
    pub name: String,
    pub uid: String,
    pub runtime: Runtime,
    pub phase: Phase,
    /// What is shown instead of the phase, such as Terminating.
    pub reason: Option<String>,
    pub ip: Option<String>,
    pub sandbox: Option<Sandbox>,
    /// In the order of the manifest.
    pub containers: Vec<Container>,
    /// The kinds of namespaces that all its members share.
    pub shared: Vec<NsKind>,
    /// The kinds of namespaces that differ between its members.
    pub private: Vec<NsKind>,
    /// The kinds of which all its members are in the host's namespace.
    pub host: Vec<NsKind>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sandbox {
    pub attempt: Option<u32>,
    pub pid: Option<u32>,
    pub kind: SandboxKind,
    /// What pause uses.
    pub usage: Option<Usage>,
}

/// What holds the pod's namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxKind {
    Pause,
    PauseNoReap,
    PauseDelay,
    /// One of its containers.
    Infra,
    /// The executable of pause is missing.
    Missing,
    /// A pause that is not Podscope's: the user's own program, or that of another engine.
    Own,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    pub name: String,
    pub kind: crate::model::ContainerKind,
    /// As the runtime names it; `lab://POD-UID/NAME` in the lab.
    pub id: Option<String>,
    pub pid: Option<u32>,
    pub state: ContainerState,
    /// Why it waits or how it ended, such as CrashLoopBackOff or Completed.
    pub reason: Option<String>,
    pub restarts: Option<u32>,
    /// The exit code of its last run; 128 + n for signal n.
    pub exit_code: Option<i32>,
    /// Null while it has no process.
    pub usage: Option<Usage>,
}

/// The resources that a member of a pod uses, and for each number its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Its own cgroup, from the root of the hierarchy; null if it has none.
    pub cgroup: Option<String>,
    /// CPU time used so far.
    pub cpu_time_ns: u64,
    /// CPU used in about the last second, in thousandths of one core.
    pub cpu_permille: u32,
    pub cpu_from: Origin,
    /// From its cgroup the working set, as a kubelet counts it; from /proc the sum of resident memory.
    pub memory_bytes: u64,
    pub memory_from: Origin,
    /// Threads.
    pub tasks: u64,
    pub tasks_from: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    Waiting,
    Running,
    Terminated,
}

/// The name of a source in the format.
const fn source(source: Source) -> &'static str {
    match source {
        Source::Connector => "connector",
        Source::Bpf => "bpf",
        Source::Pidfd => "pidfd",
        Source::Pause => "pause",
        Source::Node => "node",
        Source::Scan => "scan",
        Source::App => "app",
        Source::Inferred => "inferred",
    }
}

const fn precision(precision: Precision) -> &'static str {
    match precision {
        Precision::Exact => "exact",
        Precision::Prompt => "prompt",
        Precision::ByThen => "by_then",
    }
}

const fn event_kind(kind: EventKind) -> EventType {
    match kind {
        EventKind::Normal => EventType::Normal,
        EventKind::Warning => EventType::Warning,
    }
}
