//! Finds what follows from a signal.

use std::collections::BTreeSet;

use super::values::{Consequence, Decision, Otherwise, Reaction, Reaping, ZombieFate};
use super::{Default, Effect, Prediction, adopter, container_of_first_process, default_action, finished_pod};
use crate::model::names::{is_known_pause, is_ns_init, is_own_init, is_pause, sandbox_kind};
use crate::model::{
    Container, ContainerKind, ContainerState, NsKind, Parent, Pod, ProcId, Process, RestartPolicy, SandboxKind, Signal,
    State, WaitStatus, World,
};

/// All that follows from the signal, in the order in which it is told.
pub(super) fn consequences(world: &World, p: &Process, f: &Prediction) -> Vec<Consequence> {
    if p.is_gone() {
        return vec![Consequence::Reaction(Reaction::IsGone)];
    }
    if p.is_zombie() {
        return vec![Consequence::Reaction(Reaction::IsZombie), must_be_reaped(world, p)];
    }
    match f.effect {
        Effect::Ends(status) => of_end(world, p, status, f),
        _ => of_other_effect(world, p, f),
    }
}

/// For a process that ends.
fn of_end(world: &World, p: &Process, status: WaitStatus, f: &Prediction) -> Vec<Consequence> {
    let (init, pause) = (is_ns_init(p), is_pause(p));
    let mut all = Vec::new();
    match (pause, f.signal) {
        (true, Signal::KILL) => {}
        (true, _) => all.push(Consequence::Reaction(Reaction::PauseExits)),
        (false, _) if init => all.push(Consequence::Reaction(Reaction::EndsAtOnce)),
        (false, _) => all.push(Consequence::Reaction(Reaction::Ends)),
    }
    let is_finished = finished_pod(world, p, status).is_some();
    // processes of the sandbox end for another reason, which `of_pod` gives
    let at_once: BTreeSet<ProcId> =
        f.also_end.iter().copied().filter(|id| !is_finished || ends_directly(world, p, *id)).collect();
    if init && !at_once.is_empty() {
        all.push(Consequence::PidNamespaceEnds(at_once));
    } else if pause {
        all.push(Consequence::AloneInPidNamespace);
    } else if let Some((_, container)) = container_of_first_process(world, p).filter(|_| !at_once.is_empty()) {
        all.push(Consequence::LeftoversKilled { container: container.name.clone(), processes: at_once });
    }
    let leftovers = leftovers_of_engine(world, p, &f.also_end);
    let is_left = |c: &&Process| !c.is_gone() && !f.also_end.contains(&c.id) && !leftovers.contains(&c.id);
    let left = world.children(p.id).filter(is_left);
    let (zombies, orphans): (Vec<&Process>, Vec<&Process>) = left.partition(|c| c.is_zombie());
    let ids = |all: &[&Process]| -> BTreeSet<ProcId> { all.iter().map(|c| c.id).collect() };
    if let Some(pod) = p.member.as_ref().and_then(|m| world.pod(&m.pod)).filter(|_| !leftovers.is_empty()) {
        let about = Decision::Leftovers { processes: leftovers };
        all.push(Consequence::EngineDecides { engine: pod.runtime, about });
    }
    if !orphans.is_empty() {
        let adopter = adopter(world, p).map(|by| by.id);
        all.push(Consequence::Orphans { processes: ids(&orphans), adopter });
    }
    if !zombies.is_empty() {
        all.push(Consequence::ZombieChildren { processes: ids(&zombies), fate: zombie_fate(world, p) });
    }
    if !init {
        all.push(Consequence::Reaping(reaping(world, p)));
    }
    let pod = p.member.as_ref().and_then(|m| world.pod(&m.pod));
    let mut kinds: Vec<NsKind> = f.released.iter().map(|ns| ns.kind).collect();
    kinds.dedup();
    if !kinds.is_empty() {
        let of_lab = pod.is_some_and(Pod::is_of_lab);
        let said = if of_lab { Consequence::NamespacesReleased } else { Consequence::NamespacesEmptied };
        all.push(said(kinds));
    }
    if let Some(pod) = pod {
        of_pod(world, p, pod, status, f, &mut all);
    }
    all
}

