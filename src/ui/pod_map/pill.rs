//! A process as a pill: its name, the pids in the pod and on the host, and the state as colour and letter.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2};

use super::Drawing;
use super::glow::glow_ui;
use crate::layout::pod_map::Pill;
use crate::model::names::{self, Reaper};
use crate::model::{Process, State};
use crate::ui::icons::Icon;
use crate::ui::{ANIMATION_NS, Cx, motion, text, tokens, widgets};
use crate::wording::prediction::hit as hit_words;
use crate::wording::reaper::reaped_by;

/// A new process glows for this long.
const GLOW_NS: u64 = 900_000_000;
/// A reaped process shows its tick for this long before it fades.
const TICK_NS: u64 = 1_200_000_000;
const FADE_NS: u64 = 1_200_000_000;

pub fn pill_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawing: &Drawing<'_>, pill: &Pill, is_pinned: bool) {
    let (tokens, id) = (cx.tokens, pill.id);
    let Some(p) = cx.world.process(id) else { return };
    let key = drawing.id.with(("pill", id));
    let mut rect = motion::glide(ui.ctx(), key, pill.rect);
    // a new one comes in from its parent's side
    rect.x -= 18.0 * motion::entrance(ui.ctx(), cx.live, cx.now.since(p.born.t));
    let target = drawing.view.place(rect, is_pinned);
    let response = ui.interact(target, key, Sense::click());
    let selected = cx.selection.process == Some(id);
    let title = p.title();
    let hit = drawing.hits.and_then(|hits| hits.on(id));
    response.widget_info(|| {
        let would = hit.map(|hit| format!(", {}", hit_words(hit))).unwrap_or_default();
        let (inside, state) = (inside(p), state_word(p.state));
        let name = format!("{title}, pid {inside} in the pod, host pid {}, {state}{would}", id.pid);
        text::selected(Role::Button, true, selected, name)
    });
    widgets::select_process(ui, cx, &response, id);
    if !ui.is_rect_visible(target.expand(8.0)) {
        return;
    }

    let opacity = opacity(cx, p);
    let color = tokens.state(p.state).gamma_multiply(opacity);
    let (round, radius) = radius(target);
    let fill = if response.hovered() || selected { tokens.accent_fill } else { tokens.pill };
    ui.painter().rect_filled(target, radius, fill.gamma_multiply(opacity));
    let born = cx.now.since(p.born.t);
    if born < GLOW_NS && p.is_alive() {
        let glow = 1.0 - born as f32 / GLOW_NS as f32;
        let stroke = Stroke::new(1.0 + 5.0 * glow, tokens.accent.gamma_multiply(0.45 * glow));
        ui.painter().rect_stroke(target, radius, stroke, StrokeKind::Outside);
    }
    match p.state {
        State::Zombie => {
            let stroke = Stroke::new(1.5, color);
            widgets::dashed_round_rect(ui, target.shrink(0.75), f32::from(round), stroke);
        }
        _ => {
            ui.painter().rect_stroke(target, radius, Stroke::new(1.5, color), StrokeKind::Inside);
        }
    }
    if selected {
        ui.painter().rect_stroke(target, radius, Stroke::new(2.0, tokens.accent), StrokeKind::Outside);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, target, round);
    }
    if pill.is_small {
        small_marks(ui, cx, drawing, p, target, opacity);
    } else {
        marks(ui, cx, drawing, p, target, color, opacity);
    }
    if let Some(hit) = hit {
        glow_ui(ui, tokens, target, round, hit, None);
    }
    response.on_hover_ui(|ui| {
        ui.set_max_width(420.0);
        let command = if p.cmdline.is_empty() { p.comm.clone() } else { p.cmdline.join(" ") };
        ui.label(text::rich(command).font(tokens::mono(11.5)));
        let state = if p.is_gone() { reaped_by(cx.world, p) } else { state_word(p.state).to_owned() };
        ui.label(text::rich(format!("{state} · started {}", cx.clock(p.born.t))));
    });
}

/// The ends of a pill are half circles.
pub fn radius(pill: Rect) -> (u8, CornerRadius) {
    let round = (pill.height() / 2.0) as u8;
    (round, CornerRadius::same(round))
}

