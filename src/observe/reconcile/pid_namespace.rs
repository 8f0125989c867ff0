//! Pids inside a pid namespace: read from /proc where there was time, otherwise predicted from the order of the forks.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::model::ProcId;

/// The pids of one pid namespace.
#[derive(Debug, Default)]
pub struct PidNamespace {
    /// The pid of the next fork: pids are allocated in order (`alloc_pid`, `kernel/pid.c`).
    next: Option<u32>,
    /// Processes whose pid was read.
    read: HashMap<u32, ProcId>,
    /// The order in which they were read: the oldest is forgotten first.
    order: VecDeque<(u32, ProcId)>,
    /// Processes that could not be read, mostly since they ended too soon, by their predicted pid.
    predicted: BTreeSet<(u32, ProcId)>,
}

/// How many read and how many predicted pids are remembered for each namespace.
const MAX: usize = 8_192;
/// A step back by more than this means that the kernel's counter wrapped, not that two fork events changed order.
const WRAP: u32 = 1_000;

impl PidNamespace {
    /// The predicted pid of a process or thread that was forked and could not be read.
    pub fn predict_next(&mut self) -> Option<u32> {
        let pid = self.next?;
        self.next = Some(pid + 1);
        Some(pid)
    }

    pub fn add_predicted(&mut self, pid: u32, id: ProcId) {
        self.predicted.insert((pid, id));
        if self.predicted.len() > MAX {
            self.predicted.pop_first();
        }
    }

    /// Removes a prediction: the pid of this process is known for certain now.
    pub fn remove_predicted(&mut self, pid: u32, id: ProcId) {
        self.predicted.remove(&(pid, id));
    }

    pub fn add_read(&mut self, pid: u32, id: ProcId) {
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

    pub fn process_with(&self, pid: u32) -> Option<ProcId> {
        self.read.get(&pid).copied()
    }

    /// Processes with a predicted pid near this one, the nearest first. Predictions are off by a few after failed
    /// forks, threads, and fork events out of order.
    pub fn candidates(&self, pid: u32) -> impl Iterator<Item = ProcId> {
        let least = ProcId { pid: 0, start: 0 };
        let mut above = self.predicted.range((pid, least)..).peekable();
        let mut below = self.predicted.range(..(pid, least)).rev().peekable();
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
        let mut pid_namespace = PidNamespace::default();
        assert_eq!(pid_namespace.predict_next(), None);
        pid_namespace.add_read(1, id(9));
        assert_eq!((pid_namespace.predict_next(), pid_namespace.predict_next()), (Some(2), Some(3)));
        pid_namespace.add_read(6, id(9));
        assert_eq!(pid_namespace.predict_next(), Some(7));
        pid_namespace.add_read(5, id(9));
        assert_eq!(pid_namespace.predict_next(), Some(8), "two fork events changed order");
        pid_namespace.add_read(30_000, id(9));
        pid_namespace.add_read(301, id(9));
        assert_eq!(pid_namespace.predict_next(), Some(302), "the counter wrapped");
    }

    #[test]
    fn candidates_come_by_distance() {
        let mut pid_namespace = PidNamespace::default();
        for inner in [5, 8, 9, 400] {
            pid_namespace.add_predicted(inner, id(inner));
        }
        assert_eq!(pid_namespace.candidates(7).collect::<Vec<_>>(), [id(8), id(9), id(5), id(400)]);
        pid_namespace.remove_predicted(8, id(8));
        assert_eq!(pid_namespace.candidates(8).next(), Some(id(9)));
    }

    #[test]
    fn a_read_pid_does_not_replace_a_prediction_of_the_same_pid() {
        let mut pid_namespace = PidNamespace::default();
        pid_namespace.add_predicted(10, id(1));
        pid_namespace.add_read(10, id(2));
        assert_eq!((pid_namespace.process_with(10), pid_namespace.candidates(11).next()), (Some(id(2)), Some(id(1))));
    }

    #[test]
    fn it_is_bounded() {
        let mut pid_namespace = PidNamespace::default();
        for n in 0..3 * MAX as u32 {
            pid_namespace.add_read(n, id(n));
            pid_namespace.add_predicted(n, id(n));
        }
        assert_eq!(
            (pid_namespace.read.len(), pid_namespace.order.len(), pid_namespace.predicted.len()),
            (MAX, MAX, MAX)
        );
    }
}
