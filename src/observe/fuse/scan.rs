//! Looking: to start the picture, to verify it, and to find what no event told.

use std::collections::HashMap;

use super::reap::zombie_status;
use super::{DISCOVER_NS, Entry, Fuse, Kernel, VERIFY_NS};
use crate::model::{Delta, MonoNs, Parent, ProcId, Source, Stamp};
use crate::observe::options::Scope;
use crate::observe::proc::{Depth, Reading};

/// Processes read whole in one verifying scan; of the others only `stat`.
pub const BUDGET: usize = 64;

impl Fuse {
    /// Watches a process and all it has forked and will fork.
    pub fn watch(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        self.unrelated.clear();
        if self.bearer(id.pid).is_none() {
            let Some(stat) = kernel.read(id.pid, Depth::Stat).filter(|r| r.stat.start == id.start) else { return };
            let parent = self.parent_of(stat.stat.ppid);
            self.adopt(kernel, id, parent);
        }
        self.discover(kernel);
        self.due_from_now(kernel);
    }

    /// Every process there is.
    pub fn start_host(&mut self, kernel: &mut impl Kernel) {
        self.discover(kernel);
        self.tell_denied(kernel);
        self.due_from_now(kernel);
    }

    /// These processes alone, and nothing of their parents but the identity.
    pub fn only(&mut self, kernel: &mut impl Kernel, ids: &[ProcId]) {
        for id in ids {
            if self.bearer(id.pid).is_some() {
                continue;
            }
            let ppid = kernel.read(id.pid, Depth::Stat).map_or(0, |r| r.stat.ppid);
            let parent = kernel
                .read(ppid, Depth::Stat)
                .map_or(Parent::Outside, |r| Parent::Process(ProcId { pid: ppid, start: r.stat.start }));
            self.adopt(kernel, *id, parent);
        }
        self.tell_denied(kernel);
    }

    fn due_from_now(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        self.verify_at = now.plus(VERIFY_NS);
        self.discover_at = now.plus(DISCOVER_NS);
    }

    /// A process found by looking.
    pub(super) fn adopt(&mut self, kernel: &mut impl Kernel, id: ProcId, parent: Parent) {
        let entry = Entry { exact_start: true, ..Entry::new(id, parent) };
        let Some(reading) = Self::meet(kernel, &entry, false) else { return };
        let born = kernel.ticks().born_by(id.start).0.min(kernel.now().0);
        let dead = reading.stat.is_dead();
        self.born(kernel, entry, Some(reading), Stamp::by_then(MonoNs(born), Source::Scan));
        self.tell_kin(id, Stamp::by_then(kernel.now(), Source::Scan));
        if dead {
            let status = zombie_status(kernel, id);
            let now = kernel.now();
            self.ended(kernel, id, status, Stamp::by_then(now, Source::Scan), None);
        }
    }

    /// Finds processes that belong here and are not known, by their parents.
    pub(super) fn discover(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        self.discover_at = now.plus(DISCOVER_NS);
        let pids = kernel.pids();
        let mut unknown: HashMap<u32, (ProcId, u32)> = HashMap::new();
        for pid in &pids {
            if self.bearer(*pid).is_some() || self.unrelated.contains(pid) {
                continue;
            }
            if let Some(Reading { stat, .. }) = kernel.read(*pid, Depth::Stat) {
                unknown.insert(*pid, (ProcId { pid: *pid, start: stat.start }, stat.ppid));
            }
        }
        // parents first, so that children take over what they should
        let mut order: Vec<_> = unknown.into_values().collect();
        order.sort_unstable_by_key(|(id, _)| (id.start, id.pid));
        loop {
            let before = order.len();
            order.retain(|(id, ppid)| {
                let ours = match self.scope {
                    Scope::Host => true,
                    Scope::Lab => self.bearer(*ppid).is_some(),
                };
                if ours {
                    let parent = self.parent_of(*ppid);
                    self.adopt(kernel, *id, parent);
                }
                !ours
            });
            if order.len() == before || order.is_empty() {
                break;
            }
        }
        if self.scope == Scope::Lab {
            let mut present = std::mem::take(&mut self.unrelated);
            let all: std::collections::HashSet<u32> = pids.into_iter().collect();
            present.retain(|pid| all.contains(pid));
            present.extend(order.into_iter().map(|(id, _)| id.pid));
            self.unrelated = present;
        }
    }

