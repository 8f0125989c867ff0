//! Reads the records that `podscope.bpf.c` writes. They are in the byte order of the machine, which is little-endian.

use super::event::{Comm, Event, Happening, Origin, RawSignal};
use crate::model::{MonoNs, NsKind, ProcId, Signal, SignalResult, State, WaitStatus};
use crate::observe::clock::NS_PER_TICK;

/// `struct task` without its pids.
const TASK: usize = 272;
/// Where `struct task` has its exit code.
const EXIT_CODE: usize = 36;
/// `struct process`.
const PROCESS: usize = 40;
/// `struct holder`.
const HOLDER: usize = 48;
/// `struct event` before its task.
const EVENT_HEADER: usize = 24;
/// `struct signal_event`.
const SIGNAL_EVENT: usize = 96;
/// `struct oom_event`.
const OOM_EVENT: usize = 80;

/// A namespace as the kernel numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NsNumbers {
    /// The inode number that `/proc/PID/ns/*` shows.
    pub inode: u32,
    /// The number that is never used again (`NS_GET_ID`). `None` before Linux 6.18.
    pub unique: Option<u64>,
}

/// A thread or, if `pid` is `tgid`, the first thread of a process, at one moment. All pids are those of the initial pid
/// namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub pid: u32,
    /// The process.
    pub tgid: u32,
    /// The process that is its parent; 0 if it has none.
    pub ppid: u32,
    /// The process that traces it.
    pub tracer: Option<u32>,
    /// A zombie stays one until it is reaped.
    pub state: State,
    /// `PF_*` of `include/linux/sched.h`, as in `/proc/PID/stat`.
    pub flags: u32,
    /// What `wait(2)` will report of a zombie. While a zombie has threads that run, they may still change it.
    pub exit_status: Option<WaitStatus>,
    pub uid: u32,
    pub euid: u32,
    /// Threads of the process.
    pub threads: u32,
    /// Its start, in clock ticks after boot, as in `/proc/PID/stat`.
    pub start: u64,
    /// The start of the process's first thread.
    pub process_start: u64,
    /// How long it has run on a CPU, in nanoseconds: the first number of `/proc/PID/schedstat`. If it has not changed,
    /// the thread has not run.
    pub run_time: u64,
    /// The number of its cgroup in the unified hierarchy: the inode number of the directory.
    pub cgroup: u64,
    /// Signal sets of `/proc/PID/status`: bit n-1 stands for signal n.
    pub blocked: u64,
    /// What was blocked before a thread waits in `sigtimedwait(2)`; empty otherwise. The signals that are in this set
    /// and not in `blocked` are those that it waits for.
    pub blocked_before_wait: u64,
    /// Sent to this thread, not delivered yet.
    pub pending: u64,
    /// Sent to the process, not delivered yet.
    pub shared_pending: u64,
    /// Which signals have an action; only of a process's first thread, since threads share it, and not in events.
    pub actions: Option<Actions>,
    /// In the order of [`NsKind::ALL`]. A zombie, or a task that is about to become one (`PF_EXITING`), has only user and
    /// pid. The others are also missing if the task has changed them twice while they were read.
    pub namespaces: [Option<NsNumbers>; 8],
    /// Where its children will be. After `unshare(2)` or `setns(2)` it differs from its own.
    pub pid_for_children: Option<NsNumbers>,
    pub time_for_children: Option<NsNumbers>,
    /// At most 15 bytes. `/proc` shows more of kernel threads.
    pub comm: String,
    /// Its pid in each pid namespace that it is in, the outermost first: `NSpid` of `/proc/PID/status`.
    pub pids: Vec<u32>,
    /// What its process has used; only of a process's first thread, and not in events.
    pub used: Option<Used>,
}

/// What a process has used besides the run times of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// How long its threads have run that have ended, in nanoseconds.
    pub ended_run_time: u64,
    /// CPU time of the children that it has waited for, and of theirs, in nanoseconds: in user mode and in kernel mode.
    pub waited: [u64; 2],
    /// Its resident memory, in pages: `VmRSS` of `/proc/PID/status`. 0 for what has no memory. `None` if BPF cannot tell,
    /// as on a machine with more than 16 CPUs.
    pub rss_pages: Option<u64>,
}

/// Signals with an action: bit n-1 stands for signal n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    pub ignored: u64,
    pub caught: u64,
}

/// A thread and its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRef {
    pub pid: u32,
    pub tgid: u32,
    /// The start of the process, in clock ticks after boot. `None` where the kernel does not tell.
    pub process_start: Option<u64>,
}

/// What an open file is that keeps a namespace alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// The namespace itself, as a file of nsfs.
    File,
    /// A socket, which keeps its network namespace: its inode number and address family.
    Socket { inode: u64, family: u16 },
}

