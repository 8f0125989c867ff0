//! Predicts what a signal will do, before it is sent.
//!
//! The rules of the kernel: `signal(7)`, `pid_namespaces(7)`, `sig_ignored` and `prepare_signal` in
//! `kernel/signal.c`, `zap_pid_ns_processes` in `kernel/pid_namespace.c`, `find_new_reaper` in `kernel/exit.c`. The
//! rules of the lab's controller: `src/lab/controller.rs`, `src/lab/node/leftovers.rs`.

mod consequence;
mod hits;
mod values;

use std::collections::BTreeSet;

pub(super) use consequence::{is_node, never_reaps, reaps, zombie_fate};
pub use hits::{Hit, Hits};
use serde::{Deserialize, Serialize};
pub use values::{Consequence, Decision, Otherwise, Reaction, Reaping, ZombieFate};

use super::names::{is_known_pause, is_ns_init, is_own_init};
use super::{
    Container, ContainerKind, ContainerState, NsId, NsKind, Pod, ProcId, Process, Signal, State, WaitStatus, World,
};

/// What happens to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The kernel drops the signal, or the process ignores it.
    Nothing,
    /// The signal stays pending: the process blocks it or is stopped.
    Pending,
    /// The process receives it in a handler or in `sigtimedwait(2)` and decides what to do.
    Handled,
    /// The signal stays pending until the process reads it from a `signalfd(2)` that it holds. A child that inherited
    /// the descriptor may never read it.
    Readable,
    /// The process sleeps in `sigtimedwait(2)`, and the signals it waits for could not be read. If it does not wait
    /// for this one, the default action follows.
    Awaited,
    /// The process ends with this wait status.
    Ends(WaitStatus),
    Stops,
    /// The process stops unless its process group is orphaned: then the kernel drops TSTP, TTIN and TTOU.
    MayStop,
    Continues,
}

/// The prediction for one signal to one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    pub target: ProcId,
    pub signal: Signal,
    pub effect: Effect,
    /// Processes that end besides the target: all in a pid namespace that ends, the remaining processes of a
    /// container whose first process ends, and the sandbox of a pod that is then finished.
    pub also_end: BTreeSet<ProcId>,
    /// Namespaces that no process is in afterwards.
    pub released: BTreeSet<NsId>,
    /// All of it, in the order in which it is told.
    pub consequences: Vec<Consequence>,
}

impl Prediction {
    /// Whether the target ends.
    pub const fn is_deadly(&self) -> bool {
        matches!(self.effect, Effect::Ends(_))
    }
}

/// Predicts what `signal` does to `target` when the app sends it from the host's pid namespace.
/// `None` if the process is not known.
pub fn predict(world: &World, target: ProcId, signal: Signal) -> Option<Prediction> {
    let p = world.process(target)?;
    let mut f = Prediction {
        target,
        signal,
        effect: Effect::Nothing,
        also_end: BTreeSet::new(),
        released: BTreeSet::new(),
        consequences: Vec::new(),
    };
    if p.is_alive() {
        f.effect = predict_effect(p, is_known_pause(world, p), signal);
    }
    if let Effect::Ends(status) = f.effect {
        f.also_end = also_end(world, p, status);
        f.released = released_namespaces(world, p.id, &f.also_end);
    }
    f.consequences = consequence::consequences(world, p, &f);
    Some(f)
}

