//! A member's column: its head, pause's hexagon or the pills of its processes.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use super::{pill, place, sandbox_word};
use crate::app::Action;
use crate::layout::pod_map::{Column, PodMap};
use crate::model::{ContainerState, Parent, Pod, Process, Program, SandboxKind, State, forecast};
use crate::ui::{Cx, text, tokens, widgets};

pub fn column_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, column: &Column, offset: Vec2) {
    let tokens = cx.tokens;
    let rect = place(column.rect, offset);
    let pause = column.hexagon.and_then(|_| pause_process(cx, pod));
    let selected = pause.is_some_and(|p| cx.selection.process == Some(p.id));
    let stroke = if selected { Stroke::new(2.0, tokens.accent) } else { Stroke::new(1.0, tokens.line) };
    ui.painter().rect(rect, CornerRadius::same(8), tokens.inset, stroke, StrokeKind::Inside);
    head(ui, cx, pod, column, rect);
    if let Some(hexagon) = column.hexagon {
        hexagon_ui(ui, cx, pod, pause, place(hexagon, offset), rect);
    }
    for link in &column.links {
        let child = cx.world.process(link.child);
        let zombie = child.is_some_and(Process::is_zombie);
        let fade = child.map_or(1.0, |p| pill::fade(cx, p));
        let color = if zombie { tokens.zombie } else { tokens.line_strong };
        let stroke = Stroke::new(1.0, color.gamma_multiply(fade));
        let at = |(x, y): (f32, f32)| pos2(x, y) + offset;
        let line = [at(link.from), at(link.bend), at(link.to)];
        if zombie {
            // it waits for this parent: the arrow points at the one who must reap
            ui.painter().extend(Shape::dashed_line(&line, stroke, 3.0, 3.0));
            arrow_head(ui, line[0], vec2(0.0, -1.0), color);
        } else {
            ui.painter().line(line.to_vec(), stroke);
        }
    }
    for placed in &column.pills {
        pill::pill_ui(ui, cx, placed.id, place(placed.rect, offset));
    }
    if let Some((more, at)) = column.more {
        let rect = place(at, offset);
        let words = format!("+ {} more, see Process tree", text::thousands(more as u64));
        text::put(ui, rect.center(), Align2::CENTER_CENTER, &words, tokens::medium(12.0), tokens.muted, rect.width());
    }
    if column.pills.is_empty() && column.hexagon.is_none() {
        nothing_runs(ui, cx, pod, column, rect);
    }
}

