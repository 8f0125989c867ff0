//! The lines of an output.

use eframe::egui::{self, TextWrapMode, Ui};

use crate::model::{Output, OutputLine};
use crate::ui::{Cx, text, tokens};

const LINE_H: f32 = 17.0;

/// Lays out only the lines on screen. They can be selected and copied.
pub fn lines_ui(ui: &mut Ui, cx: &Cx<'_>, id: &str, output: &Output, follow_tail: bool) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = egui::ScrollArea::both().id_salt(id).auto_shrink(false).stick_to_bottom(follow_tail);
    let note = usize::from(output.has_dropped());
    area.show_rows(ui, LINE_H, output.len() + note, |ui, range| {
        ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
        for row in range {
            let line = match row.checked_sub(note).map(|at| output.line(at)) {
                Some(Some(line)) => line,
                Some(None) => continue,
                None => {
                    let note = format!("… the last {} lines; older ones are not kept", output.len());
                    ui.add(egui::Label::new(styled(note).color(cx.tokens.muted)).extend());
                    continue;
                }
            };
            ui.horizontal(|ui| {
                if line.skipped > 0 {
                    let gap = format!("… {} were written too fast to be kept …  ", text::bytes(line.skipped));
                    ui.add(egui::Label::new(styled(gap).color(cx.tokens.warn)).extend());
                }
                ui.add(egui::Label::new(styled(shown(line))).selectable(true).extend());
            });
        }
    });
}

fn styled(line: String) -> egui::RichText {
    text::rich(line).font(tokens::mono(12.0)).line_height(Some(LINE_H))
}

/// All lines that are kept, for the clipboard.
pub fn text(output: &Output) -> String {
    output.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn shown(line: &OutputLine) -> String {
    let mut text = without_controls(&line.text);
    if line.text.len() >= Output::MAX_LINE - 3 {
        // a longer line is cut
        text.push('…');
    }
    text
}

/// Removes what only a terminal understands: colours and cursor movements (ECMA-48), and other control characters.
fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next_if_eq(&'[').is_some() {
                    while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
                } else {
                    chars.next();
                }
            }
            '\t' => out.push_str("    "),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MonoNs;

    #[test]
    fn what_only_a_terminal_understands_is_removed() {
        let mut output = Output::default();
        output.push("hello\nw\u{1b}[1;31mor\u{1b}[0mld\r\n\na\tb\u{7}\nop", 0, MonoNs(0));
        assert_eq!(text(&output), "hello\nworld\n\na    b\nop");
    }

    #[test]
    fn a_line_that_was_cut_ends_with_an_ellipsis() {
        let mut output = Output::default();
        output.push(&"x".repeat(Output::MAX_LINE + 1), 0, MonoNs(0));
        assert!(text(&output).ends_with("x…"));
    }
}
