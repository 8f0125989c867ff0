//! Scans: they find processes at the start, verify what is known, and find what no event reported.

use std::collections::HashSet;

use nix::errno::Errno;

use super::reap::zombie_status;
use super::{DISCOVER_NS, Entry, Kernel, Reconciler, VERIFY_NS};
use crate::model::{Delta, MonoNs, NsKind, Parent, ProcId, Scope, Source, Stamp};
use crate::observe::proc::{Depth, Unread};

/// How many processes one verifying scan reads in full; of the others it reads only `stat`.
pub const BUDGET: usize = 64;
/// How many processes of pods it also reads in full, if they have run since the last scan: no event reports that a
/// process has changed its namespaces (`setns(2)`, `unshare(2)`), and this is to be known within a second. Those without
/// a pidfd are read in turn, since they cost more.
const POD_BUDGET: usize = 1_024;
/// Of how many of these it also reads the cgroup if they have not run. Any process that may can move another one, and no
/// event tells of it. Reading it takes about 8 µs.
const CGROUP_BUDGET: usize = 256;

impl Reconciler {
    /// Watches a process with all its present and future descendants.
    pub fn watch(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        self.watch_all(kernel, &[id]);
    }

    /// Watches these processes with all their present and future descendants.
    pub fn watch_all(&mut self, kernel: &mut impl Kernel, ids: &[ProcId]) {
        self.unrelated.clear();
        for id in ids {
            self.watch_root(kernel, *id);
        }
        self.discover(kernel);
        self.reset_deadlines(kernel);
    }

    fn watch_root(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        if self.by_pid(id.pid).is_none() {
            let reading = match kernel.read(id.pid, Depth::Stat) {
                Ok(reading) if reading.stat.start == id.start => reading,
                Ok(_) | Err(Unread::Gone) => return,
                Err(why) => {
                    self.mark_unread(id.pid, why);
                    self.wanted.insert(id);
                    return self.schedule_recheck(kernel);
                }
            };
            let parent = self.parent_of_root(kernel, reading.stat.ppid);
            self.add_found(kernel, id, parent);
        }
        let known = self.canonical(id);
        self.include(kernel, known);
        kernel.prefer(id);
    }

    /// Watches every process.
    pub fn start_host(&mut self, kernel: &mut impl Kernel) {
        self.discover(kernel);
        self.report_denied(kernel);
        self.reset_deadlines(kernel);
    }

    /// The process that a parent's pid means. It may be the parent known so far, which need not be watched.
    pub(super) fn parent_now(&self, known: Parent, ppid: u32) -> Parent {
        match (self.parent_of(ppid), known) {
            (Parent::Outside, Parent::Process(id)) if id.pid == ppid && !self.entries.contains_key(&id) => known,
            (now, _) => now,
        }
    }

    /// The parent of a process whose parent need not be watched.
    fn parent_of_root(&self, kernel: &mut impl Kernel, ppid: u32) -> Parent {
        if let Some(known) = self.by_pid(ppid) {
            return Parent::Process(known);
        }
        match kernel.read(ppid, Depth::Stat) {
            Ok(r) => Parent::Process(ProcId { pid: ppid, start: r.stat.start }),
            Err(_) => Parent::Outside,
        }
    }

    pub(super) fn reset_deadlines(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        self.verify_at = now.plus(VERIFY_NS);
        self.discover_at = now.plus(DISCOVER_NS);
    }

    /// Adds a process that a scan found.
    pub(super) fn add_found(&mut self, kernel: &mut impl Kernel, id: ProcId, parent: Parent) {
        let entry = Entry { exact_start: true, ..Entry::new(id, parent) };
        let reading = match Self::open_and_read(kernel, &entry, false) {
            Err(Unread::Gone) => return,
            reading => reading,
        };
        let born = kernel.ticks().born_by(id.start).0.min(kernel.now().0);
        let dead = reading.as_ref().is_ok_and(|r| r.stat.is_dead());
        self.born(kernel, entry, reading, Stamp::by_then(MonoNs(born), Source::Scan));
        self.recover_membership(id, Stamp::by_then(kernel.now(), Source::Scan));
        if dead {
            let status = zombie_status(kernel, id);
            let now = kernel.now();
            self.ended(kernel, id, status, Stamp::by_then(now, Source::Scan), None);
        }
    }

