//! Errors of a lab.

use crate::lab::protocol::Step;
use crate::model::{Member, OsError, PodUid};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The kernel or its configuration does not let an ordinary user run pods.
    #[error("{0}")]
    UserNamespaces(Box<Forbidden>),
    /// The node's process could not be started.
    #[error("the lab's node could not be started: {0}")]
    Start(String),
    /// The node has ended, and every pod with it.
    #[error("the lab's node has ended; start the lab again")]
    NodeGone,
    #[error("there is no pod {0}")]
    NoSuchPod(PodUid),
    #[error("{} is not running", .0.name())]
    NotRunning(Member),
    #[error("{0}")]
    Refused(String),
    #[error("the lab's node did not answer within {0:?}")]
    NoAnswer(std::time::Duration),
}

/// What forbids pods on this machine. `crate::wording::forbidden` has the cause and the remedy in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step:?}: {error:?}: {obstacle:?}")]
pub struct Forbidden {
    /// The step of the node's set-up that failed.
    pub step: Step,
    pub error: OsError,
    pub obstacle: Obstacle,
}

/// What keeps the node from being set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `user.max_user_namespaces` is 0.
    NoUserNamespaces,
    /// `kernel.unprivileged_userns_clone` is 0 (Debian's kernels).
    UserNamespacesOfRootOnly,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 and no profile allows user namespaces to this program.
    AppArmor {
        exe: String,
    },
    /// The limit of open files is reached.
    OpenFiles,
    Memory,
    /// The limit of processes is reached, the user's or the cgroup's.
    Processes,
    /// `user.max_KIND_namespaces` is 0 for this kind, such as `net`.
    NoNamespaces {
        kind: String,
    },
    /// The limit of namespaces is reached, or user namespaces are nested more than 32 deep.
    TooManyNamespaces,
    /// The kernel is built without `CONFIG_USER_NS`.
    NotBuilt,
    /// A seccomp filter is active, as in a container.
    Seccomp,
    /// The kernel or a security module denies user namespaces, as in a chroot.
    Denied,
    /// Parts of /proc are covered by mounts, as in a container (`mount_too_revealing` in fs/namespace.c).
    ProcMasked,
    /// A security module denies what the kernel allows in a user namespace.
    SecurityModule,
    /// The kernel is older than 5.12.
    NoMountSetattr,
    /// The root file system is the kernel's initial one (pivot_root(2)).
    InitialRoot,
    /// The kernel has no bridges, or their module is not loaded.
    NoBridges,
    /// Only the error is known.
    Other,
}
