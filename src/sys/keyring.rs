//! The session keyring.

use nix::errno::Errno;

/// Gives this process, and all processes that it starts, a new empty session keyring (`keyctl(2)`,
/// `KEYCTL_JOIN_SESSION_KEYRING`).
///
/// # Errors
/// `EDQUOT` if the user has as many keys as allowed. It succeeds where the kernel has no keys (`ENOSYS`), or where a
/// seccomp filter forbids them to us and all processes that we start (`EPERM`): then no keyring is accessible.
pub fn join_new_session() -> Result<(), Errno> {
    let name: *const libc::c_char = std::ptr::null();
    // SAFETY: a null name asks for an anonymous keyring; the call takes no other pointer.
    let r = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name) };
    match Errno::result(r) {
        Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        other => other.map(drop),
    }
}
