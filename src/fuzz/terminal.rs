//! The output of programs in the window's terminal.

use super::assert_escaped;
use crate::model::{Member, PodUid};
use crate::sys::pty::Size;
use crate::ui::terminal::Terminal;

/// Output of a program while the window changes its size. It is drawn without hidden characters, and no text of the
/// program is typed into it.
pub fn terminal(bytes: &[u8]) {
    let (input, _inputs) = crossbeam_channel::unbounded();
    let member = Member::container(&PodUid("u".to_owned()), "c");
    let terminal = Terminal::new(member, "sh".to_owned(), input);
    for part in bytes.chunks(48) {
        let reply = terminal.process_output(part);
        assert!(is_reply(&reply), "{}", reply.escape_ascii());
        let (rows, cols) = (part[0], part[part.len() - 1]);
        terminal.resize(Size { rows: 4 + u16::from(rows) % 40, cols: 20 + u16::from(cols) % 100 });
        for row in terminal.shown_rows() {
            assert_escaped(&row);
        }
    }
}

/// Whether these are only answers to queries (DSR and DA of xterm's `ctlseqs`).
fn is_reply(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut answers = text.split("\x1b[");
    let is_answer = |answer: &str| {
        let numbers = answer.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ';' | '?'));
        matches!(numbers, "R" | "n" | "c")
    };
    answers.next() == Some("") && answers.all(is_answer)
}
