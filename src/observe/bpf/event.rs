//! What the tracepoints report.

use super::record::{Task, TaskRef};
use crate::model::{MonoNs, Signal, WaitStatus};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: MonoNs,
    pub happening: Happening,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    Signal(SignalSent),
    /// The new task, before it runs.
    Fork(Box<Task>),
    /// A thread that is not the first takes over the pid of its process; it had `pid_before`.
    Exec {
        task: Box<Task>,
        pid_before: u32,
    },
    /// It is still in its namespaces, and not yet a zombie. If the process is ended as a whole (`exit_group(2)`, a
    /// signal), the status is that of all its threads.
    Exit {
        task: Box<Task>,
        status: WaitStatus,
    },
    /// The task is in these namespaces from now on.
    Setns(Box<Task>),
    Unshare(Box<Task>),
    /// The process is in this cgroup from now on. Hierarchy 0 is the unified one, others are those of cgroup v1.
    CgroupMove {
        task: Box<Task>,
        hierarchy: u32,
        cgroup: u64,
    },
    /// The kernel is out of memory and has chosen the victim. `caused_by` needed the memory.
    OomKill {
        victim: TaskRef,
        caused_by: TaskRef,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalSent {
    pub signal: Signal,
    pub origin: Origin,
    /// To the process as a whole and not to one thread.
    pub to_process: bool,
    pub result: SignalResult,
    /// Who was running when it was sent. See [`sender`](Self::sender).
    pub current: TaskRef,
    /// A process is named by the thread that the kernel has looked at first.
    pub target: TaskRef,
}

/// Where a signal comes from, by its `si_code` (`sigaction(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A process has sent it, by `kill(2)`, `tgkill(2)`, `pidfd_send_signal(2)` and the like.
    Process,
    /// The kernel has sent it, for a reason that it does not tell.
    Kernel,
    /// Another `si_code`: a child's end (`CLD_*`), a timer, a fault.
    Other(i32),
}

/// `TRACE_SIGNAL_*` of `include/trace/events/signal.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalResult {
    Delivered,
    Ignored,
    /// The same signal is already pending, so this one is lost.
    AlreadyPending,
    /// A real-time signal that found no room.
    Overflow,
    /// It is delivered, but not who sent it.
    InformationLost,
}

impl Origin {
    /// `origin` says whether there is a `si_code`.
    pub(super) const fn new(origin: u32, code: i32) -> Self {
        const SI_KERNEL: i32 = 0x80;
        const SI_QUEUE: i32 = -1;
        const SI_TKILL: i32 = -6;
        match (origin, code) {
            (0, _) | (2, 0 | SI_QUEUE | SI_TKILL) => Self::Process,
            (1, _) | (2, SI_KERNEL) => Self::Kernel,
            _ => Self::Other(code),
        }
    }
}

impl SignalResult {
    pub(super) const fn new(result: u32) -> Option<Self> {
        Some(match result {
            0 => Self::Delivered,
            1 => Self::Ignored,
            2 => Self::AlreadyPending,
            3 => Self::Overflow,
            4 => Self::InformationLost,
            _ => return None,
        })
    }
}

impl SignalSent {
    /// Who sent it. `None` if it was the kernel: who was running then may have nothing to do with it.
    pub fn sender(&self) -> Option<TaskRef> {
        (self.origin == Origin::Process).then_some(self.current)
    }
}