    /// Finds processes that are to be watched and not known yet, by their parents.
    pub(super) fn discover(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        self.discover_at = now.plus(DISCOVER_NS);
        let pids = match kernel.pids() {
            Ok(pids) => pids,
            Err(why) => {
                self.unlisted = Some(match why {
                    Unread::Failed(e) => e,
                    Unread::Gone => Errno::ENOENT,
                    Unread::Denied => Errno::EACCES,
                });
                return;
            }
        };
        self.unlisted = None;
        let is_unknown = |pid: &u32| self.by_pid(*pid).is_none() && !self.unrelated.contains(pid);
        let unknown: Vec<u32> = pids.iter().copied().filter(is_unknown).collect();
        let mut order: Vec<(ProcId, u32)> = Vec::new();
        for (pid, read) in unknown.iter().copied().zip(kernel.read_stats(&unknown)) {
            match read {
                Ok(stat) => {
                    self.mark_read(pid);
                    order.push((ProcId { pid, start: stat.start }, stat.ppid));
                }
                // a process that another user hides does not belong to the lab
                Err(Unread::Denied) if self.scope == Scope::Lab => {}
                Err(why) => self.mark_unread(pid, why),
            }
        }
        // parents first, so that children inherit from them
        order.sort_unstable_by_key(|(id, _)| (id.start, id.pid));
        loop {
            let before = order.len();
            order.retain(|(id, ppid)| {
                let ours = match self.scope {
                    Scope::Host => true,
                    Scope::Lab => self.by_pid(*ppid).is_some(),
                };
                if ours {
                    let parent = self.parent_of(*ppid);
                    self.add_found(kernel, *id, parent);
                }
                !ours
            });
            if order.len() == before || order.is_empty() {
                break;
            }
        }
        let all: HashSet<u32> = pids.into_iter().collect();
        self.unread.retain(|pid, _| all.contains(pid));
        if self.scope == Scope::Lab {
            let mut present = std::mem::take(&mut self.unrelated);
            present.retain(|pid| all.contains(pid));
            present.extend(order.into_iter().map(|(id, _)| id.pid));
            self.unrelated = present;
        }
    }

    /// Compares what is known with the machine, and reads `budget` processes in full.
    pub(super) fn verify(&mut self, kernel: &mut impl Kernel, budget: usize) {
        let now = kernel.now();
        self.verify_at = now.plus(VERIFY_NS);
        let all: Vec<ProcId> = self.unreaped.iter().copied().collect();
        let from = self.scan_from.map_or(0, |id| all.partition_point(|x| *x < id));
        let (mut of_pods, mut looked) = (0, 0);
        for (i, id) in all[from..].iter().chain(&all[..from]).enumerate() {
            let is_next = i < budget || of_pods < POD_BUDGET && kernel.holds(*id) && self.is_in_pod(*id);
            of_pods += usize::from(is_next && i >= budget);
            let cgroup = is_next && looked < CGROUP_BUDGET && self.is_in_pod(*id);
            looked += usize::from(cgroup);
            self.check(kernel, *id, if is_next { Depth::All } else { Depth::Stat }, cgroup);
        }
        if self.unlisted.is_some() || self.unread.values().any(|why| matches!(why, Unread::Failed(_))) {
            self.discover(kernel);
        }
        self.report_cgroups(kernel);
        self.scan_from = all.get((from + budget.min(all.len())) % all.len().max(1)).copied();
        self.report_denied(kernel);
    }

