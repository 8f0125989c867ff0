//! One direction of a stream.

use std::io::{self, ErrorKind, Read, Write};

/// Size of the read buffer, which all pumps share in turn, so that an idle stream holds no memory.
pub const SCRATCH: usize = 64 * 1024;
/// Maximum number of reads in one call of `run`, so that a fast stream does not delay all others.
const ROUNDS: usize = 8;

/// Copies bytes from a source to a sink, and keeps those that the sink has not taken yet: at most the result of one
/// read.
#[derive(Debug, Default)]
pub struct Pump {
    held: Vec<u8>,
    /// How many bytes of `held` the sink has taken.
    gone: usize,
    /// How many more bytes are read from the source; `None`: until it ends.
    left: Option<u64>,
    ended: bool,
    /// Bytes that the sink has taken.
    pub moved: u64,
}

/// The result of [`Pump::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Everything has been copied.
    Done,
    /// The source or sink would block: an event will follow.
    Blocked,
    /// Neither end blocks: call again after the other streams.
    More,
}

impl Pump {
    /// Copies until the source ends, or until `left` bytes have been read.
    pub fn new(left: Option<u64>) -> Self {
        Self { left, ..Self::default() }
    }

    /// Sends these bytes before those of the source; they do not count against `left`.
    pub fn preload(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Starts with bytes that were already read from the source. Returns how many of them are within `left`.
    pub fn begin_with(&mut self, bytes: &[u8]) -> usize {
        let own = self.at_most(bytes.len());
        self.left = self.left.map(|left| left - own as u64);
        self.held.extend_from_slice(&bytes[..own]);
        own
    }

    /// Whether the source ended before `left` bytes were read.
    pub fn cut(&self) -> bool {
        self.ended && self.left.is_some_and(|left| left > 0)
    }

    /// Whether the source has ended; false if only `left` was reached.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// # Errors
    /// An error of the source or the sink, except that it would block.
    pub fn run(&mut self, from: &mut impl Read, to: &mut impl Write, scratch: &mut [u8]) -> io::Result<Flow> {
        for _ in 0..ROUNDS {
            if !self.flush(to)? {
                return Ok(Flow::Blocked);
            }
            if self.ended || self.left == Some(0) {
                return Ok(Flow::Done);
            }
            let room = self.at_most(scratch.len());
            let Some(n) = try_io(|| from.read(&mut scratch[..room]))? else { return Ok(Flow::Blocked) };
            self.ended = n == 0;
            self.left = self.left.map(|left| left.saturating_sub(n as u64));
            // write directly; only what the sink does not take is copied to `held`
            let taken = if n == 0 { 0 } else { try_io(|| to.write(&scratch[..n]))?.unwrap_or(0) };
            self.moved += taken as u64;
            self.held.extend_from_slice(&scratch[taken..n]);
        }
        Ok(Flow::More)
    }

    fn at_most(&self, n: usize) -> usize {
        self.left.and_then(|left| usize::try_from(left).ok()).map_or(n, |left| left.min(n))
    }

    /// Writes held bytes. Returns whether none are left.
    fn flush(&mut self, to: &mut impl Write) -> io::Result<bool> {
        while self.gone < self.held.len() {
            match try_io(|| to.write(&self.held[self.gone..]))? {
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(n) => {
                    self.gone += n;
                    self.moved += n as u64;
                }
                None => return Ok(false),
            }
        }
        self.held = Vec::new();
        self.gone = 0;
        Ok(true)
    }
}

/// `None` if it would block.
pub fn try_io(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Ok(n) => return Ok(Some(n)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};

    use super::{Flow, Pump};

    /// A sink that takes three bytes at a time and blocks every second time.
    #[derive(Default)]
    struct Narrow {
        got: Vec<u8>,
        open: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open = !self.open;
            if !self.open {
                return Err(ErrorKind::WouldBlock.into());
            }
            let n = bytes.len().min(3);
            self.got.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_sink_gets_every_byte_once_and_in_order() {
        let text: Vec<u8> = (0..200).collect();
        let (mut source, mut sink) = (&text[..], Narrow::default());
        let mut pump = Pump::new(None);
        pump.preload(b"head:");
        let mut waits = 0;
        while pump.run(&mut source, &mut sink, &mut [0; 16]).expect("moves") != Flow::Done {
            waits += 1;
            assert!(waits < 1000);
        }
        assert_eq!(sink.got, [b"head:", &text[..]].concat());
        assert_eq!((pump.moved, pump.cut()), (205, false));
    }

    #[test]
    fn a_limit_leaves_the_rest_in_the_source_and_a_short_source_is_detected() {
        let mut source = &b"bodyNEXT"[..];
        let mut sink = Vec::new();
        let mut pump = Pump::new(Some(4));
        assert_eq!(pump.run(&mut source, &mut sink, &mut [0; 16]).expect("moves"), Flow::Done);
        assert_eq!((&sink[..], source, pump.cut(), pump.ended()), (&b"body"[..], &b"NEXT"[..], false, false));
        let mut short = Pump::new(Some(100));
        assert_eq!(short.run(&mut source, &mut sink, &mut [0; 16]).expect("moves"), Flow::Done);
        assert!(short.cut());
    }
}
