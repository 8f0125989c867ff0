//! The messages between app and node.

mod cidr;
pub(super) mod hand;
pub(super) mod modes;

use serde::{Deserialize, Serialize};

pub use self::cidr::PodCidr;
pub use self::hand::NamespaceStep;

use super::controller::DemoClock;
use super::latin1;
use super::spec::{ContainerSpec, PodSpec};
use crate::model::{Delta, Member, MonoNs, PodUid, ProcId, WaitStatus};
use crate::observe::without;
use crate::sys::pty::Size;

/// Increased with every change of a message. Both sides are the same executable, so the versions differ only if the
/// file was replaced while the app ran.
pub const VERSION: u32 = 8;

/// The exit code of a node that could not return from a pod's namespace (`EX_OSERR` in `sysexits.h`). It has no other
/// way to say so, and no other end has this code.
pub const LOST_IN_NAMESPACE: i32 = 71;

/// Matches an [`Answer`] to its [`Request`].
pub type Call = u64;

/// The options of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The speed of the back-off.
    pub clock: DemoClock,
    /// The range of the pods' addresses.
    pub range: PodCidr,
    /// Do not use cgroups even if they are available.
    pub without_cgroups: bool,
    /// Map only one user even if more could be mapped.
    pub without_users: bool,
    /// Do not use overlayfs even if it is available.
    pub without_overlay: bool,
}

impl Options {
    /// The defaults, without the features that `PODSCOPE_WITHOUT` names.
    pub fn from_env() -> Self {
        Self {
            without_cgroups: without("cgroups"),
            without_users: without("users"),
            without_overlay: without("overlay"),
            ..Self::default()
        }
    }
}

/// A cgroup that is delegated to the node; its directory comes as a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The path from the root of the hierarchy.
    pub path: String,
    /// The controllers that its children have.
    pub controllers: Vec<String>,
}

/// Which ranges of ids could be mapped besides the process's own; the process maps the rest itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedIds {
    pub users: bool,
    pub groups: bool,
}

/// Messages from the app to the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The answer to [`Report::Unshared`]: what has been mapped.
    Mapped(MappedIds),
    /// The first message, to the launcher.
    Place {
        grant: Option<Grant>,
        /// The id of the user and group that root changes to.
        user: Option<u32>,
    },
    Hello {
        version: u32,
    },
    Run {
        call: Call,
        spec: Box<PodSpec>,
    },
    /// Some containers of a pod get other commands; nothing else differs from what runs.
    Replace {
        call: Call,
        pod: PodUid,
        spec: Box<PodSpec>,
        containers: Vec<String>,
    },
    /// Add a container to a running pod.
    AddContainer {
        call: Call,
        pod: PodUid,
        container: Box<ContainerSpec>,
        ephemeral: bool,
    },
    /// End this container and remove it from its pod.
    RemoveContainer {
        call: Call,
        member: Member,
        grace_ms: Option<u64>,
    },
    /// The pod's present spec.
    Spec {
        call: Call,
        pod: PodUid,
    },
    Delete {
        call: Call,
        pod: PodUid,
        grace_ms: Option<u64>,
    },
    Exec {
        call: Call,
        member: Member,
        argv: Vec<String>,
        /// `None`: no time limit.
        timeout_ms: Option<u64>,
        output: ExecStreams,
    },
    /// End the program that this call has started.
    CancelExec {
        call: Call,
    },
    /// Attach to a container's output as a separate stream ([`Report::Streams`]), until this run of it ends.
    Attach {
        call: Call,
        member: Member,
        /// Also attach to its standard input.
        stdin: bool,
        since: OutputStart,
        /// Wait until it runs.
        wait: bool,
    },
    /// The streams of this call have been closed. With `keep`, a program with a terminal continues to run; otherwise
    /// its terminal hangs up (SIGHUP).
    Detach {
        call: Call,
        keep: bool,
    },
    Logs {
        call: Call,
        member: Member,
        which: LogPart,
    },
    /// A step for a container of the image `podscope/hand`.
    ChangeNamespaces {
        call: Call,
        member: Member,
        step: NamespaceStep,
    },
    /// The answer to [`Report::Bind`]: the listening sockets come with the packet, in the requested order.
    Bound {
        pod: PodUid,
        /// The ports that they listen on.
        result: Result<Vec<u16>, String>,
    },
}

