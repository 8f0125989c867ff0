//! The lives of processes: birth, exec, adoption, exit, reap, and which member of a pod they belong to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::World;
use crate::model::inside::Content;
use crate::model::{
    Exit, Facts, Inside, Member, Namespace, NsId, Parent, ProcId, Process, Reap, Reparent, SignalMasks, Source, Stamp,
    State, WaitStatus,
};

impl World {
    /// Changes a process. It is added first if it was not known.
    pub(super) fn update<R>(&mut self, id: ProcId, at: Stamp, change: impl FnOnce(&mut Process) -> R) -> R {
        if !self.processes.contains_key(&id) {
            self.enter(id, at);
        }
        let born = born_by(at);
        self.processes.update_or_add(id, born, |p| {
            if born.is_better_than(p.born) {
                p.born = born;
            }
            change(p)
        })
    }

    /// Adds a process that was not known. Only one process has a pid at a time, so of two the one that started first
    /// has been reaped.
    fn enter(&mut self, id: ProcId, at: Stamp) {
        self.processes.update_or_add(id, born_by(at), |_| ());
        let reused = Stamp::by_then(at.t, Source::Inferred);
        match self.by_pid.get(&id.pid).copied() {
            Some(newer) if newer.start > id.start => self.reaped(id, Parent::Unknown, reused),
            Some(older) => {
                self.by_pid.insert(id.pid, id);
                self.reaped(older, Parent::Unknown, reused);
            }
            None => {
                self.by_pid.insert(id.pid, id);
            }
        }
    }

    /// Notes that its parent has changed.
    fn moved(&mut self, id: ProcId, from: Parent, to: Parent) {
        if from == to {
            return;
        }
        if let Some(from) = from.process() {
            self.by_parent.remove(&(from, id));
        }
        if let Some(to) = to.process() {
            self.by_parent.insert((to, id));
        }
    }

    pub(super) fn reparented(&mut self, id: ProcId, step: Reparent) {
        let (from, to) = self.update(id, step.at, |p| {
            let steps = &mut p.reparents;
            let place = steps.partition_point(|s| s.at.t <= step.at.t);
            steps.insert(place, step);
            if steps.len() > Self::MAX_STEPS {
                steps.remove(0);
            }
            let to = steps.last().map_or(step.to, |s| s.to);
            (std::mem::replace(&mut p.parent, to), to)
        });
        self.moved(id, from, to);
    }

    pub(super) fn born(&mut self, id: ProcId, parent: Parent, at: Stamp) {
        let model = parent.process().and_then(|p| self.processes.get(&p)).cloned();
        let (from, to) = self.update(id, at, |p| {
            if at.is_better_than(p.born) {
                p.born = at;
            }
            if let Some(model) = &model {
                inherit(p, model);
            }
            let to = if p.reparents.is_empty() { parent } else { p.parent };
            (std::mem::replace(&mut p.parent, to), to)
        });
        self.moved(id, from, to);
        self.record_in_pid_space(id);
    }

    pub(super) fn facts(&mut self, facts: &Facts, at: Stamp) {
        let inherited = facts.parent.process().and_then(|p| self.processes.get(&p)).and_then(|p| p.member.clone());
        let (from, to) = self.update(facts.id, at, |p| {
            if !facts.comm.is_empty() {
                p.comm.clone_from(&facts.comm);
            }
            // a zombie has no arguments any more: keep the earlier ones
            if !facts.cmdline.is_empty() {
                p.cmdline.clone_from(&facts.cmdline);
            }
            if !facts.nspid.is_empty() {
                p.nspid.clone_from(&facts.nspid);
            }
            let is_orphan = p.parent == Parent::Unknown;
            p.uid = Some(facts.uid);
            p.namespaces.merge(&facts.namespaces);
            if p.is_alive() {
                p.state = facts.state;
                // with more threads than the leader it still lives (`Process::threads_without_leader`)
                if facts.state == State::Zombie && facts.threads <= 1 {
                    p.exit = Some(Exit { at: Stamp::by_then(at.t, at.source), status: None });
                } else {
                    p.threads = facts.threads;
                    p.rss_bytes = facts.rss_bytes;
                    (p.cpu, p.waited_cpu) = (facts.cpu, facts.waited_cpu);
                    p.signals = facts.signals;
                }
            }
            // after an adoption it does not inherit the adopter's membership; its own is reported later
            if p.member.is_none() && (is_orphan || (p.parent == facts.parent && p.reparents.is_empty())) {
                p.member = inherited;
            }
            let to = if is_orphan { facts.parent } else { p.parent };
            (std::mem::replace(&mut p.parent, to), to)
        });
        self.moved(facts.id, from, to);
        self.record_in_pid_space(facts.id);
    }

    pub(super) fn exited(&mut self, id: ProcId, status: Option<WaitStatus>, at: Stamp) {
        self.update(id, at, |p| {
            p.exit = Some(match p.exit {
                None => Exit { at, status },
                Some(known) => Exit {
                    at: if at.is_better_than(known.at) { at } else { known.at },
                    status: known.status.or(status),
                },
            });
            p.clear_usage();
            if p.reap.is_none() {
                p.state = State::Zombie;
            }
        });
    }

