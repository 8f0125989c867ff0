//! Why something is not observed, or not all of it.

use serde::{Deserialize, Serialize};

use super::{NsKind, OsError, Search};

/// Why a [`Capability`](super::Capability) covers only a part, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limitation {
    /// It was switched off, as by `PODSCOPE_WITHOUT`.
    SwitchedOff,
    Connector(ConnectorProblem),
    /// `pidfd_open(2)` fails with this error. Linux has it since 5.3.
    NoPidfds(OsError),
    /// `PIDFD_GET_INFO` fails with this error. Linux has it since 6.15.
    NoPidfdInfo(OsError),
    /// So many processes have a pidfd, half as many as the limit of open files allows; others would be too many.
    PidfdsUsedUp {
        held: usize,
    },
    /// A pidfd of some process could not be opened or watched.
    PidfdRefused(OsError),
    /// /proc is mounted with this value of `hidepid=` (proc(5)).
    ProcessesHidden {
        hidepid: String,
    },
    /// The mounts cannot be read, so it is not known whether /proc hides processes.
    MountsUnknown(OsError),
    /// So many processes may not be read.
    ProcessesDenied {
        count: usize,
    },
    /// Reading so many processes failed; `error` is that of one of them.
    ProcessesFailed {
        count: usize,
        error: OsError,
    },
    /// The list of all processes could not be read.
    ProcessListFailed(OsError),
    /// The namespaces of so many of all processes may not be read.
    NamespacesDenied {
        count: usize,
        all: usize,
    },
    /// Open files and bind mounts are not searched for.
    HoldersNotSearched,
    /// Some of what may hold a namespace could not be read.
    HoldersMissed(Box<Search>),
    Bpf(BpfProblem),
    Cgroup(CgroupProblem),
    /// The lab's cgroup does not have these controllers.
    ControllersMissing {
        cgroup: String,
        controllers: Vec<String>,
    },
    /// The observer has failed and will start again.
    ObserverFailed(ObserverFailure),
    /// The observer has failed so many times, at last for this reason, and was started again.
    ObserverRestarted {
        failures: u32,
        last: ObserverFailure,
    },
}

/// Why there is no proc connector (`drivers/connector/cn_proc.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorProblem {
    /// `EPERM`: before Linux 6.6 only root and `CAP_NET_ADMIN` may use it.
    NotPermitted,
    /// `EPROTONOSUPPORT`: the kernel is built without `CONFIG_PROC_EVENTS`.
    NotBuilt,
    /// `ECONNREFUSED`: this is not the initial network namespace.
    OtherNetworkNamespace,
    /// The kernel does not acknowledge the request, as it does outside the initial pid and user namespaces.
    NoAnswer,
    Failed(OsError),
}

/// Why BPF cannot be used (bpf(2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BpfProblem {
    /// It needs root, or `CAP_BPF` and `CAP_PERFMON`, in the initial user namespace.
    NotPermitted,
    /// Its pids, or its times, are those of the initial namespace of this kind, and we are in another.
    OtherNamespace(NsKind),
    /// The kernel does not describe its types (`CONFIG_DEBUG_INFO_BTF`).
    NoTypes,
    /// The kernel does not have the iterator of this name.
    Missing { what: String },
    /// The kernel's verifier refuses this program; `reason` is the end of its log.
    Refused { program: String, reason: String },
    /// This program reads something that the kernel has in another form.
    Unfit { program: String, reason: String },
    /// This call, or reading this file, failed.
    Failed { what: String, error: OsError },
    /// The thread that loads the programs has panicked.
    NotLoaded,
}

/// Why the lab has no cgroup. Each `cgroup` is a path from the root of the hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupProblem {
    /// Version 2 is not mounted here.
    NotMounted,
    /// The process is in no cgroup of version 2.
    NoCgroup,
    /// The cgroup is not part of the hierarchy that is mounted here.
    NotInHierarchy,
    /// The cgroup is not delegated to this user.
    NotDelegated {
        cgroup: String,
    },
    ReadOnly,
    /// No cgroup could be made below this one.
    NotMade {
        below: String,
        error: OsError,
    },
    /// The lab's own cgroup could not be opened.
    NotOpened {
        cgroup: String,
        error: OsError,
    },
    /// The lab's own cgroup could not be divided among node and pods.
    NotDivided {
        cgroup: String,
        error: OsError,
    },
    /// The process that would remove the cgroup could not be started.
    NoCleanup(OsError),
    /// systemd gives no scope; `message` is its own, or that of D-Bus.
    ScopeRefused {
        message: String,
    },
    /// The thread that asks systemd could not be started.
    ScopeNotRequested(OsError),
    /// The job that starts the scope has ended with this `result` (org.freedesktop.systemd1(5), `JobRemoved`).
    ScopeFailed {
        unit: String,
        result: String,
    },
    /// The bus has closed the connection.
    BusClosed,
    /// systemd did not start the scope in time.
    ScopeLate {
        unit: String,
        timeout_ms: u64,
    },
    /// systemd started the scope, and the node is in another cgroup, or in none that is known.
    ScopeEmpty {
        unit: String,
        cgroup: Option<String>,
    },
}

/// What ended a run of the observer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObserverFailure {
    /// This call, or reading this file, failed.
    Failed { what: String, error: OsError },
    /// Its code panicked with this message.
    Panic(String),
}
