//! The machine at hand, as the fuse asks for it.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::stat::{Mode, fstat};

use super::cgroup::Hierarchy;
use super::clock::{self, Ticks};
use super::fuse::{Counted, Kernel, RawNs};
use super::proc::{self, Depth, Reader, Reading};
use crate::model::{MonoNs, NsKind, ProcId, Sight, WaitStatus};
use crate::sys::{nsfs, pidfd};

/// Readers, and the pidfds of all that is watched.
pub struct Live {
    reader: Reader,
    cgroups: Option<Hierarchy>,
    /// `None`: pidfds are not wanted.
    epoll: Option<Rc<Epoll>>,
    info: bool,
    held: HashMap<ProcId, OwnedFd>,
    /// Whom an event of the epoll is about, by the number given to it.
    tokens: HashMap<u64, ProcId>,
    numbers: HashMap<ProcId, u64>,
    next: u64,
    /// Processes without a pidfd, and the last reason.
    unheld: Option<Errno>,
}

/// Numbers below are the worker's own.
pub const FIRST_TOKEN: u64 = 16;

impl Live {
    pub fn new(epoll: Option<Rc<Epoll>>, info: bool) -> Self {
        Self {
            reader: Reader::default(),
            cgroups: Hierarchy::find(),
            epoll,
            info,
            held: HashMap::new(),
            tokens: HashMap::new(),
            numbers: HashMap::new(),
            next: FIRST_TOKEN,
            unheld: None,
        }
    }

    pub fn whom(&self, token: u64) -> Option<ProcId> {
        self.tokens.get(&token).copied()
    }

    /// Why some processes could not be held, since last asked.
    pub fn take_unheld(&mut self) -> Option<Errno> {
        self.unheld.take()
    }

    fn hold(&mut self, id: ProcId, fd: OwnedFd) {
        let Some(epoll) = &self.epoll else { return };
        if self.held.contains_key(&id) {
            return;
        }
        let token = self.next;
        self.next += 1;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLET;
        match epoll.add(&fd, EpollEvent::new(flags, token)) {
            Ok(()) => {
                self.held.insert(id, fd);
                self.tokens.insert(token, id);
                self.numbers.insert(id, token);
            }
            Err(e) => self.unheld = Some(e),
        }
    }
}

impl Kernel for Live {
    fn now(&mut self) -> MonoNs {
        clock::now()
    }

    fn ticks(&mut self) -> Ticks {
        Ticks::now()
    }

    fn pids(&mut self) -> Vec<u32> {
        proc::pids().unwrap_or_default()
    }

    fn read(&mut self, pid: u32, depth: Depth) -> Option<Reading> {
        self.reader.read(pid, depth)
    }

    fn meet(&mut self, pid: u32) -> Option<Reading> {
        let mut fd = None;
        let mut why = None;
        let wanted = self.epoll.is_some();
        // opened while the process's directory is held, and before it is read from: if the reading
        // succeeds, the descriptor is of the same process
        let reading = self.reader.read_all(pid, || {
            if wanted {
                match pidfd::open(pid) {
                    Ok(open) => fd = Some(open),
                    Err(e) => why = Some(e),
                }
            }
        })?;
        let id = ProcId { pid, start: reading.stat.start };
        match (fd, why) {
            (Some(fd), _) => self.hold(id, fd),
            (None, Some(Errno::ESRCH | Errno::EINVAL) | None) => {}
            (None, Some(e)) => self.unheld = Some(e),
        }
        Some(reading)
    }

    fn count(&mut self, cgroup: &str) -> Option<Counted> {
        self.cgroups.as_ref()?.count(cgroup)
    }

    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus> {
        if !self.info {
            return None;
        }
        pidfd::exit_status(self.held.get(&id)?).ok().flatten().map(WaitStatus)
    }

    fn holds(&self, id: ProcId) -> bool {
        self.held.contains_key(&id)
    }

    fn release(&mut self, id: ProcId) {
        // closing takes it out of the epoll too
        self.held.remove(&id);
        if let Some(token) = self.numbers.remove(&id) {
            self.tokens.remove(&token);
        }
    }

    fn describe(&mut self, pid: u32, kind: NsKind, known: &dyn Fn(u64) -> bool) -> Vec<RawNs> {
        let mut found = Vec::new();
        let path = format!("/proc/{pid}/ns/{kind}");
        if let Ok(fd) = open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
            describe(&fd, kind, known, &mut found, 0);
        }
        found
    }
}

/// Adds the namespace behind `fd` and all unknown ones above it.
fn describe(fd: &OwnedFd, kind: NsKind, known: &dyn Fn(u64) -> bool, found: &mut Vec<RawNs>, depth: u32) {
    /// The kernel nests pid and user namespaces no deeper (`MAX_PID_NS_LEVEL`, `user_namespaces(7)`).
    const DEEPEST: u32 = 34;
    let Some(ino) = inode(fd) else { return };
    if depth > DEEPEST || found.iter().any(|raw| raw.ino == ino) {
        return;
    }
    let owner = nsfs::owner(fd).ok();
    let parent = if matches!(kind, NsKind::Pid | NsKind::User) { nsfs::parent(fd).ok() } else { None };
    found.push(RawNs {
        kind,
        ino,
        owner_uid: if kind == NsKind::User { nsfs::owner_uid(fd).ok() } else { None },
        owner: owner.as_ref().and_then(inode),
        parent: parent.as_ref().and_then(inode),
    });
    for (above, kind) in [(owner, NsKind::User), (parent, kind)] {
        if let Some(fd) = above
            && inode(&fd).is_some_and(|ino| !known(ino))
        {
            describe(&fd, kind, known, found, depth + 1);
        }
    }
}

fn inode(fd: &OwnedFd) -> Option<u64> {
    fstat(fd.as_fd()).ok().map(|s| s.st_ino)
}

/// Device number of nsfs, the same for all namespaces.
pub fn nsfs_device() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self/ns/user").map_or(0, |m| m.dev())
}

/// Tries pidfds and their exit information on this kernel.
pub fn probe_pidfd() -> (Sight, Sight) {
    let fd = match pidfd::open(std::process::id()) {
        Ok(fd) => fd,
        Err(e) => {
            let missing = Sight::Missing(format!("pidfd_open: {e}; needs Linux 5.3; reaps are found by looking"));
            return (missing.clone(), missing);
        }
    };
    let info = match pidfd::exit_status(&fd) {
        // asked of a living process: the kernel knows the question
        Ok(_) => Sight::Full,
        Err(e) => Sight::Missing(format!(
            "PIDFD_GET_INFO: {e}; needs Linux 6.15; exit statuses are known from the proc connector only"
        )),
    };
    (Sight::Full, info)
}
