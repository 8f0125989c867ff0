//! A process from birth to reap.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cpu, Member, NsId, NsKind, ProcId, ProcessUsage, Signal, Stamp, WaitStatus};

/// The scheduler state letter of `/proc/PID/stat` (`proc_pid_stat(5)`), as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    Running,
    Sleeping,
    Disk,
    Stopped,
    Traced,
    Idle,
    Zombie,
    /// Reaped: no longer in the process table.
    Gone,
}

impl State {
    /// The kernel's letter; a reaped process has none and gets `-`.
    pub const fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Sleeping => 'S',
            Self::Disk => 'D',
            Self::Stopped => 'T',
            Self::Traced => 't',
            Self::Idle => 'I',
            Self::Zombie => 'Z',
            Self::Gone => '-',
        }
    }

    /// `X` and `x` (dead, seen only in the instant of the reap) count as zombie.
    pub const fn from_letter(c: char) -> Self {
        match c {
            'R' | 'W' => Self::Running,
            'D' => Self::Disk,
            'T' => Self::Stopped,
            't' => Self::Traced,
            'I' => Self::Idle,
            'Z' | 'X' | 'x' => Self::Zombie,
            _ => Self::Sleeping,
        }
    }
}

/// One link of `/proc/PID/ns/` for each kind. `None` means that the link could not be read, never that there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NsSet(pub [Option<NsId>; 8]);

impl NsSet {
    pub fn get(&self, kind: NsKind) -> Option<NsId> {
        self.0[kind as usize]
    }

    pub fn set(&mut self, id: NsId) {
        self.0[id.kind as usize] = Some(id);
    }

    pub fn iter(&self) -> impl Iterator<Item = NsId> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Takes the newer namespaces, and keeps the old ones where the new reading has none (a zombie keeps only user and
    /// pid).
    pub fn merge(&mut self, newer: &Self) {
        for (old, new) in self.0.iter_mut().zip(&newer.0) {
            *old = new.or(*old);
        }
    }
}

/// The exit of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub at: Stamp,
    /// `None` if no source reported the status.
    pub status: Option<WaitStatus>,
}

/// The reap of a zombie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reap {
    pub at: Stamp,
    pub by: Parent,
}

/// The parent of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    Process(ProcId),
    /// Pid 0, or a parent that is not observed.
    Outside,
    Unknown,
}

impl Parent {
    pub const fn process(self) -> Option<ProcId> {
        match self {
            Self::Process(id) => Some(id),
            _ => None,
        }
    }
}

/// The process got a new parent because its parent died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reparent {
    pub at: Stamp,
    pub from: Parent,
    pub to: Parent,
}

/// Signal sets of `/proc/PID/status` (`SigBlk`, `SigIgn`, `SigCgt`), and the sets of signals that the process waits
/// for. Bit n-1 stands for signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalMasks {
    /// Of the first thread.
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
    /// Asleep in `sigtimedwait(2)`: meanwhile the signals it waits for show as not blocked
    /// (`do_sigtimedwait` in `kernel/signal.c`), so it may take one that seems to have its default action.
    pub awaiting: bool,
    /// The signals it waits for there; `None` if it does not wait, or if they could not be read.
    #[serde(default)]
    pub awaited: Option<u64>,
    /// The signals it can read from a `signalfd(2)` if they are blocked.
    #[serde(default)]
    pub signalfd: u64,
}

impl SignalMasks {
    const fn has(mask: u64, signal: Signal) -> bool {
        matches!(signal.0, 1..=64) && mask & (1 << (signal.0 - 1)) != 0
    }

    pub const fn blocks(self, signal: Signal) -> bool {
        Self::has(self.blocked, signal)
    }

    pub const fn ignores(self, signal: Signal) -> bool {
        Self::has(self.ignored, signal)
    }

    pub const fn catches(self, signal: Signal) -> bool {
        Self::has(self.caught, signal)
    }

