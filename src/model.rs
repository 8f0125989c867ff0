//! The state of the machine as plain values, without I/O. [`World::apply`] is the only way to change it.

mod delta;
pub mod events;
mod host;
mod id;
mod manifest;
pub mod names;
mod namespace;
pub mod outcome;
mod pod;
pub mod prediction;
mod process;
mod reason;
mod search;
mod signal;
pub mod text;
mod time;
mod usage;
mod visibility;
mod wait;
mod world;

pub use delta::Delta;
pub use host::Host;
pub use id::{Member, NsId, NsKind, PodUid, ProcId};
pub use manifest::{Manifest, ManifestContainer, ManifestMount, ManifestPort, ManifestVolume, VolumeKind};
pub use namespace::{Holder, Namespace, NetNsId};
pub use pod::{
    Container, ContainerKind, ContainerState, EventKind, Phase, Pod, PodEvent, Program, RestartPolicy, Runtime,
    Sandbox, SandboxKind,
};
pub use process::{Exit, FactChanges, Facts, NsSet, Parent, Process, Reap, Reparent, SignalMasks, State};
pub use reason::{BackOff, EventReason, NotRunning, PodReason, TerminatedReason, WaitingReason};
pub use search::{Looked, Search};
pub use signal::Signal;
pub use time::{MonoNs, Precision, Source, Stamp, WallAnchor};
pub use usage::{Cgroup, CgroupUsage, Cpu, Figure, Origin, ProcessUsage, Usage};
pub use visibility::{Capability, Coverage};
pub use wait::WaitStatus;
pub use world::{Node, NodeTrouble, Processes, Sent, World};
