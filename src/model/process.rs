//! A process and its whole life.

use serde::{Deserialize, Serialize};

use super::{Cpu, Member, NsId, NsKind, ProcId, Signal, Stamp, WaitStatus};

/// The scheduler state letter of `/proc/PID/stat` (`proc_pid_stat(5)`), as far as it matters here.
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

/// One link of `/proc/PID/ns/` for each kind; `None` is "could not be seen", never "has none".
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

    /// Keeps what was known where the new reading could not see (a zombie keeps only user and pid).
    pub fn merge(&mut self, newer: &Self) {
        for (old, new) in self.0.iter_mut().zip(&newer.0) {
            *old = new.or(*old);
        }
    }
}

/// The death of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub at: Stamp,
    /// `None` when nobody who may know the status told it.
    pub status: Option<WaitStatus>,
}

/// The end of a zombie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reap {
    pub at: Stamp,
    pub by: Parent,
}

/// Who is, or was, the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    Process(ProcId),
    /// pid 0 or a parent outside what is observed.
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

/// A parent's death handed this process to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reparent {
    pub at: Stamp,
    pub from: Parent,
    pub to: Parent,
}

/// Signal sets of `/proc/PID/status` (`SigBlk`, `SigIgn`, `SigCgt`) and of what the process waits for them with; bit
/// n-1 stands for signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalMasks {
    /// Of the first thread.
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
    /// Asleep in `sigtimedwait(2)`: meanwhile the signals it waits for show as not blocked
    /// (`do_sigtimedwait` in `kernel/signal.c`), so it may take one that seems to have its default action.
    pub awaiting: bool,
    /// What it waits for there; `None` when it does not wait, or when that could not be read.
    #[serde(default)]
    pub awaited: Option<u64>,
    /// What it can read from a `signalfd(2)`, once it is blocked.
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

    /// Whether it waits for the signal in `sigtimedwait(2)`; `None` when that is not known.
    pub const fn awaits(self, signal: Signal) -> Option<bool> {
        match self.awaited {
            Some(awaited) => Some(Self::has(awaited, signal)),
            None if self.awaiting => None,
            None => Some(false),
        }
    }

    /// Whether it can read the signal from a `signalfd(2)`, which gets only what is blocked.
    pub const fn reads(self, signal: Signal) -> bool {
        Self::has(self.signalfd & self.blocked, signal)
    }
}

/// What one reading of /proc tells of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub id: ProcId,
    pub parent: Parent,
    pub comm: String,
    /// Arguments; empty for a zombie, a kernel thread, or when not readable.
    pub cmdline: Vec<String>,
    pub state: State,
    pub uid: u32,
    /// The pid in each pid namespace from the observer's inwards (`NSpid` of `/proc/PID/status`);
    /// the last is the pid in its own.
    pub nspid: Vec<u32>,
    pub threads: u32,
    pub rss_bytes: u64,
    /// Of its own threads.
    pub cpu: Cpu,
    /// Of the children it has waited for, and theirs.
    pub waited_cpu: Cpu,
    pub signals: SignalMasks,
    pub namespaces: NsSet,
}

/// A process from birth to reap. Kept after the reap, so that the past can be shown.
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
    /// The pod member it belongs to, from birth on.
    pub member: Option<Member>,
    pub born: Stamp,
    pub execs: Vec<Stamp>,
    pub exit: Option<Exit>,
    pub reparents: Vec<Reparent>,
    pub reap: Option<Reap>,
    /// How many processes it has reaped, those that are forgotten too.
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
            member: None,
            born,
            execs: Vec::new(),
            exit: None,
            reparents: Vec::new(),
            reap: None,
            reaped: 0,
        }
    }

    /// It has ended: what it used has been given back, and its CPU time stays.
    pub(super) const fn rests(&mut self) {
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

    /// How many threads live on although the thread group leader has exited (`pthread_exit(3)` in `main`). The kernel
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

    /// The same of a process that is part of a pod; the lab's node, say, is not.
    pub fn pid_in_pod(&self) -> Option<u32> {
        self.member.as_ref().and_then(|_| self.pid_inside())
    }

    /// What it says that it is, where it has written that in place of its command line, as nginx does: of
    /// `nginx: worker process` what follows the name.
    pub fn own_title(&self) -> Option<&str> {
        let [line] = self.cmdline.as_slice() else { return None };
        line.strip_prefix(self.comm.as_str())?.strip_prefix(": ")
    }

    /// What to call it: the command line, unless the process renamed itself (as nginx, or our
    /// stand-ins, do with `prctl(PR_SET_NAME)`).
    pub fn title(&self) -> String {
        let Some(argv0) = self.cmdline.first() else {
            return self.comm.clone();
        };
        if self.own_title().is_some() {
            return argv0.clone();
        }
        // one that has written its own command line has all of it in the first argument
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
