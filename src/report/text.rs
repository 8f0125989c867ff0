//! Lines of cells, and where each cell comes to stand.

use std::fmt;

use crate::model::text::escaped;
use crate::model::{NsId, PodUid, ProcId};

/// What a cell stands for, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Process(ProcId),
    Namespace(NsId),
    Pod(PodUid),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// As it is; it may hide anything.
    pub text: String,
    pub target: Option<Target>,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), target: None }
    }

    /// One that leads somewhere, if that is known.
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
    /// The names of columns.
    pub head: bool,
}

/// How cells of a column find their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Go's `text/tabwriter`, with its `minwidth` and `padding`: what stands below each other in adjacent lines is one
    /// column, and the last cell of a line belongs to none.
    Tabs { min: usize, padding: usize },
    /// Columns of at least this width with a space between, to the right where `true`; the last takes the rest.
    Columns(&'static [(usize, bool)]),
}

/// What a tool prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub lines: Vec<Line>,
    layout: Layout,
}

/// A cell with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// Characters to the left of it.
    pub column: usize,
    /// What may be shown: escaped, without line feeds, and cut if it is too long.
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

    /// The same with columns as close together as can be read.
    #[must_use]
    pub fn narrow(mut self) -> Self {
        if let Layout::Tabs { min, padding } = &mut self.layout {
            (*min, *padding) = (0, 2.min(*padding));
        }
        self
    }

    /// Rows without the line of heads.
    pub fn rows(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.head)
    }

    /// Every cell that has something to show, line by line. In a column that another follows, no more than the last
    /// `most` characters are shown: what tells names of pods and images apart is at their end.
    pub fn placed(&self, most: Option<usize>) -> Vec<Vec<Placed<'_>>> {
        let shown = |line: &Line| -> Vec<String> {
            let last = line.cells.len().saturating_sub(1);
            let cut = |(i, cell): (usize, &Cell)| match most {
                Some(most) if i < last => tail(escaped(&cell.text).into_owned(), most),
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
    /// Each line ends in a line feed, and none in spaces.
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

/// The last characters of a text that is longer, behind `…`.
fn tail(text: String, most: usize) -> String {
    let more = text.chars().count().saturating_sub(most);
    if more == 0 { text } else { std::iter::once('…').chain(text.chars().skip(more + 1)).collect() }
}

/// The width of each cell that another follows, by Go's `text/tabwriter` (`format` there): a column is a run of
/// adjacent lines that have a cell there which another follows.
fn tab_widths(lines: &[Vec<String>], min: usize, padding: usize) -> Vec<Vec<usize>> {
    let columns = |line: &Vec<String>| line.len().saturating_sub(1);
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; columns(line)]).collect();
    let most = lines.iter().map(columns).max().unwrap_or_default();
    for column in 0..most {
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
    fn tabs_stand_as_gos_tabwriter_has_them() {
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
    fn numbers_stand_to_the_right() {
        let columns = Layout::Columns(&[(5, true), (1, false), (7, false)]);
        assert_eq!(
            text(columns, &[&["PID", "S", "COMMAND"], &["4194304", "S", "sh"]]),
            "    PID S COMMAND\n4194304 S sh\n"
        );
    }

    #[test]
    fn no_name_begins_a_line_or_moves_a_column() {
        let evil = "a\nb\t\u{202e}c\u{1b}[2J";
        let shown = text(Layout::Tabs { min: 0, padding: 2 }, &[&["NAME", "X"], &[evil, "1"]]);
        let name = r"a\nb\t\u{202e}c\u{1b}[2J";
        assert_eq!(shown, format!("{:w$}  X\n{name}  1\n", "NAME", w = name.len()));
    }

    #[test]
    fn a_long_name_keeps_its_end_and_the_last_column_all_of_it() {
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
