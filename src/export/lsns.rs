//! What `lsns(8)` of util-linux prints, so that the two can be compared: its table and its JSON.

mod json;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nix::unistd::{Uid, User};

use crate::model::text::is_invisible;
use crate::model::{NsId, NsKind, Process, State, World};

use super::Selection;

pub use json::render as render_json;
pub use table::{Layout, render as render_table};

/// A namespace that has processes. Like `lsns -l` of util-linux 2.38 it leaves out those that have none.
struct Row<'a> {
    ns: NsId,
    /// How many processes are in it.
    count: usize,
    /// The process with the lowest pid.
    first: &'a Process,
}

/// By inode number, as `lsns` sorts them.
fn rows<'a>(world: &'a World, selection: &Selection) -> Vec<Row<'a>> {
    let mut rows: BTreeMap<(u64, NsId), Row> = BTreeMap::new();
    for process in world.present().filter(|p| selection.includes(p)) {
        for ns in process.namespaces.iter().filter(|ns| is_in(process, *ns)) {
            let row = rows.entry((ns.ino, ns)).or_insert(Row { ns, count: 0, first: process });
            row.count += 1;
            if process.id.pid < row.first.id.pid {
                row.first = process;
            }
        }
    }
    rows.into_values().collect()
}

/// Whether `/proc/PID/ns` shows the process in a namespace that it was in while it ran. A process that the kernel shows
/// as a zombie has left all namespaces but its user and its pid namespace.
pub(super) fn is_in(process: &Process, ns: NsId) -> bool {
    process.state != State::Zombie || matches!(ns.kind, NsKind::User | NsKind::Pid)
}

/// The arguments with spaces between them, or the name of a process without arguments.
fn command(process: &Process, selection: &Selection) -> String {
    if process.cmdline.is_empty() || selection.redact { process.comm.clone() } else { process.cmdline.join(" ") }
}

/// The name of a user, or the number of one without a name.
pub(super) fn user_name(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// Remembers the names of users: each is in a file or comes from another machine.
#[derive(Default)]
struct Users(BTreeMap<u32, String>);

impl Users {
    /// Of a process whose user is not known, nothing.
    fn name(&mut self, uid: Option<u32>) -> String {
        uid.map_or_else(String::new, |uid| self.0.entry(uid).or_insert_with(|| user_name(uid)).clone())
    }
}

/// A text as libsmartcols prints it: bytes of characters that cannot be seen as `\x1b`, and a backslash before an `x`
/// as `\x5c` (`mbs_safe_encode` of lib/mbsalign.c in util-linux).
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if is_invisible(c) || c == '\\' && chars.peek() == Some(&'x') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_line() {
        assert_eq!(printable("sh -c a\nb\u{1b}[2J"), "sh -c a\\x0ab\\x1b[2J");
        assert_eq!(printable("C:\\x41 C:\\y"), "C:\\x5cx41 C:\\y");
        assert_eq!(printable("gr\u{fc}n \u{202e}"), "gr\u{fc}n \\xe2\\x80\\xae");
    }
}
