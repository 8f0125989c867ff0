//! Parses the arguments: the reference's `-v`, and Podscope's options. All others are ignored, as in the reference.

use crate::{sys, text};

pub struct Options {
    /// Where to write a record for every reaped child.
    pub report_fd: Option<i32>,
    /// False: does not reap, as pause before 3.1.
    pub reap: bool,
    /// Milliseconds to wait before each reap.
    pub delay_ms: u32,
}

pub enum Command {
    Run(Options),
    Version,
    Invalid(InvalidOption),
}

/// One of Podscope's options with an invalid value.
pub struct InvalidOption {
    option: &'static [u8],
    wants: &'static [u8],
    got: Option<&'static [u8]>,
}

impl InvalidOption {
    pub fn print(&self) {
        let (before, got, after): (&[u8], _, &[u8]) = match self.got {
            Some(got) => (b", got \"", got, b"\"\n"),
            None => (b", got nothing", b"".as_slice(), b"\n"),
        };
        text::print_parts(&[b"pause: ", self.option, self.wants, before, got, after]);
    }
}

/// Iterates over the arguments after the program's name.
#[derive(Clone)]
pub struct Args {
    next: *const *const u8,
}

impl Args {
    /// # Safety
    /// `stack` points at argc, followed by argv and its null, all alive for the whole program.
    pub unsafe fn new(stack: *const usize) -> Self {
        // SAFETY: argv follows argc. Before Linux 5.18 a program could be started with argc 0: then argv is only its
        // null, which must not be skipped.
        let next = unsafe { stack.add(1 + usize::from(*stack != 0)) };
        Args { next: next.cast() }
    }
}

impl Iterator for Args {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<&'static [u8]> {
        // SAFETY: `next` is inside argv or at its null, and never advances past the null.
        let arg = unsafe { *self.next };
        if arg.is_null() {
            return None;
        }
        let mut len = 0;
        // SAFETY: an argument ends with a zero byte; `len` stops at it.
        while unsafe { *arg.add(len) } != 0 {
            len += 1;
        }
        // SAFETY: not at the null, so one more entry follows; `len` bytes were just read.
        unsafe {
            self.next = self.next.add(1);
            Some(core::slice::from_raw_parts(arg, len))
        }
    }
}

/// Leaves only the program's name in `/proc/PID/cmdline`, so that `ps` shows the same as for the reference. If the last
/// byte of the arguments is not zero, the kernel shows the memory only up to the first zero byte (`get_mm_proctitle`,
/// fs/proc/base.c).
///
/// # Safety
/// As for [`Args::new`]; also, no reference to an argument may exist any more.
pub unsafe fn hide_arguments(stack: *const usize) {
    // SAFETY: argc, then argv; if there is an argument, both entries used below exist.
    let (argc, argv) = unsafe { (*stack, stack.add(1).cast::<*mut u8>()) };
    if argc < 2 {
        return;
    }
    // SAFETY: the kernel puts the arguments one after the other, each with its zero byte, into writable memory of this
    // process. Everything from the zero byte of the first to that of the last belongs to them.
    unsafe {
        let mut at = *argv;
        while *at != 0 {
            at = at.add(1);
        }
        let mut last = *argv.add(argc - 1);
        while *last != 0 {
            last = last.add(1);
        }
        while at < last {
            *at = 0;
            at = at.add(1);
        }
        *last = 1;
    }
}

pub fn parse(mut args: Args) -> Command {
    // As in the reference: `-v` counts anywhere and overrides everything else.
    if args.clone().any(|arg| arg.eq_ignore_ascii_case(b"-v")) {
        return Command::Version;
    }
    let mut options = Options { report_fd: None, reap: true, delay_ms: 0 };
    while let Some(arg) = args.next() {
        let found = report_fd(&mut options, arg, &mut args)
            .and_then(|()| delay(&mut options, arg, &mut args))
            .and_then(|()| no_reap(&mut options, arg));
        if let Err(invalid) = found {
            return Command::Invalid(invalid);
        }
    }
    Command::Run(options)
}

fn report_fd(options: &mut Options, arg: &'static [u8], args: &mut Args) -> Result<(), InvalidOption> {
    const OPTION: &[u8] = b"--report-fd";
    if let Some(Value(got)) = value(OPTION, arg, args) {
        // Not 0, 1 or 2: a line of text among the records would break their alignment.
        let fd = got.and_then(number).filter(|n| *n > 2).and_then(|n| i32::try_from(n).ok());
        options.report_fd = fd.filter(|fd| sys::make_nonblocking(*fd));
        if options.report_fd.is_none() {
            return Err(InvalidOption { option: OPTION, wants: b" wants an open, writable descriptor above 2", got });
        }
    }
    Ok(())
}

fn delay(options: &mut Options, arg: &'static [u8], args: &mut Args) -> Result<(), InvalidOption> {
    const OPTION: &[u8] = b"--reap-delay-ms";
    if let Some(Value(got)) = value(OPTION, arg, args) {
        let Some(ms) = got.and_then(number) else {
            return Err(InvalidOption { option: OPTION, wants: b" wants milliseconds, 0 to 4294967295", got });
        };
        options.delay_ms = ms;
    }
    Ok(())
}

fn no_reap(options: &mut Options, arg: &'static [u8]) -> Result<(), InvalidOption> {
    const OPTION: &[u8] = b"--no-reap";
    match arg.strip_prefix(OPTION) {
        Some([]) => options.reap = false,
        Some([b'=', got @ ..]) => {
            return Err(InvalidOption { option: OPTION, wants: b" takes no value", got: Some(got) });
        }
        _ => {}
    }
    Ok(())
}

/// The value of an option; `None` if the arguments end before it.
struct Value(Option<&'static [u8]>);

/// `None` if the argument is not this option.
fn value(option: &[u8], arg: &'static [u8], args: &mut Args) -> Option<Value> {
    match arg.strip_prefix(option)? {
        [] => Some(Value(args.next())),
        [b'=', value @ ..] => Some(Value(Some(value))),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |n, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n.checked_mul(10)?.checked_add(u32::from(digit))
    })
}
