//! Which namespace an inode number means at a time: the kernel reuses a number once nothing holds the namespace.
//!
//! Since Linux 6.18 the kernel has a unique number for each namespace (`NS_GET_ID`), and that decides. Without it, a
//! namespace that has lost its last process counts as the same one only if something else was seen to hold it all the
//! time.

use std::collections::HashMap;

use crate::model::{Holder, NsId, NsKind, NsSet};

/// A namespace as its descriptor shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nsfs {
    pub ino: u64,
    /// `NS_GET_ID`; `None` where the kernel does not have it.
    pub unique: Option<u64>,
}

#[derive(Debug)]
struct KnownNamespace {
    id: NsId,
    unique: Option<u64>,
    /// Living processes known to be in it.
    process_count: u32,
    /// It had a process once. When it has none any more, the number may be reused for another namespace.
    had_processes: bool,
    /// What held it when its last process left.
    holders: Vec<Holder>,
    /// Its owning user namespace and its parent, which it keeps alive.
    ancestors: [Option<NsId>; 2],
}

impl KnownNamespace {
    const fn new(id: NsId, unique: Option<u64>) -> Self {
        Self { id, unique, process_count: 0, had_processes: false, holders: Vec::new(), ancestors: [None; 2] }
    }
}

#[derive(Debug)]
pub struct NsTable {
    /// Device of nsfs, the same for every namespace.
    dev: u64,
    seen: HashMap<u64, KnownNamespace>,
}

impl NsTable {
    pub fn new(dev: u64) -> Self {
        Self { dev, seen: HashMap::new() }
    }

    pub const fn device(&self) -> u64 {
        self.dev
    }

    /// The identity of a namespace now, and whether it is new.
    pub fn intern(&mut self, kind: NsKind, ns: Nsfs) -> (NsId, bool) {
        let generation = match self.current(kind, ns) {
            Some(id) => {
                if let Some(seen) = self.seen.get_mut(&ns.ino) {
                    seen.unique = seen.unique.or(ns.unique);
                }
                return (id, false);
            }
            None => self.seen.get(&ns.ino).map_or(0, |seen| seen.id.generation + 1),
        };
        let id = NsId { kind, dev: self.dev, ino: ns.ino, generation };
        self.seen.insert(ns.ino, KnownNamespace::new(id, ns.unique));
        (id, true)
    }

    /// The identity of a namespace if it is known.
    pub fn current(&self, kind: NsKind, ns: Nsfs) -> Option<NsId> {
        let seen = self.seen.get(&ns.ino).filter(|seen| seen.id.kind == kind)?;
        let same = match (seen.unique, ns.unique) {
            (Some(known), Some(now)) => known == now,
            _ => seen.process_count > 0 || !seen.had_processes || self.has_child(seen.id),
        };
        same.then_some(seen.id)
    }

    /// Whether a process is in it: then its inode number still means this identity for certain.
    pub fn has_processes(&self, id: NsId) -> bool {
        self.seen.get(&id.ino).is_some_and(|seen| seen.id == id && seen.process_count > 0)
    }

    /// Whether a namespace with processes has it as its owner or parent.
    fn has_child(&self, id: NsId) -> bool {
        self.seen.values().any(|seen| seen.process_count > 0 && seen.ancestors.contains(&Some(id)))
    }

    pub fn set_ancestors(&mut self, id: NsId, ancestors: [Option<NsId>; 2]) {
        if let Some(seen) = self.seen.get_mut(&id.ino).filter(|seen| seen.id == id) {
            seen.ancestors = ancestors;
        }
    }

    /// A living process is in these namespaces from now on.
    pub fn join(&mut self, set: &NsSet) {
        for id in set.iter() {
            if let Some(seen) = self.seen.get_mut(&id.ino).filter(|s| s.id == id) {
                seen.process_count += 1;
                seen.had_processes = true;
                seen.holders.clear();
            }
        }
    }

    /// A process has left these namespaces. Returns those that have no process any more and no unique number; their
    /// holders are to be [set](Self::set_holders).
    pub fn leave(&mut self, set: &NsSet) -> Vec<NsId> {
        let mut left = Vec::new();
        for id in set.iter() {
            if let Some(seen) = self.seen.get_mut(&id.ino).filter(|s| s.id == id && s.process_count > 0) {
                seen.process_count -= 1;
                if seen.process_count == 0 && seen.unique.is_none() {
                    left.push(id);
                }
            }
        }
        left
    }

    /// Remembers what held a namespace when its last process left.
    pub fn set_holders(&mut self, id: NsId, holders: Vec<Holder>) {
        if let Some(seen) = self.seen.get_mut(&id.ino).filter(|seen| seen.id == id) {
            seen.holders = holders;
        }
    }

