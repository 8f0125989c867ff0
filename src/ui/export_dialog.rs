//! Where to write a snapshot: a typed path, or the desktop's own file dialog.

use std::path::PathBuf;

use eframe::egui::{self, Role, Ui};

use super::{Cx, text, tokens, widgets};
use crate::app::Action;
use crate::model::PodUid;

/// The dialog while it is open.
#[derive(Clone, Debug, Default)]
pub struct ExportDialog {
    /// Of which pod a manifest is written; `None` is a snapshot of all.
    pub pod: Option<(PodUid, String)>,
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
    let title = dialog.pod.as_ref().map_or("Export snapshot".to_owned(), |(_, name)| format!("Save {name} as YAML"));
    ui.label(text::rich(title).font(tokens::bold(16.0)));
    let when = if cx.live { "now".to_owned() } else { format!("at {}", cx.clock(cx.now)) };
    let what = match &dialog.pod {
        None => format!(
            "Processes, namespaces, pods and events as they are {when}, as JSON. Environments are never written."
        ),
        Some(_) => {
            "A Pod manifest that makes the same pod again: podscope run reads it, and so does kubectl, to which the \
                    annotations of podscope.dev mean nothing."
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
        if dialog.fresh {
            edit.request_focus();
            dialog.fresh = false;
        }
        save |= edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Browse…", None).clicked() {
            wish = Wish::Browse;
        }
    });
    if dialog.pod.is_none() {
        ui.checkbox(&mut dialog.redact, "Leave out processes' arguments");
    }
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
    let act = if dialog.pod.is_some() { "Save" } else { "Export" };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if exists {
            // only its own button replaces a file: Enter may be pressed once too often
            let look = widgets::Look::Filled(cx.tokens.bad, cx.tokens.on_bad);
            replace = widgets::button(ui, cx.tokens, look, None, "Replace", Some(88.0)).clicked();
        } else {
            save |= widgets::button(ui, cx.tokens, widgets::Look::Primary, None, act, Some(88.0)).clicked();
        }
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
    if (save || replace) && !path.as_os_str().is_empty() {
        let pod = dialog.pod.as_ref().map(|(uid, _)| uid.clone());
        cx.act(Action::Export { path, pod, redact: dialog.redact, replace });
    }
    wish
}
