//! The question before several pods are deleted at once. It names them.

use eframe::egui::{self, Ui};

use crate::command::Command;
use crate::model::{PodUid, World};
use crate::ui::{Action, Cx, Latest, text, tokens, widgets};

/// The dialog while it is open.
#[derive(Clone, Debug)]
pub struct DeleteDialog {
    /// With the name of each.
    pods: Vec<(PodUid, String)>,
}

impl DeleteDialog {
    /// `None` if none of the pods is there.
    pub fn new(world: &World, pods: &[PodUid]) -> Option<Self> {
        let named = |uid: &PodUid| Some((uid.clone(), world.pod(uid)?.name.clone()));
        let pods: Vec<(PodUid, String)> = pods.iter().filter_map(named).collect();
        (!pods.is_empty()).then_some(Self { pods })
    }
}

pub fn delete_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, dialog: &DeleteDialog) {
    ui.set_width(420.0);
    let count = text::count(dialog.pods.len(), "pod", "pods");
    ui.label(text::rich(format!("Delete {count}?")).font(tokens::bold(16.0)));
    egui::ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
        for (uid, name) in &dialog.pods {
            let state = match latest.world.pod(uid) {
                Some(pod) => pod.status(),
                None => "already removed".into(),
            };
            ui.label(text::rich(format!("{name} · {state}")));
        }
    });
    let what = "Their containers get TERM, KILL after the grace period, then pause ends. This cannot be undone.";
    ui.add(egui::Label::new(text::rich(what).color(cx.tokens.muted)).wrap());
    ui.add_space(8.0);
    let left: Vec<PodUid> =
        dialog.pods.iter().map(|(uid, _)| uid).filter(|uid| latest.world.pod(uid).is_some()).cloned().collect();
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.add_enabled_ui(!left.is_empty(), |ui| {
            let style = widgets::ButtonStyle::Filled(cx.tokens.bad, cx.tokens.on_bad);
            let label = format!("Delete {}", text::count(left.len(), "pod", "pods"));
            if widgets::button(ui, cx.tokens, style, None, &label, None).clicked() {
                cx.act(Action::CancelDialog);
                cx.act(Action::Do(Command::DeleteAll(left.clone())));
            }
        });
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}
