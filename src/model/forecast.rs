//! What a signal will do, told before it is sent, and what it did, told after.
//!
//! The rules are the kernel's: `signal(7)`, `pid_namespaces(7)`, `sig_task_ignored` and
//! `prepare_signal` in `kernel/signal.c`, `zap_pid_ns_processes` in `kernel/pid_namespace.c`,
//! `find_new_reaper` in `kernel/exit.c`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Container, ContainerKind, ContainerState, Member, NsId, NsKind, Parent, Pod, ProcId, Process, Reap, RestartPolicy,
    Runtime, Sent, Signal, State, WaitStatus, World,
};

/// What becomes of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The kernel drops the signal, or the process ignores it.
    Nothing,
    /// It stays pending: the process blocks it and may fetch it itself.
    Pending,
    /// The process has a handler and decides for itself.
    Handled,
    /// It is asleep in `sigtimedwait(2)` and may be waiting for this very signal; if not, the default
    /// action follows. The kernel does not tell which signals it waits for.
    Awaited,
    /// It ends with this wait status.
    Ends(WaitStatus),
    Stops,
    Continues,
}

/// The prediction for one signal to one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub target: ProcId,
    pub signal: Signal,
    pub effect: Effect,
    /// Who ends besides the target, because their pid namespace ends.
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
    if p.is_gone() {
        f.lines.push("Nothing: the process is gone.".into());
        return Some(f);
    }
    if p.is_zombie() {
        zombie_lines(world, p, &mut f);
        return Some(f);
    }
    let init = is_ns_init(p);
    let pause = p.member.as_ref().is_some_and(|m| m.container.is_none()) && init;
    f.effect = effect(p, signal, init, pause);
    match f.effect {
        Effect::Ends(status) => ends(world, p, init, pause, status, &mut f),
        _ => other_lines(p, init, pause, &mut f),
    }
    Some(f)
}

/// PID 1 of its own pid namespace, and not of the observer's.
pub fn is_ns_init(p: &Process) -> bool {
    p.nspid.len() > 1 && p.pid_inside() == Some(1)
}

fn effect(p: &Process, signal: Signal, init: bool, pause: bool) -> Effect {
    match signal {
        Signal::KILL => return Effect::Ends(WaitStatus::killed(9)),
        Signal::STOP => return if p.state == State::Stopped { Effect::Nothing } else { Effect::Stops },
        Signal::CONT if p.state == State::Stopped => return Effect::Continues,
        _ => {}
    }
    // pause takes TERM and INT in sigtimedwait(2), or by a handler
    if pause && (signal == Signal::TERM || signal == Signal::INT) {
        return if p.state == State::Stopped { Effect::Pending } else { Effect::Ends(WaitStatus::exited(0)) };
    }
    if p.signals.ignores(signal) {
        return Effect::Nothing;
    }
    if p.signals.blocks(signal) {
        return Effect::Pending;
    }
    if p.signals.catches(signal) {
        return if p.state == State::Stopped { Effect::Pending } else { Effect::Handled };
    }
    if p.signals.awaiting && !pause {
        return Effect::Awaited;
    }
    match default_action(signal) {
        // the init of a pid namespace is spared every signal it has no handler for
        _ if init => Effect::Nothing,
        Default::Ignore => Effect::Nothing,
        Default::Stop => Effect::Stops,
        Default::End if p.state == State::Stopped => Effect::Pending,
        Default::End => Effect::Ends(WaitStatus::killed(signal.0)),
    }
}

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

