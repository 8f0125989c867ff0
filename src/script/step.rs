//! A script's lines as values.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{NsKind, Phase, Signal};

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
    Wait { until: Condition, within: Duration },
    Expect { that: Condition, within: Duration },
    Kill { target: MemberRef, signal: Signal },
    Exec { member: MemberRef, argv: Vec<String> },
    Delete { pod: String },
    Snapshot(PathBuf),
    Screenshot(PathBuf),
    Select(MemberRef),
    Show(String),
    Sleep(Duration),
}

/// What can be waited for, or expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Every container of the pod (of all pods) runs, or has done its work.
    Ready(Option<String>),
    /// The process that this named when it was last killed, or else when first asked, is reaped.
    Gone(MemberRef),
    Alive(MemberRef),
    /// So many processes of the pod (of all pods) are zombies now.
    Zombies {
        count: usize,
        pod: Option<String>,
    },
    /// The container started again since the last kill, exec or delete, and runs.
    Restarted(MemberRef),
    /// A sandbox of this attempt, or a later one, stands.
    Sandbox {
        attempt: u32,
        pod: Option<String>,
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
    Phase {
        pod: String,
        phase: Phase,
    },
    /// The last exec wrote this.
    Output(String),
    /// The last exec ended with this code.
    Exit(i32),
    /// The address is, or is not, what it was before the last kill, exec or delete.
    Ip {
        pod: String,
        kept: bool,
    },
}

/// `POD/MEMBER`, `POD/MEMBER:comm[index]`, a bare `MEMBER` where one pod has it, or a pid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberRef {
    Pid(u32),
    Name {
        pod: Option<String>,
        /// `pause`, or a container's name.
        member: String,
        /// Its processes whose name contains this, the oldest first.
        process: Option<(String, usize)>,
    },
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
