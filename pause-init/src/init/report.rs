//! The report pipe: one record for every reaped child. `Record` in the library decodes it.

use crate::sys;

/// The bytes as written, in native byte order. A pipe takes all of them or none (`PIPE_BUF`, pipe(7)).
#[repr(C)]
struct Record {
    sequence: u64,
    monotonic_ns: u64,
    pid: i32,
    status: i32,
    dropped: u32,
    zero: u32,
}

pub struct Report {
    fd: Option<i32>,
    sequence: u64,
    /// Records lost since the last one that was written.
    dropped: u32,
}

impl Report {
    pub fn new(fd: Option<i32>) -> Self {
        Report { fd, sequence: 0, dropped: 0 }
    }

    pub fn reaped(&mut self, pid: i32, status: i32) {
        let Some(fd) = self.fd else { return };
        self.sequence = self.sequence.wrapping_add(1);
        let record = Record {
            sequence: self.sequence,
            monotonic_ns: sys::monotonic_ns(),
            pid,
            status,
            dropped: self.dropped,
            zero: 0,
        };
        const SIZE: usize = size_of::<Record>();
        // SAFETY: `repr(C)` without padding, so every byte is initialised.
        let bytes: &[u8; SIZE] = unsafe { &*(&raw const record).cast() };
        // The pipe is full (EAGAIN) or has no reader (EPIPE): count the record, never wait.
        self.dropped = if sys::write(fd, bytes) { 0 } else { self.dropped.saturating_add(1) };
    }
}
