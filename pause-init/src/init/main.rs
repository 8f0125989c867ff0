//! The pod's pause: PID 1 of its pid namespace. It sleeps and reaps.
//!
//! It behaves like Kubernetes' `build/pause/linux/pause.c` (the reference), but it *waits* for TERM, INT and CHLD
//! (`rt_sigtimedwait`), while the reference has handlers for them. A blocked signal that is waited for reaches even
//! PID 1, cannot be lost between two instructions, and needs no handler, no restorer and no second stack. Signals that
//! the parent left blocked or ignored are reset first.
//!
//! No heap, no timer (except for `--reap-delay-ms`), no writable data: one page of code and one of stack.

#![no_std]
#![no_main]
// There is no libc, so the compiler must not turn a loop into a call of `strlen` or `memset`.
#![no_builtins]

mod mem;
mod options;
mod report;
mod sys;
mod text;

use options::{Command, Options};
use report::Report;
use sys::{SIGCHLD, SIGINT, SIGPIPE, SIGTERM, SignalSet};

const TERMINATING: SignalSet = SignalSet::of(&[SIGINT, SIGTERM]);
const AWAITED: SignalSet = TERMINATING.with(SIGCHLD);
/// PIPE is blocked and never waited for: pause must not end because a reader has gone.
const BLOCKED: SignalSet = AWAITED.with(SIGPIPE);

/// After this many reaps it looks for TERM, so that many dying children do not delay it.
const BATCH: u32 = 256;

/// Called by `_start` with the stack that the kernel prepared: argc, then argv.
///
/// # Safety
/// `stack` must be the stack pointer at the program's entry (System V ABI, "Process Initialization").
unsafe extern "C" fn run(stack: *const usize) -> ! {
    // Before anything else, so that an early TERM stays pending and is neither lost nor fatal.
    let blocked = sys::set_blocked(BLOCKED);
    // SAFETY: the caller's promise.
    let args = unsafe { options::Args::new(stack) };
    let options = match options::parse(args) {
        Command::Version => {
            sys::write(1, text::VERSION);
            sys::exit(0)
        }
        Command::Invalid(invalid) => {
            invalid.print();
            sys::exit(64)
        }
        Command::Run(options) => options,
    };
    if options.report_fd.is_some() {
        // SAFETY: the caller's promise; the options hold numbers, no references to arguments.
        unsafe { options::hide_arguments(stack) };
    }
    if sys::getpid() != 1 {
        text::print_line(text::NOT_FIRST);
    }
    // Back to the default: with an inherited SIG_IGN, TERM would be dropped and the kernel would reap children itself
    // (wait(2)). With NOCLDSTOP the kernel sends no CHLD when a child stops or continues.
    if !blocked || !sys::set_default(SIGINT, 0) {
        sys::exit(1);
    }
    if !sys::set_default(SIGTERM, 0) {
        sys::exit(2);
    }
    if !sys::set_default(SIGCHLD, sys::SA_NOCLDSTOP) {
        sys::exit(3);
    }
    // Keep no file of the parent open, and no directory that could then not be unmounted.
    sys::close_all_but_standard_and(options.report_fd);
    sys::chdir_root();
    sys::umask(0o022);
    run_loop(&options);
    text::print_line(text::LOOP_ENDED);
    sys::exit(42)
}

/// Waits and reaps for ever. Returns only if the kernel refuses to wait.
fn run_loop(options: &Options) {
    let mut report = Report::new(options.report_fd);
    let awaited = if options.reap { AWAITED } else { TERMINATING };
    loop {
        // First reap, then wait: a child that died before the signals were reset has sent no signal.
        let more = options.reap && reap(options.delay_ms, &mut report);
        let signal = if more { sys::wait_signal(awaited, Some(0)) } else { sys::wait_signal(awaited, None) };
        match signal {
            Ok(SIGINT) => shut_down(text::INTERRUPT),
            Ok(SIGTERM) => shut_down(text::TERMINATED),
            // EINTR: stopped and continued. EAGAIN: it did not wait, and no signal was pending.
            Ok(_) | Err(sys::EINTR | sys::EAGAIN) => {}
            Err(_) => return,
        }
    }
}

/// Reaps at most [`BATCH`] children; true if there may be more.
fn reap(delay_ms: u32, report: &mut Report) -> bool {
    for _ in 0..BATCH {
        let mut child = -1;
        if delay_ms > 0 {
            child = sys::peek_exited();
            if child <= 0 {
                return false;
            }
            wait_before_reap(delay_ms);
        }
        match sys::reap(child) {
            Some((pid, status)) => report.reaped(pid, status),
            None => return false,
        }
    }
    true
}

/// Waits before a reap, so that the zombie can be seen. TERM and INT end it at once.
fn wait_before_reap(ms: u32) {
    loop {
        match sys::wait_signal(TERMINATING, Some(ms)) {
            Ok(SIGINT) => shut_down(text::INTERRUPT),
            Ok(_) => shut_down(text::TERMINATED),
            Err(sys::EINTR) => {}
            Err(_) => return,
        }
    }
}

fn shut_down(message: &[u8]) -> ! {
    text::print_line(message);
    sys::exit(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::exit(42)
}
