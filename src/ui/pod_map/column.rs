//! A member's column: its header and the pills of its processes.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};

use super::hexagon::{hexagon_ui, pause_process};
use super::{Model, on_screen, pill, sandbox_word};
use crate::layout::pod_map::{Column, HEAD_H, PodMap};
use crate::model::{ContainerKind, ContainerState, Pod, PodReason, Process, Sandbox, Usage};
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, usage, words};

pub fn column_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, model: &Model, column: &Column, offset: Vec2) {
    let tokens = cx.tokens;
    let rect = on_screen(column.rect, offset);
    if column.is_finished {
        return finished_ui(ui, cx, pod, column, rect);
    }
    let pause = column.hexagon.and_then(|_| pause_process(cx.world, pod));
    let selected = pause.is_some_and(|p| cx.selection.process == Some(p.id));
    let stroke = if selected { Stroke::new(2.0, tokens.accent) } else { Stroke::new(1.0, tokens.line) };
    ui.painter().rect(rect, CornerRadius::same(8), tokens.inset, stroke, StrokeKind::Inside);
    header(ui, cx, pod, column, model.usage_of(&column.member), rect);
    if let Some(hexagon) = column.hexagon {
        let pause = pause.zip(model.zombies);
        hexagon_ui(ui, cx, pod, pause, on_screen(hexagon, offset), rect);
    }
    for link in &column.links {
        let child = cx.world.process(link.child);
        let zombie = child.is_some_and(Process::is_zombie);
        let opacity = child.map_or(1.0, |p| pill::opacity(cx, p));
        let color = if zombie { tokens.zombie } else { tokens.line_strong };
        let stroke = Stroke::new(1.0, color.gamma_multiply(opacity));
        let at = |(x, y): (f32, f32)| pos2(x, y) + offset;
        let line = [at(link.from), at(link.bend), at(link.to)];
        if zombie {
            // the arrow points at the parent, which must reap the zombie
            ui.painter().extend(Shape::dashed_line(&line, stroke, 3.0, 3.0));
            arrow_head(ui, line[0], vec2(0.0, -1.0), color);
        } else {
            ui.painter().line(line.to_vec(), stroke);
        }
    }
    for placed in &column.pills {
        pill::pill_ui(ui, cx, placed, on_screen(placed.rect, offset));
    }
    if let Some((more, at)) = column.more {
        let rect = on_screen(at, offset);
        let words = format!("+ {} more, see Process tree", text::thousands(more as u64));
        text::put(ui, rect.center(), Align2::CENTER_CENTER, &words, tokens::medium(12.0), tokens.muted, rect.width());
    }
    if column.pills.is_empty() && column.hexagon.is_none() {
        empty_ui(ui, cx, pod, column, rect);
    }
}

/// Draws a line from the hexagon to the pill of each orphan that pause has adopted.
pub fn paint_adoptions(ui: &Ui, cx: &Cx<'_>, pod: &Pod, map: &PodMap, offset: Vec2) {
    let pause = pod.sandbox.as_ref().and_then(|s| s.process);
    let Some(hexagon) = map.columns.iter().find_map(|c| c.hexagon) else { return };
    let hexagon = on_screen(hexagon, offset);
    for column in map.columns.iter().filter(|c| c.hexagon.is_none()) {
        for placed in &column.pills {
            let Some(p) = cx.world.process(placed.id) else { continue };
            let parent = p.parent.process().and_then(|id| cx.world.process(id));
            // the hexagon is not the pause of a former sandbox
            let is_adopted = parent.is_some_and(|q| pause == Some(q.id));
            if !is_adopted {
                continue;
            }
            let rect = on_screen(placed.rect, offset);
            let color = if p.is_zombie() { cx.tokens.zombie } else { cx.tokens.accent };
            let color = color.gamma_multiply(0.7 * pill::opacity(cx, p));
            let from = pos2(hexagon.right() - 8.0, hexagon.center().y);
            let to = rect.left_center();
            let curve = egui::epaint::CubicBezierShape::from_points_stroke(
                [from, from + vec2(36.0, 0.0), to - vec2(36.0, 0.0), to],
                false,
                Color32::TRANSPARENT,
                Stroke::new(1.5, color),
            );
            ui.painter().add(curve);
        }
    }
}

fn arrow_head(ui: &Ui, tip: Pos2, direction: Vec2, color: Color32) {
    let back = tip - direction * 6.0;
    let side = direction.rot90() * 3.5;
    ui.painter().add(Shape::convex_polygon(vec![tip, back + side, back - side], color, Stroke::NONE));
}

