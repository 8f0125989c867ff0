//! Small widgets that several views share.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Galley, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind,
    Ui, pos2, vec2,
};

use super::icons::Icon;
use super::text::HoverText as _;
use super::tokens::{Tokens, medium, semibold};
use super::words::Severity;
use super::{Cx, text};
use crate::model::ProcId;
use crate::ui::Action;

/// A word on a rounded tint of its own colour, with its `anchor` at `at`.
pub fn chip_at(ui: &Ui, tokens: &Tokens, at: Pos2, anchor: Align2, word: &str, color: Color32) -> Rect {
    paint_chip(ui, tokens, at, anchor, text::line(ui, word, semibold(11.0), color, 160.0), color)
}

fn paint_chip(ui: &Ui, tokens: &Tokens, at: Pos2, anchor: Align2, word: Arc<Galley>, color: Color32) -> Rect {
    let rect = anchor.anchor_size(at, word.size() + vec2(18.0, 5.0));
    ui.painter().rect_filled(rect, CornerRadius::same(9), tokens.tint(color));
    ui.painter().galley(rect.center() - word.size() / 2.0, word, color);
    rect
}

/// The same as a widget in the layout of `ui`. It is cut only if it is longer than the room or 320 points.
pub fn chip(ui: &mut Ui, tokens: &Tokens, word: &str, color: Color32) -> Response {
    let room = (ui.max_rect().width() - 18.0).clamp(60.0, 320.0);
    let galley = text::line(ui, word, semibold(11.0), color, room);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 18.0, 18.0), Sense::hover());
    paint_chip(ui, tokens, rect.left_center(), Align2::LEFT_CENTER, galley, color);
    response.widget_info(|| text::labeled(Role::Label, true, word));
    response
}

