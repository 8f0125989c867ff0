//! Mount calls that nix has not.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd};

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

/// Sets attributes on the mount at `path` below `dir`, and on all below it if `recursive`.
pub fn set_attr(dir: impl AsFd, path: &CStr, attr: Attr, recursive: bool) -> Result<(), Errno> {
    // SAFETY: mount_attr is plain integers, for which all zeros is a value.
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
