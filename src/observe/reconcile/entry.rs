//! What the reconciler remembers of one process.

use std::sync::Arc;

use super::REREAD_NS;
use super::usage::Meter;
use crate::model::{Facts, MonoNs, NsSet, Parent, ProcId, Stamp, State, WaitStatus};
use crate::observe::proc::{Depth, SchedStat};

/// How and when a process left the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The best known time of the reap.
    pub at: Stamp,
    /// The earliest time by which any source says that it was reaped.
    pub by_then: MonoNs,
    /// Known only if the reaper itself reported it.
    pub by: Option<Parent>,
}

#[derive(Debug)]
pub struct Entry {
    pub id: ProcId,
    /// The start time was read, not derived from the time of the fork.
    pub exact_start: bool,
    /// The connector reported the birth.
    pub exact_birth: bool,
    pub parent: Parent,
    /// When it got this parent, if not at its birth.
    pub moved: Option<Stamp>,
    /// It was named to the observer, or is a descendant of such a process: in the scope of the lab it is watched too.
    pub in_lab: bool,
    /// Threads, counted by connector events; correct only if `exact_threads`.
    pub threads: u32,
    pub exact_threads: bool,
    /// The leader's exit status, if it ended while other threads live: the process has not exited yet.
    pub leader_status: Option<WaitStatus>,
    pub exit: Option<(Stamp, Option<WaitStatus>)>,
    /// What BPF reports of its exit, which may come before the exit is known or after it.
    pub traced_exit: Option<(Stamp, WaitStatus)>,
    pub gone: Option<Gone>,
    /// The reaper, once `Reaped` was sent.
    pub reaped: Option<Parent>,
    pub facts: Option<Facts>,
    pub namespaces: NsSet,
    /// What was reported of its cgroup, or that of its parent at its birth.
    pub cgroup: Option<Arc<str>>,
    /// What was reported of its tracer; 0 if it has none.
    pub tracer: u32,
    /// We may not read its namespace links.
    pub denied: bool,
    /// PID 1 of its pid namespace.
    pub init: Option<ProcId>,
    /// Its pid in that namespace.
    pub pid_inside: Option<u32>,
    /// `pid_inside` was read, not predicted.
    pub exact_pid_inside: bool,
    /// A running or sleeping state that was seen once and is not reported yet.
    pub unconfirmed_state: Option<State>,
    /// A reading contradicted the events once; believed when it does so again.
    pub suspect: bool,
    /// When it was last read in full, and how much it had run before that.
    pub full_read: Option<(MonoNs, SchedStat)>,
    /// Its own CPU time.
    pub cpu: Meter,
    /// CPU time of the children it has waited for.
    pub waited_cpu: Meter,
}

impl Entry {
    pub fn new(id: ProcId, parent: Parent) -> Self {
        Self {
            id,
            exact_start: false,
            exact_birth: false,
            parent,
            moved: None,
            in_lab: false,
            threads: 1,
            exact_threads: false,
            leader_status: None,
            exit: None,
            traced_exit: None,
            gone: None,
            reaped: None,
            facts: None,
            namespaces: NsSet::default(),
            cgroup: None,
            tracer: 0,
            denied: false,
            init: None,
            pid_inside: None,
            exact_pid_inside: false,
            unconfirmed_state: None,
            suspect: false,
            full_read: None,
            cpu: Meter::default(),
            waited_cpu: Meter::default(),
        }
    }

    pub const fn is_alive(&self) -> bool {
        self.exit.is_none() && self.gone.is_none()
    }

    /// How much to read now so that everything is known. `cgroup`: look at its cgroup also if it has not run.
    pub fn depth(&self, now: MonoNs, cgroup: bool) -> Depth {
        match self.full_read {
            Some((then, sched)) if now.since(then) < REREAD_NS => Depth::IfRanSince { since: sched, cgroup },
            _ => Depth::All,
        }
    }

    pub const fn is_unreaped(&self) -> bool {
        self.reaped.is_none()
    }

    /// Whether a start time from another source means this process. A `derived` start time comes from the time of the
    /// fork event: it is never early, and late by as long as the kernel was delayed before it sent the event. A pid is
    /// reused only after all others were, which takes far longer than the second allowed here.
    pub const fn matches_start(&self, start: u64, derived: bool) -> bool {
        const SLACK: u64 = 100;
        let own = self.id.start;
        match (self.exact_start, derived) {
            (true, false) => own == start,
            (true, true) => own <= start + 1 && start <= own + SLACK,
            (false, false) => start <= own + 1 && own <= start + SLACK,
            (false, true) => own.abs_diff(start) <= SLACK,
        }
    }
}