    /// These sets after an exec: it resets the action of caught signals (execve(2)). What the new program waits for
    /// is to be read.
    #[must_use]
    pub fn after_exec(self) -> Self {
        Self { blocked: self.blocked, ignored: self.ignored, ..Self::default() }
    }

    /// Whether it waits for the signal in `sigtimedwait(2)`; `None` if that is not known.
    pub const fn awaits(self, signal: Signal) -> Option<bool> {
        match self.awaited {
            Some(awaited) => Some(Self::has(awaited, signal)),
            None if self.awaiting => None,
            None => Some(false),
        }
    }

    /// Whether it can read the signal from a `signalfd(2)`, which gets only blocked signals.
    pub const fn reads(self, signal: Signal) -> bool {
        Self::has(self.signalfd & self.blocked, signal)
    }
}

/// All that a reading of /proc tells about a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub id: ProcId,
    pub parent: Parent,
    pub comm: String,
    /// Its arguments; empty for a zombie or a kernel thread, or if they cannot be read.
    pub cmdline: Vec<String>,
    pub state: State,
    pub uid: u32,
    /// The pid in each pid namespace from the observer's inwards (`NSpid` of `/proc/PID/status`);
    /// the last is the pid in its own.
    pub nspid: Vec<u32>,
    pub threads: u32,
    pub rss_bytes: u64,
    /// CPU time of its own threads.
    pub cpu: Cpu,
    /// CPU time of the children it has waited for, and of theirs.
    pub waited_cpu: Cpu,
    pub signals: SignalMasks,
    pub namespaces: NsSet,
}

impl Facts {
    pub const fn usage(&self) -> ProcessUsage {
        let Self { threads, rss_bytes, cpu, waited_cpu, .. } = *self;
        ProcessUsage { threads, rss_bytes, cpu, waited_cpu }
    }

    pub const fn set_usage(&mut self, usage: ProcessUsage) {
        (self.threads, self.rss_bytes) = (usage.threads, usage.rss_bytes);
        (self.cpu, self.waited_cpu) = (usage.cpu, usage.waited_cpu);
    }
}

/// Those of the [`Facts`] about a process that have changed. `None` and "no namespaces" mean "as before".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nspid: Option<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<SignalMasks>,
    /// The namespaces that it has moved to; it stays in those of other kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NsId>,
}

impl FactChanges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A process from birth to reap. It is kept after the reap, so that the past can be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub id: ProcId,
    pub parent: Parent,
    pub comm: String,
    pub cmdline: Vec<String>,
    pub state: State,
    pub uid: Option<u32>,
    pub nspid: Vec<u32>,
    pub threads: u32,
    pub rss_bytes: u64,
    pub cpu: Cpu,
    pub waited_cpu: Cpu,
    pub signals: SignalMasks,
    pub namespaces: NsSet,
    /// Its cgroup, from the root of the hierarchy of version 2. `None` if it is not known, or if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Arc<str>>,
    /// The thread that traces it, or that thread's process (`ptrace(2)`). `None` if none is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracer: Option<u32>,
    /// The pod's member that it belongs to, from its birth on.
    pub member: Option<Member>,
    pub born: Stamp,
    pub execs: Vec<Stamp>,
    pub exit: Option<Exit>,
    pub reparents: Vec<Reparent>,
    pub reap: Option<Reap>,
    /// How many processes it has reaped, including those that are forgotten.
    #[serde(default)]
    pub reaped: u64,
}

impl Process {
    pub fn new(id: ProcId, parent: Parent, born: Stamp) -> Self {
        Self {
            id,
            parent,
            comm: String::new(),
            cmdline: Vec::new(),
            state: State::Running,
            uid: None,
            nspid: Vec::new(),
            threads: 1,
            rss_bytes: 0,
            cpu: Cpu::default(),
            waited_cpu: Cpu::default(),
            signals: SignalMasks::default(),
            namespaces: NsSet::default(),
            cgroup: None,
            tracer: None,
            member: None,
            born,
            execs: Vec::new(),
            exit: None,
            reparents: Vec::new(),
            reap: None,
            reaped: 0,
        }
    }

