//! The lane of one process: its states by colour and height, its names, its hatched zombie part and its reap.

use eframe::egui::{Align2, Color32, CornerRadius, Painter, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::Drawn;
use crate::model::{MonoNs, State};
use crate::store::Life;
use crate::ui::icons::Icon;
use crate::ui::pod_map::state_word;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording::reaper;

const BAR_H: f32 = 13.0;
/// The room for the letter of the state.
const LETTER_W: f32 = 16.0;

pub fn lane_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, life: &Life, row: Rect) {
    label(ui, cx, drawn, life, row);
    let scale = drawn.scale;
    let painter = ui.painter().with_clip_rect(scale.plot.intersect(ui.clip_rect()));
    if life.born > scale.to() || life.reap.is_some_and(|reap| reap < scale.from) {
        return;
    }
    for stretch in life.stretches() {
        let to = stretch.to.unwrap_or(drawn.latest.now.max(stretch.from));
        if to >= scale.from && stretch.from <= scale.to() {
            let (color, height) = look(cx, stretch.state);
            painter.rect_filled(bar(drawn, row, stretch.from, to, height), CornerRadius::same(2), color);
        }
    }
    former_names(ui, cx, drawn, life, row, &painter);
    let Some((exit, _)) = life.exit else { return };
    let end = life.reap.unwrap_or(drawn.latest.now.max(exit));
    hatch(&painter, bar(drawn, row, exit, end, BAR_H), cx.tokens.zombie);
    if let Some(reap) = life.reap {
        reap_ui(ui, cx, drawn, life, reap, row);
    }
}

/// The name at the moment that is shown, and the letter of the state.
fn label(ui: &Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, life: &Life, row: Rect) {
    let tokens = cx.tokens;
    let chosen = cx.selection.process == Some(life.id);
    let name_rect = Rect::from_min_max(row.min, pos2(drawn.scale.plot.left() - 8.0, row.bottom()));
    let response = ui.interact(name_rect, ui.scope_id().with(("lane", life.id)), Sense::click());
    let mut title = life.name_at(drawn.shown).to_owned();
    if let Some(pid) = life.pid_inside.filter(|_| !life.is_pause) {
        title = format!("{title} {pid}");
    }
    let state = life.state_at(drawn.shown).filter(|state| *state != State::Gone);
    if chosen {
        ui.painter().rect_filled(name_rect.shrink2(vec2(0.0, 1.0)), CornerRadius::same(3), tokens.accent_fill);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, name_rect.shrink2(vec2(0.0, 4.0)), 3);
    }
    let ink = if chosen || response.hovered() { tokens.accent } else { tokens.muted };
    let right = pos2(name_rect.right() - 4.0, row.center().y);
    if let Some(state) = state {
        let letter = state.letter().to_string();
        text::put(ui, right, Align2::RIGHT_CENTER, &letter, tokens::mono_bold(11.0), tokens.state(state), LETTER_W);
    }
    let at = right - vec2(LETTER_W, 0.0);
    // the lanes of a group stand a little to the right of its name
    let room = at.x - name_rect.left() - 14.0;
    text::put(ui, at, Align2::RIGHT_CENTER, &title, tokens::mono(11.0), ink, room);
    let word = state.map_or("not running", state_word);
    response.widget_info(|| text::selected(Role::Button, true, chosen, format!("Lane of {title}, {word}")));
    widgets::select_process(ui, cx, &response, life.id);
    response.hover_lines_with(|| {
        let process = drawn.latest.world.process(life.id);
        let command = process.map(|p| p.cmdline.join(" ")).filter(|command| !command.is_empty());
        let command = command.unwrap_or_else(|| title.clone());
        format!("{}\n{word} · host pid {} · started {}", text::escaped(&command), life.id.pid, cx.clock(life.born))
    });
}

