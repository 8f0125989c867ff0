//! Signals, events and steps of processes in words.

use crate::layout::timeline::Item;
use crate::model::{NodeSignalTarget, ProcId, SentBy, Signal};
use crate::store::{History, Moment, Note, Told, What};
use crate::ui::{Cx, text};
use crate::wording::signal;

/// How many are listed of a bundle.
const MOST: usize = 12;

/// The signal of a note, and the name of its target.
fn signal_of(note: &Note) -> Option<(Signal, String)> {
    Some(match &note.told {
        Told::User { sent, target_name } => (sent.signal, target_name.clone()),
        Told::Node { sent, target_name } => match sent.to {
            NodeSignalTarget::Process(_) => (sent.signal, target_name.clone()),
            _ => (sent.signal, format!("rest of {target_name}")),
        },
        Told::Reported(sent) => (sent.signal, sent.target_name.clone()),
        Told::OutOfMemory(_) | Told::Event(_) => return None,
    })
}

/// What a mark is called: `SIGKILL → nginx: worker`, `Started`.
fn title(note: &Note) -> String {
    match (&note.told, signal_of(note)) {
        (_, Some((signal, target))) => format!("{signal} → {target}"),
        (Told::Event(event), _) => event.reason.to_string(),
        _ => "Out of memory".into(),
    }
}

/// What a bundle of signals is called: `SIGTERM ×3 → sleep`, `5 signals`.
pub fn bundle_title(notes: &[&Note]) -> String {
    match notes {
        [] => String::new(),
        [one] => title(one),
        [first, rest @ ..] => {
            let name = title(first);
            if rest.iter().any(|note| title(note) != name) {
                return text::count(notes.len(), "signal", "signals");
            }
            match name.split_once(" → ") {
                Some((signal, target)) => format!("{signal} ×{} → {target}", notes.len()),
                None => format!("{name} ×{}", notes.len()),
            }
        }
    }
}

/// A note in a sentence.
pub fn full(note: &Note) -> String {
    match &note.told {
        Told::User { sent, target_name } => {
            let who = match sent.by {
                SentBy::User => "you",
                SentBy::Script => "a script",
            };
            format!("{} from {who} to {target_name} (pid {})", sent.signal, sent.target)
        }
        Told::Node { sent, target_name } => match &sent.to {
            NodeSignalTarget::Process(id) => {
                format!("{} from the lab's node to {target_name} (pid {id})", sent.signal)
            }
            NodeSignalTarget::Leftovers(_) => {
                format!("{} from the lab's node to all that {target_name} had left behind", sent.signal)
            }
            NodeSignalTarget::Pod(_) => format!("{} from the lab's node to all that was left in the pod", sent.signal),
        },
        Told::Reported(sent) => signal::sent(sent),
        Told::OutOfMemory(kill) => signal::oom_kill(kill),
        Told::Event(event) => format!("{}: {}", event.reason, event.message),
    }
}

/// What happened to a process, by its name of then.
pub fn step(history: &History, moment: &Moment) -> String {
    let life = history.life(moment.process);
    let name = |id: ProcId| {
        let life = history.life(id);
        life.map_or_else(|| format!("pid {id}"), |life| format!("{} (pid {id})", life.name_at(moment.t)))
    };
    let who = name(moment.process);
    match moment.what {
        What::Fork => format!("{who} is forked"),
        What::Exec => format!("pid {} executes {}", moment.process, life.map_or("?", |life| life.name_at(moment.t))),
        What::Adoption => format!("{who} has another parent"),
        What::Exit => match life.and_then(|life| life.exit).and_then(|(_, status)| status) {
            Some(status) => format!("{who}: {status}"),
            None => format!("{who} has ended"),
        },
        What::Reap => match life.and_then(|life| life.reaper) {
            Some(by) => format!("{who} is reaped by {}", name(by)),
            None => format!("{who} is reaped"),
        },
        What::Signal | What::OutOfMemory | What::PodEvent => who,
    }
}

pub fn item(history: &History, item: &Item) -> String {
    match item {
        Item::Step(moment) => step(history, moment),
        Item::Told(note) => full(note),
    }
}

/// Lines for a hover, each with its time. A name cannot begin a line.
pub fn lines<T>(cx: &Cx<'_>, all: &[T], line: impl Fn(&T) -> String, t: impl Fn(&T) -> crate::model::MonoNs) -> String {
    let line = |one: &T| format!("{} {}", cx.clock(t(one)), text::escaped(&line(one)));
    let mut lines: Vec<String> = all.iter().take(MOST).map(line).collect();
    if all.len() > MOST {
        lines.push(format!("and {} more", text::thousands((all.len() - MOST) as u64)));
    }
    lines.join("\n")
}
