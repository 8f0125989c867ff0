//! The outcome of a signal, compared with what was predicted.

use super::prediction::Effect;
use super::{Exit, MonoNs, ProcId, Process, SendError, Sent, Signal, State, WaitStatus, World};

/// What has come of a signal so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    NotSent(SendError),
    /// The target is no longer remembered.
    Forgotten,
    /// The target has not ended.
    Alive(&'a Process, Survival),
    Ended(&'a Process, Exit, Cause),
}

/// How a target is that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// The signal has stopped it.
    Stopped,
    /// It is stopped, and the signal waits until it continues.
    PendingWhileStopped,
    /// It is stopped, and not by this signal.
    UnaffectedWhileStopped,
    /// The signal stopped it, and another one has continued it.
    Continued,
    /// The signal may still be pending.
    Pending,
    Unaffected,
}

/// What ended the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This signal. So many of the processes that were predicted to end have ended.
    ThisSignal { also_ended: usize },
    /// It had ended before the signal reached it.
    EndedBefore,
    /// It handled the signal, and exited by itself some time later.
    ExitedLater,
    /// It ended with its pid namespace.
    PidNamespace,
    /// A signal that was sent later, at this time.
    LaterSignal(MonoNs),
    /// Something that is not known.
    Unknown,
}

/// The outcome of a signal so far. An exit counts as its effect only if the signal can have caused it.
pub fn outcome<'a>(world: &'a World, sent: &'a Sent) -> Outcome<'a> {
    if let Some(error) = sent.error {
        return Outcome::NotSent(error);
    }
    let Some(p) = world.process(sent.target) else { return Outcome::Forgotten };
    match p.exit {
        Some(exit) => Outcome::Ended(p, exit, cause(world, p, exit, sent)),
        None => Outcome::Alive(p, survival(world, p, sent)),
    }
}

/// The last signal that was sent to the process, and a later one that could not be sent.
pub fn last_sent(world: &World, target: ProcId) -> (Option<&Sent>, Option<&Sent>) {
    let mut all = world.sent.iter().rev().filter(|s| s.target == target).peekable();
    let failed = all.next_if(|s| s.error.is_some());
    (all.find(|s| s.error.is_none()), failed)
}

/// If a process exits by itself later than this, the signal may not be the reason.
const PROMPT_NS: u64 = 2_000_000_000;

fn cause(world: &World, p: &Process, exit: Exit, sent: &Sent) -> Cause {
    if exit.at.t < sent.at.t && exit.at.precision != super::Precision::ByThen {
        return Cause::EndedBefore;
    }
    let exited_itself = || match exit.at.t.since(sent.at.t) {
        0..PROMPT_NS => this_signal(world, sent),
        _ => Cause::ExitedLater,
    };
    match exit.status.and_then(WaitStatus::signal) {
        Some(n) if n == sent.signal.0 => return this_signal(world, sent),
        Some(_) => return other_cause(world, p, sent),
        None => {}
    }
    match sent.effect {
        Some(Effect::Ends(status)) if exit.status.is_none_or(|s| s == status) => this_signal(world, sent),
        Some(Effect::Handled | Effect::Readable | Effect::Awaited | Effect::Pending) | None => exited_itself(),
        // the signal was predicted to have no effect
        Some(_) => other_cause(world, p, sent),
    }
}

fn this_signal(world: &World, sent: &Sent) -> Cause {
    let has_ended = |id: &&ProcId| world.process(**id).is_none_or(|q| !q.is_alive());
    Cause::ThisSignal { also_ended: sent.also_end.iter().filter(has_ended).count() }
}

/// What is known about the real cause.
fn other_cause(world: &World, p: &Process, sent: &Sent) -> Cause {
    if world.ended_with_pid_ns(p) {
        return Cause::PidNamespace;
    }
    let later = world.sent.iter().rev().find(|s| {
        s.target == p.id
            && s.error.is_none()
            && s.at.t > sent.at.t
            && p.exit.and_then(|e| e.status).and_then(WaitStatus::signal) == Some(s.signal.0)
    });
    later.map_or(Cause::Unknown, |s| Cause::LaterSignal(s.at.t))
}

/// The outcome for a process that has not ended.
fn survival(world: &World, p: &Process, sent: &Sent) -> Survival {
    let stops = matches!(sent.signal.0, 19..=22);
    if p.state == State::Stopped {
        return match (stops, sent.effect) {
            (true, _) => Survival::Stopped,
            (_, Some(Effect::Pending)) => Survival::PendingWhileStopped,
            _ => Survival::UnaffectedWhileStopped,
        };
    }
    let continued = world
        .sent
        .iter()
        .any(|s| s.target == p.id && s.error.is_none() && s.at.t > sent.at.t && s.signal == Signal::CONT);
    match sent.effect {
        _ if stops && continued => Survival::Continued,
        Some(Effect::Pending) => Survival::Pending,
        _ => Survival::Unaffected,
    }
}
