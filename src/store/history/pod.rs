//! The history of one pod: its containers, the families of its processes, and what happened.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::family::{Family, FamilyKey};
use super::{Kinds, Life, Moment, Note, What, family_of};
use crate::model::{MonoNs, Pod, ProcId};

/// Signals and events, each with its time.
#[derive(Clone, Debug, Default)]
pub(super) struct Happened {
    signals: OrdMap<Moment, Arc<Note>>,
    events: OrdMap<Moment, Arc<Note>>,
}

impl Happened {
    /// How many signals, and how many events, are kept.
    const MAX: usize = 16_384;

    pub fn insert(&mut self, note: Note) {
        let list = if note.moment.what == What::PodEvent { &mut self.events } else { &mut self.signals };
        list.insert(note.moment, Arc::new(note));
        if list.len() > Self::MAX
            && let Some(oldest) = list.get_min().map(|(moment, _)| *moment)
        {
            list.remove(&oldest);
        }
    }

    pub fn forget(&mut self, oldest: MonoNs) {
        for list in [&mut self.signals, &mut self.events] {
            while let Some(first) = list.get_min().map(|(moment, _)| *moment).filter(|first| first.t < oldest) {
                list.remove(&first);
            }
        }
    }

    pub fn signals(&self, from: MonoNs, to: MonoNs) -> impl Iterator<Item = &Arc<Note>> {
        between(&self.signals, from, to)
    }

    pub fn events(&self, from: MonoNs, to: MonoNs) -> impl Iterator<Item = &Arc<Note>> {
        between(&self.events, from, to)
    }

    fn lists(&self, of: Kinds) -> impl Iterator<Item = &OrdMap<Moment, Arc<Note>>> {
        let chosen = [of.signals.then_some(&self.signals), of.events.then_some(&self.events)];
        chosen.into_iter().flatten()
    }

    pub fn next(&self, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        self.lists(of).filter_map(|list| list.range(Moment::first_at(t.plus(1))..).next()).map(|(at, _)| at.t).min()
    }

    pub fn previous(&self, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        self.lists(of).filter_map(|list| list.range(..Moment::first_at(t)).next_back()).map(|(at, _)| at.t).max()
    }
}

fn between(list: &OrdMap<Moment, Arc<Note>>, from: MonoNs, to: MonoNs) -> impl Iterator<Item = &Arc<Note>> {
    list.range(Moment::first_at(from.min(to))..=Moment::last_at(to)).map(|(_, note)| note)
}

#[derive(Clone, Debug, Default)]
pub struct PodHistory {
    /// Empty while only its processes are known.
    pub name: Arc<str>,
    /// Its containers in its own order. Those that it no longer has are at the end.
    pub containers: Arc<Vec<Arc<str>>>,
    /// The number of the run that began with a process, from 1: of a sandbox if it is a pause, else of its container.
    runs: OrdMap<ProcId, u32>,
    families: OrdMap<FamilyKey, Family>,
    steps: OrdSet<Moment>,
    pub(super) happened: Happened,
}

impl PodHistory {
    /// How many runs are numbered.
    const MAX_RUNS: usize = 4_096;

    /// Takes in the state of the pod.
    pub(super) fn describe(&mut self, pod: &Pod) {
        if *self.name != *pod.name {
            self.name = pod.name.as_str().into();
        }
        let now = pod.containers.iter().map(|c| c.name.as_str());
        let has_same_order = self.containers.iter().map(|name| &**name).take(pod.containers.len()).eq(now.clone());
        if !has_same_order {
            let mut all: Vec<Arc<str>> = now.map(Arc::from).collect();
            let gone = self.containers.iter().filter(|name| pod.container(name).is_none());
            all.extend(gone.cloned());
            self.containers = Arc::new(all);
        }
        let sandbox = pod.sandbox.as_ref().and_then(|sandbox| Some((sandbox.process?, sandbox.number()?)));
        let runs = pod.containers.iter().filter_map(|c| Some((c.process?, c.restarts?.saturating_add(1))));
        // a container may hold the sandbox: then its own number counts
        for (id, number) in sandbox.into_iter().chain(runs) {
            if self.runs.get(&id) != Some(&number) {
                self.runs.insert(id, number);
            }
        }
        while self.runs.len() > Self::MAX_RUNS
            && let Some(any) = self.runs.keys().next().copied()
        {
            self.runs.remove(&any);
        }
    }

    pub(super) fn replace(&mut self, old: Option<&Life>, new: Option<&Life>) {
        let place = |life: &Life| (family_of(life), life.born, life.reap);
        if old.map(place) != new.map(place) {
            if let Some(old) = old {
                self.leave(old);
            }
            if let Some(new) = new {
                self.families.entry(family_of(new)).or_default().insert(new);
            }
        }
        let steps = |life: Option<&Life>| life.into_iter().flat_map(Life::moments).collect::<Vec<_>>();
        let (before, after) = (steps(old), steps(new));
        if before != after {
            for moment in &before {
                self.steps.remove(moment);
            }
            for moment in after {
                self.steps.insert(moment);
            }
        }
    }

    fn leave(&mut self, life: &Life) {
        let key = family_of(life);
        let Some(family) = self.families.get_mut(&key) else { return };
        family.remove(life);
        if family.is_empty() {
            self.families.remove(&key);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.families.is_empty() && self.happened.signals.is_empty() && self.happened.events.is_empty()
    }

    /// Its families by container, the pause first, and by their first processes.
    pub fn families(&self) -> impl Iterator<Item = (Option<&str>, ProcId, &Family)> {
        self.families.iter().map(|((container, head), family)| (container.as_deref(), *head, family))
    }

    /// The number of the run that began with this process, from 1.
    pub fn run(&self, head: ProcId) -> Option<u32> {
        self.runs.get(&head).copied()
    }

    pub(super) fn steps(&self, from: MonoNs, to: MonoNs) -> impl Iterator<Item = Moment> {
        self.steps.range(Moment::first_at(from.min(to))..=Moment::last_at(to)).copied()
    }

    pub(super) fn next(&self, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        let step = self.steps.range(Moment::first_at(t.plus(1))..).next().filter(|_| of.steps).map(|moment| moment.t);
        step.into_iter().chain(self.happened.next(of, t)).min()
    }

    pub(super) fn previous(&self, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        let step = self.steps.range(..Moment::first_at(t)).next_back().filter(|_| of.steps).map(|moment| moment.t);
        step.into_iter().chain(self.happened.previous(of, t)).max()
    }

    pub(super) fn count_after(&self, of: Kinds, t: MonoNs, most: usize) -> usize {
        let steps = self.steps.range(Moment::first_at(t.plus(1))..).take(if of.steps { most } else { 0 }).count();
        let told = self.happened.lists(of).map(|list| list.range(Moment::first_at(t.plus(1))..).take(most).count());
        steps + told.sum::<usize>()
    }
}
