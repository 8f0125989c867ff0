//! What pause says, byte for byte as the reference (`printf`, `fprintf` and `psignal(3)` there).

use crate::sys;

pub const VERSION: &[u8] = concat!("pause.c ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();
pub const NOT_FIRST: &[u8] = b"Warning: pause should be the first process\n";
pub const INTERRUPT: &[u8] = b"Shutting down, got signal: Interrupt\n";
pub const TERMINATED: &[u8] = b"Shutting down, got signal: Terminated\n";
pub const LOOP_ENDED: &[u8] = b"Error: infinite loop terminated\n";

const STDERR: i32 = 2;

/// Says a line on stderr, unless that would block: nobody who stops reading holds up the end of a pod.
pub fn tell(line: &[u8]) {
    if sys::writable_now(STDERR) {
        sys::write(STDERR, line);
    }
}

/// Says one line made of parts, whole.
pub fn tell_parts(parts: &[&[u8]; 6]) {
    if sys::writable_now(STDERR) {
        sys::write_parts(STDERR, parts);
    }
}
