//! Alike processes as one pill, which a click opens: `▸ sleep 1h  ×500`.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::glow::glow_ui;
use super::{Changes, Drawing, pill};
use crate::layout::pod_map::{Counts, Fold};
use crate::model::prediction::Hit;
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, motion, text, tokens, widgets};
use crate::wording::prediction::hit as hit_words;

pub fn fold_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    drawing: &Drawing<'_>,
    fold: &Fold,
    is_pinned: bool,
    changes: &mut Changes,
) {
    let (tokens, zoom) = (cx.tokens, drawing.view.zoom);
    let key = drawing.id.with(("fold", &fold.key));
    let target = drawing.view.place(motion::glide(ui.ctx(), key, fold.rect), is_pinned);
    let response = ui.interact(target, key, Sense::click());
    // the pills of an open fold have their own marks
    let hit = drawing.hits.filter(|_| !fold.is_open).and_then(|hits| hits.among(&fold.members));
    let counts = count_words(fold.counts);
    response.widget_info(|| {
        let verb = if fold.is_open { "Fold" } else { "Unfold" };
        let would = hit.map(|(hit, n)| format!(", {n} {}", hit_words(hit))).unwrap_or_default();
        let name = format!("{verb} {} alike processes {}, {counts}{would}", fold.members.len(), fold.key.name);
        text::selected(Role::Button, true, fold.is_open, name)
    });
    if response.clicked() && !fold.is_held_open {
        changes.fold = Some(fold.key.clone());
    }
    if !ui.is_rect_visible(target.expand(8.0)) {
        return;
    }
    let color = color(cx, fold.counts);
    let (round, radius) = pill::radius(target);
    if !fold.is_open && !fold.is_small {
        // the edges of those behind the first one
        for below in [2.0, 1.0] {
            let behind = target.translate(vec2(0.0, below * zoom.of(3.0))).shrink2(vec2(below * zoom.of(5.0), 0.0));
            let stroke = Stroke::new(1.0, color.gamma_multiply(0.6));
            ui.painter().rect(behind, radius, tokens.inset, stroke, StrokeKind::Inside);
        }
    }
    let fill = if response.hovered() { tokens.accent_fill } else { tokens.pill };
    ui.painter().rect(target, radius, fill, Stroke::new(1.5, color), StrokeKind::Inside);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, target, round);
    }
    if fold.is_small {
        small_marks(ui, cx, drawing, fold, target);
    } else {
        marks(ui, cx, drawing, fold, target, &counts);
    }
    if let Some((hit, count)) = hit {
        glow_ui(ui, tokens, target, round, hit, Some(count));
    }
    response.hover_lines_with(|| {
        let does = match (fold.is_open, fold.is_held_open) {
            (true, true) => "Open because the selected process is one of them",
            (true, false) => "Click to fold them",
            (false, _) => "Click to see each of them",
        };
        let would = hit.map(|(hit, n)| would_line(hit, n)).unwrap_or_default();
        let name = text::escaped(&fold.key.name);
        format!("{name}\n{counts}, with one parent and one name{would}\n{does}")
    });
}

fn would_line(hit: Hit, count: usize) -> String {
    format!("\n{} {}", text::thousands(count as u64), hit_words(hit))
}

/// `500 processes, 3 zombies, 1 stopped, 2 reaped`
fn count_words(counts: Counts) -> String {
    let Counts { present, zombies, stopped, reaped } = counts;
    let mut parts = Vec::new();
    if present > 0 || reaped == 0 {
        parts.push(text::count(present, "process", "processes"));
    }
    if zombies > 0 {
        parts.push(text::count(zombies, "zombie", "zombies"));
    }
    for (n, word) in [(stopped, "stopped"), (reaped, "reaped")] {
        if n > 0 {
            parts.push(format!("{} {word}", text::thousands(n as u64)));
        }
    }
    parts.join(", ")
}

/// That of the state which all of them have, or else of what one should see first.
fn color(cx: &Cx<'_>, counts: Counts) -> Color32 {
    let tokens = cx.tokens;
    match counts {
        Counts { present: 0, .. } => tokens.faint,
        Counts { zombies: 1.., .. } => tokens.zombie,
        Counts { stopped: 1.., .. } => tokens.warn,
        _ => tokens.good,
    }
}