    pub(super) fn reaped(&mut self, id: ProcId, by: Parent, at: Stamp) {
        let (first, named) = self.update(id, at, |p| end(p, by, at));
        if named && let Some(reaper) = by.process() {
            self.processes.update(reaper, |p| p.reaped += 1);
        }
        if first {
            if self.by_pid.get(&id.pid) == Some(&id) {
                self.by_pid.remove(&id.pid);
            }
            self.gone.push_back(id);
            if self.gone.len() > Self::MAX_GONE
                && let Some(oldest) = self.gone.pop_front()
            {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, id: ProcId) {
        self.forget_pid_space(id);
        if let Some(p) = self.processes.remove(id)
            && let Some(parent) = p.parent.process()
        {
            self.by_parent.remove(&(parent, id));
        }
    }

    /// Forgets processes that are no longer observed. Their namespaces stay known: the observer describes each once.
    pub(super) fn forget_all(&mut self, ids: &[ProcId]) {
        let ids: BTreeSet<ProcId> = ids.iter().copied().collect();
        for id in &ids {
            if self.by_pid.get(&id.pid) == Some(id) {
                self.by_pid.remove(&id.pid);
            }
            self.forget(*id);
        }
        if self.gone.iter().any(|id| ids.contains(id)) {
            self.gone.retain(|id| !ids.contains(id));
        }
    }

    pub(super) fn forget_namespaces(&mut self) {
        let mut kept: BTreeSet<NsId> = self.processes.values().flat_map(|p| p.namespaces.iter()).collect();
        kept.extend(self.host.namespaces.iter());
        let is_held = |n: &&Namespace| n.holders.as_ref().is_some_and(|holders| !holders.is_empty());
        kept.extend(self.namespaces.values().filter(is_held).map(|n| n.id));
        let mut open: Vec<NsId> = kept.iter().copied().collect();
        while let Some(id) = open.pop() {
            let above = self.namespaces.get(&id).into_iter().flat_map(|n| [n.owner, n.parent]);
            open.extend(above.flatten().filter(|up| kept.insert(*up)));
        }
        let namespaces = self.namespaces.iter().filter(|(id, _)| kept.contains(id));
        self.namespaces = namespaces.map(|(id, namespace)| (*id, namespace.clone())).collect();
        let spaces = self.pid_spaces.iter().filter(|(id, _)| kept.contains(id));
        self.pid_spaces = spaces.map(|(id, space)| (*id, *space)).collect();
        let inside = self.inside.iter().filter(|(id, _)| kept.contains(id));
        self.inside = inside.map(|(id, inside)| (*id, inside.clone())).collect();
    }

    pub(super) fn read_inside(&mut self, ns: NsId, content: &Arc<Content>, at: Stamp) {
        if self.inside.get(&ns).is_some_and(|known| known.at.t > at.t) {
            return;
        }
        self.inside.insert(ns, Inside { at, content: Arc::clone(content) });
        if self.inside.len() > Self::MAX_INSIDE
            && let Some(oldest) = self.inside.iter().min_by_key(|(ns, inside)| (inside.at.t, **ns)).map(|(ns, _)| *ns)
        {
            self.inside.remove(&oldest);
        }
    }

    pub(super) fn joined(&mut self, id: ProcId, member: &Member, at: Stamp) {
        self.update(id, at, |p| p.member = Some(member.clone()));
        // children that were born between the fork and this report belong to the member too
        let mut heads = vec![id];
        while let Some(head) = heads.pop() {
            // also those that have another parent by now
            let lost = self.processes.taken_from(head);
            let children = self.children(head).filter(|c| c.reparents.is_empty()).chain(lost);
            let children: Vec<ProcId> = children.filter(|c| c.member.is_none()).map(|c| c.id).collect();
            for child in children {
                self.processes.update(child, |p| p.member = Some(member.clone()));
                heads.push(child);
            }
        }
    }
}

/// Gives a new process what a child has from its parent, as far as it is not known.
fn inherit(p: &mut Process, from: &Process) {
    if p.cmdline.is_empty() && p.comm.is_empty() {
        p.comm.clone_from(&from.comm);
        p.cmdline.clone_from(&from.cmdline);
    }
    let mut namespaces = from.namespaces;
    namespaces.merge(&p.namespaces);
    p.namespaces = namespaces;
    // if its uid is known, its signals were read too, and it may have none
    if p.uid.is_none() && p.signals == SignalMasks::default() {
        p.signals = from.signals;
    }
    p.uid = p.uid.or(from.uid);
    if p.cgroup.is_none() {
        p.cgroup.clone_from(&from.cgroup);
    }
    if p.member.is_none() {
        p.member.clone_from(&from.member);
    }
}

/// Records a reap. Returns whether it is the first report of it, and whether it is the first that names the reaper.
fn end(p: &mut Process, by: Parent, at: Stamp) -> (bool, bool) {
    let first = p.reap.is_none();
    let mut named = true;
    match &mut p.reap {
        None => p.reap = Some(Reap { at, by }),
        Some(known) => {
            if at.is_better_than(known.at) {
                known.at = at;
            }
            named = known.by == Parent::Unknown;
            if named {
                known.by = by;
            }
        }
    }
    p.state = State::Gone;
    p.clear_usage();
    // a process that was reaped has exited before
    let ended = Stamp::by_then(at.t, Source::Inferred);
    let exit = p.exit.get_or_insert(Exit { at: ended, status: None });
    if ended.is_better_than(exit.at) {
        exit.at = ended;
    }
    (first, named)
}

/// The stamp of a process's birth, from the stamp of any fact about it: it was born by then.
const fn born_by(at: Stamp) -> Stamp {
    Stamp::by_then(at.t, at.source)
}

pub(super) fn push_step(steps: &mut Vec<Stamp>, at: Stamp) {
    steps.push(at);
    if steps.len() > World::MAX_STEPS {
        steps.remove(0);
    }
}
