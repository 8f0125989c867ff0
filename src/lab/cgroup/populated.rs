//! Whether a process lives in a cgroup or below it: the file `cgroup.events` (cgroup-v2.rst).

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{Whence, lseek, read};

/// Opens the file of the cgroup with this directory, for [`now`]. A change since the last read is reported as
/// `POLLPRI`.
///
/// # Errors
/// Those of `openat(2)`: `ENOENT` or `ENODEV` if the cgroup is gone.
pub fn open(directory: impl AsFd) -> Result<OwnedFd, Errno> {
    openat(directory, "cgroup.events", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Whether a process lives in the cgroup or below it now; false if the cgroup is gone.
pub fn now(events: impl AsFd) -> bool {
    let mut text = [0; 128];
    let n = lseek(&events, 0, Whence::SeekSet).and_then(|_| read(&events, &mut text));
    n.is_ok_and(|n| text[..n].windows(11).any(|w| w == b"populated 1"))
}