/// The arrow, the name, how many there are, and below it their states.
fn marks(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, fold: &Fold, rect: Rect, counts: &str) {
    let (tokens, zoom) = (cx.tokens, drawing.view.zoom);
    let arrow = Rect::from_center_size(pos2(rect.left() + zoom.of(17.0), rect.center().y), zoom.vec(14.0, 14.0));
    let icon = if fold.is_open { Icon::ChevronDown } else { Icon::ChevronRight };
    icon.paint(ui, arrow, tokens.text);
    let shown = if fold.counts.present > 0 { fold.counts.present } else { fold.counts.reaped };
    let words = format!("×{}", text::thousands(shown as u64));
    let at = pos2(rect.right() - zoom.of(14.0), rect.center().y);
    let (font, ink) = (zoom.font(tokens::mono_bold(13.0)), tokens.text);
    let end = text::put(ui, at, Align2::RIGHT_CENTER, &words, font, ink, zoom.of(90.0));

    let left = rect.left() + zoom.of(30.0);
    let room = end.left() - left - 8.0;
    let (name, font) = (&fold.key.name, zoom.font(tokens::mono_bold(11.5)));
    if zoom.is_small() {
        text::put_middle(ui, pos2(left, rect.center().y), Align2::LEFT_CENTER, name, font, ink, room);
        return;
    }
    let at = pos2(left, rect.center().y - zoom.of(1.0));
    text::put_middle(ui, at, Align2::LEFT_BOTTOM, name, font, ink, room);
    let ink = if fold.counts.zombies > 0 { tokens.zombie } else { tokens.muted };
    // the number is already there
    let below = counts.split_once(", ").map_or(counts, |(_, rest)| rest);
    let (at, font) = (pos2(left, rect.center().y), zoom.font(tokens::sans(10.5)));
    text::put(ui, at, Align2::LEFT_TOP, below, font, ink, room);
}

/// The marks of a small pill, for reaped processes.
fn small_marks(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, fold: &Fold, rect: Rect) {
    let (tokens, zoom) = (cx.tokens, drawing.view.zoom);
    let tick = Rect::from_center_size(pos2(rect.left() + zoom.of(11.0), rect.center().y), zoom.vec(9.0, 9.0));
    Icon::Check.paint(ui, tick, tokens.zombie);
    let words = format!("×{} reaped", text::thousands(fold.counts.reaped as u64));
    let (at, font) = (pos2(rect.right() - 8.0, rect.center().y), zoom.font(tokens::sans(10.0)));
    let end = text::put(ui, at, Align2::RIGHT_CENTER, &words, font, tokens.muted, rect.width() * 0.6);
    let left = pos2(rect.left() + zoom.of(19.0), rect.center().y);
    let (font, room) = (zoom.font(tokens::mono(10.0)), end.left() - left.x - 6.0);
    text::put_middle(ui, left, Align2::LEFT_CENTER, &fold.key.name, font, tokens.muted, room);
}

/// A folded column: its name from top to bottom, and how many processes are in it.
pub fn strip_counts_ui(ui: &Ui, cx: &Cx<'_>, strip: Rect, processes: usize, zombies: usize) {
    let tokens = cx.tokens;
    let at = strip.center_bottom() - vec2(0.0, 16.0);
    let room = strip.width() - 6.0;
    let words = text::thousands(processes as u64);
    text::put(ui, at, Align2::CENTER_CENTER, &words, tokens::mono_bold(12.0), tokens.text, room);
    if zombies > 0 {
        let rect = Rect::from_center_size(at - vec2(0.0, 20.0), vec2(room, 17.0));
        let stroke = Stroke::new(1.0, tokens.zombie);
        ui.painter().rect_stroke(rect, CornerRadius::same(8), stroke, StrokeKind::Inside);
        let words = format!("Z {zombies}");
        text::put(ui, rect.center(), Align2::CENTER_CENTER, &words, tokens::mono_bold(10.0), tokens.zombie, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_alike_processes_are_counted_in_words() {
        let plain = Counts { present: 1500, ..Counts::default() };
        assert_eq!(count_words(plain), "1,500 processes");
        let all = Counts { zombies: 1, stopped: 2, reaped: 3, ..plain };
        assert_eq!(count_words(all), "1,500 processes, 1 zombie, 2 stopped, 3 reaped");
        assert_eq!(count_words(Counts { reaped: 500, ..Counts::default() }), "500 reaped");
    }
}
