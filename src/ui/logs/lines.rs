//! The output of a program as lines that can be shown.

use std::collections::VecDeque;

/// The last lines of an output; the number is bounded.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    complete: VecDeque<String>,
    /// The bytes after the last newline.
    partial: Vec<u8>,
    /// Whether older lines were dropped.
    pub has_dropped: bool,
}

impl Lines {
    pub const MAX: usize = 4_096;
    /// The bytes of a line that are shown.
    const MAX_LINE: usize = 4_096;

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let room = Self::MAX_LINE.saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = without_controls(&std::mem::take(&mut self.partial));
                self.complete.push_back(line);
            }
        }
        while self.complete.len() > Self::MAX {
            self.complete.pop_front();
            self.has_dropped = true;
        }
    }

    /// The number of lines. The last one may be incomplete.
    pub fn len(&self) -> usize {
        self.complete.len() + usize::from(!self.partial.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, at: usize) -> Option<String> {
        match self.complete.get(at) {
            Some(line) => Some(line.clone()),
            None => (at == self.complete.len() && !self.partial.is_empty()).then(|| without_controls(&self.partial)),
        }
    }

    pub fn text(&self) -> String {
        (0..self.len()).filter_map(|at| self.get(at)).collect::<Vec<_>>().join("\n")
    }
}

/// Removes what only a terminal understands: colours and cursor movements (ECMA-48), and other control characters.
fn without_controls(bytes: &[u8]) -> String {
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
    fn lines_are_the_same_in_whatever_pieces_they_arrive() {
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
    fn its_size_is_bounded() {
        let mut lines = Lines::default();
        lines.push(&b"x".repeat(100_000));
        lines.push(b"\n");
        for n in 0..2 * Lines::MAX {
            lines.push(format!("{n}\n").as_bytes());
        }
        assert_eq!(lines.len(), Lines::MAX);
        assert!(lines.has_dropped);
        assert_eq!(lines.get(Lines::MAX - 1).as_deref(), Some("8191"));
    }
}
