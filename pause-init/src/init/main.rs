//! The pod's pause: the first process of its pid namespace, which sleeps and reaps.
//!
//! It behaves as Kubernetes' `build/pause/linux/pause.c`, but *waits* for TERM, INT and CHLD
//! (`rt_sigtimedwait`) where the reference handles them. A signal that is blocked and waited for
//! reaches even PID 1, cannot be lost between two instructions, and needs no handler, no restorer
//! and no second stack. Whatever the parent left blocked or ignored is set right first.
//!
//! No heap, no timer (but `--reap-delay-ms`), no writable data: one page of code and one of stack.

#![no_std]
#![no_main]
// There is no libc: no loop may be turned into a call of `strlen` or `memset`.
#![no_builtins]

mod mem;
mod options;
mod report;
mod sys;
mod text;

use options::{Asked, Options};
use report::Report;
use sys::{SIGCHLD, SIGINT, SIGPIPE, SIGTERM, SignalSet};

const ENDS: SignalSet = SignalSet::of(&[SIGINT, SIGTERM]);
const WAITED: SignalSet = ENDS.with(SIGCHLD);
/// PIPE is never waited for: a reader that went away must not end anybody.
const BLOCKED: SignalSet = WAITED.with(SIGPIPE);

/// A storm of dying children must not keep TERM waiting: look for it after so many.
const BATCH: u32 = 256;

/// Called by `_start` with the stack the kernel made: argc, then argv.
///
/// # Safety
/// `stack` is the stack pointer at the program's entry (System V ABI, "Process Initialization").
unsafe extern "C" fn run(stack: *const usize) -> ! {
    // Before anything else, so that a TERM which comes this early is kept, not lost or fatal.
    let blocked = sys::set_blocked(BLOCKED);
    // SAFETY: the caller's promise.
    let args = unsafe { options::Args::new(stack) };
    let options = match options::parse(args) {
        Asked::Version => {
            sys::write(1, text::VERSION);
            sys::exit(0)
        }
        Asked::Wrong(wrong) => {
            wrong.tell();
            sys::exit(64)
        }
        Asked::Run(options) => options,
    };
    if options.report_fd.is_some() {
        // SAFETY: the caller's promise; the options hold numbers.
        unsafe { options::hide(stack) };
    }
    if sys::getpid() != 1 {
        text::tell(text::NOT_FIRST);
    }
    // Back to the default: an inherited SIG_IGN would drop TERM and let the kernel reap unseen
    // (wait(2)). NOCLDSTOP: STOP and CONT of a child are not even sent.
    if !blocked || !sys::set_default(SIGINT, 0) {
        sys::exit(1);
    }
    if !sys::set_default(SIGTERM, 0) {
        sys::exit(2);
    }
    if !sys::set_default(SIGCHLD, sys::SA_NOCLDSTOP) {
        sys::exit(3);
    }
    // Hold nothing of the parent's: no file, no directory that could then not be unmounted.
    sys::close_all_but_standard_and(options.report_fd);
    sys::chdir_root();
    sys::umask(0o022);
    live(&options);
    text::tell(text::LOOP_ENDED);
    sys::exit(42)
}

/// Waits and reaps for ever; returns only when the kernel refuses to wait.
fn live(options: &Options) {
    let mut report = Report::new(options.report_fd);
    let waited = if options.reap { WAITED } else { ENDS };
    loop {
        // First reap, then wait: a child that died before the signals were set right sent nothing.
        let more = options.reap && reap(options.delay_ms, &mut report);
        let signal = if more { sys::wait_signal(waited, Some(0)) } else { sys::wait_signal(waited, None) };
        match signal {
            Ok(SIGINT) => shut_down(text::INTERRUPT),
            Ok(SIGTERM) => shut_down(text::TERMINATED),
            // EINTR: stopped and continued. EAGAIN: only looked.
            Ok(_) | Err(sys::EINTR | sys::EAGAIN) => {}
            Err(_) => return,
        }
    }
}

/// Reaps a batch; true if there may be more.
fn reap(delay_ms: u32, report: &mut Report) -> bool {
    for _ in 0..BATCH {
        let mut child = -1;
        if delay_ms > 0 {
            child = sys::peek_exited();
            if child <= 0 {
                return false;
            }
            linger(delay_ms);
        }
        match sys::reap(child) {
            Some((pid, status)) => report.reaped(pid, status),
            None => return false,
        }
    }
    true
}

/// Leaves a zombie to be looked at, at least so long, but never keeps TERM waiting.
fn linger(ms: u32) {
    loop {
        match sys::wait_signal(ENDS, Some(ms)) {
            Ok(SIGINT) => shut_down(text::INTERRUPT),
            Ok(_) => shut_down(text::TERMINATED),
            Err(sys::EINTR) => {}
            Err(_) => return,
        }
    }
}

fn shut_down(message: &[u8]) -> ! {
    text::tell(message);
    sys::exit(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::exit(42)
}
