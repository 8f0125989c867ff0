//! What happened at one moment.

use crate::model::{MonoNs, NodeSignal, NodeSignalTarget, OomKill, PodEvent, ProcId, Sent, SignalSent, World, names};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Fork,
    Exec,
    /// It got another parent.
    Adoption,
    Exit,
    Reap,
    Signal,
    OutOfMemory,
    PodEvent,
}

/// When something happened, what, and to which process. Ordered by the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub t: MonoNs,
    pub what: What,
    /// (0, 0) if it is about no process.
    pub process: ProcId,
    /// The number of a [`Note`]; 0 for what happened to a process.
    pub number: u64,
}

impl Moment {
    pub(super) const fn first_at(t: MonoNs) -> Self {
        Self { t, what: What::Fork, process: ProcId { pid: 0, start: 0 }, number: 0 }
    }

    pub(super) const fn last_at(t: MonoNs) -> Self {
        let process = ProcId { pid: u32::MAX, start: u64::MAX };
        Self { t, what: What::PodEvent, process, number: u64::MAX }
    }
}

/// What somebody has told. Names are those of that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The user or a script sent a signal.
    User {
        sent: Sent,
        target_name: String,
    },
    /// The lab's node sent a signal.
    Node {
        sent: NodeSignal,
        target_name: String,
    },
    /// A signal of others, as the kernel reports it.
    Reported(SignalSent),
    OutOfMemory(OomKill),
    Event(PodEvent),
}

impl Told {
    pub(super) fn by_user(sent: &Sent, world: &World) -> Self {
        Self::User { sent: sent.clone(), target_name: name(world, sent.target) }
    }

    pub(super) fn by_node(sent: &NodeSignal, world: &World) -> Self {
        let target_name = match &sent.to {
            NodeSignalTarget::Process(id) => name(world, *id),
            NodeSignalTarget::Leftovers(member) => member.name().to_owned(),
            NodeSignalTarget::Pod(uid) => world.pod(uid).map_or(String::new(), |pod| pod.name.clone()),
        };
        Self::Node { sent: sent.clone(), target_name }
    }

    /// Whether it is a signal that could not be sent.
    pub(super) const fn has_failed(&self) -> bool {
        matches!(self, Self::User { sent: Sent { error: Some(_), .. }, .. })
    }

    /// The process that it is about, if there is one.
    pub fn process(&self) -> Option<ProcId> {
        match self {
            Self::User { sent, .. } => Some(sent.target),
            Self::Node { sent: NodeSignal { to: NodeSignalTarget::Process(id), .. }, .. } => Some(*id),
            Self::Reported(sent) => Some(sent.target),
            Self::OutOfMemory(kill) => Some(kill.victim),
            Self::Node { .. } | Self::Event(_) => None,
        }
    }

    const fn t(&self) -> MonoNs {
        match self {
            Self::User { sent, .. } => sent.at.t,
            Self::Node { sent, .. } => sent.at.t,
            Self::Reported(sent) => sent.at.t,
            Self::OutOfMemory(kill) => kill.at.t,
            Self::Event(event) => event.at.t,
        }
    }
}

fn name(world: &World, id: ProcId) -> String {
    world.process(id).map_or_else(|| format!("pid {}", id.pid), names::short_name)
}

/// A signal, a kill for lack of memory or an event of a pod, with its place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub moment: Moment,
    pub told: Told,
}

impl Note {
    pub(super) fn new(number: u64, told: Told) -> Self {
        let what = match &told {
            Told::User { .. } | Told::Node { .. } | Told::Reported(_) => What::Signal,
            Told::OutOfMemory(_) => What::OutOfMemory,
            Told::Event(_) => What::PodEvent,
        };
        let process = told.process().unwrap_or(ProcId { pid: 0, start: 0 });
        Self { moment: Moment { t: told.t(), what, process, number }, told }
    }
}
