//! Signal state of this process.

use nix::errno::Errno;

/// Every disposition to the default and nothing blocked, as a program expects to be started.
pub fn reset() -> Result<(), Errno> {
    // by the system calls themselves, since glibc keeps its two internal signals out of both
    let default = [0u64; 4];
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: all zeros is the kernel's struct sigaction for SIG_DFL, four words long or shorter
        // (asm/signal.h), and it lives through the call; no code is installed.
        let r = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                size_of::<u64>(),
            )
        };
        Errno::result(r)?;
    }
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