    /// Whether it is of the lab or of a known pod, or is in a container as far as its namespaces tell.
    fn is_in_pod(&self, id: ProcId) -> bool {
        let is_elsewhere = |kind| {
            let own = self.own_namespaces.get(kind);
            let its = self.entries.get(&id).and_then(|entry| entry.namespaces.get(kind));
            its.is_some() && own.is_some() && its != own
        };
        self.entries.get(&id).is_some_and(|entry| entry.in_lab)
            || is_elsewhere(NsKind::Pid)
            || is_elsewhere(NsKind::Net)
            || is_elsewhere(NsKind::Mnt)
    }

    /// Reads again the processes that have just changed.
    pub(super) fn recheck(&mut self, kernel: &mut impl Kernel) {
        self.recheck_at = None;
        for id in std::mem::take(&mut self.wanted) {
            self.watch(kernel, id);
        }
        for id in std::mem::take(&mut self.to_recheck) {
            if let Some(entry) = self.entries.get_mut(&id) {
                // the first state was read right after the event: any other state is news
                entry.unconfirmed_state = None;
            }
            self.check(kernel, id, Depth::All, true);
            if let Some(state) = self.entries.get_mut(&id).and_then(|e| e.unconfirmed_state.take()) {
                let at = Stamp::by_then(kernel.now(), Source::Scan);
                if let Some(facts) = self.entries.get_mut(&id).and_then(|e| e.facts.as_mut()) {
                    facts.state = state;
                }
                self.out.push(Delta::State { id, state, at });
            }
        }
        self.report_denied(kernel);
    }

    /// `cgroup`: look at its cgroup also if it has not run.
    fn check(&mut self, kernel: &mut impl Kernel, id: ProcId, depth: Depth, cgroup: bool) {
        let Some(entry) = self.entries.get(&id).filter(|e| e.gone.is_none()) else { return };
        let (exited, leader, parent) = (entry.exit.is_some(), entry.leader_status, entry.parent);
        let depth = match depth {
            // a zombie keeps its tracer
            Depth::All if exited => Depth::Program,
            _ if exited => Depth::Stat,
            // it could not be read before
            _ if entry.facts.is_none() => Depth::All,
            Depth::All => entry.depth(kernel.now(), cgroup),
            depth => depth,
        };
        // a process that could not get a pidfd before may get one now
        let opens = depth != Depth::Stat && !exited && entry.exact_start && !kernel.holds(id);
        let read = if opens { kernel.open_and_read(id.pid) } else { kernel.read(id.pid, depth) };
        let reading = match read {
            Ok(reading) if self.is_process(id, &reading.stat) => reading,
            Ok(other) => {
                kernel.release(ProcId { pid: id.pid, start: other.stat.start });
                return self.vanished(id, Stamp::by_then(kernel.now(), Source::Scan), None);
            }
            Err(Unread::Gone) => return self.vanished(id, Stamp::by_then(kernel.now(), Source::Scan), None),
            Err(why) => return self.mark_unread(id.pid, why),
        };
        self.mark_read(id.pid);
        let ends = reading.stat.is_dead() && !exited;
        let now_of = self.parent_now(parent, reading.stat.ppid);
        let moves = parent != now_of && (parent.process().is_some() || now_of.process().is_some());
        if ends || moves {
            // an event that tells it better may still come
            let suspect = self.entries.get_mut(&id).is_some_and(|e| std::mem::replace(&mut e.suspect, true));
            if (self.connector || ends && kernel.holds(id)) && !suspect {
                return self.recheck_soon(kernel, id);
            }
            let now = kernel.now();
            let at = Stamp::by_then(now, Source::Scan);
            if moves {
                self.reparented(id, now_of, at);
            }
            if ends {
                let status = leader.or_else(|| zombie_status(kernel, id));
                self.ended(kernel, id, status, at, None);
            }
            return;
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.suspect = false;
        }
        if exited {
            self.update_tracer(kernel, id, &reading);
        } else {
            self.apply_reading(kernel, id, reading, false);
        }
    }
}
