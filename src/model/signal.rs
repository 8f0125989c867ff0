//! Signals by number and name.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Member, OsError, PodUid, ProcId, Stamp};

/// A signal number of this architecture (`signal(7)`); x86_64 and aarch64 agree on all standard ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signal(pub i32);

/// The standard signals, from number 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// Why a signal was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendError {
    /// The process is gone.
    Gone,
    /// The process belongs to another user, and we do not have `CAP_KILL`.
    Denied,
    /// There is no signal of this number.
    Invalid,
    Failed(OsError),
}

/// Who sent a signal through the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentBy {
    #[default]
    User,
    Script,
}

/// A signal that the lab's node sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSignal {
    pub to: NodeSignalTarget,
    pub signal: Signal,
    pub at: Stamp,
}

/// What the lab's node sent a signal to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeSignalTarget {
    Process(ProcId),
    /// All processes that a container had left behind when its first process had ended.
    Leftovers(Member),
    /// All processes that were left in a pod when it was removed.
    Pod(PodUid),
}

/// A signal on its way to a process, as the kernel reports it (`include/trace/events/signal.h`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalSent {
    pub signal: Signal,
    pub sender: SignalSender,
    pub target: ProcId,
    /// The name of the target when it was sent: not every process is watched.
    pub target_name: String,
    pub result: SignalResult,
    /// How many signals of this number to this target before it are not in the stream, because they were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<NonZeroU64>,
    pub at: Stamp,
}

/// Who or what has sent a signal. A process is named only if it has sent the signal itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalSender {
    /// By `kill(2)`, `pidfd_send_signal(2)` and the like, or by writing to `cgroup.kill`. `name` is what it was called
    /// then.
    Process { id: ProcId, name: String },
    /// Podscope, because the user has asked for it.
    App,
    /// The kernel because a child of the target has ended, has stopped or goes on.
    Child,
    /// The kernel because of what the program did, such as reading where there is no memory.
    Fault,
    /// A timer of the target.
    Timer,
    /// The kernel, for another reason: lack of memory, a key on a terminal, the end of a pid namespace.
    Kernel,
    /// Another `si_code` (`sigaction(2)`).
    Other { code: i32 },
}

/// What has become of a signal when it was sent, `TRACE_SIGNAL_*` of `include/trace/events/signal.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// The kernel had no memory left, in the machine or in a cgroup, and has killed a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomKill {
    pub victim: ProcId,
    /// `None` where the kernel does not tell, before Linux 6.9.
    pub victim_name: Option<String>,
    /// The process that needed the memory. It may be the victim.
    pub caused_by: ProcId,
    pub caused_by_name: String,
    pub at: Stamp,
}

impl Signal {
    pub const HUP: Self = Self(1);
    pub const INT: Self = Self(2);
    pub const QUIT: Self = Self(3);
    pub const KILL: Self = Self(9);
    pub const USR1: Self = Self(10);
    pub const USR2: Self = Self(12);
    pub const TERM: Self = Self(15);
    pub const CHLD: Self = Self(17);
    pub const CONT: Self = Self(18);
    pub const STOP: Self = Self(19);

    /// `TERM`, `SIGTERM` or `15`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(n) = text.parse::<i32>() {
            return (1..=64).contains(&n).then_some(Self(n));
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().position(|n| *n == name).map(|i| Self(i as i32 + 1))
    }
}

impl fmt::Display for Signal {
    /// `SIGTERM`; a real-time signal is `SIG40`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get((self.0 as usize).wrapping_sub(1)) {
            Some(name) => write!(f, "SIG{name}"),
            None => write!(f, "SIG{}", self.0),
        }
    }
}