/// A process that has a file open which keeps a namespace alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// A thread other than the first is named only if it does not share the files of its process.
    pub by: TaskRef,
    pub fd: u32,
    pub file: HeldBy,
    pub kind: NsKind,
    pub namespace: NsNumbers,
}

impl Task {
    /// The identity of its process.
    pub const fn process(&self) -> ProcId {
        ProcId { pid: self.tgid, start: self.process_start }
    }

    pub const fn is_first_thread(&self) -> bool {
        self.pid == self.tgid
    }
}

impl TaskRef {
    pub fn process(&self) -> Option<ProcId> {
        Some(ProcId { pid: self.tgid, start: self.process_start? })
    }
}

/// Reads all records of the iterator over tasks. `None` if one is cut off or damaged.
pub fn tasks(mut bytes: &[u8]) -> Option<Vec<Task>> {
    let mut tasks = Vec::with_capacity(bytes.len() / (TASK + 4));
    while !bytes.is_empty() {
        let size = Fields(bytes).u32()? as usize;
        let (record, rest) = bytes.split_at_checked(size)?;
        tasks.push(task(record)?);
        bytes = rest;
    }
    Some(tasks)
}

/// Reads all records of the iterator over files. `None` if one is cut off or damaged.
pub fn holders(bytes: &[u8]) -> Option<Vec<Holder>> {
    let (records, []) = bytes.as_chunks::<HOLDER>() else { return None };
    records.iter().map(|record| holder(record)).collect()
}

/// Reads one record of the ring buffer. `None` if it is cut off, damaged, or of an unknown kind.
pub fn event(record: &[u8]) -> Option<Event> {
    let mut f = Fields(record);
    let (kind, number, at) = (f.u32()?, f.u32()?, MonoNs(f.u64()?));
    let happening = match kind {
        1 if record.len() == SIGNAL_EVENT => Happening::Signal(signal(number as i32, f)?),
        2..=7 => {
            let value = f.u64()?;
            // it is followed by room for more pids
            let record = record.get(EVENT_HEADER..)?;
            let record = record.get(..Fields(record).u32()? as usize)?;
            let task = Box::new(task(record)?);
            match kind {
                2 => Happening::Fork(task),
                3 => Happening::Exec { task, pid_before: number },
                4 => Happening::Exit {
                    task,
                    status: WaitStatus(Fields(record.get(EXIT_CODE..)?).u32()? as i32),
                    of_process: (number != 0).then_some(WaitStatus(value as i32)),
                },
                5 => Happening::Setns(task),
                6 => Happening::Unshare(task),
                _ => Happening::CgroupMove { task, hierarchy: number, cgroup: value },
            }
        }
        8 if record.len() == OOM_EVENT => Happening::OomKill {
            victim: f.task_ref()?,
            caused_by: f.task_ref()?,
            victim_comm: f.comm()?,
            caused_by_comm: f.comm()?,
        },
        _ => return None,
    };
    Some(Event { at, happening })
}

/// The record must be as long as it says.
fn task(record: &[u8]) -> Option<Task> {
    let mut f = Fields(record);
    let (size, level) = (f.u32()? as usize, f.u32()? as usize);
    let task_size = level.checked_add(1)?.checked_mul(4)?.checked_add(TASK)?;
    if size != record.len() || (size != task_size && size != task_size.checked_add(PROCESS)?) {
        return None;
    }
    let [pid, tgid, ppid, tracer] = f.u32s()?;
    let [state, exit_state, flags, exit_status] = f.u32s()?;
    let [uid, euid, threads, has_actions] = f.u32s()?;
    let [start, process_start, run_time, cgroup] = f.u64s()?;
    let [blocked, blocked_before_wait, pending, shared_pending] = f.u64s()?;
    let actions = Actions { ignored: f.u64()?, caught: f.u64()? };
    let ids: [u64; 10] = f.u64s()?;
    let inodes: [u32; 10] = f.u32s()?;
    let namespace = |i: usize| {
        let unique = (ids[i] != 0).then_some(ids[i]);
        (inodes[i] != 0).then_some(NsNumbers { inode: inodes[i], unique })
    };
    let comm = f.comm()?;
    Some(Task {
        pid,
        tgid,
        ppid,
        tracer: (tracer != 0).then_some(tracer),
        state: state_of(state, exit_state),
        flags,
        exit_status: (exit_state != 0).then_some(WaitStatus(exit_status as i32)),
        uid,
        euid,
        threads,
        start: start / NS_PER_TICK,
        process_start: process_start / NS_PER_TICK,
        run_time,
        cgroup,
        blocked,
        blocked_before_wait,
        pending,
        shared_pending,
        actions: (has_actions != 0).then_some(actions),
        namespaces: std::array::from_fn(namespace),
        pid_for_children: namespace(8),
        time_for_children: namespace(9),
        comm: comm.to_string(),
        pids: (0..=level).map(|_| f.u32()).collect::<Option<_>>()?,
        used: if size == task_size { None } else { Some(used(f)?) },
    })
}

