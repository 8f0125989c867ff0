//! Rows that never jump.

use std::collections::BTreeMap;

use crate::model::{MonoNs, ProcId, Process};

/// How long a reaped process keeps its row: its tick is shown, then it fades.
pub const LINGER_NS: u64 = 2_500_000_000;

/// Gives each process of one member a row for its whole life, and the row to another only after the
/// first has faded. Computed from births and reaps alone, so it is the same at every look, and at
/// every replay. A child's row is always below its parent's.
///
/// Returns the rows of those visible at `now`.
pub fn rows<'a>(processes: impl Iterator<Item = &'a Process>, now: MonoNs) -> BTreeMap<ProcId, usize> {
    let mut by_birth: Vec<&Process> = processes.collect();
    by_birth.sort_by_key(|p| (p.born.t, p.id.start, p.id.pid));
    // for each row: until when it is taken
    let mut taken: Vec<u64> = Vec::new();
    let mut row_of: BTreeMap<ProcId, usize> = BTreeMap::new();
    for p in by_birth {
        let above = first_parent(p).and_then(|id| row_of.get(&id)).map_or(0, |row| row + 1);
        let free = (above..taken.len()).find(|row| taken[*row] <= p.born.t.0);
        let row = free.unwrap_or_else(|| above.max(taken.len()));
        if taken.len() <= row {
            taken.resize(row + 1, 0);
        }
        taken[row] = p.reap.map_or(u64::MAX, |r| r.at.t.0.saturating_add(LINGER_NS));
        row_of.insert(p.id, row);
        if taken[row] <= now.0 {
            // no longer shown, but it held the row in its time
            row_of.remove(&p.id);
        }
    }
    row_of
}

/// The same for one member, whose `head` is the process that it is started with. What is left of a former
/// life (before a restart, or in a former sandbox) gives way: it fades below those who live now, in no more
/// room than `spare` rows, except for who is still there, which must be seen.
pub fn by_generation(
    processes: &[&Process],
    head: Option<&Process>,
    spare: usize,
    now: MonoNs,
) -> BTreeMap<ProcId, usize> {
    let Some(head) = head else { return rows(processes.iter().copied(), now) };
    let is_former = |p: &Process| (p.born.t, p.id.start) < (head.born.t, head.id.start) && p.id != head.id;
    let (former, current): (Vec<&Process>, Vec<&Process>) = processes.iter().partition(|p| is_former(p));
    let mut shown = rows(current.into_iter(), now);
    let below = shown.values().max().map_or(0, |last| last + 1);
    let mut left = rows(former.iter().copied(), now);
    // their own gaps close as they go
    let mut order: Vec<(usize, ProcId)> = left.iter().map(|(id, row)| (*row, *id)).collect();
    order.sort_unstable();
    for (at, (_, id)) in order.iter().enumerate() {
        left.insert(*id, below + at);
    }
    let is_there = |id: ProcId| former.iter().any(|p| p.id == id && !p.is_gone());
    shown.extend(left.into_iter().filter(|(id, row)| *row < spare || is_there(*id)));
    shown
}

/// The parent it was born to, before any adoption.
fn first_parent(p: &Process) -> Option<ProcId> {
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
    fn a_row_is_given_away_only_after_its_holder_has_faded() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, 0, None),
            process(2, Some(1), s, Some(2 * s)),
            process(3, Some(1), 3 * s, None),  // 2 is still fading: the next row
            process(4, Some(1), 10 * s, None), // 2 is long gone: its row
        ];
        let rows = rows(all.iter(), MonoNs(11 * s));
        let row = |pid| rows.get(&ProcId { pid, start: 0 }).copied();
        assert_eq!([row(1), row(2), row(3), row(4)], [Some(0), None, Some(2), Some(1)]);
    }

    #[test]
    fn a_new_life_starts_at_the_top_and_the_old_one_fades_below() {
        let s = 1_000_000_000;
        let all = [
            process(1, None, s, Some(5 * s)),
            process(2, Some(1), s + 1, Some(5 * s)),
            process(3, Some(1), s + 2, None), // a zombie that nobody has reaped
            process(10, None, 5 * s + 1, None),
            process(11, Some(10), 5 * s + 2, None),
        ];
        let refs: Vec<&Process> = all.iter().collect();
        let row = |now, pid| {
            let rows = by_generation(&refs, Some(&all[3]), 4, MonoNs(now));
            rows.get(&ProcId { pid, start: 0 }).copied()
        };
        let just_after = 5 * s + 3;
        assert_eq!([10, 11].map(|pid| row(just_after, pid)), [Some(0), Some(1)]);
        assert_eq!([1, 2, 3].map(|pid| row(just_after, pid)), [Some(2), Some(3), Some(4)]);
        assert_eq!([10, 11, 1, 2, 3].map(|pid| row(20 * s, pid)), [Some(0), Some(1), None, None, Some(2)]);
    }

    #[test]
    fn nobody_moves_when_another_comes_or_goes() {
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
