//! The table of `lsns(8)` of util-linux, with the same columns in the same order, so that the two can be compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nix::unistd::{Uid, User};

use crate::model::text::escaped;
use crate::model::{NsId, NsKind, Process, State, World};

use super::Selection;

const HEADINGS: [&str; 6] = ["NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND"];

pub fn render(world: &World, selection: &Selection) -> String {
    let mut members: BTreeMap<(u64, NsId), Vec<&Process>> = BTreeMap::new();
    for process in world.present().filter(|p| selection.includes(p)) {
        for ns in process.namespaces.iter().filter(|ns| is_in(process, *ns)) {
            members.entry((ns.ino, ns)).or_default().push(process);
        }
    }
    let mut users = BTreeMap::new();
    let rows: Vec<[String; 6]> = members
        .iter()
        .filter_map(|((_, ns), all)| Some((ns, all, all.iter().min_by_key(|p| p.id.pid)?)))
        .map(|(ns, all, first)| {
            [
                ns.ino.to_string(),
                ns.kind.to_string(),
                all.len().to_string(),
                first.id.pid.to_string(),
                first.uid.map_or_else(|| "?".into(), |uid| users.entry(uid).or_insert_with(|| user(uid)).clone()),
                command(first, selection),
            ]
        })
        .collect();
    table(&rows)
}

/// Whether `/proc/PID/ns` shows the process in a namespace that it was in while it ran. A process that the kernel shows
/// as a zombie has left all namespaces but its user and its pid namespace.
pub(super) fn is_in(process: &Process, ns: NsId) -> bool {
    process.state != State::Zombie || matches!(ns.kind, NsKind::User | NsKind::Pid)
}

fn command(process: &Process, selection: &Selection) -> String {
    let whole =
        if process.cmdline.is_empty() || selection.redact { process.comm.clone() } else { process.cmdline.join(" ") };
    escaped(&whole).into_owned()
}

fn user(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |u| escaped(&u.name).into_owned())
}

fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|r| r[column].chars().count()).chain([HEADINGS[column].len()]).max().unwrap_or_default()
    };
    let [ns, kind, count, pid, user] = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for row in std::iter::once(HEADINGS).chain(rows.iter().map(|r| r.each_ref().map(String::as_str))) {
        let [a, b, c, d, e, command] = row;
        let _ = writeln!(text, "{a:>ns$} {b:<kind$} {c:>count$} {d:>pid$} {e:<user$} {command}");
    }
    text
}
