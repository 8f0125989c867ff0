//! What app and node say to each other.

use serde::{Deserialize, Serialize};

use super::controller::DemoClock;
use super::hand::HandStep;
use super::network::Range;
use super::spec::{ContainerSpec, PodSpec};
use super::users::Mapped;
use crate::model::{Delta, Member, MonoNs, PodUid, ProcId, WaitStatus};
use crate::observe::without;
use crate::sys::pty::Size;

/// Grows with every change of a message; both sides are the same executable, so it differs only
/// when the file was replaced while the app ran.
pub const VERSION: u32 = 7;

/// Matches an [`Answer`] to its [`Request`].
pub type Call = u64;

/// What a node is started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How fast back-off runs.
    pub clock: DemoClock,
    /// Where the pods' addresses come from.
    pub range: Range,
    /// Whether to do without cgroups where there could be some.
    pub without_cgroups: bool,
    /// Whether to do with one user where there could be more.
    pub without_users: bool,
    /// Whether to do without overlayfs where there could be some.
    pub without_overlay: bool,
}

impl Options {
    /// The usual, but for what `PODSCOPE_WITHOUT` names.
    pub fn from_env() -> Self {
        Self {
            without_cgroups: without("cgroups"),
            without_users: without("users"),
            without_overlay: without("overlay"),
            ..Self::default()
        }
    }
}

/// A cgroup that is the node's to divide; its directory comes as a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// From the root of the hierarchy.
    pub path: String,
    /// Controllers that it passes on.
    pub controllers: Vec<String>,
}

/// App to node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To [`Report::Unshared`]: what has been mapped.
    Mapped(Mapped),
    /// To the launcher, before anything else.
    Place {
        grant: Option<Grant>,
        /// The user, and group, that root becomes.
        user: Option<u32>,
    },
    Hello {
        version: u32,
    },
    Run {
        call: Call,
        spec: Box<PodSpec>,
    },
    /// Other commands for some containers of a pod; nothing else differs from what runs.
    Replace {
        call: Call,
        pod: PodUid,
        spec: Box<PodSpec>,
        containers: Vec<String>,
    },
    /// One more container for a pod that runs.
    AddContainer {
        call: Call,
        pod: PodUid,
        container: Box<ContainerSpec>,
        ephemeral: bool,
    },
    /// This container is to end, and to be of its pod no more.
    RemoveContainer {
        call: Call,
        member: Member,
        grace_ms: Option<u64>,
    },
    /// What the pod is to be like now.
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
        /// `None`: it may run as long as it likes.
        timeout_ms: Option<u64>,
        /// Its streams are handed over in [`Report::Streams`] instead of being read by the node.
        streams: Option<Wanted>,
    },
    /// Ends what this call has started.
    CancelExec {
        call: Call,
    },
    /// What a container writes, as a stream of its own ([`Report::Streams`]), until this run of it ends.
    Attach {
        call: Call,
        member: Member,
        /// Its standard input as well.
        stdin: bool,
        since: Since,
        /// Until it runs, if it does not yet.
        wait: bool,
    },
    /// The streams of this call have been closed. With `keep`, a program with a terminal runs on; else its terminal
    /// hangs up (SIGHUP).
    Detach {
        call: Call,
        keep: bool,
    },
    Logs {
        call: Call,
        member: Member,
        which: Which,
    },
    /// To a container that obeys.
    Hand {
        call: Call,
        member: Member,
        step: HandStep,
    },
    /// All that the member writes from now on as [`Report::Log`], after what is kept of it.
    Follow {
        call: Call,
        member: Member,
    },
    /// No more of that.
    Unfollow {
        call: Call,
    },
    /// To [`Report::Bind`]: the listening sockets come with the packet, in the order asked for.
    Bound {
        pod: PodUid,
        /// On which ports they are.
        result: Result<Vec<u16>, String>,
    },
}

