//! How much of an output is passed to the app, and when: a program that writes without end must neither keep the app
//! busy nor push everything else out of the recording.

use crate::model::MonoNs;

use super::output::Ring;

/// The least time between two pieces of one output. What is written meanwhile is one piece.
const INTERVAL_NS: u64 = 10_000_000;
/// The same once more was written than may be passed.
const LIMITED_INTERVAL_NS: u64 = 100_000_000;
/// Bytes that may be passed at once after a rest. As many as the log keeps.
const BURST: u64 = Ring::MAX as u64;
/// Bytes a second that may be passed all the time.
const RATE: u64 = 64 * 1024;

/// The part of an output that was passed to the app.
#[derive(Clone, Debug)]
pub struct Passed {
    /// How many bytes of the output were passed or skipped.
    until: u64,
    /// How many bytes may be passed.
    allowance: u64,
    counted: MonoNs,
    next: MonoNs,
}

/// A piece of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// How many bytes before it are not passed.
    pub skipped: u64,
}

impl Default for Passed {
    fn default() -> Self {
        Self { until: 0, allowance: BURST, counted: MonoNs(0), next: MonoNs(0) }
    }
}

impl Passed {
    /// Whether everything was passed.
    pub const fn is_all(&self, log: &Ring) -> bool {
        self.until == log.written()
    }

    /// The earliest time of the next piece.
    pub const fn next(&self) -> MonoNs {
        self.next
    }

    /// The next piece, if one may be passed now. `at_end`: the program has ended, so nothing is to be waited for.
    pub fn take(&mut self, log: &Ring, now: MonoNs, at_end: bool) -> Option<Piece> {
        let waiting = log.written() - self.until;
        if waiting == 0 || (now < self.next && !at_end) {
            return None;
        }
        let earned = now.since(self.counted).saturating_mul(RATE) / 1_000_000_000;
        self.allowance = self.allowance.saturating_add(earned).min(BURST);
        self.counted = now;
        let allowed = waiting.min(self.allowance);
        let is_limited = allowed < waiting;
        self.next = now.plus(if is_limited { LIMITED_INTERVAL_NS } else { INTERVAL_NS });
        let kept = log.since(log.written() - allowed);
        // the log may keep less
        let mut skipped = waiting - kept.len() as u64;
        let mut bytes = &kept[..];
        if skipped > 0 {
            let cut = bytes.len() - beginning(bytes).len();
            skipped += cut as u64;
            bytes = &bytes[cut..];
        }
        if !at_end {
            bytes = &bytes[..bytes.len() - incomplete_end(bytes)];
        }
        if bytes.is_empty() && skipped == 0 {
            // the rest of the character is still to come
            return None;
        }
        self.until += skipped + bytes.len() as u64;
        self.allowance -= bytes.len() as u64;
        Some(Piece { text: String::from_utf8_lossy(bytes).into_owned(), skipped })
    }
}

/// What follows a gap, from the next line on; without a next line, from the next character on.
fn beginning(bytes: &[u8]) -> &[u8] {
    match bytes.iter().position(|b| *b == b'\n') {
        Some(newline) if newline + 1 < bytes.len() => &bytes[newline + 1..],
        _ => {
            let continued = bytes.iter().take(3).take_while(|b| *b & 0xc0 == 0x80).count();
            &bytes[continued..]
        }
    }
}

/// How many bytes at the end are the beginning of a character of UTF-8.
fn incomplete_end(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(4)..];
    // only the last piece can be incomplete; what is wrong in another way will not be completed
    match tail.utf8_chunks().last() {
        Some(last) if !last.invalid().is_empty() && could_be_completed(last.invalid()) => last.invalid().len(),
        _ => 0,
    }
}

fn could_be_completed(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> MonoNs {
        MonoNs(1_000_000_000 + ms * 1_000_000)
    }

    fn piece(text: &str, skipped: u64) -> Piece {
        Piece { text: text.to_owned(), skipped }
    }

    #[test]
    fn the_first_piece_is_passed_at_once_and_others_are_joined() {
        let (mut log, mut passed) = (Ring::default(), Passed::default());
        log.push(b"a\n");
        assert_eq!(passed.take(&log, at_ms(0), false), Some(piece("a\n", 0)));
        log.push(b"b");
        assert_eq!(passed.take(&log, at_ms(1), false), None);
        log.push(b"c");
        assert_eq!(passed.next(), at_ms(10));
        assert_eq!(passed.take(&log, at_ms(10), false), Some(piece("bc", 0)));
        assert!(passed.is_all(&log));
        log.push(b"d");
        assert_eq!(passed.take(&log, at_ms(11), true), Some(piece("d", 0)), "at its end nothing waits");
        assert_eq!(passed.take(&log, at_ms(100), false), None);
    }

    #[test]
    fn a_character_is_not_cut() {
        let (mut log, mut passed) = (Ring::default(), Passed::default());
        log.push(b"h\xc3");
        assert_eq!(passed.take(&log, at_ms(0), false), Some(piece("h", 0)));
        assert_eq!(passed.take(&log, at_ms(20), false), None);
        log.push(b"\xa4\xff\xf0\x9f\x98");
        assert_eq!(passed.take(&log, at_ms(40), false), Some(piece("ä\u{fffd}", 0)), "a wrong byte is not waited for");
        assert_eq!(passed.take(&log, at_ms(60), true), Some(piece("\u{fffd}", 0)), "it has ended");
    }

    #[test]
    fn a_program_that_writes_without_end_passes_its_newest_lines() {
        let (mut log, mut passed) = (Ring::default(), Passed::default());
        let line = b"0123456789abcde\n";
        let burst: Vec<u8> = line.repeat(Ring::MAX / 16);
        log.push(&burst);
        let first = passed.take(&log, at_ms(0), false).expect("a burst");
        assert_eq!((first.text.len(), first.skipped), (Ring::MAX, 0));
        let mut all = 0;
        for ms in 1..=10_000 {
            log.push(&burst);
            if let Some(Piece { text, skipped }) = passed.take(&log, at_ms(ms), false) {
                assert!(skipped > 0 && text.as_bytes().chunks(16).all(|l| l == line), "whole lines");
                all += text.len();
            }
        }
        assert!((RATE * 9..=RATE * 10).contains(&(all as u64)), "{all}");
        assert!(passed.is_all(&log) || passed.next() > at_ms(10_000));
    }

    #[test]
    fn nothing_is_counted_twice() {
        let (mut log, mut passed) = (Ring::default(), Passed::default());
        let (mut written, mut accounted) = (0, 0);
        for ms in 0..2_000_u64 {
            let bytes = vec![b'x'; (ms * 7919 % 3_000) as usize];
            written += bytes.len() as u64;
            log.push(&bytes);
            if let Some(piece) = passed.take(&log, at_ms(ms), false) {
                accounted += piece.text.len() as u64 + piece.skipped;
            }
        }
        accounted += passed.take(&log, at_ms(2_000), true).map_or(0, |p| p.text.len() as u64 + p.skipped);
        assert_eq!(written, accounted);
    }
}
