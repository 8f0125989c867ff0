//! The timeline: one lane a process, and where each part of its life begins and ends.

use crate::model::{MonoNs, PodUid, ProcId, Process, World};

/// One part of a process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub id: ProcId,
    pub born: MonoNs,
    /// Where the life part ends, if it has.
    pub exit: Option<MonoNs>,
    /// Where the zombie part ends, if it has.
    pub reap: Option<MonoNs>,
}

impl Lane {
    fn of(p: &Process) -> Self {
        Self { id: p.id, born: p.born.t, exit: p.exit.map(|e| e.at.t), reap: p.reap.map(|r| r.at.t) }
    }

    /// Whether any of it lies between `from` and `to`.
    fn touches(&self, from: MonoNs, to: MonoNs) -> bool {
        self.born <= to && self.reap.is_none_or(|t| t >= from)
    }
}

/// Lanes of a pod (or of the whole lab) that touch the span: pause first, then by member and birth.
pub fn lanes(world: &World, pod: Option<&PodUid>, from: MonoNs, to: MonoNs) -> Vec<Lane> {
    let mut found: Vec<(&Process, Lane)> = world
        .processes
        .values()
        .map(AsRef::as_ref)
        .filter(|p| match (&p.member, pod) {
            (Some(member), Some(uid)) => member.pod == *uid,
            (Some(_), None) => true,
            (None, _) => false,
        })
        .map(|p| (p, Lane::of(p)))
        .filter(|(_, lane)| lane.touches(from, to))
        .collect();
    let place = |p: &Process| {
        let member = p.member.as_ref();
        let nth = member.and_then(|m| {
            let pod = world.pod(&m.pod)?;
            pod.containers.iter().position(|c| Some(&c.name) == m.container.as_ref())
        });
        (member.map(|m| m.pod.clone()), nth, p.born.t, p.id)
    };
    found.sort_by_cached_key(|(p, _)| place(p));
    found.into_iter().map(|(_, lane)| lane).collect()
}

/// Times for the ruler, round as counted from `zero`: a step that leaves at least `min_gap` points
/// between two labels. Returns the step in ns, and each time with its distance from `zero`; nothing
/// before `zero` has a label.
pub fn ticks(zero: MonoNs, from: MonoNs, to: MonoNs, width: f32, min_gap: f32) -> (u64, Vec<(MonoNs, u64)>) {
    const STEPS: [u64; 16] = [
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        20_000_000,
        50_000_000,
        100_000_000,
        200_000_000,
        500_000_000,
        1_000_000_000,
        2_000_000_000,
        5_000_000_000,
        10_000_000_000,
        30_000_000_000,
        60_000_000_000,
        300_000_000_000,
    ];
    let span = to.since(from).max(1);
    let most = (width / min_gap).max(1.0) as u64;
    let step = STEPS.into_iter().find(|s| span / s < most).unwrap_or(1_800_000_000_000);
    let first = from.since(zero).div_ceil(step);
    let last = to.since(zero) / step;
    (step, (first..=last).map(|n| n * step).map(|offset| (zero.plus(offset), offset)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_never_crowd() {
        for (span_ms, width) in [(5, 300.0), (7_000, 700.0), (600_000, 900.0)] {
            let from = MonoNs(123_456_789);
            let (step, at) = ticks(MonoNs(55), from, from.plus(span_ms * 1_000_000), width, 70.0);
            assert!(at.iter().all(|(t, offset)| offset % step == 0 && t.0 == offset + 55));
            assert!(at.len() as f32 * 70.0 <= width + 140.0, "{} labels in {width}", at.len());
            assert!(!at.is_empty());
        }
    }
}