/// A chip that is a link.
pub fn link_chip(ui: &mut Ui, tokens: &Tokens, word: &str, color: Color32) -> Response {
    let font = super::tokens::mono(11.0);
    let width = text::line(ui, word, font.clone(), color, 260.0).size().x + 18.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width, 20.0), Sense::click());
    let hot = response.hovered() || response.has_focus();
    ui.painter().rect_filled(
        rect,
        CornerRadius::same(9),
        tokens.tint(color).gamma_multiply(if hot { 1.8 } else { 1.0 }),
    );
    ui.painter().rect_stroke(rect, CornerRadius::same(9), Stroke::new(1.0, color), StrokeKind::Inside);
    text::put(ui, rect.center(), Align2::CENTER_CENTER, word, font, color, rect.width() - 12.0);
    if response.has_focus() {
        focus_ring(ui, tokens, rect, 9);
    }
    response.widget_info(|| text::labeled(Role::Link, true, word));
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// The small heading of a section, in capitals as in other dashboards.
pub fn section(ui: &mut Ui, tokens: &Tokens, title: &str) -> Response {
    ui.label(text::rich(title.to_uppercase()).font(semibold(11.0)).color(tokens.muted))
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ButtonStyle {
    /// The main action.
    Primary,
    Plain,
    /// A coloured outline; filled on hover.
    Outline(Color32),
    /// Filled: the fill and the colour of the text.
    Filled(Color32, Color32),
}

/// A button with an optional icon, as wide as its label or `width`.
pub fn button(
    ui: &mut Ui,
    tokens: &Tokens,
    style: ButtonStyle,
    icon: Option<Icon>,
    label: &str,
    width: Option<f32>,
) -> Response {
    let font = semibold(12.0);
    let size = vec2(width.unwrap_or_else(|| button_width(ui, tokens, icon, label)), 28.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    paint_button(ui, tokens, style, icon, label, font, rect, &response);
    response.widget_info(|| text::labeled(Role::Button, ui.is_enabled(), label));
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// The width of a [`button`] that is as wide as its label.
pub fn button_width(ui: &Ui, tokens: &Tokens, icon: Option<Icon>, label: &str) -> f32 {
    let icon_w = if icon.is_some() { 18.0 } else { 0.0 };
    text::line(ui, label, semibold(12.0), tokens.text, 400.0).size().x + icon_w + 22.0
}

/// The width of a dialog: `usual` points, or as much as a small window has.
pub fn dialog_width(ui: &Ui, usual: f32) -> f32 {
    usual.min(ui.ctx().content_rect().width() - 64.0)
}

#[expect(clippy::too_many_arguments, reason = "one drawing routine behind `button`")]
fn paint_button(
    ui: &Ui,
    tokens: &Tokens,
    style: ButtonStyle,
    icon: Option<Icon>,
    label: &str,
    font: FontId,
    rect: Rect,
    response: &Response,
) {
    let hot = response.hovered() || response.has_focus();
    let down = response.is_pointer_button_down_on();
    let (fill, line, ink) = match style {
        ButtonStyle::Primary => (tokens.accent, tokens.accent, tokens.on_accent),
        ButtonStyle::Plain => (if hot { tokens.accent_fill } else { tokens.inset }, tokens.line_strong, tokens.text),
        ButtonStyle::Outline(c) => (if hot { tokens.tint(c) } else { Color32::TRANSPARENT }, c, c),
        ButtonStyle::Filled(fill, ink) => (fill, fill, ink),
    };
    let is_enabled = ui.is_enabled();
    // what is disabled has a dashed outline and no fill, and its text stays readable
    let ink = if is_enabled { ink } else { tokens.muted };
    if is_enabled {
        let fill = if down { fill.gamma_multiply(0.8) } else { fill };
        ui.painter().rect(rect, CornerRadius::same(6), fill, Stroke::new(1.0, line), StrokeKind::Inside);
    } else {
        dashed_round_rect(ui, rect.shrink(0.5), 6.0, Stroke::new(1.0, tokens.line_strong));
    }
    if hot && is_enabled && matches!(style, ButtonStyle::Primary | ButtonStyle::Filled(..)) {
        ui.painter().rect_filled(rect, CornerRadius::same(6), Color32::from_white_alpha(24));
    }
    if response.has_focus() {
        focus_ring(ui, tokens, rect, 6);
    }
    let icon_w = if icon.is_some() { 18.0 } else { 0.0 };
    let galley = text::line(ui, label, font, ink, rect.width() - icon_w - 8.0);
    let left = rect.center().x - f32::midpoint(galley.size().x, icon_w);
    if let Some(icon) = icon {
        let side = 14.0;
        icon.paint(ui, Rect::from_min_size(pos2(left, rect.center().y - side / 2.0), vec2(side, side)), ink);
    }
    ui.painter().galley(pos2(left + icon_w, rect.center().y - galley.size().y / 2.0), galley, ink);
}

/// A square button that is only an icon; `name` is for screen readers and the hover.
pub fn icon_button(ui: &mut Ui, tokens: &Tokens, icon: Icon, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(26.0, 26.0), Sense::click());
    let ink = match (ui.is_enabled(), response.hovered() || response.has_focus()) {
        // a picture, which needs less contrast than text
        (false, _) => tokens.faint.gamma_multiply(0.7),
        (true, true) => tokens.text,
        (true, false) => tokens.muted,
    };
    if response.hovered() && ui.is_enabled() {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens.accent_fill);
    }
    if response.has_focus() {
        focus_ring(ui, tokens, rect, 6);
    }
    icon.paint(ui, Rect::from_center_size(rect.center(), vec2(16.0, 16.0)), ink);
    response.widget_info(|| text::labeled(Role::Button, ui.is_enabled(), name));
    response.on_hover_cursor(egui::CursorIcon::PointingHand).hover_text(name)
}

/// Selects the process of a widget when the widget is clicked or gets the keyboard focus, so that the keys always act
/// on the process that is marked.
pub fn select_process(ui: &Ui, cx: &mut Cx<'_>, response: &Response, id: ProcId) {
    if response.has_focus() {
        ui.data_mut(|d| d.insert_temp(process_focus(), response.id));
    }
    if response.clicked() || response.gained_focus() {
        cx.act(Action::SelectProcess(id));
    }
}

/// Whether this widget, which has the keyboard focus, represents a process.
pub fn is_process_focus(ctx: &egui::Context, widget: egui::Id) -> bool {
    ctx.data(|d| d.get_temp(process_focus())) == Some(widget)
}

fn process_focus() -> egui::Id {
    egui::Id::unique("process with the keyboard focus")
}

/// A ring around the widget that has the keyboard focus.
pub fn focus_ring(ui: &Ui, tokens: &Tokens, rect: Rect, radius: u8) {
    let stroke = Stroke::new(2.0, tokens.accent);
    ui.painter().rect_stroke(rect.expand(2.0), CornerRadius::same(radius + 2), stroke, StrokeKind::Outside);
}

/// A dashed rounded outline.
pub fn dashed_round_rect(ui: &Ui, rect: Rect, radius: f32, stroke: Stroke) {
    let r = radius.min(rect.height() / 2.0).min(rect.width() / 2.0);
    let mut points = Vec::with_capacity(40);
    let corners = [
        (rect.right() - r, rect.top() + r, -90.0_f32),
        (rect.right() - r, rect.bottom() - r, 0.0),
        (rect.left() + r, rect.bottom() - r, 90.0),
        (rect.left() + r, rect.top() + r, 180.0),
    ];
    for (x, y, from) in corners {
        for step in 0..=8 {
            let angle = (from + step as f32 * 90.0 / 8.0).to_radians();
            points.push(pos2(x + r * angle.cos(), y + r * angle.sin()));
        }
    }
    points.push(points[0]);
    ui.painter().extend(Shape::dashed_line(&points, stroke, 4.0, 3.0));
}

/// A sign for a state, which is also told without colours: a disc for good, a ring for waiting, a cross for bad and a
/// tick for done.
pub fn state_sign(ui: &Ui, tokens: &Tokens, at: Pos2, severity: Severity) {
    let color = tokens.severity(severity);
    let stroke = Stroke::new(1.8, color);
    match severity {
        Severity::Good => {
            ui.painter().circle_filled(at, 4.0, color);
        }
        Severity::Waiting => {
            ui.painter().circle_stroke(at, 3.4, stroke);
        }
        Severity::Bad => {
            for sign in [-1.0, 1.0] {
                ui.painter().line_segment([at + vec2(-3.2, -3.2 * sign), at + vec2(3.2, 3.2 * sign)], stroke);
            }
        }
        Severity::Done => {
            let points = [vec2(-3.6, 0.2), vec2(-1.2, 2.8), vec2(3.8, -3.0)];
            ui.painter().add(Shape::line(points.map(|by| at + by).to_vec(), stroke));
        }
    }
}

/// The message of a view that has nothing to show: a title, and a hint what to do.
pub fn empty(ui: &mut Ui, tokens: &Tokens, title: &str, hint: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.32).min(220.0));
        ui.label(text::rich(title).font(semibold(16.0)).color(tokens.text));
        ui.label(text::rich(hint).font(medium(13.0)).color(tokens.muted));
    });
}
