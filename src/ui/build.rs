//! Building a pod step by step: containers to drag onto it, the dialogs for a sandbox and for a container that joins,
//! and the view of the steps so far.
//!
//! ```text
//! web   3 steps                          [Join a container…] [Save as YAML…]
//! ┌ 2  nginx joined ──────────────────────────────────────────────────────┐
//! │ docker   docker run -d --name nginx --network=container:pause …  Copy │
//! │ shell    nsenter --target $PAUSE …                               Copy │
//! │ kubelet  As SyncPod step 8 …                                          │
//! │  net      ipc      pid      uts     cgroup    mnt      user     time  │
//! │ = pause  = pause  = pause  = pause   own      own     node's  machine │
//! └───────────────────────────────────────────────────────────────────────┘
//! ```

mod dialog;
mod equivalents;
mod palette;
mod report;

use eframe::egui::{self, Margin, Ui};

pub use dialog::{JoinDialog, SandboxDialog, join_ui, sandbox_ui};
pub use palette::{drop_zone, first_container_ui, palette_ui, take_out_ui};

use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::model::{Pod, PodReason};
use crate::steps::{Report, Template};
use crate::ui::Action;

pub fn build_ui(ui: &mut Ui, cx: &mut Cx<'_>, reports: &[Report]) {
    let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| cx.world.pod(uid)) else {
        return widgets::empty(ui, cx.tokens, "No pod to build", "Create one on the left with New sandbox….");
    };
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(Margin::same(16)).show(ui, |ui| {
            head_ui(ui, cx, pod, reports.len());
            ui.add_space(8.0);
            if reports.is_empty() {
                let hint = "No steps yet. Drag a container from the left onto the pod, or join one here.";
                ui.label(text::rich(hint).color(cx.tokens.muted));
            }
            for (nth, report) in reports.iter().enumerate() {
                report::report_ui(ui, cx, nth + 1, report);
                ui.add_space(10.0);
            }
        });
    });
}

fn head_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, steps: usize) {
    ui.horizontal(|ui| {
        ui.label(text::rich(&pod.name).font(tokens::bold(17.0)));
        ui.label(text::rich(text::count(steps, "step", "steps")).color(cx.tokens.muted));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            save_button(ui, cx, pod);
            join_button(ui, cx, pod, None);
        });
    });
}

/// The buttons for a pod of the lab as a whole.
pub fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        join_button(ui, cx, pod, None);
        save_button(ui, cx, pod);
    });
}

fn save_button(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod) {
    if !can_be_built(cx, pod) {
        return;
    }
    let save = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Save as YAML…", None);
    if save.hover_text("Write a manifest that creates the same pod").clicked() {
        cx.act(Action::AskManifest(pod.uid.clone()));
    }
}

fn join_button(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, width: Option<f32>) {
    if !can_be_built(cx, pod) {
        return;
    }
    let join = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, Some(Icon::Plus), "Join container…", width);
    if join.hover_text("Join another container to this pod's namespaces").clicked() {
        cx.act(Action::AskJoin { pod: pod.uid.clone(), template: Template::ALL[0] });
    }
}

/// Whether steps are possible: only for a pod of the lab that is not lost or being deleted, and only when live.
fn can_be_built(cx: &Cx<'_>, pod: &Pod) -> bool {
    let is_ending = matches!(pod.reason, Some(PodReason::NodeLost | PodReason::Terminating));
    cx.live && pod.is_of_lab() && !is_ending
}
