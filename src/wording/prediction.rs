//! A prediction in words.

use std::collections::BTreeSet;

use super::name;
use crate::model::names::short_name;
use crate::model::prediction::{
    Consequence, Decision, Effect, Hit, Otherwise, Prediction, Reaction, Reaping, ZombieFate,
};
use crate::model::{ProcId, Runtime, World};

/// The prediction, one sentence for each consequence.
pub fn sentences(world: &World, prediction: &Prediction) -> Vec<String> {
    prediction.consequences.iter().map(|consequence| sentence(world, prediction, consequence)).collect()
}

/// What a signal would do to one process, without its subject.
pub const fn hit(hit: Hit) -> &'static str {
    match hit {
        Hit::Ends => "would end",
        Hit::Stops => "would stop",
        Hit::MayStop => "may stop",
        Hit::Continues => "would continue",
        Hit::Receives => "would get the signal",
        Hit::Waits => "would not get the signal yet",
        Hit::Nothing => "would not react",
        Hit::Reaped => "would be reaped",
        Hit::Adopted => "would get another parent",
    }
}

fn sentence(world: &World, prediction: &Prediction, consequence: &Consequence) -> String {
    match consequence {
        Consequence::Reaction(reaction) => reaction_sentence(world, prediction, *reaction),
        Consequence::PidNamespaceEnds(killed) => {
            format!("The pid namespace ends with its init: the kernel kills {}.", more(world, killed))
        }
        Consequence::AloneInPidNamespace => "It is alone in its pid namespace, so no other process is killed.".into(),
        Consequence::LeftoversKilled { container, processes } => format!(
            "It is the first process of container {container}: the lab kills what it leaves behind, {}.",
            more(world, processes)
        ),
        Consequence::Orphans { processes, adopter } => {
            let by = adopter.map_or("PID 1 of their namespace".into(), |by| name(world, by));
            let live_on = plural(processes.len(), "lives on", "live on");
            format!("{} {live_on}: orphaned, adopted by {by}.", names(world, processes))
        }
        Consequence::ZombieChildren { processes, fate } => {
            let them = plural(processes.len(), "it", "them");
            let then = match *fate {
                ZombieFate::ReapedWithNamespace => format!("the kernel reaps {them} with the pid namespace"),
                ZombieFate::Reaped(by) => format!("{} adopts and reaps {them}", name(world, by)),
                ZombieFate::NeverReaped(by) | ZombieFate::ReapedByKernel(by) | ZombieFate::Adopted(by) => {
                    format!("{} adopts {them}", name(world, by))
                }
                ZombieFate::Unknown => format!("PID 1 of the namespace adopts {them}"),
            };
            let are = plural(processes.len(), "is a zombie", "are zombies");
            format!("{} {are}: {then}.", names(world, processes))
        }
        Consequence::Reaping(reaping) => reaping_sentence(world, *reaping),
        Consequence::NamespacesReleased(kinds) => {
            let them = plural(kinds.len(), "it", "them");
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            format!("{}: no process left in {them}, released.", kinds.join(", "))
        }
        Consequence::NamespacesEmptied(kinds) => {
            let them = plural(kinds.len(), "it", "them");
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            format!(
                "{}: no process that is seen is left in {them}. A mount or an open file may hold {them}.",
                kinds.join(", ")
            )
        }
        Consequence::MembersLiveOn { count, keep_network } => {
            let live_on = plural(*count, "member process lives", "member processes live");
            let place = if *keep_network { " in the same network" } else { "" };
            format!("{count} {live_on} on{place}: the pid namespace is not shared.")
        }
        Consequence::ContainersStopped => {
            "The lab then stops the containers: TERM, and KILL after the grace period.".into()
        }
        Consequence::NewSandbox { pod, ip } => {
            let ip = ip.map_or(String::new(), |ip| format!(" and a new IP instead of {ip}"));
            format!("Pod {pod}: SandboxChanged, it gets a new sandbox{ip}.")
        }
        Consequence::VolumesKept(volumes) => {
            let (s, are) = (plural(volumes.len(), "", "s"), plural(volumes.len(), "is", "are"));
            format!("Volume{s} {} {are} kept.", volumes.join(", "))
        }
        Consequence::SandboxLost { pod, ip } => {
            let ip = ip.map_or(String::new(), |ip| format!(", {ip} is free"));
            format!("Pod {pod}: it no longer has a sandbox{ip}.")
        }
        Consequence::ContainerTerminated { container, code, is_restarted } => {
            let then = if *is_restarted { ", and is started again" } else { "" };
            format!("Container {container} is terminated, exit code {code}{then}.")
        }
        Consequence::PodFinished { pod, ip } => {
            let ip = ip.map_or(String::new(), |ip| format!(", and {ip} is free"));
            format!("Pod {pod} is then finished, so the lab ends its sandbox, as a kubelet does{ip}.")
        }
        Consequence::PodStays { holder } => {
            format!("The pod, its IP and its namespaces stay: {} holds them.", name(world, *holder))
        }
        Consequence::NamespacesStay { holder } => {
            format!("The namespaces that the pod's members share stay: {} holds them.", name(world, *holder))
        }
        Consequence::EngineDecides { engine, about: Decision::Restart { policy } } => {
            let policy = match policy {
                Some(policy) => format!(" (restart policy {policy:?})"),
                None => String::new(),
            };
            format!("{} decides whether it is started again{policy}.", decider(*engine))
        }
        Consequence::EngineDecides { engine, about: Decision::Leftovers { processes } } => format!(
            "{} decides what becomes of the other processes of its container ({}): it may end them.",
            decider(*engine),
            names(world, processes)
        ),
        Consequence::EngineDecides { engine, about: Decision::Sandbox { pod } } => format!(
            "{} decides what becomes of pod {pod}: its other containers may be stopped, or started again with another IP.",
            decider(*engine)
        ),
        Consequence::StopTakesGracePeriod => {
            "A stop with TERM would wait for the whole grace period, then send KILL.".into()
        }
        Consequence::ContainerMayEnd(container) => {
            format!("If it ends, container {container} ends with it: none of its processes survives.")
        }
        Consequence::MustBeReaped { parent: None, .. } => "Its parent must reap it.".into(),
        Consequence::MustBeReaped { parent: Some(parent), fate } => {
            let parent = name(world, *parent);
            format!("{parent} must reap it.{}", fate_sentence(world, &parent, *fate))
        }
    }
}

