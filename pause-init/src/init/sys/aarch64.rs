//! `_start`, the system call and its numbers on aarch64 (`asm-generic/unistd.h`, syscall(2)).

use core::arch::{asm, naked_asm};

pub mod nr {
    pub const FCNTL: usize = 25;
    pub const CHDIR: usize = 49;
    pub const CLOSE: usize = 57;
    pub const WRITE: usize = 64;
    pub const WRITEV: usize = 66;
    pub const PPOLL: usize = 73;
    pub const EXIT_GROUP: usize = 94;
    pub const WAITID: usize = 95;
    pub const CLOCK_GETTIME: usize = 113;
    pub const RT_SIGACTION: usize = 134;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const UMASK: usize = 166;
    pub const GETPID: usize = 172;
    pub const WAIT4: usize = 260;
    pub const CLOSE_RANGE: usize = 436;
}

/// The program's entry: argc is on top of the stack, and there is no caller to return to.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!("mov x29, xzr", "mov x30, xzr", "mov x0, sp", "bl {run}", "brk #1", run = sym crate::run)
}

/// Returns the result, or a negative errno. For calls with a fifth argument, it is 0.
///
/// # Safety
/// The arguments must be those that the call `number` expects, and the memory that it reads or writes must be valid.
#[inline]
pub unsafe fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result;
    // SAFETY: the caller's promise; the kernel changes x0 only.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") 0,
            options(nostack),
        );
    }
    result
}
