//! What others tell the observer.

use crate::model::{Delta, MonoNs, ProcId, WaitStatus};

/// Facts from the lab's node, to be fused with what the kernel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "moved once through a channel")]
pub enum Input {
    /// Already in the host's pids; identities are reconciled with the observer's own.
    Delta(Delta),
    /// A record of pause's report pipe: pause knows its child only by the pid inside the pod.
    PauseReaped { pause: ProcId, pid_in_pod: u32, status: WaitStatus, at: MonoNs },
    /// pause's report pipe was full: this many reaps were not told.
    PauseDropped { pause: ProcId, count: u32, at: MonoNs },
    /// Watch this process and all it will fork (the lab's node).
    Watch(ProcId),
    /// Read this process again: it has changed in a way that no event tells of.
    Look(ProcId),
}
