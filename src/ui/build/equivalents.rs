//! The equivalent docker and shell commands of a step, with copy buttons, and what a kubelet does.

use eframe::egui::{self, Ui};

use crate::steps::Equivalents;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens};

/// The width of the labels before the lines.
const LABEL_W: f32 = 58.0;

pub fn equivalents_ui(ui: &mut Ui, cx: &Cx<'_>, equal: &Equivalents) {
    for (tool, line, hover) in [
        ("docker", &equal.docker, "The same with docker, or podman"),
        ("shell", &equal.shell, "The same by hand, with util-linux; needs no root"),
    ] {
        row_ui(ui, cx, tool, hover, |ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                let copy = ui.small_button("Copy");
                copy.widget_info(|| text::labeled(egui::Role::Button, true, format!("Copy the {tool} line")));
                if copy.clicked() {
                    ui.ctx().copy_text(line.clone());
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Min), |ui| {
                    let line = text::rich(line).font(tokens::mono(11.5));
                    ui.add(egui::Label::new(line).wrap().selectable(true));
                });
            });
        });
    }
    row_ui(ui, cx, "kubelet", "What a kubelet does, and at which step of its SyncPod", |ui| {
        ui.add(egui::Label::new(text::rich(&equal.kubelet).font(tokens::sans(12.0))).wrap().selectable(true));
    });
    if let Some(note) = &equal.note {
        row_ui(ui, cx, "", "", |ui| {
            let note = text::rich(note).font(tokens::sans(11.5)).color(cx.tokens.muted);
            ui.add(egui::Label::new(note).wrap());
        });
    }
}

/// Adds something at the left of a cell of this width.
pub fn cell<T>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> T) -> T {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let cell = ui.allocate_ui_with_layout(egui::vec2(width, 18.0), layout, |ui| {
        ui.set_min_width(width);
        add(ui)
    });
    cell.inner
}

fn row_ui(ui: &mut Ui, cx: &Cx<'_>, tool: &str, hover: &str, line: impl FnOnce(&mut Ui)) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let label = text::rich(tool).font(tokens::mono_bold(11.5)).color(cx.tokens.accent);
        let label = cell(ui, LABEL_W, |ui| ui.label(label));
        if !hover.is_empty() {
            label.hover_text(hover);
        }
        line(ui);
    });
}
