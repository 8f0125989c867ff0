//! The system calls that pause needs, each as a safe function. Structures are the kernel's, for 64 bit.

#[cfg_attr(target_arch = "x86_64", path = "sys/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "sys/aarch64.rs")]
mod arch;

use arch::{nr, syscall};
use core::{mem::MaybeUninit, ptr};

pub const SIGINT: i32 = 2;
pub const SIGPIPE: i32 = 13;
pub const SIGTERM: i32 = 15;
pub const SIGCHLD: i32 = 17;
pub const SA_NOCLDSTOP: u64 = 1;
pub const EINTR: i32 = 4;
pub const EAGAIN: i32 = 11;

/// The kernel's `sigset_t`: bit n-1 stands for signal n.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    pub const fn of(signals: &[i32]) -> Self {
        let mut set = SignalSet(0);
        let mut i = 0;
        while i < signals.len() {
            set = set.with(signals[i]);
            i += 1;
        }
        set
    }

    pub const fn with(self, signal: i32) -> Self {
        SignalSet(self.0 | 1 << (signal - 1))
    }
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

#[repr(C)]
struct IoVec {
    at: usize,
    len: usize,
}

/// Replaces the whole signal mask, so that no inherited signal stays blocked.
pub fn set_blocked(set: SignalSet) -> bool {
    const SIG_SETMASK: usize = 2;
    // SAFETY: the kernel reads the set, and writes no old one.
    unsafe { syscall(nr::RT_SIGPROCMASK, SIG_SETMASK, (&raw const set).addr(), 0, size_of::<SignalSet>()) == 0 }
}

/// Sets the default disposition, with these flags (`kernel_sigaction`, signal.h).
pub fn set_default(signal: i32, flags: u64) -> bool {
    let action = [0, flags, 0, 0]; // handler SIG_DFL, flags, no restorer, empty mask
    // SAFETY: the kernel reads the action; the default one runs no code.
    unsafe { syscall(nr::RT_SIGACTION, signal as usize, action.as_ptr().addr(), 0, size_of::<SignalSet>()) == 0 }
}

/// Takes the next pending signal of the set. Waits for ever if there is no limit. The error is an errno.
pub fn wait_signal(set: SignalSet, limit_ms: Option<u32>) -> Result<i32, i32> {
    let ms = limit_ms.unwrap_or(0);
    let limit = Timespec { seconds: i64::from(ms / 1000), nanoseconds: i64::from(ms % 1000) * 1_000_000 };
    let limit = if limit_ms.is_some() { &raw const limit } else { ptr::null() };
    // SAFETY: the kernel reads the set and the limit, which outlive the call; it writes no siginfo.
    let got = unsafe { syscall(nr::RT_SIGTIMEDWAIT, (&raw const set).addr(), 0, limit.addr(), size_of::<SignalSet>()) };
    if got < 0 { Err(-got as i32) } else { Ok(got as i32) }
}

const WNOHANG: usize = 1;
/// Also children by clone(2) with another exit signal than CHLD.
const WALL: usize = 0x4000_0000;

/// Reaps this child, or any child if -1. Returns its pid and wait status.
pub fn reap(child: i32) -> Option<(i32, i32)> {
    let mut status = 0i32;
    // SAFETY: the kernel writes the status, and no resource usage.
    let pid = unsafe { syscall(nr::WAIT4, child as isize as usize, (&raw mut status).addr(), WNOHANG | WALL, 0) };
    (pid > 0).then_some((pid as i32, status))
}

/// The pid of a child that has exited, without reaping it; 0 if there is none.
pub fn peek_exited() -> i32 {
    const P_ALL: usize = 0;
    const WEXITED: usize = 4;
    const WNOWAIT: usize = 0x0100_0000;
    // siginfo_t is 128 bytes; `si_pid` is its fifth word (siginfo.h).
    let mut info = MaybeUninit::<[i32; 32]>::uninit();
    // SAFETY: the kernel writes a siginfo_t, which fits.
    let done = unsafe { syscall(nr::WAITID, P_ALL, 0, info.as_mut_ptr().addr(), WEXITED | WNOHANG | WNOWAIT | WALL) };
    if done < 0 {
        return 0;
    }
    // SAFETY: on success the kernel has set `si_pid`, to 0 if there is no such child.
    unsafe { info.as_ptr().cast::<i32>().add(4).read() }
}

