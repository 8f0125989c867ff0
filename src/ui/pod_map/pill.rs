//! A process as a pill: its name, the pids in the pod and on the host, and the state as colour and letter.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::layout::pod_map::Pill;
use crate::model::names::{self, Reaper};
use crate::model::{Process, State};
use crate::ui::icons::Icon;
use crate::ui::{ANIMATION_NS, Cx, text, tokens, widgets};
use crate::wording::reaper::reaped_by;

/// A new process glows for this long.
const GLOW_NS: u64 = 900_000_000;
/// A reaped process shows its tick for this long before it fades.
const TICK_NS: u64 = 1_200_000_000;
const FADE_NS: u64 = 1_200_000_000;

pub fn pill_ui(ui: &mut Ui, cx: &mut Cx<'_>, pill: &Pill, target: Rect) {
    let (tokens, id) = (cx.tokens, pill.id);
    let Some(p) = cx.world.process(id) else { return };
    let key = ui.scope_id().with(("pill", id));
    // moves smoothly to a new place, so that the eye can follow
    let x = ui.ctx().animate_value_with_time(key.with("x"), target.left() - ui.max_rect().left(), 0.18);
    let y = ui.ctx().animate_value_with_time(key.with("y"), target.top() - ui.max_rect().top(), 0.18);
    let top_left = ui.max_rect().min + vec2(x, y);
    let target = Rect::from_min_max(top_left, pos2(target.right(), top_left.y + target.height()));
    let response = ui.interact(target, key, Sense::click());
    let selected = cx.selection.process == Some(id);
    let title = p.title();
    response.widget_info(|| {
        let name = format!("{title}, pid {} in the pod, host pid {}, {}", inside(p), id.pid, state_word(p.state));
        text::selected(Role::Button, true, selected, name)
    });

    let opacity = opacity(cx, p);
    let color = tokens.state(p.state).gamma_multiply(opacity);
    let radius = CornerRadius::same(18);
    let fill = if response.hovered() || selected { tokens.accent_fill } else { tokens.pill };
    ui.painter().rect_filled(target, radius, fill.gamma_multiply(opacity));
    let born = cx.now.since(p.born.t);
    if born < GLOW_NS && p.is_alive() {
        let glow = 1.0 - born as f32 / GLOW_NS as f32;
        let stroke = Stroke::new(1.0 + 5.0 * glow, tokens.accent.gamma_multiply(0.45 * glow));
        ui.painter().rect_stroke(target, radius, stroke, StrokeKind::Outside);
    }
    match p.state {
        State::Zombie => widgets::dashed_round_rect(ui, target.shrink(0.75), 18.0, Stroke::new(1.5, color)),
        _ => {
            ui.painter().rect_stroke(target, radius, Stroke::new(1.5, color), StrokeKind::Inside);
        }
    }
    if selected {
        ui.painter().rect_stroke(target, radius, Stroke::new(2.0, tokens.accent), StrokeKind::Outside);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, target, 18);
    }
    if pill.is_small {
        small_marks(ui, cx, p, target, opacity);
    } else {
        marks(ui, cx, p, target, color, opacity);
    }

    widgets::select_process(ui, cx, &response, id);
    response.on_hover_ui(|ui| {
        ui.set_max_width(420.0);
        let command = if p.cmdline.is_empty() { p.comm.clone() } else { p.cmdline.join(" ") };
        ui.label(text::rich(command).font(tokens::mono(11.5)));
        let state = if p.is_gone() { reaped_by(cx.world, p) } else { state_word(p.state).to_owned() };
        ui.label(text::rich(format!("{state} · started {}", cx.clock(p.born.t))));
    });
}

/// The dot, the name and the pids, and the state at the right end.
fn marks(ui: &Ui, cx: &Cx<'_>, p: &Process, rect: Rect, color: Color32, opacity: f32) {
    let tokens = cx.tokens;
    let dot = pos2(rect.left() + 17.0, rect.center().y);
    match p.state {
        State::Zombie => {
            ui.painter().circle_stroke(dot, 5.0, Stroke::new(1.5, color));
        }
        State::Gone => {
            let tick = Rect::from_center_size(dot, vec2(12.0, 12.0));
            Icon::Check.paint(ui, tick, tokens.zombie.gamma_multiply(opacity));
        }
        _ => {
            ui.painter().circle_filled(dot, 5.0, color);
        }
    }
    let end = match (p.state, p.exit) {
        (State::Zombie, Some(exit)) => format!("Z {}", age(cx.now.since(exit.at.t))),
        (State::Gone, _) => "reaped".into(),
        (state, _) => state.letter().to_string(),
    };
    let at = pos2(rect.right() - 14.0, rect.center().y);
    let end = text::put(ui, at, Align2::RIGHT_CENTER, &end, tokens::mono_bold(11.5), color, 90.0);

    let left = rect.left() + 30.0;
    let room = end.left() - left - 8.0;
    let ink = if p.is_alive() { tokens.text } else { tokens.muted }.gamma_multiply(opacity);
    let name = p.title();
    text::put(ui, pos2(left, rect.center().y - 1.0), Align2::LEFT_BOTTOM, &name, tokens::mono_bold(11.5), ink, room);
    let below = match (p.state, p.reap) {
        (State::Gone, Some(_)) => reaper(cx, p),
        _ => format!("{} · host {}", inside(p), p.id.pid),
    };
    let ink = tokens.muted.gamma_multiply(opacity);
    text::put(ui, pos2(left, rect.center().y), Align2::LEFT_TOP, &below, tokens::mono(10.0), ink, room);
}

/// The marks of a small pill, for a reaped process: a tick, its name and its reaper in one line.
fn small_marks(ui: &Ui, cx: &Cx<'_>, p: &Process, rect: Rect, opacity: f32) {
    let tokens = cx.tokens;
    let tick = Rect::from_center_size(pos2(rect.left() + 11.0, rect.center().y), vec2(9.0, 9.0));
    Icon::Check.paint(ui, tick, tokens.zombie.gamma_multiply(opacity));
    let left = pos2(rect.left() + 19.0, rect.center().y);
    let room = rect.right() - left.x - 8.0;
    let ink = tokens.muted.gamma_multiply(opacity);
    let name = text::put(ui, left, Align2::LEFT_CENTER, &p.title(), tokens::mono(10.0), ink, room);
    let by = reaper(cx, p);
    let rest = room - name.width() - 10.0;
    let fits = text::line(ui, &by, tokens::sans(10.0), ink, f32::INFINITY).size().x <= rest;
    if fits {
        text::put(ui, pos2(rect.right() - 8.0, left.y), Align2::RIGHT_CENTER, &by, tokens::sans(10.0), ink, rest);
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
