//! The text of a manifest with line numbers, and its errors in place: the line is marked in the margin, the place is
//! underlined, and the words are below the text.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::{
    self, Align2, Color32, CornerRadius, Galley, Pos2, Rect, Role, Sense, Stroke, TextBuffer, Ui, pos2, vec2,
};

use super::draft::{Draft, Problem};
use crate::ui::icons::Icon;
use crate::ui::memo::Memo;
use crate::ui::tokens::Tokens;
use crate::ui::{Cx, text, tokens};

const FONT: f32 = 12.5;
/// The room for line numbers.
const MARGIN_W: f32 = 42.0;
/// The height of the list of problems, which scrolls.
const PROBLEMS_H: f32 = 92.0;

/// What the editor keeps between frames.
#[derive(Debug, Default)]
pub struct EditorState {
    job: Memo<(u64, bool), LayoutJob>,
    /// Where the cursor is to be put, as line and column from 1.
    pub go_to: Option<(u64, u64)>,
    /// The text field gets the keyboard focus.
    pub focus: bool,
}

impl EditorState {
    /// For another text, whose field gets the keyboard focus.
    pub fn focused() -> Self {
        Self { focus: true, ..Self::default() }
    }
}

/// The field `Manifest`, as high as there is room, and below it the problems.
pub fn editor_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut Draft, state: &mut EditorState) {
    let problems_h = match draft.checked().problems.len() {
        0 => 0.0,
        n => (n as f32 * 22.0 + 8.0).min(PROBLEMS_H),
    };
    let height = (ui.available_height() - problems_h).max(80.0);
    egui::Frame::new()
        .fill(cx.tokens.pill)
        .stroke(Stroke::new(1.0, cx.tokens.line))
        .corner_radius(CornerRadius::same(6))
        .show(ui, |ui| {
            let area = egui::ScrollArea::both().id_salt("manifest").max_height(height - 2.0).min_scrolled_height(60.0);
            area.auto_shrink([false, false]).show(ui, |ui| text_ui(ui, cx, draft, state));
        });
    problems_ui(ui, cx, draft, state, problems_h);
}

fn text_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut Draft, state: &mut EditorState) {
    let (version, go_to) = (draft.version(), state.go_to.take());
    let checked = draft.checked();
    let (problems, changed) = (checked.problems.clone(), changed_lines(draft));
    let job = state.job.get((version, cx.tokens.dark), || highlighted(&draft.text, &problems, cx.tokens)).clone();
    // while the user types, the text of this frame is newer than what was read
    let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, _wrap: f32| -> Arc<Galley> {
        let text = buffer.as_str();
        let job = if job.text == text { job.clone() } else { highlighted(text, &[], cx.tokens) };
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let font = tokens::mono(FONT);
    let area = ui.max_rect();
    // each text has its own cursor, and its own changes to undo
    let id = ("manifest text", draft.origin.file_name());
    let edit = egui::TextEdit::multiline(&mut draft.text)
        .id_salt(id)
        .font(font)
        .frame(egui::Frame::new())
        .margin(egui::Margin { left: MARGIN_W as i8 + 8, right: 8, top: 6, bottom: 6 })
        .desired_width(f32::INFINITY)
        .min_size(vec2(0.0, area.height() - 4.0))
        .layouter(&mut layouter);
    let mut shown = edit.show(ui);
    shown.response.widget_info(|| text::labeled(Role::MultilineTextInput, true, "Manifest"));
    if std::mem::take(&mut state.focus) {
        shown.response.request_focus();
    }
    if let Some((line, column)) = go_to {
        let at = CCursor::new(char_at(&shown.galley.job.text, line, column));
        shown.state.cursor.set_char_range(Some(CCursorRange::one(at)));
        shown.state.clone().store(ui.ctx(), shown.response.id);
        shown.response.request_focus();
        let place = shown.galley.pos_from_cursor(at).translate(shown.galley_pos.to_vec2());
        ui.scroll_to_rect(place.expand(40.0), None);
    }
    margin_ui(ui, cx, &shown.galley, shown.galley_pos, &problems, &changed);
    if shown.response.changed() {
        draft.check();
    }
}

/// The lines that differ from the original, counted from 1.
fn changed_lines(draft: &Draft) -> Vec<usize> {
    draft.checked().changes.iter().filter(|change| change.is_added).map(|change| change.line).collect()
}

/// The numbers of the lines on screen. A line with a problem has a sign, and a changed one a bar.
fn margin_ui(ui: &Ui, cx: &Cx<'_>, galley: &Galley, at: Pos2, problems: &[Problem], changed: &[usize]) {
    let clip = ui.clip_rect();
    let left = at.x - MARGIN_W - 8.0;
    for (nth, row) in galley.rows.iter().enumerate() {
        let rect = row.rect().translate(at.to_vec2());
        if rect.bottom() < clip.top() || rect.top() > clip.bottom() {
            continue;
        }
        let line = nth + 1;
        let problem = problems.iter().find(|problem| problem.line == line as u64);
        let color = match problem {
            Some(problem) => color_of(cx.tokens, problem),
            None => cx.tokens.faint,
        };
        if problem.is_some() {
            let sign = Rect::from_center_size(pos2(left + 8.0, rect.center().y), vec2(12.0, 12.0));
            Icon::Warning.paint(ui, sign, color);
        }
        let number = pos2(left + MARGIN_W - 4.0, rect.center().y);
        text::put(ui, number, Align2::RIGHT_CENTER, &line.to_string(), tokens::mono(11.0), color, MARGIN_W);
        if changed.contains(&line) {
            let bar = Rect::from_min_size(pos2(left + MARGIN_W, rect.top()), vec2(2.0, rect.height()));
            ui.painter().rect_filled(bar, 0.0, cx.tokens.accent);
        }
    }
}

const fn color_of(tokens: &Tokens, problem: &Problem) -> Color32 {
    if problem.is_error { tokens.bad } else { tokens.warn }
}

/// A list of errors and warnings. A click leads to the place.
fn problems_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &Draft, state: &mut EditorState, height: f32) {
    let problems = &draft.checked().problems;
    if problems.is_empty() {
        return;
    }
    egui::ScrollArea::vertical().id_salt("problems").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for problem in problems {
            let (word, color) = if problem.is_error { ("Error", cx.tokens.bad) } else { ("Warning", cx.tokens.warn) };
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::click());
            if response.hovered() || response.has_focus() {
                ui.painter().rect_filled(rect, 4.0, cx.tokens.accent_fill);
            }
            let place = format!("{}:{}", problem.line, problem.column);
            let at = |x: f32| pos2(rect.left() + x, rect.center().y);
            Icon::Warning.paint(ui, Rect::from_center_size(at(10.0), vec2(13.0, 13.0)), color);
            text::put(ui, at(24.0), Align2::LEFT_CENTER, &place, tokens::mono(11.5), color, 56.0);
            let room = rect.width() - 86.0;
            text::put(ui, at(80.0), Align2::LEFT_CENTER, &problem.text, tokens::sans(12.0), cx.tokens.text, room);
            let (line, column) = (problem.line, problem.column);
            response.widget_info(|| {
                let name = format!("{word} in line {line}, column {column}: {}", problem.text);
                text::labeled(Role::Button, true, name)
            });
            if response.clicked() {
                state.go_to = Some((line, column));
            }
            text::HoverText::hover_text(response, &problem.text);
        }
    });
}

