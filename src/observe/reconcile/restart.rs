//! Keeps what was known when the observer has failed and starts again.

use super::{Entry, Kernel, Reconciler};
use crate::model::{Delta, ProcId, Source, Stamp};

impl Reconciler {
    /// Continues with what was known. The failure may have interrupted a change, so every index is rebuilt from the
    /// entries, and every entry is compared with the machine. `kernel` holds no pidfds yet.
    pub fn restart(&mut self, kernel: &mut impl Kernel, connector: bool) {
        let fresh = Self::new(self.scope, connector, self.namespaces.device());
        let old = std::mem::replace(self, fresh);
        let now = kernel.now();
        self.namespaces = old.namespaces;
        self.namespaces.forget_processes();
        (self.inits, self.pid_namespaces) = (old.inits, old.pid_namespaces);
        (self.joined, self.cgroups, self.wanted) = (old.joined, old.cgroups, old.wanted);
        (self.signal_limit, self.own_pid, self.own_namespaces) = (old.signal_limit, old.own_pid, old.own_namespaces);
        self.past = old.past.into_iter().filter(|id| old.entries.contains_key(id)).collect();
        // deltas that were not sent yet
        self.out = old.out;
        for (id, entry) in old.entries {
            self.restore_entry(id, entry);
        }
        for id in self.unreaped.clone() {
            kernel.prefer(id);
        }
        if connector {
            let at = Stamp::by_then(now, Source::Scan);
            self.out.push(Delta::Lost { source: Source::Connector, count: None, at });
        }
        self.rescan(kernel);
        self.reset_deadlines(kernel);
    }

    fn restore_entry(&mut self, id: ProcId, mut entry: Entry) {
        let last = self.current.entry(id.pid).or_insert(id);
        *last = (*last).max(id);
        if entry.is_unreaped() {
            // all of it is sent again, since the last batch may be lost
            (entry.facts, entry.cgroup, entry.tracer) = (None, None, 0);
            self.unreaped.insert(id);
            if let Some(parent) = entry.parent.process() {
                self.children.entry(parent).or_default().insert(id);
            }
            if entry.gone.is_some() {
                self.ending.insert(id);
            }
        }
        if entry.exit.is_none() && entry.gone.is_none() {
            self.namespaces.join(&entry.namespaces);
        }
        self.entries.insert(id, entry);
    }
}
