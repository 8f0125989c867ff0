//! One pod as a card. A click opens its map.

use eframe::egui::{Align2, Color32, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::RADIUS;
use super::activity::{BARS, Bar};
use super::cards::Card;
use crate::command::Command;
use crate::model::{Container, Pod};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, pod_map, text, tokens, widgets, words};
use crate::wording::duration;

const PAD: f32 = 14.0;
/// The height of a line of containers, and how many lines there are.
const LINE_H: f32 = 18.0;
const LINES: usize = 2;
/// The space for the words that say how many containers are not shown.
const MORE_W: f32 = 56.0;
const BAR_W: f32 = 3.0;
const BARS_H: f32 = 24.0;

/// Cards beside the screen have only their names, their places and the keyboard focus.
pub fn card_ui(ui: &Ui, cx: &mut Cx<'_>, rect: Rect, card: &Card) {
    let (tokens, pod) = (cx.tokens, card.pod.as_ref());
    let response = ui.interact(rect, ui.scope_id().with(("card", &pod.uid)), Sense::click());
    let chosen = cx.selection.pod.as_ref() == Some(&pod.uid);
    let status = if card.is_removed { "Removed".into() } else { pod.status() };
    response.widget_info(|| {
        let words = format!("Open {}, {status}, {}, {}", pod.name, counts(card).join(", "), pod.runtime.name());
        text::selected(Role::Button, !card.is_removed, chosen, words)
    });
    if response.clicked() && !card.is_removed {
        cx.act(Action::SelectPod(pod.uid.clone()));
        cx.act(Action::Do(Command::Show("pod map".into())));
    }
    if response.gained_focus() {
        ui.scroll_to_rect(rect.expand(6.0), None);
    }
    if !ui.is_rect_visible(rect.expand(4.0)) {
        return;
    }
    let (fill, line) = match (chosen, response.hovered()) {
        (true, _) => (tokens.accent_fill, tokens.accent),
        (false, true) => (tokens.inset, tokens.line_strong),
        (false, false) => (tokens.card, tokens.line),
    };
    ui.painter().rect(rect, RADIUS, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 10);
    }
    let inner = rect.shrink2(vec2(PAD, 12.0));
    let color = if card.is_removed { tokens.faint } else { pod_map::status_color(cx, pod) };
    head_ui(ui, cx, inner, card, &status, color);
    if card.is_removed {
        return;
    }
    let at = inner.left_top() + vec2(0.0, 30.0);
    text::put(ui, at, Align2::LEFT_CENTER, &facts(cx, pod), tokens::mono(11.0), tokens.muted, inner.width());
    let lines = Rect::from_min_size(inner.left_top() + vec2(0.0, 41.0), vec2(inner.width(), LINE_H * LINES as f32));
    containers_ui(ui, cx, lines, pod);
    let foot = Rect::from_min_max(pos2(inner.left(), inner.bottom() - BARS_H), inner.max);
    let bars = Rect::from_min_max(pos2(foot.right() - BAR_W * BARS as f32, foot.top()), foot.max);
    bars_ui(ui, cx, bars, card);
    let room = bars.left() - foot.left() - 8.0;
    let ink = if card.zombies > 0 { tokens.zombie } else { tokens.muted };
    let at = pos2(foot.left(), foot.bottom() - 7.0);
    text::put(ui, at, Align2::LEFT_CENTER, &counts(card).join(" · "), tokens::sans(11.5), ink, room);
}

/// The name and the status.
fn head_ui(ui: &Ui, cx: &Cx<'_>, inner: Rect, card: &Card, status: &str, color: Color32) {
    let (tokens, pod) = (cx.tokens, card.pod.as_ref());
    let middle = inner.left_top() + vec2(0.0, 8.0);
    widgets::state_sign(ui, tokens, middle + vec2(5.0, 0.0), words::pod_severity(pod));
    let right = pos2(inner.right(), middle.y);
    let chip = widgets::chip_at(ui, tokens, right, Align2::RIGHT_CENTER, status, color);
    let left = middle + vec2(18.0, 0.0);
    let room = chip.left() - left.x - 8.0;
    text::put(ui, left, Align2::LEFT_CENTER, &pod.name, tokens::semibold(13.5), tokens.text, room);
    let top = Rect::from_min_max(inner.left_top(), pos2(inner.right(), inner.top() + 18.0));
    let response = ui.interact(top, ui.scope_id().with(("name", &pod.uid)), Sense::hover());
    response.hover_lines_with(|| {
        let mut lines = vec![text::escaped(&format!("{} · {status}", pod.name)).into_owned()];
        if let Some((title, why)) = words::status_reason(pod) {
            lines.extend([title, why].iter().map(|line| text::escaped(line).into_owned()));
        }
        lines.push("Click to show its map".into());
        lines.join("\n")
    });
}

