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

/// The unique number of a mount namespace, which older kernels know too (`NS_GET_MNTNS_ID`, Linux 6.8). `EINVAL` for
/// another kind, `ENOTTY` if the kernel is older.
pub fn mount_namespace_id(ns: impl AsFd) -> nix::Result<u64> {
    let mut id = 0_u64;
    // SAFETY: `id` has the size that the request number carries, and lives through the call.
    let done = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), libc::NS_GET_MNTNS_ID, &raw mut id) };
    Errno::result(done)?;
    Ok(id)
}

/// Its kind as a flag of `clone(2)`, such as `CLONE_NEWNET` (`NS_GET_NSTYPE`).
pub fn clone_flag(ns: impl AsFd) -> nix::Result<i32> {
    // SAFETY: takes no argument.
    let flag = unsafe { libc::ioctl(ns.as_fd().as_raw_fd(), libc::NS_GET_NSTYPE) };
    Errno::result(flag)
}

/// `SIOCGSKNS` of `include/uapi/linux/sockios.h`.
const SIOCGSKNS: libc::Ioctl = 0x894C;

/// The network namespace of a socket. `EPERM` without `CAP_NET_ADMIN` in it.
pub fn of_socket(socket: impl AsFd) -> nix::Result<OwnedFd> {
    // SAFETY: takes no argument; the result is a new descriptor.
    let fd = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), SIOCGSKNS) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call succeeded: the descriptor is open, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `SO_NETNS_COOKIE` of `include/uapi/asm-generic/socket.h`.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// A number of a socket's network namespace that no other one has until the next boot (Linux 5.14). It needs no
/// privilege. Since Linux 6.18 it is that of [`unique_id`].
pub fn cookie_of_socket(socket: impl AsFd) -> nix::Result<u64> {
    let mut cookie = 0_u64;
    let mut len = size_of::<u64>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `len` bytes to `cookie`; both live through the call.
    let done =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, SO_NETNS_COOKIE, (&raw mut cookie).cast(), &raw mut len) };
    Errno::result(done)?;
    Ok(cookie)
}

/// `struct ns_id_req` of `include/uapi/linux/nsfs.h` (`NS_ID_REQ_SIZE_VER0`).
#[repr(C)]
struct NsIdRequest {
    size: u32,
    spare: u32,
    after: u64,
    kinds: u32,
    spare2: u32,
    owner: u64,
}

/// The next unique numbers of all namespaces that anything holds, in ascending order, after the number `after` (0 for
/// the first); none at the end (`listns(2)`, Linux 6.19). Lists only what we may see. `ENOSYS` on an older kernel.
pub fn list(after: u64, ids: &mut [u64]) -> nix::Result<&[u64]> {
    /// The same on every architecture.
    const SYS_LISTNS: libc::c_long = 470;
    let size = size_of::<NsIdRequest>() as u32;
    let request = NsIdRequest { size, spare: 0, after, kinds: 0, spare2: 0, owner: 0 };
    // SAFETY: the request has the size that it carries; the kernel writes at most `len` numbers; both live through the
    // call.
    let got = unsafe { libc::syscall(SYS_LISTNS, &raw const request, ids.as_mut_ptr(), ids.len(), 0_u32) };
    let got = Errno::result(got)?;
    Ok(&ids[..got as usize])
}
