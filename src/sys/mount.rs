//! Mount system calls that nix does not have.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Attributes to set on a mount (`mount_setattr(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr(u64);

impl Attr {
    pub const READ_ONLY: Self = Self(libc::MOUNT_ATTR_RDONLY);
    pub const NO_SUID: Self = Self(libc::MOUNT_ATTR_NOSUID);
    pub const NO_DEV: Self = Self(libc::MOUNT_ATTR_NODEV);

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Sets attributes on the mount at `path` below `dir`, and on all mounts below it if `recursive`.
pub fn set_attr(dir: impl AsFd, path: &CStr, attr: Attr, recursive: bool) -> Result<(), Errno> {
    // SAFETY: mount_attr consists of integers, for which all zeros is a valid value.
    let mut set: libc::mount_attr = unsafe { std::mem::zeroed() };
    set.attr_set = attr.0;
    let mut flags = libc::AT_EMPTY_PATH as libc::c_uint;
    if recursive {
        flags |= libc::AT_RECURSIVE as libc::c_uint;
    }
    // SAFETY: `path` and `set` live through the call, and the size given is that of `set`.
    let r = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir.as_fd().as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const set,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(r).map(drop)
}

/// From `linux/mount.h`.
const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 0x04;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_uint = 0x40;

/// A bind mount of what `from` refers to, with all mounts below it if `recursive` (`open_tree(2)`). It is not attached
/// yet, so its attributes can be set before any process can reach it.
pub fn clone_tree(from: impl AsFd, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint | libc::AT_EMPTY_PATH as libc::c_uint;
    if recursive {
        flags |= libc::AT_RECURSIVE as libc::c_uint;
    }
    // SAFETY: the path is a C string; the call takes no other pointer.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, from.as_fd().as_raw_fd(), c"".as_ptr(), flags) };
    Errno::result(fd)?;
    // SAFETY: the kernel has just created this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Mounts a tree onto what `onto` refers to (`move_mount(2)`). No path is looked up.
pub fn attach(tree: impl AsFd, onto: impl AsFd) -> Result<(), Errno> {
    let (tree, onto) = (tree.as_fd().as_raw_fd(), onto.as_fd().as_raw_fd());
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: both paths are C strings; the call takes no other pointer.
    let r = unsafe { libc::syscall(libc::SYS_move_mount, tree, c"".as_ptr(), onto, c"".as_ptr(), flags) };
    Errno::result(r).map(drop)
}