/// Who decides what becomes of a container, to begin a sentence.
const fn decider(engine: Runtime) -> &'static str {
    match engine {
        Runtime::Lab => "the lab",
        Runtime::Docker => "docker",
        Runtime::Podman => "podman",
        Runtime::Containerd => "containerd, or the kubelet that uses it,",
        Runtime::CriO => "CRI-O, or the kubelet that uses it,",
        Runtime::Unknown => "Whoever runs it",
    }
}

fn reaction_sentence(world: &World, prediction: &Prediction, reaction: Reaction) -> String {
    let (name, signal) = (name(world, prediction.target), prediction.signal);
    let code = match prediction.effect {
        Effect::Ends(status) => status.code(),
        _ => 0,
    };
    match reaction {
        Reaction::IsGone => "Nothing: the process is gone.".into(),
        Reaction::IsZombie => {
            "Nothing: it is a zombie. It has ended; only its entry in the process table is left.".into()
        }
        Reaction::Ends => format!("{name} ends: the default action of {signal}, exit code {code}."),
        Reaction::EndsAtOnce => format!("{name} ends at once: the default action of {signal}, exit code {code}."),
        Reaction::PauseExits => format!("pause handles {signal}, reports it on stderr and exits 0."),
        Reaction::PauseReaps => "pause waits for SIGCHLD: it wakes up, reaps what has ended and sleeps again.".into(),
        Reaction::WaitsInSigtimedwait => {
            format!("{name} waits for {signal} in sigtimedwait: it wakes up and decides what to do.")
        }
        Reaction::HasHandler => format!("{name} has a handler for {signal}: it decides what to do."),
        Reaction::HoldsSignalfd => format!(
            "{name} holds a signalfd for {signal}: it stays pending until {name} reads it there and decides what to do."
        ),
        Reaction::MayWaitForIt(otherwise) => format!(
            "{name} waits for signals: if {signal} is one of them, it wakes up and decides what to do, otherwise {}.",
            match otherwise {
                Otherwise::Nothing => "nothing happens",
                Otherwise::Stops => "it stops",
                Otherwise::Dropped => "the kernel drops it, since it is PID 1",
                Otherwise::Ends => "it ends",
            }
        ),
        Reaction::PendingWhileStopped => format!("{name} is stopped: {signal} stays pending until it continues."),
        Reaction::PendingForThread => format!(
            "The first thread of {name} blocks {signal}: another of its {} threads may take it, or it stays pending.",
            world.process(prediction.target).map_or(0, |p| p.threads)
        ),
        Reaction::PendingWhileBlocked => {
            format!("{name} blocks {signal}: it stays pending until it is unblocked or read.")
        }
        Reaction::PauseStops => "pause stops: it does not reap, so orphans that end stay zombies until CONT.".into(),
        Reaction::Stops => {
            format!("{name} stops (state T) until CONT. Its parent is notified; it keeps its memory and sockets.")
        }
        Reaction::StopsUnlessOrphaned => format!(
            "{name} stops (state T) until CONT, unless its process group is orphaned: then the kernel drops {signal}."
        ),
        Reaction::PauseContinues => "pause continues and reaps all zombies that have piled up.".into(),
        Reaction::Continues => format!("{name} continues where it was stopped."),
        Reaction::Ignores => format!("Nothing: {name} ignores {signal}."),
        Reaction::IsStoppedAlready => format!("Nothing: {name} is stopped already."),
        Reaction::IgnoresByDefault => format!("Nothing: {signal} is ignored by default."),
        Reaction::DroppedForInit => {
            format!("Nothing: {name} is PID 1 of its namespace and has no handler for {signal}; the kernel drops it.")
        }
        Reaction::NotReached => format!("Nothing: {signal} does not reach {name}."),
    }
}

