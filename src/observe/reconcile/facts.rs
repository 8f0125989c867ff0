//! Turns readings of /proc into facts, and reports those that say something new.

use std::sync::Arc;

use super::news::{state_is_news, take_changes, usage_is_news};
use super::{Entry, Kernel, Reconciler};
use crate::model::{
    Capability, Coverage, Delta, Facts, Limitation, Namespace, NsId, NsKind, NsSet, ProcId, ProcessUsage, Source,
    Stamp, State,
};
use crate::observe::namespaces::Nsfs;
use crate::observe::proc::Reading;

impl Reconciler {
    /// Applies a reading of a living or dead process, and reports what is news. With `at_once` any difference is, even
    /// of the scheduler's state.
    pub(super) fn apply_reading(&mut self, kernel: &mut impl Kernel, id: ProcId, reading: Reading, at_once: bool) {
        let now = kernel.now();
        let at = Stamp::by_then(now, Source::Scan);
        self.update_namespaces(kernel, id, &reading);
        self.update_pids(id, &reading);
        self.update_tracer(kernel, id, &reading);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if reading.status.is_some() {
            entry.denied = reading.denied;
            entry.full_read = reading.sched.map(|sched| (now, sched));
        }
        let usage = entry.sample_usage(now, &reading);
        let dead = reading.stat.is_dead();
        // that of a zombie may be removed, and says nothing
        if let Some(path) = reading.cgroup.as_deref().filter(|path| !dead && entry.cgroup.as_deref() != Some(path)) {
            let path = entry.cgroup.insert(path.into());
            self.out.push(Delta::InCgroup { id, path: Arc::clone(path), at });
        }
        // `Z` also while threads live whose leader has ended; an exit is reported by `ended`
        let state = if dead { State::Sleeping } else { reading.stat.state };
        let Some(known) = &mut entry.facts else {
            // `stat` alone tells too little
            if let Some(facts) = first_facts(entry, reading, state, usage) {
                entry.facts = Some(facts.clone());
                self.out.push(Delta::Facts { facts: Box::new(facts), at });
            }
            return;
        };
        // a death is reported with a better time, and the dead has no news
        if dead && (entry.exit.is_some() || self.connector) {
            return;
        }
        let changes = take_changes(known, reading, entry.namespaces);
        if !changes.is_empty() {
            self.out.push(Delta::Changed { id, changes: Box::new(changes), at });
        }
        if usage_is_news(&known.usage(), &usage) || at_once && known.usage() != usage {
            known.set_usage(usage);
            self.out.push(Delta::ProcessUsage { id, usage, at });
        }
        if state_is_news(known.state, state, &mut entry.unconfirmed_state) || at_once && known.state != state {
            entry.unconfirmed_state = None;
            known.state = state;
            self.out.push(Delta::State { id, state, at });
        }
    }