fn ends(world: &World, p: &Process, init: bool, pause: bool, status: WaitStatus, f: &mut Forecast) {
    if init && let Some(ns) = p.namespaces.get(NsKind::Pid) {
        f.also_end = in_pid_ns(world, ns).filter(|id| *id != p.id).collect();
    }
    f.released = released(world, p.id, &f.also_end);
    let name = short_name(p);
    match (pause, f.signal) {
        (true, Signal::KILL) => {}
        (true, signal) => f.lines.push(format!("pause hears {signal}, says so on stderr and exits 0.")),
        (false, signal) if init => f.lines.push(format!("{name} ends at once: {}.", by_signal(signal, status))),
        (false, signal) => f.lines.push(format!("{name} ends: {}.", by_signal(signal, status))),
    }
    if init {
        let n = f.also_end.len();
        if n > 0 {
            f.lines.push(format!(
                "The pid namespace dies with its init: the kernel kills {n} more {} ({}).",
                plural(n, "process", "processes"),
                names(world, &f.also_end)
            ));
        } else if pause {
            f.lines.push("Nobody else lives in its pid namespace, so nobody else is killed.".into());
        }
    }
    let orphans: BTreeSet<ProcId> =
        world.children(p.id).filter(|c| !c.is_gone() && !f.also_end.contains(&c.id)).map(|c| c.id).collect();
    if !orphans.is_empty() {
        f.lines.push(format!(
            "{} {}: orphaned, adopted by {}.",
            names(world, &orphans),
            plural(orphans.len(), "lives on", "live on"),
            adopter(world, p)
        ));
    }
    if !init {
        f.lines.push(reaper_line(world, p));
    }
    let mut shared: Vec<&str> = f.released.iter().map(|ns| ns.kind.name()).collect();
    shared.dedup();
    if !shared.is_empty() {
        f.lines.push(format!(
            "{}: no process left in {}, released.",
            shared.join(", "),
            plural(shared.len(), "it", "them")
        ));
    }
    if let Some(pod) = p.member.as_ref().and_then(|m| world.pod(&m.pod)) {
        pod_lines(world, p, pod, pause, status, f);
    }
}

fn pod_lines(world: &World, p: &Process, pod: &Pod, pause: bool, status: WaitStatus, f: &mut Forecast) {
    let holds_sandbox = pause || pod.sandbox.as_ref().is_some_and(|s| s.process == Some(p.id));
    if holds_sandbox {
        let left =
            world.pod_processes(&pod.uid).filter(|q| q.is_alive() && q.id != p.id && !f.also_end.contains(&q.id));
        let left = left.count();
        if left > 0 {
            f.lines.push(format!(
                "{left} {} on in the same network: the pid namespace is not shared.",
                plural(left, "member process lives", "member processes live")
            ));
        }
        if comes_back(pod) {
            let ip = pod.ip.map_or(String::new(), |ip| format!(" and another address than {ip}"));
            f.lines.push(format!("Pod {}: SandboxChanged, it gets a new sandbox{ip}.", pod.name));
            if !pod.volumes.is_empty() {
                let (s, are) = (plural(pod.volumes.len(), "", "s"), plural(pod.volumes.len(), "is", "are"));
                f.lines.push(format!("Volume{s} {} {are} kept.", pod.volumes.join(", ")));
            }
        } else {
            let ip = pod.ip.map_or(String::new(), |ip| format!(", {ip} is free again"));
            f.lines.push(format!("Pod {}: no sandbox any more{ip}.", pod.name));
        }
    } else if let Some(container) = pod.containers.iter().find(|c| c.process == Some(p.id)) {
        let (name, code) = (&container.name, status.code());
        let again = container.kind == ContainerKind::Sidecar || pod.restart.restarts(status);
        let then = if pod.runtime == Runtime::Lab && again { ", and is started again" } else { "" };
        f.lines.push(format!("Container {name} is terminated, exit code {code}{then}."));
        f.lines.push("The pod, its IP and its namespaces stay: pause holds them.".into());
    }
}

/// Whether the lab gives it another sandbox when it loses this one.
fn comes_back(pod: &Pod) -> bool {
    let done = |c: &Container| matches!(&c.state, ContainerState::Terminated { status, .. } if status.success());
    let mut apps = pod.containers.iter().filter(|c| c.kind == ContainerKind::App);
    pod.runtime == Runtime::Lab
        && match pod.restart {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => !apps.all(done),
            RestartPolicy::Never => false,
        }
}

