//! pause's birth: the process that holds a pod's namespaces.

use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, execve, pivot_root, sethostname};

use super::birth::{self, Failure};
use super::ground::PAUSE_ROOT;
use super::seccomp::Filter;
use super::streams;
use crate::lab::spec::PodSpec;
use crate::model::SandboxKind;
use crate::sys::fork::{self, Alone, Child};

/// What the node keeps of a pause it has started.
pub struct Started {
    pub child: Child,
    /// Records of what it reaps.
    pub report: OwnedFd,
    /// Both its standard streams.
    pub output: OwnedFd,
    /// A [`Failure`], or nothing once it runs.
    pub error: OwnedFd,
}

/// Namespaces made with the sandbox; of the others it uses the node's.
#[derive(Clone, Copy, Debug)]
pub struct Namespaces(CloneFlags);

impl Namespaces {
    pub fn of(spec: &PodSpec) -> Self {
        // mounts of its own, so that it holds none of the host's
        let mut flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
        // a pod on the node's network has the node's name, as with a kubelet
        flags.set(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS, !spec.host.net);
        flags.set(CloneFlags::CLONE_NEWIPC, !spec.host.ipc);
        Self(flags)
    }

    pub const fn flags(self) -> CloneFlags {
        self.0
    }

    /// Whether its host name may be set.
    pub const fn own_name(self) -> bool {
        self.0.contains(CloneFlags::CLONE_NEWUTS)
    }
}

pub fn start(
    alone: &Alone,
    filter: &Filter,
    hostname: &str,
    spec: &PodSpec,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Started, Errno> {
    let (kind, namespaces) = (&spec.sandbox, Namespaces::of(spec));
    let (report, report_in) = super::output::pipe()?;
    let (output, output_in) = super::output::pipe()?;
    let (error, error_in) = super::output::pipe()?;
    let child = fork::spawn_in(alone, namespaces.flags(), cgroup, || {
        let failure =
            become_pause(filter, namespaces.own_name().then_some(hostname), kind, &report_in, &output_in, &error_in);
        birth::tell(&error_in, &failure);
        127
    })?;
    Ok(Started { child, report, output, error })
}

/// In a mount namespace of its own: pause's root holds its executable and nothing else, and nothing of the node's or the
/// host's stays in reach.
pub fn leave_the_nodes_root() -> Result<(), Errno> {
    chdir(PAUSE_ROOT)
        .and_then(|()| pivot_root(".", "."))
        .and_then(|()| umount2(".", MntFlags::MNT_DETACH))
        .and_then(|()| chdir("/"))
}

fn become_pause(
    filter: &Filter,
    hostname: Option<&str>,
    kind: &SandboxKind,
    report: &OwnedFd,
    output: &OwnedFd,
    error: &OwnedFd,
) -> Failure {
    let attempt = || -> Result<(), (&str, Errno)> {
        if let Some(hostname) = hostname {
            sethostname(hostname).map_err(|e| ("set the pod's hostname", e))?;
        }
        streams::begin_session(None, output, output).map_err(|e| ("set up standard streams", e))?;
        // a namespace made by clone3 would have the node's cgroup as its root, and not pause's own
        unshare(CloneFlags::CLONE_NEWCGROUP).map_err(|e| ("create a cgroup namespace", e))?;
        leave_the_nodes_root().map_err(|e| ("change pause's root", e))?;
        // it needs no capability to reap
        birth::confine(&[], filter, &[report.as_fd(), error.as_fd()]).map_err(|e| ("confine pause", e))?;
        fcntl(report, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|e| ("hand over the report pipe", e))?;
        let fd = report.as_raw_fd().to_string();
        let delay;
        let mut argv = vec!["/pause", "--report-fd", &fd];
        match kind {
            SandboxKind::PauseNoReap => argv.push("--no-reap"),
            SandboxKind::PauseDelay(ms) => {
                delay = ms.to_string();
                argv.extend(["--reap-delay-ms", &delay]);
            }
            SandboxKind::Pause | SandboxKind::Infra(_) | SandboxKind::Missing => {}
        }
        let argv: Vec<_> = argv.into_iter().filter_map(|a| std::ffi::CString::new(a).ok()).collect();
        let env: [&std::ffi::CStr; 0] = [];
        if *kind == SandboxKind::Missing {
            let Err(e) = execve(c"/missing/pause", &argv, &env);
            return Err(("failed to get the sandbox image: execute /missing/pause", e));
        }
        let Err(e) = execve(c"/pause", &argv, &env);
        Err(("execute /pause", e))
    };
    match attempt() {
        Ok(()) => Failure::create("execute /pause", Errno::ENOENT),
        Err((what, e)) => Failure::create(what, e),
    }
}
