//! Signal state of this process.

use nix::errno::Errno;

/// Every disposition to the default and nothing blocked, as a program expects to be started.
pub fn reset() -> Result<(), Errno> {
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: SIG_DFL installs no code. glibc refuses its two internal signals (EINVAL): fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // the system call itself, since glibc's keeps its internal signals out of the set
    let none: u64 = 0;
    // SAFETY: `none` is the kernel's 8-byte signal set and lives through the call.
    let r = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const none,
            std::ptr::null_mut::<u64>(),
            size_of::<u64>(),
        )
    };
    Errno::result(r).map(drop)
}
