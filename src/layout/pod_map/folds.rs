//! Alike processes: siblings of one name without children. Many of them are one pill, the fold.

use std::collections::{BTreeMap, BTreeSet};

use crate::layout::Rect;
use crate::layout::slots::{LINGER_NS, Unit};
use crate::model::{MonoNs, ProcId, Process, State, World};

/// So many that live at once are folded.
pub const MIN_ALIKE: usize = 4;
/// So many are folded although they do not live at once: a loop leaves one after the other, and each is shown for a
/// moment after its end.
const MANY_SHOWN: usize = 12;

/// What the user opens and closes: the alike children of one process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldKey {
    pub parent: ProcId,
    /// Their title.
    pub name: String,
}

/// The pill of alike processes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub key: FoldKey,
    pub rect: Rect,
    /// Its processes have pills of their own below it.
    pub is_open: bool,
    /// It cannot be closed, since the selected process is in it.
    pub is_held_open: bool,
    /// For processes of a former run, which fade: one line.
    pub is_small: bool,
    /// Their parent is the pod's pause, in another column.
    pub is_adopted: bool,
    /// Those that are visible, in the order of their births. The last ones of them may be reaped.
    pub members: Vec<ProcId>,
    pub counts: Counts,
}

/// How many processes of a fold are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that are not reaped, those below included.
    pub present: usize,
    pub zombies: usize,
    pub stopped: usize,
    /// Those that are reaped and still shown for a moment.
    pub reaped: usize,
}

impl Counts {
    fn of(processes: &[&Process]) -> Self {
        let count = |is: &dyn Fn(&Process) -> bool| processes.iter().filter(|p| is(p)).count();
        Self {
            present: count(&|p| !p.is_gone()),
            zombies: count(&Process::is_zombie),
            stopped: count(&|p| p.is_alive() && matches!(p.state, State::Stopped | State::Traced)),
            reaped: count(&Process::is_gone),
        }
    }
}

/// Alike processes of one member.
#[derive(Clone, Debug)]
pub(super) struct Alike<'a> {
    pub key: FoldKey,
    /// Those that are visible, in the order of their births.
    pub shown: Vec<&'a Process>,
    /// All that are remembered: the faded ones had their place in it too.
    ids: BTreeSet<ProcId>,
    /// The first of all, which names the unit.
    pub first: ProcId,
}

impl Alike<'_> {
    pub fn counts(&self) -> Counts {
        Counts::of(&self.shown)
    }
}

/// Whether it is not reaped, or was so a moment ago.
fn shows_at(p: &Process, now: MonoNs) -> bool {
    p.reap.is_none_or(|reap| now < reap.at.t.plus(LINGER_NS))
}

/// The groups that are folded.
pub(super) fn alike<'a>(world: &World, processes: &[&'a Process], now: MonoNs) -> Vec<Alike<'a>> {
    // few processes have a long list of siblings, so names are made for few
    let mut siblings: BTreeMap<ProcId, usize> = BTreeMap::new();
    for p in processes.iter().copied().filter(|p| shows_at(p, now)) {
        if let Some(parent) = p.parent.process() {
            *siblings.entry(parent).or_default() += 1;
        }
    }
    siblings.retain(|_, shown| *shown >= MIN_ALIKE);
    let mut by_command: BTreeMap<(ProcId, &str, &[String]), Vec<&'a Process>> = BTreeMap::new();
    for p in processes.iter().copied() {
        if let Some(parent) = p.parent.process().filter(|parent| siblings.contains_key(parent)) {
            by_command.entry((parent, p.comm.as_str(), p.cmdline.as_slice())).or_default().push(p);
        }
    }
    let mut by_name: BTreeMap<FoldKey, Vec<&'a Process>> = BTreeMap::new();
    for ((parent, ..), group) in by_command {
        let name = group.first().map(|p| p.title()).unwrap_or_default();
        by_name.entry(FoldKey { parent, name }).or_default().extend(group);
    }
    by_name.into_iter().filter_map(|(key, group)| folded(world, key, group, now)).collect()
}

/// Leaves those out that have children. `None` if too few are left.
fn folded<'a>(world: &World, key: FoldKey, mut group: Vec<&'a Process>, now: MonoNs) -> Option<Alike<'a>> {
    group.retain(|p| world.children(p.id).all(Process::is_gone));
    group.sort_by_key(|p| Unit::of(p).order());
    let first = group.first()?.id;
    let shown: Vec<&Process> = group.iter().copied().filter(|p| shows_at(p, now)).collect();
    let is_folded = shown.len() >= MANY_SHOWN || most_at_once(&shown, now) >= MIN_ALIKE;
    is_folded.then(|| Alike { key, ids: group.iter().map(|p| p.id).collect(), shown, first })
}

/// How many of them lived at once in the last moments, so that a fold does not open when one is replaced by another.
fn most_at_once(shown: &[&Process], now: MonoNs) -> usize {
    let since = now.minus(LINGER_NS);
    let lives_at = |t: MonoNs| shown.iter().filter(|p| p.born.t <= t && p.reap.is_none_or(|r| t < r.at.t)).count();
    let births = shown.iter().map(|p| p.born.t).filter(|t| *t > since);
    births.chain([since, now]).map(lives_at).max().unwrap_or(0)
}

