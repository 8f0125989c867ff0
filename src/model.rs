//! The state of the machine as plain values, without I/O. [`World::apply`] is the only way to change it.

pub mod burst;
mod countdown;
mod delta;
pub mod end_chain;
mod ending;
pub mod events;
mod host;
mod id;
pub mod inside;
mod limitation;
mod manifest;
pub mod names;
mod namespace;
mod os_error;
pub mod outcome;
mod output;
mod pod;
pub mod prediction;
mod process;
mod reason;
mod scope;
mod search;
mod signal;
pub mod text;
mod time;
mod usage;
mod visibility;
mod wait;
mod world;
pub mod zombies;

pub use countdown::{Awaited, Countdown};
pub use delta::Delta;
pub use ending::{MembersFate, NodeEnd, PodMessage, SandboxEnd};
pub use host::Host;
pub use id::{Member, NsId, NsKind, PodUid, ProcId};
pub use inside::{Finding, Inside};
pub use limitation::{BpfProblem, CgroupProblem, ConnectorProblem, Limitation, ObserverFailure};
pub use manifest::{Manifest, ManifestContainer, ManifestMount, ManifestPort, ManifestVolume, VolumeKind};
pub use namespace::{Holder, Link, Namespace, NetNsId};
pub use os_error::OsError;
pub use output::{ExecEnd, ExecId, ExecRun, Output, OutputLine, OutputSource};
pub use pod::{
    Container, ContainerKind, ContainerState, EventKind, Phase, Pod, PodEvent, Program, RestartPolicy, Runtime,
    Sandbox, SandboxKind,
};
pub use process::{Exit, FactChanges, Facts, NsSet, Parent, Process, Reap, Reparent, SignalMasks, State};
pub use reason::{BackOff, EventReason, NotRunning, PodReason, TerminatedReason, WaitingReason};
pub use scope::Scope;
pub use search::{Looked, Search};
pub use signal::{
    NodeSignal, NodeSignalTarget, OomKill, SendError, SentBy, Signal, SignalResult, SignalSender, SignalSent,
};
pub use time::{MonoNs, Precision, Source, Stamp, WallAnchor};
pub use usage::{Cgroup, CgroupUsage, Cpu, Figure, Origin, ProcessUsage, Usage};
pub use visibility::{Capability, Coverage};
pub use wait::WaitStatus;
pub use world::{Node, NodeTrouble, Processes, Sent, World};
