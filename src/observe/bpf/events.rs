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

/// Tracepoints and the ring buffer that they write to. They end when this is dropped.
#[derive(Debug)]
pub struct Events {
    ring: Ring,
    lost: OwnedFd,
    lost_before: u64,
    /// Each keeps its program.
    _links: Vec<OwnedFd>,
    missing: Vec<(Tracepoint, Unavailable)>,
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
    /// Attaches the tracepoints. The ring buffer has room for this many bytes: a power of two, and a multiple of the page
    /// size. An event takes about 300 bytes, a signal 72.
    ///
    /// # Errors
    /// Why none of the tracepoints works. If only some do not, [`missing`](Self::missing) tells.
    pub fn open(tracepoints: &[Tracepoint], room: u32) -> Result<Self, Unavailable> {
        Self::load(&Loader::new()?, tracepoints, room)
    }

    /// As [`open`](Self::open), with a loader that also loads something else.
    pub fn load(loader: &Loader, tracepoints: &[Tracepoint], room: u32) -> Result<Self, Unavailable> {
        let ring = bpf::create_ring(room).map_err(|e| Unavailable::from_call("ring buffer", e))?;
        let lost = bpf::create_counter().map_err(|e| Unavailable::from_call("counter", e))?;
        let mut links = Vec::new();
        let mut missing = Vec::new();
        for tracepoint in tracepoints {
            let program = tracepoint.program();
            let attached = loader.load(program, maps(&[("events", &ring), ("lost", &lost)])).and_then(|loaded| {
                bpf::attach_tracepoint(loaded).map_err(|e| Unavailable::from_call(program.section, e))
            });
            match attached {
                Ok(link) => links.push(link),
                Err(reason) => missing.push((*tracepoint, reason)),
            }
        }
        if links.is_empty()
            && let Some((_, reason)) = missing.pop()
        {
            return Err(reason);
        }
        let ring = Ring::new(ring, room).map_err(|e| Unavailable::from_call("ring buffer", e))?;
        Ok(Self { ring, lost, lost_before: 0, _links: links, missing })
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
