//! The output of kubectl for the selected pod beside that of its node. Each process and namespace in it is a link.
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

use eframe::egui::{self, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::memo::Memo;
use super::{Cx, WorldVersion, text, widgets};
use crate::model::PodUid;
use crate::report::Target;
use parts::{Side, node, server};

const SERVER: &str = "The pod as the API server has it: the desired state, and the state that a kubelet reports";
const NODE: &str = "The same pod as its container runtime and the kernel of the node have it";

/// Kept by the window between frames.
#[derive(Debug)]
pub struct ReportState {
    /// The left side's part of the width, from 0 to 1.
    part: f32,
    /// The number is the second, since the text has ages in it.
    sides: Memo<(WorldVersion, PodUid, u64), [Side; 2]>,
    /// What the pointer is over, on either side.
    hovered: Option<Target>,
}

impl Default for ReportState {
    fn default() -> Self {
        Self { part: 0.5, sides: Memo::default(), hovered: None }
    }
}

pub fn report_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ReportState) {
    let Some(uid) = cx.selection.pod.clone().filter(|uid| cx.world.pod(uid).is_some()) else {
        return widgets::empty(ui, cx.tokens, "No pod selected", "Select one on the left.");
    };
    let (world, now) = (cx.world, cx.now);
    let sides = state.sides.get((cx.version, uid.clone(), now.0 / 1_000_000_000), || {
        [Side::new(&server(world, &uid, now)), Side::new(&node(world, &uid, now))]
    });
    let (left, right) = halves(ui, cx, &mut state.part);
    let previous = state.hovered.take();
    let mut hovered = None;
    for (rect, side, title, about) in
        [(left, &sides[0], "What kubectl shows", SERVER), (right, &sides[1], "What the node shows", NODE)]
    {
        let inner = Rect::from_min_max(rect.min + vec2(16.0, 8.0), rect.max - vec2(8.0, 4.0));
        ui.scope_builder(egui::UiBuilder::new().max_rect(inner).id_salt(title), |ui| {
            ui.set_clip_rect(rect.intersect(ui.clip_rect()));
            side::side_ui(ui, cx, (title, about), side, previous.as_ref(), &mut hovered);
        });
    }
    state.hovered = hovered;
}

/// Divides the view into two sides with a divider between them that can be dragged.
fn halves(ui: &mut Ui, cx: &Cx<'_>, part: &mut f32) -> (Rect, Rect) {
    let all = ui.available_rect_before_wrap();
    let x = (all.left() + all.width() * *part).round();
    let grip = Rect::from_x_y_ranges(x - 4.0..=x + 4.0, all.y_range());
    let response = ui.interact(grip, ui.scope_id().with("divide"), Sense::drag());
    response.widget_info(|| text::labeled(Role::Splitter, true, "Resize the two sides"));
    let hot = response.hovered() || response.dragged();
    let stroke = if hot { Stroke::new(2.0, cx.tokens.accent) } else { Stroke::new(1.0, cx.tokens.line) };
    ui.painter().vline(x, all.y_range(), stroke);
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged() && all.width() > 1.0) {
        *part = ((at.x - all.left()) / all.width()).clamp(0.2, 0.8);
    }
    response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
    (Rect::from_min_max(all.min, pos2(x, all.bottom())), Rect::from_min_max(pos2(x, all.top()), all.max))
}

#[cfg(test)]
mod tests;