    /// Also of a zombie: its tracer must wait for it first.
    pub(super) fn update_tracer(&mut self, kernel: &mut impl Kernel, id: ProcId, reading: &Reading) {
        let Some(tracer) = reading.status.as_ref().map(|status| status.tracer) else { return };
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.tracer != tracer) {
            entry.tracer = tracer;
            let at = Stamp::by_then(kernel.now(), Source::Scan);
            self.out.push(Delta::Traced { id, by: (tracer != 0).then_some(tracer), at });
        }
    }

    fn update_namespaces(&mut self, kernel: &mut impl Kernel, id: ProcId, reading: &Reading) {
        let Some(entry) = self.entries.get(&id) else { return };
        let old = entry.namespaces;
        let counted = entry.exit.is_none();
        let mut new = old;
        new.merge(&self.resolve_namespaces(kernel, id.pid, reading, &old));
        if new != old {
            if counted {
                self.namespaces.join(&new);
                self.leave_namespaces(kernel, &old);
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.namespaces = new;
            }
        }
    }

    /// The identities of the namespaces in a reading; reports those that are new. `before`: the namespaces that the
    /// process was in so far.
    pub(super) fn resolve_namespaces(
        &mut self,
        kernel: &mut impl Kernel,
        pid: u32,
        reading: &Reading,
        before: &NsSet,
    ) -> NsSet {
        let mut set = NsSet::default();
        for kind in NsKind::ALL {
            let Some(ino) = reading.links[kind as usize] else { continue };
            // most processes are where they were, and then the number still means the same namespace
            let same = before.get(kind).filter(|id| id.ino == ino && self.namespaces.has_processes(*id));
            set.set(same.unwrap_or_else(|| self.resolve_namespace(kernel, pid, kind, ino)));
        }
        set
    }

    fn resolve_namespace(&mut self, kernel: &mut impl Kernel, pid: u32, kind: NsKind, ino: u64) -> NsId {
        // it may be in another namespace since its link was read
        let ns = kernel.namespace(pid, kind).filter(|ns| ns.ino == ino).unwrap_or(Nsfs { ino, unique: None });
        if ns.unique.is_none() && self.namespaces.depends_on_holders(ino) {
            let id = NsId { kind, dev: self.namespaces.device(), ino, generation: 0 };
            let now = kernel.holders(id, &mut self.unreaped.iter().copied());
            self.namespaces.check_holders(ino, &now);
        }
        if self.namespaces.current(kind, ns).is_some() {
            return self.namespaces.intern(kind, ns).0;
        }
        let at = Stamp::by_then(kernel.now(), Source::Scan);
        let table = &self.namespaces;
        let found = kernel.describe(pid, kind, &|kind, ns| table.current(kind, ns).is_some());
        let id = self.namespaces.intern(kind, ns).0;
        if !found.iter().any(|raw| raw.ns.ino == ino) {
            self.out.push(Delta::Namespace { namespace: Namespace::new(id), at });
        }
        for raw in found {
            let id = self.namespaces.intern(raw.kind, raw.ns).0;
            let owner = raw.owner.map(|ns| self.namespaces.intern(NsKind::User, ns).0);
            let parent = raw.parent.map(|ns| self.namespaces.intern(raw.kind, ns).0);
            self.namespaces.set_ancestors(id, [owner, parent]);
            let namespace =
                Namespace { unique: raw.ns.unique, owner_uid: raw.owner_uid, owner, parent, ..Namespace::new(id) };
            self.out.push(Delta::Namespace { namespace, at });
        }
        id
    }

    /// A process has left these namespaces.
    pub(super) fn leave_namespaces(&mut self, kernel: &mut impl Kernel, set: &NsSet) {
        for id in self.namespaces.leave(set) {
            let holders = kernel.holders(id, &mut self.unreaped.iter().copied());
            self.namespaces.set_holders(id, holders);
        }
    }

    /// Updates its pid inside its pid namespace, and that namespace's PID 1.
    fn update_pids(&mut self, id: ProcId, reading: &Reading) {
        let Some(inner) = reading.status.as_ref().and_then(|s| s.nspid.last().copied()) else { return };
        let depth = reading.status.as_ref().map_or(0, |s| s.nspid.len());
        let Some(entry) = self.entries.get(&id) else { return };
        let ns = entry.namespaces.get(NsKind::Pid);
        let of_parent = entry.parent.process().and_then(|p| self.entries.get(&p));
        let same_depth =
            of_parent.and_then(|p| p.facts.as_ref()).is_some_and(|f| f.nspid.len() == depth || f.nspid.is_empty());
        let init = if inner == 1 {
            Some(id)
        } else if let Some(known) = ns.and_then(|ns| self.inits.get(&ns)) {
            Some(*known)
        } else if same_depth {
            entry.init
        } else {
            None
        };
        let known_before = entry.exact_pid_inside && entry.init == init && entry.pid_inside == Some(inner);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.init = init;
            entry.pid_inside = Some(inner);
            entry.exact_pid_inside = true;
        }
        if known_before {
            return;
        }
        if let (1, Some(ns)) = (inner, ns) {
            self.inits.insert(ns, id);
        }
        if let Some(init) = init {
            let pid_namespace = self.pid_namespaces.entry(init).or_default();
            pid_namespace.add_read(inner, id);
        }
    }

    /// Reports of how many processes we may not read the namespaces, when that changes.
    pub(super) fn report_denied(&mut self, kernel: &mut impl Kernel) {
        let all = self.unreaped.len();
        let denied = self.unreaped.iter().filter(|id| self.entries.get(id).is_some_and(|e| e.denied)).count();
        // a small change of the number is not reported
        if denied == self.denied || denied != 0 && self.denied != 0 && denied.abs_diff(self.denied) * 10 < denied {
            return;
        }
        self.denied = denied;
        let at = Stamp::by_then(kernel.now(), Source::Scan);
        self.out.push(Delta::Visibility {
            capability: Capability::Namespaces,
            coverage: denied_coverage(denied, all),
            at,
        });
    }
}

pub fn denied_coverage(denied: usize, all: usize) -> Coverage {
    match denied {
        0 => Coverage::Full,
        count if count == all => Coverage::Missing(Limitation::NamespacesDenied { count, all }),
        count => Coverage::Partial(vec![Limitation::NamespacesDenied { count, all }]),
    }
}

/// What the first complete reading of a process tells.
fn first_facts(entry: &Entry, reading: Reading, state: State, usage: ProcessUsage) -> Option<Facts> {
    let status = reading.status?;
    let ProcessUsage { threads, rss_bytes, cpu, waited_cpu } = usage;
    Some(Facts {
        id: entry.id,
        parent: entry.parent,
        comm: reading.stat.comm,
        cmdline: reading.cmdline,
        state,
        uid: status.uid,
        nspid: status.nspid,
        threads,
        rss_bytes,
        cpu,
        waited_cpu,
        signals: status.signals,
        namespaces: entry.namespaces,
    })
}