/// Name and state; below them the program's origin, the number of restarts, and what the container waits for.
fn header(ui: &Ui, cx: &Cx<'_>, pod: &Pod, column: &Column, used: Option<&Usage>, rect: Rect) {
    let tokens = cx.tokens;
    let container = column.member.container.as_deref().and_then(|name| pod.container(name));
    let left = rect.left_top() + vec2(14.0, 12.0);
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
    let room = rect.width() - 28.0;
    let tag = container.and_then(|c| words::kind(c.kind));
    let tag = tag.map(|tag| text::line(ui, tag, tokens::sans(10.0), tokens.muted, 60.0));
    let tag_w = tag.as_ref().map_or(0.0, |tag| tag.size().x + 16.0);
    let name = text::line(ui, &name, tokens::semibold(13.0), tokens.text, room - tag_w);
    let word_w = text::line(ui, &word, tokens::semibold(11.0), color, room).size().x;
    // the name has priority: if the state's word is too long, it goes to the second line
    let crowded = name.size().x + tag_w + word_w + 8.0 > room;
    let second = left + vec2(0.0, 19.0);
    let mut x = 0.0;
    if crowded {
        x = text::put(ui, second, Align2::LEFT_TOP, &word, tokens::semibold(11.0), color, room).width() + 8.0;
    } else {
        let at = pos2(rect.right() - 14.0, left.y + 1.0);
        text::put(ui, at, Align2::RIGHT_TOP, &word, tokens::semibold(11.0), color, room);
    }
    text::put(ui, second + vec2(x, 0.0), Align2::LEFT_TOP, &below, tokens::sans(11.0), tokens.muted, room - x);
    if let Some(tag) = tag {
        let size = tag.size() + vec2(10.0, 3.0);
        let at = left + vec2(name.size().x + 6.0, name.size().y / 2.0);
        let frame = Align2::LEFT_CENTER.anchor_size(at, size);
        let stroke = Stroke::new(1.0, tokens.line_strong);
        ui.painter().rect_stroke(frame, CornerRadius::same(4), stroke, StrokeKind::Inside);
        ui.painter().galley(frame.center() - tag.size() / 2.0, tag, tokens.muted);
    }
    ui.painter().galley(left, name, tokens.text);
    if let Some(c) = container {
        let band = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + 46.0));
        let response = ui.interact(band, ui.scope_id().with(("column", &c.name)), Sense::hover());
        response.widget_info(|| text::labeled(Role::Label, true, words::in_full(c).replace('\n', ", ")));
        response.hover_lines(words::in_full(c));
        if let Some(used) = used {
            let band = Rect::from_min_size(left + vec2(0.0, 36.0), vec2(room, 14.0));
            usage::line_ui(ui, cx, &column.member, used, band);
        }
    }
}

/// A finished init container, or an ephemeral one that has ended: a tick or, if it failed, a warning sign, and its name
/// from top to bottom.
fn finished_ui(ui: &Ui, cx: &Cx<'_>, pod: &Pod, column: &Column, rect: Rect) {
    let tokens = cx.tokens;
    ui.painter().rect(rect, CornerRadius::same(8), tokens.inset, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    let tick = Rect::from_center_size(rect.center_top() + vec2(0.0, 20.0), vec2(16.0, 16.0));
    let Some(c) = column.member.container.as_deref().and_then(|name| pod.container(name)) else { return };
    if matches!(&c.state, ContainerState::Terminated { status, .. } if status.success()) {
        Icon::Check.paint(ui, tick, tokens.good);
    } else {
        Icon::Warning.paint(ui, tick, tokens.muted);
    }
    let name = format!("{} · {}", c.name, words::kind(c.kind).unwrap_or_default());
    let galley = text::line(ui, &name, tokens::sans(12.0), tokens.muted, rect.height() - 52.0);
    let at = pos2(rect.center().x + galley.size().y / 2.0, rect.top() + 40.0);
    let down = egui::epaint::TextShape::new(at, galley, tokens.muted).with_angle(std::f32::consts::FRAC_PI_2);
    ui.painter().add(down);
    let response = ui.interact(rect, ui.scope_id().with(("column", &c.name)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, words::in_full(c).replace('\n', ", ")));
    response.hover_lines(words::in_full(c));
}

/// Says why a column is empty.
fn empty_ui(ui: &Ui, cx: &Cx<'_>, pod: &Pod, column: &Column, rect: Rect) {
    let Some(c) = column.member.container.as_deref().and_then(|name| pod.container(name)) else { return };
    let has_sandbox = pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none());
    let message = match &c.state {
        ContainerState::Waiting { message: Some(message), back_off, .. } => {
            let wait = back_off.map_or_else(|| text::escaped(message).into_owned(), words::back_off);
            let last = c.last_exit.map(|exit| format!("ended with {exit}\n")).unwrap_or_default();
            let quoted = c.last_message.as_ref().map(|m| format!("“{}”\n", text::escaped(m.trim_end())));
            format!("{last}{}{wait}", quoted.unwrap_or_default())
        }
        ContainerState::Waiting { .. } if !has_sandbox => "Waiting for the sandbox".into(),
        ContainerState::Waiting { .. } if matches!(c.kind, ContainerKind::Init | ContainerKind::Sidecar) => {
            "Waiting for its turn".into()
        }
        ContainerState::Waiting { .. }
            if matches!(pod.reason, Some(PodReason::Initializing { .. } | PodReason::Init(_))) =>
        {
            "Waiting for the init containers".into()
        }
        ContainerState::Waiting { .. } => "Not started yet".into(),
        ContainerState::Running { .. } => return,
        ContainerState::Terminated { at, message, .. } => {
            let quoted = message.as_ref().map(|m| format!("\n“{}”", text::escaped(m.trim_end())));
            format!("Ended at {}{}", cx.clock(at.t), quoted.unwrap_or_default())
        }
    };
    let tokens = cx.tokens;
    let mut job = egui::text::LayoutJob::simple(message, tokens::sans(12.0), tokens.muted, rect.width() - 32.0);
    job.halign = egui::Align::Center;
    job.wrap.max_rows = 6;
    let galley = ui.fonts_mut(|f| f.layout_job(job));
    let body = Rect::from_min_max(pos2(rect.left(), rect.top() + HEAD_H), rect.max);
    ui.painter().galley(body.center() - vec2(0.0, galley.size().y / 2.0), galley, tokens.muted);
}
