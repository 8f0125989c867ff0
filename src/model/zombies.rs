//! Zombies: who must reap each, why that has not happened yet, and which signal helps.

mod lives;

use std::collections::{BTreeMap, BTreeSet};

pub use lives::{Histogram, Lives, ZombieLife, ZombieTime, zombie_time};

use super::prediction::{Effect, ZombieFate, is_node, never_reaps, predict, reaps, zombie_fate};
use super::{NodeSignalTarget, NodeTrouble, NsKind, Parent, ProcId, Process, Sent, Signal, State, World};

/// Why a zombie is not reaped yet, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holdup {
    /// Another process traces it, and must wait for it before its parent can (`ptrace(2)`). A thread or a process.
    TracerFirst {
        tracer: u32,
    },
    /// Its parent is stopped (state `T`).
    ParentStopped,
    /// A tracer has stopped its parent (state `t`).
    ParentTraced,
    /// Its parent is a pause that never waits.
    PauseNeverReaps,
    /// Its parent is the lab's node, which does not answer.
    NodeSilent,
    /// This init of a pid namespace was killed. It waits in the kernel until no other process of the namespace is left
    /// (`zap_pid_ns_processes` in kernel/pid_namespace.c).
    NamespaceEnding {
        init: ProcId,
    },
    /// Its parent ignores SIGCHLD, and so gets no new zombies (wait(2)). This one must have ended before.
    ParentIgnoresSigchld,
    /// Its parent lives, and has not reaped it.
    NotReaped,
    /// Its parent has ended, and the next one was not seen yet.
    ParentEnded,
    /// Its parent is not observed.
    ParentOutside,
    ParentUnknown,
}

/// A signal that makes zombies go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    pub target: ProcId,
    pub signal: Signal,
    /// How many other processes end with the target.
    pub also_end: usize,
    pub then: RemedyEffect,
}

/// How a [`Remedy`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemedyEffect {
    /// The parent continues, and can reap them. `is_sure`: it is a pause, which does.
    ParentReaps { is_sure: bool },
    /// The parent ends, and this happens to its zombies.
    ParentEnds(ZombieFate),
    /// The end of the parent alone would not help, since the target adopts them and never reaps. It is the init of
    /// their pid namespace, so the kernel reaps them when it ends.
    AdopterEnds { parent: ProcId },
}

/// Zombies that the same process must reap, and that wait for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZombieGroup {
    /// The process that must reap them; `None` if it is not known or not observed.
    pub reaper: Option<ProcId>,
    pub holdup: Holdup,
    /// The one that ended first is the first.
    pub zombies: Vec<ProcId>,
}