/// What happens to the target between its exit and the reap.
fn reaping_sentence(world: &World, reaping: Reaping) -> String {
    match reaping {
        Reaping::ByNode => "The node, its parent, reaps it at once.".into(),
        Reaping::ByPause => "pause reaps it at once.".into(),
        Reaping::Never => "A zombie as long as the pod lives: this pause does not reap.".into(),
        Reaping::ByKernel { parent } => {
            format!("{} ignores SIGCHLD: the kernel reaps it, no zombie.", name(world, parent))
        }
        Reaping::ByParent(parent) => format!("A zombie until {} waits for it.", name(world, parent)),
        Reaping::ByStoppedParent(parent) => {
            format!("A zombie until {}, which is stopped, continues and waits for it.", name(world, parent))
        }
        Reaping::ByUnknownParent => "A zombie until its parent waits for it.".into(),
        Reaping::ByOutsideParent => "A zombie until its parent, outside the pod, waits for it.".into(),
    }
}

/// What happens to a zombie if its parent ends: a sentence with a space before it, or nothing.
fn fate_sentence(world: &World, parent: &str, fate: ZombieFate) -> String {
    match fate {
        ZombieFate::ReapedWithNamespace => format!(" If {parent} ends, the kernel reaps it with the pid namespace."),
        ZombieFate::Reaped(by) => format!(" If {parent} ends, {} adopts and reaps it.", name(world, by)),
        ZombieFate::NeverReaped(by) => {
            format!(" If {parent} ends, {} adopts it and does not reap it.", name(world, by))
        }
        ZombieFate::ReapedByKernel(by) => format!(
            " If {parent} ends, {} adopts it, and the kernel reaps it, since it ignores SIGCHLD.",
            name(world, by)
        ),
        ZombieFate::Adopted(by) => {
            let by = name(world, by);
            format!(" If {parent} ends, {by} adopts it; it stays until {by} waits for it.")
        }
        ZombieFate::Unknown => String::new(),
    }
}

fn plural<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// `2 more processes (sh, sleep)`
fn more(world: &World, ids: &BTreeSet<ProcId>) -> String {
    let n = ids.len();
    format!("{n} more {} ({})", plural(n, "process", "processes"), names(world, ids))
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
