//! Starts pause, the process that holds a pod's namespaces.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, execve, pivot_root, sethostname};

use super::process::{self, Failure};
use super::rootfs_template::{PAUSE_ROOT, mount_, read_only};
use super::seccomp::Filter;
use super::streams;
use super::volumes;
use crate::lab::spec::PodSpec;
use crate::model::{PodUid, SandboxKind};
use crate::sys::fork::{self, Child, SingleThreaded};

/// What the node keeps of a pause it has started.
pub struct Started {
    pub child: Child,
    /// The pipe with a record of each process that it reaps.
    pub report: OwnedFd,
    /// The pipe of its standard output and error.
    pub output: OwnedFd,
    /// The pipe with a [`Failure`], or nothing once it runs.
    pub error: OwnedFd,
}

/// The namespaces that are created with the sandbox. Those of other kinds are the node's.
#[derive(Clone, Copy, Debug)]
pub struct Namespaces(CloneFlags);

impl Namespaces {
    pub fn of(spec: &PodSpec) -> Self {
        // a mount namespace of its own, so that it holds none of the host's mounts
        let mut flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
        // a pod on the node's network has the node's host name, as with a kubelet
        flags.set(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS, !spec.host.net);
        flags.set(CloneFlags::CLONE_NEWIPC, !spec.host.ipc);
        Self(flags)
    }

    pub const fn flags(self) -> CloneFlags {
        self.0
    }

    /// Whether the pod has a UTS namespace, so that its host name may be set.
    pub const fn own_name(self) -> bool {
        self.0.contains(CloneFlags::CLONE_NEWUTS)
    }
}

/// Stores the program of a pod's own pause in a directory that holds nothing else.
pub fn write_own_pause(uid: &PodUid, program: &[u8]) -> io::Result<()> {
    let dir = own_pause_dir(uid);
    fs::create_dir_all(&dir)?;
    let file = format!("{dir}/pause");
    fs::write(&file, program)?;
    fs::set_permissions(&file, Permissions::from_mode(0o555))
}

fn own_pause_dir(uid: &PodUid) -> String {
    format!("{}/pause", volumes::pod_files(uid))
}

pub fn start(
    alone: &SingleThreaded,
    filter: &Filter,
    hostname: &str,
    uid: &PodUid,
    spec: &PodSpec,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Started, Errno> {
    let (kind, namespaces, own) = (&spec.sandbox, Namespaces::of(spec), own_pause_dir(uid));
    let (report, report_in) = super::output::pipe()?;
    let (output, output_in) = super::output::pipe()?;
    let (error, error_in) = super::output::pipe()?;
    let child = fork::spawn_in(alone, namespaces.flags(), cgroup, || {
        let failure = become_pause(
            filter,
            namespaces.own_name().then_some(hostname),
            (kind, &own),
            &report_in,
            &output_in,
            &error_in,
        );
        process::report_failure(&error_in, &failure);
        127
    })?;
    Ok(Started { child, report, output, error })
}

/// Changes to pause's root, which holds only its executable. Nothing of the node or the host stays reachable. The
/// caller must be in a mount namespace of its own.
pub fn pivot_to_pause_root() -> Result<(), Errno> {
    pivot_to(PAUSE_ROOT)
}

/// Does the same for the root of a pod's own pause.
fn pivot_to_own_pause_root(root: &str) -> Result<(), Errno> {
    mount_(Some(root), root, None, MsFlags::MS_BIND, None)?;
    read_only(root)?;
    pivot_to(root)
}

fn pivot_to(root: &str) -> Result<(), Errno> {
    chdir(root)
        .and_then(|()| pivot_root(".", "."))
        .and_then(|()| umount2(".", MntFlags::MNT_DETACH))
        .and_then(|()| chdir("/"))
}

fn become_pause(
    filter: &Filter,
    hostname: Option<&str>,
    (kind, own): (&SandboxKind, &str),
    report: &OwnedFd,
    output: &OwnedFd,
    error: &OwnedFd,
) -> Failure {
    let attempt = || -> Result<(), (&str, Errno)> {
        if let Some(hostname) = hostname {
            sethostname(hostname).map_err(|e| ("set the pod's hostname", e))?;
        }
        streams::begin_session(None, output, output).map_err(|e| ("set up standard streams", e))?;
        // a namespace made by clone3 would have the node's cgroup as its root instead of pause's own
        unshare(CloneFlags::CLONE_NEWCGROUP).map_err(|e| ("create a cgroup namespace", e))?;
        let is_own = matches!(kind, SandboxKind::Own(_));
        let left = if is_own { pivot_to_own_pause_root(own) } else { pivot_to_pause_root() };
        left.map_err(|e| ("change pause's root", e))?;
        // reaping needs no capability
        process::confine(&[], filter, &[report.as_fd(), error.as_fd()]).map_err(|e| ("confine pause", e))?;
        let fd = report.as_raw_fd().to_string();
        let delay;
        let mut argv = vec!["/pause"];
        if !is_own {
            fcntl(report, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|e| ("hand over the report pipe", e))?;
            argv.extend(["--report-fd", &fd]);
        }
        match kind {
            SandboxKind::PauseNoReap => argv.push("--no-reap"),
            SandboxKind::PauseDelay(ms) => {
                delay = ms.to_string();
                argv.extend(["--reap-delay-ms", &delay]);
            }
            // a pod's own pause does not know our options
            SandboxKind::Own(_) | SandboxKind::Pause | SandboxKind::Infra(_) | SandboxKind::Missing => {}
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