/// True if all bytes were written.
pub fn write(fd: i32, bytes: &[u8]) -> bool {
    // SAFETY: the kernel reads the bytes.
    unsafe { syscall(nr::WRITE, fd as usize, bytes.as_ptr().addr(), bytes.len(), 0) == bytes.len() as isize }
}

/// Writes several parts in one call, so that they stay together as one line.
pub fn write_parts(fd: i32, parts: &[&[u8]; 6]) {
    let parts = parts.map(|part| IoVec { at: part.as_ptr().addr(), len: part.len() });
    // SAFETY: each part is the address and length of bytes that the kernel reads.
    unsafe { syscall(nr::WRITEV, fd as usize, parts.as_ptr().addr(), parts.len(), 0) };
}

/// True if a write would not block now. An error is left for the write to report.
pub fn writable_now(fd: i32) -> bool {
    const POLLOUT: u64 = 4;
    let mut poll = fd as u32 as u64 | POLLOUT << 32; // struct pollfd: fd, events, revents
    let now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the kernel reads and writes one pollfd and reads the limit; there is no mask.
    unsafe { syscall(nr::PPOLL, (&raw mut poll).addr(), 1, (&raw const now).addr(), 0) > 0 }
}

/// False if the descriptor is not open for writing. Non-blocking is a property of the open file description: it applies
/// to every process that shares this end of the pipe, but not to the reader's end.
pub fn make_nonblocking(fd: i32) -> bool {
    const F_GETFL: usize = 3;
    const F_SETFL: usize = 4;
    const O_ACCMODE: isize = 3;
    const O_NONBLOCK: usize = 0o4000;
    // SAFETY: no memory is involved.
    unsafe {
        let flags = syscall(nr::FCNTL, fd as usize, F_GETFL, 0, 0);
        flags >= 0
            && matches!(flags & O_ACCMODE, 1 | 2)
            && syscall(nr::FCNTL, fd as usize, F_SETFL, flags as usize | O_NONBLOCK, 0) == 0
    }
}

pub fn close_all_but_standard_and(kept: Option<i32>) {
    let kept = kept.map_or(2, |fd| fd as usize);
    if kept > 3 {
        close_range(3, kept - 1);
    }
    close_range(kept + 1, u32::MAX as usize);
}

fn close_range(first: usize, last: usize) {
    // SAFETY: no code here owns a descriptor.
    if unsafe { syscall(nr::CLOSE_RANGE, first, last, 0, 0) } == 0 {
        return;
    }
    // A seccomp filter or a kernel before 5.9 has no close_range: close the descriptors that a usual limit allows.
    for fd in first..=last.min(1023) {
        // SAFETY: as above.
        unsafe { syscall(nr::CLOSE, fd, 0, 0, 0) };
    }
}

pub fn monotonic_ns() -> u64 {
    const CLOCK_MONOTONIC: usize = 1;
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the kernel writes the time.
    unsafe { syscall(nr::CLOCK_GETTIME, CLOCK_MONOTONIC, (&raw mut now).addr(), 0, 0) };
    now.seconds as u64 * 1_000_000_000 + now.nanoseconds as u64
}

pub fn getpid() -> isize {
    // SAFETY: no arguments.
    unsafe { syscall(nr::GETPID, 0, 0, 0, 0) }
}

pub fn chdir_root() {
    // SAFETY: the kernel reads the path up to its zero byte.
    unsafe { syscall(nr::CHDIR, c"/".as_ptr().addr(), 0, 0, 0) };
}

pub fn umask(mask: usize) {
    // SAFETY: no memory is involved.
    unsafe { syscall(nr::UMASK, mask, 0, 0, 0) };
}

pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { syscall(nr::EXIT_GROUP, code as usize, 0, 0, 0) };
    }
}
