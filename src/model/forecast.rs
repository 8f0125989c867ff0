//! What a signal will do, predicted before it is sent.
//!
//! The rules are the kernel's: `signal(7)`, `pid_namespaces(7)`, `sig_ignored` and `prepare_signal` in
//! `kernel/signal.c`, `zap_pid_ns_processes` in `kernel/pid_namespace.c`, `find_new_reaper` in `kernel/exit.c`. What
//! the lab does next is the controller's: `src/lab/controller.rs`, `src/lab/node/leftovers.rs`.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Container, ContainerKind, ContainerState, NsId, NsKind, Pod, ProcId, Process, Runtime, Signal, State, WaitStatus,
    World,
};

pub use super::names::{is_known_pause, is_ns_init, is_pause, member_name, millis, reaped_by, reaper_name, short_name};
pub use super::outcome::{last_sent, outcome};

/// What becomes of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The kernel drops the signal, or the process ignores it.
    Nothing,
    /// It stays pending: the process blocks it, or is stopped.
    Pending,
    /// The process takes it, by a handler or in `sigtimedwait(2)`, and decides for itself.
    Handled,
    /// It stays pending until the process reads it from a `signalfd(2)` that it holds. A child that has inherited the
    /// descriptor may never read it.
    Readable,
    /// It sleeps in `sigtimedwait(2)`, and which signals it waits for could not be read. If it does not wait for this
    /// one, the default action follows.
    Awaited,
    /// It ends with this wait status.
    Ends(WaitStatus),
    Stops,
    /// It stops unless its process group is orphaned: then the kernel drops TSTP, TTIN and TTOU.
    MayStop,
    Continues,
}

/// The prediction for one signal to one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub target: ProcId,
    pub signal: Signal,
    pub effect: Effect,
    /// Who ends besides the target: all in a pid namespace that ends, and what a container leaves behind.
    pub also_end: BTreeSet<ProcId>,
    /// Namespaces that no process holds any more afterwards.
    pub released: BTreeSet<NsId>,
    /// The prediction in words, one sentence each.
    pub lines: Vec<String>,
}

impl Forecast {
    /// Whether anything ends.
    pub const fn is_deadly(&self) -> bool {
        matches!(self.effect, Effect::Ends(_))
    }
}

/// Predicts what `signal`, sent by the app from the host's pid namespace, does to `target`.
/// `None` when the process is not known.
pub fn forecast(world: &World, target: ProcId, signal: Signal) -> Option<Forecast> {
    let p = world.process(target)?;
    let mut f = Forecast {
        target,
        signal,
        effect: Effect::Nothing,
        also_end: BTreeSet::new(),
        released: BTreeSet::new(),
        lines: Vec::new(),
    };
    if p.is_alive() {
        f.effect = effect(p, is_known_pause(world, p), signal);
    }
    if let Effect::Ends(status) = f.effect {
        f.also_end = also_end(world, p, status);
        f.released = released(world, p.id, &f.also_end);
    }
    f.lines = words::lines(world, p, &f);
    Some(f)
}