/// `is_lab_pause`: the process is a pause that the lab itself provides.
fn predict_effect(p: &Process, is_lab_pause: bool, signal: Signal) -> Effect {
    let stopped = p.state == State::Stopped;
    // a kernel thread ignores all signals (`ignore_signals` in kernel/signal.c); no other process can ignore KILL
    if p.signals.ignores(Signal::KILL) {
        return Effect::Nothing;
    }
    match signal {
        // from within its own pid namespace an init gets only signals for which it has a handler (pid_namespaces(7))
        Signal::KILL | Signal::STOP if is_own_init(p) => return Effect::Nothing,
        Signal::KILL => return Effect::Ends(WaitStatus::killed(9)),
        Signal::STOP => return if stopped { Effect::Nothing } else { Effect::Stops },
        Signal::CONT if stopped => return Effect::Continues,
        _ => {}
    }
    // the lab's pause receives these in sigtimedwait(2) and exits
    if is_lab_pause && (signal == Signal::TERM || signal == Signal::INT) {
        return if stopped { Effect::Pending } else { Effect::Ends(WaitStatus::exited(0)) };
    }
    let received = if stopped { Effect::Pending } else { Effect::Handled };
    if is_lab_pause && p.signals.awaiting && signal == Signal::CHLD && p.signals.awaits(signal).is_none() {
        return received;
    }
    if p.signals.awaits(signal) == Some(true) {
        return received;
    }
    // a blocked signal is not ignored, even where its action is SIG_IGN (`sig_ignored` in kernel/signal.c)
    if p.signals.blocks(signal) {
        return if p.signals.reads(signal) && !stopped { Effect::Readable } else { Effect::Pending };
    }
    if p.signals.ignores(signal) {
        return Effect::Nothing;
    }
    if p.signals.catches(signal) {
        return received;
    }
    if p.signals.awaits(signal).is_none() && !is_lab_pause {
        return Effect::Awaited;
    }
    match default_action(signal) {
        // the kernel drops every signal for which the init of a pid namespace has no handler
        _ if is_ns_init(p) || is_own_init(p) => Effect::Nothing,
        Default::Ignore => Effect::Nothing,
        Default::Stop if stopped => Effect::Nothing,
        Default::Stop => Effect::MayStop,
        Default::End if stopped => Effect::Pending,
        Default::End => Effect::Ends(WaitStatus::killed(signal.0)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Default {
    End,
    Ignore,
    Stop,
}

/// The default action of a signal (`signal(7)`).
const fn default_action(signal: Signal) -> Default {
    match signal.0 {
        17 | 18 | 23 | 28 => Default::Ignore,
        19..=22 => Default::Stop,
        _ => Default::End,
    }
}

/// The processes that end because `p` ends with `status`: those of the pid namespace whose init it is, those of the
/// container whose first process it is, and those of the pod's sandbox if the pod is then finished.
fn also_end(world: &World, p: &Process, status: WaitStatus) -> BTreeSet<ProcId> {
    let mut all = BTreeSet::new();
    if is_ns_init(p)
        && let Some(ns) = p.namespaces.get(NsKind::Pid)
    {
        all.extend(world.in_pid_ns(ns).filter(|q| q.is_alive()).map(|q| q.id));
    }
    if let Some(member) = p.member.as_ref().filter(|_| container_of_first_process(world, p).is_some()) {
        all.extend(world.member_processes(member).filter(|q| q.is_alive()).map(|q| q.id));
    }
    if let Some(pod) = finished_pod(world, p, status) {
        all.extend(world.pod_processes(&pod.uid).filter(|q| q.is_alive()).map(|q| q.id));
    }
    all.remove(&p.id);
    all
}

/// The lab's pod that is finished when this process ends with `status`. The lab then ends its sandbox (`finish` in
/// lab/controller.rs).
fn finished_pod<'a>(world: &'a World, p: &Process, status: WaitStatus) -> Option<&'a Pod> {
    let (pod, container) = container_of_first_process(world, p)?;
    let holder = pod.sandbox.as_ref().filter(|s| s.ended.is_none())?.process;
    let is_finished = |c: &Container| match &c.state {
        _ if c.name == container.name => !pod.restarts_after(status),
        ContainerState::Terminated { status, .. } => !pod.restarts_after(*status),
        _ => false,
    };
    let pod_is_finished = match container.kind {
        ContainerKind::App => pod.containers.iter().filter(|c| c.kind == ContainerKind::App).all(is_finished),
        ContainerKind::Init => !status.success() && !pod.restarts_after(status),
        ContainerKind::Sidecar | ContainerKind::Ephemeral => false,
    };
    // when the holder of the sandbox ends, the sandbox ends with it in any case
    (pod_is_finished && holder != Some(p.id)).then_some(pod)
}

/// The lab's container whose first process this is. When that process ends, the lab kills the container's other
/// processes.
fn container_of_first_process<'a>(world: &'a World, p: &Process) -> Option<(&'a Pod, &'a Container)> {
    let member = p.member.as_ref()?;
    let pod = world.pod(&member.pod).filter(|pod| pod.is_of_lab())?;
    let container = pod.container(member.container.as_deref()?)?;
    (container.process == Some(p.id)).then_some((pod, container))
}

/// Namespaces in which every living process is among those that end.
fn released_namespaces(world: &World, target: ProcId, also: &BTreeSet<ProcId>) -> BTreeSet<NsId> {
    let ends = |id: ProcId| id == target || also.contains(&id);
    let is_released = |ns: &NsId| {
        let mut living = world.ns_members(*ns).peekable();
        living.peek().is_some() && living.all(|q| ends(q.id))
    };
    let touched: BTreeSet<NsId> = std::iter::once(target)
        .chain(also.iter().copied())
        .filter_map(|id| world.process(id))
        .flat_map(|q| q.namespaces.iter())
        .collect();
    touched.into_iter().filter(|ns| !world.is_host_ns(*ns) && is_released(ns)).collect()
}

/// The new parent of the children of `p` when it ends: the init of its pid namespace. `None` if `p` is that init, since
/// then all processes of the namespace end with it, or if the init is not known. A child subreaper (`prctl(2)`) cannot
/// be seen from outside.
pub fn adopter<'a>(world: &'a World, p: &Process) -> Option<&'a Process> {
    let init = world.pid_ns_init(p.namespaces.get(NsKind::Pid)?)?;
    (init.id != p.id && init.is_alive()).then_some(init)
}
