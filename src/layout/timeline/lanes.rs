//! The lanes of the timeline: one for each process, in groups. A group is one run of a container, or one sandbox.

use std::collections::{BTreeMap, BTreeSet};

use super::runs::{Run, runs};
use crate::model::{MonoNs, PodUid, ProcId};
use crate::store::{History, PodHistory};

/// How many reaped processes of a group are shown, and how many former runs of a container. One row stands for those
/// before them.
const RECENT: usize = 6;
const RECENT_RUNS: usize = 3;

/// A run of a container (`None`: of pause), named by its first process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    pub pod: PodUid,
    pub container: Option<String>,
    pub head: ProcId,
}

/// What one row stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EarlierKey {
    /// Reaped processes of a group.
    Processes(GroupKey),
    /// Former runs of a container.
    Runs(PodUid, Option<String>),
}

/// What the user has folded and opened. Former runs are folded until they are unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folds {
    groups: BTreeMap<GroupKey, bool>,
    opened: BTreeSet<EarlierKey>,
}

impl Folds {
    fn is_folded(&self, key: &GroupKey, is_newest: bool) -> bool {
        self.groups.get(key).copied().unwrap_or(!is_newest)
    }

    pub fn fold(&mut self, key: &GroupKey, fold: bool) {
        self.groups.insert(key.clone(), fold);
    }

    fn is_open(&self, key: &EarlierKey) -> bool {
        self.opened.contains(key)
    }

    pub fn open(&mut self, key: &EarlierKey, open: bool) {
        if open {
            self.opened.insert(key.clone());
        } else {
            self.opened.remove(key);
        }
    }
}

/// The row above the lanes of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    pub key: GroupKey,
    /// The pod's name, if lanes of several pods are shown.
    pub pod: Option<String>,
    /// The number of the run, from 1; `None` where it is not known.
    pub attempt: Option<u32>,
    /// It is the last run of its container.
    pub is_newest: bool,
    pub is_folded: bool,
    /// How many processes of it are in the span.
    pub processes: usize,
    /// From the first birth to the last reap; `None` while a process is not reaped.
    pub from: MonoNs,
    pub to: Option<MonoNs>,
}

/// A row in place of others, which it shows when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRow {
    pub key: EarlierKey,
    pub count: usize,
    pub is_open: bool,
}

/// Most are lanes, and there may be thousands, so the others are boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Group(Box<GroupRow>),
    Earlier(Box<EarlierRow>),
    Lane(ProcId),
}

/// Which lanes to show.
#[derive(Clone, Debug)]
pub struct LaneQuery<'a> {
    /// `None`: of all pods.
    pub pod: Option<&'a PodUid>,
    pub from: MonoNs,
    pub to: MonoNs,
    pub folds: &'a Folds,
    /// Its lane is shown also where it is folded.
    pub selected: Option<ProcId>,
    /// First processes of runs that are shown even if they are not in the span: their containers wait for something.
    pub kept: &'a [ProcId],
}

/// The rows of a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    /// pause first, then container by container in the pod's order, the last run first, and in it by birth.
    pub rows: Vec<Row>,
    /// The process of a lane that was born last.
    pub newest: Option<(MonoNs, ProcId)>,
}

impl Lanes {
    pub fn of(history: &History, query: &LaneQuery<'_>) -> Self {
        let mut lanes = Self::default();
        for (uid, pod) in history.pods(query.pod) {
            let name = query.pod.is_none().then(|| pod.name.to_string());
            for (container, of_container) in by_container(pod, runs(history, pod)) {
                lanes.add_container(query, uid, name.as_deref(), container.as_deref(), &of_container);
            }
        }
        lanes
    }

