//! A container's birth, and that of a program run in one.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::birth::{self, Failure, Start};
use super::ground::Part;
use super::output;
use super::root;
use super::volumes::Mounts;
use crate::sys::caps;
use crate::sys::fork::{self, Alone, Child};

/// Where a container starts and what it finds there.
pub struct Place<'a> {
    /// pause of its pod.
    pub pause: &'a OwnedFd,
    /// pause's pid namespace instead of one of its own.
    pub share_pid: bool,
    /// The node's own pid namespace, to come back to.
    pub home: &'a OwnedFd,
    pub parts: &'a [Part],
    pub pod_files: &'a str,
    pub mounts: &'a Mounts,
}

/// What the node keeps of a process it has started.
pub struct Started {
    pub child: Child,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// A [`Failure`], or nothing once the program runs.
    pub error: OwnedFd,
}

/// The pod's namespaces that every container is in.
fn shared() -> CloneFlags {
    CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS
}

pub fn start(alone: &Alone, place: &Place<'_>, program: &Start<'_>) -> Result<Started, Errno> {
    let birth = |out: &OwnedFd, err: &OwnedFd| -> Result<(), Failure> {
        // into the pod: what its containers share is pause's
        setns(place.pause, shared()).map_err(|e| Failure::create("join the pod's namespaces", e))?;
        birth::streams(out, err).map_err(|e| Failure::create("set up standard streams", e))?;
        // mounts are the container's own
        unshare(CloneFlags::CLONE_NEWNS).map_err(|e| Failure::create("create a mount namespace", e))?;
        root::enter(place.parts, place.pod_files, place.mounts)
    };
    if place.share_pid {
        in_pid_namespace(place.pause, place.home, || launch(alone, CloneFlags::empty(), birth, program))
    } else {
        // its own PID 1, below the node and beside pause
        launch(alone, CloneFlags::CLONE_NEWPID, birth, program)
    }
}

/// Runs a program in all namespaces of a container that runs.
pub fn exec(alone: &Alone, container: &OwnedFd, home: &OwnedFd, program: &Start<'_>) -> Result<Started, Errno> {
    let birth = |out: &OwnedFd, err: &OwnedFd| -> Result<(), Failure> {
        birth::streams(out, err).map_err(|e| Failure::create("set up standard streams", e))?;
        // with the mount namespace come its root and its working directory
        setns(container, shared() | CloneFlags::CLONE_NEWNS)
            .map_err(|e| Failure::create("join the container's namespaces", e))
    };
    in_pid_namespace(container, home, || launch(alone, CloneFlags::empty(), birth, program))
}

/// A pid namespace is joined by children only (`setns(2)`), so the node turns there and back.
fn in_pid_namespace<T>(target: &OwnedFd, home: &OwnedFd, work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    setns(target, CloneFlags::CLONE_NEWPID)?;
    let result = work();
    setns(home, CloneFlags::CLONE_NEWPID)?;
    result
}

fn launch(
    alone: &Alone,
    flags: CloneFlags,
    birth: impl FnOnce(&OwnedFd, &OwnedFd) -> Result<(), Failure>,
    program: &Start<'_>,
) -> Result<Started, Errno> {
    let (stdout, stdout_in) = output::pipe()?;
    let (stderr, stderr_in) = output::pipe()?;
    let (error, error_in) = output::pipe()?;
    let child = fork::spawn(alone, flags, || {
        let failure = birth(&stdout_in, &stderr_in)
            .and_then(|()| birth::confine(&caps::CONTAINER).map_err(|e| Failure::create("confine the container", e)))
            .err()
            .unwrap_or_else(|| birth::become_program(program));
        birth::tell(&error_in, &failure);
        127
    })?;
    Ok(Started { child, stdout, stderr, error })
}