/// The dot, the name and the pids, and the state at the right end.
fn marks(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, p: &Process, rect: Rect, color: Color32, opacity: f32) {
    let (tokens, zoom) = (cx.tokens, drawing.view.zoom);
    let dot = pos2(rect.left() + zoom.of(17.0), rect.center().y);
    let r = zoom.of(5.0);
    match p.state {
        State::Zombie => {
            ui.painter().circle_stroke(dot, r, Stroke::new(1.5, color));
        }
        State::Gone => {
            let tick = Rect::from_center_size(dot, zoom.vec(12.0, 12.0));
            Icon::Check.paint(ui, tick, tokens.zombie.gamma_multiply(opacity));
        }
        _ => {
            ui.painter().circle_filled(dot, r, color);
        }
    }
    let end = match (p.state, p.exit) {
        (State::Zombie, Some(exit)) => format!("Z {}", age(cx.now.since(exit.at.t))),
        (State::Gone, _) => "reaped".into(),
        (state, _) => state.letter().to_string(),
    };
    let at = pos2(rect.right() - zoom.of(14.0), rect.center().y);
    let end = text::put(ui, at, Align2::RIGHT_CENTER, &end, zoom.font(tokens::mono_bold(11.5)), color, zoom.of(90.0));

    let left = rect.left() + zoom.of(30.0);
    let room = end.left() - left - 8.0;
    let ink = if p.is_alive() { tokens.text } else { tokens.muted }.gamma_multiply(opacity);
    let name = p.title();
    let font = zoom.font(tokens::mono_bold(11.5));
    if zoom.is_small() {
        text::put_middle(ui, pos2(left, rect.center().y), Align2::LEFT_CENTER, &name, font, ink, room);
        return;
    }
    text::put_middle(ui, pos2(left, rect.center().y - zoom.of(1.0)), Align2::LEFT_BOTTOM, &name, font, ink, room);
    let below = match (p.state, p.reap) {
        (State::Gone, Some(_)) => reaper(cx, p),
        _ => format!("{} · host {}", inside(p), p.id.pid),
    };
    let ink = tokens.muted.gamma_multiply(opacity);
    let font = zoom.font(tokens::mono(10.0));
    text::put(ui, pos2(left, rect.center().y), Align2::LEFT_TOP, &below, font, ink, room);
}

/// The marks of a small pill, for a reaped process: a tick, its name and its reaper in one line.
fn small_marks(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, p: &Process, rect: Rect, opacity: f32) {
    let (tokens, zoom) = (cx.tokens, drawing.view.zoom);
    let tick = Rect::from_center_size(pos2(rect.left() + zoom.of(11.0), rect.center().y), zoom.vec(9.0, 9.0));
    Icon::Check.paint(ui, tick, tokens.zombie.gamma_multiply(opacity));
    let left = pos2(rect.left() + zoom.of(19.0), rect.center().y);
    let room = rect.right() - left.x - 8.0;
    let ink = tokens.muted.gamma_multiply(opacity);
    let font = zoom.font(tokens::mono(10.0));
    let name = text::put_middle(ui, left, Align2::LEFT_CENTER, &p.title(), font, ink, room);
    let by = reaper(cx, p);
    let rest = room - name.width() - 10.0;
    let font = zoom.font(tokens::sans(10.0));
    let fits = text::line(ui, &by, font.clone(), ink, f32::INFINITY).size().x <= rest;
    if fits {
        text::put(ui, pos2(rect.right() - 8.0, left.y), Align2::RIGHT_CENTER, &by, font, ink, rest);
    }
}

/// The reaper in few words. The hover has the full text.
fn reaper(cx: &Cx<'_>, p: &Process) -> String {
    match names::reaper(cx.world, p) {
        Some(Reaper::Kernel) => "by the kernel".into(),
        Some(Reaper::Process(by)) => format!("by {}", names::short_name(by)),
        None => "reaper not seen".into(),
    }
}

fn inside(p: &Process) -> String {
    p.pid_inside().map_or("?".into(), |n| n.to_string())
}

/// From 1 while the process is fully shown to 0 when a reaped one has faded.
pub fn opacity(cx: &Cx<'_>, p: &Process) -> f32 {
    let Some(reap) = p.reap else { return 1.0 };
    let since = cx.now.since(reap.at.t);
    1.0 - (since.saturating_sub(TICK_NS) as f32 / FADE_NS as f32).clamp(0.0, 1.0)
}

fn age(ns: u64) -> String {
    match ns {
        0..ANIMATION_NS => format!("{:.1} s", ns as f64 / 1e9),
        ANIMATION_NS..120_000_000_000 => format!("{} s", ns / 1_000_000_000),
        _ => format!("{} min", ns / 60_000_000_000),
    }
}

pub fn state_word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Sleeping => "sleeping",
        State::Disk => "waiting for the disk",
        State::Stopped => "stopped",
        State::Traced => "stopped by a tracer",
        State::Idle => "idle",
        State::Zombie => "zombie",
        State::Gone => "reaped",
    }
}
