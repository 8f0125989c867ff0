//! pause as a hexagon. It holds the pod's namespaces.

use eframe::egui::{Align2, Color32, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, vec2};

use super::Drawing;
use super::glow::glow_ui;
use crate::model::{Parent, Pod, Process, SandboxKind, State, World, names};
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, motion, text, tokens, widgets, words};
use crate::wording::prediction::hit as hit_words;

/// The pod's pause, alive or dead, while the World still has it.
pub fn pause_process<'a>(world: &'a World, pod: &Pod) -> Option<&'a Process> {
    pod.sandbox.as_ref().and_then(|s| s.process).and_then(|id| world.process(id))
}

/// The zombies that a pause holds, and those that it has reaped.
#[derive(Clone, Copy, Debug)]
pub struct Zombies {
    held: usize,
    reaped: u64,
}

impl Zombies {
    pub fn of_pause(world: &World, pod: &Pod) -> Option<Self> {
        let pause = pause_process(world, pod)?;
        let held = world.zombies().filter(|p| p.parent == Parent::Process(pause.id)).count();
        Some(Self { held, reaped: world.reaped_by(pause) })
    }
}

pub fn hexagon_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    drawing: &Drawing<'_>,
    pause: Option<(&Process, Zombies)>,
    hexagon: Rect,
    column: Rect,
) {
    let (tokens, pod, zoom) = (cx.tokens, drawing.pod, drawing.view.zoom);
    let Some((p, zombies)) = pause else {
        let at = column.center();
        let words = if pod.reason.is_some() { "No sandbox" } else { "Creating sandbox…" };
        let font = zoom.font(tokens::sans(12.0));
        text::put(ui, at, Align2::CENTER_CENTER, words, font, tokens.muted, column.width() - 12.0);
        return;
    };
    let response = ui.interact(column, drawing.id.with(("pause", p.id)), Sense::click());
    let state = p.state;
    let hit = drawing.hits.and_then(|hits| hits.on(p.id));
    // that of a new sandbox grows
    let shrink = 0.2 * motion::entrance(ui.ctx(), cx.live, cx.now.since(p.born.t));
    let hexagon = hexagon.shrink(hexagon.width() / 2.0 * shrink);
    response.widget_info(|| {
        let would = hit.map(|hit| format!(", {}", hit_words(hit))).unwrap_or_default();
        let state = super::pill::state_word(state);
        let name = format!("pause, PID 1 of the pod, host pid {}, {state}{would}", p.id.pid);
        text::selected(Role::Button, true, cx.selection.process == Some(p.id), name)
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
    // a dead one is hollow
    let stroke = Stroke::new(if dead { 1.0 } else { 2.0 }, color);
    ui.painter().add(Shape::closed_line(points, stroke));
    if let Some(hit) = hit {
        glow_ui(ui, tokens, column.shrink(3.0), 6, hit, None);
    }
    let c = hexagon.center();
    let ink = if dead { tokens.muted } else { tokens.text };
    let top = match state {
        State::Gone => "ended".to_owned(),
        State::Zombie => "zombie".to_owned(),
        _ => format!("PID {}", p.pid_inside().unwrap_or(1)),
    };
    let line = |y: f32, words: &str, font: FontId, ink: Color32, room: f32| {
        text::put(ui, c + vec2(0.0, zoom.of(y)), Align2::CENTER_CENTER, words, zoom.font(font), ink, room);
    };
    line(-16.0, &top, tokens::mono_bold(14.0), ink, zoom.of(84.0));
    line(3.0, "/pause", tokens::mono(11.0), color, zoom.of(80.0));
    line(20.0, &format!("host {}", p.id.pid), tokens::mono(10.5), tokens.muted, zoom.of(84.0));

    let size = pause_init::ELF.len() as u64;
    let own_file = words::own_pause(pod);
    let measures = match (dead, own_file) {
        (true, _) => p.exit.and_then(|e| e.status).map_or("ended".into(), short_status),
        (false, Some(_)) => format!("{} RSS", text::bytes(p.rss_bytes)),
        (false, None) => format!("{} · {} RSS", text::bytes(size), text::bytes(p.rss_bytes)),
    };
    let ink = if dead { tokens.bad } else { tokens.muted };
    let foot = hexagon.height() / 2.0 / zoom.factor();
    let room = column.width() - 8.0;
    line(foot + 18.0, &measures, tokens::mono(10.5), ink, room);
    let (words, ink) = reap_words(cx, pod, p, zombies);
    line(foot + 36.0, &words, tokens::semibold(11.0), ink, room);
    widgets::select_process(ui, cx, &response, p.id);
    let resident = text::bytes(p.rss_bytes);
    response.hover_lines(match own_file {
        Some(file) => {
            let about = words::own_pause_description(file);
            format!("{about}\nIt holds the pod's namespaces. Resident {resident}.")
        }
        None => format!(
            "pause holds the pod's namespaces and, as PID 1, reaps its orphans.\nOn disk {} bytes, resident {resident}.",
            text::thousands(size),
        ),
    });
}

/// `SIGKILL · 137`, `exit 0`
fn short_status(status: crate::model::WaitStatus) -> String {
    match status.signal() {
        Some(n) => format!("{} · {}", crate::model::Signal(n), status.code()),
        None => status.to_string(),
    }
}

/// How many zombies pause holds or has reaped, or why there are none.
fn reap_words(cx: &Cx<'_>, pod: &Pod, pause: &Process, zombies: Zombies) -> (String, Color32) {
    let tokens = cx.tokens;
    let Zombies { held, reaped } = zombies;
    if held > 0 {
        return (format!("holds {}", text::count(held, "zombie", "zombies")), tokens.zombie);
    }
    match pod.sandbox.as_ref().map(|s| &s.kind) {
        Some(SandboxKind::PauseNoReap) => ("never reaps".into(), tokens.warn),
        _ if !names::is_ns_init(pause) => (String::new(), tokens.muted),
        _ if pod.containers.is_empty() => ("no containers".into(), tokens.muted),
        _ if !pod.share_pid => ("pid not shared".into(), tokens.muted),
        _ if reaped == 0 && !pause.is_alive() => ("reaped none".into(), tokens.muted),
        _ if reaped == 0 => ("nothing to reap yet".into(), tokens.muted),
        _ => (format!("reaped {}", text::count(reaped as usize, "zombie", "zombies")), tokens.zombie),
    }
}
