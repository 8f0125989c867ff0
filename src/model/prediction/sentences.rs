//! The prediction in words, one sentence each.

use std::collections::BTreeSet;

use super::{Default, Effect, Prediction, adopter, container_of_first_process, default_action, finished_pod};
use crate::model::names::{is_known_pause, is_ns_init, is_pause, sandbox_kind, short_name};
use crate::model::{
    Container, ContainerKind, ContainerState, NsKind, Parent, Pod, ProcId, Process, RestartPolicy, Runtime,
    SandboxKind, Signal, State, WaitStatus, World,
};

/// The sentences for a prediction.
pub(super) fn sentences(world: &World, p: &Process, f: &Prediction) -> Vec<String> {
    if p.is_gone() {
        return vec!["Nothing: the process is gone.".into()];
    }
    if p.is_zombie() {
        return zombie_sentences(world, p);
    }
    match f.effect {
        Effect::Ends(status) => end_sentences(world, p, status, f),
        _ => other_sentences(world, p, f),
    }
}

/// For a process that ends.
fn end_sentences(world: &World, p: &Process, status: WaitStatus, f: &Prediction) -> Vec<String> {
    let (init, pause) = (is_ns_init(p), is_pause(p));
    let name = short_name(p);
    let mut lines = Vec::new();
    match (pause, f.signal) {
        (true, Signal::KILL) => {}
        (true, signal) => lines.push(format!("pause handles {signal}, reports it on stderr and exits 0.")),
        (false, signal) if init => lines.push(format!("{name} ends at once: {}.", default_end(signal, status))),
        (false, signal) => lines.push(format!("{name} ends: {}.", default_end(signal, status))),
    }
    let finished = finished_pod(world, p, status);
    // processes of the sandbox end for another reason, which `pod_sentences` gives
    let at_once: BTreeSet<ProcId> =
        f.also_end.iter().copied().filter(|id| finished.is_none() || ends_directly(world, p, *id)).collect();
    let n = at_once.len();
    let more = || format!("{n} more {} ({})", plural(n, "process", "processes"), names(world, &at_once));
    if init && n > 0 {
        lines.push(format!("The pid namespace ends with its init: the kernel kills {}.", more()));
    } else if pause {
        lines.push("It is alone in its pid namespace, so no other process is killed.".into());
    } else if let Some((_, container)) = container_of_first_process(world, p).filter(|_| n > 0) {
        let name = &container.name;
        lines.push(format!(
            "It is the first process of container {name}: the lab kills what it leaves behind, {}.",
            more()
        ));
    }
    let left = world.children(p.id).filter(|c| !c.is_gone() && !f.also_end.contains(&c.id));
    let (zombies, orphans): (Vec<&Process>, Vec<&Process>) = left.partition(|c| c.is_zombie());
    let ids = |all: &[&Process]| -> BTreeSet<ProcId> { all.iter().map(|c| c.id).collect() };
    let (zombies, orphans) = (ids(&zombies), ids(&orphans));
    if !orphans.is_empty() {
        let by = adopter(world, p).map_or("PID 1 of their namespace".into(), short_name);
        let live_on = plural(orphans.len(), "lives on", "live on");
        lines.push(format!("{} {live_on}: orphaned, adopted by {by}.", names(world, &orphans)));
    }
    if !zombies.is_empty() {
        let them = plural(zombies.len(), "it", "them");
        let then = match adopter(world, p) {
            _ if init => format!("the kernel reaps {them} with the pid namespace"),
            Some(by) if reaps(world, by) => format!("{} adopts and reaps {them}", short_name(by)),
            Some(by) => format!("{} adopts {them}", short_name(by)),
            None => format!("PID 1 of the namespace adopts {them}"),
        };
        let are = plural(zombies.len(), "is a zombie", "are zombies");
        lines.push(format!("{} {are}: {then}.", names(world, &zombies)));
    }
    if !init {
        lines.push(reap_sentence(world, p));
    }
    let mut kinds: Vec<&str> = f.released.iter().map(|ns| ns.kind.name()).collect();
    kinds.dedup();
    if !kinds.is_empty() {
        let them = plural(kinds.len(), "it", "them");
        lines.push(format!("{}: no process left in {them}, released.", kinds.join(", ")));
    }
    if let Some(pod) = p.member.as_ref().and_then(|m| world.pod(&m.pod)) {
        pod_sentences(world, p, pod, status, f, &mut lines);
    }
    lines
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
fn pod_sentences(world: &World, p: &Process, pod: &Pod, status: WaitStatus, f: &Prediction, lines: &mut Vec<String>) {
    let holder = pod.sandbox.as_ref().and_then(|s| s.process);
    if is_pause(p) || holder == Some(p.id) {
        let lives_on = |q: &&Process| q.is_alive() && q.id != p.id && !f.also_end.contains(&q.id);
        let left = world.pod_processes(&pod.uid).filter(lives_on).count();
        if left > 0 {
            let live_on = plural(left, "member process lives", "member processes live");
            lines.push(format!("{left} {live_on} on in the same network: the pid namespace is not shared."));
            if pod.runtime == Runtime::Lab {
                lines.push("The lab then stops the containers: TERM, and KILL after the grace period.".into());
            }
        }
        if gets_new_sandbox(pod) {
            let ip = pod.ip.map_or(String::new(), |ip| format!(" and a new IP instead of {ip}"));
            lines.push(format!("Pod {}: SandboxChanged, it gets a new sandbox{ip}.", pod.name));
            if !pod.volumes.is_empty() {
                let (s, are) = (plural(pod.volumes.len(), "", "s"), plural(pod.volumes.len(), "is", "are"));
                lines.push(format!("Volume{s} {} {are} kept.", pod.volumes.join(", ")));
            }
        } else {
            let ip = pod.ip.map_or(String::new(), |ip| format!(", {ip} is free"));
            lines.push(format!("Pod {}: it no longer has a sandbox{ip}.", pod.name));
        }
    } else if let Some(container) = pod.containers.iter().find(|c| c.process == Some(p.id)) {
        let (name, code) = (&container.name, status.code());
        let again = container.kind == ContainerKind::Sidecar || pod.restart.restarts(status);
        let then = if pod.runtime == Runtime::Lab && again { ", and is started again" } else { "" };
        lines.push(format!("Container {name} is terminated, exit code {code}{then}."));
        if finished_pod(world, p, status).is_some() {
            let ip = pod.ip.map_or(String::new(), |ip| format!(", and {ip} is free"));
            lines.push(format!(
                "Pod {} is then finished, so the lab ends its sandbox, as a kubelet does{ip}.",
                pod.name
            ));
        } else if let Some(holder) = holder.and_then(|id| world.process(id)) {
            lines.push(format!("The pod, its IP and its namespaces stay: {} holds them.", short_name(holder)));
        }
    }
}

/// Whether the lab creates a new sandbox when the pod loses this one (`wants_sandbox` in lab/controller.rs).
fn gets_new_sandbox(pod: &Pod) -> bool {
    let succeeded = |c: &Container| matches!(&c.state, ContainerState::Terminated { status, .. } if status.success());
    let mut apps = pod.containers.iter().filter(|c| c.kind == ContainerKind::App);
    pod.runtime == Runtime::Lab
        && match pod.restart {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => !apps.all(succeeded),
            RestartPolicy::Never => false,
        }
}

/// For a process that does not end, or may not.
fn other_sentences(world: &World, p: &Process, f: &Prediction) -> Vec<String> {
    let (name, signal, init) = (short_name(p), f.signal, is_ns_init(p));
    let line = match f.effect {
        Effect::Handled => handled_sentence(world, p, signal),
        Effect::Readable => format!(
            "{name} holds a signalfd for {signal}: it stays pending until {name} reads it there and decides what to do."
        ),
        Effect::Awaited => format!(
            "{name} waits for signals: if {signal} is one of them, it wakes up and decides what to do, otherwise {}.",
            match default_action(signal) {
                Default::Ignore => "nothing happens",
                Default::Stop => "it stops",
                Default::End if init => "the kernel drops it, since it is PID 1",
                Default::End => "it ends",
            }
        ),
        Effect::Pending if p.state == State::Stopped => {
            format!("{name} is stopped: {signal} stays pending until it continues.")
        }
        Effect::Pending if p.threads > 1 => format!(
            "The first thread of {name} blocks {signal}: another of its {} threads may take it, or it stays pending.",
            p.threads
        ),
        Effect::Pending => format!("{name} blocks {signal}: it stays pending until it is unblocked or read."),
        Effect::Stops if reaps(world, p) => {
            "pause stops: it does not reap, so orphans that end stay zombies until CONT.".into()
        }
        Effect::Stops => {
            format!("{name} stops (state T) until CONT. Its parent is notified; it keeps its memory and sockets.")
        }
        Effect::MayStop => format!(
            "{name} stops (state T) until CONT, unless its process group is orphaned: then the kernel drops {signal}."
        ),
        Effect::Continues if reaps(world, p) => "pause continues and reaps all zombies that have piled up.".into(),
        Effect::Continues => format!("{name} continues where it was stopped."),
        Effect::Nothing if p.signals.ignores(signal) => format!("Nothing: {name} ignores {signal}."),
        Effect::Nothing if p.state == State::Stopped && default_action(signal) == Default::Stop => {
            format!("Nothing: {name} is stopped already.")
        }
        Effect::Nothing if default_action(signal) == Default::Ignore => {
            format!("Nothing: {signal} is ignored by default.")
        }
        Effect::Nothing if init => {
            format!("Nothing: {name} is PID 1 of its namespace and has no handler for {signal}; the kernel drops it.")
        }
        Effect::Nothing | Effect::Ends(_) => format!("Nothing: {signal} does not reach {name}."),
    };
    let mut lines = vec![line];
    if init && signal == Signal::TERM && f.effect == Effect::Nothing {
        lines.push("A stop with TERM would wait for the whole grace period, then send KILL.".into());
    }
    let may_end = matches!(f.effect, Effect::Handled | Effect::Readable | Effect::Awaited);
    if may_end
        && matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT)
        && let Some((_, container)) = container_of_first_process(world, p)
    {
        let name = &container.name;
        lines.push(format!("If it ends, container {name} ends with it: none of its processes survives."));
    }
    lines
}

