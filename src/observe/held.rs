//! The pidfds of watched processes, no more of them than there are descriptors to spare.
//!
//! Those without one are followed by the connector's events and by the scan, so all that is lost is how soon and how
//! exactly their reaps are known.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::host;
use crate::model::{ProcId, Sight};
use crate::sys::limits;

/// Numbers below are the worker's own.
pub const FIRST_TOKEN: u64 = 16;

/// One part in so many of the budget is kept for the preferred.
const FOR_PREFERRED: usize = 4;

#[derive(Debug)]
struct Hold {
    fd: OwnedFd,
    token: u64,
    preferred: bool,
}

#[derive(Debug)]
pub struct Held {
    /// `None`: pidfds are not wanted.
    epoll: Option<Rc<Epoll>>,
    budget: usize,
    all: HashMap<ProcId, Hold>,
    /// Whom an event of the epoll is about.
    tokens: HashMap<u64, ProcId>,
    next: u64,
    /// Why a process could not be held; `EMFILE` also where the budget is spent.
    refused: Option<Errno>,
    told: Option<Errno>,
}

impl Held {
    pub fn new(epoll: Option<Rc<Epoll>>) -> Self {
        Self {
            epoll,
            budget: budget(limits::open_files().unwrap_or_default()),
            all: HashMap::new(),
            tokens: HashMap::new(),
            next: FIRST_TOKEN,
            refused: None,
            told: None,
        }
    }

    pub fn whom(&self, token: u64) -> Option<ProcId> {
        self.tokens.get(&token).copied()
    }

    pub fn get(&self, id: ProcId) -> Option<&OwnedFd> {
        self.all.get(&id).map(|hold| &hold.fd)
    }

    /// Whether another process that is not preferred may be held.
    pub fn wants_more(&mut self) -> bool {
        if self.epoll.is_none() {
            return false;
        }
        let spare = self.all.len() < self.budget - self.budget / FOR_PREFERRED;
        if !spare {
            self.refused = Some(Errno::EMFILE);
        }
        spare
    }

    /// Marks a process as one whose end matters most. `false`: it is not held and should be.
    pub fn prefer(&mut self, id: ProcId) -> bool {
        match self.all.get_mut(&id) {
            Some(hold) => {
                hold.preferred = true;
                true
            }
            None => self.epoll.is_none(),
        }
    }

    /// Holds it by this descriptor.
    pub fn take(&mut self, id: ProcId, opened: nix::Result<OwnedFd>) {
        self.hold(id, opened, false);
    }

    /// The same of one that is preferred: when the budget is spent, another is let go for it.
    pub fn take_preferred(&mut self, id: ProcId, opened: nix::Result<OwnedFd>) {
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
                self.all.insert(id, Hold { fd, token, preferred });
                self.tokens.insert(token, id);
            }
            // it went away in between
            Err(Errno::ESRCH | Errno::EINVAL) => {}
            Err(e) => self.refused = Some(e),
        }
    }

    pub fn release(&mut self, id: ProcId) {
        // closing takes it out of the epoll too
        if let Some(hold) = self.all.remove(&id) {
            self.tokens.remove(&hold.token);
        }
    }

    /// What pidfds are worth from now on, when that has changed. `watched`: how many processes there are to hold.
    pub fn news(&mut self, watched: usize) -> Option<Sight> {
        self.epoll.as_ref()?;
        if self.all.len() >= watched {
            self.refused = None;
        }
        if self.refused == self.told {
            return None;
        }
        self.told = self.refused;
        Some(self.refused.map_or(Sight::Full, |why| host::unheld(why, self.budget)))
    }
}

/// Half of what may be open: the rest is for reading, for the lab and for the window.
fn budget(open_files: u64) -> usize {
    usize::try_from(open_files / 2).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pidfd;
    use nix::sys::epoll::EpollCreateFlags;

    fn held(budget: usize) -> Held {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
        Held { budget, ..Held::new(Some(Rc::new(epoll))) }
    }

    fn us() -> nix::Result<OwnedFd> {
        pidfd::open(std::process::id())
    }

    const fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 1 }
    }

    #[test]
    fn the_preferred_are_held_first() {
        let mut held = held(8);
        for pid in 0..20 {
            if held.wants_more() {
                held.take(id(pid), us());
            }
        }
        assert_eq!(held.all.len(), 6, "a part is kept back");
        assert!(held.prefer(id(0)), "it is held already");
        for pid in 100..120 {
            assert!(!held.prefer(id(pid)));
            held.take_preferred(id(pid), us());
        }
        assert_eq!(held.all.len(), 8);
        assert!(held.get(id(0)).is_some(), "a preferred one is not let go");
        assert!(held.all.values().all(|hold| hold.preferred));
        assert_eq!(held.tokens.len(), 8, "whoever is let go has no number any more");
    }

    #[test]
    fn what_could_not_be_held_is_said_until_it_is() {
        let mut held = held(4);
        assert_eq!(held.news(0), None, "as before");
        for pid in 0..4 {
            if held.wants_more() {
                held.take(id(pid), us());
            }
        }
        let Some(Sight::Partial(why)) = held.news(4) else { panic!("one is not held") };
        assert!(why.contains("ulimit -n"), "{why}");
        assert_eq!(held.news(4), None, "said once");
        assert_eq!(held.news(3), Some(Sight::Full));
    }
}
