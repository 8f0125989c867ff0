//! Assigns processes to rows that never change.

mod free_rows;

use std::collections::{BTreeMap, BTreeSet};

use free_rows::FreeRows;

use crate::model::{MonoNs, ProcId, Process};

/// How long a reaped process keeps its row, in ns: its tick is shown, then it fades.
pub const LINGER_NS: u64 = 2_500_000_000;

/// How long nothing must come or go before empty rows close, in ns. A place that closed at once would move all processes
/// below it while the user looks at them.
pub const CLOSE_NS: u64 = 8_000_000_000;

/// What has a row: a process, or several alike ones that are one pill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The process, or the first of them.
    pub id: ProcId,
    /// The unit of the process that it was born to: its row is further up.
    pub above: Option<ProcId>,
    pub born: MonoNs,
    /// When it has faded; `None` while a process of it is not reaped.
    pub until: Option<MonoNs>,
}

impl Unit {
    pub fn of(p: &Process) -> Self {
        let until = p.reap.map(|reap| reap.at.t.plus(LINGER_NS));
        Self { id: p.id, above: original_parent(p), born: p.born.t, until }
    }

    fn shows_at(&self, t: MonoNs) -> bool {
        self.until.is_none_or(|until| t < until)
    }

    /// The order in which units get their rows.
    pub fn order(&self) -> (MonoNs, u64, u32) {
        (self.born, self.id.start, self.id.pid)
    }
}

/// The rows of the units that are visible at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub of: BTreeMap<ProcId, usize>,
    /// When empty rows close unless something changes before.
    pub close_at: Option<MonoNs>,
}

/// Assigns each unit of one member a row. Another unit gets the row only after the first has faded, and no row changes
/// while units come or go. Only when that has not happened for [`CLOSE_NS`], the empty rows close. The result depends on
/// births and reaps alone, so it is the same in every frame and every replay. A child's row is always below its
/// parent's.
pub fn rows(mut units: Vec<Unit>, now: MonoNs) -> Rows {
    units.sort_by_key(Unit::order);
    let closings = closings(&units, now);
    let mut closings = closings.into_iter().peekable();
    let mut placed = Placed::default();
    for unit in &units {
        let mut last = None;
        while let Some(at) = closings.next_if(|at| *at <= unit.born) {
            last = Some(at);
        }
        if let Some(at) = last {
            placed.close(at);
        }
        placed.add(*unit);
    }
    // of several only the last one counts: each leaves no empty row
    if let Some(at) = closings.last() {
        placed.close(at);
    }
    placed.units.retain(|(_, unit)| unit.shows_at(now));
    let last_change = units.iter().flat_map(|unit| [Some(unit.born), unit.until.filter(|t| *t <= now)]).flatten().max();
    let has_gap = placed.units.iter().map(|(row, _)| row + 1).max().unwrap_or(0) > placed.units.len();
    Rows {
        close_at: last_change.map(|t| t.plus(CLOSE_NS)).filter(|t| has_gap && *t > now),
        of: placed.units.into_iter().map(|(row, unit)| (unit.id, row)).collect(),
    }
}

/// The moments up to `now` at which nothing has come or gone for [`CLOSE_NS`], in their order.
fn closings(units: &[Unit], now: MonoNs) -> Vec<MonoNs> {
    let mut changes: Vec<MonoNs> = units.iter().flat_map(|unit| [Some(unit.born), unit.until]).flatten().collect();
    changes.retain(|t| *t <= now);
    changes.sort_unstable();
    let next = changes.iter().skip(1).copied().chain([now]);
    let quiet = changes.iter().map(|t| t.plus(CLOSE_NS)).zip(next);
    quiet.filter(|(at, next)| at <= next).map(|(at, _)| at).collect()
}

/// The units that have a row so far.
#[derive(Default)]
struct Placed {
    units: Vec<(usize, Unit)>,
    row_of: BTreeMap<ProcId, usize>,
    free: FreeRows,
}

impl Placed {
    fn add(&mut self, unit: Unit) {
        let above = unit.above.and_then(|id| self.row_of.get(&id)).map_or(0, |row| row + 1);
        let row = self.free.first(above, unit.born.0).unwrap_or_else(|| above.max(self.free.len()));
        self.put(row, unit);
    }

    fn put(&mut self, row: usize, unit: Unit) {
        self.free.occupy(row, unit.until.map_or(u64::MAX, |t| t.0));
        self.row_of.insert(unit.id, row);
        self.units.push((row, unit));
    }

