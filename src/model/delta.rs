//! The only thing that ever happens to a [`World`](super::World).

use serde::{Deserialize, Serialize};

use super::forecast::Effect;
use super::{
    Aspect, CgroupUsage, Facts, Host, Member, MonoNs, Namespace, Parent, Pod, PodEvent, PodUid, ProcId, Sight, Signal,
    Source, Stamp, State, WaitStatus,
};

/// One change. Live, replay and recordings are streams of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delta", rename_all = "snake_case")]
pub enum Delta {
    /// The machine, once at the start.
    Host {
        host: Box<Host>,
        at: Stamp,
    },
    /// What a way of seeing is worth from now on.
    Visibility {
        aspect: Aspect,
        sight: Sight,
        at: Stamp,
    },
    /// A fork. The child takes over name, arguments, namespaces and membership from its parent.
    Born {
        id: ProcId,
        parent: Parent,
        at: Stamp,
    },
    /// A reading of /proc, of a known or a new process.
    Facts {
        facts: Box<Facts>,
        at: Stamp,
    },
    Exec {
        id: ProcId,
        comm: String,
        cmdline: Vec<String>,
        at: Stamp,
    },
    Renamed {
        id: ProcId,
        comm: String,
        at: Stamp,
    },
    State {
        id: ProcId,
        state: State,
        at: Stamp,
    },
    Exited {
        id: ProcId,
        status: Option<WaitStatus>,
        at: Stamp,
    },
    Reparented {
        id: ProcId,
        from: Parent,
        to: Parent,
        at: Stamp,
    },
    Reaped {
        id: ProcId,
        by: Parent,
        at: Stamp,
    },
    /// The process, and every child it has from now on, is part of a pod's member.
    Joined {
        id: ProcId,
        member: Member,
        at: Stamp,
    },
    /// The member has a cgroup of its own, or none any more.
    Cgroup {
        member: Member,
        /// From the root of the hierarchy.
        path: Option<String>,
        at: Stamp,
    },
    /// What the member's cgroup counts.
    Usage {
        member: Member,
        usage: CgroupUsage,
        at: Stamp,
    },
    Namespace {
        namespace: Namespace,
        at: Stamp,
    },
    /// The lab's node is up.
    NodeStarted {
        id: ProcId,
        at: Stamp,
    },
    /// The lab's node owes an answer that should have come at once, or has answered again.
    NodeSilent {
        silent: bool,
        at: Stamp,
    },
    /// The lab's node is gone and the kernel took every pod with it; `reason` says how it ended.
    NodeEnded {
        reason: String,
        at: Stamp,
    },
    /// A pod as it is now, whole.
    Pod {
        pod: Box<Pod>,
        at: Stamp,
    },
    PodRemoved {
        uid: PodUid,
        at: Stamp,
    },
    Event {
        event: PodEvent,
    },
    /// A signal the user sent; `error` when the kernel refused.
    Signalled {
        target: ProcId,
        signal: Signal,
        /// What was predicted for the target.
        #[serde(default)]
        effect: Option<Effect>,
        /// Who was predicted to end with the target.
        #[serde(alias = "foretold")]
        also_end: Vec<ProcId>,
        error: Option<String>,
        at: Stamp,
    },
    /// A source lost facts (`None`: it cannot tell how many); the picture was read anew after.
    Lost {
        source: Source,
        count: Option<u64>,
        at: Stamp,
    },
}

impl Delta {
    pub const fn at(&self) -> Stamp {
        match self {
            Self::Host { at, .. }
            | Self::Visibility { at, .. }
            | Self::Born { at, .. }
            | Self::Facts { at, .. }
            | Self::Exec { at, .. }
            | Self::Renamed { at, .. }
            | Self::State { at, .. }
            | Self::Exited { at, .. }
            | Self::Reparented { at, .. }
            | Self::Reaped { at, .. }
            | Self::Joined { at, .. }
            | Self::Cgroup { at, .. }
            | Self::Usage { at, .. }
            | Self::Namespace { at, .. }
            | Self::NodeStarted { at, .. }
            | Self::NodeSilent { at, .. }
            | Self::NodeEnded { at, .. }
            | Self::Pod { at, .. }
            | Self::PodRemoved { at, .. }
            | Self::Signalled { at, .. }
            | Self::Lost { at, .. } => *at,
            Self::Event { event } => event.at,
        }
    }

    pub const fn time(&self) -> MonoNs {
        self.at().t
    }
}
