//! What a manifest asks or complains about, above the views until it is answered.

use eframe::egui::{self, CornerRadius, Margin, Role, Sense, Stroke, Ui, vec2};

use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::app::Action;

/// Bars that are shown in full; more are counted.
const MOST: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which one an answer means.
    pub id: u64,
    pub mood: BarMood,
    pub title: String,
    /// One a line.
    pub lines: Vec<String>,
    /// What the first button says; without one there is only Dismiss.
    pub act: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarMood {
    /// Something to decide.
    Ask,
    Warning,
    Error,
}

/// Above everything else in the middle; takes no room while there is none.
pub fn bars_ui(ui: &mut Ui, cx: &mut Cx<'_>, bars: &[Bar]) {
    if bars.is_empty() {
        return;
    }
    let frame = egui::Frame::new().fill(cx.tokens.canvas).inner_margin(Margin::symmetric(12, 8));
    egui::Panel::top("bars").frame(frame).resizable(false).show_separator_line(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        for bar in bars.iter().take(MOST) {
            bar_ui(ui, cx, bar);
        }
        if bars.len() > MOST {
            let words = format!("{} more, once these are answered", bars.len() - MOST);
            ui.label(text::rich(words).color(cx.tokens.muted));
        }
    });
}

fn bar_ui(ui: &mut Ui, cx: &mut Cx<'_>, bar: &Bar) {
    let tokens = cx.tokens;
    let color = match bar.mood {
        BarMood::Ask => tokens.accent,
        BarMood::Warning => tokens.warn,
        BarMood::Error => tokens.bad,
    };
    let card = egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, color))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 8));
    card.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let row = vec2(ui.available_width(), 28.0);
        ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if widgets::button(ui, tokens, widgets::Look::Plain, None, "Dismiss", None).clicked() {
                cx.act(Action::AnswerBar { id: bar.id, yes: false });
            }
            if let Some(act) = bar.act
                && widgets::button(ui, tokens, widgets::Look::Primary, None, act, None).clicked()
            {
                cx.act(Action::AnswerBar { id: bar.id, yes: true });
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
                Icon::Warning.paint(ui, at, color);
                let title = text::rich(&bar.title).font(tokens::semibold(12.5)).color(tokens.text);
                let label = ui.add(egui::Label::new(title).truncate());
                label.widget_info(|| text::labeled(Role::Label, true, &bar.title));
                label.hover_text(&bar.title);
            });
        });
        if bar.lines.is_empty() {
            return;
        }
        egui::ScrollArea::vertical().id_salt(("bar", bar.id)).max_height(84.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for line in &bar.lines {
                let line = text::rich(line).font(tokens::mono(11.5)).color(tokens.muted);
                ui.add(egui::Label::new(line).wrap().selectable(true));
            }
        });
    });
}
