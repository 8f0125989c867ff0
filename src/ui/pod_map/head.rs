//! The head of a member's column, and the columns that are strips.

use eframe::egui::{self, Align2, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::fold::strip_counts_ui;
use super::glow::glow_ui;
use super::{Changes, Drawing, sandbox_word};
use crate::layout::pod_map::{Column, HEAD_H};
use crate::model::prediction::Hit;
use crate::model::{Container, ContainerState, Sandbox};
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, usage, widgets, words};

/// Name and state; below them the program's origin, the number of restarts, and what the container waits for.
pub fn head_ui(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, column: &Column, rect: Rect, changes: &mut Changes) {
    let (tokens, pod, zoom) = (cx.tokens, drawing.pod, drawing.view.zoom);
    let container = column.member.container.as_deref().and_then(|name| pod.container(name));
    let edge = if rect.width() < zoom.of(200.0) { 9.0 } else { 14.0 };
    let left = rect.left_top() + zoom.vec(edge, 12.0);
    let (name, word, color, below) = match container {
        None => {
            let nth = pod.sandbox.as_ref().and_then(Sandbox::number).filter(|n| *n > 1).map(|n| format!(" #{n}"));
            (format!("pause{}", nth.unwrap_or_default()), String::new(), tokens.muted, sandbox_word(pod).into_owned())
        }
        Some(c) => {
            let (word, severity) = words::state(c);
            (c.name.clone(), word, tokens.severity(severity), words::detail(c, cx.now))
        }
    };
    // a container's column has the button that folds it at its right end
    let button = if container.is_some() { zoom.of(14.0) } else { 0.0 };
    let room = rect.width() - 2.0 * zoom.of(edge) - button;
    let tag = container.and_then(|c| words::kind(c.kind));
    let tag = tag.map(|tag| text::line(ui, tag, zoom.font(tokens::sans(10.0)), tokens.muted, zoom.of(60.0)));
    let tag_w = tag.as_ref().map_or(0.0, |tag| tag.size().x + 16.0);
    let word_font = zoom.font(tokens::semibold(11.0));
    let name = text::middle(ui, &name, zoom.font(tokens::semibold(13.0)), tokens.text, room - tag_w);
    let word_w = text::line(ui, &word, word_font.clone(), color, room).size().x;
    // the name has priority: if the state's word is too long, it goes to the second line
    let crowded = name.size().x + tag_w + word_w + 8.0 > room;
    let second = left + zoom.vec(0.0, 19.0);
    let mut x = 0.0;
    if crowded {
        x = text::put(ui, second, Align2::LEFT_TOP, &word, word_font, color, room).width() + 8.0;
    } else {
        let at = pos2(left.x + room, left.y + 1.0);
        text::put(ui, at, Align2::RIGHT_TOP, &word, word_font, color, room);
    }
    if !(zoom.is_small() && crowded) {
        let (at, font) = (second + vec2(x, 0.0), zoom.font(tokens::sans(11.0)));
        text::put(ui, at, Align2::LEFT_TOP, &below, font, tokens.muted, room - x);
    }
    if let Some(tag) = tag {
        let size = tag.size() + vec2(10.0, 3.0);
        let at = left + vec2(name.size().x + 6.0, name.size().y / 2.0);
        let frame = Align2::LEFT_CENTER.anchor_size(at, size);
        let stroke = Stroke::new(1.0, tokens.line_strong);
        ui.painter().rect_stroke(frame, CornerRadius::same(4), stroke, StrokeKind::Inside);
        ui.painter().galley(frame.center() - tag.size() / 2.0, tag, tokens.muted);
    }
    ui.painter().galley(left, name, tokens.text);
    let Some(c) = container else { return };
    let band = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + zoom.of(46.0)));
    let response = ui.interact(band, drawing.id.with(("column", &c.name)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, words::in_full(c).replace('\n', ", ")));
    response.hover_lines(words::in_full(c));
    if let Some(used) = drawing.model.usage_of(&column.member).filter(|_| !zoom.is_small()) {
        let band = Rect::from_min_size(left + zoom.vec(0.0, 36.0), vec2(room, zoom.of(14.0)));
        usage::line_ui(ui, cx, &column.member, used, band);
    }
    let place = Rect::from_center_size(rect.right_top() + zoom.vec(-12.0, 19.0), zoom.vec(18.0, 18.0));
    let fold = ui.interact(place, drawing.id.with(("fold column", &c.name)), Sense::click());
    let ink = if fold.hovered() || fold.has_focus() { tokens.text } else { tokens.faint };
    Icon::ChevronDown.paint(ui, place.shrink(zoom.of(3.0)), ink);
    if fold.has_focus() {
        widgets::focus_ring(ui, tokens, place, 4);
    }
    fold.widget_info(|| text::labeled(Role::Button, true, format!("Fold column {}", c.name)));
    if fold.clicked() {
        changes.column = Some(column.member.clone());
    }
    fold.on_hover_cursor(egui::CursorIcon::PointingHand).hover_text(format!("Fold column {}", c.name));
}

