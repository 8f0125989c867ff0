//! Queries on a namespace's descriptor (`ioctl_nsfs(2)`).

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::errno::Errno;

/// The user namespace that owns it. `EPERM` if that is outside our own user namespace.
pub fn owner(ns: impl AsFd) -> nix::Result<OwnedFd> {
    // SAFETY: takes no argument; the result is a new descriptor.
    let fd = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), libc::NS_GET_USERNS) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call succeeded: the descriptor is open, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The parent of a pid or user namespace. `EPERM` if that is outside our own namespaces; `EINVAL` for another kind.
pub fn parent(ns: impl AsFd) -> nix::Result<OwnedFd> {
    // SAFETY: takes no argument; the result is a new descriptor.
    let fd = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), libc::NS_GET_PARENT) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call succeeded: the descriptor is open, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Uid of the creator of a user namespace, in our own user namespace.
pub fn owner_uid(ns: impl AsFd) -> nix::Result<u32> {
    let mut uid: libc::uid_t = 0;
    // SAFETY: the request writes `uid`, which lives through the call.
    let done = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), libc::NS_GET_OWNER_UID, &raw mut uid) };
    Errno::result(done)?;
    Ok(uid)
}

/// `_IOR(NSIO, 13, __u64)` of `include/uapi/linux/nsfs.h`; x86 and arm encode request numbers the same way.
const NS_GET_ID: libc::Ioctl = (2 << 30 | (size_of::<u64>() as u32) << 16 | 0xB7 << 8 | 0x0D) as libc::Ioctl;

/// A number that no other namespace has until the next boot. `ENOTTY` if the kernel is older than 6.18.
pub fn unique_id(ns: impl AsFd) -> nix::Result<u64> {
    let mut id = 0_u64;
    // SAFETY: `id` has the size that the request number carries, and lives through the call.
    let done = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), NS_GET_ID, &raw mut id) };
    Errno::result(done)?;
    Ok(id)
}
