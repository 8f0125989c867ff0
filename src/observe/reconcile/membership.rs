//! Finds the member of a process that was orphaned before it was found.

use super::Reconciler;
use crate::model::{Delta, Member, NsKind, Parent, ProcId, Stamp};

impl Reconciler {
    /// Reports the member and the adoption of a process that was found with the process that adopted it as its parent.
    /// Its mount namespace tells its member. Otherwise it would look like a child born to its adopter.
    pub(super) fn recover_membership(&mut self, id: ProcId, at: Stamp) {
        let Some((to, member)) = self.find_membership(id) else { return };
        let (to, member) = (Parent::Process(to), member.clone());
        self.out.push(Delta::Joined { id, member, at });
        self.out.push(Delta::Reparented { id, from: Parent::Unknown, to, at });
    }

    /// The process that adopted it, and the member that it belongs to.
    fn find_membership(&self, id: ProcId) -> Option<(ProcId, &Member)> {
        let entry = self.entries.get(&id)?;
        let parent = entry.parent.process()?;
        let mounts = |id: &ProcId| self.entries.get(id)?.namespaces.get(NsKind::Mnt);
        let own = entry.namespaces.get(NsKind::Mnt)?;
        // only PID 1 of the pid namespace adopts; its own children share its mount namespace
        if entry.init != Some(parent) || !self.joined.contains_key(&parent) || mounts(&parent) == Some(own) {
            return None;
        }
        let (_, member) = self.joined.iter().find(|(head, _)| mounts(head) == Some(own))?;
        Some((parent, member))
    }
}
