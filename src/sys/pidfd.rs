//! Process file descriptors: a hold on one very process, whatever becomes of its pid (`pidfd_open(2)`).

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;

/// A new descriptor for the process that bears `pid` now; close-on-exec.
///
/// `ESRCH`: nobody has it. `EINVAL`: it is dying, or a thread's id and not a process's.
pub fn open(pid: u32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0_u32) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call succeeded, so it is a descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// `pidfd_send_signal(2)`: `ESRCH` if the process has been reaped, `EPERM` if it may not be signalled.
pub fn send_signal(pidfd: impl AsFd, signal: i32) -> nix::Result<()> {
    // SAFETY: a null siginfo_t asks for the same default that kill(2) uses; the descriptor is borrowed.
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

/// `_IOWR(0xFF, 11, struct pidfd_info)`; x86 and arm lay request numbers out alike.
const PIDFD_GET_INFO: libc::Ioctl = (3 << 30 | (size_of::<PidfdInfo>() as u32) << 16 | 0xFF << 8 | 0x0B) as libc::Ioctl;

/// The wait status of a process that has been reaped, whoever reaped it.
///
/// `Ok(None)`: not reaped yet. `ENOTTY`, `EINVAL`: the kernel is older than 6.13 or 6.15.
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
