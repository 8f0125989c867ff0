//! A member's column: its head, which stays in its place, and the pills of its processes, which are scrolled below it.

use eframe::egui::{self, Align2, Color32, CornerRadius, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};

use super::head::{finished_ui, folded_ui, head_ui};
use super::hexagon::{hexagon_ui, pause_process};
use super::{Changes, Drawing, clipped, fold, pill};
use crate::layout;
use crate::layout::pod_map::{Column, ColumnShape, HEAD_H, PodMap};
use crate::model::{ContainerKind, ContainerState, PodReason, ProcId, Process};
use crate::ui::{Cx, motion, text, tokens, words};

/// The frame and the head, and of pause the hexagon.
pub fn column_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawing: &Drawing<'_>, column: &Column, changes: &mut Changes) {
    let (tokens, pod) = (cx.tokens, drawing.pod);
    let rect = drawing.view.column(column.rect);
    match column.shape {
        ColumnShape::Finished => return finished_ui(ui, cx, drawing, column, rect),
        ColumnShape::Folded { processes, zombies } => {
            return folded_ui(ui, cx, drawing, column, rect, (processes, zombies), changes);
        }
        ColumnShape::Open => {}
    }
    let pause = column.hexagon.and_then(|_| pause_process(cx.world, pod));
    let selected = pause.is_some_and(|p| cx.selection.process == Some(p.id));
    let stroke = if selected { Stroke::new(2.0, tokens.accent) } else { Stroke::new(1.0, tokens.line) };
    ui.painter().rect(rect, CornerRadius::same(8), tokens.inset, stroke, StrokeKind::Inside);
    head_ui(ui, cx, drawing, column, rect, changes);
    if let Some(hexagon) = column.hexagon {
        let pause = pause.zip(drawing.model.zombies);
        hexagon_ui(ui, cx, drawing, pause, hexagon_place(drawing, column, hexagon), rect);
    }
    if column.pills.is_empty() && column.folds.is_empty() && column.hexagon.is_none() {
        empty_ui(ui, cx, drawing, column, rect);
    }
}

/// The hexagon stays where it is while processes are scrolled. In a low view it moves up.
fn hexagon_place(drawing: &Drawing<'_>, column: &Column, hexagon: layout::Rect) -> Rect {
    /// The name of the column and the word below it.
    const NAME_H: f32 = 46.0;
    let (view, zoom) = (drawing.view, drawing.view.zoom);
    let rect = view.column(column.rect);
    let size = zoom.vec(hexagon.w, hexagon.h);
    let last = rect.height() - size.y - zoom.of(layout::pod_map::HEXAGON_FOOT);
    let top = zoom.of(hexagon.y).min(last.max(zoom.of(NAME_H)));
    Rect::from_min_size(pos2(rect.center().x - size.x / 2.0, rect.top() + top), size)
}

/// The lines and pills of a column. They are clipped below its head.
pub fn processes_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawing: &Drawing<'_>, column: &Column, changes: &mut Changes) {
    let view = drawing.view;
    let is_pinned = view.is_pinned(column.rect.x);
    for link in &column.links {
        let child = link.child.and_then(|id| cx.world.process(id));
        let zombie = child.is_some_and(Process::is_zombie);
        let opacity = child.map_or(1.0, |p| pill::opacity(cx, p));
        let color = if zombie { cx.tokens.zombie } else { cx.tokens.line_strong };
        let stroke = Stroke::new(1.0, color.gamma_multiply(opacity));
        let at = |(x, y): (f32, f32)| view.place(layout::Rect::new(x, y, 0.0, 0.0), is_pinned).min;
        // the end at the parent glides to the next parent
        let from = link.child.map_or(link.from, |id| motion::glide_point(ui.ctx(), parent_end(drawing, id), link.from));
        let line = [at(from), at((from.0, link.bend.1)), at(link.to)];
        if !ui.is_rect_visible(Rect::from_points(&line).expand(4.0)) {
            continue;
        }
        ui.painter().line(line.to_vec(), stroke);
        if zombie {
            // the arrow points at the parent, which must reap the zombie
            arrow_head(ui, line[0], vec2(0.0, -1.0), color);
        }
    }
    // in the order in which they are on screen, so that the keyboard focus moves down
    let mut folds = column.folds.iter().peekable();
    for placed in &column.pills {
        let before = |fold: &&layout::pod_map::Fold| (fold.rect.y, fold.rect.x) < (placed.rect.y, placed.rect.x);
        while let Some(fold) = folds.next_if(before) {
            fold::fold_ui(ui, cx, drawing, fold, is_pinned, changes);
        }
        pill::pill_ui(ui, cx, drawing, placed, is_pinned);
    }
    for fold in folds {
        fold::fold_ui(ui, cx, drawing, fold, is_pinned, changes);
    }
    if let Some((more, at)) = column.more {
        let rect = view.place(at, is_pinned);
        let words = format!("+ {} more, see Process tree", text::thousands(more as u64));
        let font = view.zoom.font(tokens::medium(12.0));
        text::put(ui, rect.center(), Align2::CENTER_CENTER, &words, font, cx.tokens.muted, rect.width());
    }
}

