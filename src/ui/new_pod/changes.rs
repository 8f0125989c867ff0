//! Which lines of a text differ from another text.

use std::fmt;

/// From this many comparisons on, the lines in between count as replaced as a whole.
const MAX_COMPARISONS: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    pub is_added: bool,
    /// The number of the line from 1: in the new text if it is added, else in the old one.
    pub line: usize,
    pub text: String,
}

impl fmt::Display for LineChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}  {}", if self.is_added { '+' } else { '−' }, self.line, self.text)
    }
}

/// The lines that are only in `old` or only in `new`, in order.
pub fn changes(old: &str, new: &str) -> Vec<LineChange> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - begin;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (removed, added) = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
    let kept = if removed.len() * added.len() > MAX_COMPARISONS { Vec::new() } else { common(removed, added) };
    let mut found = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (to_i, to_j) in kept.into_iter().chain([(removed.len(), added.len())]) {
        let gone = (i..to_i).map(|at| (false, at, removed[at]));
        let come = (j..to_j).map(|at| (true, at, added[at]));
        found.extend(gone.chain(come).map(|(is_added, at, text)| LineChange {
            is_added,
            line: begin + at + 1,
            text: text.to_owned(),
        }));
        (i, j) = (to_i + 1, to_j + 1);
    }
    found
}

/// A longest common subsequence, as pairs of places.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    // lengths[i][j]: of the texts from i and j on
    let mut lengths = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] =
                if old[i] == new[j] { lengths[i + 1][j + 1] + 1 } else { lengths[i + 1][j].max(lengths[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::changes;

    fn shown(old: &str, new: &str) -> Vec<String> {
        changes(old, new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_lines_that_differ_are_listed() {
        assert_eq!(shown("a\nb\nc\n", "a\nb\nc\n"), [""; 0]);
        assert_eq!(shown("a\nc\n", "a\nb\nc\n"), ["+ 2  b"]);
        assert_eq!(shown("a\nb\nc\n", "a\nc\n"), ["− 2  b"]);
        assert_eq!(shown("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n"), ["− 2  b", "+ 2  B", "+ 5  e"]);
        assert_eq!(shown("", "a\n"), ["+ 1  a"]);
        assert_eq!(shown("a\na\n", "a\n"), ["− 2  a"]);
    }
}
