//! The process that removes the lab's cgroup.
//!
//! When the app dies, by whatever signal, the kernel ends the node and every pod, but their cgroups remain (only
//! systemd removes its scopes). So a separate process outside these cgroups waits for the end of the app. It also
//! cleans up when the app ends normally, so that there is only one way of cleaning up, which is always used.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{chdir, read, setsid};

use super::populated;
use crate::lab::protocol::modes;
use crate::sys::fork;
use crate::sys::signals;

/// How soon to find that another lab, which is starting, has removed the cgroup as left behind. The kernel does not tell
/// this: it holds back an event that follows another one within 10 ms, and a removal drops what is held back
/// (`cgroup_file_notify` and `cgroup_rm_file` in kernel/cgroup/cgroup.c).
const RECHECK_MS: u16 = 500;

/// The process that waits until this process ends or drops this value, and then removes a cgroup and those below it.
#[derive(Debug)]
pub struct Cleanup {
    process: Child,
    /// Nothing is written to it: the cleanup process waits until it is closed, which happens at the latest when this
    /// process ends.
    alive: Option<ChildStdin>,
}

impl Cleanup {
    /// Starts the process from `exe`, the app's own executable. The cgroup need not exist yet.
    pub fn start(exe: &Path, directory: &Path) -> io::Result<Self> {
        // keeps no file of the user and no socket of the app open
        fork::close_on_exec_from(3)?;
        let mut process = Command::new(exe)
            .arg0("podscope")
            .arg(modes::CLEANUP)
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let alive = process.stdin.take();
        Ok(Self { process, alive })
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.alive.take();
        let _ = self.process.wait();
    }
}

/// The hidden mode: the argument is the cgroup's directory, standard input is a pipe that the app holds open. Returns
/// the exit code.
pub fn main(args: &[String]) -> i32 {
    let [directory] = args else {
        eprintln!("podscope: this mode is for its own use, with a directory and a pipe as standard input");
        return 64;
    };
    // if this fails, still remove the cgroup
    let _ = become_independent();
    let stdin = io::stdin();
    while matches!(read(&stdin, &mut [0; 16]), Ok(1..) | Err(Errno::EINTR)) {}
    remove(Path::new(directory));
    0
}

/// Signals to the app's terminal or to all processes of the app must not end this process: it ends by itself soon after
/// the app.
fn become_independent() -> Result<(), Errno> {
    // a name may have at most 15 bytes
    prctl::set_name(c"podscope-clean")?;
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        signals::ignore(signal)?;
    }
    // setsid succeeds, since a child of the app is no process group leader
    setsid()?;
    // keeps no mount busy
    chdir("/")
}

/// Ends the processes that are left in the cgroup, and removes it once none lives there.
fn remove(directory: &Path) {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let opened = open(directory, flags, Mode::empty()).and_then(populated::open);
    // the app may have died before it created the cgroup
    let Ok(events) = opened else { return };
    // before Linux 5.14 this file does not exist; the kernel ends the remaining processes together with the node
    let _ = fs::write(directory.join("cgroup.kill"), "1");
    while populated::now(&events) {
        let _ = poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], PollTimeout::from(RECHECK_MS));
    }
    super::remove(directory);
}
