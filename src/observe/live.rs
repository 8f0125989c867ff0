//! The real machine, as a [`Kernel`] for the reconciler.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::epoll::Epoll;
use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::bpf::Watched;
use super::cgroup::Hierarchy;
use super::clock::{self, Ticks};
use super::held::HeldPidfds;
use super::namespaces::Nsfs;
use super::proc::{self, Depth, Reader, Reading, Unread};
use super::reconcile::{CgroupFigures, Kernel, RawNs};
use super::{hierarchy, holders, host};
use crate::model::{Coverage, Holder, Limitation, MonoNs, NsId, NsKind, OsError, ProcId, WaitStatus};
use crate::sys::pidfd;

/// Reads /proc, cgroups and namespaces, and holds the pidfds of watched processes.
pub struct LiveKernel {
    reader: Reader,
    cgroups: Option<Hierarchy>,
    has_exit_info: bool,
    pub held: HeldPidfds,
    /// Of which processes BPF reports events, once it is there.
    pub traced: Option<Watched>,
    /// /proc hides other users' processes (`hidepid`), so one that exists may look as if it did not.
    hides_processes: bool,
    /// Whether to ask the kernel for unique numbers of namespaces (`NS_GET_ID`).
    has_unique_ids: bool,
}

impl LiveKernel {
    /// Without an `epoll` no pidfds are held. `has_exit_info`: the kernel has `PIDFD_GET_INFO`.
    pub fn new(epoll: Option<Rc<Epoll>>, has_exit_info: bool) -> Self {
        let hides_processes = host::processes() != Coverage::Full;
        let cgroups = Hierarchy::find();
        Self {
            reader: Reader::default(),
            cgroups,
            has_exit_info,
            held: HeldPidfds::new(epoll),
            traced: None,
            hides_processes,
            has_unique_ids: true,
        }
    }

    /// Stops using the kernel's unique numbers of namespaces.
    pub const fn without_namespace_ids(&mut self) {
        self.has_unique_ids = false;
    }

    /// Where /proc hides processes, `kill(2)` still tells whether one exists: it fails with `EPERM`, not `ESRCH`.
    fn unless_hidden(&self, pid: u32, read: Result<Reading, Unread>) -> Result<Reading, Unread> {
        match read {
            Err(Unread::Gone) if self.hides_processes && kill(Pid::from_raw(pid as i32), None) == Err(Errno::EPERM) => {
                Err(Unread::Denied)
            }
            read => read,
        }
    }
}

impl Kernel for LiveKernel {
    fn now(&mut self) -> MonoNs {
        clock::now()
    }

    fn ticks(&mut self) -> Ticks {
        Ticks::now()
    }

    fn pids(&mut self) -> Result<Vec<u32>, Unread> {
        Ok(proc::pids()?)
    }

    fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread> {
        let read = self.reader.read(pid, depth);
        self.unless_hidden(pid, read)
    }

    fn open_and_read(&mut self, pid: u32) -> Result<Reading, Unread> {
        let mut opened = None;
        let wanted = self.held.has_room();
        // the pidfd is opened after the process's directory is open and before it is read: if the reading succeeds,
        // both are of the same process
        let read = self.reader.read_all(pid, || opened = wanted.then(|| pidfd::open(pid)));
        let reading = self.unless_hidden(pid, read)?;
        let id = ProcId { pid, start: reading.stat.start };
        if let Some(opened) = opened {
            self.held.add(id, opened);
        }
        Ok(reading)
    }

    fn prefer(&mut self, id: ProcId) {
        if self.held.prefer(id) {
            return;
        }
        let mut opened = None;
        let read = self.reader.read_stat(id.pid, || opened = Some(pidfd::open(id.pid)));
        if read.is_ok_and(|stat| stat.start == id.start)
            && let Some(opened) = opened
        {
            self.held.add_preferred(id, opened);
        }
    }

    fn read_cgroup(&mut self, cgroup: &str) -> Option<CgroupFigures> {
        self.cgroups.as_ref()?.read_figures(cgroup)
    }

    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus> {
        if !self.has_exit_info {
            return None;
        }
        pidfd::exit_status(self.held.get(id)?).ok().flatten().map(WaitStatus)
    }

    fn holds(&self, id: ProcId) -> bool {
        self.held.get(id).is_some()
    }

    fn follow(&mut self, id: ProcId) {
        if let Some(traced) = &self.traced
            && let Err(e) = traced.add(id.pid)
        {
            tracing::warn!("BPF does not report events of {id}: {e}");
        }
    }

    fn follow_everything(&mut self, on: bool) {
        if let Some(traced) = &self.traced
            && let Err(e) = traced.set_all(on)
        {
            tracing::warn!("BPF reports events of the wrong processes: {e}");
        }
    }

    fn release(&mut self, id: ProcId) {
        self.held.release(id);
        if let Some(traced) = &self.traced {
            traced.remove(id.pid);
        }
    }

    fn describe(&mut self, pid: u32, kind: NsKind, known: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs> {
        let mut found = open_namespace(pid, kind).map_or_else(Vec::new, |fd| hierarchy::describe(&fd, kind, known));
        if !self.has_unique_ids {
            found.iter_mut().for_each(forget_unique);
        }
        found
    }

    fn namespace(&mut self, pid: u32, kind: NsKind) -> Option<Nsfs> {
        // without unique numbers the descriptor tells no more than the link
        if self.has_unique_ids { hierarchy::identify(&open_namespace(pid, kind)?) } else { None }
    }

    fn holders(&mut self, ns: NsId, processes: &mut dyn Iterator<Item = ProcId>) -> Vec<Holder> {
        let inside = open_namespace(std::process::id(), NsKind::Mnt).and_then(|fd| hierarchy::identify(&fd));
        let dev = ns.dev;
        let own = inside.map(|own| NsId { kind: NsKind::Mnt, dev, ino: own.ino, generation: 0 });
        holders::of(ns, own, processes)
    }
}

fn open_namespace(pid: u32, kind: NsKind) -> Option<OwnedFd> {
    open(format!("/proc/{pid}/ns/{kind}").as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

fn forget_unique(raw: &mut RawNs) {
    let all = [Some(&mut raw.ns), raw.owner.as_mut(), raw.parent.as_mut()];
    all.into_iter().flatten().for_each(|ns| ns.unique = None);
}

/// Tries pidfds and their exit information on this kernel.
pub fn probe_pidfd() -> (Coverage, Coverage) {
    let fd = match pidfd::open(std::process::id()) {
        Ok(fd) => fd,
        Err(e) => {
            let missing = Coverage::Missing(Limitation::NoPidfds(OsError(e as i32)));
            return (missing.clone(), missing);
        }
    };
    let info = match pidfd::exit_status(&fd) {
        // our own process lives, so there is no status, but the kernel has the ioctl
        Ok(_) => Coverage::Full,
        Err(e) => Coverage::Missing(Limitation::NoPidfdInfo(OsError(e as i32))),
    };
    (Coverage::Full, info)
}
