//! What others report to the observer.

use crate::model::{Delta, MonoNs, ProcId, Scope, WaitStatus};

/// Facts from the lab's node, to be reconciled with what the kernel reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "moved once through a channel")]
pub enum Input {
    /// Pids are the host's; identities are reconciled with the observer's own.
    Delta(Delta),
    /// A record of pause's report pipe: pause knows its child only by the pid inside the pod.
    PauseReaped { pause: ProcId, pid_in_pod: u32, status: WaitStatus, at: MonoNs },
    /// pause's report pipe was full: this many reaps were not reported.
    PauseDropped { pause: ProcId, count: u32, at: MonoNs },
    /// Watch this process and all its future descendants (the lab's node).
    Watch(ProcId),
    /// The same for several processes.
    WatchAll(Vec<ProcId>),
    /// Watch all processes of the machine from now on, or only those that were named and their descendants.
    Observe(Scope),
    /// Read this process again: it has changed in a way that no event reports.
    Reread(ProcId),
}
