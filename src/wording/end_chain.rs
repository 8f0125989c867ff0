//! Why something ended, in words.

use super::ending::{how, node_end};
use super::{capitalized, duration, name, zombies};
use crate::model::end_chain::{EndFact, EndReaper, Gap, NodeReason, SignalEffect, SignalSender};
use crate::model::text::escaped;
use crate::model::{
    BackOff, Parent, ProcId, RestartPolicy, Signal, SignalSender as ReportedSender, SignalSent, WaitStatus, World,
};

/// The words of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkWords {
    pub title: String,
    /// Why, or what it means; empty where the title says all.
    pub detail: String,
}

fn words(title: impl Into<String>, detail: impl Into<String>) -> LinkWords {
    LinkWords { title: title.into(), detail: detail.into() }
}

pub fn link(world: &World, fact: &EndFact) -> LinkWords {
    match fact {
        EndFact::Signal { target, signal, by, effect } => sent(world, *target, *signal, *by, *effect),
        EndFact::InitEnded { init, status } => words(
            format!("{} {}", name(world, *init), how_or_ended(*status)),
            "It is PID 1 of the pid namespace, so the kernel sends SIGKILL to all others in it",
        ),
        EndFact::NodeEnded(end) => {
            words(capitalized(&node_end(*end)), "The kernel then kills all processes of the lab")
        }
        EndFact::HolderEnded { process, status } => words(
            format!("{} {}", name(world, *process), how_or_ended(*status)),
            "It held the sandbox, so the pod needs a new one",
        ),
        EndFact::FirstProcessEnded { process, container, status } => words(
            format!("{} {}", name(world, *process), how_or_ended(*status)),
            format!("It was the first process of container {container}, which ends with it"),
        ),
        EndFact::OutOfMemory { container } => words(
            "The kernel's OOM killer sent it SIGKILL",
            format!("Container {container} had reached its memory limit; the node read that from its cgroup"),
        ),
        EndFact::Exited { process, status, is_init } => exited(&name(world, *process), *status, *is_init),
        EndFact::Adopted { by } => words(
            format!("{} becomes its parent", parent(world, *by)),
            "Its former parent has ended, so another process must reap it",
        ),
        EndFact::IsZombie { parent, holdup } => {
            words("It is a zombie: nobody has reaped it yet", zombies::holdup(world, parent.process(), *holdup, 1))
        }
        EndFact::Reaped { by, zombie } => {
            let zombie = zombie.map(zombies::time).map_or(String::new(), |time| format!("Zombie for {time}"));
            words(reaped(world, *by), zombie)
        }
        EndFact::ContainerEnded { container, code, reason, message } => {
            let reason = match reason.as_str() {
                "" => String::new(),
                reason => format!(", {reason}"),
            };
            let message = message.as_deref().map(str::trim_end).filter(|message| !message.is_empty());
            let message = message.map_or(String::new(), |message| format!("Termination message: {message}"));
            words(format!("Container {container} is terminated: exit code {code}{reason}"), message)
        }
        EndFact::SandboxEnded => words("The pod's sandbox ends with it", "Its address is given back"),
        EndFact::SandboxChanged => words("SandboxChanged", "The pod is to get a new sandbox"),
        EndFact::NewSandbox { number } => {
            let number = number.map_or(String::new(), |n| format!(" #{n}"));
            words(format!("The pod has a new sandbox{number}"), "")
        }
        EndFact::BackOff { wait, .. } => back_off(*wait),
        EndFact::Waiting { container, reason } => words(format!("Container {container} waits: {reason}"), ""),
        EndFact::Restarted { container, restarts } => {
            let restarts = restarts
                .map_or(String::new(), |n| format!("{n} {} so far", if n == 1 { "restart" } else { "restarts" }));
            words(format!("Container {container} is started again"), restarts)
        }
        EndFact::StaysEnded { policy } => {
            let policy = match policy {
                RestartPolicy::Always => "Always",
                RestartPolicy::OnFailure => "OnFailure",
                RestartPolicy::Never => "Never",
            };
            words("It is not started again", format!("The pod's restart policy is {policy}"))
        }
        EndFact::Gap(gap) => unknown(*gap),
    }
}

