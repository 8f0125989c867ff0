//! What kubectl shows of the chosen pod beside what its node shows; each process and namespace in it is a link.
//!
//! ```text
//! What kubectl shows                    Copy │ What the node shows                Copy
//! $ kubectl get pod web -o wide              │ node$ crictl pods
//! NAME  READY  STATUS   RESTARTS  AGE  IP …  │ POD ID         CREATED  STATE  …
//! web   2/2    Running  0         3m5s …     │ 0c0ffee0-…     …        Ready
//!                                            │
//! $ kubectl describe pod web                 │ host$ ps -o uid,pid,ppid,s,args
//! Name:  web …                               │   UID  PID  PPID S COMMAND …
//! ```

mod parts;
mod side;

use eframe::egui::{self, Margin, Ui};

use super::{Cx, Shown, widgets};
use crate::model::{PodUid, World};
use crate::report::Target;
use parts::{Side, node, server};

/// Kept by the window between frames: the text is made anew only when the World or the second has changed.
#[derive(Debug, Default)]
pub struct ReportState {
    of: Option<(Shown, PodUid, u64)>,
    sides: [Side; 2],
    /// What the pointer is over, in whichever side.
    hovered: Option<Target>,
}

impl ReportState {
    fn refresh(&mut self, cx: &Cx<'_>, uid: &PodUid) {
        let wanted = Some((cx.shown, uid.clone(), cx.now.0 / 1_000_000_000));
        if self.of != wanted {
            let world: &World = cx.world;
            self.sides = [Side::new(&server(world, uid, cx.now)), Side::new(&node(world, uid, cx.now))];
            self.of = wanted;
        }
    }
}

pub fn report_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ReportState) {
    let Some(uid) = cx.selection.pod.clone().filter(|uid| cx.world.pod(uid).is_some()) else {
        return widgets::empty(ui, cx.tokens, "No pod to tell of", "Choose one on the left.");
    };
    state.refresh(cx, &uid);
    let frame = egui::Frame::new().inner_margin(Margin { left: 16, right: 8, top: 8, bottom: 4 });
    let mut hovered = None;
    let [left, right] = &state.sides;
    let was = state.hovered.as_ref();
    let half = (ui.available_width() / 2.0).round();
    egui::Panel::left("what kubectl shows")
        .frame(frame)
        .resizable(true)
        .default_size(half)
        .size_range(160.0..=(ui.available_width() - 160.0).max(161.0))
        .show(ui, |ui| {
            let about = "The pod as the API server has it: what is wanted, and what a kubelet reports of it";
            side::side_ui(ui, cx, ("What kubectl shows", about), left, was, &mut hovered);
        });
    egui::CentralPanel::default().frame(frame).show(ui, |ui| {
        let about = "The same pod by its container runtime's lists, and as the kernel of the node has it";
        side::side_ui(ui, cx, ("What the node shows", about), right, was, &mut hovered);
    });
    state.hovered = hovered;
}

#[cfg(test)]
mod tests;
