//! The kept part of what members write to stdout and stderr.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{pipe2, read};

use crate::lab::protocol::LogPart;

/// A log of the last [`Ring::MAX`] bytes written. The oldest are dropped first.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    bytes: VecDeque<u8>,
    /// Whether bytes have been dropped.
    pub lost: bool,
    /// How many bytes were written in all, including dropped ones.
    written: u64,
    /// The value of `written` when the present run began, and when the run before it began.
    run: u64,
    run_before: Option<u64>,
}

impl Ring {
    pub const MAX: usize = 256 * 1024;

    pub fn push(&mut self, new: &[u8]) {
        self.written += new.len() as u64;
        let new = &new[new.len().saturating_sub(Self::MAX)..];
        let over = (self.bytes.len() + new.len()).saturating_sub(Self::MAX);
        self.lost |= over > 0;
        self.bytes.drain(..over);
        self.bytes.extend(new);
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.iter().copied().collect()
    }

    /// Begins a new run: what is written from now on belongs to it.
    pub const fn begin_run(&mut self, first: bool) {
        self.run_before = if first { None } else { Some(self.run) };
        self.run = self.written;
    }

    /// How many bytes had been written when the present run began.
    pub const fn run_start(&self) -> u64 {
        self.run
    }

    /// The kept output of a run; `None` if there was no such run.
    pub fn of(&self, which: LogPart) -> Option<Vec<u8>> {
        match which {
            LogPart::All => Some(self.to_vec()),
            LogPart::Last => Some(self.since(self.run)),
            LogPart::Previous => {
                let mut from = self.since(self.run_before?);
                let later = usize::try_from(self.written - self.run).unwrap_or(usize::MAX);
                from.truncate(from.len().saturating_sub(later));
                Some(from)
            }
        }
    }

    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The kept part of the output that follows the first `written` bytes.
    pub fn since(&self, written: u64) -> Vec<u8> {
        let new = usize::try_from(self.written.saturating_sub(written)).unwrap_or(usize::MAX);
        self.bytes.iter().skip(self.bytes.len().saturating_sub(new)).copied().collect()
    }
}

/// A pipe (reader, writer) whose reader does not block. The writer blocks, as programs expect.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, theirs))
}

/// A pipe (reader, writer) on which a process can wait for a byte.
pub fn gate() -> Result<(OwnedFd, OwnedFd), Errno> {
    pipe2(OFlag::O_CLOEXEC)
}

/// The outcome of a read.
pub enum Read {
    Bytes(usize),
    Nothing,
    /// Every writer has closed the pipe, or reading failed.
    End,
}

pub fn read_some(fd: impl AsFd, buffer: &mut [u8]) -> Read {
    loop {
        return match read(fd.as_fd(), buffer) {
            Ok(0) => Read::End,
            Ok(n) => Read::Bytes(n),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => Read::Nothing,
            Err(_) => Read::End,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{LogPart, Ring};

    #[test]
    fn the_output_of_each_run_is_separate() {
        let mut ring = Ring::default();
        ring.begin_run(true);
        ring.push(b"first");
        assert_eq!(ring.of(LogPart::Previous), None);
        ring.begin_run(false);
        ring.push(b"second");
        ring.begin_run(false);
        assert_eq!(ring.of(LogPart::Last).as_deref(), Some(&b""[..]));
        ring.push(b"third");
        assert_eq!(ring.of(LogPart::Last).as_deref(), Some(&b"third"[..]));
        assert_eq!(ring.of(LogPart::Previous).as_deref(), Some(&b"second"[..]));
        assert_eq!(ring.of(LogPart::All).as_deref(), Some(&b"firstsecondthird"[..]));
        ring.push(&vec![b'x'; Ring::MAX]);
        assert_eq!(ring.of(LogPart::Previous).as_deref(), Some(&b""[..]), "pushed out");
    }

    #[test]
    fn a_ring_keeps_the_last_bytes() {
        let mut ring = Ring::default();
        ring.push(b"old");
        ring.push(&vec![b'x'; Ring::MAX - 4]);
        assert!(!ring.lost);
        ring.push(b"new");
        assert!(ring.lost);
        let bytes = ring.to_vec();
        assert_eq!(bytes.len(), Ring::MAX);
        assert!(bytes.starts_with(b"dxx") && bytes.ends_with(b"xnew"));
        assert_eq!(ring.since(ring.written() - 4), b"xnew");
        assert_eq!(ring.since(0).len(), Ring::MAX);
        let before = ring.written();
        assert_eq!(ring.since(before), b"");
        ring.push(b"more");
        assert_eq!(ring.since(before), b"more");
        ring.push(&vec![b'y'; Ring::MAX * 2]);
        assert!(ring.to_vec().iter().all(|b| *b == b'y'));
    }
}
