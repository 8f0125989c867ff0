//! The session keyring.

use nix::errno::Errno;

/// Gives this process, and all that it starts, a session keyring of its own that is empty (`keyctl(2)`,
/// `KEYCTL_JOIN_SESSION_KEYRING`).
///
/// # Errors
/// `EDQUOT` if the user has as many keys as it may. Where the kernel has no keys (`ENOSYS`), or a seccomp filter keeps
/// them from us and all that we start (`EPERM`), there is nothing to leave.
pub fn join_new_session() -> Result<(), Errno> {
    let name: *const libc::c_char = std::ptr::null();
    // SAFETY: a null name asks for an anonymous keyring; the call takes no other pointer.
    let r = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name) };
    match Errno::result(r) {
        Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        other => other.map(drop),
    }
}
