//! A completed step: its equivalents in other tools, and the eight namespace links of its member.

use eframe::egui::{self, Align2, CornerRadius, Margin, Role, Sense, Stroke, Ui, vec2};

use super::equivalents::equivalents_ui;
use crate::layout::pod_map::RAIL_ORDER;
use crate::steps::{LinkLine, Report, SharedWith};
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens};

const CELL_H: f32 = 50.0;

pub fn report_ui(ui: &mut Ui, cx: &Cx<'_>, nth: usize, report: &Report) {
    let tokens = cx.tokens;
    egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(16, 12))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(text::rich(nth.to_string()).font(tokens::mono_bold(13.0)).color(tokens.muted));
                ui.label(text::rich(&report.title).font(tokens::semibold(14.0)));
            });
            ui.add_space(2.0);
            equivalents_ui(ui, cx, &report.equal);
            if !report.links.is_empty() {
                ui.add_space(6.0);
                links_ui(ui, cx, &report.links);
            }
            for change in &report.changes {
                ui.add_space(2.0);
                ui.add(egui::Label::new(text::rich(change).font(tokens::sans(12.0))).wrap());
            }
        });
}

/// The links side by side, each in the colour of its kind.
fn links_ui(ui: &mut Ui, cx: &Cx<'_>, links: &[LinkLine]) {
    const GAP: f32 = 6.0;
    let room = ui.available_width();
    let cell = ((room + GAP) / links.len().max(1) as f32 - GAP).max(64.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        // in the order of the pod map
        for link in RAIL_ORDER.iter().filter_map(|kind| links.iter().find(|link| link.kind == *kind)) {
            link_ui(ui, cx, link, cell);
        }
    });
}

fn link_ui(ui: &mut Ui, cx: &Cx<'_>, LinkLine { kind, id, with }: &LinkLine, width: f32) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(width, CELL_H), Sense::hover());
    let shared = matches!(with, SharedWith::Members(_));
    let color = tokens.ns(*kind);
    let fill = if shared { tokens.tint(color) } else { tokens.inset };
    let line = if matches!(with, SharedWith::Node | SharedWith::Host) { tokens.line } else { color };
    ui.painter().rect(rect, CornerRadius::same(6), fill, Stroke::new(1.0, line), egui::StrokeKind::Inside);
    let room = rect.width() - 16.0;
    let left = rect.left_top() + vec2(8.0, 6.0);
    text::put(ui, left, Align2::LEFT_TOP, kind.name(), tokens::mono_bold(12.0), color, room);
    let ino = id.map_or_else(|| "?".to_owned(), |id| id.ino.to_string());
    text::put(ui, left + vec2(0.0, 15.0), Align2::LEFT_TOP, &ino, tokens::mono(10.0), tokens.muted, room);
    let (word, ink) = match with {
        SharedWith::Members(names) => (format!("= {}", names.join(", ")), tokens.text),
        SharedWith::NoOther => ("its own".to_owned(), tokens.text),
        SharedWith::Node => ("the node's".to_owned(), tokens.muted),
        SharedWith::Host => ("the machine's".to_owned(), tokens.muted),
        SharedWith::Unknown => ("not seen".to_owned(), tokens.muted),
    };
    text::put(ui, left + vec2(0.0, 27.0), Align2::LEFT_TOP, &word, tokens::sans(11.0), ink, room);
    let name = id.map_or_else(|| kind.name().to_owned(), |id| id.to_string());
    response.widget_info(|| text::labeled(Role::Label, true, format!("{name}, {with}")));
    response.hover_text(format!("{name}: {with}"));
}
