//! The user and pid namespaces as trees: they are the kinds that are nested (`user_namespaces(7)`,
//! `pid_namespaces(7)`).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{NsId, NsKind, PodUid, World};

/// The kinds that have parents, in the order of their trees.
const NESTED: [NsKind; 2] = [NsKind::User, NsKind::Pid];

/// How many pods of a namespace are named.
const MAX_PODS: usize = 3;

/// A namespace in its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    pub ns: NsId,
    /// For each namespace above it, from the topmost: whether siblings of it follow further down.
    pub continues: Vec<bool>,
    /// No sibling follows.
    pub is_last: bool,
    /// It is not the host's, and its parent could not be read.
    pub has_unknown_parent: bool,
    /// The living processes that are in it, not in those below it, as far as they are observed.
    pub processes: usize,
    /// The first pods that have a process in it, and how many there are. None of the host's namespaces.
    pub pods: Vec<PodUid>,
    pub pod_count: usize,
    /// How many namespaces that have a process it owns, as a user namespace.
    pub owned: usize,
}

/// The namespaces that have a process and those above them, each below its parent.
pub fn hierarchy(world: &World) -> Vec<Nested> {
    let mut owned: BTreeMap<NsId, usize> = BTreeMap::new();
    for ns in NsKind::ALL.into_iter().flat_map(|kind| world.namespaces_with_processes(kind)) {
        if let Some(owner) = world.namespaces.get(&ns).and_then(|known| known.owner) {
            *owned.entry(owner).or_default() += 1;
        }
    }
    let mut rows = Vec::new();
    for kind in NESTED {
        let all: BTreeSet<NsId> = world.namespaces_with_processes(kind).flat_map(|ns| world.with_parents(ns)).collect();
        let mut children: BTreeMap<Option<NsId>, Vec<NsId>> = BTreeMap::new();
        for ns in &all {
            children.entry(parent(world, *ns).filter(|up| all.contains(up))).or_default().push(*ns);
        }
        Walk { world, owned: &owned, children: &children, rows: &mut rows }.level(None, &mut Vec::new());
    }
    rows
}

fn parent(world: &World, ns: NsId) -> Option<NsId> {
    world.namespaces.get(&ns)?.parent
}

struct Walk<'a> {
    world: &'a World,
    owned: &'a BTreeMap<NsId, usize>,
    children: &'a BTreeMap<Option<NsId>, Vec<NsId>>,
    rows: &'a mut Vec<Nested>,
}

impl Walk<'_> {
    fn level(&mut self, above: Option<NsId>, continues: &mut Vec<bool>) {
        let Some(list) = self.children.get(&above) else { return };
        for (nth, ns) in list.iter().enumerate() {
            let is_last = nth + 1 == list.len();
            self.rows.push(self.nested(*ns, continues.clone(), is_last));
            continues.push(!is_last);
            self.level(Some(*ns), continues);
            continues.pop();
        }
    }

    fn nested(&self, ns: NsId, continues: Vec<bool>, is_last: bool) -> Nested {
        let world = self.world;
        let is_host = world.is_host_ns(ns);
        let inside = || world.ns_members(ns);
        let of_pods = inside().filter(|_| !is_host).filter_map(|p| p.member.as_ref());
        let pods: BTreeSet<&PodUid> = of_pods.map(|m| &m.pod).collect();
        Nested {
            ns,
            continues,
            is_last,
            has_unknown_parent: !is_host && parent(world, ns).is_none(),
            processes: inside().count(),
            pod_count: pods.len(),
            pods: pods.into_iter().take(MAX_PODS).cloned().collect(),
            owned: self.owned.get(&ns).copied().unwrap_or(0),
        }
    }
}