/// The other living processes of another engine's container whose first process this is, but for those that end with
/// it.
fn leftovers_of_engine(world: &World, p: &Process, also_end: &BTreeSet<ProcId>) -> BTreeSet<ProcId> {
    let Some(member) = &p.member else { return BTreeSet::new() };
    let pod = world.pod(&member.pod).filter(|pod| !pod.is_of_lab());
    let is_first = |pod: &Pod| pod.containers.iter().any(|container| container.process == Some(p.id));
    if !pod.is_some_and(is_first) {
        return BTreeSet::new();
    }
    let lives_on = |q: &&Process| q.is_alive() && q.id != p.id && !also_end.contains(&q.id);
    world.member_processes(member).filter(lives_on).map(|q| q.id).collect()
}

/// Whether `other` ends directly because `p` does: it is in the same container, or in the pid namespace whose init
/// is `p`.
fn ends_directly(world: &World, p: &Process, other: ProcId) -> bool {
    let ns = p.namespaces.get(NsKind::Pid).filter(|_| is_ns_init(p));
    world.process(other).is_some_and(|q| {
        q.member == p.member || ns.is_some_and(|ns| q.namespaces.get(NsKind::Pid).is_some_and(|its| its == ns))
    })
}

/// What happens to the pod when the process ends.
fn of_pod(world: &World, p: &Process, pod: &Pod, status: WaitStatus, f: &Prediction, all: &mut Vec<Consequence>) {
    let holder = pod.sandbox.as_ref().and_then(|s| s.process);
    let (name, ip, of_lab) = (pod.name.clone(), pod.ip, pod.is_of_lab());
    if is_pause(p) || holder == Some(p.id) {
        let lives_on = |q: &&Process| q.is_alive() && q.id != p.id && !f.also_end.contains(&q.id);
        let left = world.pod_processes(&pod.uid).filter(lives_on).count();
        if left > 0 {
            all.push(Consequence::MembersLiveOn { count: left, keep_network: of_lab });
            if of_lab {
                all.push(Consequence::ContainersStopped);
            }
        }
        if !of_lab {
            all.push(Consequence::EngineDecides { engine: pod.runtime, about: Decision::Sandbox { pod: name } });
        } else if gets_new_sandbox(pod) {
            all.push(Consequence::NewSandbox { pod: name, ip });
            if !pod.volumes.is_empty() {
                all.push(Consequence::VolumesKept(pod.volumes.clone()));
            }
        } else {
            all.push(Consequence::SandboxLost { pod: name, ip });
        }
    } else if let Some(container) = pod.containers.iter().find(|c| c.process == Some(p.id)) {
        let again = container.kind == ContainerKind::Sidecar || pod.restarts_after(status);
        all.push(Consequence::ContainerTerminated {
            container: container.name.clone(),
            code: status.code(),
            is_restarted: of_lab && again,
        });
        let holder = holder.and_then(|id| world.process(id));
        if !of_lab {
            if let Some(holder) = holder.filter(|holder| holder.is_alive() && !f.also_end.contains(&holder.id)) {
                all.push(Consequence::NamespacesStay { holder: holder.id });
            }
            let about = Decision::Restart { policy: pod.restart };
            all.push(Consequence::EngineDecides { engine: pod.runtime, about });
        } else if finished_pod(world, p, status).is_some() {
            all.push(Consequence::PodFinished { pod: name, ip });
        } else if let Some(holder) = holder {
            all.push(Consequence::PodStays { holder: holder.id });
        }
    }
}

/// Whether the lab creates a new sandbox when the pod loses this one (`wants_sandbox` in lab/controller.rs).
fn gets_new_sandbox(pod: &Pod) -> bool {
    let succeeded = |c: &Container| matches!(&c.state, ContainerState::Terminated { status, .. } if status.success());
    let mut apps = pod.containers.iter().filter(|c| c.kind == ContainerKind::App);
    match pod.restart {
        Some(RestartPolicy::Always) => true,
        Some(RestartPolicy::OnFailure) => !apps.all(succeeded),
        Some(RestartPolicy::Never) | None => false,
    }
}

/// For a process that does not end, or may not.
fn of_other_effect(world: &World, p: &Process, f: &Prediction) -> Vec<Consequence> {
    let mut all = vec![Consequence::Reaction(reaction(world, p, f))];
    if is_ns_init(p) && f.signal == Signal::TERM && f.effect == Effect::Nothing {
        all.push(Consequence::StopTakesGracePeriod);
    }
    let may_end = matches!(f.effect, Effect::Handled | Effect::Readable | Effect::Awaited);
    if may_end
        && matches!(f.signal, Signal::TERM | Signal::INT | Signal::QUIT)
        && let Some((_, container)) = container_of_first_process(world, p)
    {
        all.push(Consequence::ContainerMayEnd(container.name.clone()));
    }
    all
}

