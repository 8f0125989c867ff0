//! Determines which process reaped which.

use std::collections::HashMap;

use super::entry::Gone;
use super::{Kernel, MAX_PAST, PATIENCE_NS, Reconciler};
use crate::model::{Delta, MonoNs, Parent, ProcId, Source, Stamp, WaitStatus};
use crate::observe::proc::Depth;

/// How long before the recorded time of its exit a dying parent may have lost its children. The kernel wakes the
/// adopter in between, which may push the dying parent off the processor (observed).
const MARGIN_NS: u64 = 10_000_000;

/// What is known about the reaper of a process.
enum Reaper {
    Known(Parent),
    /// The parent died at about the same time: it was the parent, or the process that adopted its children.
    OneOfTwo,
    /// The event that decides it is still to come.
    NotYet,
}

impl Reconciler {
    /// The process is no longer in the process table; it was reaped by `at`.
    pub(super) fn vanished(&mut self, id: ProcId, at: Stamp, by: Option<Parent>) {
        let Some(entry) = self.entries.get_mut(&id).filter(|e| e.is_unreaped()) else { return };
        match &mut entry.gone {
            Some(gone) => {
                if at.is_better_than(gone.at) {
                    gone.at = at;
                }
                gone.by_then = gone.by_then.min(at.t);
                gone.by = gone.by.or(by);
            }
            None => entry.gone = Some(Gone { at, by_then: at.t, by }),
        }
        self.ending.insert(id);
    }

    /// Reports every reap that is known well enough by now.
    pub(super) fn conclude(&mut self, kernel: &mut impl Kernel) {
        let mut alive = HashMap::new();
        for id in self.ending.iter().copied().collect::<Vec<_>>() {
            self.conclude_one(kernel, id, &mut alive, false);
        }
    }

    /// Reports a reap without waiting for events that might tell more.
    pub(super) fn conclude_now(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        self.conclude_one(kernel, id, &mut HashMap::new(), true);
    }

    fn conclude_one(&mut self, kernel: &mut impl Kernel, id: ProcId, alive: &mut HashMap<ProcId, bool>, at_once: bool) {
        let Some(gone) = self.entries.get(&id).and_then(|e| e.gone) else {
            self.ending.remove(&id);
            return;
        };
        let late = at_once || !self.connector || self.caught_up && kernel.now() >= gone.at.t.plus(PATIENCE_NS);
        let Some(exit) = self.entries.get(&id).map(|e| e.exit) else { return };
        let status = match exit {
            Some((_, Some(_))) => None,
            // no source reported it, but the kernel keeps it with the pidfd
            _ if exit.is_some() || late => kernel.exit_status(id),
            _ => return,
        };
        if exit.is_none() || status.is_some() {
            self.ended(kernel, id, status, Stamp::by_then(gone.at.t, gone.at.source), None);
        }
        let verdict = match gone.by {
            Some(by) => Reaper::Known(by),
            None => self.find_reaper(kernel, id, gone.by_then, alive),
        };
        let by = match verdict {
            Reaper::Known(by) => by,
            Reaper::NotYet if !late => return,
            Reaper::NotYet | Reaper::OneOfTwo => {
                self.unsure.insert(id);
                Parent::Unknown
            }
        };
        self.reaped(kernel, id, by, gone.at);
    }

    /// Finds the reaper of a process that was reaped by the time `by_then`.
    fn find_reaper(
        &self,
        kernel: &mut impl Kernel,
        id: ProcId,
        by_then: MonoNs,
        alive: &mut HashMap<ProcId, bool>,
    ) -> Reaper {
        let Some(entry) = self.entries.get(&id) else { return Reaper::OneOfTwo };
        let Parent::Process(parent) = entry.parent else { return Reaper::Known(entry.parent) };
        let Some(p) = self.entries.get(&parent) else {
            // the parent is not watched; if it is alive now, it was the parent all the time
            return if is_alive_now(kernel, parent) { Reaper::Known(entry.parent) } else { Reaper::OneOfTwo };
        };
        // PID 1 of a pid namespace never loses its children there
        let is_init = p.init == Some(parent);
        if is_init && entry.init == Some(parent) {
            return Reaper::Known(entry.parent);
        }
        match p.exit {
            Some((at, _)) if at.t > by_then.plus(MARGIN_NS) => Reaper::Known(entry.parent),
            Some(_) => Reaper::OneOfTwo,
            // alive now, so it was the parent all the time
            None if *alive.entry(parent).or_insert_with(|| is_alive_now(kernel, parent)) => Reaper::Known(entry.parent),
            None => Reaper::NotYet,
        }
    }

