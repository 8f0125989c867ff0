//! The signals that are known to have been sent to a process before its end, from all who tell of them.

use crate::model::prediction::{Effect, is_node};
use crate::model::{
    Exit, Member, MonoNs, NodeSignal, NodeSignalTarget, Precision, ProcId, Process, SentBy, Signal, SignalResult,
    SignalSender as ReportedSender, Stamp, WaitStatus, World,
};

/// Who sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalSender {
    User,
    Script,
    Node(NodeReason),
    /// Another process, as the kernel reports it.
    Process(ProcId),
    /// The kernel, for a fault of the program.
    Fault,
    /// A timer of the process.
    Timer,
}

/// Why the lab's node sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeReason {
    /// To stop the process's container, or a program that was executed in it.
    Stop,
    /// Its container had not ended so long after TERM, in ns: the grace period was over.
    GraceOver { after_ns: u64 },
    /// To end the pod's sandbox.
    EndSandbox,
    /// Its container's first process had ended, and left it behind.
    Leftover,
    /// Its pod was removed.
    PodRemoved,
}

/// What a signal has done to the process that the chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalEffect {
    Ended,
    /// The process could react to it, and exited by itself so many ns later.
    MayHaveEnded {
        after_ns: u64,
    },
    LivedOn,
    /// It went to another process, and this one was predicted to end with that.
    PredictedToEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownSignal {
    pub at: Stamp,
    pub target: ProcId,
    pub signal: Signal,
    pub by: SignalSender,
    predicted: Option<Effect>,
    pub effect: SignalEffect,
}

/// If a process exits by itself later than this, the signal may not be the reason.
const PROMPT_NS: u64 = 2_000_000_000;

/// The signals to the process before its exit, in the order of their times. At most one of them ended it.
///
/// The app and the node tell of their own signals, and why they sent them. The kernel tells of all others, where it is
/// asked ([`World::signals_to`]).
pub(super) fn to_process(world: &World, p: &Process, exit: Exit) -> Vec<KnownSignal> {
    let mut sent: Vec<KnownSignal> =
        from_app(world, p.id).chain(from_node(world, p)).chain(from_others(world, p.id)).collect();
    sent.retain(|sent| p.born.t <= sent.at.t && sent.at.t <= exit.at.t);
    sent.sort_by_key(|sent| sent.at.t);
    for one in &mut sent {
        one.effect = effect(exit, one);
    }
    // KILL acts at once. Of the others an earlier one may have been blocked.
    let ended = |sent: &KnownSignal| sent.effect == SignalEffect::Ended;
    let chosen = match sent.iter().position(|sent| ended(sent) && sent.signal == Signal::KILL) {
        None => sent.iter().rposition(ended),
        first => first,
    };
    for (nth, one) in sent.iter_mut().enumerate() {
        if ended(one) && Some(nth) != chosen {
            one.effect = SignalEffect::LivedOn;
        }
    }
    sent
}

fn from_app(world: &World, id: ProcId) -> impl Iterator<Item = KnownSignal> {
    world.sent.iter().filter(move |sent| sent.target == id && sent.error.is_none()).map(|sent| KnownSignal {
        at: sent.at,
        target: sent.target,
        signal: sent.signal,
        by: match sent.by {
            SentBy::User => SignalSender::User,
            SentBy::Script => SignalSender::Script,
        },
        predicted: sent.effect,
        effect: SignalEffect::LivedOn,
    })
}

fn from_node<'a>(world: &'a World, p: &'a Process) -> impl Iterator<Item = KnownSignal> + use<'a> {
    world.node_signals.iter().filter_map(|sent| {
        let reason = match &sent.to {
            NodeSignalTarget::Process(id) if *id == p.id => reason(world, p, sent),
            // to all that lived then
            NodeSignalTarget::Leftovers(member) if p.member.as_ref() == Some(member) => NodeReason::Leftover,
            NodeSignalTarget::Pod(pod) if p.member.as_ref().is_some_and(|m| m.pod == *pod) => NodeReason::PodRemoved,
            _ => return None,
        };
        let (at, signal, by) = (sent.at, sent.signal, SignalSender::Node(reason));
        Some(KnownSignal { at, target: p.id, signal, by, predicted: None, effect: SignalEffect::LivedOn })
    })
}