/// All zombies of this moment, by the process that must reap them. The group with the oldest zombie is the first.
pub fn groups(world: &World) -> Vec<ZombieGroup> {
    let mut found: BTreeMap<(Option<ProcId>, Holdup), Vec<&Process>> = BTreeMap::new();
    let killed = killed(world);
    for zombie in world.zombies() {
        let key = (zombie.parent.process(), find_holdup(world, zombie, &killed));
        found.entry(key).or_default().push(zombie);
    }
    let ended = |p: &Process| p.exit.map(|exit| exit.at.t);
    let mut groups: Vec<_> = found
        .into_iter()
        .map(|((reaper, holdup), mut zombies)| {
            zombies.sort_by_key(|p| (ended(p), p.id));
            let oldest = zombies.first().and_then(|p| ended(p));
            let zombies = zombies.iter().map(|p| p.id).collect();
            (oldest, ZombieGroup { reaper, holdup, zombies })
        })
        .collect();
    groups.sort_by_key(|(oldest, _)| *oldest);
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The processes that the kernel shows as zombies although they live: their first thread has exited, and others run.
pub fn without_leader(world: &World) -> Vec<ProcId> {
    world.present().filter(|p| p.threads_without_leader().is_some()).map(|p| p.id).collect()
}

/// Why this zombie is not reaped yet.
pub fn holdup(world: &World, zombie: &Process) -> Holdup {
    find_holdup(world, zombie, &killed(world))
}

fn find_holdup(world: &World, zombie: &Process, killed: &BTreeSet<ProcId>) -> Holdup {
    let parent = match zombie.parent {
        Parent::Outside => return Holdup::ParentOutside,
        Parent::Unknown => return Holdup::ParentUnknown,
        Parent::Process(id) => world.process(id),
    };
    let Some(parent) = parent else { return Holdup::ParentOutside };
    if !parent.is_alive() {
        return Holdup::ParentEnded;
    }
    if let Some(tracer) = zombie.tracer.filter(|tracer| *tracer != parent.id.pid) {
        return Holdup::TracerFirst { tracer };
    }
    match parent.state {
        State::Stopped => return Holdup::ParentStopped,
        State::Traced => return Holdup::ParentTraced,
        _ => {}
    }
    if is_node(world, parent.id) && matches!(world.node_trouble(), Some(NodeTrouble::Silent(..))) {
        return Holdup::NodeSilent;
    }
    if let Some(init) = ending_init(world, zombie, killed) {
        return Holdup::NamespaceEnding { init };
    }
    if never_reaps(world, parent) {
        return Holdup::PauseNeverReaps;
    }
    if parent.signals.ignores(Signal::CHLD) { Holdup::ParentIgnoresSigchld } else { Holdup::NotReaped }
}

/// The init of the zombie's pid namespace if it was killed and has not ended.
fn ending_init(world: &World, zombie: &Process, killed: &BTreeSet<ProcId>) -> Option<ProcId> {
    let ns = zombie.namespaces.get(NsKind::Pid)?;
    world.with_parents(ns).find_map(|ns| {
        let init = world.pid_ns_init(ns).filter(|init| init.id != zombie.id && init.is_alive())?;
        killed.contains(&init.id).then_some(init.id)
    })
}

/// The processes to which a signal was sent that ends them for sure.
fn killed(world: &World) -> BTreeSet<ProcId> {
    let is_deadly = |sent: &&Sent| sent.error.is_none() && matches!(sent.effect, Some(Effect::Ends(_)));
    let by_app = world.sent.iter().filter(is_deadly).map(|sent| sent.target);
    let by_node =
        world.node_signals.iter().filter(|sent| sent.signal == Signal::KILL).filter_map(|sent| match sent.to {
            NodeSignalTarget::Process(id) => Some(id),
            NodeSignalTarget::Leftovers(_) | NodeSignalTarget::Pod(_) => None,
        });
    by_app.chain(by_node).collect()
}

impl ZombieGroup {
    /// The signal that helps; `None` if there is none, if the zombies go by themselves, or if it would end what runs
    /// pods.
    pub fn remedy(&self, world: &World) -> Option<Remedy> {
        remedy(world, world.process(self.reaper?)?, self.holdup)
    }
}

fn remedy(world: &World, parent: &Process, holdup: Holdup) -> Option<Remedy> {
    let send = |target: ProcId, signal, then| {
        let also_end = predict(world, target, signal).map_or(0, |predicted| predicted.also_end.len());
        Some(Remedy { target, signal, also_end, then })
    };
    // the parents of other processes may be daemons that many depend on
    let is_in_pod = parent.member.as_ref().is_some_and(|member| world.pod(&member.pod).is_some());
    match holdup {
        Holdup::ParentStopped => {
            send(parent.id, Signal::CONT, RemedyEffect::ParentReaps { is_sure: reaps(world, parent) })
        }
        _ if !is_in_pod || reaps(world, parent) => None,
        Holdup::PauseNeverReaps | Holdup::ParentIgnoresSigchld | Holdup::NotReaped => {
            match zombie_fate(world, parent) {
                ZombieFate::NeverReaped(by) => send(by, Signal::KILL, RemedyEffect::AdopterEnds { parent: parent.id }),
                fate => send(parent.id, Signal::KILL, RemedyEffect::ParentEnds(fate)),
            }
        }
        _ => None,
    }
}
