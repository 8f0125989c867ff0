//! Where to write a snapshot: a typed path, or the desktop's own file dialog.

use std::path::PathBuf;

use eframe::egui::{self, Role, Ui};

use super::{Cx, text, tokens, widgets};
use crate::app::Action;

/// The dialog while it is open.
#[derive(Clone, Debug, Default)]
pub struct ExportDialog {
    pub path: String,
    /// Leave arguments of processes out.
    pub redact: bool,
    /// Why nothing was written at the last try; the dialog stays open with the path as typed.
    pub problem: Option<Problem>,
    /// Set until the path field has had the keyboard once.
    pub fresh: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is a file; it is replaced only when that is asked for. `link`: the path is a symbolic link to it.
    Exists {
        path: PathBuf,
        link: Option<String>,
    },
    Failed(String),
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
    ui.label(text::rich("Export snapshot").font(tokens::bold(16.0)));
    let when = if cx.live { "now".to_owned() } else { format!("at {}", cx.clock(cx.now)) };
    let what =
        format!("Processes, namespaces, pods and events as they are {when}, as JSON. Environments are never written.");
    ui.label(text::rich(what).color(cx.tokens.muted));
    ui.add_space(6.0);
    let mut save = false;
    ui.horizontal(|ui| {
        let edit = egui::TextEdit::singleline(&mut dialog.path).font(tokens::mono(12.0)).desired_width(356.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Path of the snapshot"));
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
    let path = PathBuf::from(dialog.path.trim());
    // about another path, it says nothing of the one that stands there now
    let exists = matches!(&dialog.problem, Some(Problem::Exists { path: asked, .. }) if *asked == path);
    match &dialog.problem {
        Some(Problem::Failed(why)) => drop(ui.label(text::rich(why).color(cx.tokens.bad))),
        Some(Problem::Exists { link, .. }) if exists => {
            let words = match link {
                None => "There is a file of this name already. Replacing it keeps its owner and mode.".to_owned(),
                Some(file) => format!(
                    "This is a link to {file}. Replacing that file keeps its owner and mode, and the link stays."
                ),
            };
            ui.label(text::rich(words).color(cx.tokens.warn));
        }
        _ => {}
    }
    ui.add_space(8.0);
    let mut replace = false;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if exists {
            // only its own button replaces a file: Enter may be pressed once too often
            let look = widgets::Look::Filled(cx.tokens.bad, cx.tokens.on_bad);
            replace = widgets::button(ui, cx.tokens, look, None, "Replace", Some(88.0)).clicked();
        } else {
            save |= widgets::button(ui, cx.tokens, widgets::Look::Primary, None, "Export", Some(88.0)).clicked();
        }
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
    if (save || replace) && !path.as_os_str().is_empty() {
        cx.act(Action::Export { path, redact: dialog.redact, replace });
    }
    wish
}