    /// Whether holders decide if this number still means the same namespace.
    pub fn depends_on_holders(&self, ino: u64) -> bool {
        self.seen.get(&ino).is_some_and(|seen| seen.process_count == 0 && !seen.holders.is_empty())
    }

    /// `now` holds it: a holder that was there before proves that it is the same namespace.
    pub fn check_holders(&mut self, ino: u64, now: &[Holder]) {
        if let Some(seen) = self.seen.get_mut(&ino) {
            seen.had_processes = !seen.holders.iter().any(|holder| now.contains(holder));
        }
    }

    /// Sets the number of processes in every namespace to zero.
    pub fn forget_processes(&mut self) {
        for seen in self.seen.values_mut() {
            seen.process_count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcId;

    const NUMBER: Nsfs = Nsfs { ino: 100, unique: None };

    fn unique(n: u64) -> Nsfs {
        Nsfs { unique: Some(n), ..NUMBER }
    }

    fn only(id: NsId) -> NsSet {
        let mut set = NsSet::default();
        set.set(id);
        set
    }

    #[test]
    fn a_reused_number_is_another_namespace() {
        let mut table = NsTable::new(4);
        let (first, new) = table.intern(NsKind::Net, NUMBER);
        assert!(new && first.generation == 0);
        let set = only(first);
        table.join(&set);
        table.join(&set);
        assert_eq!(table.leave(&set), []);
        assert_eq!(table.intern(NsKind::Net, NUMBER), (first, false), "one process is left");
        assert_eq!(table.leave(&set), [first]);
        let (second, new) = table.intern(NsKind::Net, NUMBER);
        assert!(new && second.generation == 1);
        table.leave(&set);
        assert_eq!(table.intern(NsKind::Net, NUMBER), (second, false), "processes of the old one do not count");
        assert_eq!(table.intern(NsKind::Uts, NUMBER).0.generation, 2, "all kinds share the numbers");
    }

    #[test]
    fn a_namespace_that_never_had_a_process_stays_the_same() {
        let mut table = NsTable::new(4);
        let (id, _) = table.intern(NsKind::User, NUMBER);
        assert_eq!(table.intern(NsKind::User, NUMBER), (id, false));
    }

    #[test]
    fn the_unique_number_decides_with_and_without_processes() {
        let mut table = NsTable::new(4);
        let (first, _) = table.intern(NsKind::Net, unique(7));
        let set = only(first);
        table.join(&set);
        assert_eq!(table.leave(&set), [], "its holders do not matter");
        assert_eq!(table.intern(NsKind::Net, unique(7)), (first, false), "a bind mount may hold it");
        let (second, new) = table.intern(NsKind::Net, unique(8));
        assert!(new && second.generation == 1);
        table.join(&only(second));
        let (third, new) = table.intern(NsKind::Net, unique(9));
        assert!(new && third.generation == 2, "its processes have ended, which is reported later");
    }

    #[test]
    fn a_namespace_holds_its_owner() {
        let mut table = NsTable::new(4);
        let (user, _) = table.intern(NsKind::User, NUMBER);
        let (net, _) = table.intern(NsKind::Net, Nsfs { ino: 200, unique: None });
        table.set_ancestors(net, [Some(user), None]);
        table.join(&only(user));
        table.join(&only(net));
        table.leave(&only(user));
        assert_eq!(table.intern(NsKind::User, NUMBER), (user, false));
        table.leave(&only(net));
        assert!(table.intern(NsKind::User, NUMBER).1, "nothing holds it");
    }

    #[test]
    fn only_a_holder_from_before_proves_that_it_is_the_same() {
        let held = |then: Holder, now: Holder| {
            let mut table = NsTable::new(4);
            let (id, _) = table.intern(NsKind::Net, NUMBER);
            table.join(&only(id));
            table.leave(&only(id));
            table.set_holders(id, vec![then.clone()]);
            assert!(table.depends_on_holders(NUMBER.ino));
            table.check_holders(NUMBER.ino, &[now]);
            table.intern(NsKind::Net, NUMBER) == (id, false)
        };
        let inside = NsId { kind: NsKind::Mnt, dev: 4, ino: 1, generation: 0 };
        let mount = |id| Holder::Mount { inside, id, point: "/run/netns/x".into() };
        let file = |fd| Holder::File { process: ProcId { pid: 1, start: 1 }, fd };
        assert!(held(mount(5), mount(5)));
        assert!(!held(mount(5), mount(6)), "deleted and created again");
        assert!(!held(file(3), file(4)));
    }
}
