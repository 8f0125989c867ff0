//! The containers that can be dragged onto a pod, and the places to drop them.

use eframe::egui::{
    self, Align2, CornerRadius, Id, LayerId, Order, Painter, Rect, Role, Sense, Stroke, StrokeKind, Ui, vec2,
};

use super::can_be_built;
use crate::command::Command;
use crate::model::{Container, ContainerKind, Member, Pod, SandboxKind};
use crate::steps::{Step, Template};
use crate::ui::Action;
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};

const CHIP_H: f32 = 26.0;

/// A button for a new sandbox, and chips to drag onto it. Below the list of pods.
pub fn palette_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    widgets::section(ui, cx.tokens, "Build a pod");
    let width = ui.available_width();
    let style = widgets::ButtonStyle::Plain;
    let sandbox = widgets::button(ui, cx.tokens, style, Some(Icon::Plus), "New sandbox…", Some(width));
    if sandbox.hover_text("Create a sandbox of only pause, for containers to join").clicked() {
        cx.act(Action::AskSandbox);
    }
    let pod = cx.selection.pod.as_ref().and_then(|uid| cx.world.pod(uid)).filter(|pod| can_be_built(cx, pod));
    let hint = match pod {
        Some(pod) => format!("Drag a container onto a pod, or click it to join it to {}.", pod.name),
        None => "Create a sandbox, then drag a container onto it.".to_owned(),
    };
    ui.add(egui::Label::new(text::rich(hint).font(tokens::sans(11.5)).color(cx.tokens.muted)).wrap());
    let pod = pod.map(|pod| pod.uid.clone());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for template in Template::ALL {
            let response = chip_ui(ui, cx, template);
            if response.clicked()
                && let Some(pod) = pod.clone()
            {
                cx.act(Action::AskJoin { pod, template });
            }
        }
    });
}

fn chip_ui(ui: &mut Ui, cx: &Cx<'_>, template: Template) -> egui::Response {
    let tokens = cx.tokens;
    let font = tokens::semibold(12.0);
    let width = text::line(ui, template.name, font, tokens.text, 200.0).size().x + 22.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width, CHIP_H), Sense::click_and_drag());
    let dragged = if response.dragged() { ", being dragged" } else { "" };
    response.widget_info(|| text::labeled(Role::Button, true, format!("Join {}{dragged}", template.name)));
    paint_chip(ui, ui.painter(), cx, template, rect, response.hovered() || response.has_focus());
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 13);
    }
    response.dnd_set_drag_payload(template);
    if response.dragged()
        && let Some(at) = ui.ctx().pointer_interact_pos()
    {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
        let layer = LayerId::new(Order::Tooltip, Id::unique("dragged container"));
        let ghost = Rect::from_center_size(at, rect.size());
        // above everything, also beyond the edge of the list
        paint_chip(ui, &ui.ctx().layer_painter(layer), cx, template, ghost, true);
    }
    let response = response.on_hover_cursor(egui::CursorIcon::Grab);
    let image = if template.image.is_empty() { "a program of this machine" } else { template.image };
    response.hover_text(format!("{image}: {}", template.about))
}

fn paint_chip(ui: &Ui, painter: &Painter, cx: &Cx<'_>, template: Template, rect: Rect, hot: bool) {
    let tokens = cx.tokens;
    let fill = if hot { tokens.accent_fill } else { tokens.inset };
    let line = if hot { tokens.accent } else { tokens.line_strong };
    painter.rect(rect, CornerRadius::same(13), fill, Stroke::new(1.0, line), StrokeKind::Inside);
    let name = text::line(ui, template.name, tokens::semibold(12.0), tokens.text, rect.width());
    painter.galley(rect.center() - name.size() / 2.0, name, tokens.text);
}

/// In a sandbox without containers: the place for the first one.
pub fn first_container_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, rect: Rect) {
    if !can_be_built(cx, pod) || rect.width() < 160.0 {
        return;
    }
    let tokens = cx.tokens;
    // not dashed: on the map that means private
    ui.painter().rect_stroke(rect, CornerRadius::same(8), Stroke::new(1.0, tokens.line_strong), StrokeKind::Inside);
    let middle = rect.center();
    let room = rect.width() - 32.0;
    let title = "Drag a container here";
    let at = middle - vec2(0.0, 26.0);
    text::put(ui, at, Align2::CENTER_CENTER, title, tokens::semibold(14.0), tokens.text, room);
    let why = "It joins the namespaces of pause that you select.";
    let at = middle - vec2(0.0, 6.0);
    text::put(ui, at, Align2::CENTER_CENTER, why, tokens::sans(12.0), tokens.muted, room);
    let button = Rect::from_center_size(middle + vec2(0.0, 26.0), vec2(150.0, 28.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(button), |ui| super::join_button(ui, cx, pod, Some(150.0)));
}

/// Makes this rectangle a place to drop a container, which then joins the pod.
pub fn drop_zone(ui: &Ui, cx: &mut Cx<'_>, pod: &Pod, rect: Rect, radius: u8) {
    if !egui::DragAndDrop::has_payload_of_type::<Template>(ui.ctx()) || !can_be_built(cx, pod) {
        return;
    }
    let over = ui.ctx().pointer_interact_pos().is_some_and(|at| rect.contains(at) && ui.clip_rect().contains(at));
    let color = cx.tokens.accent;
    if over {
        ui.painter().rect_filled(rect, CornerRadius::same(radius), color.gamma_multiply(0.12));
    }
    let stroke = Stroke::new(if over { 2.0 } else { 1.0 }, color);
    ui.painter().rect_stroke(rect, CornerRadius::same(radius), stroke, StrokeKind::Inside);
    if over
        && ui.input(|i| i.pointer.any_released())
        && let Some(template) = egui::DragAndDrop::take_payload::<Template>(ui.ctx())
    {
        cx.act(Action::AskJoin { pod: pod.uid.clone(), template: *template });
    }
}

/// A button in a container's row that takes it out of its pod. Nothing for a container that cannot be taken out.
pub fn take_out_ui(ui: &Ui, cx: &mut Cx<'_>, pod: &Pod, container: &Container, row: Rect) {
    let holds_sandbox =
        matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(SandboxKind::Infra(name)) if *name == container.name);
    if !can_be_built(cx, pod) || holds_sandbox || container.kind == ContainerKind::Ephemeral {
        return;
    }
    let tokens = cx.tokens;
    let galley = text::line(ui, "Take out", tokens::sans(11.5), tokens.muted, 80.0);
    let rect =
        Align2::RIGHT_CENTER.anchor_size(row.right_top() + vec2(0.0, 26.0), galley.size()).expand2(vec2(4.0, 2.0));
    let response = ui.interact(rect, ui.scope_id().with(("take out", &container.name)), Sense::click());
    let hot = response.hovered() || response.has_focus();
    let ink = if hot { tokens.bad } else { tokens.muted };
    text::put(ui, rect.center(), Align2::CENTER_CENTER, "Take out", tokens::sans(11.5), ink, rect.width());
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    response.widget_info(|| text::labeled(Role::Button, true, format!("Take out {}", container.name)));
    if response.clicked() {
        let member = Member::container(&pod.uid, &container.name);
        cx.act(Action::Do(Command::Build(Step::Leave { member })));
    }
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    response
        .hover_text("Send TERM, then KILL after the grace period. The pod loses the container; it is not restarted.");
}