fn used(mut f: Fields<'_>) -> Option<Used> {
    let [ended_run_time, user, system, rss_pages] = f.u64s()?;
    let has_rss = f.u32()? != 0;
    Some(Used { ended_run_time, waited: [user, system], rss_pages: has_rss.then_some(rss_pages) })
}

fn holder(record: &[u8]) -> Option<Holder> {
    let mut f = Fields(record);
    let by = f.task_ref()?;
    let (fd, clone_flag, unique) = (f.u32()?, f.u32()?, f.u64()?);
    let (inode, family, socket) = (f.u32()?, f.u32()?, f.u64()?);
    let namespace = NsNumbers { inode, unique: (unique != 0).then_some(unique) };
    let (kind, file) = match clone_flag {
        0 => (NsKind::Net, HeldBy::Socket { inode: socket, family: family as u16 }),
        flag => (kind_of(flag)?, HeldBy::File),
    };
    Some(Holder { by, fd, file, kind, namespace })
}

fn signal(signal: i32, mut f: Fields<'_>) -> Option<RawSignal> {
    let (code, origin) = (f.u32()? as i32, f.u32()?);
    let (to_process, result) = (f.u32()? != 0, f.u32()?);
    Some(RawSignal {
        signal: Signal(signal),
        origin: Origin::new(origin, code),
        to_process,
        result: result_of(result)?,
        current: f.task_ref()?,
        target: f.task_ref()?,
        current_comm: f.comm()?,
        target_comm: f.comm()?,
    })
}

/// `TRACE_SIGNAL_*` of `include/trace/events/signal.h`.
const fn result_of(result: u32) -> Option<SignalResult> {
    Some(match result {
        0 => SignalResult::Delivered,
        1 => SignalResult::Ignored,
        2 => SignalResult::AlreadyPending,
        3 => SignalResult::Overflow,
        4 => SignalResult::InformationLost,
        _ => return None,
    })
}

/// The kind of namespace that a flag of `clone(2)` makes.
fn kind_of(flag: u32) -> Option<NsKind> {
    Some(match flag {
        0x0000_0080 => NsKind::Time,
        0x0002_0000 => NsKind::Mnt,
        0x0200_0000 => NsKind::Cgroup,
        0x0400_0000 => NsKind::Uts,
        0x0800_0000 => NsKind::Ipc,
        0x1000_0000 => NsKind::User,
        0x2000_0000 => NsKind::Pid,
        0x4000_0000 => NsKind::Net,
        _ => return None,
    })
}

/// As `task_state_index` of `include/linux/sched.h` has it.
const fn state_of(state: u32, exit_state: u32) -> State {
    const STOPPED: u32 = 4;
    const TRACED: u32 = 8;
    const DEAD_OR_ZOMBIE: u32 = 0x30;
    const UNINTERRUPTIBLE: u32 = 2;
    /// Uninterruptible, but it counts as idle.
    const IDLE: u32 = 0x402;
    /// Waits for a lock of a real-time kernel, or is frozen by its cgroup.
    const LOCK_OR_FROZEN: u32 = 0x9000;
    /// `TASK_REPORT`.
    const REPORTED: u32 = 0x7f;
    let reported = state & REPORTED;
    if exit_state & DEAD_OR_ZOMBIE != 0 {
        State::Zombie
    } else if state & IDLE == IDLE {
        State::Idle
    } else if state & LOCK_OR_FROZEN != 0 {
        State::Disk
    } else if reported & TRACED != 0 {
        State::Traced
    } else if reported & STOPPED != 0 {
        State::Stopped
    } else if reported & UNINTERRUPTIBLE != 0 {
        State::Disk
    } else if reported == 0 {
        State::Running
    } else {
        State::Sleeping
    }
}

/// What is left of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn u32s<const N: usize>(&mut self) -> Option<[u32; N]> {
        let mut all = [0; N];
        for one in &mut all {
            *one = self.u32()?;
        }
        Some(all)
    }

    fn u64s<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut all = [0; N];
        for one in &mut all {
            *one = self.u64()?;
        }
        Some(all)
    }

    fn comm(&mut self) -> Option<Comm> {
        Some(Comm(self.take(16)?.try_into().ok()?))
    }

    fn task_ref(&mut self) -> Option<TaskRef> {
        let (pid, tgid, start) = (self.u32()?, self.u32()?, self.u64()?);
        Some(TaskRef { pid, tgid, process_start: (start != 0).then_some(start / NS_PER_TICK) })
    }
}

#[cfg(test)]
pub(crate) mod tests;
