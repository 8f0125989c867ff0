//! Which namespace an inode number means at a time: the kernel gives numbers anew after the last user left.

use std::collections::HashMap;

use crate::model::{NsId, NsKind, NsSet};

#[derive(Debug)]
struct Seen {
    id: NsId,
    /// Living processes known to be in it.
    members: u32,
    /// Had a member once; without any, the number may come back as another namespace.
    lived: bool,
}

#[derive(Debug)]
pub struct NsTable {
    /// Device of nsfs, the same for every namespace.
    dev: u64,
    seen: HashMap<u64, Seen>,
}

impl NsTable {
    pub fn new(dev: u64) -> Self {
        Self { dev, seen: HashMap::new() }
    }

    /// The identity behind an inode number now, and whether it was unheard of.
    pub fn intern(&mut self, kind: NsKind, ino: u64) -> (NsId, bool) {
        let fresh = |generation| NsId { kind, dev: self.dev, ino, generation };
        match self.seen.get_mut(&ino) {
            Some(seen) if seen.id.kind == kind && (seen.members > 0 || !seen.lived) => (seen.id, false),
            Some(seen) => {
                *seen = Seen { id: fresh(seen.id.generation + 1), members: 0, lived: false };
                (seen.id, true)
            }
            None => {
                let id = fresh(0);
                self.seen.insert(ino, Seen { id, members: 0, lived: false });
                (id, true)
            }
        }
    }

    pub fn is_known(&self, ino: u64) -> bool {
        self.seen.contains_key(&ino)
    }

    /// A living process is in these from now on.
    pub fn join(&mut self, set: &NsSet) {
        for id in set.iter() {
            if let Some(seen) = self.seen.get_mut(&id.ino).filter(|s| s.id == id) {
                seen.members += 1;
                seen.lived = true;
            }
        }
    }

    /// It is no longer.
    pub fn leave(&mut self, set: &NsSet) {
        for id in set.iter() {
            if let Some(seen) = self.seen.get_mut(&id.ino).filter(|s| s.id == id) {
                seen.members = seen.members.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_back_is_another_namespace() {
        let mut table = NsTable::new(4);
        let (first, new) = table.intern(NsKind::Net, 100);
        assert!(new && first.generation == 0);
        let mut set = NsSet::default();
        set.set(first);
        table.join(&set);
        table.join(&set);
        table.leave(&set);
        assert_eq!(table.intern(NsKind::Net, 100), (first, false), "one member is left");
        table.leave(&set);
        let (second, new) = table.intern(NsKind::Net, 100);
        assert!(new && second.generation == 1);
        table.leave(&set);
        assert_eq!(table.intern(NsKind::Net, 100), (second, false), "the old one's members do not count");
        assert_eq!(table.intern(NsKind::Uts, 100).0.generation, 2, "kinds share the numbers");
    }

    #[test]
    fn heard_of_but_never_lived_in_stays() {
        let mut table = NsTable::new(4);
        let (id, _) = table.intern(NsKind::User, 7);
        assert_eq!(table.intern(NsKind::User, 7), (id, false));
    }
}
