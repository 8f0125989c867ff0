//! Lines of cells, and the layout that places them in columns.

use std::fmt;

use crate::model::text::escaped;
use crate::model::{NsId, PodUid, ProcId};

/// What a cell refers to, and the target of its link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Process(ProcId),
    Namespace(NsId),
    Pod(PodUid),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Not escaped: it may contain hidden characters.
    pub text: String,
    pub target: Option<Target>,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), target: None }
    }

    /// A cell with a link, if its target is known.
    pub fn to(text: impl Into<String>, target: Option<Target>) -> Self {
        Self { text: text.into(), target }
    }

    pub fn process(text: impl Into<String>, id: Option<ProcId>) -> Self {
        Self::to(text, id.map(Target::Process))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub cells: Vec<Cell>,
    /// Whether it is the header with the names of the columns.
    pub head: bool,
}

/// How the width of a column is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As Go's `text/tabwriter`, with its `minwidth` and `padding`: the cells at one position in adjacent lines are a
    /// column. The last cell of a line does not belong to a column.
    Tabs { min: usize, padding: usize },
    /// Columns of at least this width, with a space between, aligned to the right if `true`. The last one takes the
    /// rest.
    Columns(&'static [(usize, bool)]),
}

/// The output of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub lines: Vec<Line>,
    layout: Layout,
}

/// A cell with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// How many characters are to the left of it.
    pub column: usize,
    /// The text to show: escaped, without line feeds, and cut if it is too long.
    pub text: String,
    pub cell: &'a Cell,
}

impl Text {
    pub(super) fn new(layout: Layout) -> Self {
        Self { lines: Vec::new(), layout }
    }

    pub(super) fn head<const N: usize>(&mut self, names: [&str; N]) {
        self.lines.push(Line { cells: names.map(Cell::from).into(), head: true });
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.lines.push(Line { cells: cells.into(), head: false });
    }

    pub(super) fn line(&mut self, cells: Vec<Cell>) {
        self.lines.push(Line { cells, head: false });
    }

    /// The same with columns that are as close together as is readable.
    #[must_use]
    pub fn narrow(mut self) -> Self {
        if let Layout::Tabs { min, padding } = &mut self.layout {
            (*min, *padding) = (0, 2.min(*padding));
        }
        self
    }

    /// The lines without the header.
    pub fn rows(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.head)
    }

    /// Every cell that is not empty, line by line. All but the last cell of a line are cut to their last `max`
    /// characters, since names of pods and images differ at their end.
    pub fn placed(&self, max: Option<usize>) -> Vec<Vec<Placed<'_>>> {
        let shown = |line: &Line| -> Vec<String> {
            let last = line.cells.len().saturating_sub(1);
            let cut = |(i, cell): (usize, &Cell)| match max {
                Some(max) if i < last => tail(escaped(&cell.text).into_owned(), max),
                _ => escaped(&cell.text).into_owned(),
            };
            line.cells.iter().enumerate().map(cut).collect()
        };
        let shown: Vec<Vec<String>> = self.lines.iter().map(shown).collect();
        let widths = match self.layout {
            Layout::Tabs { min, padding } => tab_widths(&shown, min, padding),
            Layout::Columns(columns) => column_widths(&shown, columns),
        };
        let lines = self.lines.iter().zip(shown.into_iter().zip(widths));
        lines.map(|(line, (texts, widths))| self.place(line, texts, &widths)).collect()
    }

    fn place<'a>(&self, line: &'a Line, texts: Vec<String>, widths: &[usize]) -> Vec<Placed<'a>> {
        let mut out = Vec::with_capacity(texts.len());
        let mut column = 0;
        for (i, (text, cell)) in texts.into_iter().zip(&line.cells).enumerate() {
            let width = widths.get(i).copied().unwrap_or_default();
            let left = match self.layout {
                Layout::Columns(columns) if columns.get(i).is_some_and(|(_, right)| *right) => {
                    width.saturating_sub(1 + text.chars().count())
                }
                _ => 0,
            };
            if !text.is_empty() {
                out.push(Placed { column: column + left, text, cell });
            }
            column += width;
        }
        out
    }
}

impl fmt::Display for Text {
    /// Each line ends with a line feed and has no trailing spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.placed(None) {
            let mut out = String::new();
            let mut at = 0;
            for cell in line {
                out.extend(std::iter::repeat_n(' ', cell.column.saturating_sub(at)));
                at = cell.column.max(at) + cell.text.chars().count();
                out.push_str(&cell.text);
            }
            writeln!(f, "{}", out.trim_end())?;
        }
        Ok(())
    }
}

