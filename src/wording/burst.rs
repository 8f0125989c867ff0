//! What happens in a step of a burst, and why, in words.

use super::{duration, name};
use crate::model::burst::{Burst, BurstEvent, BurstReaper};
use crate::model::names::is_ns_init;
use crate::model::{Parent, ProcId, World};

/// The words of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// What happens.
    pub title: String,
    /// Why, or what it means; empty where the title says all.
    pub detail: String,
}

/// `17 events in 3.4 ms`.
pub fn summary(burst: &Burst) -> String {
    format!("{} events in {}", burst.steps.len(), duration::format_exact(burst.length()))
}

/// The captions of all steps.
pub fn captions(burst: &Burst) -> Vec<Caption> {
    let end = burst.world_at_end();
    burst.steps.iter().map(|step| caption(&end, &step.event)).collect()
}

/// `world`: the World after the burst, which still knows the processes that have ended in it.
fn caption(world: &World, event: &BurstEvent) -> Caption {
    let (title, detail) = match event {
        BurstEvent::Signalled { target, signal } => {
            (format!("You send {signal} to {}", member(world, *target)), "By pidfd, from outside the pod".to_owned())
        }
        BurstEvent::Born { id, parent } => (format!("{} is born", member(world, *id)), born(world, *parent)),
        BurstEvent::Exec { id } => {
            let runs = world.process(*id).map(|p| p.cmdline.join(" ")).unwrap_or_default();
            (format!("{} runs a program", member(world, *id)), runs)
        }
        BurstEvent::Exited { id, status, with_pid_ns } => {
            let how = status.map_or_else(|| "ends".to_owned(), |status| format!("ends: {status}"));
            (format!("{} {how}", member(world, *id)), exited(world, *id, *with_pid_ns))
        }
        BurstEvent::Reparented { id, to } => {
            let to = match to {
                Parent::Process(id) => format!("becomes a child of {}", name(world, *id)),
                Parent::Outside => "becomes a child of a process outside".to_owned(),
                Parent::Unknown => "gets another parent".to_owned(),
            };
            (format!("{} {to}", member(world, *id)), "Its parent has ended, so it is an orphan".to_owned())
        }
        BurstEvent::Reaped { id, by, zombie_ns } => {
            let by = match by {
                BurstReaper::Process(by) => format!("by {}", name(world, *by)),
                BurstReaper::Kernel => "by the kernel, with its pid namespace".to_owned(),
                BurstReaper::Unknown => "by a process that is not known".to_owned(),
            };
            let zombie = zombie_ns.map(|ns| format!("It was a zombie for {}", duration::format_exact(ns)));
            (format!("{} is reaped {by}", member(world, *id)), zombie.unwrap_or_default())
        }
        BurstEvent::Event { reason, message } => (reason.to_string(), message.clone()),
        BurstEvent::AddressReleased(ip) => {
            (format!("{ip} is released"), "It belonged to the net namespace of the old sandbox".to_owned())
        }
        BurstEvent::AddressAssigned(ip) => {
            (format!("The pod has the address {ip}"), "It belongs to the net namespace of the new sandbox".to_owned())
        }
    };
    Caption { title, detail }
}

/// `nginx: master`; with its container where the name does not begin with it: `busybox: sh`.
fn member(world: &World, id: ProcId) -> String {
    let name = name(world, id);
    let container = world.process(id).and_then(|p| p.member.as_ref()?.container.as_deref());
    match container {
        Some(container) if !name.starts_with(container) => format!("{container}: {name}"),
        _ => name,
    }
}

fn born(world: &World, parent: Parent) -> String {
    match parent {
        Parent::Process(id) => format!("A child of {}", name(world, id)),
        Parent::Outside => "Its parent is outside the pod".to_owned(),
        Parent::Unknown => String::new(),
    }
}

/// Why it ended, and what follows.
fn exited(world: &World, id: ProcId, with_pid_ns: bool) -> String {
    let Some(p) = world.process(id) else { return String::new() };
    if with_pid_ns {
        return "The kernel kills it, because PID 1 of its pid namespace is exiting".to_owned();
    }
    if is_ns_init(p) {
        return "It is PID 1: before it ends, the kernel ends all other processes of its pid namespace".to_owned();
    }
    "It is a zombie until its parent waits for it".to_owned()
}