fn other_lines(p: &Process, init: bool, pause: bool, f: &mut Forecast) {
    let (name, signal) = (short_name(p), f.signal);
    let line = match f.effect {
        Effect::Handled => format!("{name} has a handler for {signal}: what follows is its own decision."),
        Effect::Awaited => format!(
            "{name} waits for signals: if {signal} is one of them it wakes and decides itself, else {}.",
            match default_action(signal) {
                Default::Ignore => "nothing happens",
                Default::Stop => "it stops",
                Default::End if init => "the kernel drops it, since it is PID 1",
                Default::End => "it ends",
            }
        ),
        Effect::Pending if p.state == State::Stopped => {
            format!("{name} is stopped: {signal} waits until it continues.")
        }
        Effect::Pending if pause => {
            format!("pause waits for {signal}: it wakes, reaps what has ended, and sleeps again.")
        }
        Effect::Pending => format!("{name} blocks {signal}: it stays pending until it is unblocked or fetched."),
        Effect::Stops if pause => "pause stops: nobody reaps, orphans that end stay zombies until CONT.".into(),
        Effect::Stops => format!("{name} stops (state T) until CONT. Its parent is told; its memory and sockets stay."),
        Effect::Continues if pause => "pause goes on and reaps every zombie that piled up.".into(),
        Effect::Continues => format!("{name} goes on where it was stopped."),
        Effect::Nothing if p.signals.ignores(signal) => format!("Nothing: {name} ignores {signal}."),
        Effect::Nothing if signal == Signal::STOP => format!("Nothing: {name} is stopped already."),
        Effect::Nothing if matches!(default_action(signal), Default::Ignore) => {
            format!("Nothing: {signal} is ignored by default.")
        }
        Effect::Nothing if init => {
            format!("Nothing: {name} is PID 1 of its namespace and has no handler for {signal}; the kernel drops it.")
        }
        Effect::Nothing | Effect::Ends(_) => format!("Nothing: {signal} does not reach {name}."),
    };
    f.lines.push(line);
    if init && signal == Signal::TERM && f.effect == Effect::Nothing {
        f.lines.push("A stop by TERM would wait for the whole grace period, then KILL.".into());
    }
}

fn zombie_lines(world: &World, p: &Process, f: &mut Forecast) {
    f.lines.push("Nothing: it is a zombie, dead already; only its table entry is left.".into());
    let reaper = parent_name(world, p);
    f.lines
        .push(format!("{reaper} must reap it. If {reaper} ends, {} adopts and reaps it.", adopter_of_orphan(world, p)));
}

