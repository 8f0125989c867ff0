//! What the tracepoints report.

use std::fmt;

use super::record::{Task, TaskRef};
use crate::model::{MonoNs, Signal, SignalResult, WaitStatus};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: MonoNs,
    pub happening: Happening,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    Signal(RawSignal),
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
        /// What `wait(2)` will report of the process, if this is its last thread.
        of_process: Option<WaitStatus>,
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
        /// The name of the victim's process; empty where the kernel does not tell, before Linux 6.9.
        victim_comm: Comm,
        caused_by_comm: Comm,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSignal {
    pub signal: Signal,
    pub origin: Origin,
    /// To the process as a whole and not to one thread.
    pub to_process: bool,
    pub result: SignalResult,
    /// Who was running when it was sent. See [`sender`](Self::sender).
    pub current: TaskRef,
    /// A process is named by the thread that the kernel has looked at first.
    pub target: TaskRef,
    /// The names of their processes.
    pub current_comm: Comm,
    pub target_comm: Comm,
}

/// The name of a process as the kernel keeps it: at most 15 bytes, then zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comm(pub [u8; 16]);

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        f.write_str(&String::from_utf8_lossy(&self.0[..end]))
    }
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

impl RawSignal {
    /// Who sent it. `None` if it was the kernel: who was running then may have nothing to do with it.
    pub fn sender(&self) -> Option<TaskRef> {
        (self.origin == Origin::Process).then_some(self.current)
    }
}
