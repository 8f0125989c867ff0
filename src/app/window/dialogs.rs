//! The dialogs over the window, and the notices at its lower edge.

use std::collections::VecDeque;

use eframe::egui::{self, CornerRadius, Frame, Margin, Stroke, vec2};

use super::questions::{about, confirm_label};
use super::{Dialog, Notice, Pane};
use crate::app::jobs::Jobs;
use crate::app::keys;
use crate::engine::{Question, QuestionSubject};
use crate::ui::Action;
use crate::ui::signals::Predictions;
use crate::ui::tokens::{self, Tokens};
use crate::ui::{Cx, Latest, build, export_dialog, new_pod, palette, pods, shortcuts, text};

pub(super) fn dialogs(
    ui: &egui::Ui,
    cx: &mut Cx<'_>,
    latest: Latest<'_>,
    dialog: &mut Option<Dialog>,
    predictions: &mut Predictions,
    jobs: &Jobs,
) {
    let Some(open) = dialog else { return };
    let modal = egui::Modal::new(egui::Id::unique("dialog")).show(ui.ctx(), |ui| match open {
        Dialog::Export(export) => {
            if export_dialog::export_ui(ui, cx, export) == export_dialog::DialogRequest::Browse {
                let title = if export.pod.is_some() { "Save as YAML" } else { "Export snapshot" };
                jobs.ask_save(title, std::path::PathBuf::from(&export.path));
            }
        }
        Dialog::Sandbox(sandbox) => build::sandbox_ui(ui, cx, sandbox),
        Dialog::Join(join) => build::join_ui(ui, cx, join),
        Dialog::NewPod(new) => new_pod::new_pod_ui(ui, cx, latest, new),
        Dialog::Delete(delete) => pods::delete_ui(ui, cx, latest, delete),
        Dialog::Question(question) => question_ui(ui, cx, question, predictions),
        Dialog::Palette(palette) => palette::palette_ui(ui, cx, palette, &Pane::ALL.map(Pane::title)),
        Dialog::Keys => shortcuts::shortcuts_ui(ui, cx, &keys::GROUPS),
    });
    if modal.backdrop_response.clicked() {
        cx.act(Action::CancelDialog);
    }
}

fn question_ui(ui: &mut egui::Ui, cx: &mut Cx<'_>, question: &Question, predictions: &mut Predictions) {
    ui.set_width(420.0);
    ui.add(egui::Label::new(text::rich(question.title()).font(tokens::bold(16.0))).wrap());
    ui.label(text::rich(about(question)));
    if let QuestionSubject::Signal { target, signal, .. } = &question.subject
        && let Some(predicted) = predictions.of(cx, *target, *signal)
    {
        for line in &predicted.sentences {
            ui.label(text::rich(line).color(cx.tokens.muted));
        }
    }
    ui.add_space(8.0);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let style = crate::ui::widgets::ButtonStyle::Filled(cx.tokens.bad, cx.tokens.on_bad);
        if crate::ui::widgets::button(ui, cx.tokens, style, None, &confirm_label(question), None).clicked() {
            cx.act(Action::Confirm);
        }
        let plain = crate::ui::widgets::ButtonStyle::Plain;
        if crate::ui::widgets::button(ui, cx.tokens, plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}

/// While a file is dragged over the window: what happens when it is dropped.
pub(super) fn drop_hint(ui: &egui::Ui, tokens: &Tokens) {
    if ui.ctx().input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let area = egui::Area::new(egui::Id::unique("drop hint")).order(egui::Order::Tooltip);
    area.anchor(egui::Align2::CENTER_CENTER, vec2(0.0, 0.0)).show(ui.ctx(), |ui| {
        Frame::new()
            .fill(tokens.accent_fill)
            .stroke(Stroke::new(2.0, tokens.accent))
            .corner_radius(CornerRadius::same(10))
            .inner_margin(Margin::symmetric(28, 20))
            .show(ui, |ui| {
                let words = "Drop the manifest to open it in the editor";
                ui.label(text::rich(words).font(tokens::semibold(15.0)));
            });
    });
}

/// Shows errors and messages at the lower edge until they are dismissed.
pub(super) fn notices(ui: &egui::Ui, tokens: &Tokens, list: &mut VecDeque<Notice>) {
    if list.is_empty() {
        return;
    }
    let mut dismissed = None;
    let area = egui::Area::new(egui::Id::unique("notices")).order(egui::Order::Foreground);
    area.anchor(egui::Align2::CENTER_BOTTOM, vec2(0.0, -16.0)).show(ui.ctx(), |ui| {
        for (i, notice) in list.iter().enumerate() {
            let color = if notice.is_error { tokens.bad } else { tokens.good };
            Frame::new()
                .fill(tokens.inset)
                .stroke(Stroke::new(1.0, color))
                .corner_radius(CornerRadius::same(8))
                .inner_margin(Margin::symmetric(14, 8))
                .show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.set_max_width(620.0);
                        ui.add(egui::Label::new(text::rich(&notice.text)).wrap());
                        if ui.button("Dismiss").clicked() {
                            dismissed = Some(i);
                        }
                    });
                });
        }
    });
    if let Some(i) = dismissed {
        list.remove(i);
    }
}
