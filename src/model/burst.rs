//! What happened to a pod in a moment that is too short for people, so that it can be shown slowly.

use std::net::IpAddr;
use std::sync::Arc;

use super::names::{Reaper, reaper};
use super::{Delta, EventReason, MonoNs, Parent, PodUid, ProcId, Signal, WaitStatus, World};

/// Many changes of one pod in a short time. Cloning is cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    pub pod: PodUid,
    pub pod_name: String,
    /// The World before the first change.
    before: World,
    /// All changes of the machine in this time, in the order of their own times.
    deltas: Arc<[Delta]>,
    pub steps: Arc<[BurstStep]>,
}

/// A change of the pod that is shown as a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurstStep {
    pub at: MonoNs,
    pub event: BurstEvent,
    /// How many of the changes belong to the World after this step.
    applied: usize,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BurstEvent {
    /// The user sent a signal.
    Signalled {
        target: ProcId,
        signal: Signal,
    },
    Born {
        id: ProcId,
        parent: Parent,
    },
    /// It runs another program.
    Exec {
        id: ProcId,
    },
    Exited {
        id: ProcId,
        status: Option<WaitStatus>,
        /// The kernel killed it because the init of its pid namespace has exited (`zap_pid_ns_processes`).
        with_pid_ns: bool,
    },
    Reparented {
        id: ProcId,
        to: Parent,
    },
    Reaped {
        id: ProcId,
        by: BurstReaper,
        /// How long it was a zombie, in ns.
        zombie_ns: Option<u64>,
    },
    /// An event as a kubelet reports it.
    Event {
        reason: EventReason,
        message: String,
    },
    AddressReleased(IpAddr),
    AddressAssigned(IpAddr),
}

impl BurstEvent {
    /// The process that it happens to.
    pub const fn process(&self) -> Option<ProcId> {
        match self {
            Self::Signalled { target, .. } => Some(*target),
            Self::Born { id, .. }
            | Self::Exec { id }
            | Self::Exited { id, .. }
            | Self::Reparented { id, .. }
            | Self::Reaped { id, .. } => Some(*id),
            Self::Event { .. } | Self::AddressReleased(_) | Self::AddressAssigned(_) => None,
        }
    }
}

/// Who reaped a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurstReaper {
    Process(ProcId),
    /// The dying init of its pid namespace, in the kernel.
    Kernel,
    Unknown,
}

impl Burst {
    /// The least number of steps that are worth showing slowly.
    pub const MIN_STEPS: usize = 3;
    /// More steps than this are not shown.
    const MAX_STEPS: usize = 200;
    /// The longest time between two steps, in ns. What comes later has another cause, or waits for a time.
    const MAX_GAP_NS: u64 = 100_000_000;

    /// Finds what happened to a pod among these changes. `None` if that is too little.
    pub fn new(pod: &PodUid, before: World, mut deltas: Vec<Delta>) -> Option<Self> {
        deltas.sort_by_key(Delta::time);
        let mut after = before.clone();
        for delta in &deltas {
            after.apply(delta);
        }
        let mut steps = Vec::new();
        let mut address = before.pod(pod).and_then(|p| p.ip);
        for (n, delta) in deltas.iter().enumerate() {
            let at = delta.time();
            let mut add = |event| steps.push(BurstStep { at, event, applied: n + 1 });
            if let Delta::Pod { pod: now, .. } = delta
                && now.uid == *pod
            {
                let was = std::mem::replace(&mut address, now.ip);
                if was != now.ip {
                    let changes = [was.map(BurstEvent::AddressReleased), now.ip.map(BurstEvent::AddressAssigned)];
                    changes.into_iter().flatten().for_each(add);
                }
            } else if let Some(event) = event_of(pod, &before, &after, delta) {
                add(event);
            }
        }
        // a fact may be reported twice, the second time with a better time
        let mut unique: Vec<BurstStep> = Vec::new();
        for step in steps {
            if unique.len() < Self::MAX_STEPS && !unique.iter().any(|known| is_same(&known.event, &step.event)) {
                unique.push(step);
            }
        }
        let gap = unique.windows(2).position(|pair| pair[1].at.since(pair[0].at) > Self::MAX_GAP_NS);
        unique.truncate(gap.map_or(unique.len(), |last| last + 1));
        let steps: Arc<[BurstStep]> = unique.into();
        let named = after.pod(pod).or_else(|| before.pod(pod));
        let pod_name = named.map(|pod| pod.name.clone()).unwrap_or_default();
        let pod = pod.clone();
        (steps.len() >= Self::MIN_STEPS).then(|| Self { pod, pod_name, before, deltas: deltas.into(), steps })
    }