    /// Forgets what has faded, and moves the rest up. Their order stays.
    fn close(&mut self, at: MonoNs) {
        let mut left = std::mem::take(self).units;
        left.retain(|(_, unit)| unit.shows_at(at));
        left.sort_unstable_by_key(|(row, _)| *row);
        for (row, (_, unit)) in left.into_iter().enumerate() {
            self.put(row, unit);
        }
    }
}

/// When the rows next change although nothing else does: a reaped process that is shown at `now` has faded.
pub fn next_change<'a>(processes: impl Iterator<Item = &'a Process>, now: MonoNs) -> Option<MonoNs> {
    processes.filter_map(|p| Some(p.reap?.at.t.plus(LINGER_NS))).filter(|until| *until > now).min()
}

/// Divides the processes of one member into those of former runs (before a restart, or in a former sandbox) and those of
/// the current one. `head` is the member's first process in this run.
pub fn generations<'a>(processes: &[&'a Process], head: Option<&Process>) -> (Vec<&'a Process>, Vec<&'a Process>) {
    let is_former = |p: &&Process| {
        head.is_some_and(|head| (p.born.t, p.id.start) < (head.born.t, head.id.start) && p.id != head.id)
    };
    processes.iter().copied().partition(is_former)
}

/// The rows of one member, those of the current run at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// Rows of the units of the current run. Below them those of a former run that have not been reaped.
    pub rows: BTreeMap<ProcId, usize>,
    /// Reaped units of a former run that are still shown for a moment, in the order of their former rows.
    pub fading: Vec<ProcId>,
    /// When empty rows close unless something changes before.
    pub close_at: Option<MonoNs>,
}

/// Assigns rows so that the current run starts at the top.
pub fn by_generation(former: Vec<Unit>, current: Vec<Unit>, now: MonoNs) -> Generations {
    let Rows { of: mut shown, close_at } = rows(current, now);
    let below = shown.values().max().map_or(0, |last| last + 1);
    let gone: BTreeSet<ProcId> = former.iter().filter(|unit| unit.until.is_some()).map(|unit| unit.id).collect();
    let mut order: Vec<(usize, ProcId)> = rows(former, now).of.into_iter().map(|(id, row)| (row, id)).collect();
    order.sort_unstable();
    let (fading, remaining): (Vec<_>, Vec<_>) = order.into_iter().map(|(_, id)| id).partition(|id| gone.contains(id));
    shown.extend(remaining.into_iter().enumerate().map(|(at, id)| (id, below + at)));
    Generations { rows: shown, fading, close_at }
}