/// The number of characters before a line and column.
fn char_at(text: &str, line: u64, column: u64) -> usize {
    let (mut before, mut last) = (0, 0);
    for (nth, content) in text.split('\n').enumerate() {
        let length = content.chars().count();
        if nth as u64 + 1 == line {
            return before + length.min(column.saturating_sub(1) as usize);
        }
        last = before + length;
        before = last + 1;
    }
    last
}

/// The bytes to underline for a place: the word there, or the last character of the line.
fn word_at(text: &str, line: u64, column: u64) -> Option<Range<usize>> {
    let mut start = 0;
    for (nth, content) in text.split('\n').enumerate() {
        if nth as u64 + 1 != line {
            start += content.len() + 1;
            continue;
        }
        let content = content.trim_end();
        let skip = column.saturating_sub(1) as usize;
        let from = content.char_indices().nth(skip).map(|(i, _)| i);
        let from = from.or_else(|| content.char_indices().last().map(|(i, _)| i))?;
        let rest = &content[from..];
        let end = rest.find([' ', ',', '}', ']']).unwrap_or(rest.len());
        let length = end.max(rest.chars().next().map_or(0, char::len_utf8));
        return Some(start + from..start + from + length);
    }
    None
}

/// The text with comments and keys in colours, and problems underlined.
fn highlighted(text: &str, problems: &[Problem], tokens: &Tokens) -> LayoutJob {
    let mut job = LayoutJob::default();
    let marks: Vec<(Range<usize>, Color32)> = problems
        .iter()
        .filter_map(|problem| Some((word_at(text, problem.line, problem.column)?, color_of(tokens, problem))))
        .collect();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (part, color) in parts(line) {
            let part = start + part.start..start + part.end;
            // a mark may begin or end within a part
            let mut cuts: Vec<usize> = vec![part.start, part.end];
            for (mark, _) in &marks {
                cuts.extend([mark.start, mark.end].into_iter().filter(|cut| part.contains(cut)));
            }
            cuts.sort_unstable();
            cuts.dedup();
            for two in cuts.windows(2) {
                let mark = marks.iter().find(|(mark, _)| mark.start <= two[0] && two[1] <= mark.end);
                let ink = match color {
                    Part::Comment => tokens.muted,
                    Part::Key => tokens.accent,
                    Part::Other => tokens.text,
                };
                let mut format = TextFormat::simple(tokens::mono(FONT), ink);
                if let Some((_, color)) = mark {
                    format.underline = Stroke::new(2.0, *color);
                    format.background = tokens.tint(*color);
                }
                job.append(&text[two[0]..two[1]], 0.0, format);
            }
        }
        start += line.len();
    }
    if text.is_empty() {
        job.append("", 0.0, TextFormat::simple(tokens::mono(FONT), tokens.text));
    }
    job
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Key,
    Comment,
    Other,
}

