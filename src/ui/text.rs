//! Lays out text that stays within its space, and formats numbers.

use std::borrow::Cow;
use std::sync::Arc;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Align2, Color32, FontId, Galley, Pos2, Rect, Response, RichText, Role, Ui, WidgetInfo};

pub use crate::model::text::{escaped, escaped_lines};

/// One line, cut with `…` where it is longer than `width` points. Hidden characters are shown as escapes.
pub fn line(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(escaped(text).into_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// One line, cut with `…` in the middle where it is longer than `width` points: long names often differ at their end.
/// Hidden characters are shown as escapes.
pub fn middle(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    /// Of a longer text the middle is not even measured.
    const MAX_CHARS: usize = 512;
    let mut chars: Vec<char> = escaped(text).chars().collect();
    let was_long = chars.len() > MAX_CHARS;
    if was_long {
        chars.drain(MAX_CHARS / 2..chars.len() - MAX_CHARS / 2);
    }
    let whole: String = chars.iter().collect();
    let galley = line(ui, &whole, font.clone(), color, f32::INFINITY);
    if !was_long && galley.size().x <= width {
        return galley;
    }
    let widths: Vec<f32> = galley.rows.iter().flat_map(|row| &row.row.glyphs).map(|g| g.advance_width).collect();
    let dots = line(ui, "…", font.clone(), color, f32::INFINITY).size().x;
    let (head, tail) = ends_that_fit(&widths, width - dots);
    // the font may have joined characters, so that there are fewer widths
    let tail = tail.min(chars.len() - head.min(chars.len()));
    let head: String = chars.iter().take(head).collect();
    let tail: String = chars[chars.len() - tail..].iter().collect();
    line(ui, &format!("{}…{}", head.trim_end(), tail.trim_start()), font, color, width)
}

/// How many of these at the beginning and at the end are as wide as `room` together, about half of it each.
fn ends_that_fit(widths: &[f32], room: f32) -> (usize, usize) {
    let mut left = room;
    let (mut head, mut tail) = (0, 0);
    while head + tail < widths.len() {
        // the end first, since it is what tells names apart
        let (at, end) = if tail <= head { (widths.len() - 1 - tail, &mut tail) } else { (head, &mut head) };
        left -= widths[at];
        if left < 0.0 {
            break;
        }
        *end += 1;
    }
    (head, tail)
}

/// Up to `rows` lines, broken between words and cut with `…`. Hidden characters are shown as escapes.
pub fn wrapped(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32, rows: usize) -> Arc<Galley> {
    let mut job = LayoutJob::simple(escaped(text).into_owned(), font, color, width.max(0.0));
    job.wrap.max_rows = rows;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// The text of a label. Hidden characters are shown as escapes.
pub fn rich(text: impl AsRef<str>) -> RichText {
    RichText::new(escaped(text.as_ref()))
}

/// The name of a widget for a screen reader. Hidden characters are shown as escapes.
pub fn labeled(role: Role, enabled: bool, text: impl AsRef<str>) -> WidgetInfo {
    WidgetInfo::labeled(role, enabled, escaped(text.as_ref()))
}

/// As [`labeled`], for a widget that can be selected.
pub fn selected(role: Role, enabled: bool, selected: bool, text: impl AsRef<str>) -> WidgetInfo {
    WidgetInfo::selected(role, enabled, selected, escaped(text.as_ref()))
}

/// Text that is shown while the pointer is over a widget.
pub trait HoverText {
    /// Hidden characters are shown as escapes, also line feeds.
    fn hover_text(self, text: impl AsRef<str>) -> Response;
    /// For several lines. A name in them must be [`escaped`] before, so that it cannot begin a line.
    fn hover_lines(self, text: impl AsRef<str>) -> Response;
    /// As `hover_lines`, for a text that is made only when it is shown.
    fn hover_lines_with(self, text: impl FnOnce() -> String) -> Response;
}

impl HoverText for Response {
    fn hover_text(self, text: impl AsRef<str>) -> Response {
        self.on_hover_ui(|ui| tooltip(ui, escaped(text.as_ref())))
    }

    fn hover_lines(self, text: impl AsRef<str>) -> Response {
        self.on_hover_ui(|ui| tooltip(ui, escaped_lines(text.as_ref())))
    }

    fn hover_lines_with(self, text: impl FnOnce() -> String) -> Response {
        self.on_hover_ui(|ui| tooltip(ui, escaped_lines(&text())))
    }
}

fn tooltip(ui: &mut Ui, text: Cow<'_, str>) {
    ui.set_max_width(ui.spacing().tooltip_width);
    ui.label(text.into_owned());
}

/// Paints one line with its `anchor` corner at `at`. Returns its rectangle.
pub fn put(ui: &Ui, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32, width: f32) -> Rect {
    let galley = line(ui, text, font, color, width);
    let rect = anchor.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

/// As [`put`], cut in the middle.
pub fn put_middle(ui: &Ui, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32, width: f32) -> Rect {
    let galley = middle(ui, text, font, color, width);
    let rect = anchor.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

/// A number of bytes: `812 B`, `12 kB`, `3.1 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{} kB", n / 1024),
        1_048_576..1_073_741_824 => format!("{:.1} MB", n as f64 / 1_048_576.0),
        _ => format!("{:.1} GB", n as f64 / 1_073_741_824.0),
    }
}

/// Thousandths as percent: `0 %`, `0.4 %`, `12 %`.
pub fn percent(permille: u32) -> String {
    match permille {
        0 => "0 %".to_owned(),
        1..100 => format!("{}.{} %", permille / 10, permille % 10),
        _ => format!("{} %", thousands(u64::from((permille + 5) / 10))),
    }
}

/// CPU time in ns as text, from one minute on in the format of `ps`: `80 ms`, `1.28 s`, `2:05`.
pub fn seconds(ns: u64) -> String {
    let ms = ns / 1_000_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{}:{:02}", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1,234`
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 process`, `3 processes`
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n as u64), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{ends_that_fit, percent, seconds};

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(ends_that_fit(&[1.0; 9], 4.0), (2, 2));
        assert_eq!(ends_that_fit(&[1.0; 9], 5.0), (2, 3), "rather more of the end");
        assert_eq!(ends_that_fit(&[1.0; 3], 9.0), (1, 2), "all");
        assert_eq!(ends_that_fit(&[5.0, 1.0, 1.0, 1.0], 3.5), (0, 1), "a wide letter does not fit");
        assert_eq!(ends_that_fit(&[1.0; 9], -1.0), (0, 0));
    }

    #[test]
    fn percent_and_seconds_are_formatted() {
        let all = [0, 4, 25, 99, 100, 104, 105, 2_000, 12_345].map(percent);
        assert_eq!(all, ["0 %", "0.4 %", "2.5 %", "9.9 %", "10 %", "10 %", "11 %", "200 %", "1,235 %"]);
        let all = [0, 80_000_000, 1_289_000_000, 59_999_000_000, 125_000_000_000].map(seconds);
        assert_eq!(all, ["0 ms", "80 ms", "1.28 s", "59.99 s", "2:05"]);
    }
}
