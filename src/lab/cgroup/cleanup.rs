//! The process that removes the lab's cgroup.
//!
//! When the app dies, by whatever signal, the kernel ends the node and every pod, but nobody removes their cgroups
//! (systemd does that for its scopes). So a process of its own waits outside of them for the end of the app. It also
//! does the work when the app ends as it should: there is one way of cleaning up, and it is always used.

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
use crate::lab::hidden;
use crate::sys::fork;
use crate::sys::signals;

/// Waits for this process to end, or to drop it, and then removes a cgroup and those below it.
#[derive(Debug)]
pub struct Cleanup {
    process: Child,
    /// Nobody writes to it: it is closed with this process, and that is what the other one waits for.
    alive: Option<ChildStdin>,
}

impl Cleanup {
    /// Starts it as `exe` (the app's own executable). The cgroup need not be there yet.
    pub fn start(exe: &Path, directory: &Path) -> io::Result<Self> {
        // no file of the user's and no socket of the app's is kept open by it
        fork::close_on_exec_from(3)?;
        let mut process = Command::new(exe)
            .arg0("podscope")
            .arg(hidden::CLEANUP)
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

/// The hidden mode: the argument is the cgroup's directory, standard input a pipe that the app holds open. Returns the
/// exit code.
pub fn main(args: &[String]) -> i32 {
    let [directory] = args else {
        eprintln!("podscope: this mode is for its own use, with a directory and a pipe as standard input");
        return 64;
    };
    // a failure of one of these is no reason to leave the cgroup behind
    let _ = become_independent();
    let stdin = io::stdin();
    while matches!(read(&stdin, &mut [0; 16]), Ok(1..) | Err(Errno::EINTR)) {}
    remove(Path::new(directory));
    0
}

/// Signals to the app's terminal or to all of the app's processes must not end it: it ends by itself, and soon.
fn become_independent() -> Result<(), Errno> {
    // 15 bytes are all that a name may have
    prctl::set_name(c"podscope-clean")?;
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        signals::ignore(signal)?;
    }
    // a child of the app is no leader of a process group
    setsid()?;
    // no mount is kept busy
    chdir("/")
}

/// Ends what is left in the cgroup, and removes it once nothing lives there.
fn remove(directory: &Path) {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let opened = open(directory, flags, Mode::empty()).and_then(populated::open);
    // the app may have died before it made the cgroup
    let Ok(events) = opened else { return };
    // before Linux 5.14 there is no such file; the kernel ends what is left, with the node
    let _ = fs::write(directory.join("cgroup.kill"), "1");
    while populated::now(&events) {
        let _ = poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], PollTimeout::NONE);
    }
    super::remove(directory);
}
