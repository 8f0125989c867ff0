//! Waits for children, with the raw wait status of the kernel (`wait4(2)`).

use nix::errno::Errno;

/// A change of a child's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has ended, and this call has reaped it. With the raw wait status.
    Ended(i32),
    Stopped,
    Continued,
}

/// The next child that has ended, stopped or continued; `None` if there is none now.
///
/// nix's wrapper does not know real-time signals, and would lose a child that one of them killed.
///
/// # Errors
/// As for `waitpid(2)`; `ECHILD` is no error but `None`.
pub fn next() -> Result<Option<(i32, Change)>, Errno> {
    loop {
        let mut status = 0;
        let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
        // SAFETY: `status` lives through the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
        return match pid {
            0 => Ok(None),
            -1 if Errno::last() == Errno::EINTR => continue,
            -1 if Errno::last() == Errno::ECHILD => Ok(None),
            -1 => Err(Errno::last()),
            pid if libc::WIFSTOPPED(status) => Ok(Some((pid, Change::Stopped))),
            pid if libc::WIFCONTINUED(status) => Ok(Some((pid, Change::Continued))),
            pid => Ok(Some((pid, Change::Ended(status)))),
        };
    }
}

/// Waits for this child to end, and reaps it. Returns its raw wait status.
///
/// # Errors
/// `ECHILD` if it is not our child.
pub fn one(pid: i32) -> Result<i32, Errno> {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives through the call.
        match unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } {
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return Err(Errno::last()),
            _ => return Ok(status),
        }
    }
}

/// Waits for this child to end, stop or continue. Returns the raw wait status.
///
/// # Errors
/// `ECHILD` if it is not our child.
pub fn change(pid: i32) -> Result<i32, Errno> {
    loop {
        let mut status = 0;
        let flags = libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
        // SAFETY: `status` lives through the call.
        match unsafe { libc::waitpid(pid, &raw mut status, flags) } {
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return Err(Errno::last()),
            _ => return Ok(status),
        }
    }
}
