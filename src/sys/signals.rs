//! Signal state of this process.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction, signal};

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

/// Leaves a signal without any effect.
pub fn ignore(which: Signal) -> Result<(), Errno> {
    // SAFETY: SIG_IGN installs no code.
    unsafe { signal(which, SigHandler::SigIgn) }.map(drop)
}

/// Ends the process with code 0 when the signal comes, in whatever system call it sleeps.
///
/// A PID 1 needs this: without a handler the kernel drops what could kill it (`kill(2)`).
pub fn exit_on(which: Signal) -> Result<(), Errno> {
    extern "C" fn end(_: libc::c_int) {
        // SAFETY: async-signal-safe (signal-safety(7)) and does not return.
        unsafe { libc::_exit(0) }
    }
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing but end the process.
    unsafe { sigaction(which, &action) }.map(drop)
}

/// Reads address 0, for which the kernel ends the process by SIGSEGV, PID 1 as well: what a process
/// does to itself by a fault reaches it, unlike what it sends itself.
pub fn fault() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a load into a register of its own; nobody maps address 0 (vm.mmap_min_addr), so it never ends.
    unsafe {
        std::arch::asm!("mov {0}, qword ptr [{0}]", inout(reg) 0_usize => _, options(nostack, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("ldr {0}, [{0}]", inout(reg) 0_usize => _, options(nostack, readonly));
    }
}
