//! Assigns processes to rows that never change.

mod free_rows;

use std::collections::{BTreeMap, BTreeSet};

use free_rows::FreeRows;

use crate::model::{MonoNs, ProcId, Process};

/// How long a reaped process keeps its row, in ns: its tick is shown, then it fades.
pub const LINGER_NS: u64 = 2_500_000_000;

/// Assigns each process of one member a row for its whole life. Another process gets the row only after the first has
/// faded. The result depends on births and reaps alone, so it is the same in every frame and every replay. A child's
/// row is always below its parent's.
///
/// Returns the rows of the processes visible at `now`.
pub fn rows<'a>(processes: impl Iterator<Item = &'a Process>, now: MonoNs) -> BTreeMap<ProcId, usize> {
    let mut by_birth: Vec<&Process> = processes.collect();
    by_birth.sort_by_key(|p| (p.born.t, p.id.start, p.id.pid));
    let mut occupied = FreeRows::default();
    let mut row_of: BTreeMap<ProcId, usize> = BTreeMap::new();
    for p in by_birth {
        let above = original_parent(p).and_then(|id| row_of.get(&id)).map_or(0, |row| row + 1);
        let row = occupied.first(above, p.born.t.0).unwrap_or_else(|| above.max(occupied.len()));
        let until = p.reap.map_or(u64::MAX, |r| r.at.t.0.saturating_add(LINGER_NS));
        occupied.occupy(row, until);
        row_of.insert(p.id, row);
        if until <= now.0 {
            // no longer shown, but it did occupy the row
            row_of.remove(&p.id);
        }
    }
    row_of
}

/// When the rows next change although nothing else does: a reaped process that is shown at `now` has faded.
pub fn next_change<'a>(processes: impl Iterator<Item = &'a Process>, now: MonoNs) -> Option<MonoNs> {
    processes.filter_map(|p| Some(p.reap?.at.t.plus(LINGER_NS))).filter(|until| *until > now).min()
}

/// The processes of one member, divided into those of the current run and of former runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// Rows of the processes of the current run. Below them those of a former run (before a restart, or in a former
    /// sandbox) that have not been reaped.
    pub rows: BTreeMap<ProcId, usize>,
    /// Reaped processes of a former run that are still shown for a moment, in the order of their former rows.
    pub fading: Vec<ProcId>,
}

/// Assigns rows so that the current run starts at the top. `head` is the member's first process in this run.
pub fn by_generation(processes: &[&Process], head: Option<&Process>, now: MonoNs) -> Generations {
    let Some(head) = head else {
        return Generations { rows: rows(processes.iter().copied(), now), fading: Vec::new() };
    };
    let is_former = |p: &Process| (p.born.t, p.id.start) < (head.born.t, head.id.start) && p.id != head.id;
    let (former, current): (Vec<&Process>, Vec<&Process>) = processes.iter().partition(|p| is_former(p));
    let mut shown = rows(current.into_iter(), now);
    let below = shown.values().max().map_or(0, |last| last + 1);
    let mut order: Vec<(usize, ProcId)> =
        rows(former.iter().copied(), now).into_iter().map(|(id, row)| (row, id)).collect();
    order.sort_unstable();
    let gone: BTreeSet<ProcId> = former.iter().filter(|p| p.is_gone()).map(|p| p.id).collect();
    let (fading, remaining): (Vec<_>, Vec<_>) = order.into_iter().map(|(_, id)| id).partition(|id| gone.contains(id));
    shown.extend(remaining.into_iter().enumerate().map(|(at, id)| (id, below + at)));
    Generations { rows: shown, fading }
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

    #[test]
    fn a_row_is_reused_only_after_its_process_has_faded() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, 0, None),
            process(2, Some(1), s, Some(2 * s)),
            process(3, Some(1), 3 * s, None),  // 2 is still fading: the next row
            process(4, Some(1), 10 * s, None), // 2 has faded: its row is reused
        ];
        let rows = rows(all.iter(), MonoNs(11 * s));
        let row = |pid| rows.get(&ProcId { pid, start: 0 }).copied();
        assert_eq!([row(1), row(2), row(3), row(4)], [Some(0), None, Some(2), Some(1)]);
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
            assert_eq!(rows(all.iter(), now), rows(all.iter(), next.minus(1)));
            assert_ne!(rows(all.iter(), now), rows(all.iter(), next));
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
        let at = |now| by_generation(&refs, Some(&all[3]), MonoNs(now));
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
        let before = rows(all.iter(), MonoNs(s));
        all[1].reap = Some(Reap { at: Stamp::prompt(MonoNs(2 * s), Source::Pause), by: Parent::Unknown });
        all.push(process(4, Some(1), 3 * s, None));
        let after = rows(all.iter(), MonoNs(20 * s));
        for pid in [1, 3] {
            let id = ProcId { pid, start: 0 };
            assert_eq!(before.get(&id), after.get(&id), "pid {pid} jumped");
        }
    }
}
