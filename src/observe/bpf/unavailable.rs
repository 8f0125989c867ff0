//! Why BPF cannot be used here.

use std::io;

use nix::errno::Errno;

use crate::model::{BpfProblem, Limitation, NsKind, OsError};
use crate::sys::limits;

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("switched off")]
    SwitchedOff,
    #[error("not permitted: it needs root, or CAP_BPF and CAP_PERFMON, in the initial user namespace")]
    NotPermitted,
    /// Its pids, or its times, are not those of `/proc` here.
    #[error("it needs the initial {0} namespace")]
    OtherNamespace(NsKind),
    #[error("this kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)")]
    NoTypes,
    /// The iterator or tracepoint of this name.
    #[error("this kernel has no {0}")]
    Missing(String),
    /// The last line of the verifier's log.
    #[error("the kernel refuses the program {program}: {reason}")]
    Refused { program: &'static str, reason: String },
    /// The program reads something that this kernel has in another form.
    #[error("the program {program} does not fit this kernel: {reason}")]
    Unfit { program: &'static str, reason: String },
    #[error("{what}: {reason}", reason = limits::reason_of(error))]
    Failed {
        what: &'static str,
        #[source]
        error: io::Error,
    },
}

impl Unavailable {
    /// The same for the World.
    pub fn limitation(&self) -> Limitation {
        Limitation::Bpf(match self {
            Self::SwitchedOff => return Limitation::SwitchedOff,
            Self::NotPermitted => BpfProblem::NotPermitted,
            Self::OtherNamespace(kind) => BpfProblem::OtherNamespace(*kind),
            Self::NoTypes => BpfProblem::NoTypes,
            Self::Missing(what) => BpfProblem::Missing { what: what.clone() },
            Self::Refused { program, reason } => {
                BpfProblem::Refused { program: (*program).to_owned(), reason: reason.clone() }
            }
            Self::Unfit { program, reason } => {
                BpfProblem::Unfit { program: (*program).to_owned(), reason: reason.clone() }
            }
            Self::Failed { what, error } => {
                BpfProblem::Failed { what: (*what).to_owned(), error: OsError::from(error) }
            }
        })
    }

    /// A failed system call. `EPERM` is what `bpf(2)` says to those who may not use it.
    pub(super) fn from_call(what: &'static str, error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPERM) => Self::NotPermitted,
            _ => Self::Failed { what, error },
        }
    }
}