/// Cuts a text to its last `max` characters, with `…` as the first of them.
fn tail(text: String, max: usize) -> String {
    let excess = text.chars().count().saturating_sub(max);
    if excess == 0 { text } else { std::iter::once('…').chain(text.chars().skip(excess + 1)).collect() }
}

/// The width of each cell but the last of a line, as in `format` of Go's `text/tabwriter`: a column is a run of
/// adjacent lines that have a cell at this position and another one after it.
fn tab_widths(lines: &[Vec<String>], min: usize, padding: usize) -> Vec<Vec<usize>> {
    let columns = |line: &Vec<String>| line.len().saturating_sub(1);
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; columns(line)]).collect();
    let count = lines.iter().map(columns).max().unwrap_or_default();
    for column in 0..count {
        let mut at = 0;
        while at < lines.len() {
            let run = lines[at..].iter().take_while(|line| columns(line) > column).count();
            let longest = lines[at..at + run].iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
            for line in &mut widths[at..at + run] {
                line[column] = min.max(longest + padding);
            }
            at += run.max(1);
        }
    }
    widths
}

fn column_widths(lines: &[Vec<String>], columns: &[(usize, bool)]) -> Vec<Vec<usize>> {
    let longest = |i: usize| lines.iter().filter_map(|line| line.get(i)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> =
        columns.iter().enumerate().map(|(i, (least, _))| longest(i).unwrap_or_default().max(*least) + 1).collect();
    vec![widths; lines.len()]
}

#[cfg(test)]
mod tests {
    use super::{Cell, Layout, Text};

    fn text(layout: Layout, lines: &[&[&str]]) -> String {
        let mut text = Text::new(layout);
        for line in lines {
            text.line(line.iter().map(|c| Cell::from(*c)).collect());
        }
        text.to_string()
    }

    #[test]
    fn tabs_are_laid_out_as_by_gos_tabwriter() {
        // https://pkg.go.dev/text/tabwriter#example-package-Elastic and `kubectl describe`
        let tabs = |min, padding| Layout::Tabs { min, padding };
        assert_eq!(
            text(tabs(0, 1), &[&["a", "b", "c"], &["aa", "bb", "cc"], &["aaa", ""], &["aaaa", "dddd", "eeee"]]),
            "a    b  c\naa   bb cc\naaa\naaaa dddd eeee\n"
        );
        let described: &[&[&str]] =
            &[&["Name:", "web"], &["Start Time:", "Mon"], &["IPs:"], &["  IP:", "10.0.0.2"], &["Containers:"]];
        assert_eq!(
            text(tabs(0, 2), described),
            "Name:        web\nStart Time:  Mon\nIPs:\n  IP:  10.0.0.2\nContainers:\n"
        );
        assert_eq!(text(tabs(6, 3), &[&["A", "B"], &["1", "2"]]), "A     B\n1     2\n");
        assert_eq!(text(tabs(0, 2), &[]), "");
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let columns = Layout::Columns(&[(5, true), (1, false), (7, false)]);
        assert_eq!(
            text(columns, &[&["PID", "S", "COMMAND"], &["4194304", "S", "sh"]]),
            "    PID S COMMAND\n4194304 S sh\n"
        );
    }

    #[test]
    fn no_name_can_start_a_line_or_move_a_column() {
        let evil = "a\nb\t\u{202e}c\u{1b}[2J";
        let shown = text(Layout::Tabs { min: 0, padding: 2 }, &[&["NAME", "X"], &[evil, "1"]]);
        let name = r"a\nb\t\u{202e}c\u{1b}[2J";
        assert_eq!(shown, format!("{:w$}  X\n{name}  1\n", "NAME", w = name.len()));
    }

    #[test]
    fn a_long_name_is_cut_to_its_end_and_the_last_column_is_not_cut() {
        let mut text = Text::new(Layout::Tabs { min: 0, padding: 1 });
        text.row(["web-7d4f9-x2x".into(), "a long message".into()]);
        text.row(["web-7d4f9".into(), "".into()]);
        let placed = text.placed(Some(9));
        let shown: Vec<Vec<(usize, &str)>> =
            placed.iter().map(|line| line.iter().map(|p| (p.column, p.text.as_str())).collect()).collect();
        assert_eq!(shown, [vec![(0, "…d4f9-x2x"), (10, "a long message")], vec![(0, "web-7d4f9")]]);
        assert_eq!(placed[0][0].cell.text, "web-7d4f9-x2x");
    }
}