/// Node to app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// From the launcher: it is in its user namespace, and nobody is mapped there yet.
    Unshared,
    /// From the launcher, before it ends: the node's pid in the app's pid namespace.
    Launched {
        pid: i32,
    },
    /// The set-up did not get further than this.
    Refused {
        step: Step,
        errno: i32,
    },
    Hello {
        version: u32,
        node: ProcId,
    },
    Fact(Box<Delta>),
    /// The pod's host ports are to be listened on, in the host's network namespace, where the node is not.
    Bind {
        pod: PodUid,
        ports: Vec<u16>,
        /// Whether another may be taken in place of one that is taken.
        may_move: bool,
    },
    /// What a program run in a container has just written.
    ExecOutput {
        call: Call,
        stderr: bool,
        #[serde(with = "latin")]
        bytes: Vec<u8>,
    },
    /// Streams of a call come with the packet, in this order.
    Streams {
        call: Call,
        streams: Vec<Stream>,
    },
    /// The process has changed in a way that no event tells of.
    Look {
        id: ProcId,
    },
    /// What a member that is followed has written.
    Log {
        call: Call,
        /// All that is kept, in place of what was told before: at first, and when much was written while
        /// the app did not read.
        anew: bool,
        #[serde(with = "latin")]
        bytes: Vec<u8>,
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
        #[serde(with = "latin")]
        bytes: Vec<u8>,
    },
    NoSuchPod,
    NotRunning,
    Failed(String),
}

/// The streams that whoever runs a program in a container wants for himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// With a terminal there always is one.
    pub stdin: bool,
    pub terminal: bool,
    /// Of the terminal.
    pub size: Option<Size>,
}

/// One stream of a program, as its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    Stdin,
    Stdout,
    Stderr,
    /// The master of its terminal: for input and for its size, and for output unless there is [`Stream::Stdout`].
    Terminal,
}

/// What of a container's output comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// All that is kept of its present run.
    Start,
    Now,
}

/// Which part of a container's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// Of all runs.
    #[default]
    All,
    /// Of the run that began last, as `kubectl logs`.
    Last,
    /// Of the one before (`--previous`).
    Previous,
}

/// What a program run in a container said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutput {
    #[serde(with = "latin")]
    pub stdout: Vec<u8>,
    #[serde(with = "latin")]
    pub stderr: Vec<u8>,
    pub status: WaitStatus,
    /// It ran out of time and was killed.
    pub timed_out: bool,
    /// It was cancelled and killed.
    pub cancelled: bool,
    /// More was written than is kept.
    pub truncated: bool,
}

impl ExecOutput {
    /// Nothing was read of it here.
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

impl Step {
    /// As part of a sentence: "could not …".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "open its own executable",
            Self::Keyring => "leave the user's session keyring",
            Self::DropRoot => "give up root",
            Self::Unshare => "create a user namespace",
            Self::Setgroups => "deny setgroups in the user namespace",
            Self::UidMap => "map the user into the user namespace",
            Self::GidMap => "map the group into the user namespace",
            Self::Clone => "create pid, network, mount, IPC and UTS namespaces",
            Self::PrivateMounts => "make its mounts private",
            Self::Tmpfs => "mount a tmpfs",
            Self::Proc => "mount /proc",
            Self::HostRoot => "show the host's packages read-only",
            Self::Template => "prepare a container's root",
            Self::Pivot => "change its root",
            Self::Loopback => "bring up the loopback interface",
            Self::Bridge => "create the pod network's bridge",
            Self::Identify => "read its own pid in the host's /proc",
            Self::Loop => "set up its event loop",
        }
    }
}

/// Bytes as a string of the first 256 characters: readable, and smaller in JSON than numbers.
pub(crate) mod latin {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&bytes.iter().map(|b| char::from(*b)).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        text.chars().map(|c| u8::try_from(u32::from(c)).map_err(serde::de::Error::custom)).collect()
    }
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
