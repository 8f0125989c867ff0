//! The runs of containers: which processes belong to one start of a container.

use std::collections::BTreeMap;

use crate::model::{MonoNs, ProcId};
use crate::store::{Family, Found, History, PodHistory};

/// One start of a container, or one sandbox: its first process with all descendants, and what was executed in it
/// meanwhile.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    pub head: ProcId,
    /// From 1; `None` where it is not known.
    pub number: Option<u32>,
    families: Vec<&'a Family>,
    /// When its first process ended; `None` while it lives.
    ended: Option<MonoNs>,
}

impl Run<'_> {
    /// Its processes that were not born after `to` and not reaped before `from`, in no order.
    pub fn touching(&self, from: MonoNs, to: MonoNs) -> impl Iterator<Item = Found> + '_ {
        self.families.iter().flat_map(move |family| family.touching(from, to))
    }

    /// Its first birth.
    pub fn from(&self) -> MonoNs {
        self.families.iter().filter_map(|family| family.first()).min().unwrap_or_default()
    }

    /// Its last reap; `None` while a process is not reaped.
    pub fn to(&self) -> Option<MonoNs> {
        self.families.iter().map(|family| family.last()).collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// The runs of each container, the first one first. A process that has no parent in its container begins a run if the
/// run before has ended. Otherwise it was executed in that run.
pub fn runs<'a>(history: &History, pod: &'a PodHistory) -> BTreeMap<Option<String>, Vec<Run<'a>>> {
    let mut families: Vec<(Option<&str>, MonoNs, ProcId, &Family)> = pod
        .families()
        .map(|(container, head, family)| {
            let born = history.life(head).map(|life| life.born).or(family.first());
            (container, born.unwrap_or_default(), head, family)
        })
        .collect();
    families.sort_by_key(|(container, born, head, _)| (*container, *born, *head));
    let mut all: BTreeMap<Option<String>, Vec<Run<'a>>> = BTreeMap::new();
    for (container, born, head, family) in families {
        let runs = all.entry(container.map(str::to_owned)).or_default();
        let number = pod.run(head);
        if number.is_none()
            && let Some(run) = runs.last_mut().filter(|run| run.ended.is_none_or(|ended| ended > born))
        {
            run.families.push(family);
            continue;
        }
        // a first process that is forgotten was reaped before the others
        let ended = history.life(head).map_or(Some(born), |life| life.exit.map(|(t, _)| t).or(life.reap));
        let next = runs.last().and_then(|run| run.number).map(|number| number + 1);
        runs.push(Run { head, number: number.or(next), families: vec![family], ended });
    }
    all
}