    /// Compares what is known with what is there.
    pub(super) fn verify(&mut self, kernel: &mut impl Kernel, budget: usize) {
        let now = kernel.now();
        self.verify_at = now.plus(VERIFY_NS);
        let all: Vec<ProcId> = self.unreaped.iter().copied().collect();
        let from = self.scan_from.map_or(0, |id| all.partition_point(|x| *x < id));
        for (i, id) in all[from..].iter().chain(&all[..from]).enumerate() {
            let depth = if i < budget { Depth::All } else { Depth::Stat };
            self.check(kernel, *id, depth);
        }
        self.count(kernel);
        self.scan_from = all.get((from + budget.min(all.len())) % all.len().max(1)).copied();
        self.tell_denied(kernel);
    }

    /// A second look at those that just changed.
    pub(super) fn settle(&mut self, kernel: &mut impl Kernel) {
        self.settle_at = None;
        for id in std::mem::take(&mut self.unsettled) {
            if let Some(entry) = self.entries.get_mut(&id) {
                // the first state was seen in the rush of the event: any other is news
                entry.flicker = None;
            }
            self.check(kernel, id, Depth::All);
            if let Some(state) = self.entries.get_mut(&id).and_then(|e| e.flicker.take()) {
                let at = Stamp::by_then(kernel.now(), Source::Scan);
                if let Some(facts) = self.entries.get_mut(&id).and_then(|e| e.facts.as_mut()) {
                    facts.state = state;
                }
                self.out.push(Delta::State { id, state, at });
            }
        }
        self.tell_denied(kernel);
    }

    fn check(&mut self, kernel: &mut impl Kernel, id: ProcId, depth: Depth) {
        let Some(entry) = self.entries.get(&id).filter(|e| e.gone.is_none()) else { return };
        let (exited, leader, parent) = (entry.exit.is_some(), entry.leader, entry.parent);
        let depth = if exited { Depth::Stat } else { depth };
        let same = |r: &Reading| r.stat.start == id.start;
        let Some(reading) = kernel.read(id.pid, depth).filter(same) else {
            let now = kernel.now();
            return self.vanished(id, Stamp::by_then(now, Source::Scan), None);
        };
        let ends = reading.stat.is_dead() && !exited;
        let moves = parent != self.parent_of(reading.stat.ppid)
            && (parent.process().is_some() || self.bearer(reading.stat.ppid).is_some());
        if ends || moves {
            // the event that says it better may be on its way
            let suspect = self.entries.get_mut(&id).is_some_and(|e| std::mem::replace(&mut e.suspect, true));
            if (self.connector || ends && kernel.holds(id)) && !suspect {
                return self.unsettle(kernel, id);
            }
            let now = kernel.now();
            let at = Stamp::by_then(now, Source::Scan);
            if moves {
                let to = self.parent_of(reading.stat.ppid);
                self.reparented(id, to, at);
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
        if depth == Depth::All && !exited {
            self.absorb(kernel, id, &reading, false);
        } else if !exited {
            self.only_stat(kernel, id, reading);
        }
    }

    /// A reading of `stat` alone, with the rest as it was.
    fn only_stat(&mut self, kernel: &mut impl Kernel, id: ProcId, mut reading: Reading) {
        let known = self.entries.get(&id).and_then(|e| Some((e.facts.as_ref()?.cmdline.clone(), e.denied)));
        if let Some((cmdline, denied)) = known {
            reading.cmdline = cmdline;
            reading.denied = denied;
        }
        self.absorb(kernel, id, &reading, false);
    }
}
