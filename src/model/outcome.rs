//! The outcome of a signal, compared with what was predicted.

use super::duration::format_exact;
use super::names::{reaped_by, short_name};
use super::prediction::Effect;
use super::{Exit, ProcId, Process, Sent, Signal, State, WaitStatus, World};

/// The outcome of a signal so far, in sentences. An exit counts as its effect only if the signal can have caused it.
pub fn outcome(world: &World, sent: &Sent) -> Vec<String> {
    if let Some(error) = &sent.error {
        return vec![format!("Not sent: {error}.")];
    }
    let Some(p) = world.process(sent.target) else { return vec!["It is long gone.".into()] };
    let Some(exit) = p.exit else { return vec![outcome_so_far(world, p, sent)] };
    let (name, signal) = (short_name(p), sent.signal);
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let after = format_exact(exit.at.t.since(sent.at.t));
    let reaped = match p.reap {
        Some(reap) => {
            format!("{}, {} a zombie.", capitalized(&reaped_by(world, p)), format_exact(reap.at.t.since(exit.at.t)))
        }
        None => "Not reaped yet: it is a zombie.".into(),
    };
    match cause(exit, sent) {
        Cause::ThisSignal => {}
        Cause::EndedBefore => {
            return vec![format!("{name} was ending already: {how}."), reaped];
        }
        Cause::ExitedLater => {
            return vec![format!("{name} took {signal}; it ended {after} later: {how}."), reaped];
        }
        Cause::Other => {
            return vec![
                format!("{signal} did not end {name}: {how}{} {after} later.", other_cause(world, p, sent)),
                reaped,
            ];
        }
    }
    let mut lines = vec![format!("{name}: {how} after {after}."), reaped];
    if !sent.also_end.is_empty() {
        let has_ended = |id: &&ProcId| world.process(**id).is_none_or(|q| !q.is_alive());
        let ended = sent.also_end.iter().filter(has_ended).count();
        lines.push(format!("{ended} of the {} predicted ended with it.", sent.also_end.len()));
    }
    lines
}

/// The last signal that was sent to the process, and a later one that could not be sent.
pub fn last_sent(world: &World, target: ProcId) -> (Option<&Sent>, Option<&Sent>) {
    let mut all = world.sent.iter().rev().filter(|s| s.target == target).peekable();
    let failed = all.next_if(|s| s.error.is_some());
    (all.find(|s| s.error.is_none()), failed)
}

/// What ended the process: this signal, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    ThisSignal,
    /// It had ended before the signal reached it.
    EndedBefore,
    /// It handled the signal, and exited by itself some time later.
    ExitedLater,
    Other,
}

/// If a process exits by itself later than this, the signal may not be the reason.
const PROMPT_NS: u64 = 2_000_000_000;

fn cause(exit: Exit, sent: &Sent) -> Cause {
    if exit.at.t < sent.at.t && exit.at.precision != super::Precision::ByThen {
        return Cause::EndedBefore;
    }
    let exited_itself = || match exit.at.t.since(sent.at.t) {
        0..PROMPT_NS => Cause::ThisSignal,
        _ => Cause::ExitedLater,
    };
    match exit.status.and_then(WaitStatus::signal) {
        Some(n) if n == sent.signal.0 => return Cause::ThisSignal,
        Some(_) => return Cause::Other,
        None => {}
    }
    match sent.effect {
        Some(Effect::Ends(status)) if exit.status.is_none_or(|s| s == status) => Cause::ThisSignal,
        Some(Effect::Handled | Effect::Readable | Effect::Awaited | Effect::Pending) | None => exited_itself(),
        // the signal was predicted to have no effect
        Some(_) => Cause::Other,
    }
}

/// What is known about the real cause.
fn other_cause(world: &World, p: &Process, sent: &Sent) -> String {
    if world.ended_with_pid_ns(p) {
        return " with its pid namespace".into();
    }
    let later = world.sent.iter().rev().find(|s| {
        s.target == p.id
            && s.error.is_none()
            && s.at.t > sent.at.t
            && p.exit.and_then(|e| e.status).and_then(WaitStatus::signal) == Some(s.signal.0)
    });
    later.map_or(String::new(), |s| format!(", which you sent {} after it,", format_exact(s.at.t.since(sent.at.t))))
}

/// The outcome for a process that has not ended.
fn outcome_so_far(world: &World, p: &Process, sent: &Sent) -> String {
    let (name, signal) = (short_name(p), sent.signal);
    let stops = matches!(signal.0, 19..=22);
    if p.state == State::Stopped {
        return match (stops, sent.effect) {
            (true, _) => format!("{name} is stopped."),
            (_, Some(Effect::Pending)) => format!("{name} is stopped: {signal} waits until it continues."),
            _ => format!("{name} lives on, and is stopped."),
        };
    }
    let continued = world
        .sent
        .iter()
        .any(|s| s.target == p.id && s.error.is_none() && s.at.t > sent.at.t && s.signal == Signal::CONT);
    match sent.effect {
        _ if stops && continued => format!("{name} was stopped, and goes on."),
        Some(Effect::Pending) => format!("{name} lives on: {signal} may still be pending."),
        _ => format!("{name} lives on."),
    }
}

fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
