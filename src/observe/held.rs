//! The pidfds of watched processes, as many as the limit of open files leaves room for.
//!
//! Processes without a pidfd are followed by the connector's events and by the scan. Only their reaps are known later
//! and less exactly.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::host;
use crate::model::{Coverage, ProcId};
use crate::sys::limits;

/// Smaller epoll tokens are the worker's own.
pub const FIRST_TOKEN: u64 = 16;

/// This fraction of the budget (one in four) is kept for preferred processes.
const FOR_PREFERRED: usize = 4;

#[derive(Debug)]
struct HeldPidfd {
    fd: OwnedFd,
    token: u64,
    preferred: bool,
}

#[derive(Debug)]
pub struct HeldPidfds {
    /// `None` when pidfds are not used.
    epoll: Option<Rc<Epoll>>,
    budget: usize,
    all: HashMap<ProcId, HeldPidfd>,
    /// The process that each epoll token stands for.
    tokens: HashMap<u64, ProcId>,
    next: u64,
    /// Why a process could not get a pidfd; `EMFILE` also when the budget is used up.
    refused: Option<Errno>,
    reported: Option<Errno>,
}

impl HeldPidfds {
    pub fn new(epoll: Option<Rc<Epoll>>) -> Self {
        Self {
            epoll,
            budget: budget(limits::open_files().unwrap_or_default()),
            all: HashMap::new(),
            tokens: HashMap::new(),
            next: FIRST_TOKEN,
            refused: None,
            reported: None,
        }
    }

    pub fn process_of(&self, token: u64) -> Option<ProcId> {
        self.tokens.get(&token).copied()
    }

    pub fn get(&self, id: ProcId) -> Option<&OwnedFd> {
        self.all.get(&id).map(|hold| &hold.fd)
    }

    /// Whether another process that is not preferred may get a pidfd.
    pub fn has_room(&mut self) -> bool {
        if self.epoll.is_none() {
            return false;
        }
        let spare = self.all.len() < self.budget - self.budget / FOR_PREFERRED;
        if !spare {
            self.refused = Some(Errno::EMFILE);
        }
        spare
    }

    /// Marks a process as preferred. `false` if it has no pidfd and should get one.
    pub fn prefer(&mut self, id: ProcId) -> bool {
        match self.all.get_mut(&id) {
            Some(hold) => {
                hold.preferred = true;
                true
            }
            None => self.epoll.is_none(),
        }
    }

    /// Keeps this pidfd for the process.
    pub fn add(&mut self, id: ProcId, opened: nix::Result<OwnedFd>) {
        self.hold(id, opened, false);
    }

    /// As [`Self::add`], for a preferred process: when the budget is used up, one that is not preferred loses its
    /// pidfd.
    pub fn add_preferred(&mut self, id: ProcId, opened: nix::Result<OwnedFd>) {
        if self.all.len() >= self.budget {
            self.refused = Some(Errno::EMFILE);
            let Some(other) = self.all.iter().find(|(_, hold)| !hold.preferred).map(|(id, _)| *id) else { return };
            self.release(other);
        }
        self.hold(id, opened, true);
    }

    fn hold(&mut self, id: ProcId, opened: nix::Result<OwnedFd>, preferred: bool) {
        let Some(epoll) = &self.epoll else { return };
        if self.all.contains_key(&id) {
            return;
        }
        let token = self.next;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLET;
        let held = opened.and_then(|fd| epoll.add(&fd, EpollEvent::new(flags, token)).map(|()| fd));
        match held {
            Ok(fd) => {
                self.next += 1;
                self.all.insert(id, HeldPidfd { fd, token, preferred });
                self.tokens.insert(token, id);
            }
            // it was reaped meanwhile
            Err(Errno::ESRCH | Errno::EINVAL) => {}
            Err(e) => self.refused = Some(e),
        }
    }

    pub fn release(&mut self, id: ProcId) {
        // closing the descriptor also removes it from the epoll
        if let Some(hold) = self.all.remove(&id) {
            self.tokens.remove(&hold.token);
        }
    }

    /// How much pidfds cover from now on, if that has changed. `watched` is the number of processes to hold.
    pub fn take_change(&mut self, watched: usize) -> Option<Coverage> {
        self.epoll.as_ref()?;
        if self.all.len() >= watched {
            self.refused = None;
        }
        if self.refused == self.reported {
            return None;
        }
        self.reported = self.refused;
        Some(self.refused.map_or(Coverage::Full, |why| host::unheld(why, self.budget)))
    }
}

/// Half of the limit of open files: the rest is for reading, for the lab and for the window.
fn budget(open_files: u64) -> usize {
    usize::try_from(open_files / 2).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Limitation;
    use crate::sys::pidfd;
    use nix::sys::epoll::EpollCreateFlags;

    fn held(budget: usize) -> HeldPidfds {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
        HeldPidfds { budget, ..HeldPidfds::new(Some(Rc::new(epoll))) }
    }

    fn own_pidfd() -> nix::Result<OwnedFd> {
        pidfd::open(std::process::id())
    }

    const fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 1 }
    }

    #[test]
    fn preferred_processes_get_pidfds_first() {
        let mut held = held(8);
        for pid in 0..20 {
            if held.has_room() {
                held.add(id(pid), own_pidfd());
            }
        }
        assert_eq!(held.all.len(), 6, "a part of the budget is kept");
        assert!(held.prefer(id(0)), "it has one already");
        for pid in 100..120 {
            assert!(!held.prefer(id(pid)));
            held.add_preferred(id(pid), own_pidfd());
        }
        assert_eq!(held.all.len(), 8);
        assert!(held.get(id(0)).is_some(), "a preferred process keeps its pidfd");
        assert!(held.all.values().all(|hold| hold.preferred));
        assert_eq!(held.tokens.len(), 8, "a process without a pidfd has no token");
    }

    #[test]
    fn missing_pidfds_are_reported_once_until_there_are_enough() {
        let mut held = held(4);
        assert_eq!(held.take_change(0), None, "nothing has changed");
        for pid in 0..4 {
            if held.has_room() {
                held.add(id(pid), own_pidfd());
            }
        }
        let used_up = Coverage::Partial(vec![Limitation::PidfdsUsedUp { held: 4 }]);
        assert_eq!(held.take_change(4), Some(used_up), "one has no pidfd");
        assert_eq!(held.take_change(4), None, "reported once");
        assert_eq!(held.take_change(3), Some(Coverage::Full));
    }
}
