//! The child between clone and exec, in a copy of a process with other threads: it must not
//! allocate nor take a lock another thread may have held (`signal-safety(7)`), so it forks by the
//! bare system call: glibc's fork(3) takes malloc's locks.

use nix::{
    libc,
    sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
};

/// As fork(2), with flags of clone(2).
///
/// # Safety
/// The child does only what is safe after a fork of a process with threads.
pub unsafe fn fork(flags: libc::c_int) -> i32 {
    // SAFETY: no stack of its own, so the child goes on with a copy of this one, as after fork(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    pid as i32
}

/// Leaves the child at once, without a destructor of the copy.
pub fn leave(code: i32) -> ! {
    // SAFETY: ends only this process.
    unsafe { libc::_exit(code) }
}

/// In a child nobody can be told why; the exit code says that it was here.
pub fn must(done: bool) {
    if !done {
        leave(121);
    }
}

pub fn set_mask(how: SigmaskHow, set: &SigSet) {
    must(sigprocmask(how, Some(set), None).is_ok());
}

pub fn block(signals: &[Signal]) {
    for one in signals {
        set_mask(SigmaskHow::SIG_BLOCK, &(*one).into());
    }
}

fn dispose(signals: &[Signal], how: SigHandler) {
    for one in signals {
        // SAFETY: no handler is installed.
        must(unsafe { signal(*one, how) }.is_ok());
    }
}

pub fn ignore(signals: &[Signal]) {
    dispose(signals, SigHandler::SigIgn);
}

/// Undoes what the test has from its own parent: Rust ignores PIPE, and a shell's `&` INT and QUIT.
pub fn defaults() {
    set_mask(SigmaskHow::SIG_SETMASK, &SigSet::empty());
    for one in Signal::iterator().filter(|one| !matches!(one, Signal::SIGKILL | Signal::SIGSTOP)) {
        dispose(&[one], SigHandler::SigDfl);
    }
}

/// To itself; PID 1 gets it only if it is blocked.
pub fn raise(signal: Signal) {
    // SAFETY: no memory is involved.
    must(unsafe { libc::kill(libc::getpid(), signal as i32) } == 0);
}

pub fn close(fds: &[i32]) {
    for fd in fds {
        // SAFETY: in the child nothing else uses its descriptors.
        unsafe { libc::close(*fd) };
    }
}

pub fn subreaper() {
    // SAFETY: no memory is involved.
    must(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } == 0);
}

/// Descriptors without close-on-exec at these numbers.
pub fn leak_descriptors(numbers: &[i32]) {
    for number in numbers {
        // SAFETY: no memory is involved; the numbers are free.
        must(unsafe { libc::dup2(2, *number) } == *number);
    }
}

/// A child that is a zombie before the exec, its signal long gone.
pub fn child_that_died() {
    // SAFETY: the child exits at once.
    let pid = unsafe { fork(0) };
    if pid == 0 {
        leave(0);
    }
    // SAFETY: the kernel writes a siginfo_t into one.
    unsafe {
        let mut info = std::mem::zeroed();
        must(libc::waitid(libc::P_PID, pid as u32, &raw mut info, libc::WEXITED | libc::WNOWAIT) == 0);
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
        must(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        must(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0);
    }
}
