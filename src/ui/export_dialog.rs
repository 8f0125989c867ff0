//! Where to write a snapshot: a typed path, or the desktop's own file dialog.

use std::path::PathBuf;

use eframe::egui::{self, Role, Ui, WidgetInfo};

use super::{Cx, tokens, widgets};
use crate::app::Action;
use crate::command::Command;
use crate::export::Format;

/// The dialog while it is open.
#[derive(Clone, Debug)]
pub struct ExportDialog {
    pub path: String,
    /// Leave arguments of processes out.
    pub redact: bool,
    /// What went wrong at the last try; the dialog stays open with the path as typed.
    pub error: Option<String>,
    /// Set until the path field has had the keyboard once.
    pub fresh: bool,
}

/// What the user wants beyond [`Action`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    None,
    Browse,
}

pub fn export_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut ExportDialog) -> Wish {
    let mut wish = Wish::None;
    ui.set_width(460.0);
    ui.label(egui::RichText::new("Export snapshot").font(tokens::bold(16.0)));
    let when = if cx.live { "now".to_owned() } else { format!("at {}", cx.clock(cx.now)) };
    let what =
        format!("Processes, namespaces, pods and events as they are {when}, as JSON. Environments are never written.");
    ui.label(egui::RichText::new(what).color(cx.tokens.muted));
    ui.add_space(6.0);
    let mut save = false;
    ui.horizontal(|ui| {
        let edit = egui::TextEdit::singleline(&mut dialog.path).font(tokens::mono(12.0)).desired_width(356.0);
        let edit = ui.add(edit);
        edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of the snapshot"));
        if dialog.fresh {
            edit.request_focus();
            dialog.fresh = false;
        }
        save |= edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Browse…", None).clicked() {
            wish = Wish::Browse;
        }
    });
    ui.checkbox(&mut dialog.redact, "Leave out processes' arguments");
    if let Some(error) = &dialog.error {
        ui.label(egui::RichText::new(error).color(cx.tokens.bad));
    }
    ui.add_space(8.0);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        save |= widgets::button(ui, cx.tokens, widgets::Look::Primary, None, "Export", Some(88.0)).clicked();
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
    if save && !dialog.path.trim().is_empty() {
        let path = PathBuf::from(dialog.path.trim());
        cx.act(Action::Do(Command::Export { path, format: Format::Json, redact: dialog.redact }));
    }
    wish
}