    fn reaped(&mut self, kernel: &mut impl Kernel, id: ProcId, by: Parent, at: Stamp) {
        self.ending.remove(&id);
        self.unreaped.remove(&id);
        self.mark_read(id.pid);
        self.to_recheck.remove(&id);
        kernel.release(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.reaped = Some(by);
        // a parent may reap before the kernel has reported the exit
        let not_before = entry.exit.map_or(at.t, |(exit, _)| exit.t);
        let at = Stamp { t: at.t.max(not_before), ..at };
        let by_then = entry.gone.map_or(at.t, |g| g.by_then);
        entry.gone = Some(Gone { at, by_then, by: Some(by) });
        self.credit_cpu(id, by);
        let Some(entry) = self.entries.get(&id) else { return };
        if let Some(siblings) = entry.parent.process().and_then(|p| self.children.get_mut(&p)) {
            siblings.remove(&id);
        }
        if self.children.get(&id).is_some_and(std::collections::BTreeSet::is_empty) {
            self.children.remove(&id);
        }
        self.out.push(Delta::Reaped { id, by, at });
        self.past.push_back(id);
        if self.past.len() > MAX_PAST
            && let Some(oldest) = self.past.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// `wait(2)` adds the child's CPU time to its parent's. What was already counted for the child is not counted
    /// again.
    fn credit_cpu(&mut self, child: ProcId, parent: Parent) {
        let used = self.entries.get(&child).and_then(|e| e.facts.as_ref()).map(|f| f.cpu.and(f.waited_cpu).time_ns);
        if let Some(used) = used
            && let Some(parent) = parent.process().and_then(|id| self.entries.get_mut(&id))
        {
            parent.waited_cpu.exclude(used);
        }
    }

    pub(super) fn forget(&mut self, id: ProcId) {
        self.entries.remove(&id);
        self.children.remove(&id);
        self.unsure.remove(&id);
        self.joined.remove(&id);
        if self.current.get(&id.pid) == Some(&id) {
            self.current.remove(&id.pid);
        }
        if self.pid_namespaces.remove(&id).is_some() {
            self.inits.retain(|_, init| *init != id);
        }
    }

    /// More is known about a reap that was already reported.
    pub(super) fn reap_refined(&mut self, id: ProcId, by: Parent, at: Stamp) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (Some(known), Some(gone)) = (entry.reaped, entry.gone) else { return };
        let not_before = entry.exit.map_or(at.t, |(exit, _)| exit.t);
        let at = Stamp { t: at.t.max(not_before), ..at };
        let names = known == Parent::Unknown && by != Parent::Unknown;
        let nearer = at.is_better_than(gone.at);
        if !names && !nearer {
            return;
        }
        let at = if nearer { at } else { gone.at };
        let by = if names { by } else { known };
        entry.reaped = Some(by);
        entry.gone = Some(Gone { at, by: Some(by), ..gone });
        self.unsure.remove(&id);
        self.out.push(Delta::Reaped { id, by, at });
    }

    /// All records of `pause` before this time have come. A process without a record was reaped by its parent.
    pub(super) fn attribute_to_parents(&mut self, pause: ProcId, before: MonoNs) {
        for id in self.unsure.iter().copied().collect::<Vec<_>>() {
            let Some(entry) = self.entries.get(&id) else { continue };
            let Some(gone) = entry.gone else { continue };
            if entry.init == Some(pause) && gone.by_then < before {
                let (parent, t) = (entry.parent, gone.by_then);
                self.reap_refined(id, parent, Stamp::by_then(t, Source::Inferred));
            }
        }
    }
}

/// Wait status of a process that is a zombie now, if we may read it.
pub(super) fn zombie_status(kernel: &mut impl Kernel, id: ProcId) -> Option<WaitStatus> {
    kernel.read(id.pid, Depth::All).ok().filter(|reading| reading.stat.start == id.start)?.zombie_status()
}

fn is_alive_now(kernel: &mut impl Kernel, id: ProcId) -> bool {
    kernel.read(id.pid, Depth::Stat).is_ok_and(|r| r.stat.start == id.start && !r.stat.is_dead())
}
