//! What came of a signal, beside what had been predicted.

use super::forecast::Effect;
use super::names::{millis, reaped_by, short_name};
use super::{Exit, ProcId, Process, Sent, Signal, State, WaitStatus, World};

/// What came of a signal so far, in words. An end is credited to the signal only if it can have caused it.
pub fn outcome(world: &World, sent: &Sent) -> Vec<String> {
    if let Some(error) = &sent.error {
        return vec![format!("Not sent: {error}.")];
    }
    let Some(p) = world.process(sent.target) else { return vec!["It is long gone.".into()] };
    let Some(exit) = p.exit else { return vec![so_far(world, p, sent)] };
    let (name, signal) = (short_name(p), sent.signal);
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let after = millis(exit.at.t.since(sent.at.t));
    let reaped = match p.reap {
        Some(reap) => format!("{}, {} a zombie.", capital(&reaped_by(world, p)), millis(reap.at.t.since(exit.at.t))),
        None => "Not reaped yet: it is a zombie.".into(),
    };
    match cause(exit, sent) {
        Cause::This => {}
        Cause::Before => {
            return vec![format!("{name} was ending already: {how}."), reaped];
        }
        Cause::Itself => {
            return vec![format!("{name} took {signal}; it ended {after} later: {how}."), reaped];
        }
        Cause::Other => {
            return vec![
                format!("{signal} did not end {name}: {how}{} {after} later.", by_whom(world, p, sent)),
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

/// The last signal that reached the process, and one that the user tried later and that was not sent.
pub fn last_sent(world: &World, target: ProcId) -> (Option<&Sent>, Option<&Sent>) {
    let mut all = world.sent.iter().rev().filter(|s| s.target == target).peekable();
    let failed = all.next_if(|s| s.error.is_some());
    (all.find(|s| s.error.is_none()), failed)
}

/// What ended the process, as far as this signal is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    This,
    /// It had ended before the signal reached it.
    Before,
    /// It took the signal, and ended by its own decision some time later.
    Itself,
    Other,
}

/// An end by its own decision that comes later than this may have another reason than the signal.
const PROMPT_NS: u64 = 2_000_000_000;

fn cause(exit: Exit, sent: &Sent) -> Cause {
    if exit.at.t < sent.at.t && exit.at.precision != super::Precision::ByThen {
        return Cause::Before;
    }
    let by_itself = || match exit.at.t.since(sent.at.t) {
        0..PROMPT_NS => Cause::This,
        _ => Cause::Itself,
    };
    match exit.status.and_then(WaitStatus::signal) {
        Some(n) if n == sent.signal.0 => return Cause::This,
        Some(_) => return Cause::Other,
        None => {}
    }
    match sent.effect {
        Some(Effect::Ends(status)) if exit.status.is_none_or(|s| s == status) => Cause::This,
        Some(Effect::Handled | Effect::Readable | Effect::Awaited | Effect::Pending) | None => by_itself(),
        // after one that had no effect
        Some(_) => Cause::Other,
    }
}

/// What is known of the true cause.
fn by_whom(world: &World, p: &Process, sent: &Sent) -> String {
    if world.ended_with_pid_ns(p) {
        return " with its pid namespace".into();
    }
    let later = world.sent.iter().rev().find(|s| {
        s.target == p.id
            && s.error.is_none()
            && s.at.t > sent.at.t
            && p.exit.and_then(|e| e.status).and_then(WaitStatus::signal) == Some(s.signal.0)
    });
    later.map_or(String::new(), |s| format!(", which you sent {} after it,", millis(s.at.t.since(sent.at.t))))
}

fn so_far(world: &World, p: &Process, sent: &Sent) -> String {
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

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