/// How the process receives the signal.
fn handled_sentence(world: &World, p: &Process, signal: Signal) -> String {
    let name = short_name(p);
    if is_known_pause(world, p) && signal == Signal::CHLD {
        return "pause waits for SIGCHLD: it wakes up, reaps what has ended and sleeps again.".into();
    }
    if p.signals.awaits(signal) == Some(true) {
        format!("{name} waits for {signal} in sigtimedwait: it wakes up and decides what to do.")
    } else {
        format!("{name} has a handler for {signal}: it decides what to do.")
    }
}

fn zombie_sentences(world: &World, p: &Process) -> Vec<String> {
    let mut lines = vec!["Nothing: it is a zombie. It has ended; only its entry in the process table is left.".into()];
    let Some(parent) = p.parent.process().and_then(|id| world.process(id)) else {
        lines.push("Its parent must reap it.".into());
        return lines;
    };
    let name = short_name(parent);
    let then = match adopter(world, parent) {
        Some(init) if never_reaps(world, init) => {
            format!(" If {name} ends, {} adopts it and does not reap it.", short_name(init))
        }
        Some(init) if reaps(world, init) => format!(" If {name} ends, {} adopts and reaps it.", short_name(init)),
        Some(init) if init.signals.ignores(Signal::CHLD) => {
            format!(
                " If {name} ends, {} adopts it, and the kernel reaps it, since it ignores SIGCHLD.",
                short_name(init)
            )
        }
        Some(init) => {
            let init = short_name(init);
            format!(" If {name} ends, {init} adopts it; it stays until {init} waits for it.")
        }
        None if is_ns_init(parent) => format!(" If {name} ends, the kernel reaps it with the pid namespace."),
        None => String::new(),
    };
    lines.push(format!("{name} must reap it.{then}"));
    lines
}

