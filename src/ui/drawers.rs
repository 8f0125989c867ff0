//! The panels around the views in a small window: a strip at the edge for each folded panel, and the drawer that opens
//! over the views.
//!
//! ```text
//! ┌───────────────────────────────┐
//! │P│                           │I│
//! │o│         Pod map           │n│
//! │d│                           │s│
//! │s├───────────────────────────┤p│
//! │ │ Timeline                  │…│
//! └───────────────────────────────┘
//! ```

use std::f32::consts::FRAC_PI_2;

use eframe::egui::epaint::TextShape;
use eframe::egui::{
    self, Align2, Context, CornerRadius, Frame, Id, Margin, Order, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui,
    UiBuilder, accesskit, pos2, vec2,
};

use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::layout::side_panels::{STRIP, SidePanel};
use crate::model::names;
use crate::ui::Action;
use crate::ui::tokens::Tokens;

/// The key that shows and hides a panel.
pub const fn key(panel: SidePanel) -> &'static str {
    match panel {
        SidePanel::Pods => "F2",
        SidePanel::Inspector => "F3",
        SidePanel::Timeline => "F4",
    }
}

/// The strip of a folded panel: one button, as large as the strip. `is_open`: the drawer is open.
pub fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, panel: SidePanel, is_open: bool) {
    let frame = Frame::new().fill(cx.tokens.panel);
    let strip = match panel {
        SidePanel::Pods => egui::Panel::left("strip of the pods"),
        SidePanel::Inspector => egui::Panel::right("strip of the inspector"),
        SidePanel::Timeline => egui::Panel::bottom("strip of the timeline"),
    };
    strip.frame(frame).exact_size(STRIP).resizable(false).show(ui, |ui| button_ui(ui, cx, panel, is_open));
}

fn button_ui(ui: &mut Ui, cx: &mut Cx<'_>, panel: SidePanel, is_open: bool) {
    let tokens = cx.tokens;
    let rect = ui.max_rect();
    let response = ui.allocate_rect(rect, Sense::click());
    let title = title(cx, panel);
    let does = if is_open { "Close" } else { "Open" };
    response.widget_info(|| text::selected(Role::Button, true, is_open, format!("{does} {title}")));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(is_open));
    let hot = response.hovered() || response.has_focus() || is_open;
    if hot {
        ui.painter().rect_filled(rect.shrink(1.0), CornerRadius::same(4), tokens.accent_fill);
    }
    let ink = if hot { tokens.text } else { tokens.muted };
    // a sign at the beginning, then the title along the strip
    let (angle, along) = match panel {
        SidePanel::Pods => (-FRAC_PI_2, rect.height()),
        SidePanel::Inspector => (FRAC_PI_2, rect.height()),
        SidePanel::Timeline => (0.0, rect.width()),
    };
    let galley = text::line(ui, &title, tokens::semibold(12.0), ink, (along - 56.0).max(0.0));
    let middle = 34.0 + galley.size().x / 2.0;
    let (sign, middle) = match panel {
        SidePanel::Timeline => (rect.left_center() + vec2(18.0, 0.0), rect.left_center() + vec2(middle, 0.0)),
        _ => (rect.center_top() + vec2(0.0, 18.0), rect.center_top() + vec2(0.0, middle)),
    };
    sign_ui(ui, panel, is_open, sign, Stroke::new(1.5, ink));
    let shape = TextShape::new(middle - galley.size() / 2.0, galley, ink);
    ui.painter().add(shape.with_angle_and_anchor(angle, Align2::CENTER_CENTER));
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(5.0), 3);
    }
    if response.clicked() {
        cx.act(Action::TogglePanel(panel));
    }
    response.hover_text(format!("{does} {title} ({})", key(panel)));
}

/// An angle that points to where the panel opens, or back.
fn sign_ui(ui: &Ui, panel: SidePanel, is_open: bool, at: egui::Pos2, stroke: Stroke) {
    let towards = match panel {
        SidePanel::Pods => vec2(1.0, 0.0),
        SidePanel::Inspector => vec2(-1.0, 0.0),
        SidePanel::Timeline => vec2(0.0, -1.0),
    };
    let towards = towards * if is_open { -3.0 } else { 3.0 };
    let points = [at - towards + towards.rot90() * 1.4, at + towards, at - towards - towards.rot90() * 1.4];
    ui.painter().add(Shape::line(points.to_vec(), stroke));
}

/// `Pods · 3`, `Inspector · nginx: worker`: what the panel is about, also while it is folded.
fn title(cx: &Cx<'_>, panel: SidePanel) -> String {
    let about = match panel {
        SidePanel::Pods => Some(cx.world.pods.len().to_string()),
        SidePanel::Timeline => None,
        SidePanel::Inspector => {
            let selection = cx.selection;
            let process = || selection.process.and_then(|id| cx.world.process(id)).map(names::short_name);
            let pod = || selection.pod.as_ref().and_then(|uid| cx.world.pod(uid)).map(|pod| pod.name.clone());
            selection.namespace.map(|ns| ns.to_string()).or_else(process).or_else(pod)
        }
    };
    about.map_or_else(|| panel.name().to_owned(), |about| format!("{} · {about}", panel.name()))
}

/// A drawer at this place, over the views. Its content fills it.
pub fn drawer_ui(ctx: &Context, tokens: &Tokens, panel: SidePanel, place: Rect, content: impl FnOnce(&mut Ui)) {
    let area = egui::Area::new(Id::unique("drawer").with(panel.name()))
        .order(Order::Middle)
        .fixed_pos(place.min)
        .constrain(false)
        .default_size(place.size())
        // clicks do not go through it to the views; it is not something to focus
        .sense(Sense::CLICK | Sense::DRAG)
        .accessible_name(panel.name())
        .role(accesskit::Role::Complementary);
    area.show(ctx, |ui| {
        ui.set_clip_rect(place.expand(1.0));
        ui.expand_to_include_rect(place);
        let stroke = Stroke::new(1.0, tokens.line_strong);
        ui.painter().rect(place, CornerRadius::ZERO, tokens.panel, stroke, StrokeKind::Inside);
        let inside = match panel {
            SidePanel::Pods => place.shrink2(vec2(12.0, 4.0)),
            SidePanel::Inspector => place.shrink2(vec2(16.0, 4.0)),
            SidePanel::Timeline => place.shrink(1.0),
        };
        ui.scope_builder(UiBuilder::new().max_rect(inside), content);
    });
}

/// The frame of a panel that is beside the views.
pub fn side_frame(tokens: &Tokens, panel: SidePanel) -> Frame {
    let side = if panel == SidePanel::Inspector { 16 } else { 12 };
    Frame::new().fill(tokens.panel).inner_margin(Margin { left: side, right: side, top: 0, bottom: 8 })
}

/// A rectangle of a layout as one of egui.
pub fn on_screen(rect: crate::layout::Rect) -> Rect {
    Rect::from_min_size(pos2(rect.x, rect.y), vec2(rect.w, rect.h))
}

/// The views' place as a rectangle of a layout.
pub fn of_screen(rect: Rect) -> crate::layout::Rect {
    crate::layout::Rect::new(rect.left(), rect.top(), rect.width(), rect.height())
}
