//! Pids inside a pid namespace: read where there was time, else predicted from the order of the forks.

use std::collections::{HashMap, VecDeque};

use crate::model::ProcId;

/// The pids of one pid namespace, known by its process 1.
#[derive(Debug, Default)]
pub struct Space {
    /// What the next fork will get: pids are given in order (`alloc_pid`, `kernel/pid.c`).
    next: Option<u32>,
    bearers: HashMap<u32, ProcId>,
    /// In the order of their births, so that the oldest are forgotten first.
    order: VecDeque<(u32, ProcId)>,
}

/// Bearers remembered for each namespace.
const MAX: usize = 8_192;
/// A step back of more than this is the counter's wrap, not two forks that overtook each other.
const WRAP: u32 = 1_000;

impl Space {
    /// A process or thread was forked and its pid could not be read: the one it should have.
    pub fn predict(&mut self) -> Option<u32> {
        let pid = self.next?;
        self.next = Some(pid + 1);
        Some(pid)
    }

    pub fn read(&mut self, pid: u32) {
        let next = pid + 1;
        self.next = Some(match self.next {
            Some(known) if known > next && known - next < WRAP => known,
            _ => next,
        });
    }

    pub fn bear(&mut self, pid: u32, id: ProcId) {
        self.bearers.insert(pid, id);
        self.order.push_back((pid, id));
        if self.order.len() > MAX
            && let Some((pid, id)) = self.order.pop_front()
            && self.bearers.get(&pid) == Some(&id)
        {
            self.bearers.remove(&pid);
        }
    }

    pub fn bearer(&self, pid: u32) -> Option<ProcId> {
        self.bearers.get(&pid).copied()
    }

    /// Others that may have it if a prediction went wrong, nearest first.
    pub fn near(&self, pid: u32) -> impl Iterator<Item = ProcId> {
        const REACH: u32 = 256;
        (1..=REACH).flat_map(move |d| {
            [pid.checked_sub(d), pid.checked_add(d)].into_iter().flatten().filter_map(|p| self.bearer(p))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_sets_the_prediction_right() {
        let mut space = Space::default();
        assert_eq!(space.predict(), None);
        space.read(1);
        assert_eq!((space.predict(), space.predict()), (Some(2), Some(3)));
        space.read(6);
        assert_eq!(space.predict(), Some(7));
        space.read(5);
        assert_eq!(space.predict(), Some(8), "two forks overtook each other");
        space.read(30_000);
        space.read(301);
        assert_eq!(space.predict(), Some(302), "the counter wrapped");
    }

    #[test]
    fn near_ones_by_distance() {
        let mut space = Space::default();
        let id = |pid| ProcId { pid, start: 0 };
        for inner in [5, 8, 9, 400] {
            space.bear(inner, id(inner));
        }
        assert_eq!(space.near(7).collect::<Vec<_>>(), [id(8), id(5), id(9)]);
    }

    #[test]
    fn it_is_bounded() {
        let mut space = Space::default();
        for n in 0..3 * MAX as u32 {
            space.bear(n, ProcId { pid: n, start: 0 });
        }
        assert_eq!((space.bearers.len(), space.order.len()), (MAX, MAX));
    }
}
