//! Process file descriptors: a pidfd stays with one process even if its pid is reused (`pidfd_open(2)`).

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;

/// Opens a pidfd of the process that has `pid` now; close-on-exec.
///
/// `ESRCH` if no process has the pid. `EINVAL` if it is being released, or if the pid is that of a thread.
pub fn open(pid: u32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0_u32) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call succeeded, so it is a new descriptor that no other code owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal (`pidfd_send_signal(2)`). `ESRCH` if the process has been reaped, `EPERM` if it may not be signalled.
pub fn send_signal(pidfd: impl AsFd, signal: i32) -> nix::Result<()> {
    // SAFETY: a null siginfo_t means the same defaults as kill(2); the descriptor is borrowed.
    let done = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_fd().as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0_u32,
        )
    };
    Errno::result(done).map(drop)
}

/// A copy of an open file of another process; close-on-exec (`pidfd_getfd(2)`, Linux 5.6).
///
/// `EPERM` without ptrace access (`PTRACE_MODE_ATTACH_REALCREDS`), `EBADF` if it has no such file, `ESRCH` if it has
/// exited.
pub fn copy_file(pidfd: impl AsFd, fd: u32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_getfd takes three integers and touches no memory of ours.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_fd().as_raw_fd(), fd as libc::c_int, 0_u32) };
    let copy = Errno::result(copy)?;
    // SAFETY: the call succeeded, so it is a new descriptor that no other code owns.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as RawFd) })
}

/// `struct pidfd_info` of `include/uapi/linux/pidfd.h` as of Linux 6.15 (`PIDFD_INFO_SIZE_VER0`).
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    ids: [u32; 11],
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// `_IOWR(0xFF, 11, struct pidfd_info)`; x86 and arm encode request numbers the same way.
const PIDFD_GET_INFO: libc::Ioctl = (3 << 30 | (size_of::<PidfdInfo>() as u32) << 16 | 0xFF << 8 | 0x0B) as libc::Ioctl;

/// The wait status of a process that any process has reaped (`PIDFD_GET_INFO`).
///
/// `Ok(None)` if it is not reaped yet. `ENOTTY` before Linux 6.13, `EINVAL` before 6.15.
pub fn exit_status(pidfd: impl AsFd) -> nix::Result<Option<i32>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: `info` has the size that the request number carries and lives through the call; the kernel
    // writes at most that many bytes, and any bytes are valid for its integers.
    let done = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    match Errno::result(done) {
        Ok(_) if info.mask & PIDFD_INFO_EXIT != 0 => Ok(Some(info.exit_code)),
        Ok(_) | Err(Errno::ESRCH) => Ok(None),
        Err(e) => Err(e),
    }
}
