//! Finds processes by their member, pod, namespace, first parent or reaper.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::model::{Member, NsId, NsKind, NsSet, PodUid, ProcId, Process};

/// Processes by something that several of them have.
pub(super) type Groups<K> = OrdMap<K, OrdSet<ProcId>>;

/// Moves a process from one group to another. A group without processes is removed.
fn move_between<K: Ord + Clone>(groups: &mut Groups<K>, id: ProcId, from: Option<&K>, to: Option<&K>) {
    if from == to {
        return;
    }
    if let Some(from) = from
        && let Some(ids) = groups.get_mut(from)
    {
        ids.remove(&id);
        if ids.is_empty() {
            groups.remove(from);
        }
    }
    if let Some(to) = to {
        if let Some(ids) = groups.get_mut(to) {
            ids.insert(id);
        } else {
            groups.insert(to.clone(), OrdSet::unit(id));
        }
    }
}

/// Where a process is found. The default is that of a process of which nothing is known, which is found nowhere.
#[derive(Default)]
pub(super) struct Keys {
    member: Option<Member>,
    namespaces: NsSet,
    /// The first parent of a process that has got another one.
    taken_from: Option<ProcId>,
    reaper: Option<ProcId>,
    is_zombie: bool,
    is_gone: bool,
}

impl Keys {
    pub(super) fn of(p: &Process) -> Self {
        Self {
            member: p.member.clone(),
            namespaces: p.namespaces,
            taken_from: taken_from(p),
            reaper: reaper(p),
            is_zombie: p.is_zombie(),
            is_gone: p.is_gone(),
        }
    }

    fn are_of(&self, p: &Process) -> bool {
        self.is_gone == p.is_gone()
            && self.is_zombie == p.is_zombie()
            && self.member == p.member
            && self.namespaces == p.namespaces
            && self.taken_from == taken_from(p)
            && self.reaper == reaper(p)
    }

    fn present<T>(&self, key: Option<T>) -> Option<T> {
        key.filter(|_| !self.is_gone)
    }
}

fn taken_from(p: &Process) -> Option<ProcId> {
    p.reparents.first().and_then(|step| step.from.process())
}

fn reaper(p: &Process) -> Option<ProcId> {
    p.reap.and_then(|reap| reap.by.process())
}

/// `present_` and `in_namespace` have the processes that are not reaped, the others all that are remembered: a pod that
/// forks much has few of the former and thousands of the latter.
#[derive(Clone, Default)]
pub(super) struct Index {
    pub of_member: Groups<Member>,
    pub present_of_member: Groups<Member>,
    pub of_pod: Groups<PodUid>,
    pub present_of_pod: Groups<PodUid>,
    pub in_namespace: Groups<NsId>,
    pub taken_from: Groups<ProcId>,
    pub reaped_by: Groups<ProcId>,
    pub zombies: OrdSet<ProcId>,
}

impl Index {
    /// Changes a process, and where it is found.
    pub fn track<R>(&mut self, p: &mut Arc<Process>, change: impl FnOnce(&mut Process) -> R) -> R {
        let p = Arc::make_mut(p);
        let before = Keys::of(p);
        let result = change(p);
        if !before.are_of(p) {
            self.move_keys(p.id, &before, &Keys::of(p));
        }
        result
    }

    pub fn move_keys(&mut self, id: ProcId, from: &Keys, to: &Keys) {
        let members = (from.member.as_ref(), to.member.as_ref());
        let present = (from.present(members.0), to.present(members.1));
        move_between(&mut self.of_member, id, members.0, members.1);
        move_between(&mut self.present_of_member, id, present.0, present.1);
        move_between(&mut self.of_pod, id, members.0.map(|m| &m.pod), members.1.map(|m| &m.pod));
        move_between(&mut self.present_of_pod, id, present.0.map(|m| &m.pod), present.1.map(|m| &m.pod));
        for kind in NsKind::ALL {
            let (old, new) = (from.present(from.namespaces.get(kind)), to.present(to.namespaces.get(kind)));
            move_between(&mut self.in_namespace, id, old.as_ref(), new.as_ref());
        }
        move_between(&mut self.taken_from, id, from.taken_from.as_ref(), to.taken_from.as_ref());
        move_between(&mut self.reaped_by, id, from.reaper.as_ref(), to.reaper.as_ref());
        if to.is_zombie {
            self.zombies.insert(id);
        } else if from.is_zombie {
            self.zombies.remove(&id);
        }
    }
}
