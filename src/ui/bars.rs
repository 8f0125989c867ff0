//! Bars above the views: questions, warnings and errors about manifests, shown until they are answered.

use eframe::egui::{self, CornerRadius, Margin, Role, Sense, Stroke, Ui, vec2};

use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::ui::Action;

/// Bars that are shown in full. Further ones are only counted.
const MAX_SHOWN: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Names the bar in [`Action::AnswerBar`].
    pub id: u64,
    pub severity: BarSeverity,
    pub title: String,
    pub lines: Vec<String>,
    /// The label of the first button; without one there is only Dismiss.
    pub button: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarSeverity {
    /// A question to the user.
    Question,
    Warning,
    Error,
}

/// Shows the bars above the views; takes no space while there are none.
pub fn bars_ui(ui: &mut Ui, cx: &mut Cx<'_>, bars: &[Bar]) {
    if bars.is_empty() {
        return;
    }
    let frame = egui::Frame::new().fill(cx.tokens.canvas).inner_margin(Margin::symmetric(12, 8));
    egui::Panel::top("bars").frame(frame).resizable(false).show_separator_line(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        for bar in bars.iter().take(MAX_SHOWN) {
            bar_ui(ui, cx, bar);
        }
        if bars.len() > MAX_SHOWN {
            let words = format!("{} more after these", bars.len() - MAX_SHOWN);
            ui.label(text::rich(words).color(cx.tokens.muted));
        }
    });
}

fn bar_ui(ui: &mut Ui, cx: &mut Cx<'_>, bar: &Bar) {
    let tokens = cx.tokens;
    let color = match bar.severity {
        BarSeverity::Question => tokens.accent,
        BarSeverity::Warning => tokens.warn,
        BarSeverity::Error => tokens.bad,
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
            if widgets::button(ui, tokens, widgets::ButtonStyle::Plain, None, "Dismiss", None).clicked() {
                cx.act(Action::AnswerBar { id: bar.id, yes: false });
            }
            if let Some(label) = bar.button
                && widgets::button(ui, tokens, widgets::ButtonStyle::Primary, None, label, None).clicked()
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
