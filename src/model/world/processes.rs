//! The processes of a World, and an index of them. Whatever changes a process goes through here, so that the index is
//! right at any time.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::index::{Index, Keys};
use super::pairs;
use crate::model::{Member, NsId, NsKind, Parent, PodUid, ProcId, Process, Stamp};

/// All processes that are remembered, in the order of (pid, start). It reads as a map of them.
#[derive(Clone, Default)]
pub struct Processes {
    all: OrdMap<ProcId, Arc<Process>>,
    /// Follows from `all`, so it is neither compared nor written.
    index: Index,
}

impl Processes {
    /// Changes a process that is known.
    pub(super) fn update<R>(&mut self, id: ProcId, change: impl FnOnce(&mut Process) -> R) -> Option<R> {
        self.all.get_mut(&id).map(|p| self.index.track(p, change))
    }

    /// Changes a process, and adds it first if it is not known.
    pub(super) fn update_or_add<R>(&mut self, id: ProcId, born: Stamp, change: impl FnOnce(&mut Process) -> R) -> R {
        let fresh = || Arc::new(Process::new(id, Parent::Unknown, born));
        self.index.track(self.all.entry(id).or_insert_with(fresh), change)
    }

    pub(super) fn remove(&mut self, id: ProcId) -> Option<Arc<Process>> {
        let p = self.all.remove(&id)?;
        self.index.move_keys(id, &Keys::of(&p), &Keys::default());
        Some(p)
    }

    fn known<'a>(&'a self, ids: Option<&'a OrdSet<ProcId>>) -> impl Iterator<Item = &'a Process> + use<'a> {
        ids.into_iter().flatten().filter_map(|id| self.all.get(id)).map(AsRef::as_ref)
    }

    pub(super) fn present_of_member<'a>(&'a self, member: &Member) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.known(self.index.present_of_member.get(member))
    }

    pub(super) fn all_of_member<'a>(&'a self, member: &Member) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.known(self.index.of_member.get(member))
    }

    pub(super) fn present_of_pod<'a>(&'a self, pod: &PodUid) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.known(self.index.present_of_pod.get(pod))
    }

    pub(super) fn all_of_pod<'a>(&'a self, pod: &PodUid) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.known(self.index.of_pod.get(pod))
    }

    /// Those of all pods, pod by pod.
    pub(super) fn present_of_pods(&self) -> impl Iterator<Item = &Process> {
        self.index.present_of_pod.values().flat_map(|ids| self.known(Some(ids)))
    }

    /// Those of all pods, pod by pod, the reaped ones too.
    pub(super) fn all_of_pods(&self) -> impl Iterator<Item = &Process> {
        self.index.of_pod.values().flat_map(|ids| self.known(Some(ids)))
    }

    pub(super) fn present_in(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        self.known(self.index.in_namespace.get(&ns))
    }

    /// The namespaces of a kind that have a process.
    pub(super) fn namespaces(&self, kind: NsKind) -> impl Iterator<Item = NsId> {
        let first = NsId { kind, dev: 0, ino: 0, generation: 0 };
        self.index.in_namespace.range(first..).map(|(ns, _)| *ns).take_while(move |ns| ns.kind == kind)
    }

    pub(super) fn zombies(&self) -> impl Iterator<Item = &Process> {
        self.known(Some(&self.index.zombies))
    }

    /// Those whose first parent was `parent` and that have got another one.
    pub(super) fn taken_from(&self, parent: ProcId) -> impl Iterator<Item = &Process> {
        self.known(self.index.taken_from.get(&parent))
    }

    pub(super) fn reaped_by(&self, reaper: ProcId) -> impl Iterator<Item = &Process> {
        self.known(self.index.reaped_by.get(&reaper))
    }
}

impl Deref for Processes {
    type Target = OrdMap<ProcId, Arc<Process>>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl From<OrdMap<ProcId, Arc<Process>>> for Processes {
    fn from(all: OrdMap<ProcId, Arc<Process>>) -> Self {
        let mut index = Index::default();
        for (id, p) in &all {
            index.move_keys(*id, &Keys::default(), &Keys::of(p));
        }
        Self { all, index }
    }
}

impl PartialEq for Processes {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Eq for Processes {}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

impl Serialize for Processes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        pairs::serialize(&self.all, s)
    }
}

impl<'de> Deserialize<'de> for Processes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        pairs::deserialize(d).map(|all: OrdMap<_, _>| all.into())
    }
}
