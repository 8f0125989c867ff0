//! Zombies in words: why they are not reaped, what helps, and how long they lived.

use super::{duration, name};
use crate::model::prediction::ZombieFate;
use crate::model::zombies::{Holdup, Remedy, RemedyEffect, ZombieTime};
use crate::model::{ProcId, Signal, World};

/// Why `n` zombies of this parent are not reaped yet, in a sentence without a full stop.
pub fn holdup(world: &World, parent: Option<ProcId>, holdup: Holdup, n: usize) -> String {
    let (them, their, were) =
        if n == 1 { ("it", "Its", "it was a zombie") } else { ("them", "Their", "they were zombies") };
    let its_name = parent.map_or_else(|| format!("{their} parent"), |id| name(world, id));
    match holdup {
        Holdup::TracerFirst { tracer } => {
            let tracer = world.by_pid(tracer).map_or_else(|| format!("thread {tracer}"), |id| name(world, id));
            format!("{tracer} traces {them}, and must wait for {them} before {its_name} can")
        }
        Holdup::ParentStopped => format!("{its_name} is stopped (state T): it reaps nothing until it continues"),
        Holdup::ParentTraced => {
            format!("A tracer has stopped {its_name} (state t): it reaps nothing until the tracer lets it go on")
        }
        Holdup::PauseNeverReaps => format!("{its_name} does not reap, as before Kubernetes 1.8: it never waits"),
        Holdup::NodeSilent => "The lab's node must reap and does not answer".into(),
        Holdup::NamespaceEnding { init } => format!(
            "{their} pid namespace is ending: {} was killed, and waits in the kernel until all others in it are reaped",
            name(world, init)
        ),
        Holdup::ParentIgnoresSigchld => {
            format!("{its_name} ignores SIGCHLD, so the kernel reaps its children as they end; {were} before that")
        }
        Holdup::NotReaped => format!("{its_name} lives, and has not reaped {them} yet"),
        Holdup::ParentEnded => format!("{its_name} has ended; who is the parent now was not seen yet"),
        Holdup::ParentOutside => format!("{its_name} is not observed"),
        Holdup::ParentUnknown => format!("{their} parent is not known"),
    }
}

/// The label of the button that sends the signal: `KILL zombies`.
pub fn remedy_label(world: &World, remedy: &Remedy) -> String {
    let signal = remedy.signal.to_string();
    format!("{} {}", signal.strip_prefix("SIG").unwrap_or(&signal), name(world, remedy.target))
}

/// Why a process without its first thread is not reaped, in a sentence without a full stop.
pub fn threads_live(threads: u32) -> String {
    let live = if threads == 1 { "1 other thread lives".to_owned() } else { format!("{threads} other threads live") };
    format!("Its main thread has exited and {live} on: no parent can reap it before they end")
}

/// What the remedy does, in sentences.
pub fn remedy(world: &World, remedy: &Remedy) -> String {
    let target = name(world, remedy.target);
    let how = match remedy.then {
        RemedyEffect::ParentReaps { is_sure: true } => format!("{target} then goes on and reaps them."),
        RemedyEffect::ParentReaps { is_sure: false } => format!("{target} then goes on, and can reap them."),
        RemedyEffect::ParentEnds(fate) => fate_sentence(world, &target, fate),
        RemedyEffect::AdopterEnds { parent } => format!(
            "If {} ended, {target} would get them, and it never reaps. When {target} ends, the kernel reaps them with \
             the pid namespace.",
            name(world, parent)
        ),
    };
    let others = match remedy.also_end {
        _ if remedy.signal == Signal::CONT => String::new(),
        0 => " No other process ends with it.".to_owned(),
        1 => " 1 other process ends with it.".to_owned(),
        n => format!(" {n} other processes end with it."),
    };
    how + &others
}

fn fate_sentence(world: &World, parent: &str, fate: ZombieFate) -> String {
    match fate {
        ZombieFate::ReapedWithNamespace => {
            format!("When {parent} ends, its pid namespace ends, and the kernel reaps them.")
        }
        ZombieFate::Reaped(by) => format!("When {parent} ends, {} adopts and reaps them.", name(world, by)),
        ZombieFate::NeverReaped(by) => format!("When {parent} ends, {} adopts them and never reaps.", name(world, by)),
        ZombieFate::ReapedByKernel(by) => {
            format!(
                "When {parent} ends, {} adopts them; it ignores SIGCHLD, so the kernel reaps them.",
                name(world, by)
            )
        }
        ZombieFate::Adopted(by) => format!("When {parent} ends, {} adopts them and must reap them.", name(world, by)),
        ZombieFate::Unknown => format!("When {parent} ends, another process adopts them."),
    }
}

/// How long it was a zombie: `1.24 ms`; `at most 100 ms` where a time is not exact.
pub fn time(time: ZombieTime) -> String {
    match time {
        ZombieTime::Exactly(ns) => duration::format_exact(ns),
        ZombieTime::AtMost(ns) => format!("at most {}", duration::format_exact(ns)),
        ZombieTime::AtLeast(ns) => format!("at least {}", duration::format_exact(ns)),
        ZombieTime::About(ns) => format!("about {}", duration::format_exact(ns)),
        ZombieTime::Unknown => "a time that was not seen".into(),
    }
}
