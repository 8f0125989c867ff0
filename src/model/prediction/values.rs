//! What follows from a signal, one value for each thing that can be said about it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{NsKind, ProcId, RestartPolicy, Runtime};

/// One thing that follows from a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    Reaction(Reaction),
    /// The target is the init of its pid namespace: the kernel kills these.
    PidNamespaceEnds(BTreeSet<ProcId>),
    /// The target is pause, and no other process is in its pid namespace.
    AloneInPidNamespace,
    /// The target is the first process of this container: the lab kills these, which it leaves behind.
    LeftoversKilled {
        container: String,
        processes: BTreeSet<ProcId>,
    },
    /// Children of the target that live on. `adopter` is `None` if it is not known.
    Orphans {
        processes: BTreeSet<ProcId>,
        adopter: Option<ProcId>,
    },
    /// Children of the target that have ended and are not reaped.
    ZombieChildren {
        processes: BTreeSet<ProcId>,
        fate: ZombieFate,
    },
    /// The end of the target itself as a zombie.
    Reaping(Reaping),
    /// Namespaces of these kinds have no process left, and end: they are a lab's, in which nothing else holds them.
    NamespacesReleased(Vec<NsKind>),
    /// Namespaces of these kinds have no process left. What else may hold them is not known: an engine mounts the network
    /// namespaces of its pods.
    NamespacesEmptied(Vec<NsKind>),
    /// So many processes of the pod live on, in pid namespaces of their own.
    MembersLiveOn {
        count: usize,
        /// Their network stays as it is: no engine takes it away.
        keep_network: bool,
    },
    /// The lab then stops the other containers.
    ContainersStopped,
    /// The pod gets a new sandbox. `ip` is the address that it loses.
    NewSandbox {
        pod: String,
        ip: Option<IpAddr>,
    },
    VolumesKept(Vec<String>),
    /// The pod has no sandbox any more.
    SandboxLost {
        pod: String,
        ip: Option<IpAddr>,
    },
    /// `code` is its exit code as Kubernetes shows it.
    ContainerTerminated {
        container: String,
        code: i32,
        is_restarted: bool,
    },
    /// The pod is finished, so the lab ends its sandbox.
    PodFinished {
        pod: String,
        ip: Option<IpAddr>,
    },
    /// The pod stays, since this process holds its namespaces.
    PodStays {
        holder: ProcId,
    },
    /// This process holds the namespaces that the pod's members share, and lives on.
    NamespacesStay {
        holder: ProcId,
    },
    /// What comes next is another engine's decision, whose rules are not Podscope's.
    EngineDecides {
        engine: Runtime,
        about: Decision,
    },
    /// A stop of the container would take the whole grace period, since TERM does nothing.
    StopTakesGracePeriod,
    /// If the target decides to end, this container ends with it.
    ContainerMayEnd(String),
    /// The target is a zombie that this parent must reap; `None` if the parent is not known. `fate` is what happens if
    /// that parent ends.
    MustBeReaped {
        parent: Option<ProcId>,
        fate: ZombieFate,
    },
}

/// What an engine decides about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Whether the container is started again. `policy` is what the engine has told of it.
    Restart { policy: Option<RestartPolicy> },
    /// What becomes of the other processes of a container whose first process has ended. Most engines kill them.
    Leftovers { processes: BTreeSet<ProcId> },
    /// What becomes of a pod whose sandbox has ended.
    Sandbox { pod: String },
}

/// How the target reacts, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    IsGone,
    IsZombie,
    /// By the signal's default action.
    Ends,
    /// The same for the init of a pid namespace.
    EndsAtOnce,
    /// The lab's pause handles the signal and exits.
    PauseExits,
    /// The lab's pause reaps what has ended.
    PauseReaps,
    WaitsInSigtimedwait,
    HasHandler,
    HoldsSignalfd,
    /// It waits for signals, perhaps for this one.
    MayWaitForIt(Otherwise),
    PendingWhileStopped,
    /// The first thread blocks it, and another one may take it.
    PendingForThread,
    PendingWhileBlocked,
    PauseStops,
    Stops,
    StopsUnlessOrphaned,
    PauseContinues,
    Continues,
    Ignores,
    IsStoppedAlready,
    IgnoresByDefault,
    /// It is PID 1 of its namespace and has no handler.
    DroppedForInit,
    NotReached,
}

/// What happens if the target does not wait for the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    Nothing,
    Stops,
    /// The kernel drops the signal, since the target is PID 1.
    Dropped,
    Ends,
}

/// Who reaps the target after its end, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaping {
    /// The node, its parent, at once.
    ByNode,
    /// pause, at once.
    ByPause,
    /// This pause does not reap.
    Never,
    /// The kernel at once, since the parent ignores SIGCHLD.
    ByKernel { parent: ProcId },
    /// The parent when it waits for it.
    ByParent(ProcId),
    /// The same, but the parent is stopped.
    ByStoppedParent(ProcId),
    /// The parent is in the pod, and not known.
    ByUnknownParent,
    /// The parent is outside of the pod.
    ByOutsideParent,
}

/// What happens to a zombie when its parent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZombieFate {
    /// The kernel reaps it with the pid namespace.
    ReapedWithNamespace,
    /// This process adopts and reaps it.
    Reaped(ProcId),
    /// This process adopts it and never reaps.
    NeverReaped(ProcId),
    /// This process adopts it and ignores SIGCHLD, so the kernel reaps it.
    ReapedByKernel(ProcId),
    /// This process adopts it, and may wait for it.
    Adopted(ProcId),
    /// The adopter is not known.
    Unknown,
}
