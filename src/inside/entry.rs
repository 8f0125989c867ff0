//! Joins namespaces (`setns(2)`).

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, fstat, stat};

use crate::model::{NsKind, ProcId};
use crate::observe::Unread;
use crate::sys::nsfs;

/// What the helper has joined so far.
#[derive(Debug, Default)]
pub struct Entry {
    /// It is in another user namespace than it was started in.
    has_joined_user: bool,
}

impl Entry {
    /// Joins the namespace of this kind and number that a process is in. Stays where it is if it is in it already.
    ///
    /// # Errors
    /// Why it could not; `Gone` if the process is in another one by now.
    pub fn join(&mut self, process: ProcId, kind: NsKind, ino: u64) -> Result<(), Unread> {
        let ns = open_link(process, kind)?;
        if fstat(&ns)?.st_ino != ino {
            return Err(Unread::Gone);
        }
        if stat(format!("/proc/self/ns/{kind}").as_str())?.st_ino == ino {
            return Ok(());
        }
        let flag = clone_flag(kind).ok_or(Errno::EINVAL)?;
        match setns(&ns, flag) {
            Err(Errno::EPERM) if !self.has_joined_user => {
                self.join_owner_of(&ns)?;
                Ok(setns(&ns, flag)?)
            }
            other => Ok(other?),
        }
    }

    /// Joins the user namespace that owns a namespace of this process, for more rights in it. Does nothing if it has
    /// joined one already.
    pub fn join_owner(&mut self, process: ProcId, kind: NsKind) -> Result<(), Unread> {
        if self.has_joined_user {
            return Ok(());
        }
        Ok(self.join_owner_of(&open_link(process, kind)?)?)
    }

    fn join_owner_of(&mut self, ns: &OwnedFd) -> Result<(), Errno> {
        // EPERM: it is outside of our own; EINVAL: it is our own, so there is no more to gain
        nsfs::owner(ns).and_then(|owner| setns(owner, CloneFlags::CLONE_NEWUSER)).map_err(|e| match e {
            Errno::EINVAL => Errno::EPERM,
            e => e,
        })?;
        self.has_joined_user = true;
        Ok(())
    }
}

fn open_link(process: ProcId, kind: NsKind) -> Result<OwnedFd, Unread> {
    let path = format!("/proc/{}/ns/{kind}", process.pid);
    Ok(open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// The flag of a kind that the helper joins.
const fn clone_flag(kind: NsKind) -> Option<CloneFlags> {
    match kind {
        NsKind::Net => Some(CloneFlags::CLONE_NEWNET),
        NsKind::Ipc => Some(CloneFlags::CLONE_NEWIPC),
        NsKind::Uts => Some(CloneFlags::CLONE_NEWUTS),
        _ => None,
    }
}
