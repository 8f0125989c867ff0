//! What pause prints: the same bytes as the reference (by `printf`, `fprintf` and `psignal(3)`).

use crate::sys;

pub const VERSION: &[u8] = concat!("pause.c ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();
pub const NOT_FIRST: &[u8] = b"Warning: pause should be the first process\n";
pub const INTERRUPT: &[u8] = b"Shutting down, got signal: Interrupt\n";
pub const TERMINATED: &[u8] = b"Shutting down, got signal: Terminated\n";
pub const LOOP_ENDED: &[u8] = b"Error: infinite loop terminated\n";

const STDERR: i32 = 2;

/// Writes a line to stderr, unless that would block: a reader that stops reading must not delay the end of a pod.
pub fn print_line(line: &[u8]) {
    if sys::writable_now(STDERR) {
        sys::write(STDERR, line);
    }
}

/// Writes one line that consists of parts, as [`print_line`].
pub fn print_parts(parts: &[&[u8]; 6]) {
    if sys::writable_now(STDERR) {
        sys::write_parts(STDERR, parts);
    }
}
