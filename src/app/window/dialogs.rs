//! The dialogs over the window.

use eframe::egui::{self, CornerRadius, Frame, Margin, Stroke, vec2};

use super::questions::{about, confirm_label, targets};
use super::{Dialog, Pane};
use crate::app::jobs::Jobs;
use crate::app::keys;
use crate::engine::{Question, QuestionSubject};
use crate::ui::Action;
use crate::ui::signals::Predictions;
use crate::ui::tokens::{self, Tokens};
use crate::ui::widgets::ButtonStyle;
use crate::ui::{Cx, Latest, build, export_dialog, new_pod, palette, pods, shortcuts, terms, text, widgets};

/// The height of the window in points below which a dialog scrolls.
const SCROLLS_BELOW: f32 = 620.0;

/// The height of the list of processes that get a signal.
const TARGETS_H: f32 = 200.0;

pub(super) fn dialogs(
    ui: &egui::Ui,
    cx: &mut Cx<'_>,
    latest: Latest<'_>,
    dialog: &mut Option<Dialog>,
    predictions: &mut Predictions,
    jobs: &Jobs,
) {
    let Some(open) = dialog else { return };
    let modal = egui::Modal::new(egui::Id::unique("dialog")).show(ui.ctx(), |ui| {
        let height = ui.ctx().content_rect().height();
        if height >= SCROLLS_BELOW {
            return dialog_ui(ui, cx, latest, open, predictions, jobs);
        }
        // a small window may be lower than the dialog
        egui::ScrollArea::vertical()
            .max_height(height - 48.0)
            .show(ui, |ui| dialog_ui(ui, cx, latest, open, predictions, jobs));
    });
    if modal.backdrop_response.clicked() {
        cx.act(Action::CancelDialog);
    }
}

fn dialog_ui(
    ui: &mut egui::Ui,
    cx: &mut Cx<'_>,
    latest: Latest<'_>,
    open: &mut Dialog,
    predictions: &mut Predictions,
    jobs: &Jobs,
) {
    match open {
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
        Dialog::Terms => terms::terms_ui(ui, cx),
    }
}

fn question_ui(ui: &mut egui::Ui, cx: &mut Cx<'_>, question: &Question, predictions: &mut Predictions) {
    ui.set_width(widgets::dialog_width(ui, 420.0));
    ui.add(egui::Label::new(text::rich(question.title()).font(tokens::bold(16.0))).wrap());
    ui.label(text::rich(about(question)));
    if let Some(lines) = targets(question) {
        targets_ui(ui, cx, &lines);
    }
    if let QuestionSubject::Signal { targets, signal, .. } = &question.subject
        && let [target] = targets.as_slice()
        && let Some(predicted) = predictions.of(cx, target.process, *signal)
    {
        for line in &predicted.sentences {
            ui.label(text::rich(line).color(cx.tokens.muted));
        }
    }
    ui.add_space(8.0);
    // a double click on the first answer must not be the second answer
    let is_second = matches!(question.subject, QuestionSubject::Signal { is_second: true, .. });
    let confirm = |ui: &mut egui::Ui, cx: &mut Cx<'_>| {
        let style = ButtonStyle::Filled(cx.tokens.bad, cx.tokens.on_bad);
        if widgets::button(ui, cx.tokens, style, None, &confirm_label(question), None).clicked() {
            cx.act(Action::Confirm);
        }
    };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if !is_second {
            confirm(ui, cx);
        }
        // as wide as the first answer, whose place it takes
        let width = if is_second { 160.0 } else { 88.0 };
        if widgets::button(ui, cx.tokens, ButtonStyle::Plain, None, "Cancel", Some(width)).clicked() {
            cx.act(Action::CancelDialog);
        }
        if is_second {
            confirm(ui, cx);
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

/// The processes that get a signal.
fn targets_ui(ui: &mut egui::Ui, cx: &Cx<'_>, lines: &[String]) {
    ui.add_space(4.0);
    let height = ui.text_style_height(&egui::TextStyle::Body);
    let area = egui::ScrollArea::vertical().max_height(TARGETS_H).min_scrolled_height(TARGETS_H);
    area.auto_shrink([false, true]).show_rows(ui, height, lines.len(), |ui, range| {
        for line in &lines[range] {
            ui.add(egui::Label::new(text::rich(line).font(tokens::mono(11.5)).color(cx.tokens.text)).truncate());
        }
    });
}
