//! Code for the child between clone and exec, in a copy of a process with other threads. It must not allocate, and must
//! not take a lock that another thread may have held (`signal-safety(7)`). So it forks by the system call itself:
//! glibc's fork(3) takes malloc's locks.

use nix::{
    libc,
    sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
};

/// Like fork(2), with flags of clone(2).
///
/// # Safety
/// The child must do only what is safe after a fork of a process with threads.
pub unsafe fn fork(flags: libc::c_int) -> i32 {
    // SAFETY: no new stack is given, so the child continues on a copy of this one, as after fork(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    pid as i32
}

/// Ends the child at once, without running destructors of the copy.
pub fn exit_child(code: i32) -> ! {
    // SAFETY: ends only this process.
    unsafe { libc::_exit(code) }
}

/// Exits with code 121 if something failed: a child cannot report why, but the code tells that it failed here.
pub fn exit_unless(done: bool) {
    if !done {
        exit_child(121);
    }
}

pub fn set_mask(how: SigmaskHow, set: &SigSet) {
    exit_unless(sigprocmask(how, Some(set), None).is_ok());
}

pub fn block(signals: &[Signal]) {
    for one in signals {
        set_mask(SigmaskHow::SIG_BLOCK, &(*one).into());
    }
}

fn set_disposition(signals: &[Signal], how: SigHandler) {
    for one in signals {
        // SAFETY: no handler is installed.
        exit_unless(unsafe { signal(*one, how) }.is_ok());
    }
}

pub fn ignore(signals: &[Signal]) {
    set_disposition(signals, SigHandler::SigIgn);
}

/// Resets what the test inherited: Rust ignores PIPE, and a shell's `&` ignores INT and QUIT.
pub fn defaults() {
    set_mask(SigmaskHow::SIG_SETMASK, &SigSet::empty());
    for one in Signal::iterator().filter(|one| !matches!(one, Signal::SIGKILL | Signal::SIGSTOP)) {
        set_disposition(&[one], SigHandler::SigDfl);
    }
}

/// Sends a signal to itself. PID 1 gets it only if it is blocked.
pub fn raise(signal: Signal) {
    // SAFETY: no memory is involved.
    exit_unless(unsafe { libc::kill(libc::getpid(), signal as i32) } == 0);
}

pub fn close(fds: &[i32]) {
    for fd in fds {
        // SAFETY: in the child nothing else uses its descriptors.
        unsafe { libc::close(*fd) };
    }
}

pub fn subreaper() {
    // SAFETY: no memory is involved.
    exit_unless(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } == 0);
}

/// Opens descriptors without close-on-exec at these numbers.
pub fn leak_descriptors(numbers: &[i32]) {
    for number in numbers {
        // SAFETY: no memory is involved; the numbers are free.
        exit_unless(unsafe { libc::dup2(2, *number) } == *number);
    }
}

/// Makes a child that is a zombie before the exec, and whose signal was sent before it.
pub fn fork_a_zombie() {
    // SAFETY: the child exits at once.
    let pid = unsafe { fork(0) };
    if pid == 0 {
        exit_child(0);
    }
    // SAFETY: the kernel writes a siginfo_t into `info`.
    unsafe {
        let mut info = std::mem::zeroed();
        exit_unless(libc::waitid(libc::P_PID, pid as u32, &raw mut info, libc::WEXITED | libc::WNOWAIT) == 0);
    }
}

/// Makes a system call fail with EPERM: always, or only with this first argument (seccomp(2)).
pub fn deny(call: libc::c_long, first_argument: Option<u32>) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let other = u8::from(first_argument.is_some()); // any argument will do if none is named
    let mut program = [
        step(LOAD, 0, 0, 0), // seccomp_data.nr
        step(IS, 0, 3, call as u32),
        step(LOAD, 0, 0, 16), // the low half of seccomp_data.args[0], little endian
        step(IS, 0, other, first_argument.unwrap_or(0)),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program.
    unsafe {
        exit_unless(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        exit_unless(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0);
    }
}