/// `10.244.0.2 · 3m5s`, `docker · seen for 3m5s`.
fn facts(cx: &Cx<'_>, pod: &Pod) -> String {
    let age = duration::format_like_kubectl(cx.now.since(pod.created.t));
    let ip = pod.ip.map(|ip| ip.to_string());
    if pod.is_of_lab() {
        return format!("{} · {age}", ip.as_deref().unwrap_or("no IP"));
    }
    // when the engine made it is not known
    let seen = format!("seen for {age}");
    [Some(pod.runtime.name().to_owned()), ip, Some(seen)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// `6 processes`, `1 zombie`, `2 restarts`.
fn counts(card: &Card) -> Vec<String> {
    let mut parts = vec![text::count(card.processes, "process", "processes")];
    if card.zombies > 0 {
        parts.push(text::count(card.zombies, "zombie", "zombies"));
    }
    match card.pod.restarts() {
        Some(0) => {}
        Some(n) => parts.push(text::count(n as usize, "restart", "restarts")),
        None => parts.push("restarts not known".into()),
    }
    parts
}

/// The containers with their states, as many as fit. The others are counted.
fn containers_ui(ui: &Ui, cx: &Cx<'_>, lines: Rect, pod: &Pod) {
    let tokens = cx.tokens;
    let (mut x, mut line) = (lines.left(), 0);
    for (nth, container) in pod.containers.iter().enumerate() {
        let galley = text::line(ui, &container.name, tokens::sans(11.5), tokens.text, lines.width() - 16.0);
        let width = 16.0 + galley.size().x;
        let left = pod.containers.len() - nth - 1;
        // the last line keeps room for how many are left
        let right = |line| if line + 1 == LINES && left > 0 { lines.right() - MORE_W } else { lines.right() };
        if x > lines.left() && x + width > right(line) {
            (x, line) = (lines.left(), line + 1);
        }
        let fits = line < LINES && (x + width <= right(line) || left == 0);
        if !fits {
            let at = pos2(x.min(lines.right() - MORE_W), lines.top() + (line.min(LINES - 1) as f32 + 0.5) * LINE_H);
            return more_ui(ui, cx, at, pod, nth);
        }
        let band = Rect::from_min_size(pos2(x, lines.top() + line as f32 * LINE_H), vec2(width, LINE_H));
        let (word, severity) = words::state(container);
        widgets::state_sign(ui, tokens, band.left_center() + vec2(5.0, 0.0), severity);
        ui.painter().galley(band.left_center() + vec2(14.0, -galley.size().y / 2.0), galley, tokens.text);
        let response = ui.interact(band, ui.scope_id().with(("container", &pod.uid, nth)), Sense::hover());
        response
            .widget_info(|| text::labeled(Role::Label, true, format!("{} of {}, {word}", container.name, pod.name)));
        response.hover_lines_with(|| words::in_full(container));
        x += width + 10.0;
    }
    if pod.containers.is_empty() {
        let at = lines.left_top() + vec2(0.0, LINE_H / 2.0);
        text::put(ui, at, Align2::LEFT_CENTER, "sandbox only", tokens::sans(11.5), tokens.muted, lines.width());
    }
}

/// How many containers are not shown, from the `first` on, and their names on hover.
fn more_ui(ui: &Ui, cx: &Cx<'_>, at: Pos2, pod: &Pod, first: usize) {
    let rest = &pod.containers[first..];
    let words = format!("+{} more", rest.len());
    let place = text::put(ui, at, Align2::LEFT_CENTER, &words, tokens::sans(11.5), cx.tokens.muted, MORE_W);
    let response = ui.interact(place, ui.scope_id().with(("more", &pod.uid)), Sense::hover());
    response
        .widget_info(|| text::labeled(Role::Label, true, format!("{} more containers of {}", rest.len(), pod.name)));
    response.hover_lines_with(|| {
        let line = |c: &Container| text::escaped(&format!("{} · {}", c.name, words::state(c).0)).into_owned();
        rest.iter().map(line).collect::<Vec<_>>().join("\n")
    });
}

/// A bar for each two seconds of the last minute. Each doubling of the events makes it a step taller.
fn bars_ui(ui: &Ui, cx: &Cx<'_>, place: Rect, card: &Card) {
    let tokens = cx.tokens;
    let bars = card.activity.bars(cx.now);
    ui.painter().hline(place.x_range(), place.bottom(), Stroke::new(1.0, tokens.line_strong));
    for (nth, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.all > 0) {
        let column = Rect::from_min_max(
            pos2(place.left() + nth as f32 * BAR_W, place.bottom() - height(bar.all)),
            pos2(place.left() + (nth + 1) as f32 * BAR_W - 1.0, place.bottom()),
        );
        let color = if bar.warnings > 0 { tokens.warn } else { tokens.accent };
        ui.painter().rect_filled(column, 0.0, color);
    }
    let sum = |of: fn(&Bar) -> u32| bars.iter().map(|bar| of(bar) as usize).sum::<usize>();
    let (all, warnings) = (sum(|bar| bar.all), sum(|bar| bar.warnings));
    let words = format!("{} in the last minute", text::count(all, "event", "events"));
    let response = ui.interact(place, ui.scope_id().with(("bars", &card.pod.uid)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, format!("{}: {words}", card.pod.name)));
    response.hover_lines_with(|| {
        let warnings = text::count(warnings, "is a warning", "are warnings");
        format!(
            "{words}, of which {warnings}\nBirths, execs, ends and reaps of its processes, your signals, and the pod's \
             own events. A bar is two seconds; twice as many events make it one step taller."
        )
    });
}

/// The height of a bar with so many events.
fn height(events: u32) -> f32 {
    const STEP: f32 = 3.0;
    (STEP * (events as f32 + 1.0).log2().ceil() + 1.0).min(BARS_H)
}