fn sent(world: &World, target: ProcId, signal: Signal, by: SignalSender, effect: SignalEffect) -> LinkWords {
    let (who, why) = match by {
        SignalSender::User => ("You".to_owned(), String::new()),
        SignalSender::Script => ("A script".into(), String::new()),
        SignalSender::Node(reason) => ("The lab's node".into(), node_reason(reason)),
        SignalSender::Process(id) if id == target => ("The process itself".into(), String::new()),
        SignalSender::Process(id) => (sender(world, target, id), String::new()),
        SignalSender::Fault => ("The kernel".into(), "For a fault of the program".into()),
        SignalSender::Timer => ("A timer of the process".into(), String::new()),
    };
    let target = name(world, target);
    let then = match effect {
        SignalEffect::Ended => String::new(),
        SignalEffect::MayHaveEnded { after_ns } => {
            format!("It exited by itself {} later, perhaps because of it", duration::format_exact(after_ns))
        }
        SignalEffect::LivedOn => "It did not end it".into(),
        SignalEffect::PredictedToEnd => "It was predicted that this process ends with it".into(),
    };
    let detail = [why, then].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
    words(format!("{who} sent {signal} to {target}"), detail)
}

/// `sh (pid 12)`. A sender need not be observed; then its name is the one that it had when it sent the signal.
fn sender(world: &World, target: ProcId, id: ProcId) -> String {
    let is_it = |sent: &&SignalSent| matches!(&sent.sender, ReportedSender::Process { id: of, .. } if *of == id);
    let of_then = world.signals_to(target).find(is_it).map(|sent| &sent.sender);
    let name = match (world.process(id), of_then) {
        (Some(_), _) => name(world, id),
        (None, Some(ReportedSender::Process { name, .. })) => escaped(name).into_owned(),
        (None, _) => "A process".into(),
    };
    format!("{name} (pid {})", id.pid)
}

fn node_reason(reason: NodeReason) -> String {
    match reason {
        NodeReason::Stop => "To stop it, as a kubelet does".into(),
        NodeReason::GraceOver { after_ns } => {
            format!("{} after SIGTERM: the grace period was over", duration::format_exact(after_ns))
        }
        NodeReason::EndSandbox => "To end the pod's sandbox".into(),
        NodeReason::Leftover => "To all that its container had left behind".into(),
        NodeReason::PodRemoved => "To all that was left in the pod when it was removed".into(),
    }
}

fn exited(name: &str, status: Option<WaitStatus>, is_init: bool) -> LinkWords {
    let detail = match status {
        _ if is_init => "It is PID 1: before it ends, the kernel ends all others of its pid namespace",
        Some(status) if status.signal().is_none() => "It exited by itself: no signal ended it",
        _ => "",
    };
    let title = match status.map(|status| (status, status.signal())) {
        Some((status, Some(n))) => format!("{name} was killed by {} (exit code {})", Signal(n), status.code()),
        Some((status, None)) => format!("{name} exited with code {}", status.code()),
        None => format!("{name} ended"),
    };
    words(title, detail)
}

fn reaped(world: &World, by: EndReaper) -> String {
    match by {
        EndReaper::Process(id) => format!("Reaped by {}", name(world, id)),
        EndReaper::Kernel => "Reaped by the kernel, with the pid namespace".into(),
        EndReaper::Outside => "Reaped by a process that is not observed".into(),
        EndReaper::Unknown => "Reaped; by whom was not seen".into(),
    }
}

/// The time until the start is left to the view, since it changes with every frame.
fn back_off(wait: BackOff) -> LinkWords {
    let clock = match wait.clock {
        0 | 1 => String::new(),
        clock => format!("; the lab's clock runs ×{clock}"),
    };
    words("CrashLoopBackOff: it waits before it is started again", format!("{} s{clock}", wait.kubelet_ms / 1000))
}

fn unknown(gap: Gap) -> LinkWords {
    match gap {
        Gap::Sender { signal, is_of_lab } => {
            let known = if is_of_lab { "Podscope and the lab's node tell of none" } else { "Podscope sent none" };
            words(
                format!("Who sent {signal} is not known"),
                format!("{known}, and an exit status does not name the sender"),
            )
        }
        Gap::FaultOrSender(signal) => words(
            format!("Who sent {signal} is not known"),
            "Most often a fault or a limit of the program itself, for which the kernel or the C library sends it; another \
             process can send it too",
        ),
        Gap::Status => words("How it ended is not known", "No source reported its exit status"),
        Gap::ProcessForgotten => words(
            "Its first process is no longer remembered, or was not observed",
            "So only what the runtime tells is known",
        ),
    }
}

fn parent(world: &World, parent: Parent) -> String {
    match parent {
        Parent::Process(id) => name(world, id),
        Parent::Outside => "A process that is not observed".into(),
        Parent::Unknown => "A process that was not seen".into(),
    }
}

fn how_or_ended(status: Option<WaitStatus>) -> String {
    status.map_or_else(|| "ended".to_owned(), how)
}
