//! What programs of pods write, as lines.

use std::sync::Arc;

use imbl::Vector;
use serde::{Deserialize, Serialize};

use super::{Member, MonoNs, Stamp, WaitStatus};

/// A program that was executed in a container, as with `kubectl exec`. The number is unique in a stream of Deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecId(pub u64);

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    /// A member: its stdout and stderr, which are one pipe or one terminal.
    Member(Member),
    /// An executed program.
    Exec { exec: ExecId, stderr: bool },
}

/// How an executed program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecEnd {
    Exited(WaitStatus),
    /// It was killed at its time limit.
    TimedOut,
    /// It was killed because the user cancelled it.
    Cancelled,
    /// It could not be started. The text is what the container runtime says.
    NotStarted(String),
    /// The lab's node ended, and the program with it.
    NodeEnded,
}

/// A program that was executed in a container, and what it has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRun {
    pub id: ExecId,
    pub member: Member,
    pub argv: Vec<String>,
    pub started: Stamp,
    pub output: Output,
    /// `None` while it runs.
    pub ended: Option<(ExecEnd, Stamp)>,
}

/// A line of an output. Its text is as it was written, with control characters, without the newline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLine {
    /// When its first byte was read.
    pub at: MonoNs,
    pub text: Arc<str>,
    /// How many bytes were written before it and are not in the stream, because too much was written at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The last lines of an output. Older ones are dropped, as a kubelet drops rotated logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    lines: Vector<OutputLine>,
    /// The last line has no newline yet.
    is_open: bool,
    /// Bytes of all lines.
    bytes: usize,
    has_dropped: bool,
}

impl Output {
    pub const MAX_LINES: usize = 4_096;
    pub const MAX_BYTES: usize = 256 * 1024;
    /// Bytes of a line; the rest of a longer line is dropped.
    pub const MAX_LINE: usize = 4_096;

    /// Appends what was written at `at`. `skipped`: how many bytes before it are missing.
    pub fn push(&mut self, text: &str, skipped: u64, at: MonoNs) {
        if skipped > 0 {
            self.is_open = false;
        }
        let mut skipped = skipped;
        for part in text.split_inclusive('\n') {
            let line = part.strip_suffix('\n').unwrap_or(part);
            if self.is_open {
                self.extend_last(line);
            } else {
                let text: Arc<str> = truncated(line, Self::MAX_LINE).into();
                self.bytes += text.len();
                self.lines.push_back(OutputLine { at, text, skipped: std::mem::take(&mut skipped) });
            }
            self.is_open = !part.ends_with('\n');
        }
        while self.lines.len() > Self::MAX_LINES || self.bytes > Self::MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.text.len();
            self.has_dropped = true;
        }
    }

    fn extend_last(&mut self, more: &str) {
        let Some(last) = self.lines.back_mut() else { return };
        let more = truncated(more, Self::MAX_LINE.saturating_sub(last.text.len()));
        if !more.is_empty() {
            last.text = [&*last.text, more].concat().into();
            self.bytes += more.len();
        }
    }

    /// How many lines are kept. The last one may be incomplete.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn line(&self, n: usize) -> Option<&OutputLine> {
        self.lines.get(n)
    }

    pub fn lines(&self) -> impl Iterator<Item = &OutputLine> {
        self.lines.iter()
    }

    /// Whether older lines were dropped.
    pub const fn has_dropped(&self) -> bool {
        self.has_dropped
    }
}

/// The longest beginning of at most `max` bytes that ends at a character.
fn truncated(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(output: &Output) -> Vec<&str> {
        output.lines().map(|line| &*line.text).collect()
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut output = Output::default();
        output.push("one\ntw", 0, MonoNs(1));
        output.push("o\n\nthr", 0, MonoNs(2));
        assert_eq!(texts(&output), ["one", "two", "", "thr"]);
        assert_eq!(output.line(1).map(|line| line.at), Some(MonoNs(1)), "when it began");
        assert_eq!(output.line(2).map(|line| line.at), Some(MonoNs(2)));
    }

    #[test]
    fn what_was_skipped_is_said_and_splits_a_line() {
        let mut output = Output::default();
        output.push("begun", 0, MonoNs(1));
        output.push("later\nlast\n", 500, MonoNs(2));
        assert_eq!(texts(&output), ["begun", "later", "last"]);
        assert_eq!(output.lines().map(|line| line.skipped).collect::<Vec<_>>(), [0, 500, 0]);
    }

    #[test]
    fn lines_and_bytes_are_bounded() {
        let mut output = Output::default();
        for n in 0..Output::MAX_LINES + 10 {
            output.push(&format!("{n}\n"), 0, MonoNs(0));
        }
        assert!(output.has_dropped() && output.len() == Output::MAX_LINES);
        assert_eq!(output.line(0).map(|line| &*line.text), Some("10"));
        output.push(&"ä".repeat(Output::MAX_LINE), 0, MonoNs(0));
        output.push("more", 0, MonoNs(0));
        assert_eq!(output.lines().last().map(|line| line.text.len()), Some(Output::MAX_LINE));
        for _ in 0..200 {
            output.push(&("x".repeat(4_000) + "\n"), 0, MonoNs(0));
        }
        let kept: usize = output.lines().map(|line| line.text.len()).sum();
        assert!(output.bytes == kept && kept <= Output::MAX_BYTES);
    }
}
