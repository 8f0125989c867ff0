//! The outcome of a signal in words.

use super::duration::format_exact;
use super::reaper::reaped_by;
use super::{capitalized, os_error};
use crate::model::names::short_name;
use crate::model::outcome::{Cause, Outcome, Survival, outcome};
use crate::model::{Exit, Process, SendError, Sent, World};

/// The outcome of a signal so far, in sentences.
pub fn sentences(world: &World, sent: &Sent) -> Vec<String> {
    match outcome(world, sent) {
        Outcome::NotSent(why) => vec![format!("Not sent: {}.", not_sent(why))],
        Outcome::Forgotten => vec!["It is long gone.".into()],
        Outcome::Alive(p, survival) => vec![survival_sentence(p, survival, sent)],
        Outcome::Ended(p, exit, cause) => end_sentences(world, p, exit, cause, sent),
    }
}

/// Why a signal was not sent, with the remedy if there is one.
pub fn not_sent(why: SendError) -> String {
    match why {
        SendError::Gone => "the process is gone".into(),
        SendError::Denied => "not permitted: the process belongs to another user; run as root or grant CAP_KILL".into(),
        SendError::Invalid => "there is no signal of this number".into(),
        SendError::Failed(e) => os_error::cause(e),
    }
}

fn survival_sentence(p: &Process, survival: Survival, sent: &Sent) -> String {
    let (name, signal) = (short_name(p), sent.signal);
    match survival {
        Survival::Stopped => format!("{name} is stopped."),
        Survival::PendingWhileStopped => format!("{name} is stopped: {signal} waits until it continues."),
        Survival::UnaffectedWhileStopped => format!("{name} lives on, and is stopped."),
        Survival::Continued => format!("{name} was stopped, and goes on."),
        Survival::Pending => format!("{name} lives on: {signal} may still be pending."),
        Survival::Unaffected => format!("{name} lives on."),
    }
}

fn end_sentences(world: &World, p: &Process, exit: Exit, cause: Cause, sent: &Sent) -> Vec<String> {
    let (name, signal) = (short_name(p), sent.signal);
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let after = format_exact(exit.at.t.since(sent.at.t));
    let reaped = match p.reap {
        Some(reap) => {
            format!("{}, {} a zombie.", capitalized(&reaped_by(world, p)), format_exact(reap.at.t.since(exit.at.t)))
        }
        None => "Not reaped yet: it is a zombie.".into(),
    };
    let other = |what: &str| format!("{signal} did not end {name}: {how}{what} {after} later.");
    let end = match cause {
        Cause::ThisSignal { .. } => format!("{name}: {how} after {after}."),
        Cause::EndedBefore => format!("{name} was ending already: {how}."),
        Cause::ExitedLater => format!("{name} took {signal}; it ended {after} later: {how}."),
        Cause::PidNamespace => other(" with its pid namespace"),
        Cause::LaterSignal(at) => other(&format!(", which you sent {} after it,", format_exact(at.since(sent.at.t)))),
        Cause::Unknown => other(""),
    };
    let mut lines = vec![end, reaped];
    if let Cause::ThisSignal { also_ended } = cause
        && !sent.also_end.is_empty()
    {
        lines.push(format!("{also_ended} of the {} predicted ended with it.", sent.also_end.len()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::not_sent;
    use crate::model::{OsError, SendError};

    #[test]
    fn a_signal_that_was_not_sent_has_its_reason() {
        let table = [
            (SendError::Gone, "the process is gone"),
            (SendError::Denied, "not permitted: the process belongs to another user; run as root or grant CAP_KILL"),
            (SendError::Invalid, "there is no signal of this number"),
            (
                SendError::Failed(OsError(24)),
                "this program has as many files open as it may; raise the limit: ulimit -n",
            ),
            (SendError::Failed(OsError(11)), "EAGAIN: Try again"),
        ];
        for (why, words) in table {
            assert_eq!(not_sent(why), words);
        }
    }
}