/// The parent that it was born to, before any reparenting.
fn original_parent(p: &Process) -> Option<ProcId> {
    p.reparents.first().map_or(p.parent, |r| r.from).process()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Parent, Reap, Source, Stamp};

    fn process(pid: u32, parent: Option<u32>, born: u64, reaped: Option<u64>) -> Process {
        let stamp = |t| Stamp::connector(MonoNs(t));
        let id = |pid| ProcId { pid, start: 0 };
        let mut p = Process::new(id(pid), parent.map_or(Parent::Outside, |p| Parent::Process(id(p))), stamp(born));
        p.reap = reaped.map(|t| Reap { at: Stamp::prompt(MonoNs(t), Source::Pause), by: Parent::Unknown });
        p
    }

    fn rows_of(all: &[Process], now: u64) -> BTreeMap<u32, usize> {
        let rows = rows(all.iter().map(Unit::of).collect(), MonoNs(now));
        rows.of.into_iter().map(|(id, row)| (id.pid, row)).collect()
    }

    #[test]
    fn a_row_is_reused_only_after_its_process_has_faded() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, 0, None),
            process(2, Some(1), s, Some(2 * s)),
            process(3, Some(1), 3 * s, None),  // 2 is still fading: the next row
            process(4, Some(1), 10 * s, None), // 2 has faded: its row is reused
        ];
        assert_eq!(rows_of(&all, 11 * s), BTreeMap::from([(1, 0), (3, 2), (4, 1)]));
    }

    #[test]
    fn rows_stay_until_the_next_change() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, 0, None),
            process(2, Some(1), s, Some(2 * s)),
            process(3, Some(1), s, Some(3 * s)),
            process(4, Some(1), s, Some(3 * s + 7)),
        ];
        let mut changes = Vec::new();
        let mut now = MonoNs(3 * s + 7);
        while let Some(next) = next_change(all.iter(), now) {
            assert_eq!(rows_of(&all, now.0), rows_of(&all, next.0 - 1));
            assert_ne!(rows_of(&all, now.0), rows_of(&all, next.0));
            changes.push(next.0 - LINGER_NS);
            now = next;
        }
        assert_eq!(changes, [2 * s, 3 * s, 3 * s + 7]);
    }

    #[test]
    fn a_new_run_starts_at_the_top_and_the_old_one_fades() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, s, Some(5 * s)),
            process(2, Some(1), s + 1, Some(5 * s)),
            process(3, Some(1), s + 2, None), // a zombie that has not been reaped
            process(10, None, 5 * s + 1, None),
            process(11, Some(10), 5 * s + 2, None),
        ];
        let refs: Vec<&Process> = all.iter().collect();
        let id = |pid| ProcId { pid, start: 0 };
        let at = |now| {
            let (former, current) = generations(&refs, Some(&all[3]));
            let units = |of: Vec<&Process>| of.into_iter().map(Unit::of).collect();
            by_generation(units(former), units(current), MonoNs(now))
        };
        let just_after = at(5 * s + 3);
        assert_eq!([10, 11, 3].map(|pid| just_after.rows.get(&id(pid)).copied()), [Some(0), Some(1), Some(2)]);
        assert_eq!(just_after.fading, [id(1), id(2)], "all of them");
        let later = at(20 * s);
        assert_eq!((later.rows, later.fading), (just_after.rows, vec![]), "no row changes");
    }

    #[test]
    fn rows_stay_when_other_processes_come_or_go() {
        let s = 1_000_000_000;
        let mut all = vec![process(1, None, 0, None), process(2, Some(1), 1, None), process(3, Some(2), 2, None)];
        let before = rows_of(&all, s);
        all[1].reap = Some(Reap { at: Stamp::prompt(MonoNs(2 * s), Source::Pause), by: Parent::Unknown });
        all.push(process(4, Some(1), 3 * s, None));
        let after = rows_of(&all, 12 * s);
        for pid in [1, 3] {
            assert_eq!(before.get(&pid), after.get(&pid), "pid {pid} jumped");
        }
    }

    #[test]
    fn an_empty_row_closes_only_after_a_quiet_time() {
        let s = 1_000_000_000;
        let faded = 2 * s + LINGER_NS;
        let mut all =
            vec![process(1, None, 0, None), process(2, Some(1), 1, Some(2 * s)), process(3, Some(1), 2, None)];
        let close_at = |all: &[Process], now| rows(all.iter().map(Unit::of).collect(), MonoNs(now)).close_at;
        assert_eq!(close_at(&all, faded), Some(MonoNs(faded + CLOSE_NS)));
        assert_eq!(rows_of(&all, faded + CLOSE_NS - 1), BTreeMap::from([(1, 0), (3, 2)]));
        assert_eq!(rows_of(&all, faded + CLOSE_NS), BTreeMap::from([(1, 0), (3, 1)]));
        assert_eq!(close_at(&all, faded + CLOSE_NS), None, "no empty row is left");
        // it stays closed when another comes
        all.push(process(4, Some(1), faded + CLOSE_NS + s, None));
        assert_eq!(rows_of(&all, faded + CLOSE_NS + 2 * s), BTreeMap::from([(1, 0), (3, 1), (4, 2)]));
        // while processes come and go, none moves
        let mut busy = all[..3].to_vec();
        busy.push(process(5, Some(1), faded + CLOSE_NS - s, None));
        busy.push(process(6, Some(1), faded + 2 * CLOSE_NS - 2 * s, None));
        assert_eq!(rows_of(&busy, faded + 2 * CLOSE_NS), BTreeMap::from([(1, 0), (3, 2), (5, 1), (6, 3)]));
    }

    #[test]
    fn a_unit_of_several_processes_has_one_row_from_the_first_birth_to_the_last_end() {
        let unit = |pid, above: Option<u32>, born, until: Option<u64>| Unit {
            id: ProcId { pid, start: 0 },
            above: above.map(|pid| ProcId { pid, start: 0 }),
            born: MonoNs(born),
            until: until.map(MonoNs),
        };
        let units = vec![unit(1, None, 0, None), unit(9, Some(1), 20, None), unit(2, Some(1), 10, Some(90))];
        let rows_at = |now| -> BTreeMap<u32, usize> {
            rows(units.clone(), MonoNs(now)).of.into_iter().map(|(id, row)| (id.pid, row)).collect()
        };
        assert_eq!(rows_at(50), BTreeMap::from([(1, 0), (2, 1), (9, 2)]));
        assert_eq!(rows_at(90), BTreeMap::from([(1, 0), (9, 2)]));
    }
}