/// Draws a line from the hexagon to the pill of each orphan that pause has adopted.
pub fn paint_adoptions(ui: &mut Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, map: &PodMap) {
    let Some((column, hexagon)) = map.columns.iter().find_map(|c| Some((c, c.hexagon?))) else { return };
    let place = hexagon_place(drawing, column, hexagon);
    let edge = pos2(place.right() - drawing.view.zoom.of(8.0), place.center().y);
    let edge_in_layout = (hexagon.right() - 8.0, hexagon.y + hexagon.h / 2.0);
    let bodies = drawing.view.body(true).union(drawing.view.body(false));
    clipped(ui, bodies, "adoptions", |ui| {
        for column in map.columns.iter().filter(|c| c.hexagon.is_none()) {
            let pills = column.pills.iter().filter(|p| p.is_adopted).map(|p| (p.rect, cx.world.process(p.id)));
            let folds = column.folds.iter().filter(|f| f.is_adopted).map(|f| (f.rect, None));
            for (rect, p) in pills.chain(folds) {
                let rect = drawing.view.place(rect, false);
                let is_below_pause = rect.left() < drawing.view.body(false).left();
                if is_below_pause || !ui.is_rect_visible(rect) {
                    continue;
                }
                let color = if p.is_some_and(Process::is_zombie) { cx.tokens.zombie } else { cx.tokens.accent };
                let opacity = p.map_or(1.0, |p| pill::opacity(cx, p));
                // the line moves from the former parent
                let glide = |id| motion::glide_point(ui.ctx(), parent_end(drawing, id), edge_in_layout);
                let on_its_way = p.map_or(edge_in_layout, |p| glide(p.id));
                let by = vec2(on_its_way.0 - edge_in_layout.0, on_its_way.1 - edge_in_layout.1);
                let from = edge + drawing.view.zoom.vec(by.x, by.y);
                adoption(ui, from, rect.left_center(), color.gamma_multiply(0.7 * opacity));
            }
        }
    });
}

/// That of the end at its parent of the line to a process.
fn parent_end(drawing: &Drawing<'_>, child: ProcId) -> egui::Id {
    drawing.id.with(("parent end", child))
}

fn adoption(ui: &Ui, from: Pos2, to: Pos2, color: Color32) {
    let curve = egui::epaint::CubicBezierShape::from_points_stroke(
        [from, from + vec2(36.0, 0.0), to - vec2(36.0, 0.0), to],
        false,
        Color32::TRANSPARENT,
        Stroke::new(1.5, color),
    );
    ui.painter().add(curve);
}

fn arrow_head(ui: &Ui, tip: Pos2, direction: Vec2, color: Color32) {
    let back = tip - direction * 6.0;
    let side = direction.rot90() * 3.5;
    ui.painter().add(Shape::convex_polygon(vec![tip, back + side, back - side], color, Stroke::NONE));
}

/// Says why a column is empty.
fn empty_ui(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, column: &Column, rect: Rect) {
    let pod = drawing.pod;
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
    let zoom = drawing.view.zoom;
    let body = Rect::from_min_max(pos2(rect.left(), rect.top() + zoom.of(HEAD_H)), rect.max);
    let (font, width) = (zoom.font(tokens::sans(12.0)), rect.width() - 2.0 * zoom.of(12.0));
    let mut job = egui::text::LayoutJob::simple(message, font, cx.tokens.muted, width);
    job.halign = egui::Align::Center;
    job.wrap.max_rows = 6;
    let galley = ui.fonts_mut(|f| f.layout_job(job));
    ui.painter().galley(body.center() - vec2(0.0, galley.size().y / 2.0), galley, cx.tokens.muted);
}
