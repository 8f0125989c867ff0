//! A script's lines as values.

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
    /// Counted from 1.
    pub line: usize,
    /// As written, without comment.
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
    /// A container joins a pod; `None` is the only pod there is.
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
    Select(MemberRef),
    Show(String),
    Sleep(Duration),
}

/// What can be waited for, or expected. "The last stroke" is the last kill, delete or
/// replacement; before the first, the moment when the pods were ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Every container of the pod (of all pods) runs, or has done its work.
    Ready(Option<String>),
    /// The process that this named when it was last killed, or else before the last stroke, or else when
    /// first asked, is reaped; or all that it ever named are.
    Gone(MemberRef),
    Alive(MemberRef),
    /// The process that [`Condition::Gone`] would mean ended so.
    Ended {
        of: MemberRef,
        how: Ending,
    },
    /// The state that the kernel shows of it.
    State {
        of: MemberRef,
        state: State,
    },
    /// So many processes of this name live in the member.
    Count {
        of: MemberRef,
        bound: Bound,
    },
    /// Its parent is this member's process, or the node.
    Parent {
        of: MemberRef,
        parent: MemberRef,
    },
    /// The process that [`Condition::Gone`] would mean was waited for by this member, or the node.
    Reaped {
        of: MemberRef,
        by: MemberRef,
    },
    /// Some process of this name lost its parent, was adopted by this member, ended, and was waited for by it.
    Orphan {
        of: MemberRef,
        by: MemberRef,
    },
    /// So many processes of the pod (of all pods) are zombies now.
    Zombies {
        count: usize,
        pod: Option<String>,
    },
    /// So many bytes of it are resident.
    Memory {
        of: MemberRef,
        bound: Bound,
    },
    /// The member uses so many thousandths of a core.
    Cpu {
        of: MemberRef,
        bound: Bound,
    },
    /// The word for the container's state, such as `CrashLoopBackOff`.
    Word {
        container: MemberRef,
        word: String,
    },
    /// The word for the pod's status, such as `Terminating`.
    Status {
        pod: String,
        word: String,
    },
    Phase {
        pod: String,
        phase: Phase,
    },
    /// The container started again since the last stroke, and runs.
    Restarted(MemberRef),
    Restarts {
        container: MemberRef,
        bound: Bound,
    },
    /// A sandbox of this attempt, or a later one, stands.
    Sandbox {
        attempt: u32,
        pod: Option<String>,
    },
    /// The pod has had an event of this reason with this in its message.
    Event {
        pod: String,
        reason: String,
        text: String,
    },
    /// So many events of this reason the pod has had.
    Events {
        pod: String,
        reason: String,
        bound: Bound,
    },
    /// The pod that was there before the last stroke is not any more.
    Removed(String),
    /// The address is, or is not, what it was before the last stroke.
    Ip {
        pod: String,
        kept: bool,
    },
    /// Its pid inside the pod.
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
    /// The last exec, logs or fetch brought this.
    Output(String),
    /// The last exec ended with this code.
    Exit(i32),
    /// The container has written this; its log is read again and again.
    Log {
        member: MemberRef,
        text: String,
    },
    /// The page holds this; it is fetched again and again, from the host's network.
    Fetch {
        page: Page,
        text: String,
    },
    /// The last step failed, and said this.
    Fails(String),
    /// From the last stroke to the end of the last wait it took so many nanoseconds.
    Took(Bound),
}

impl Condition {
    /// Whether it takes a command to know.
    pub const fn is_asked_for(&self) -> bool {
        matches!(self, Self::Log { .. } | Self::Fetch { .. })
    }
}

/// What is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    At(Url),
    /// Behind this port of a pod, by the host port that leads there.
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
    pub const fn is(self, status: WaitStatus) -> bool {
        match (self, status.signal()) {
            (Self::Signal(wanted), Some(signal)) => wanted.0 == signal,
            (Self::Code(code), None) => code == status.code(),
            _ => false,
        }
    }
}

/// What a number is compared with.
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

/// `POD/MEMBER`, `POD/MEMBER:comm[index]`, a bare `MEMBER` where one pod has it, or a pid. A bare `node` is the
/// lab's node; where namespaces are compared, `host` is what the observer itself is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberRef {
    Pid(u32),
    Name {
        pod: Option<String>,
        /// `pause`, or a container's name; or `container/NAME`, which means a container whatever its name; or
        /// `node` or `host`.
        member: String,
        /// Its processes whose name contains this, the oldest first.
        process: Option<(String, usize)>,
    },
}

impl MemberRef {
    /// Whether it is this word alone.
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