/// Messages from the node to the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// From the launcher: it is in its user namespace, in which no user is mapped yet.
    Unshared,
    /// From the launcher, before it ends: the node's pid in the app's pid namespace.
    Launched {
        pid: i32,
    },
    /// The set-up failed at this step.
    Refused {
        step: Step,
        errno: i32,
    },
    Hello {
        version: u32,
        node: ProcId,
    },
    Delta(Box<Delta>),
    /// Listen on the pod's host ports in the host's network namespace, in which the node is not.
    Bind {
        pod: PodUid,
        ports: Vec<u16>,
        /// Whether a port that is taken may be replaced by another one.
        may_move: bool,
    },
    /// The streams of a call, which come with the packet in this order.
    Streams {
        call: Call,
        streams: Vec<Stream>,
    },
    /// The process has changed in a way that no event reports: read it again.
    Reread {
        id: ProcId,
    },
    PauseReaped {
        pause: ProcId,
        pid_in_pod: u32,
        status: WaitStatus,
        at: MonoNs,
    },
    PauseDropped {
        pause: ProcId,
        count: u32,
        at: MonoNs,
    },
    Answer {
        call: Call,
        answer: Answer,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Accepted(PodUid),
    Done,
    Spec(Box<PodSpec>),
    Output(ExecOutput),
    Logs {
        #[serde(with = "latin1")]
        bytes: Vec<u8>,
    },
    NoSuchPod,
    NotRunning,
    Failed(String),
}

impl Answer {
    /// Why a program was not started, as containerd words it.
    pub fn why_not_started(&self) -> String {
        match self {
            Self::Failed(why) => why.clone(),
            _ => "container not running".to_owned(),
        }
    }
}

/// What happens with the streams of an executed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecStreams {
    /// The node reads its output, for the answer only.
    Answer,
    /// The node reads its output, and also passes it on as Deltas.
    Record,
    /// The client gets them itself, in [`Report::Streams`].
    Client(StreamRequest),
}

impl ExecStreams {
    /// Of a client that gets the streams itself.
    pub const fn of_client(self) -> Option<StreamRequest> {
        match self {
            Self::Client(wanted) => Some(wanted),
            Self::Answer | Self::Record => None,
        }
    }
}

/// The streams that a client gets itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRequest {
    /// Standard input; a terminal always has it.
    pub stdin: bool,
    pub terminal: bool,
    /// The size of the terminal.
    pub size: Option<Size>,
}

/// One stream of a program; the client gets the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    Stdin,
    Stdout,
    Stderr,
    /// The master of its terminal: for input, for its size, and for output unless there is [`Stream::Stdout`].
    Terminal,
}

/// Where the output of a container starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputStart {
    /// With everything that is kept of the present run.
    Start,
    Now,
}

/// Which part of a container's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogPart {
    /// All runs.
    #[default]
    All,
    /// The run that started last, as in `kubectl logs`.
    Last,
    /// The run before (`--previous`).
    Previous,
}

/// The output and the end of a program that was executed in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutput {
    #[serde(with = "latin1")]
    pub stdout: Vec<u8>,
    #[serde(with = "latin1")]
    pub stderr: Vec<u8>,
    pub status: WaitStatus,
    /// The time limit was reached and it was killed.
    pub timed_out: bool,
    /// It was cancelled and killed.
    pub cancelled: bool,
    /// More was written than is kept.
    pub truncated: bool,
}

impl ExecOutput {
    /// The end of a program whose output the node did not read.
    pub fn ended(status: WaitStatus) -> Self {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Self { stdout, stderr, status, timed_out: false, cancelled: false, truncated: false }
    }
}

/// A step of the node's set-up that the kernel may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Open,
    Keyring,
    DropRoot,
    Unshare,
    Setgroups,
    UidMap,
    GidMap,
    Clone,
    PrivateMounts,
    Tmpfs,
    Proc,
    HostRoot,
    Template,
    Pivot,
    Loopback,
    Bridge,
    Identify,
    Loop,
}

#[cfg(test)]
mod tests {
    use super::{Answer, ExecOutput, Report};
    use crate::model::WaitStatus;

    #[test]
    fn every_byte_survives() {
        let output = ExecOutput {
            stdout: (0..=255).collect(),
            stderr: vec![0xff; 3],
            status: WaitStatus(9),
            timed_out: true,
            cancelled: false,
            truncated: false,
        };
        let report = Report::Answer { call: 1, answer: Answer::Output(output) };
        let text = serde_json::to_vec(&report).expect("serialises");
        assert_eq!(serde_json::from_slice::<Report>(&text).expect("parses"), report);
    }
}
