//! The facts of the inspector: terms with their values, each with its meaning on hover.

use eframe::egui::{self, Align2, Color32, Response, Sense, Ui, vec2};

use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording::terms::Term;

/// The width of the terms.
const TERM_W: f32 = 104.0;
/// How many lines a value may have. Only a command line can have more; the rest is shown on hover.
const MAX_LINES: usize = 12;
/// How much of a longer value is shown on hover, in bytes.
const MAX_HOVER: usize = 4096;

/// A word beside a title.
pub(super) struct Chip {
    pub word: String,
    pub color: Color32,
    /// What it means.
    pub about: &'static str,
}

impl Chip {
    pub fn term(term: Term, color: Color32) -> Self {
        Self { word: term.name().to_owned(), color, about: term.meaning() }
    }
}

/// Tells the meaning of what is on screen to those who point at it, and to those who use a screen reader.
pub(super) fn explain(ui: &Ui, response: Response, meaning: &str) -> Response {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(text::escaped(meaning).into_owned()));
    response.hover_text(meaning)
}

pub(super) fn title_ui(ui: &mut Ui, cx: &Cx<'_>, name: &str, chips: &[Chip]) {
    ui.horizontal_wrapped(|ui| {
        ui.add(egui::Label::new(text::rich(name).font(tokens::bold(17.0))).wrap());
        for chip in chips {
            let response = widgets::chip(ui, cx.tokens, &chip.word, chip.color);
            explain(ui, response, chip.about);
        }
    });
    ui.add_space(6.0);
}

/// The heading of a section that is a term.
pub(super) fn section_ui(ui: &mut Ui, cx: &Cx<'_>, term: Term) {
    let heading = widgets::section(ui, cx.tokens, term.name());
    explain(ui, heading, term.meaning());
}

/// Facts in two columns. Values are broken between words, and not cut.
pub(super) fn facts_ui(ui: &mut Ui, cx: &Cx<'_>, rows: &[(Term, String)]) {
    for (term, value) in rows {
        let room = ui.available_width() - TERM_W;
        let galley = text::wrapped(ui, value, tokens::sans(12.5), cx.tokens.text, room, MAX_LINES);
        let cut = galley.elided;
        // a single-line row is taller than its text
        let height = (galley.size().y + 4.0).max(19.0);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        if response.hovered() {
            ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), 4.0, cx.tokens.inset);
        }
        let first = rect.left_top() + vec2(0.0, 9.5);
        text::put(ui, first, Align2::LEFT_CENTER, term.name(), tokens::sans(12.5), cx.tokens.muted, TERM_W - 6.0);
        let top = if galley.rows.len() > 1 { 2.0 } else { 9.5 - galley.size().y / 2.0 };
        ui.painter().galley(rect.left_top() + vec2(TERM_W, top), galley, cx.tokens.text);
        response.widget_info(|| text::labeled(egui::Role::Label, true, format!("{} {value}", term.name())));
        let response = explain(ui, response, term.meaning());
        if cut {
            response.hover_text(beginning(value));
        }
    }
}

/// The beginning of a text that may be very long.
fn beginning(value: &str) -> &str {
    let mut end = value.len().min(MAX_HOVER);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_long_value_is_cut_between_characters() {
        assert_eq!(beginning("sleep 1h"), "sleep 1h");
        let long = format!("a{}", "é".repeat(MAX_HOVER));
        let cut = beginning(&long);
        assert!(cut.len() == MAX_HOVER - 1 && long.starts_with(cut), "{}", cut.len());
    }
}
