//! What a container has left behind in the pod's pid namespace.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::cgroups::Leaf;
use crate::model::MonoNs;
use crate::sys::{clock, pidfd};

/// How long they are waited for; longer takes only one that sleeps where no signal reaches it.
pub const PATIENCE_NS: u64 = 500_000_000;

/// By what a container's processes are known when it has ended.
pub struct Remains {
    /// Inode of its mount namespace, which is its own.
    pub mnt: Option<u64>,
    pub cgroup: Option<Leaf>,
}

/// Ends all that a container has left behind, and returns when they have: what they hold, a port above all, is to be
/// free when it is started again. Its cgroup does that at one stroke, whoever is forking meanwhile.
pub fn end(remains: &Remains) {
    let deadline = clock::now().plus(PATIENCE_NS);
    if remains.cgroup.as_ref().is_some_and(|leaf| leaf.kill(deadline)) {
        return;
    }
    if let Some(mnt) = remains.mnt {
        end_in(mnt, deadline);
    }
}

fn end_in(mnt: u64, deadline: MonoNs) {
    loop {
        let left = living_in(mnt);
        for process in &left {
            let _ = pidfd::send_signal(process, Signal::SIGKILL as i32);
        }
        // once more for those that were born meanwhile
        if left.is_empty() || !left.iter().all(|process| has_ended_by(process, deadline)) {
            return;
        }
    }
}

/// A process that is exiting has no mount namespace any more, and has closed its files before
/// (`do_exit` in kernel/exit.c).
fn living_in(mnt: u64) -> Vec<OwnedFd> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let lives_in = |pid: u32| fs::metadata(format!("/proc/{pid}/ns/mnt")).is_ok_and(|m| m.ino() == mnt);
    pids.filter(|pid| *pid != 1 && lives_in(*pid))
        .filter_map(|pid| {
            let process = pidfd::open(pid).ok()?;
            // the pid could have been given anew before it was held
            lives_in(pid).then_some(process)
        })
        .collect()
}

fn has_ended_by(process: &OwnedFd, deadline: MonoNs) -> bool {
    let left = deadline.since(clock::now()).div_ceil(1_000_000);
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
    poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], timeout).is_ok_and(|ready| ready > 0)
}
