//! Why a process or a container ended: a chain of what is known, from the signal to the restart.
//!
//! Each link has a time with its source, so the chain says who knows it. Where nothing is known, a [`Gap`] says so.

mod container;
mod signals;

pub use container::explain_container_end;
pub use signals::{NodeReason, SignalEffect, SignalSender};

use super::names::{Reaper, is_ns_init, reaper};
use super::prediction::is_node;
use super::zombies::{Holdup, ZombieTime, holdup, zombie_time};
use super::{
    BackOff, Exit, MonoNs, NodeEnd, Parent, ProcId, Process, RestartPolicy, Signal, Stamp, TerminatedReason,
    WaitStatus, WaitingReason, World,
};
use signals::KnownSignal;

/// The links in the order in which one follows from the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndChain {
    pub links: Vec<EndLink>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndLink {
    /// When it happened, and who reported it; `None` for what is not an event.
    pub at: Option<Stamp>,
    pub fact: EndFact,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndFact {
    Signal {
        target: ProcId,
        signal: Signal,
        by: SignalSender,
        effect: SignalEffect,
    },
    /// The init of its pid namespace ended, so the kernel killed all other processes in it.
    InitEnded {
        init: ProcId,
        status: Option<WaitStatus>,
    },
    /// The lab's node ended, and with it all processes of the lab.
    NodeEnded(NodeEnd),
    /// The process that held its pod's sandbox ended.
    HolderEnded {
        process: ProcId,
        status: Option<WaitStatus>,
    },
    /// The first process of its container ended.
    FirstProcessEnded {
        process: ProcId,
        container: String,
        status: Option<WaitStatus>,
    },
    /// The kernel's OOM killer ended it, since its container had reached its memory limit.
    OutOfMemory {
        container: String,
    },
    /// `is_init`: it was PID 1 of its pid namespace.
    Exited {
        process: ProcId,
        status: Option<WaitStatus>,
        is_init: bool,
    },
    /// It got another parent.
    Adopted {
        by: Parent,
    },
    /// It is still a zombie, which this parent must reap.
    IsZombie {
        parent: Parent,
        holdup: Holdup,
    },
    Reaped {
        by: EndReaper,
        zombie: Option<ZombieTime>,
    },
    ContainerEnded {
        container: String,
        code: i32,
        reason: TerminatedReason,
        message: Option<String>,
    },
    /// The process held the sandbox of its pod.
    SandboxEnded,
    /// The pod is to get a new sandbox.
    SandboxChanged,
    NewSandbox {
        number: Option<u32>,
    },
    /// The container is started again at this time.
    BackOff {
        wait: BackOff,
        until: MonoNs,
    },
    Waiting {
        container: String,
        reason: WaitingReason,
    },
    Restarted {
        container: String,
        restarts: Option<u32>,
    },
    /// The pod's restart policy does not start it again.
    StaysEnded {
        policy: RestartPolicy,
    },
    Gap(Gap),
}

/// Who reaped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReaper {
    Process(ProcId),
    /// The dying init of its pid namespace.
    Kernel,
    /// A process that is not observed.
    Outside,
    Unknown,
}

/// Where knowledge ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Who sent this signal.
    Sender { signal: Signal, is_of_lab: bool },
    /// The kernel sends this signal for a fault of the program or a limit, but a process can send it too.
    FaultOrSender(Signal),
    /// How it ended.
    Status,
    /// The process of the container is no longer remembered.
    ProcessForgotten,
}

/// Signals that are mostly a consequence of what the program does itself (signal(7)): ILL, TRAP, ABRT, BUS, FPE, SEGV,
/// PIPE, ALRM, XCPU, XFSZ, VTALRM, PROF, SYS.
const OWN_FAULTS: [i32; 13] = [4, 5, 6, 7, 8, 11, 13, 14, 24, 25, 26, 27, 31];

/// How many signals are shown that did not end it.
const MAX_OTHER_SIGNALS: usize = 3;

/// Why a process ended; `None` if it has not ended, or is not known.
pub fn explain_end(world: &World, id: ProcId) -> Option<EndChain> {
    let p = world.process(id)?;
    let exit = p.exit?;
    let mut links = Vec::new();
    cause(world, p, exit, &mut links);
    links.push(exited(p, exit));
    if exit.status.is_none() {
        links.push(gap(Gap::Status));
    }
    after_exit(world, p, exit, &mut links);
    container::after_process(world, p, exit, &mut links);
    Some(EndChain { links })
}

fn link(at: Stamp, fact: EndFact) -> EndLink {
    EndLink { at: Some(at), fact }
}

const fn gap(gap: Gap) -> EndLink {
    EndLink { at: None, fact: EndFact::Gap(gap) }
}

fn exited(p: &Process, exit: Exit) -> EndLink {
    link(exit.at, EndFact::Exited { process: p.id, status: exit.status, is_init: is_ns_init(p) })
}

