//! The tracepoints, and the ring buffer that they write to.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::event::Event;
use super::loader::{Loader, Program, maps};
use super::record;
use super::unavailable::Unavailable;
use crate::sys::bpf::{self, AttachType, Ring};

/// What can be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tracepoint {
    Signal,
    /// Processes and threads.
    Fork,
    Exec,
    /// Processes and threads.
    Exit,
    /// `setns(2)` and `unshare(2)` that succeeded. It makes every system call on the machine a little slower.
    Namespaces,
    CgroupMove,
    OomKill,
}

impl Tracepoint {
    pub const ALL: [Self; 7] =
        [Self::Signal, Self::Fork, Self::Exec, Self::Exit, Self::Namespaces, Self::CgroupMove, Self::OomKill];

    const fn program(self) -> Program {
        let (section, target) = match self {
            Self::Signal => ("tp_btf/signal_generate", "btf_trace_signal_generate"),
            Self::Fork => ("tp_btf/sched_process_fork", "btf_trace_sched_process_fork"),
            Self::Exec => ("tp_btf/sched_process_exec", "btf_trace_sched_process_exec"),
            Self::Exit => ("tp_btf/sched_process_exit", "btf_trace_sched_process_exit"),
            Self::Namespaces => ("tp_btf/sys_exit", "btf_trace_sys_exit"),
            Self::CgroupMove => ("tp_btf/cgroup_attach_task", "btf_trace_cgroup_attach_task"),
            Self::OomKill => ("tp_btf/mark_victim", "btf_trace_mark_victim"),
        };
        Program { section, target, attach: AttachType::Tracepoint }
    }
}

/// Of which processes events are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    AllProcesses,
    /// Those named by [`Watched::add`], and the processes that they fork from then on. A signal is reported if it is
    /// sent to one of them or by one of them. A kill for lack of memory is reported of all processes.
    Watched,
}

/// How many processes can be watched (`max_entries` of the map `watched`).
const MAX_WATCHED: u32 = 1 << 14;
/// The entry of the map that stands for all processes: no process that can be watched has this pid.
const ALL: u32 = 0;

/// Reports the forks of watched processes to the kernel's own table and not to us.
const WATCH_FORK: Program =
    Program { section: "tp_btf/watch_fork", target: "btf_trace_sched_process_fork", attach: AttachType::Tracepoint };

/// Tracepoints and the ring buffer that they write to. They end when this is dropped.
#[derive(Debug)]
pub struct Events {
    ring: Ring,
    watched: OwnedFd,
    lost: OwnedFd,
    lost_before: u64,
    /// Each keeps its program.
    _links: Vec<OwnedFd>,
    missing: Vec<(Tracepoint, Unavailable)>,
}

/// The processes of which events are reported.
#[derive(Debug)]
pub struct Watched(OwnedFd);

impl Watched {
    /// Reports events of this process too, and of those that it forks from now on. If there is no room for it, events
    /// of all processes are reported.
    pub fn add(&self, pid: u32) -> io::Result<()> {
        match bpf::set_entry(&self.0, pid, 1) {
            Err(e) if e.raw_os_error() == Some(libc::E2BIG) => bpf::set_entry(&self.0, ALL, 1),
            done => done,
        }
    }

    /// Reports events of all processes, or only of those that were added.
    pub fn set_all(&self, on: bool) -> io::Result<()> {
        bpf::set_entry(&self.0, ALL, on.into())
    }

    /// No longer reports events of the process that had this pid.
    pub fn remove(&self, pid: u32) {
        // it is not there if it was never watched
        let _ = bpf::remove_entry(&self.0, pid);
    }
}

/// What [`Events::drain`] has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// In the order in which they came into the ring buffer. With several CPUs the times may differ from it a little.
    pub events: Vec<Event>,
    /// How many found no room in the ring buffer since the last call.
    pub lost: u64,
    /// Records that could not be read: there are none if the object belongs to this program.
    pub damaged: u64,
}

impl Events {
    /// Attaches the tracepoints, for all processes. The ring buffer has room for this many bytes: a power of two, and a
    /// multiple of the page size. An event takes about 400 bytes, a signal 104.
    ///
    /// # Errors
    /// Why none of the tracepoints works. If only some do not, [`missing`](Self::missing) tells.
    pub fn open(tracepoints: &[Tracepoint], room: u32) -> Result<Self, Unavailable> {
        Self::load(&Loader::new()?, tracepoints, Subject::AllProcesses, room)
    }

    /// As [`open`](Self::open), for these processes, with a loader that may also load something else.
    pub fn load(loader: &Loader, tracepoints: &[Tracepoint], subject: Subject, room: u32) -> Result<Self, Unavailable> {
        let ring = bpf::create_ring(room).map_err(|e| Unavailable::from_call("ring buffer", e))?;
        let lost = bpf::create_counter().map_err(|e| Unavailable::from_call("counter", e))?;
        let watched = bpf::create_table(MAX_WATCHED).map_err(|e| Unavailable::from_call("table", e))?;
        bpf::set_entry(&watched, ALL, (subject == Subject::AllProcesses).into())
            .map_err(|e| Unavailable::from_call("table", e))?;
        let attach = |program: Program| {
            let loaded = loader.load(program, maps(&[("events", &ring), ("lost", &lost), ("watched", &watched)]))?;
            bpf::attach_tracepoint(loaded).map_err(|e| Unavailable::from_call(program.section, e))
        };
        let mut links = Vec::new();
        let mut missing = Vec::new();
        for tracepoint in tracepoints {
            match attach(tracepoint.program()) {
                Ok(link) => links.push(link),
                Err(reason) => missing.push((*tracepoint, reason)),
            }
        }
        if links.is_empty()
            && let Some((_, reason)) = missing.pop()
        {
            return Err(reason);
        }
        if subject == Subject::Watched {
            links.push(attach(WATCH_FORK)?);
        }
        let ring = Ring::new(ring, room).map_err(|e| Unavailable::from_call("ring buffer", e))?;
        Ok(Self { ring, watched, lost, lost_before: 0, _links: links, missing })
    }

    /// Chooses which processes are watched.
    pub fn watched(&self) -> io::Result<Watched> {
        Ok(Watched(self.watched.try_clone()?))
    }

    /// Tracepoints that could not be attached, and why.
    pub fn missing(&self) -> &[(Tracepoint, Unavailable)] {
        &self.missing
    }

    /// Takes what is there. The descriptor is readable while there is something.
    pub fn drain(&mut self) -> io::Result<Drained> {
        let mut drained = Drained::default();
        self.ring.drain(|bytes| match record::event(bytes) {
            Some(event) => drained.events.push(event),
            None => drained.damaged += 1,
        });
        let lost = bpf::lookup(&self.lost)?;
        drained.lost = lost - self.lost_before;
        self.lost_before = lost;
        Ok(drained)
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}
