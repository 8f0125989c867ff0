//! The dialog for writing a snapshot or a manifest: a typed path, or the desktop's own file dialog.

use std::path::PathBuf;

use eframe::egui::{self, Role, Ui};

use super::{Cx, text, tokens, widgets};
use crate::model::PodUid;
use crate::ui::Action;

/// The dialog while it is open.
#[derive(Clone, Debug, Default)]
pub struct ExportDialog {
    /// The pod to write as a manifest, with its name; `None` writes a snapshot of everything.
    pub pod: Option<(PodUid, String)>,
    pub path: String,
    /// Leave out the arguments of processes.
    pub redact: bool,
    /// Why the last attempt wrote nothing. The dialog stays open with the typed path.
    pub problem: Option<Problem>,
    /// Set until the path field has had the keyboard focus once.
    pub is_new: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file exists and is replaced only on request. `link`: the path is a symbolic link to this file.
    Exists {
        path: PathBuf,
        link: Option<String>,
    },
    Failed(String),
}

/// What the user asked of the dialog beyond [`Action`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogRequest {
    None,
    Browse,
}

pub fn export_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut ExportDialog) -> DialogRequest {
    let mut request = DialogRequest::None;
    ui.set_width(460.0);
    let title = dialog.pod.as_ref().map_or("Export snapshot".to_owned(), |(_, name)| format!("Save {name} as YAML"));
    ui.label(text::rich(title).font(tokens::bold(16.0)));
    let when = if cx.live { "now".to_owned() } else { format!("at {}", cx.clock(cx.now)) };
    let what = match &dialog.pod {
        None => format!(
            "Processes, namespaces, pods and events as they are {when}, as JSON. Environments are never written."
        ),
        Some(_) => {
            "A Pod manifest that creates the same pod. podscope run and kubectl can read it; kubectl ignores the \
             annotations of podscope.dev."
                .to_owned()
        }
    };
    ui.label(text::rich(what).color(cx.tokens.muted));
    ui.add_space(6.0);
    let mut save = false;
    let field = if dialog.pod.is_some() { "Path of the manifest" } else { "Path of the snapshot" };
    ui.horizontal(|ui| {
        let edit = egui::TextEdit::singleline(&mut dialog.path).font(tokens::mono(12.0)).desired_width(356.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, field));
        if dialog.is_new {
            edit.request_focus();
            dialog.is_new = false;
        }
        save |= edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Browse…", None).clicked() {
            request = DialogRequest::Browse;
        }
    });
    if dialog.pod.is_none() {
        ui.checkbox(&mut dialog.redact, "Leave out process arguments");
    }
    let path = PathBuf::from(dialog.path.trim());
    // a problem with another path says nothing about the path in the field now
    let exists = matches!(&dialog.problem, Some(Problem::Exists { path: asked, .. }) if *asked == path);
    match &dialog.problem {
        Some(Problem::Failed(why)) => drop(ui.label(text::rich(why).color(cx.tokens.bad))),
        Some(Problem::Exists { link, .. }) if exists => {
            let words = match link {
                None => "A file with this name already exists. Replacing it keeps its owner and mode.".to_owned(),
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
    let label = if dialog.pod.is_some() { "Save" } else { "Export" };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if exists {
            // only this button replaces a file: Enter could be pressed once too often
            let style = widgets::ButtonStyle::Filled(cx.tokens.bad, cx.tokens.on_bad);
            replace = widgets::button(ui, cx.tokens, style, None, "Replace", Some(88.0)).clicked();
        } else {
            save |= widgets::button(ui, cx.tokens, widgets::ButtonStyle::Primary, None, label, Some(88.0)).clicked();
        }
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
    if (save || replace) && !path.as_os_str().is_empty() {
        let pod = dialog.pod.as_ref().map(|(uid, _)| uid.clone());
        cx.act(Action::Export { path, pod, redact: dialog.redact, replace });
    }
    request
}
