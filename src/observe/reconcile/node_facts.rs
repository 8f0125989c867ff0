//! Takes the node's facts in, and replaces process identities in them by those known here.

use super::{Entry, Kernel, Reconciler};
use crate::model::{Delta, NodeSignalTarget, Parent, Pod, ProcId};

impl Reconciler {
    /// The identity by which the process is known here.
    pub(super) fn canonical(&self, id: ProcId) -> ProcId {
        match self.current.get(&id.pid).and_then(|known| self.entries.get(known)) {
            Some(entry) if entry.matches_start(id.start, false) => entry.id,
            _ => id,
        }
    }

    fn canonical_parent(&self, parent: Parent) -> Parent {
        match parent {
            Parent::Process(id) => Parent::Process(self.canonical(id)),
            other => other,
        }
    }

    fn canonical_pod(&self, pod: &mut Pod) {
        if let Some(sandbox) = &mut pod.sandbox {
            sandbox.process = sandbox.process.map(|id| self.canonical(id));
        }
        for container in &mut pod.containers {
            container.process = container.process.map(|id| self.canonical(id));
        }
    }

    pub(super) fn take_delta(&mut self, kernel: &mut impl Kernel, mut delta: Delta) {
        match &mut delta {
            Delta::Born { id, parent, at } => {
                let (id, parent, at) = (self.canonical(*id), self.canonical_parent(*parent), *at);
                if !self.entries.contains_key(&id) {
                    let entry = Entry { exact_start: true, in_lab: true, ..Entry::new(id, parent) };
                    let reading = Self::open_and_read(kernel, &entry, false);
                    self.born(kernel, entry, reading, at);
                }
                return;
            }
            Delta::Exited { id, status, at } => {
                *id = self.canonical(*id);
                if self.entries.contains_key(id) {
                    return self.ended(kernel, *id, *status, *at, None);
                }
            }
            Delta::Reaped { id, by, at } => {
                (*id, *by) = (self.canonical(*id), self.canonical_parent(*by));
                match self.entries.get(id).map(Entry::is_unreaped) {
                    Some(true) => return self.vanished(*id, *at, Some(*by)),
                    Some(false) => return self.reap_refined(*id, *by, *at),
                    None => {}
                }
            }
            Delta::Reparented { id, from, to, at } => {
                *id = self.canonical(*id);
                (*from, *to) = (self.canonical_parent(*from), self.canonical_parent(*to));
                if self.entries.contains_key(id) {
                    return self.reparented(*id, *to, *at);
                }
            }
            Delta::NodeStarted { id, .. } => {
                *id = self.canonical(*id);
                let id = *id;
                self.watch(kernel, id);
            }
            Delta::Joined { id, member, .. } => {
                *id = self.canonical(*id);
                let (id, member) = (*id, member.clone());
                if !self.entries.contains_key(&id) {
                    self.watch(kernel, id);
                }
                if self.entries.contains_key(&id) {
                    self.include(kernel, id);
                    self.joined.insert(id, member);
                    kernel.prefer(id);
                }
            }
            Delta::NodeSignalled { to: NodeSignalTarget::Process(target), .. } => {
                *target = self.canonical(*target);
                self.look_again(kernel, *target);
            }
            Delta::Signalled { target, .. } => {
                *target = self.canonical(*target);
                // no event reports a stop
                self.look_again(kernel, *target);
            }
            Delta::Facts { facts, .. } => {
                facts.id = self.canonical(facts.id);
                facts.parent = self.canonical_parent(facts.parent);
            }
            Delta::State { id, state, .. } => {
                *id = self.canonical(*id);
                if let Some(facts) = self.entries.get_mut(id).and_then(|e| e.facts.as_mut()) {
                    facts.state = *state;
                }
            }
            Delta::Changed { id, .. }
            | Delta::ProcessUsage { id, .. }
            | Delta::InCgroup { id, .. }
            | Delta::Traced { id, .. }
            | Delta::Exec { id, .. }
            | Delta::Renamed { id, .. } => *id = self.canonical(*id),
            Delta::Pod { pod, .. } => self.canonical_pod(pod),
            Delta::Cgroup { member, path, .. } => {
                let (member, path) = (member.clone(), path.clone());
                self.out.push(delta);
                return match path {
                    Some(path) => self.watch_cgroup(kernel, member, path),
                    None => self.forget_cgroup(&member),
                };
            }
            Delta::PodRemoved { uid, .. } => self.forget_cgroups(Some(uid)),
            Delta::NodeEnded { .. } => self.forget_cgroups(None),
            Delta::NodeSignalled { .. }
            | Delta::Host { .. }
            | Delta::Scope { .. }
            | Delta::NodeSilent { .. }
            | Delta::Visibility { .. }
            | Delta::Namespace { .. }
            | Delta::Searched { .. }
            | Delta::Inside { .. }
            | Delta::Usage { .. }
            | Delta::Event { .. }
            | Delta::Output { .. }
            | Delta::ExecStarted { .. }
            | Delta::ExecEnded { .. }
            | Delta::SignalSent { .. }
            | Delta::OomKill { .. }
            | Delta::Lost { .. } => {}
        }
        self.out.push(delta);
    }

    /// Reads a process again soon that may have changed without an event.
    pub(super) fn look_again(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        let id = self.canonical(id);
        if self.entries.get(&id).is_some_and(Entry::is_alive) {
            self.recheck_soon(kernel, id);
        }
    }
}
