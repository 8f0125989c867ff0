//! Pids inside a pid namespace: read from /proc where there was time, otherwise predicted from the order of the forks.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::model::ProcId;

/// The pids of one pid namespace.
#[derive(Debug, Default)]
pub struct Space {
    /// The pid of the next fork: pids are allocated in order (`alloc_pid`, `kernel/pid.c`).
    next: Option<u32>,
    /// Processes whose pid was read.
    read: HashMap<u32, ProcId>,
    /// The order in which they were read: the oldest is forgotten first.
    order: VecDeque<(u32, ProcId)>,
    /// Processes that ended before they could be read, by their predicted pid.
    unread: BTreeSet<(u32, ProcId)>,
}

/// How many read and how many predicted pids are remembered for each namespace.
const MAX: usize = 8_192;
/// A step back by more than this means that the kernel's counter wrapped, not that two fork events changed order.
const WRAP: u32 = 1_000;

impl Space {
    /// The predicted pid of a process or thread that was forked and could not be read.
    pub fn predict(&mut self) -> Option<u32> {
        let pid = self.next?;
        self.next = Some(pid + 1);
        Some(pid)
    }

    pub fn expect(&mut self, pid: u32, id: ProcId) {
        self.unread.insert((pid, id));
        if self.unread.len() > MAX {
            self.unread.pop_first();
        }
    }

    /// Removes a prediction: the pid of this process is known for certain now.
    pub fn settle(&mut self, pid: u32, id: ProcId) {
        self.unread.remove(&(pid, id));
    }

    pub fn read(&mut self, pid: u32, id: ProcId) {
        let next = pid + 1;
        self.next = Some(match self.next {
            Some(known) if known > next && known - next < WRAP => known,
            _ => next,
        });
        self.read.insert(pid, id);
        self.order.push_back((pid, id));
        if self.order.len() > MAX
            && let Some((pid, id)) = self.order.pop_front()
            && self.read.get(&pid) == Some(&id)
        {
            self.read.remove(&pid);
        }
    }

    pub fn bearer(&self, pid: u32) -> Option<ProcId> {
        self.read.get(&pid).copied()
    }

    /// Processes with a predicted pid near this one, the nearest first. Predictions are off by a few after failed
    /// forks, threads, and fork events out of order.
    pub fn likely(&self, pid: u32) -> impl Iterator<Item = ProcId> {
        let least = ProcId { pid: 0, start: 0 };
        let mut above = self.unread.range((pid, least)..).peekable();
        let mut below = self.unread.range(..(pid, least)).rev().peekable();
        std::iter::from_fn(move || {
            let up = above.peek().map(|(p, _)| p - pid);
            let down = below.peek().map(|(p, _)| pid - p);
            let next = match (up, down) {
                (Some(up), Some(down)) if up <= down => above.next(),
                (Some(_), None) => above.next(),
                _ => below.next(),
            };
            next.map(|(_, id)| *id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 0 }
    }

    #[test]
    fn a_read_pid_corrects_the_prediction() {
        let mut space = Space::default();
        assert_eq!(space.predict(), None);
        space.read(1, id(9));
        assert_eq!((space.predict(), space.predict()), (Some(2), Some(3)));
        space.read(6, id(9));
        assert_eq!(space.predict(), Some(7));
        space.read(5, id(9));
        assert_eq!(space.predict(), Some(8), "two fork events changed order");
        space.read(30_000, id(9));
        space.read(301, id(9));
        assert_eq!(space.predict(), Some(302), "the counter wrapped");
    }

    #[test]
    fn candidates_come_by_distance() {
        let mut space = Space::default();
        for inner in [5, 8, 9, 400] {
            space.expect(inner, id(inner));
        }
        assert_eq!(space.likely(7).collect::<Vec<_>>(), [id(8), id(9), id(5), id(400)]);
        space.settle(8, id(8));
        assert_eq!(space.likely(8).next(), Some(id(9)));
    }

    #[test]
    fn a_read_pid_does_not_replace_a_prediction_of_the_same_pid() {
        let mut space = Space::default();
        space.expect(10, id(1));
        space.read(10, id(2));
        assert_eq!((space.bearer(10), space.likely(11).next()), (Some(id(2)), Some(id(1))));
    }

    #[test]
    fn it_is_bounded() {
        let mut space = Space::default();
        for n in 0..3 * MAX as u32 {
            space.read(n, id(n));
            space.expect(n, id(n));
        }
        assert_eq!((space.read.len(), space.order.len(), space.unread.len()), (MAX, MAX, MAX));
    }
}