/// The units of a member: a fold is one, every other process is one.
pub(super) fn units(processes: &[&Process], folded: &[Alike<'_>]) -> Vec<Unit> {
    let unit_of = |id: ProcId| folded.iter().find(|alike| alike.ids.contains(&id)).map_or(id, |alike| alike.first);
    let mut all: BTreeMap<ProcId, Unit> = BTreeMap::new();
    for p in processes {
        let mut unit = Unit { id: unit_of(p.id), ..Unit::of(p) };
        unit.above = unit.above.map(unit_of);
        all.entry(unit.id)
            .and_modify(|known| {
                known.until = known.until.zip(unit.until).map(|(a, b)| a.max(b));
                if unit.born < known.born {
                    (known.born, known.above) = (unit.born, unit.above);
                }
            })
            .or_insert(unit);
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delta, Parent, Source, Stamp};

    const S: u64 = 1_000_000_000;
    const SHELL: ProcId = ProcId { pid: 1, start: 0 };

    const fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 0 }
    }

    /// A shell with children of these names, each with its birth and its reap in seconds.
    fn world(children: &[(u32, &str, u64, Option<u64>)]) -> World {
        let mut world = World::default();
        world.apply(&Delta::Born { id: SHELL, parent: Parent::Outside, at: Stamp::connector(MonoNs(0)) });
        for (pid, name, born, reaped) in children {
            let at = Stamp::connector(MonoNs(born * S));
            world.apply(&Delta::Born { id: id(*pid), parent: Parent::Process(SHELL), at });
            let cmdline = vec![(*name).to_owned()];
            world.apply(&Delta::Exec { id: id(*pid), comm: (*name).into(), cmdline, at });
            if let Some(reaped) = reaped {
                let at = Stamp::prompt(MonoNs(reaped * S), Source::Pidfd);
                world.apply(&Delta::Reaped { id: id(*pid), by: Parent::Process(SHELL), at });
            }
        }
        world
    }

    /// Name, how many are shown, and the counts of each fold.
    fn folds(world: &World, now: u64) -> Vec<(String, usize, Counts)> {
        let all: Vec<&Process> = world.processes.values().map(AsRef::as_ref).collect();
        let found = alike(world, &all, MonoNs(now * S));
        found.into_iter().map(|group| (group.key.name.clone(), group.shown.len(), group.counts())).collect()
    }

    #[test]
    fn four_alike_siblings_are_folded_and_three_are_not() {
        let four = [(2, "sleep", 1, None), (3, "sleep", 1, None), (4, "sleep", 1, None), (5, "sleep", 1, None)];
        let counts = Counts { present: 4, ..Counts::default() };
        assert_eq!(folds(&world(&four), 2), [("sleep".to_owned(), 4, counts)]);
        assert!(folds(&world(&four[..3]), 2).is_empty());
        let other = [four[0], four[1], four[2], (5, "cat", 1, None)];
        assert!(folds(&world(&other), 2).is_empty());
    }

    #[test]
    fn a_process_with_a_child_stays_beside_the_fold() {
        let mut world = world(&[2, 3, 4, 5, 6].map(|pid| (pid, "worker", 1, None)));
        world.apply(&Delta::Born { id: id(9), parent: Parent::Process(id(6)), at: Stamp::connector(MonoNs(S)) });
        assert_eq!(folds(&world, 2).iter().map(|(_, shown, _)| *shown).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_worker_that_is_replaced_neither_opens_nor_makes_a_fold() {
        // four workers, one of which was killed: it is still shown, and then the next one is there
        let mut four = vec![(2, "worker", 1, Some(9)), (3, "worker", 1, None), (4, "worker", 1, None)];
        four.push((5, "worker", 1, None));
        assert_eq!(folds(&world(&four), 10)[0].2, Counts { present: 3, reaped: 1, ..Counts::default() });
        four.push((6, "worker", 10, None));
        assert_eq!(folds(&world(&four), 10)[0].2, Counts { present: 4, reaped: 1, ..Counts::default() });
        assert_eq!(folds(&world(&four), 20)[0].2, Counts { present: 4, ..Counts::default() });
        // two workers, both of which were replaced: four are shown, two of them have ended
        let two = [(2, "worker", 1, Some(9)), (3, "worker", 1, Some(9)), (4, "worker", 10, None)];
        let two = [two[0], two[1], two[2], (5, "worker", 10, None)];
        assert!(folds(&world(&two), 11).is_empty());
    }

    #[test]
    fn what_a_loop_leaves_behind_is_folded() {
        let many: Vec<(u32, &str, u64, Option<u64>)> = (0..12).map(|n| (n + 2, "true", 5, Some(5))).collect();
        assert_eq!(folds(&world(&many), 6), [("true".into(), 12, Counts { reaped: 12, ..Counts::default() })]);
        assert!(folds(&world(&many), 9).is_empty(), "they have faded");
    }

    #[test]
    fn a_fold_is_one_unit_that_lasts_as_long_as_one_of_its_processes() {
        let mut all = vec![(2, "sleep", 1, Some(2)), (3, "sleep", 1, None), (4, "sleep", 1, None)];
        all.extend([(5, "sleep", 3, None), (6, "sleep", 3, None), (7, "cat", 2, None)]);
        let world = world(&all);
        let processes: Vec<&Process> = world.processes.values().map(AsRef::as_ref).collect();
        let folded = alike(&world, &processes, MonoNs(20 * S));
        let units = units(&processes, &folded);
        let of = |pid| units.iter().find(|unit| unit.id == id(pid)).map(|unit| (unit.born, unit.until));
        assert_eq!(units.len(), 3, "the shell, the fold and cat");
        assert_eq!(of(2), Some((MonoNs(S), None)), "it keeps its place although its first process has faded");
        assert_eq!(of(7), Some((MonoNs(2 * S), None)));
    }
}