    /// `runs`: those of the container, the last one first.
    fn add_container(
        &mut self,
        query: &LaneQuery<'_>,
        pod: &PodUid,
        pod_name: Option<&str>,
        container: Option<&str>,
        runs: &[Run<'_>],
    ) {
        let is_kept = |run: &Run<'_>| query.kept.contains(&run.head);
        let is_shown =
            |(_, run): &(usize, &Run<'_>)| is_kept(run) || run.touching(query.from, query.to).next().is_some();
        let shown: Vec<(usize, &Run<'_>)> = runs.iter().enumerate().filter(is_shown).collect();
        let key = EarlierKey::Runs(pod.clone(), container.map(str::to_owned));
        let is_open = query.folds.is_open(&key);
        let has_earlier = shown.len() > RECENT_RUNS + 1;
        for (place, (nth, run)) in shown.iter().enumerate() {
            if has_earlier && place == RECENT_RUNS {
                let count = shown.len() - RECENT_RUNS;
                self.rows.push(Row::Earlier(Box::new(EarlierRow { key: key.clone(), count, is_open })));
            }
            let is_selected = || {
                let mut found = run.touching(query.from, query.to);
                query.selected.is_some_and(|id| found.any(|found| found.id == id))
            };
            if has_earlier && place >= RECENT_RUNS && !is_open && !is_kept(run) && !is_selected() {
                continue;
            }
            let group = GroupKey { pod: pod.clone(), container: container.map(str::to_owned), head: run.head };
            self.add_run(query, group, pod_name, run, *nth == 0);
        }
    }

    fn add_run(
        &mut self,
        query: &LaneQuery<'_>,
        key: GroupKey,
        pod_name: Option<&str>,
        run: &Run<'_>,
        is_newest: bool,
    ) {
        let mut found: Vec<_> = run.touching(query.from, query.to).collect();
        found.sort_unstable();
        let is_folded = query.folds.is_folded(&key, is_newest);
        self.rows.push(Row::Group(Box::new(GroupRow {
            key: key.clone(),
            pod: pod_name.map(str::to_owned),
            attempt: run.number,
            is_newest,
            is_folded,
            processes: found.len(),
            from: run.from(),
            to: run.to(),
        })));
        if is_folded {
            let selected = found.iter().filter(|found| Some(found.id) == query.selected);
            self.rows.extend(selected.map(|found| Row::Lane(found.id)));
            return;
        }
        let can_be_hidden = |id: ProcId, is_reaped: bool| is_reaped && id != run.head;
        let hidden = found.iter().filter(|found| can_be_hidden(found.id, found.is_reaped)).count();
        // a row for a single one would save nothing
        let mut hidden = if hidden > RECENT + 1 { hidden - RECENT } else { 0 };
        let key = EarlierKey::Processes(key);
        let is_open = query.folds.is_open(&key);
        let mut earlier = (hidden > 0).then(|| Box::new(EarlierRow { key, count: hidden, is_open }));
        for one in found {
            if hidden > 0 && can_be_hidden(one.id, one.is_reaped) {
                hidden -= 1;
                self.rows.extend(earlier.take().map(Row::Earlier));
                if !is_open && Some(one.id) != query.selected {
                    continue;
                }
            }
            self.newest = self.newest.max(Some((one.born, one.id)));
            self.rows.push(Row::Lane(one.id));
        }
    }

    /// The place of a process's lane.
    pub fn position(&self, id: ProcId) -> Option<usize> {
        self.rows.iter().position(|row| *row == Row::Lane(id))
    }
}

/// A container, or pause, with its runs.
type ContainerRuns<'a> = (Option<String>, Vec<Run<'a>>);

/// The containers in the order of the pod, pause first, each with its runs, the last one first. A container that the pod
/// never had in its list is at the end.
fn by_container<'a>(pod: &PodHistory, mut runs: BTreeMap<Option<String>, Vec<Run<'a>>>) -> Vec<ContainerRuns<'a>> {
    let known = pod.containers.iter().map(|name| Some(name.to_string()));
    let mut ordered = Vec::new();
    for container in std::iter::once(None).chain(known) {
        ordered.extend(runs.remove_entry(&container));
    }
    ordered.extend(runs);
    for (_, runs) in &mut ordered {
        runs.reverse();
    }
    ordered
}

#[cfg(test)]
mod tests;
