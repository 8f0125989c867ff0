//! Cards and tables.

use eframe::egui::{self, Align2, CornerRadius, Frame, Margin, Role, Sense, Stroke, Ui, vec2};

use super::tables::{Row, Table};
use crate::ui::text::HoverText as _;
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Cx, text, tokens, widgets};

const ROW_H: f32 = 21.0;
/// The width of a cell that can be made narrower.
const MIN_CELL: f32 = 70.0;

/// A card as wide as the view.
pub fn card(ui: &mut Ui, tokens: &Tokens, content: impl FnOnce(&mut Ui)) {
    Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.line))
        .corner_radius(10)
        .inner_margin(Margin::symmetric(16, 12))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 6.0;
            content(ui);
        });
}

/// What is not shown, and why.
pub fn note(ui: &mut Ui, tokens: &Tokens, words: &str) {
    ui.label(text::rich(words).font(tokens::sans(12.0)).color(tokens.muted));
}

pub fn table_ui(ui: &mut Ui, cx: &mut Cx<'_>, nth: usize, table: &Table) {
    card(ui, cx.tokens, |ui| {
        widgets::section(ui, cx.tokens, &table.title);
        ui.spacing_mut().item_spacing.y = 0.0;
        if !table.rows.is_empty() {
            let widths = widths(ui, table);
            if table.heads.iter().any(|head| !head.is_empty()) {
                let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
                let mut x = 0.0;
                for (head, width) in table.heads.iter().zip(&widths) {
                    let at = rect.left_center() + vec2(x, 0.0);
                    text::put(ui, at, Align2::LEFT_CENTER, head, tokens::sans(11.0), cx.tokens.faint, width - 10.0);
                    x += width;
                }
            }
            for (i, row) in table.rows.iter().enumerate() {
                row_ui(ui, cx, (nth, i), row, &widths);
            }
        }
        if let Some(words) = &table.note {
            note(ui, cx.tokens, words);
        }
    });
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: (usize, usize), row: &Row, widths: &[f32]) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let sense = if row.process.is_some() { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("row", id)), sense);
    let is_selected = row.process.is_some() && cx.selection.process == row.process;
    if is_selected || (response.hovered() && row.process.is_some()) {
        let fill = if is_selected { cx.tokens.accent_fill } else { cx.tokens.inset };
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(4), fill);
    }
    let mut x = 0.0;
    let mut is_cut = false;
    for (i, (cell, width)) in row.cells.iter().zip(widths).enumerate() {
        let ink = if i == 0 { cx.tokens.text } else { cx.tokens.muted };
        let galley = text::line(ui, cell, tokens::mono(11.5), ink, width - 10.0);
        is_cut |= galley.elided;
        let at = rect.left_center() + vec2(x, -galley.size().y / 2.0);
        ui.painter().galley(at, galley, ink);
        x += width;
    }
    let words = row.cells.iter().filter(|cell| !cell.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ");
    let role = if row.process.is_some() { Role::Button } else { Role::Label };
    response.widget_info(|| text::labeled(role, true, &words));
    if let Some(process) = row.process.filter(|_| response.clicked()) {
        cx.act(Action::SelectProcess(process));
    }
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, rect, 4);
    }
    if is_cut {
        response.hover_text(words);
    }
}

/// As wide as the longest cell; the widest are made narrower where there is not enough room.
fn widths(ui: &mut Ui, table: &Table) -> Vec<f32> {
    let glyph = ui.fonts_mut(|fonts| fonts.glyph_width(&tokens::mono(11.5), '0'));
    let columns = table.heads.len();
    let longest = |i: usize| {
        let cells = table.rows.iter().filter_map(|row| row.cells.get(i)).map(|cell| cell.chars().count());
        cells.max().unwrap_or_default().max(table.heads[i].chars().count())
    };
    let mut widths: Vec<f32> = (0..columns).map(|i| longest(i) as f32 * glyph + 22.0).collect();
    let available = ui.available_width();
    let mut over = widths.iter().sum::<f32>() - available;
    while over > 0.5 {
        let Some(widest) = (0..columns).max_by(|a, b| widths[*a].total_cmp(&widths[*b])) else { break };
        if widths[widest] <= MIN_CELL {
            break;
        }
        // as narrow as the next one at most
        let next = (0..columns).filter(|i| *i != widest).map(|i| widths[i]).fold(MIN_CELL, f32::max);
        let narrower = (widths[widest] - over).max(next.min(widths[widest] - 8.0)).max(MIN_CELL);
        over -= widths[widest] - narrower;
        widths[widest] = narrower;
    }
    widths
}

/// The rectangle of a small card within a card.
pub fn inset(ui: &Ui, tokens: &Tokens, rect: egui::Rect) {
    ui.painter().rect_filled(rect, CornerRadius::same(8), tokens.inset);
    ui.painter().rect_stroke(rect, CornerRadius::same(8), Stroke::new(1.0, tokens.line), egui::StrokeKind::Inside);
}