/// Signals of neither the app nor the node. Those that the kernel sends because something else has ended are explained by
/// that.
fn from_others(world: &World, id: ProcId) -> impl Iterator<Item = KnownSignal> {
    world.signals_to(id).filter_map(|sent| {
        let by = match sent.sender {
            ReportedSender::Process { id, .. } if !is_node(world, id) => SignalSender::Process(id),
            ReportedSender::Fault => SignalSender::Fault,
            ReportedSender::Timer => SignalSender::Timer,
            _ => return None,
        };
        let has_effect = matches!(sent.result, SignalResult::Delivered | SignalResult::InformationLost);
        has_effect.then_some(KnownSignal {
            at: sent.at,
            target: sent.target,
            signal: sent.signal,
            by,
            predicted: None,
            effect: SignalEffect::LivedOn,
        })
    })
}

fn reason(world: &World, p: &Process, sent: &NodeSignal) -> NodeReason {
    if matches!(p.member, Some(Member { container: None, .. })) {
        return NodeReason::EndSandbox;
    }
    let term = world.node_signals.iter().find(|term| term.to == sent.to && term.signal == Signal::TERM);
    match term.filter(|term| sent.signal == Signal::KILL && term.at.t < sent.at.t) {
        Some(term) => NodeReason::GraceOver { after_ns: sent.at.t.since(term.at.t) },
        None => NodeReason::Stop,
    }
}

/// What a signal to a process that has ended did to it.
fn effect(exit: Exit, sent: &KnownSignal) -> SignalEffect {
    let after_ns = exit.at.t.since(sent.at.t);
    let may_have =
        || if after_ns < PROMPT_NS { SignalEffect::MayHaveEnded { after_ns } } else { SignalEffect::LivedOn };
    let Some(status) = exit.status else {
        return if sent.signal == Signal::KILL { SignalEffect::Ended } else { may_have() };
    };
    if status.signal().is_some() {
        let is_it = status.signal() == Some(sent.signal.0);
        return if is_it { SignalEffect::Ended } else { SignalEffect::LivedOn };
    }
    match sent.predicted {
        Some(Effect::Ends(predicted)) if predicted == status => SignalEffect::Ended,
        Some(Effect::Handled | Effect::Readable | Effect::Awaited | Effect::Pending) => may_have(),
        // nothing was predicted for the node's signals; a stop or a continue ends nothing
        None if !matches!(sent.signal, Signal::STOP | Signal::CONT | Signal::KILL) => may_have(),
        _ => SignalEffect::LivedOn,
    }
}

fn ended_by_kill(exit: Exit) -> bool {
    exit.status.and_then(WaitStatus::signal) == Some(Signal::KILL.0)
}

/// A signal to another process with which this one was predicted to end, shortly before it did. The kernel or the lab
/// has then killed it; which of them is not seen yet.
pub(super) fn predicted_with_other(world: &World, p: &Process, exit: Exit) -> Option<KnownSignal> {
    let is_before = |at: MonoNs| at <= exit.at.t && exit.at.t.since(at) < PROMPT_NS;
    let sent = world.sent.iter().rev().find(|sent| {
        sent.error.is_none() && sent.target != p.id && is_before(sent.at.t) && sent.also_end.contains(&p.id)
    });
    let sent = sent.filter(|_| ended_by_kill(exit) && exit.at.precision != Precision::ByThen)?;
    let known = from_app(world, sent.target).find(|known| known.at == sent.at)?;
    Some(KnownSignal { effect: SignalEffect::PredictedToEnd, ..known })
}
