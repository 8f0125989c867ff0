//! The table: `lsns` without options prints the command of each namespace below that of its process's parent.

use std::collections::BTreeMap;

use super::super::Selection;
use super::{Row, Users, command, printable, rows};
use crate::model::{ProcId, World};

/// The columns with the widths that `lsns` asks for (`infos` in sys-utils/lsns.c). A column that has only shorter texts
/// gets this width, if its head is shorter too and no text is shorter than the head.
const COLUMNS: [(&str, usize, Side); 5] = [
    ("NS", 10, Side::Right),
    ("TYPE", 5, Side::Left),
    ("NPROCS", 5, Side::Right),
    ("PID", 5, Side::Right),
    ("USER", 0, Side::Left),
];
const LAST: &str = "COMMAND";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Where the table is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the terminal, where the commands are cut. `None`: it is no terminal.
    pub width: Option<usize>,
    /// The lines between commands are ASCII, as in a locale without UTF-8.
    pub is_ascii: bool,
}

pub fn render(world: &World, selection: &Selection, layout: &Layout) -> String {
    let rows = rows(world, selection);
    let mut users = Users::default();
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let user = printable(&users.name(row.first.uid));
            let (ns, kind, count) = (row.ns.ino.to_string(), row.ns.kind.to_string(), row.count.to_string());
            [ns, kind, count, row.first.id.pid.to_string(), user]
        })
        .collect();
    let widths: [usize; 5] = std::array::from_fn(|i| {
        let (head, wanted, _) = COLUMNS[i];
        width(head.len(), wanted, cells.iter().map(|row| row[i].chars().count()).max().unwrap_or_default())
    });
    let left = widths.iter().sum::<usize>() + widths.len();
    // the last column keeps the width of its head in any case
    let room = layout.width.map(|width| width.saturating_sub(left).max(LAST.len()));
    let mut text = String::new();
    push(&mut text, &COLUMNS.map(|(head, ..)| head), widths, LAST, room);
    for (line, art) in tree(&rows, layout.is_ascii) {
        let command = art + &printable(&command(rows[line].first, selection));
        push(&mut text, &cells[line].each_ref().map(String::as_str), widths, &command, room);
    }
    text
}

/// The width of a column but the last (`count_column_width` of libsmartcols/src/calculate.c).
const fn width(head: usize, wanted: usize, longest: usize) -> usize {
    if longest < head {
        head
    } else if longest < wanted && head < wanted {
        wanted
    } else {
        longest
    }
}

fn push(text: &mut String, cells: &[&str; 5], widths: [usize; 5], last: &str, room: Option<usize>) {
    for ((cell, width), (.., side)) in cells.iter().zip(widths).zip(COLUMNS) {
        let gap = width.saturating_sub(cell.chars().count());
        let (before, after) = if side == Side::Right { (gap, 0) } else { (0, gap) };
        text.extend(std::iter::repeat_n(' ', before));
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', after + 1));
    }
    text.extend(last.chars().take(room.unwrap_or(usize::MAX)));
    text.push('\n');
}

/// The order in which the rows are printed, with the lines before each command. A row is below the last row before it
/// whose process is the parent of its own (`add_scols_line` of sys-utils/lsns.c).
fn tree(rows: &[Row], is_ascii: bool) -> Vec<(usize, String)> {
    let mut row_of: BTreeMap<ProcId, usize> = BTreeMap::new();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut roots = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        match row.first.parent.process().and_then(|parent| row_of.get(&parent)) {
            Some(above) => children[*above].push(i),
            None => roots.push(i),
        }
        row_of.insert(row.first.id, i);
    }
    let [branch, last_branch, line] = if is_ascii { ["|-", "`-", "| "] } else { ["├─", "└─", "│ "] };
    let mut order = Vec::with_capacity(rows.len());
    // (row, the lines before its command, the lines before the commands below it)
    let mut pending: Vec<(usize, String, String)> =
        roots.into_iter().rev().map(|row| (row, String::new(), String::new())).collect();
    while let Some((row, art, below)) = pending.pop() {
        order.push((row, art));
        for (i, child) in children[row].iter().enumerate().rev() {
            let is_last = i + 1 == children[row].len();
            let (own, further) = if is_last { (last_branch, "  ") } else { (branch, line) };
            pending.push((*child, format!("{below}{own}"), format!("{below}{further}")));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_lsns_makes_it() {
        let pid = |longest| width("PID".len(), 5, longest);
        assert_eq!([2, 3, 4, 5, 6].map(pid), [3, 5, 5, 5, 6]);
        assert_eq!([1, 6, 7].map(|longest| width("NPROCS".len(), 5, longest)), [6, 6, 7]);
        assert_eq!([3, 4, 6].map(|longest| width("TYPE".len(), 5, longest)), [4, 5, 6]);
        assert_eq!([3, 4, 9].map(|longest| width("USER".len(), 0, longest)), [4, 4, 9]);
    }
}
