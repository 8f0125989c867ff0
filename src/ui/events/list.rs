//! What is listed, as little as it takes to sort it; the words come when a row is on screen.

use super::EventFilter;
use crate::model::events::{Aggregated, aggregate};
use crate::model::{MonoNs, ProcId, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Of the merged pod events, by place.
    Pod(usize),
    /// Of the signals sent, by place.
    Signal(usize),
    /// A process that has ended.
    End(ProcId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub t: MonoNs,
    pub what: What,
}

/// Newest first. Places are of this very World.
pub fn collect(world: &World, filter: EventFilter) -> (Vec<Entry>, Vec<Aggregated>) {
    let mut entries = Vec::new();
    let merged = if filter.pods { aggregate(&world.events) } else { Vec::new() };
    entries.extend(merged.iter().enumerate().map(|(at, a)| Entry { t: a.last, what: What::Pod(at) }));
    if filter.signals {
        let sent = world.sent.iter().enumerate();
        entries.extend(sent.map(|(at, s)| Entry { t: s.at.t, what: What::Signal(at) }));
    }
    if filter.processes {
        let ended = world.processes.values().filter(|p| p.member.is_some());
        entries.extend(ended.filter_map(|p| {
            let t = p.reap.map_or(p.exit?.at.t, |r| r.at.t);
            Some(Entry { t, what: What::End(p.id) })
        }));
    }
    entries.reverse();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.t));
    (entries, merged)
}
