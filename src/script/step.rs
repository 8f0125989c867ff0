//! The steps and conditions of a script, parsed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::lab::{ContainerSpec, Url};
use crate::model::{NsKind, Phase, Signal, State, WaitStatus};

/// A parsed script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The file's name, for messages.
    pub name: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line number, from 1.
    pub line: usize,
    /// The line as written, without its comment.
    pub text: String,
    pub kind: StepKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    Wait {
        until: Condition,
        within: Duration,
    },
    Expect {
        that: Condition,
        within: Duration,
    },
    Kill {
        target: MemberRef,
        signal: Signal,
    },
    Exec {
        member: MemberRef,
        argv: Vec<String>,
        limit: Duration,
    },
    Logs(MemberRef),
    Fetch(Page),
    Delete {
        pod: String,
    },
    Replace {
        member: MemberRef,
        argv: Vec<String>,
    },
    Sandbox {
        name: String,
    },
    /// Adds a container to a pod; `None` means the only pod.
    Add {
        pod: Option<String>,
        container: Box<ContainerSpec>,
        ephemeral: bool,
    },
    Leave(MemberRef),
    Unshare {
        member: MemberRef,
        kinds: Vec<NsKind>,
    },
    Join {
        member: MemberRef,
        kinds: Vec<NsKind>,
        target: MemberRef,
    },
    Fork(MemberRef),
    Snapshot(PathBuf),
    Screenshot(PathBuf),
    /// What happened last in slow motion, as an animated picture.
    Film(PathBuf),
    /// Selects a process, or its namespace of a kind.
    Select {
        member: MemberRef,
        namespace: Option<NsKind>,
    },
    Show(String),
    Sleep(Duration),
}

/// What a script can wait for or expect. "The last change" is the last kill, delete or replacement; before the first
/// one it is the moment when the pods were ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Every container of the pod (of all pods) runs or has succeeded.
    Ready(Option<String>),
    /// A process has been reaped: the one that this named when it was last killed, else before the last change, else
    /// when it was first used; or all processes that it has ever named.
    Gone(MemberRef),
    Alive(MemberRef),
    /// The process that [`Condition::Gone`] would mean ended in this way.
    Ended {
        of: MemberRef,
        how: Ending,
    },
    /// The state that the kernel shows.
    State {
        of: MemberRef,
        state: State,
    },
    /// This many processes of this name are alive in the member.
    Count {
        of: MemberRef,
        bound: Bound,
    },
    /// Its parent is this member's process, or the node.
    Parent {
        of: MemberRef,
        parent: MemberRef,
    },
    /// The process that [`Condition::Gone`] would mean was reaped by this member, or by the node.
    Reaped {
        of: MemberRef,
        by: MemberRef,
    },
    /// A process of this name lost its parent, was adopted by this member, ended, and was reaped by it.
    Orphan {
        of: MemberRef,
        by: MemberRef,
    },
    /// This many processes of the pod (of all pods) are zombies now.
    Zombies {
        count: usize,
        pod: Option<String>,
    },
    /// Its resident memory in bytes.
    Memory {
        of: MemberRef,
        bound: Bound,
    },
    /// The CPU that the member uses, in thousandths of one core.
    Cpu {
        of: MemberRef,
        bound: Bound,
    },
    /// The container's state as a word, such as `CrashLoopBackOff`.
    Word {
        container: MemberRef,
        word: String,
    },
    /// The pod's status as a word, such as `Terminating`.
    Status {
        pod: String,
        word: String,
    },
    Phase {
        pod: String,
        phase: Phase,
    },
    /// The container has restarted since the last change, and runs.
    Restarted(MemberRef),
    Restarts {
        container: MemberRef,
        bound: Bound,
    },
    /// The sandbox of this attempt, or a later one, runs.
    Sandbox {
        attempt: u32,
        pod: Option<String>,
    },
    /// The pod has had an event of this reason whose message contains the text.
    Event {
        pod: String,
        reason: String,
        text: String,
    },
    /// The pod has had this many events of this reason.
    Events {
        pod: String,
        reason: String,
        bound: Bound,
    },
    /// The pod existed before the last change and is removed.
    Removed(String),
    /// The address is (`kept`), or is not, the one of before the last change.
    Ip {
        pod: String,
        kept: bool,
    },
    /// The pid of the member inside the pod.
    InPod {
        member: MemberRef,
        pid: u32,
    },
    Shared {
        kind: NsKind,
        a: MemberRef,
        b: MemberRef,
    },
    Private {
        kind: NsKind,
        a: MemberRef,
        b: MemberRef,
    },
    /// The output of the last exec, logs or fetch contains this.
    Output(String),
    /// The last exec ended with this code.
    Exit(i32),
    /// The container's log contains this; it is polled.
    Log {
        member: MemberRef,
        text: String,
    },
    /// The page contains this; it is polled, from the host's network.
    Fetch {
        page: Page,
        text: String,
    },
    /// The last step failed with a message that contains this.
    Fails(String),
    /// Nanoseconds from the last change to the end of the last wait.
    Took(Bound),
}

impl Condition {
    /// Whether a command must be executed to check it.
    pub const fn needs_command(&self) -> bool {
        matches!(self, Self::Log { .. } | Self::Fetch { .. })
    }
}

/// A page to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    At(Url),
    /// A page at this port of a pod, fetched through the host port that leads to it.
    Behind {
        pod: String,
        port: u16,
        path: String,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Signal(Signal),
    Code(i32),
}

impl Ending {
    pub const fn matches(self, status: WaitStatus) -> bool {
        match (self, status.signal()) {
            (Self::Signal(wanted), Some(signal)) => wanted.0 == signal,
            (Self::Code(code), None) => code == status.code(),
            _ => false,
        }
    }
}

/// A bound for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub relation: Relation,
    pub than: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Exactly,
    AtLeast,
    Below,
}

impl Bound {
    pub const fn holds(self, n: u64) -> bool {
        match self.relation {
            Relation::Exactly => n == self.than,
            Relation::AtLeast => n >= self.than,
            Relation::Below => n < self.than,
        }
    }
}

/// `POD/MEMBER`, `POD/MEMBER:comm[index]`, a bare `MEMBER` if only one pod has it, or a pid. A bare `node` is the lab's
/// node. Where namespaces are compared, `host` means the observer's own namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberRef {
    Pid(u32),
    Name {
        pod: Option<String>,
        /// `pause` or a container's name; `container/NAME`, which always means a container; `node` or `host`.
        member: String,
        /// One of its processes whose name contains this; the index counts from the oldest.
        process: Option<(String, usize)>,
    },
}

impl MemberRef {
    /// Whether it is only this word.
    pub fn is_bare(&self, word: &str) -> bool {
        matches!(self, Self::Name { pod: None, member, process: None } if member == word)
    }
}

impl fmt::Display for MemberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid {pid}"),
            Self::Name { pod, member, process } => {
                if let Some(pod) = pod {
                    write!(f, "{pod}/")?;
                }
                f.write_str(member)?;
                match process {
                    Some((comm, index)) => write!(f, ":{comm}[{index}]"),
                    None => Ok(()),
                }
            }
        }
    }
}
