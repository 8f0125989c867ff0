//! Whose a process is that lost its parent before it was found.

use super::Fuse;
use crate::model::{Delta, Member, NsKind, Parent, ProcId, Stamp};

impl Fuse {
    /// Found with the process that adopted it: its mounts tell whose it is. Without that it would seem to have been
    /// born by whoever has it now.
    pub(super) fn tell_kin(&mut self, id: ProcId, at: Stamp) {
        let Some((to, member)) = self.kin(id) else { return };
        let (to, member) = (Parent::Process(to), member.clone());
        self.out.push(Delta::Joined { id, member, at });
        self.out.push(Delta::Reparented { id, from: Parent::Unknown, to, at });
    }

    /// Who adopted it, and the member of whom it came.
    fn kin(&self, id: ProcId) -> Option<(ProcId, &Member)> {
        let entry = self.entries.get(&id)?;
        let parent = entry.parent.process()?;
        let mounts = |id: &ProcId| self.entries.get(id)?.namespaces.get(NsKind::Mnt);
        let own = entry.namespaces.get(NsKind::Mnt)?;
        // only process 1 of the namespace adopts; its own children have its mounts
        if entry.init != Some(parent) || !self.joined.contains_key(&parent) || mounts(&parent) == Some(own) {
            return None;
        }
        let (_, member) = self.joined.iter().find(|(head, _)| mounts(head) == Some(own))?;
        Some((parent, member))
    }
}