fn default_end(signal: Signal, status: WaitStatus) -> String {
    format!("the default action of {signal}, exit code {}", status.code())
}

/// What happens to the process between its exit and the reap.
fn reap_sentence(world: &World, p: &Process) -> String {
    let Some(parent) = p.parent.process().and_then(|id| world.process(id)) else {
        return match p.parent {
            Parent::Process(id) if is_node(world, id) => "The node, its parent, reaps it at once.".into(),
            Parent::Process(_) => "A zombie until its parent waits for it.".into(),
            Parent::Outside | Parent::Unknown => "A zombie until its parent, outside the pod, waits for it.".into(),
        };
    };
    let name = short_name(parent);
    if parent.signals.ignores(Signal::CHLD) {
        format!("{name} ignores SIGCHLD: the kernel reaps it, no zombie.")
    } else if matches!(parent.state, State::Stopped | State::Traced) {
        format!("A zombie until {name}, which is stopped, continues and waits for it.")
    } else if is_node(world, parent.id) {
        "The node, its parent, reaps it at once.".into()
    } else if never_reaps(world, parent) {
        "A zombie as long as the pod lives: this pause does not reap.".into()
    } else if reaps(world, parent) {
        "pause reaps it at once.".into()
    } else {
        format!("A zombie until {name} waits for it.")
    }
}

fn is_node(world: &World, id: ProcId) -> bool {
    world.node.as_ref().is_some_and(|n| n.process == id)
}

/// Whether it is a pause of the lab that reaps the orphans it adopts.
fn reaps(world: &World, p: &Process) -> bool {
    is_known_pause(world, p) && !never_reaps(world, p)
}

fn never_reaps(world: &World, p: &Process) -> bool {
    is_pause(p) && sandbox_kind(world, p) == Some(&SandboxKind::PauseNoReap)
}

fn plural<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// Names with counts: `nginx: worker ×2, sh, sleep`. At most five, then `2 more`.
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