/// The colour and the height of the bar in a state. Running is bright, sleeping is dim, stopped is low.
fn look(cx: &Cx<'_>, state: Option<State>) -> (Color32, f32) {
    let tokens = cx.tokens;
    let dim = if tokens.dark { 0.42 } else { 0.55 };
    match state {
        Some(State::Running) => (tokens.good, BAR_H),
        Some(State::Sleeping | State::Idle) => (tokens.good.gamma_multiply(dim), BAR_H),
        Some(State::Disk) => (tokens.warn.gamma_multiply(dim), BAR_H),
        Some(State::Stopped | State::Traced) => (tokens.warn, BAR_H * 0.4),
        Some(State::Zombie) => (tokens.zombie.gamma_multiply(dim), BAR_H),
        Some(State::Gone) | None => (tokens.line_strong, BAR_H * 0.4),
    }
}

fn bar(drawn: Drawn<'_>, row: Rect, from: MonoNs, to: MonoNs, height: f32) -> Rect {
    let scale = drawn.scale;
    let (x0, x1) = (scale.x(from), scale.x(to).max(scale.x(from) + 1.5));
    Rect::from_min_max(pos2(x0, row.center().y - height / 2.0), pos2(x1, row.center().y + height / 2.0))
}

/// A notch where the name changed, and before it the name of then, where it is another than that of the label.
fn former_names(ui: &Ui, cx: &Cx<'_>, drawn: Drawn<'_>, life: &Life, row: Rect, painter: &Painter) {
    let label = life.name_at(drawn.shown);
    let end = life.exit.map_or(drawn.latest.now, |(exit, _)| exit);
    let mut names = life.names().peekable();
    while let Some((since, name)) = names.next() {
        let until = names.peek().map_or(end, |(next, _)| *next);
        let since = since.max(life.born);
        let place = bar(drawn, row, since, until, BAR_H);
        if since > life.born && drawn.scale.shows(since) {
            painter.vline(place.left(), place.y_range(), Stroke::new(1.0, cx.tokens.text));
        }
        let seen = place.intersect(drawn.scale.plot);
        if name != label && seen.width() > 44.0 {
            let galley = text::line(ui, name, tokens::mono(10.0), cx.tokens.text, seen.width() - 8.0);
            painter.galley(seen.left_center() + vec2(4.0, -galley.size().y / 2.0), galley, cx.tokens.text);
        }
    }
}

fn reap_ui(ui: &mut Ui, cx: &Cx<'_>, drawn: Drawn<'_>, life: &Life, reap: MonoNs, row: Rect) {
    let (tokens, plot) = (cx.tokens, drawn.scale.plot);
    let tick = Rect::from_center_size(pos2(drawn.scale.x(reap) + 9.0, row.center().y), vec2(11.0, 11.0));
    if !plot.contains(tick.center()) {
        return;
    }
    ui.scope(|ui| {
        ui.set_clip_rect(plot.intersect(ui.clip_rect()));
        Icon::Check.paint(ui, tick, tokens.zombie);
        let at = tick.right_center() + vec2(4.0, 0.0);
        let room = plot.right() - at.x - 4.0;
        if room > 60.0 {
            text::put(ui, at, Align2::LEFT_CENTER, &reaped_by(drawn, life), tokens::sans(10.5), tokens.zombie, room);
        }
    });
}

/// Who reaped it, by the name of then where it is no longer remembered.
fn reaped_by(drawn: Drawn<'_>, life: &Life) -> String {
    if let Some(p) = drawn.latest.world.process(life.id) {
        return reaper::reaped_by(drawn.latest.world, p);
    }
    let reaper = life.reaper.and_then(|id| drawn.latest.history.life(id));
    match (reaper, life.reap) {
        (Some(by), Some(t)) => format!("reaped by {}", by.name_at(t)),
        _ => "reaped".into(),
    }
}

/// Diagonal stripes, to distinguish the zombie part from life.
fn hatch(painter: &Painter, rect: Rect, color: Color32) {
    let clip = rect.intersect(painter.clip_rect());
    if clip.width() <= 0.0 {
        return;
    }
    let painter = painter.with_clip_rect(clip);
    painter.rect_filled(rect, CornerRadius::same(2), color.gamma_multiply(0.25));
    let step = 6.0;
    let first = ((clip.left() - rect.left() - rect.height()) / step).floor() * step + rect.left();
    let mut x = first;
    while x < clip.right() {
        let line = [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())];
        painter.line_segment(line, Stroke::new(2.0, color));
        x += step;
    }
    painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(1.0, color), StrokeKind::Inside);
}