/// A line in parts: what is before `: ` at its beginning is a key, what is behind ` #` a comment. In texts of several
/// lines that is not always right, and it is only a colour.
fn parts(line: &str) -> Vec<(Range<usize>, Part)> {
    let comment = if line.trim_start().starts_with('#') { Some(0) } else { line.find(" #") };
    let code = comment.unwrap_or(line.len());
    let key = line[..code].find(':').filter(|at| {
        let name = line[..*at].trim_start_matches([' ', '-']);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "./-_".contains(c));
        is_name && matches!(line.as_bytes().get(at + 1), None | Some(b' ' | b'\n' | b'\r'))
    });
    let mut found = Vec::new();
    let after_key = key.map_or(0, |at| at + 1);
    for (range, part) in [(0..after_key, Part::Key), (after_key..code, Part::Other), (code..line.len(), Part::Comment)]
    {
        if !range.is_empty() {
            found.push((range, part));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Part, char_at, highlighted, parts, word_at};
    use crate::ui::new_pod::draft::Problem;
    use crate::ui::tokens::Tokens;

    const TEXT: &str = "kind: Pod\nspec:\n  restartPolicy: Maybe # x\n  ä: [1, zwei]\n";

    #[test]
    fn the_word_at_a_place_is_underlined() {
        for (line, column, expected) in [
            (1, 7, Some("Pod")),
            (3, 18, Some("Maybe")),
            (4, 10, Some("zwei")),
            (4, 9, Some(" ")),
            // behind the end: the last character
            (1, 10, Some("d")),
            (3, 400, Some("x")),
            // an empty line has nothing to underline
            (5, 1, None),
            (99, 1, None),
        ] {
            let found = word_at(TEXT, line, column).map(|range| &TEXT[range]);
            assert_eq!(found, expected, "{line}:{column}");
        }
    }

    #[test]
    fn a_place_is_a_number_of_characters() {
        assert_eq!(char_at(TEXT, 1, 1), 0);
        assert_eq!(char_at(TEXT, 2, 1), 10);
        assert_eq!(char_at(TEXT, 1, 400), 9, "the end of the line");
        assert_eq!(char_at(TEXT, 99, 1), TEXT.chars().count(), "the end of the text");
        assert_eq!(char_at("", 1, 1), 0);
    }

    #[test]
    fn keys_and_comments_are_told_apart() {
        let of = |line| parts(line).into_iter().map(|(range, part)| (&line[range], part)).collect::<Vec<_>>();
        assert_eq!(of("  name: web # x\n"), [("  name:", Part::Key), (" web", Part::Other), (" # x\n", Part::Comment)]);
        assert_eq!(of("# a: b\n"), [("# a: b\n", Part::Comment)]);
        assert_eq!(of("  - a:b\n"), [("  - a:b\n", Part::Other)]);
        assert_eq!(of("  podscope.dev/pause: reap\n")[0], ("  podscope.dev/pause:", Part::Key));
        assert!(of("").is_empty());
    }

    #[test]
    fn every_byte_of_the_text_is_in_one_section() {
        let problem = |line, column| Problem { is_error: true, line, column, text: String::new() };
        for problems in [vec![], vec![problem(3, 18), problem(4, 10)], vec![problem(1, 1), problem(99, 9)]] {
            for text in [TEXT, "", "no line feed", "a: 'x\r\n\n\n"] {
                let job = highlighted(text, &problems, &Tokens::dark());
                let mut end = 0;
                for section in &job.sections {
                    assert_eq!(section.byte_range.start.0, end, "{text:?}");
                    end = section.byte_range.end.0;
                }
                assert_eq!(end, text.len(), "{text:?}");
            }
        }
        let job = highlighted(TEXT, &[problem(3, 18)], &Tokens::dark());
        let underlined: Vec<&str> = job
            .sections
            .iter()
            .filter(|section| section.format.underline.width > 0.0)
            .map(|section| &TEXT[section.byte_range.start.0..section.byte_range.end.0])
            .collect();
        assert_eq!(underlined, ["Maybe"]);
    }
}