/// Everyone alive in a pid namespace or in one nested in it.
fn in_pid_ns(world: &World, ns: NsId) -> impl Iterator<Item = ProcId> + '_ {
    let inside = move |mut at: NsId| {
        // nesting is at most 32 deep (MAX_PID_NS_LEVEL in include/linux/pid_namespace.h)
        for _ in 0..33 {
            if at == ns {
                return true;
            }
            match world.namespaces.get(&at).and_then(|n| n.parent) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    };
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

fn by_signal(signal: Signal, status: WaitStatus) -> String {
    format!("{signal} has its default action, exit code {}", status.code())
}

fn reaper_line(world: &World, p: &Process) -> String {
    match p.parent {
        Parent::Process(id) if world.node.as_ref().is_some_and(|n| n.process == id) => {
            "The node, its parent, reaps it at once.".into()
        }
        Parent::Process(id) => match world.process(id) {
            Some(parent) if parent.signals.ignores(Signal::CHLD) => {
                format!("{} ignores SIGCHLD: the kernel reaps it, no zombie.", short_name(parent))
            }
            Some(parent) if is_pause(parent) => "pause reaps it at once.".into(),
            Some(parent) => format!("A zombie until {} waits for it.", short_name(parent)),
            None => "A zombie until its parent waits for it.".into(),
        },
        Parent::Outside | Parent::Unknown => "A zombie until its parent, outside the pod, waits for it.".into(),
    }
}

fn is_pause(p: &Process) -> bool {
    p.member.as_ref().is_some_and(|m| m.container.is_none()) && is_ns_init(p)
}

fn parent_name(world: &World, p: &Process) -> String {
    p.parent.process().and_then(|id| world.process(id)).map_or("its parent".into(), short_name)
}

/// Who gets the children of `p` when it ends: the init of their pid namespace.
fn adopter(world: &World, p: &Process) -> String {
    let Some(ns) = p.namespaces.get(NsKind::Pid) else { return "PID 1 of their namespace".into() };
    match world.ns_members(ns).find(|q| q.pid_inside() == Some(1)) {
        Some(init) if init.id == p.id => "nobody".into(),
        Some(init) => short_name(init),
        None => "PID 1 of their namespace".into(),
    }
}

fn adopter_of_orphan(world: &World, p: &Process) -> String {
    let Some(parent) = p.parent.process().and_then(|id| world.process(id)) else { return "PID 1".into() };
    adopter(world, parent)
}

/// Who reaped, by name; `None` when nobody saw it.
pub fn reaper_name(world: &World, reap: Reap) -> Option<String> {
    reap.by.process().and_then(|id| world.process(id)).map(short_name)
}

/// "Reaped by pause", or that its reaper was not seen.
pub fn reaped_by(world: &World, reap: Reap) -> String {
    reaper_name(world, reap).map_or("Reaped, by whom was not seen".into(), |by| format!("Reaped by {by}"))
}

/// `pause`, or the program's name without its arguments.
pub fn short_name(p: &Process) -> String {
    match &p.member {
        Some(Member { container: None, .. }) if is_ns_init(p) => "pause".into(),
        _ if p.comm.is_empty() => format!("pid {}", p.id.pid),
        _ => p.comm.clone(),
    }
}

fn plural<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// `web: worker ×2, sh, sleep`
fn names(world: &World, ids: &BTreeSet<ProcId>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for name in ids.iter().filter_map(|id| world.process(*id)).map(short_name) {
        match counts.iter_mut().find(|(n, _)| *n == name) {
            Some((_, n)) => *n += 1,
            None => counts.push((name, 1)),
        }
    }
    let more = counts.len().saturating_sub(5);
    let mut parts: Vec<String> =
        counts.into_iter().take(5).map(|(n, c)| if c > 1 { format!("{n} ×{c}") } else { n }).collect();
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}

/// What came of a signal so far, in words, beside what had been predicted.
pub fn outcome(world: &World, sent: &Sent) -> Vec<String> {
    if let Some(error) = &sent.error {
        return vec![format!("Not sent: {error}.")];
    }
    let Some(p) = world.process(sent.target) else { return vec!["It is long gone.".into()] };
    let mut lines = Vec::new();
    match (p.exit, p.reap) {
        (Some(exit), reap) => {
            let how = exit.status.map_or("ended".into(), |s| s.to_string());
            lines.push(format!("{}: {how} after {}.", short_name(p), millis(exit.at.t.since(sent.at.t))));
            match reap {
                Some(reap) => {
                    lines.push(format!("{}, {} a zombie.", reaped_by(world, reap), millis(reap.at.t.since(exit.at.t))));
                }
                None => lines.push("Not reaped yet: it is a zombie.".into()),
            }
        }
        (None, _) => lines.push(match p.state {
            State::Stopped => format!("{} is stopped.", short_name(p)),
            _ => format!("{} lives on.", short_name(p)),
        }),
    }
    if !sent.foretold.is_empty() {
        let ended = sent.foretold.iter().filter(|id| world.process(**id).is_none_or(|q| !q.is_alive())).count();
        lines.push(format!("{ended} of the {} foretold ended with it.", sent.foretold.len()));
    }
    lines
}

/// A duration as people read it: `840 ns`, `12.3 µs`, `1.24 ms`, `2.50 s`.
pub fn millis(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        1_000_000_000..120_000_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        _ => {
            let s = ns / 1_000_000_000;
            if s < 7200 {
                format!("{} min {:02} s", s / 60, s % 60)
            } else {
                format!("{} h {:02} min", s / 3600, s / 60 % 60)
            }
        }
    }
}