/// A finished init container, or an ephemeral one that has ended: a tick or, if it failed, a warning sign, and its name
/// from top to bottom.
pub fn finished_ui(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, column: &Column, rect: Rect) {
    let tokens = cx.tokens;
    let stroke = Stroke::new(1.0, tokens.line);
    ui.painter().rect(rect, CornerRadius::same(8), tokens.inset, stroke, StrokeKind::Inside);
    let tick = Rect::from_center_size(rect.center_top() + vec2(0.0, 20.0), vec2(16.0, 16.0));
    let Some(c) = column.member.container.as_deref().and_then(|name| drawing.pod.container(name)) else { return };
    if matches!(&c.state, ContainerState::Terminated { status, .. } if status.success()) {
        Icon::Check.paint(ui, tick, tokens.good);
    } else {
        Icon::Warning.paint(ui, tick, tokens.muted);
    }
    name_down(ui, cx, c, rect, 12.0);
    let response = ui.interact(rect, drawing.id.with(("column", &c.name)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, words::in_full(c).replace('\n', ", ")));
    response.hover_lines(words::in_full(c));
}

/// A column that the user has folded: the sign of its state, its name from top to bottom, and what is in it.
pub fn folded_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    drawing: &Drawing<'_>,
    column: &Column,
    rect: Rect,
    (processes, zombies): (usize, usize),
    changes: &mut Changes,
) {
    let tokens = cx.tokens;
    let Some(c) = column.member.container.as_deref().and_then(|name| drawing.pod.container(name)) else { return };
    let response = ui.interact(rect, drawing.id.with(("fold column", &c.name)), Sense::click());
    let hot = response.hovered() || response.has_focus();
    let (fill, stroke) = if hot {
        (tokens.accent_fill, Stroke::new(1.0, tokens.line_strong))
    } else {
        (tokens.inset, Stroke::new(1.0, tokens.line))
    };
    ui.painter().rect(rect, CornerRadius::same(8), fill, stroke, StrokeKind::Inside);
    let arrow = Rect::from_center_size(rect.center_top() + vec2(0.0, 18.0), vec2(14.0, 14.0));
    Icon::ChevronRight.paint(ui, arrow, tokens.text);
    let (word, severity) = words::state(c);
    widgets::state_sign(ui, tokens, rect.center_top() + vec2(0.0, 38.0), severity);
    name_down(ui, cx, c, rect, 40.0);
    strip_counts_ui(ui, cx, rect, processes, zombies);
    let inside = || cx.world.member_processes(&column.member).map(|p| p.id).collect::<Vec<_>>();
    let hit: Option<(Hit, usize)> = drawing.hits.and_then(|hits| hits.among(&inside()));
    if let Some((hit, count)) = hit {
        glow_ui(ui, tokens, rect.shrink(2.0), 6, hit, Some(count));
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 8);
    }
    response.widget_info(|| {
        let inside = text::count(processes, "process", "processes");
        let dead = if zombies > 0 { format!(", {}", text::count(zombies, "zombie", "zombies")) } else { String::new() };
        text::labeled(Role::Button, true, format!("Unfold column {}, {word}, {inside}{dead}", c.name))
    });
    if response.clicked() {
        changes.column = Some(column.member.clone());
    }
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    response.hover_lines(format!("{}\nClick to unfold the column", words::in_full(c)));
}

/// The name of a container from top to bottom, in a strip.
fn name_down(ui: &Ui, cx: &Cx<'_>, c: &Container, strip: Rect, below: f32) {
    let ink = cx.tokens.muted;
    let name = words::kind(c.kind).map_or(c.name.clone(), |kind| format!("{} · {kind}", c.name));
    let top = strip.top() + below.max(28.0) + 12.0;
    // below it is the number of processes
    let room = strip.bottom() - top - below - 8.0;
    let galley = text::middle(ui, &name, tokens::sans(12.0), ink, room.min(HEAD_H * 6.0));
    let at = pos2(strip.center().x + galley.size().y / 2.0, top);
    let down = egui::epaint::TextShape::new(at, galley, ink).with_angle(std::f32::consts::FRAC_PI_2);
    ui.painter().add(down);
}
