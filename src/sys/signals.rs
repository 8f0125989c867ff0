//! The signal state of this process.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction, signal};

/// Sets every disposition to the default and unblocks every signal, as a program expects at its start.
pub fn reset() -> Result<(), Errno> {
    // by direct system calls, since glibc's functions exclude its two internal signals
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

/// Ignores a signal.
pub fn ignore(which: Signal) -> Result<(), Errno> {
    // SAFETY: SIG_IGN installs no code.
    unsafe { signal(which, SigHandler::SigIgn) }.map(drop)
}

/// Makes the process exit with code 0 when the signal comes, also while it sleeps in a system call.
///
/// PID 1 needs this: without a handler the kernel drops signals that would kill it (`kill(2)`).
pub fn exit_on(which: Signal) -> Result<(), Errno> {
    extern "C" fn end(_: libc::c_int) {
        // SAFETY: async-signal-safe (signal-safety(7)) and does not return.
        unsafe { libc::_exit(0) }
    }
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler only ends the process.
    unsafe { sigaction(which, &action) }.map(drop)
}

/// Reads address 0, so that the kernel kills the process with SIGSEGV. This works for PID 1 too: a signal for a fault
/// reaches it, unlike a signal that it sends to itself.
pub fn fault() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a load into its own register; address 0 is never mapped (vm.mmap_min_addr), so the load never completes.
    unsafe {
        std::arch::asm!("mov {0}, qword ptr [{0}]", inout(reg) 0_usize => _, options(nostack, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("ldr {0}, [{0}]", inout(reg) 0_usize => _, options(nostack, readonly));
    }
}