/// `known`: it is a pause of the lab's.
fn effect(p: &Process, known: bool, signal: Signal) -> Effect {
    let stopped = p.state == State::Stopped;
    match signal {
        Signal::KILL => return Effect::Ends(WaitStatus::killed(9)),
        Signal::STOP => return if stopped { Effect::Nothing } else { Effect::Stops },
        Signal::CONT if stopped => return Effect::Continues,
        _ => {}
    }
    // the lab's pause is known: it takes these in sigtimedwait(2)
    if known && (signal == Signal::TERM || signal == Signal::INT) {
        return if stopped { Effect::Pending } else { Effect::Ends(WaitStatus::exited(0)) };
    }
    let taken = if stopped { Effect::Pending } else { Effect::Handled };
    if known && p.signals.awaiting && signal == Signal::CHLD && p.signals.awaits(signal).is_none() {
        return taken;
    }
    if p.signals.awaits(signal) == Some(true) {
        return taken;
    }
    // a blocked signal is not ignored, even where its action is SIG_IGN (`sig_ignored` in kernel/signal.c)
    if p.signals.blocks(signal) {
        return if p.signals.reads(signal) && !stopped { Effect::Readable } else { Effect::Pending };
    }
    if p.signals.ignores(signal) {
        return Effect::Nothing;
    }
    if p.signals.catches(signal) {
        return taken;
    }
    if p.signals.awaits(signal).is_none() && !known {
        return Effect::Awaited;
    }
    match default_action(signal) {
        // the init of a pid namespace is spared every signal it has no handler for
        _ if is_ns_init(p) => Effect::Nothing,
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

/// The default dispositions of `signal(7)`.
const fn default_action(signal: Signal) -> Default {
    match signal.0 {
        17 | 18 | 23 | 28 => Default::Ignore,
        19..=22 => Default::Stop,
        _ => Default::End,
    }
}

/// Who ends when `p` has ended so: its pid namespace, what it leaves behind as a container's first process, and with the
/// last container the pod's sandbox.
fn also_end(world: &World, p: &Process, status: WaitStatus) -> BTreeSet<ProcId> {
    let mut all = BTreeSet::new();
    if is_ns_init(p)
        && let Some(ns) = p.namespaces.get(NsKind::Pid)
    {
        all.extend(in_pid_ns(world, ns));
    }
    if led_container(world, p).is_some() {
        let leftovers = world.present().filter(|q| q.is_alive() && q.member == p.member);
        all.extend(leftovers.map(|q| q.id));
    }
    if let Some(pod) = pod_over(world, p, status) {
        all.extend(world.pod_processes(&pod.uid).filter(|q| q.is_alive()).map(|q| q.id));
    }
    all.remove(&p.id);
    all
}

/// The lab's pod that is over when this process ends so: the lab then ends its sandbox (`finish` in lab/controller.rs).
fn pod_over<'a>(world: &'a World, p: &Process, status: WaitStatus) -> Option<&'a Pod> {
    let (pod, container) = led_container(world, p)?;
    let holder = pod.sandbox.as_ref().filter(|s| s.ended.is_none())?.process;
    let done = |c: &Container| match &c.state {
        _ if c.name == container.name => !pod.restart.restarts(status),
        ContainerState::Terminated { status, .. } => !pod.restart.restarts(*status),
        _ => false,
    };
    let over = match container.kind {
        ContainerKind::App => pod.containers.iter().filter(|c| c.kind == ContainerKind::App).all(done),
        ContainerKind::Init => !status.success() && !pod.restart.restarts(status),
        ContainerKind::Sidecar | ContainerKind::Ephemeral => false,
    };
    // what holds the sandbox takes it along, over or not
    (over && holder != Some(p.id)).then_some(pod)
}

/// The lab's container whose first process this is: when it ends, the lab kills what the container leaves behind.
fn led_container<'a>(world: &'a World, p: &Process) -> Option<(&'a Pod, &'a Container)> {
    let member = p.member.as_ref()?;
    let pod = world.pod(&member.pod).filter(|pod| pod.runtime == Runtime::Lab)?;
    let container = pod.container(member.container.as_deref()?)?;
    (container.process == Some(p.id)).then_some((pod, container))
}

/// Everyone alive in a pid namespace or in one nested in it.
fn in_pid_ns(world: &World, ns: NsId) -> impl Iterator<Item = ProcId> + '_ {
    let inside = move |at: NsId| world.with_parents(at).any(|above| above == ns);
    world.present().filter(move |q| q.is_alive() && q.namespaces.get(NsKind::Pid).is_some_and(inside)).map(|q| q.id)
}

/// Namespaces whose every living process is among those that end.
fn released(world: &World, target: ProcId, also: &BTreeSet<ProcId>) -> BTreeSet<NsId> {
    let ends = |id: ProcId| id == target || also.contains(&id);
    let mut held: BTreeMap<NsId, bool> = BTreeMap::new();
    for q in world.present().filter(|q| q.is_alive()) {
        for ns in q.namespaces.iter() {
            *held.entry(ns).or_default() |= !ends(q.id);
        }
    }
    let touched: BTreeSet<NsId> = std::iter::once(target)
        .chain(also.iter().copied())
        .filter_map(|id| world.process(id))
        .flat_map(|q| q.namespaces.iter())
        .collect();
    touched.into_iter().filter(|ns| held.get(ns) == Some(&false) && !world.is_host_ns(*ns)).collect()
}

/// Who gets the children of `p` when it ends: the init of its pid namespace. `None` when it is that init itself, since
/// then all end with it, or when it is not known. A child subreaper (`prctl(2)`) cannot be seen from outside.
pub fn adopter<'a>(world: &'a World, p: &Process) -> Option<&'a Process> {
    let init = world.pid_ns_init(p.namespaces.get(NsKind::Pid)?)?;
    (init.id != p.id && init.is_alive()).then_some(init)
}