    pub(super) fn change(&mut self, changes: &FactChanges) {
        let FactChanges { comm, cmdline, uid, nspid, signals, namespaces } = changes;
        if let Some(comm) = comm {
            self.comm.clone_from(comm);
        }
        if let Some(cmdline) = cmdline {
            self.cmdline.clone_from(cmdline);
        }
        if let Some(nspid) = nspid {
            self.nspid.clone_from(nspid);
        }
        self.uid = uid.or(self.uid);
        // a dead process keeps the sets that it had
        if let Some(signals) = signals.filter(|_| self.is_alive()) {
            self.signals = signals;
        }
        for id in namespaces {
            self.namespaces.set(*id);
        }
    }

    pub(super) const fn set_usage(&mut self, usage: ProcessUsage) {
        if self.is_alive() {
            (self.threads, self.rss_bytes) = (usage.threads, usage.rss_bytes);
            (self.cpu, self.waited_cpu) = (usage.cpu, usage.waited_cpu);
        }
    }

    /// It has ended: sets its memory and CPU rates to zero. Its CPU time stays.
    pub(super) const fn clear_usage(&mut self) {
        self.rss_bytes = 0;
        self.cpu.permille = 0;
        self.waited_cpu.permille = 0;
    }

    pub const fn is_alive(&self) -> bool {
        self.exit.is_none() && self.reap.is_none()
    }

    /// It has ended and waits to be reaped.
    pub const fn is_zombie(&self) -> bool {
        self.exit.is_some() && self.reap.is_none()
    }

    /// How many threads still run after the thread group leader has exited (`pthread_exit(3)` in `main`). The kernel
    /// shows such a process as a zombie, `Z`, but it lives, and its parent cannot reap it before the last thread ends.
    /// `None` for every other process.
    pub fn threads_without_leader(&self) -> Option<u32> {
        // the leader counts as a thread until it is reaped
        (self.is_alive() && self.state == State::Zombie).then(|| self.threads.saturating_sub(1))
    }

    pub const fn is_gone(&self) -> bool {
        self.reap.is_some()
    }

    /// The pid inside its own pid namespace, if known.
    pub fn pid_inside(&self) -> Option<u32> {
        self.nspid.last().copied()
    }

    /// The pid inside its own pid namespace if it belongs to a pod. `None` for the lab's node, for example.
    pub fn pid_in_pod(&self) -> Option<u32> {
        self.member.as_ref().and_then(|_| self.pid_inside())
    }

    /// The title that it has written over its command line, as nginx does: `worker process` of
    /// `nginx: worker process`.
    pub fn own_title(&self) -> Option<&str> {
        let [line] = self.cmdline.as_slice() else { return None };
        line.strip_prefix(self.comm.as_str())?.strip_prefix(": ")
    }

    /// What views call it: its command line, unless the process renamed itself with `prctl(PR_SET_NAME)`, as nginx and
    /// our stand-ins do.
    pub fn title(&self) -> String {
        let Some(argv0) = self.cmdline.first() else {
            return self.comm.clone();
        };
        if self.own_title().is_some() {
            return argv0.clone();
        }
        // a process that has overwritten its command line has all of it in the first argument
        let program = argv0.split(' ').next().unwrap_or(argv0);
        let base = program.rfind('/').map_or(argv0.as_str(), |slash| &argv0[slash + 1..]);
        let base = base.strip_prefix('-').unwrap_or(base);
        // comm is cut at 15 bytes (TASK_COMM_LEN in include/linux/sched.h)
        let cut: String = base.chars().take(15).collect();
        if self.comm.is_empty() || cut.starts_with(&self.comm) {
            std::iter::once(base).chain(self.cmdline.iter().skip(1).map(String::as_str)).collect::<Vec<_>>().join(" ")
        } else {
            self.comm.clone()
        }
    }
}
