//! The entries of the list, with only what is needed to sort them. Their texts are built when a row is on screen.

use super::EventFilter;
use crate::model::events::{Aggregated, aggregate};
use crate::model::{MonoNs, ProcId, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A pod event: an index into the merged events.
    Pod(usize),
    /// A signal that the user sent: an index into `World::sent`.
    Signal(usize),
    /// Another signal: an index into `World::signals`.
    SignalSent(usize),
    /// A kill for lack of memory: an index into `World::oom_kills`.
    OomKill(usize),
    /// A process that has ended.
    Exit(ProcId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub t: MonoNs,
    pub kind: EntryKind,
}

/// The entries, newest first, and the merged pod events. The indices are valid for this World only.
#[derive(Clone, Debug)]
pub struct List {
    pub entries: Vec<Entry>,
    pub merged: Vec<Aggregated>,
}

impl List {
    pub fn of(world: &World, filter: EventFilter) -> Self {
        let (entries, merged) = collect(world, filter);
        Self { entries, merged }
    }
}

fn collect(world: &World, filter: EventFilter) -> (Vec<Entry>, Vec<Aggregated>) {
    let mut entries = Vec::new();
    let merged = if filter.pods { aggregate(&world.events) } else { Vec::new() };
    entries.extend(merged.iter().enumerate().map(|(at, a)| Entry { t: a.last, kind: EntryKind::Pod(at) }));
    if filter.signals {
        let sent = world.sent.iter().enumerate();
        entries.extend(sent.map(|(at, s)| Entry { t: s.at.t, kind: EntryKind::Signal(at) }));
        let signals = world.signals.iter().enumerate().filter(|(_, sent)| world.is_signal_of_pods(sent));
        entries.extend(signals.map(|(at, s)| Entry { t: s.at.t, kind: EntryKind::SignalSent(at) }));
        let kills = world.oom_kills.iter().enumerate();
        entries.extend(kills.map(|(at, kill)| Entry { t: kill.at.t, kind: EntryKind::OomKill(at) }));
    }
    if filter.processes {
        entries.extend(world.remembered_of_pods().into_iter().filter_map(|p| {
            let t = p.reap.map_or(p.exit?.at.t, |r| r.at.t);
            Some(Entry { t, kind: EntryKind::Exit(p.id) })
        }));
    }
    entries.reverse();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.t));
    (entries, merged)
}