    /// Whether a signal of the user began it.
    pub fn is_by_user(&self) -> bool {
        self.steps.first().is_some_and(|step| matches!(step.event, BurstEvent::Signalled { .. }))
    }

    /// When the first step happened.
    pub fn start(&self) -> MonoNs {
        self.steps.first().map_or(MonoNs(0), |step| step.at)
    }

    /// From the first step to the last, in ns.
    pub fn length(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.at.since(self.start()))
    }

    /// The World after a step.
    pub fn world_after(&self, step: usize) -> World {
        let applied = self.steps.get(step).map_or(self.deltas.len(), |step| step.applied);
        let mut world = self.before.clone();
        for delta in self.deltas.iter().take(applied) {
            world.apply(delta);
        }
        world
    }

    /// The World after all of it.
    pub fn world_at_end(&self) -> World {
        self.world_after(self.steps.len())
    }
}

/// Whether two events are reports of the same fact. Events of a kubelet may come several times.
fn is_same(a: &BurstEvent, b: &BurstEvent) -> bool {
    use BurstEvent::{Born, Exited, Reaped};
    match (a, b) {
        (Born { id: a, .. }, Born { id: b, .. })
        | (Exited { id: a, .. }, Exited { id: b, .. })
        | (Reaped { id: a, .. }, Reaped { id: b, .. }) => a == b,
        _ => false,
    }
}

fn event_of(pod: &PodUid, before: &World, after: &World, delta: &Delta) -> Option<BurstEvent> {
    let of_pod = |id: ProcId| {
        let p = after.process(id).or_else(|| before.process(id))?;
        p.member.as_ref().filter(|member| member.pod == *pod).map(|_| p)
    };
    Some(match delta {
        Delta::Signalled { target, signal, error: None, .. } => {
            of_pod(*target)?;
            BurstEvent::Signalled { target: *target, signal: *signal }
        }
        Delta::Born { id, parent, .. } => {
            of_pod(*id)?;
            BurstEvent::Born { id: *id, parent: *parent }
        }
        Delta::Exec { id, .. } => {
            of_pod(*id)?;
            BurstEvent::Exec { id: *id }
        }
        Delta::Exited { id, status, .. } => {
            let p = of_pod(*id)?;
            BurstEvent::Exited { id: *id, status: *status, with_pid_ns: after.ended_with_pid_ns(p) }
        }
        Delta::Reparented { id, to, .. } => {
            of_pod(*id)?;
            BurstEvent::Reparented { id: *id, to: *to }
        }
        Delta::Reaped { id, .. } => {
            let p = of_pod(*id)?;
            let by = match reaper(after, p) {
                Some(Reaper::Kernel) => BurstReaper::Kernel,
                Some(Reaper::Process(by)) => BurstReaper::Process(by.id),
                None => BurstReaper::Unknown,
            };
            let zombie_ns = p.exit.zip(p.reap).map(|(exit, reap)| reap.at.t.since(exit.at.t)).filter(|ns| *ns > 0);
            BurstEvent::Reaped { id: *id, by, zombie_ns }
        }
        Delta::Event { event } if event.pod == *pod => {
            BurstEvent::Event { reason: event.reason.clone(), message: event.message.clone() }
        }
        _ => return None,
    })
}

/// Whether a change is about the life of this pod, and so may belong to a burst. `world` is the World after it.
pub fn concerns(delta: &Delta, pod: &PodUid, world: &World) -> bool {
    match delta {
        Delta::Event { event } => event.pod == *pod,
        Delta::Pod { pod: now, .. } => now.uid == *pod,
        Delta::Signalled { target: id, .. }
        | Delta::Born { id, .. }
        | Delta::Exec { id, .. }
        | Delta::Exited { id, .. }
        | Delta::Reparented { id, .. }
        | Delta::Reaped { id, .. } => {
            world.process(*id).and_then(|p| p.member.as_ref()).is_some_and(|member| member.pod == *pod)
        }
        _ => false,
    }
}
