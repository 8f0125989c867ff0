//! The life of one process: what its lane shows.

use std::sync::Arc;

use super::{Moment, What};
use crate::model::{Member, MonoNs, ProcId, Process, State, WaitStatus, names};

/// How many states, and how many names, are kept of one process.
const MAX_STATES: usize = 512;
const MAX_NAMES: usize = 64;

/// A process of a pod, from birth to reap, with its states and names in the order of their times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    pub id: ProcId,
    pub member: Arc<Member>,
    /// The first process of its container that it descends from; itself if it is that.
    pub head: ProcId,
    pub is_pause: bool,
    /// Its pid in its own pid namespace, if that is known.
    pub pid_inside: Option<u32>,
    pub born: MonoNs,
    pub execs: Vec<MonoNs>,
    pub adoptions: Vec<MonoNs>,
    /// `None` in it: how it ended is not known.
    pub exit: Option<(MonoNs, Option<WaitStatus>)>,
    pub reap: Option<MonoNs>,
    pub reaper: Option<ProcId>,
    states: Vec<(MonoNs, State)>,
    names: Vec<(MonoNs, Arc<str>)>,
}

/// A part of a life in which the state stayed the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: MonoNs,
    /// `None` until now.
    pub to: Option<MonoNs>,
    /// `None` where it is no longer known.
    pub state: Option<State>,
}

impl Life {
    /// What is known of a process at `t`, after what was known before.
    pub(super) fn after(old: Option<&Self>, p: &Process, member: Arc<Member>, head: ProcId, t: MonoNs) -> Self {
        let mut states = old.map(|old| old.states.clone()).unwrap_or_default();
        let mut names = old.map(|old| old.names.clone()).unwrap_or_default();
        // before the first report it was the same as far as is known
        let since = if old.is_none() { p.born.t } else { t };
        if p.is_alive() {
            push(&mut states, since, p.state, MAX_STATES);
        }
        let name = names::lane_name(p);
        if names.last().is_none_or(|(_, last)| **last != *name) {
            push(&mut names, since, name.into(), MAX_NAMES);
        }
        Self {
            id: p.id,
            member,
            head,
            is_pause: names::is_pause(p),
            pid_inside: p.pid_inside(),
            born: p.born.t,
            execs: p.execs.iter().map(|at| at.t).collect(),
            adoptions: p.reparents.iter().map(|step| step.at.t).collect(),
            exit: p.exit.map(|exit| (exit.at.t, exit.status)),
            reap: p.reap.map(|reap| reap.at.t),
            reaper: p.reap.and_then(|reap| reap.by.process()),
            states,
            names,
        }
    }

    /// The name that it had at `t`; before its birth, the first one.
    pub fn name_at(&self, t: MonoNs) -> &str {
        let after = self.names.partition_point(|(since, _)| *since <= t);
        self.names.get(after.saturating_sub(1)).map_or("", |(_, name)| &**name)
    }

    /// Its names, each with the time since which it had it.
    pub fn names(&self) -> impl Iterator<Item = (MonoNs, &str)> {
        self.names.iter().map(|(since, name)| (*since, &**name))
    }

    /// The state at `t`; `None` before its birth, and where it is no longer known.
    pub fn state_at(&self, t: MonoNs) -> Option<State> {
        if t < self.born {
            return None;
        }
        if self.reap.is_some_and(|reap| reap <= t) {
            return Some(State::Gone);
        }
        if self.exit.is_some_and(|(exit, _)| exit <= t) {
            return Some(State::Zombie);
        }
        let after = self.states.partition_point(|(since, _)| *since <= t);
        self.states.get(after.checked_sub(1)?).map(|(_, state)| *state)
    }

    /// The states from birth to exit, without gaps.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let end = self.exit.map(|(t, _)| t).or(self.reap);
        let first = self.states.first().map(|(since, _)| *since);
        let unknown = first.is_none_or(|first| first > self.born);
        let unknown = unknown.then_some(Stretch { from: self.born, to: first.or(end), state: None });
        let known = self.states.iter().enumerate().map(move |(nth, (from, state))| {
            let next = self.states.get(nth + 1).map(|(since, _)| *since);
            let to = next.into_iter().chain(end).min();
            Stretch { from: *from, to, state: Some(*state) }
        });
        unknown.into_iter().chain(known).filter(|stretch| stretch.to.is_none_or(|to| to > stretch.from))
    }

    /// What happened to it.
    pub(super) fn moments(&self) -> impl Iterator<Item = Moment> {
        let once = |what, t: Option<MonoNs>| t.map(|t| Moment { t, what, process: self.id, number: 0 });
        let execs = self.execs.iter().filter_map(move |t| once(What::Exec, Some(*t)));
        let adoptions = self.adoptions.iter().filter_map(move |t| once(What::Adoption, Some(*t)));
        let exit = once(What::Exit, self.exit.map(|(t, _)| t));
        let ends = exit.into_iter().chain(once(What::Reap, self.reap));
        once(What::Fork, Some(self.born)).into_iter().chain(execs).chain(adoptions).chain(ends)
    }
}

/// Adds what is so since `t`, if it is different from before. What comes late counts from the last time on.
fn push<T: PartialEq>(list: &mut Vec<(MonoNs, T)>, t: MonoNs, value: T, most: usize) {
    let Some((last, known)) = list.last_mut() else { return list.push((t, value)) };
    if *known == value {
        return;
    }
    if t <= *last {
        *known = value;
        return;
    }
    list.push((t, value));
    if list.len() > most {
        list.remove(0);
    }
}
