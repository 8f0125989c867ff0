//! Starts the process of a container, and programs that are executed in one.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{read, sethostname};

use super::errno_of;
use super::leftovers;
use super::namespace::within;
use super::network;
use super::output;
use super::packages::Part;
use super::process::{self, Failure, ProcessSpec, Program};
use super::root;
use super::sandbox::Namespaces;
use super::streams::{self, NodeEnds, ProgramEnds};
use super::volumes::Mounts;
use crate::lab::spec::Join;
use crate::sys::fork::{self, Child, SingleThreaded};

/// The holder of the namespaces that the containers of a pod share.
pub enum Holder {
    /// pause, or the container in its place.
    Joined(OwnedFd),
    /// This container itself. It waits for a byte from `gate` before it continues.
    New { hostname: String, namespaces: Namespaces, gate: OwnedFd },
}

/// The pid namespace that a container starts in.
pub enum PidSpace {
    Node,
    /// That of the holder of the pod's namespaces.
    Holder,
    /// Its own, in which it is PID 1: a child of the node's pid namespace, next to that of pause.
    Own,
    /// That of another container.
    Of(OwnedFd),
}

/// The namespaces and the root that a container starts in.
pub struct Place<'a> {
    pub holder: &'a Holder,
    /// The namespaces, except pid, that it shares with the pod. The others are its own.
    pub join: Join,
    pub pid: PidSpace,
    pub hostname: &'a str,
    /// The node's own pid namespace, to return to.
    pub own_pid_ns: &'a OwnedFd,
    pub parts: &'a [Part],
    pub pod_files: &'a str,
    pub mounts: &'a Mounts,
    /// Whether all its files except its volumes are read-only.
    pub read_only: bool,
}

/// What the node keeps of a process it has started.
pub struct Started {
    pub child: Child,
    pub streams: NodeEnds,
    /// The pipe with a [`Failure`], or nothing once the program runs.
    pub error: OwnedFd,
}

/// Every kind of namespace that a pod may share, except pid.
const KINDS: CloneFlags = CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWIPC).union(CloneFlags::CLONE_NEWUTS);

fn shared(join: &Join) -> CloneFlags {
    let mut flags = CloneFlags::empty();
    flags.set(CloneFlags::CLONE_NEWNET, join.net);
    flags.set(CloneFlags::CLONE_NEWIPC, join.ipc);
    flags.set(CloneFlags::CLONE_NEWUTS, join.uts);
    flags
}

pub fn start(alone: &SingleThreaded, place: &Place<'_>, spec: &ProcessSpec<'_>) -> Result<Started, Errno> {
    let root = |streams: &ProgramEnds<'_>| -> Result<(), Failure> {
        streams.install()?;
        // its own mount namespace and cgroup namespace; the root of the latter is the cgroup that it starts in
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
            .map_err(|e| Failure::create("create mount and cgroup namespaces", e))?;
        root::enter(place.parts, place.pod_files, place.mounts, place.read_only)?;
        streams.open_terminal(spec.identity.user)
    };
    match place.holder {
        Holder::New { hostname, namespaces, gate } => {
            let enter = |streams: &ProgramEnds<'_>| -> Result<(), Failure> {
                if namespaces.own_name() {
                    sethostname(hostname).map_err(|e| Failure::create("set the pod's hostname", e))?;
                }
                while read(gate, &mut [0]) == Err(Errno::EINTR) {}
                root(streams)
            };
            // `root` creates its mount namespace
            launch(alone, namespaces.flags() - CloneFlags::CLONE_NEWNS, enter, spec)
        }
        Holder::Joined(holder) => {
            let enter = |streams: &ProgramEnds<'_>| -> Result<(), Failure> {
                // join the pod: the shared namespaces are the holder's
                let shared = shared(&place.join);
                // without flags `setns(2)` fails with EINVAL
                if !shared.is_empty() {
                    setns(holder, shared).map_err(|e| Failure::create("join the pod's namespaces", e))?;
                }
                alone_in(KINDS - shared, place.hostname)?;
                root(streams)
            };
            let target = match &place.pid {
                PidSpace::Node => return launch(alone, CloneFlags::empty(), enter, spec),
                PidSpace::Own => return launch(alone, CloneFlags::CLONE_NEWPID, enter, spec),
                PidSpace::Holder => holder,
                PidSpace::Of(container) => container,
            };
            within(target, place.own_pid_ns, CloneFlags::CLONE_NEWPID, || {
                launch(alone, CloneFlags::empty(), enter, spec)
            })?
        }
    }
}

/// Creates the namespaces that this container does not share.
fn alone_in(kinds: CloneFlags, hostname: &str) -> Result<(), Failure> {
    if kinds.is_empty() {
        return Ok(());
    }
    unshare(kinds).map_err(|e| Failure::create("create the container's own namespaces", e))?;
    if kinds.contains(CloneFlags::CLONE_NEWUTS) {
        sethostname(hostname).map_err(|e| Failure::create("set the container's hostname", e))?;
    }
    if kinds.contains(CloneFlags::CLONE_NEWNET) {
        network::loopback().map_err(|e| Failure::create("bring up loopback", errno_of(&e)))?;
    }
    Ok(())
}

/// Executes a program in all namespaces of a running container.
pub fn exec(
    alone: &SingleThreaded,
    container: &OwnedFd,
    own_pid_ns: &OwnedFd,
    spec: &ProcessSpec<'_>,
) -> Result<Started, Errno> {
    let enter = |streams: &ProgramEnds<'_>| -> Result<(), Failure> {
        streams.install()?;
        // joining the mount namespace also sets the root and the working directory
        setns(container, KINDS | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
            .map_err(|e| Failure::create("join the container's namespaces", e))?;
        streams.open_terminal(spec.identity.user)
    };
    within(container, own_pid_ns, CloneFlags::CLONE_NEWPID, || launch(alone, CloneFlags::empty(), enter, spec))?
}

fn launch(
    alone: &SingleThreaded,
    flags: CloneFlags,
    enter: impl FnOnce(&ProgramEnds<'_>) -> Result<(), Failure>,
    spec: &ProcessSpec<'_>,
) -> Result<Started, Errno> {
    let (streams, theirs) = streams::make(&spec.stdio)?;
    let (error, error_in) = output::pipe()?;
    let child = fork::spawn_in(alone, flags, spec.cgroup, || {
        let failure = leftovers::mark(spec.mark)
            .map_err(|e| Failure::create("mark the container's processes", e))
            .and_then(|()| enter(&theirs))
            .and_then(|()| {
                let mut kept = vec![error_in.as_fd()];
                if let Program::StandIn(exe) = spec.program {
                    kept.push(exe.as_fd());
                }
                process::confine(&spec.capabilities, spec.filter, &kept)
                    .map_err(|e| Failure::create("confine the container", e))
                    .and_then(|()| process::become_user(&spec.identity, &spec.capabilities))
            })
            .err()
            .unwrap_or_else(|| process::become_program(spec));
        process::report_failure(&error_in, &failure);
        127
    })?;
    Ok(Started { child, streams, error })
}
