//! The changes of a [`World`](super::World). It is changed in no other way.

use std::num::NonZeroU64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::inside::Content;
use super::prediction::Effect;
use super::{
    Capability, CgroupUsage, Coverage, ExecEnd, ExecId, FactChanges, Facts, Host, Member, MonoNs, Namespace, NodeEnd,
    NodeSignalTarget, NsId, OomKill, OutputSource, Parent, Pod, PodEvent, PodUid, ProcId, ProcessUsage, Scope, Search,
    SendError, SentBy, Signal, SignalSent, Source, Stamp, State, WaitStatus,
};

/// One change. Live views, replays and recordings are streams of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delta", rename_all = "snake_case")]
pub enum Delta {
    /// The machine, once at the start.
    Host {
        host: Box<Host>,
        at: Stamp,
    },
    /// How much a [`Capability`] covers from now on.
    Visibility {
        capability: Capability,
        coverage: Coverage,
        at: Stamp,
    },
    /// What is observed from now on. The World forgets the processes that are not observed any longer: whether they live
    /// is not known.
    Scope {
        scope: Scope,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forgotten: Vec<ProcId>,
        at: Stamp,
    },
    /// A fork. The child inherits name, arguments, namespaces and membership from its parent.
    Born {
        id: ProcId,
        parent: Parent,
        at: Stamp,
    },
    /// All that was read from /proc about a process when it was read for the first time.
    Facts {
        facts: Box<Facts>,
        at: Stamp,
    },
    /// What a later reading shows to have changed.
    Changed {
        id: ProcId,
        changes: Box<FactChanges>,
        at: Stamp,
    },
    /// What the process uses, if that has changed by more than a little.
    ProcessUsage {
        id: ProcId,
        usage: ProcessUsage,
        at: Stamp,
    },
    /// The process is in this cgroup now. A child starts in that of its parent, so this is reported of a child only if it
    /// is in another one.
    InCgroup {
        id: ProcId,
        /// From the root of the hierarchy of version 2.
        path: Arc<str>,
        at: Stamp,
    },
    /// The process is traced from now on, or no longer. `by` is the tracer's thread or its process.
    Traced {
        id: ProcId,
        by: Option<u32>,
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
    /// The process, and every child it forks from now on, belongs to a pod's member.
    Joined {
        id: ProcId,
        member: Member,
        at: Stamp,
    },
    /// The member has its own cgroup, or no longer has one.
    Cgroup {
        member: Member,
        /// From the root of the cgroup hierarchy.
        path: Option<String>,
        at: Stamp,
    },
    /// The figures of the member's cgroup.
    Usage {
        member: Member,
        usage: CgroupUsage,
        at: Stamp,
    },
    /// A namespace, or what is known of it now.
    Namespace {
        namespace: Namespace,
        at: Stamp,
    },
    /// The whole machine was searched for namespaces and their holders.
    Searched {
        search: Box<Search>,
        at: Stamp,
    },
    /// What is in a namespace was read. It was like this at that time.
    Inside {
        ns: NsId,
        content: Arc<Content>,
        at: Stamp,
    },
    /// The lab's node has started.
    NodeStarted {
        id: ProcId,
        at: Stamp,
    },
    /// The lab's node has not sent an answer that was due at once (`silent`), or it answers again.
    NodeSilent {
        silent: bool,
        at: Stamp,
    },
    /// The lab's node ended, and the kernel ended every pod with it.
    NodeEnded {
        end: NodeEnd,
        at: Stamp,
    },
    /// A pod's whole state now.
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
    /// What a member, or a program that was executed in it, has written. Bytes that are not UTF-8 are U+FFFD.
    Output {
        from: OutputSource,
        text: String,
        /// How many bytes before `text` are not in the stream, because too much was written at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skipped: Option<NonZeroU64>,
        at: Stamp,
    },
    /// A program is to be executed in a container.
    ExecStarted {
        exec: ExecId,
        member: Member,
        argv: Vec<String>,
        at: Stamp,
    },
    ExecEnded {
        exec: ExecId,
        end: ExecEnd,
        at: Stamp,
    },
    /// A signal that the user or a script sent; `error` says why it could not be sent.
    Signalled {
        target: ProcId,
        signal: Signal,
        /// The predicted effect on the target.
        #[serde(default)]
        effect: Option<Effect>,
        /// The processes that were predicted to end with the target.
        #[serde(alias = "foretold")]
        also_end: Vec<ProcId>,
        error: Option<SendError>,
        #[serde(default)]
        by: SentBy,
        at: Stamp,
    },
    /// A signal that the lab's node sent, as a kubelet and its runtime do.
    NodeSignalled {
        to: NodeSignalTarget,
        signal: Signal,
        at: Stamp,
    },
    /// A signal of which the kernel reports who sent it to whom, the user's own too. One of both is watched.
    SignalSent {
        sent: Box<SignalSent>,
    },
    /// The kernel has killed a process for lack of memory.
    OomKill {
        kill: Box<OomKill>,
    },
    /// A source lost facts; `count` is `None` if it cannot tell how many. The processes were read again afterwards.
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
            | Self::Scope { at, .. }
            | Self::Born { at, .. }
            | Self::Facts { at, .. }
            | Self::Changed { at, .. }
            | Self::ProcessUsage { at, .. }
            | Self::InCgroup { at, .. }
            | Self::Traced { at, .. }
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
            | Self::Searched { at, .. }
            | Self::Inside { at, .. }
            | Self::NodeStarted { at, .. }
            | Self::NodeSilent { at, .. }
            | Self::NodeEnded { at, .. }
            | Self::Pod { at, .. }
            | Self::PodRemoved { at, .. }
            | Self::Output { at, .. }
            | Self::ExecStarted { at, .. }
            | Self::ExecEnded { at, .. }
            | Self::Signalled { at, .. }
            | Self::NodeSignalled { at, .. }
            | Self::Lost { at, .. } => *at,
            Self::Event { event } => event.at,
            Self::SignalSent { sent } => sent.at,
            Self::OomKill { kill } => kill.at,
        }
    }

    /// The process that it is about; `None` if it is about something else.
    pub const fn process(&self) -> Option<ProcId> {
        match self {
            Self::Born { id, .. }
            | Self::Changed { id, .. }
            | Self::ProcessUsage { id, .. }
            | Self::InCgroup { id, .. }
            | Self::Traced { id, .. }
            | Self::Exec { id, .. }
            | Self::Renamed { id, .. }
            | Self::State { id, .. }
            | Self::Exited { id, .. }
            | Self::Reparented { id, .. }
            | Self::Reaped { id, .. }
            | Self::Joined { id, .. } => Some(*id),
            Self::Facts { facts, .. } => Some(facts.id),
            Self::SignalSent { sent } => Some(sent.target),
            Self::OomKill { kill } => Some(kill.victim),
            _ => None,
        }
    }

    pub const fn time(&self) -> MonoNs {
        self.at().t
    }
}