fn reaction(world: &World, p: &Process, f: &Prediction) -> Reaction {
    let (signal, init) = (f.signal, is_ns_init(p) || is_own_init(p));
    let is_stopped = p.state == State::Stopped;
    match f.effect {
        Effect::Handled if is_known_pause(world, p) && signal == Signal::CHLD => Reaction::PauseReaps,
        Effect::Handled if p.signals.awaits(signal) == Some(true) => Reaction::WaitsInSigtimedwait,
        Effect::Handled => Reaction::HasHandler,
        Effect::Readable => Reaction::HoldsSignalfd,
        Effect::Awaited => Reaction::MayWaitForIt(match default_action(signal) {
            Default::Ignore => Otherwise::Nothing,
            Default::Stop => Otherwise::Stops,
            Default::End if init => Otherwise::Dropped,
            Default::End => Otherwise::Ends,
        }),
        Effect::Pending if is_stopped => Reaction::PendingWhileStopped,
        Effect::Pending if p.threads > 1 => Reaction::PendingForThread,
        Effect::Pending => Reaction::PendingWhileBlocked,
        Effect::Stops if reaps(world, p) => Reaction::PauseStops,
        Effect::Stops => Reaction::Stops,
        Effect::MayStop => Reaction::StopsUnlessOrphaned,
        Effect::Continues if reaps(world, p) => Reaction::PauseContinues,
        Effect::Continues => Reaction::Continues,
        Effect::Nothing if p.signals.ignores(signal) => Reaction::Ignores,
        Effect::Nothing if is_stopped && default_action(signal) == Default::Stop => Reaction::IsStoppedAlready,
        Effect::Nothing if default_action(signal) == Default::Ignore => Reaction::IgnoresByDefault,
        Effect::Nothing if init => Reaction::DroppedForInit,
        Effect::Nothing | Effect::Ends(_) => Reaction::NotReached,
    }
}

fn must_be_reaped(world: &World, p: &Process) -> Consequence {
    let parent = p.parent.process().and_then(|id| world.process(id));
    let fate = parent.map_or(ZombieFate::Unknown, |parent| zombie_fate(world, parent));
    Consequence::MustBeReaped { parent: parent.map(|parent| parent.id), fate }
}

/// What happens to a zombie when this parent ends.
pub fn zombie_fate(world: &World, parent: &Process) -> ZombieFate {
    match adopter(world, parent) {
        _ if is_ns_init(parent) => ZombieFate::ReapedWithNamespace,
        Some(by) if never_reaps(world, by) => ZombieFate::NeverReaped(by.id),
        Some(by) if reaps(world, by) => ZombieFate::Reaped(by.id),
        Some(by) if by.signals.ignores(Signal::CHLD) => ZombieFate::ReapedByKernel(by.id),
        Some(by) => ZombieFate::Adopted(by.id),
        None => ZombieFate::Unknown,
    }
}

/// What happens to the process between its exit and the reap.
fn reaping(world: &World, p: &Process) -> Reaping {
    let Some(parent) = p.parent.process().and_then(|id| world.process(id)) else {
        return match p.parent {
            Parent::Process(id) if is_node(world, id) => Reaping::ByNode,
            Parent::Process(_) => Reaping::ByUnknownParent,
            Parent::Outside | Parent::Unknown => Reaping::ByOutsideParent,
        };
    };
    if parent.signals.ignores(Signal::CHLD) {
        Reaping::ByKernel { parent: parent.id }
    } else if matches!(parent.state, State::Stopped | State::Traced) {
        Reaping::ByStoppedParent(parent.id)
    } else if is_node(world, parent.id) {
        Reaping::ByNode
    } else if never_reaps(world, parent) {
        Reaping::Never
    } else if reaps(world, parent) {
        Reaping::ByPause
    } else {
        Reaping::ByParent(parent.id)
    }
}

pub fn is_node(world: &World, id: ProcId) -> bool {
    world.node.as_ref().is_some_and(|n| n.process == id)
}

/// Whether it is a pause of the lab that reaps the orphans it adopts.
pub fn reaps(world: &World, p: &Process) -> bool {
    is_known_pause(world, p) && !never_reaps(world, p)
}

pub fn never_reaps(world: &World, p: &Process) -> bool {
    is_pause(p) && sandbox_kind(world, p) == Some(&SandboxKind::PauseNoReap)
}
