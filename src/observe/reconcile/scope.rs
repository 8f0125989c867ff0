//! Changes which processes are observed while the observer runs: all of the machine, or only those that were named and
//! their descendants.

use std::collections::BTreeSet;

use super::{Kernel, Reconciler};
use crate::model::{Delta, Parent, ProcId, Scope, Source, Stamp};

impl Reconciler {
    /// Watches all processes of the machine from now on, or only those that were named and their descendants.
    pub(super) fn observe(&mut self, kernel: &mut impl Kernel, scope: Scope) {
        if self.scope == scope {
            return;
        }
        self.scope = scope;
        let at = Stamp::prompt(kernel.now(), Source::App);
        match scope {
            Scope::Host => {
                self.out.push(Delta::Scope { scope, forgotten: Vec::new(), at });
                self.unrelated.clear();
                kernel.follow_everything(true);
                self.start_host(kernel);
                self.name_adopters(kernel);
            }
            Scope::Lab => {
                let forgotten = self.drop_others(kernel);
                self.follow_all(kernel);
                self.out.push(Delta::Scope { scope, forgotten, at });
                self.report_denied(kernel);
            }
        }
    }

    /// The process was named. It and its descendants stay watched in the scope of the lab.
    pub(super) fn include(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if std::mem::replace(&mut entry.in_lab, true) {
                continue;
            }
            kernel.follow(id);
            open.extend(self.children.get(&id).into_iter().flatten().copied());
        }
    }

    /// Names the parents of processes that were adopted by one that was not observed. They have not moved again, so the
    /// time is that of their adoption.
    fn name_adopters(&mut self, kernel: &mut impl Kernel) {
        let adopted = |id: &ProcId| {
            let entry = self.entries.get(id).filter(|e| e.parent == Parent::Outside && e.gone.is_none())?;
            Some((*id, entry.moved?))
        };
        let adopted: Vec<(ProcId, Stamp)> = self.unreaped.iter().filter_map(adopted).collect();
        let pids: Vec<u32> = adopted.iter().map(|(id, _)| id.pid).collect();
        for ((id, at), read) in adopted.into_iter().zip(kernel.read_stats(&pids)) {
            // what cannot be read now is compared by the next scan
            if let Ok(stat) = read
                && self.is_process(id, &stat)
            {
                let to = self.parent_of(stat.ppid);
                self.reparented(id, to, at);
            }
        }
    }

    /// Stops watching all but the processes that were named and their descendants. Returns the others, also those that
    /// were reaped and are remembered.
    fn drop_others(&mut self, kernel: &mut impl Kernel) -> Vec<ProcId> {
        let others: BTreeSet<ProcId> =
            self.entries.iter().filter(|(_, entry)| !entry.in_lab).map(|(id, _)| *id).collect();
        for id in &others {
            let Some(entry) = self.entries.get(id) else { continue };
            if entry.is_unreaped() {
                kernel.release(*id);
            }
            if entry.exit.is_none() {
                // what holds a namespace that nobody watches is not looked for
                self.namespaces.leave(&entry.namespaces);
            }
            if let Some(siblings) = entry.parent.process().and_then(|parent| self.children.get_mut(&parent)) {
                siblings.remove(id);
            }
            self.forget(*id);
        }
        for entry in self.entries.values_mut() {
            entry.init = entry.init.filter(|init| !others.contains(init));
        }
        self.unreaped.retain(|id| !others.contains(id));
        self.past.retain(|id| !others.contains(id));
        self.ending.retain(|id| !others.contains(id));
        self.to_recheck.retain(|id| !others.contains(id));
        self.inits.retain(|_, init| !others.contains(init));
        let current = &self.current;
        self.unread.retain(|pid, _| current.contains_key(pid));
        others.into_iter().collect()
    }
}
