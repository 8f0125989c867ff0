//! A process that a container began with, or that was executed in it, with all its descendants.

use std::sync::Arc;

use imbl::OrdSet;

use super::Life;
use crate::model::{MonoNs, ProcId};

/// The container (`None` is the pause), and the first process.
pub type FamilyKey = (Option<Arc<str>>, ProcId);

const FIRST: ProcId = ProcId { pid: 0, start: 0 };
const LAST: ProcId = ProcId { pid: u32::MAX, start: u64::MAX };

/// The members of a family, so that those of a span of time are found without a look at the others.
///
/// Ended ones are sorted by the length of their lives, rounded up to a power of two, and then by their births: in each
/// class those that touch a span were born at most one length before it.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// Not reaped, by birth.
    present: OrdSet<(MonoNs, ProcId)>,
    /// Reaped: class, birth, reap.
    ended: OrdSet<(u32, MonoNs, MonoNs, ProcId)>,
    /// Bit n is set if class n has had members; class 64 counts as 63.
    classes: u64,
    /// The first birth, and the last reap of those that were reaped.
    first: Option<MonoNs>,
    last: Option<MonoNs>,
}

/// A member of a family, in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub born: MonoNs,
    pub id: ProcId,
    pub is_reaped: bool,
}

/// The class of a life of this length in ns: it is shorter than 2 to the power of it.
fn class(length: u64) -> u32 {
    (u64::BITS - length.leading_zeros()).min(63)
}

/// The length in ns that no member of a class exceeds.
fn longest(class: u32) -> u64 {
    if class >= 63 { u64::MAX } else { 1 << class }
}

impl Family {
    pub fn insert(&mut self, life: &Life) {
        self.first = self.first.into_iter().chain([life.born]).min();
        let Some(reap) = life.reap else {
            self.present.insert((life.born, life.id));
            return;
        };
        let class = class(reap.since(life.born));
        self.classes |= 1 << class;
        self.last = self.last.max(Some(reap));
        self.ended.insert((class, life.born, reap, life.id));
    }

    pub fn remove(&mut self, life: &Life) {
        if let Some(reap) = life.reap {
            self.ended.remove(&(class(reap.since(life.born)), life.born, reap, life.id));
        } else {
            self.present.remove(&(life.born, life.id));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.present.is_empty() && self.ended.is_empty()
    }

    /// The first birth ever.
    pub const fn first(&self) -> Option<MonoNs> {
        self.first
    }

    /// The last reap; `None` while a process is not reaped.
    pub fn last(&self) -> Option<MonoNs> {
        self.last.filter(|_| self.present.is_empty())
    }

    /// Those that were not born after `to` and not reaped before `from`, in no order.
    pub fn touching(&self, from: MonoNs, to: MonoNs) -> impl Iterator<Item = Found> + '_ {
        let is_over = self.last().is_some_and(|last| last < from) || self.first.is_none_or(|first| first > to);
        let present = self.present.range(..=(to, LAST));
        let present = present.map(|(born, id)| Found { born: *born, id: *id, is_reaped: false });
        let ended = (0..64).filter(|class| self.classes & (1 << class) != 0).flat_map(move |class| {
            let earliest = from.minus(longest(class)).min(to);
            let of_class = (class, earliest, MonoNs(0), FIRST)..=(class, to, MonoNs(u64::MAX), LAST);
            let found = self.ended.range(of_class).filter(move |(_, _, reap, _)| *reap >= from);
            found.map(|(_, born, _, id)| Found { born: *born, id: *id, is_reaped: true })
        });
        let all = (!is_over).then(|| present.chain(ended));
        all.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Member, Parent, PodUid, Process, Reap, Source, Stamp};

    fn life(pid: u32, born: u64, reap: Option<u64>) -> Life {
        let id = ProcId { pid, start: 0 };
        let stamp = |t| Stamp::by_then(MonoNs(t), Source::Scan);
        let mut p = Process::new(id, Parent::Outside, stamp(born));
        p.reap = reap.map(|t| Reap { at: stamp(t), by: Parent::Unknown });
        Life::after(None, &p, Arc::new(Member::pause(&PodUid("u".into()))), id, MonoNs(born))
    }

    proptest! {
        #[test]
        fn those_of_a_span_are_found_as_by_a_look_at_all(
            lives in prop::collection::vec((0..2_000_u64, prop::option::of(0..3_000_u64)), 0..60),
            (from, length) in (0..4_000_u64, 0..3_000_u64),
        ) {
            let reaped = |(born, length): &(u64, Option<u64>)| length.map(|length| born + length);
            let all: Vec<Life> = (1..).zip(&lives).map(|(pid, one)| life(pid, one.0, reaped(one))).collect();
            let mut family = Family::default();
            for life in &all {
                family.insert(life);
            }
            let (from, to) = (MonoNs(from), MonoNs(from + length));
            let touches = |life: &&Life| life.born <= to && life.reap.is_none_or(|reap| reap >= from);
            let mut expected: Vec<ProcId> = all.iter().filter(touches).map(|life| life.id).collect();
            let mut found: Vec<ProcId> = family.touching(from, to).map(|found| found.id).collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
            for life in &all {
                family.remove(life);
            }
            prop_assert!(family.is_empty());
        }
    }
}
