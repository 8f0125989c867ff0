//! What a program writes, as lines that can be shown.

use std::collections::VecDeque;

/// The last lines of an output, bounded.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    whole: VecDeque<String>,
    /// Bytes after the last newline.
    open: Vec<u8>,
    /// Older lines are gone.
    pub lost: bool,
}

impl Lines {
    pub const MAX: usize = 4_096;
    /// Bytes of a line that are shown.
    const LONGEST: usize = 4_096;

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let room = Self::LONGEST.saturating_sub(self.open.len());
            self.open.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = readable(&std::mem::take(&mut self.open));
                self.whole.push_back(line);
            }
        }
        while self.whole.len() > Self::MAX {
            self.whole.pop_front();
            self.lost = true;
        }
    }

    /// The last one may still be written.
    pub fn len(&self) -> usize {
        self.whole.len() + usize::from(!self.open.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, at: usize) -> Option<String> {
        match self.whole.get(at) {
            Some(line) => Some(line.clone()),
            None => (at == self.whole.len() && !self.open.is_empty()).then(|| readable(&self.open)),
        }
    }

    pub fn text(&self) -> String {
        (0..self.len()).filter_map(|at| self.get(at)).collect::<Vec<_>>().join("\n")
    }
}

/// Without what only a terminal understands: colours and moves of the cursor (ECMA-48), other control characters.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next_if_eq(&'[').is_some() {
                    while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
                } else {
                    chars.next();
                }
            }
            '\t' => out.push_str("    "),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_come_as_they_were_written_in_whatever_pieces() {
        let mut lines = Lines::default();
        for piece in ["hel", "lo\nw\u{1b}[1;31mor\u{1b}[0mld\r\n", "\n", "op"] {
            lines.push(piece.as_bytes());
        }
        lines.push(&"é".as_bytes()[..1]);
        lines.push(&"é".as_bytes()[1..]);
        assert_eq!(lines.text(), "hello\nworld\n\nopé");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn it_never_grows_without_end() {
        let mut lines = Lines::default();
        lines.push(&b"x".repeat(100_000));
        lines.push(b"\n");
        for n in 0..2 * Lines::MAX {
            lines.push(format!("{n}\n").as_bytes());
        }
        assert_eq!(lines.len(), Lines::MAX);
        assert!(lines.lost);
        assert_eq!(lines.get(Lines::MAX - 1).as_deref(), Some("8191"));
    }
}