/// What led to the exit. The first of these that is known: a signal to the process itself, the end of its pid
/// namespace, the end of its container, the OOM killer. The signals that did not end it are in between.
fn cause(world: &World, p: &Process, exit: Exit, links: &mut Vec<EndLink>) {
    let known = signals::to_process(world, p, exit);
    let is_direct = known.iter().any(|sent| sent.effect == SignalEffect::Ended);
    let others = known.iter().filter(|sent| sent.effect != SignalEffect::Ended).count();
    let mut skip = others.saturating_sub(MAX_OTHER_SIGNALS);
    let by_node = |sent: &&KnownSignal| matches!(sent.by, SignalSender::Node(_));
    if let Some(change) = known.iter().find(by_node).and_then(|sent| container::sandbox_change(world, p, sent.at.t)) {
        if let Some((holder, end)) = change.holder.and_then(|holder| Some((holder, holder.exit?))) {
            own_cause(world, holder, links);
            links.push(link(end.at, EndFact::HolderEnded { process: holder.id, status: end.status }));
        }
        links.push(link(change.at, EndFact::SandboxChanged));
    }
    for sent in &known {
        if sent.effect != SignalEffect::Ended && skip > 0 {
            skip -= 1;
            continue;
        }
        if (sent.effect, sent.by) == (SignalEffect::Ended, SignalSender::Node(NodeReason::Leftover))
            && let Some((first, container)) = container::first_process_before(world, p, sent.at.t)
            && let Some(end) = first.exit
        {
            own_cause(world, first, links);
            let fact = EndFact::FirstProcessEnded { process: first.id, container, status: end.status };
            links.push(link(end.at, fact));
        }
        links.push(signal_link(sent));
    }
    if is_direct || ended_with_others(world, p, exit, links) {
        return;
    }
    match exit.status.and_then(WaitStatus::signal).map(Signal) {
        Some(signal) if OWN_FAULTS.contains(&signal.0) => links.push(gap(Gap::FaultOrSender(signal))),
        Some(signal) => links.push(gap(Gap::Sender { signal, is_of_lab: is_of_lab(world, p) })),
        None => {}
    }
}

/// Whether it ended because something else did: adds what that was, and why.
fn ended_with_others(world: &World, p: &Process, exit: Exit, links: &mut Vec<EndLink>) -> bool {
    if let Some(init) = world.killed_by_end_of(p) {
        if is_node(world, init.id)
            && let Some((end, at)) = world.node.as_ref().and_then(|node| node.ended)
        {
            links.push(link(at, EndFact::NodeEnded(end)));
            return true;
        }
        own_cause(world, init, links);
        if let Some(end) = init.exit {
            // the kernel kills the others first, and then reports the exit of the init
            links.push(link(end.at, EndFact::InitEnded { init: init.id, status: end.status }));
        }
        return true;
    }
    if let Some(container) = container::ran_out_of_memory(world, p, exit) {
        links.push(EndLink { at: None, fact: EndFact::OutOfMemory { container } });
        return true;
    }
    match signals::predicted_with_other(world, p, exit) {
        Some(sent) => {
            links.push(signal_link(&sent));
            true
        }
        None => false,
    }
}

/// The signal that ended another process, which took this one with it.
fn own_cause(world: &World, other: &Process, links: &mut Vec<EndLink>) {
    let Some(exit) = other.exit else { return };
    let known = signals::to_process(world, other, exit);
    if let Some(sent) = known.iter().find(|sent| sent.effect == SignalEffect::Ended) {
        return links.push(signal_link(sent));
    }
    let may_have = |sent: &&KnownSignal| matches!(sent.effect, SignalEffect::MayHaveEnded { .. });
    links.extend(known.iter().rfind(may_have).map(signal_link));
    if let Some(signal) = exit.status.and_then(WaitStatus::signal).map(Signal) {
        links.push(gap(Gap::Sender { signal, is_of_lab: is_of_lab(world, other) }));
    }
}

fn signal_link(sent: &KnownSignal) -> EndLink {
    let KnownSignal { at, target, signal, by, effect, .. } = *sent;
    link(at, EndFact::Signal { target, signal, by, effect })
}

fn is_of_lab(world: &World, p: &Process) -> bool {
    p.member.as_ref().and_then(|member| world.pod(&member.pod)).is_some_and(super::Pod::is_of_lab)
}

/// From the exit to the reap.
fn after_exit(world: &World, p: &Process, exit: Exit, links: &mut Vec<EndLink>) {
    // an adoption of a living process has no part in its end
    let adopted = p.reparents.last().filter(|step| step.at.t >= exit.at.t);
    links.extend(adopted.map(|step| link(step.at, EndFact::Adopted { by: step.to })));
    let Some(reap) = p.reap else {
        let fact = EndFact::IsZombie { parent: p.parent, holdup: holdup(world, p) };
        return links.push(EndLink { at: None, fact });
    };
    let by = match (reaper(world, p), reap.by) {
        (Some(Reaper::Kernel), _) => EndReaper::Kernel,
        (Some(Reaper::Process(by)), _) => EndReaper::Process(by.id),
        (None, Parent::Process(id)) => EndReaper::Process(id),
        (None, Parent::Outside) => EndReaper::Outside,
        (None, Parent::Unknown) => EndReaper::Unknown,
    };
    links.push(link(reap.at, EndFact::Reaped { by, zombie: zombie_time(p, world.now) }));
}