/// Lines to members' orphans that pause has adopted: from the hexagon to their pills.
pub fn adoptions(ui: &Ui, cx: &Cx<'_>, map: &PodMap, offset: Vec2) {
    let Some(hexagon) = map.columns.iter().find_map(|c| c.hexagon) else { return };
    let hexagon = place(hexagon, offset);
    for column in map.columns.iter().filter(|c| c.hexagon.is_none()) {
        for placed in &column.pills {
            let Some(p) = cx.world.process(placed.id) else { continue };
            let parent = p.parent.process().and_then(|id| cx.world.process(id));
            let of_pause = parent.and_then(|q| q.member.as_ref()).is_some_and(|m| m.container.is_none());
            if !of_pause {
                continue;
            }
            let rect = place(placed.rect, offset);
            let color = if p.is_zombie() { cx.tokens.zombie } else { cx.tokens.accent };
            let color = color.gamma_multiply(0.7 * pill::fade(cx, p));
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

fn head(ui: &Ui, cx: &Cx<'_>, pod: &Pod, column: &Column, rect: Rect) {
    let tokens = cx.tokens;
    let left = rect.left_top() + vec2(14.0, 12.0);
    let right = rect.right_top() + vec2(-14.0, 14.0);
    let (note, ink) = match column.member.container.as_deref().and_then(|name| pod.container(name)) {
        None => (sandbox_word(pod).to_owned(), tokens.muted),
        Some(c) => match &c.state {
            ContainerState::Running { .. } => (origin(&c.program, &c.image), tokens.muted),
            ContainerState::Waiting { reason, .. } => (reason.clone(), tokens.warn),
            ContainerState::Terminated { status, reason, .. } => {
                (format!("{reason} · exit {}", status.code()), if status.success() { tokens.muted } else { tokens.bad })
            }
        },
    };
    let room = rect.width() - 28.0;
    let name = text::line(ui, column.member.name(), tokens::semibold(13.0), tokens.text, room * 0.6);
    let name_w = name.size().x;
    ui.painter().galley(left, name, tokens.text);
    text::put(ui, right, Align2::RIGHT_TOP, &note, tokens::sans(11.0), ink, room - name_w - 12.0);
}

fn origin(program: &Program, image: &str) -> String {
    match program {
        Program::StandIn(applet) => format!("{applet} · stand-in for {image}"),
        Program::Host => "from the host".into(),
        Program::Image => image.to_owned(),
    }
}

fn nothing_runs(ui: &Ui, cx: &Cx<'_>, pod: &Pod, column: &Column, rect: Rect) {
    let Some(c) = column.member.container.as_deref().and_then(|name| pod.container(name)) else { return };
    let message = match &c.state {
        ContainerState::Waiting { message: Some(message), .. } => message.clone(),
        ContainerState::Waiting { .. } => "Not started yet".into(),
        ContainerState::Running { .. } => return,
        ContainerState::Terminated { at, .. } => format!("Ended at {}", cx.clock(at.t)),
    };
    let tokens = cx.tokens;
    let mut job = egui::text::LayoutJob::simple(message, tokens::sans(12.0), tokens.muted, rect.width() - 32.0);
    job.halign = egui::Align::Center;
    job.wrap.max_rows = 5;
    let galley = ui.fonts_mut(|f| f.layout_job(job));
    ui.painter().galley(rect.center() - vec2(0.0, galley.size().y / 2.0), galley, tokens.muted);
}

/// The pod's pause, alive or dead, while it is remembered.
fn pause_process<'a>(cx: &Cx<'a>, pod: &Pod) -> Option<&'a Process> {
    pod.sandbox.as_ref().and_then(|s| s.process).and_then(|id| cx.world.process(id))
}

fn hexagon_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, pause: Option<&Process>, hexagon: Rect, column: Rect) {
    let tokens = cx.tokens;
    let Some(p) = pause else {
        let at = column.center();
        text::put(ui, at, Align2::CENTER_CENTER, "No sandbox", tokens::sans(12.0), tokens.muted, column.width());
        return;
    };
    let response = ui.interact(column, ui.scope_id().with(("pause", p.id)), Sense::click());
    let state = p.state;
    response.widget_info(|| {
        let name = format!("pause, PID 1 of the pod, host pid {}, {}", p.id.pid, super::pill::state_word(state));
        WidgetInfo::selected(Role::Button, true, cx.selection.process == Some(p.id), name)
    });
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, column, 8);
    }
    let dead = !p.is_alive();
    let color = match state {
        State::Sleeping | State::Running | State::Idle | State::Disk => tokens.accent,
        other => tokens.state(other),
    };
    let points: Vec<Pos2> = (0..6)
        .map(|i| {
            let angle = std::f32::consts::FRAC_PI_3 * i as f32 - std::f32::consts::FRAC_PI_2;
            hexagon.center() + vec2(angle.cos(), angle.sin()) * (hexagon.width() / 2.0)
        })
        .collect();
    let fill =
        if dead { tokens.pill } else { tokens.accent_fill.gamma_multiply(if response.hovered() { 1.0 } else { 0.7 }) };
    ui.painter().add(Shape::convex_polygon(points.clone(), fill, Stroke::NONE));
    let mut outline = points;
    outline.push(outline[0]);
    if dead {
        ui.painter().extend(Shape::dashed_line(&outline, Stroke::new(1.5, color), 4.0, 3.0));
    } else {
        ui.painter().add(Shape::closed_line(outline[..6].to_vec(), Stroke::new(2.0, color)));
    }
    let c = hexagon.center();
    let ink = if dead { tokens.muted } else { tokens.text };
    let top = match state {
        State::Gone => "ended".to_owned(),
        State::Zombie => "zombie".to_owned(),
        _ => format!("PID {}", p.pid_inside().unwrap_or(1)),
    };
    text::put(ui, c + vec2(0.0, -16.0), Align2::CENTER_CENTER, &top, tokens::mono_bold(14.0), ink, 84.0);
    text::put(ui, c + vec2(0.0, 3.0), Align2::CENTER_CENTER, "/pause", tokens::mono(11.0), color, 80.0);
    let host = format!("host {}", p.id.pid);
    text::put(ui, c + vec2(0.0, 20.0), Align2::CENTER_CENTER, &host, tokens::mono(10.5), tokens.muted, 84.0);

    let foot = column.center_bottom();
    let size = pause_init::ELF.len() as u64;
    let measures = if dead {
        p.exit.and_then(|e| e.status).map_or("ended".into(), short_status)
    } else {
        format!("{} · {} RSS", text::bytes(size), text::bytes(p.rss_bytes))
    };
    let ink = if dead { tokens.bad } else { tokens.muted };
    text::put(
        ui,
        foot - vec2(0.0, 36.0),
        Align2::CENTER_CENTER,
        &measures,
        tokens::mono(10.5),
        ink,
        column.width() - 8.0,
    );
    let (words, ink) = reaping(cx, pod, p);
    text::put(
        ui,
        foot - vec2(0.0, 18.0),
        Align2::CENTER_CENTER,
        &words,
        tokens::semibold(11.0),
        ink,
        column.width() - 8.0,
    );
    if response.clicked() {
        cx.act(Action::SelectProcess(p.id));
    }
    response.on_hover_text(format!(
        "pause holds the pod's namespaces and, as PID 1, reaps its orphans.\nOn disk {} bytes, resident {}.",
        text::thousands(size),
        text::bytes(p.rss_bytes)
    ));
}

/// `SIGKILL · 137`, `exit 0`
fn short_status(status: crate::model::WaitStatus) -> String {
    match status.signal() {
        Some(n) => format!("{} · {}", crate::model::Signal(n), status.code()),
        None => status.to_string(),
    }
}

fn reaping(cx: &Cx<'_>, pod: &Pod, pause: &Process) -> (String, Color32) {
    let tokens = cx.tokens;
    let held = cx.world.present().filter(|p| p.is_zombie() && p.parent == Parent::Process(pause.id)).count();
    if held > 0 {
        return (format!("holds {}", text::count(held, "zombie", "zombies")), tokens.zombie);
    }
    let by = Parent::Process(pause.id);
    let reaped = cx.world.processes.values().filter(|p| p.reap.is_some_and(|r| r.by == by)).count();
    match pod.sandbox.as_ref().map(|s| &s.kind) {
        Some(SandboxKind::PauseNoReap) => ("never reaps".into(), tokens.warn),
        _ if !forecast::is_ns_init(pause) => (String::new(), tokens.muted),
        _ if !pod.share_pid => ("pid not shared".into(), tokens.muted),
        _ if reaped == 0 && !pause.is_alive() => ("reaped nobody".into(), tokens.muted),
        _ if reaped == 0 => ("nothing to reap yet".into(), tokens.muted),
        _ => (format!("reaped {}", text::count(reaped, "zombie", "zombies")), tokens.zombie),
    }
}
