//! What the observer can and cannot see on this machine.

use serde::{Deserialize, Serialize};

use super::Limitation;

/// A capability of the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Births, execs and exits at the kernel's own time.
    ProcConnector,
    /// Exit and reap of watched processes as they happen.
    Pidfd,
    /// The exit status of a process that is not our child (`PIDFD_GET_INFO`, Linux 6.15).
    PidfdExitInfo,
    /// Other users' processes in /proc (`hidepid`).
    Processes,
    /// `/proc/PID/ns/*` of other users' processes.
    Namespaces,
    /// Open files and bind mounts that keep a namespace alive.
    Holders,
    /// Processes and open files read from the kernel by BPF. Without it they are read from /proc, which takes longer.
    Bpf,
    /// A cgroup for each container of the lab, which counts its usage.
    Cgroups,
    /// Who sends which signal to whom, and kills for lack of memory (BPF).
    Signals,
    /// The observer itself; reported only after it has failed.
    Observer,
}

impl Capability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProcConnector => "proc connector",
            Self::Pidfd => "pidfd",
            Self::PidfdExitInfo => "pidfd exit info",
            Self::Processes => "processes",
            Self::Namespaces => "namespaces",
            Self::Holders => "namespace holders",
            Self::Bpf => "bpf",
            Self::Cgroups => "cgroups",
            Self::Signals => "signals",
            Self::Observer => "observer",
        }
    }
}

/// How much of an [`Capability`] is covered on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    Full,
    /// A part of it, and what keeps it from being everything.
    Partial(Vec<Limitation>),
    /// None of it, and why.
    Missing(Limitation),
}

impl Coverage {
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// What keeps it from being full.
    pub const fn limitations(&self) -> &[Limitation] {
        match self {
            Self::Full => &[],
            Self::Partial(all) => all.as_slice(),
            Self::Missing(one) => std::slice::from_ref(one),
        }
    }
}
