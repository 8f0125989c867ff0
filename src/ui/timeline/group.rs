//! The row above the lanes of a run of a container, which folds them, and the row in place of earlier ones.

use eframe::egui::{Align2, EventFilter, Key, Modifiers, Rect, Response, Role, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::Drawn;
use crate::layout::timeline::{EarlierKey, EarlierRow, Folds, GroupKey, GroupRow};
use crate::model::Countdown;
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording::countdown;

const BAR_H: f32 = 9.0;

/// What the user has folded or opened.
pub enum Change {
    Fold(GroupKey, bool),
    Open(EarlierKey, bool),
}

impl Change {
    pub fn apply(&self, folds: &mut Folds) {
        match self {
            Self::Fold(key, fold) => folds.fold(key, *fold),
            Self::Open(key, open) => folds.open(key, *open),
        }
    }
}

pub fn group_ui(ui: &mut Ui, cx: &Cx<'_>, drawn: Drawn<'_>, group: &GroupRow, row: Rect) -> Option<Change> {
    let tokens = cx.tokens;
    ui.painter().hline(row.x_range(), row.top(), Stroke::new(1.0, tokens.line.gamma_multiply(0.7)));
    let title = title(group);
    let processes = text::count(group.processes, "process", "processes");
    let name_rect = Rect::from_min_max(row.min, pos2(drawn.scale.plot.left() - 8.0, row.bottom()));
    let response = ui.interact(name_rect, ui.scope_id().with(("group", &group.key)), Sense::click());
    let verb = if group.is_folded { "Unfold" } else { "Fold" };
    response.widget_info(|| text::labeled(Role::Button, true, format!("{verb} {title}, {processes}")));
    head(ui, cx, name_rect, &response, group.is_folded, &title, &text::thousands(group.processes as u64));
    bar(ui, cx, drawn, group, row);
    let fold = wanted_fold(ui, &response, group.is_folded);
    response.hover_lines_with(|| {
        let title = text::escaped(&title);
        format!("{title} · {processes} in this span\nClick, or press Enter, ← or →, to fold it")
    });
    if let Some(count) = current_countdown(cx, &group.key) {
        countdown_ui(ui, cx, drawn, &group.key, &count, row);
    }
    fold.map(|fold| Change::Fold(group.key.clone(), fold))
}

/// `web · attempt 2`, `pause · sandbox 1`; before it the pod if several are shown.
fn title(group: &GroupRow) -> String {
    let pod = group.pod.as_ref().map(|pod| format!("{pod}/")).unwrap_or_default();
    let (name, what) = match &group.key.container {
        Some(container) => (container.as_str(), "attempt"),
        None => ("pause", "sandbox"),
    };
    let attempt = group.attempt.map(|n| format!(" · {what} {n}")).unwrap_or_default();
    format!("{pod}{name}{attempt}")
}

/// The arrow, the title and the count.
fn head(ui: &Ui, cx: &Cx<'_>, rect: Rect, response: &Response, is_folded: bool, title: &str, count: &str) {
    let tokens = cx.tokens;
    let is_hot = response.hovered() || response.has_focus();
    let ink = if is_hot { tokens.accent } else { tokens.text };
    let icon = if is_folded { Icon::ChevronRight } else { Icon::ChevronDown };
    let at = Rect::from_center_size(rect.left_center() + vec2(5.0, 0.0), vec2(12.0, 12.0));
    icon.paint(ui, at, if is_hot { tokens.text } else { tokens.muted });
    let right = rect.right_center() - vec2(4.0, 0.0);
    let count = text::put(ui, right, Align2::RIGHT_CENTER, count, tokens::mono(10.5), tokens.muted, 60.0);
    let left = rect.left_center() + vec2(15.0, 0.0);
    let room = count.left() - left.x - 6.0;
    text::put(ui, left, Align2::LEFT_CENTER, title, tokens::semibold(11.0), ink, room);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink2(vec2(0.0, 3.0)), 3);
    }
}

/// From the first birth to the last reap of the run: a line, or a bar in place of the folded lanes.
fn bar(ui: &Ui, cx: &Cx<'_>, drawn: Drawn<'_>, group: &GroupRow, row: Rect) {
    let scale = drawn.scale;
    let painter = ui.painter().with_clip_rect(scale.plot.intersect(ui.clip_rect()));
    let to = group.to.unwrap_or(drawn.latest.now);
    let (from, to) = (scale.x(group.from), scale.x(to).max(scale.x(group.from) + 1.5));
    let height = if group.is_folded { BAR_H } else { 2.0 };
    let color = if group.to.is_some() { cx.tokens.line_strong } else { cx.tokens.good.gamma_multiply(0.6) };
    let rect = Rect::from_x_y_ranges(from..=to, row.center().y - height / 2.0..=row.center().y + height / 2.0);
    painter.rect_filled(rect, 1.0, color);
}

/// Whether a click or key folds or unfolds it: Enter and the space bar count as a click.
fn wanted_fold(ui: &Ui, response: &Response, is_folded: bool) -> Option<bool> {
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let (left, right) = (pressed(Key::ArrowLeft), pressed(Key::ArrowRight));
        if left != right {
            return (left != is_folded).then_some(left);
        }
    }
    response.clicked().then_some(!is_folded)
}

/// What the container waits for at the moment that is shown, if this run is its last one then.
fn current_countdown(cx: &Cx<'_>, key: &GroupKey) -> Option<Countdown> {
    let container = cx.world.pod(&key.pod)?.container(key.container.as_deref()?)?;
    container.countdown().filter(|_| container.process == Some(key.head))
}

/// A dashed line from the moment that is shown to the end of the countdown, and how long it takes.
fn countdown_ui(ui: &Ui, cx: &Cx<'_>, drawn: Drawn<'_>, key: &GroupKey, count: &Countdown, row: Rect) {
    let (tokens, plot) = (cx.tokens, drawn.scale.plot);
    let clip = plot.intersect(ui.clip_rect());
    let y = row.center().y;
    let (from, to) = (drawn.scale.x(drawn.shown), drawn.scale.x(count.until));
    let painter = ui.painter().with_clip_rect(clip);
    if to > from && from < plot.right() {
        let line = [pos2(from.max(plot.left()), y), pos2(to.min(plot.right()), y)];
        painter.extend(Shape::dashed_line(&line, Stroke::new(2.0, tokens.warn), 4.0, 3.0));
        painter.vline(to, y - 5.0..=y + 5.0, Stroke::new(2.0, tokens.warn));
    }
    let words = countdown::left(count, drawn.shown);
    let galley = text::line(ui, &words, tokens::semibold(11.0), tokens.warn, plot.width());
    // beside the playhead, as far as there is room
    let left = (from + 8.0).min(plot.right() - galley.size().x - 6.0).max(plot.left() + 4.0);
    let place = Align2::LEFT_CENTER.anchor_size(pos2(left, y), galley.size());
    painter.rect_filled(place.expand2(vec2(4.0, 1.0)), 3.0, tokens.panel);
    painter.galley(place.min, galley, tokens.warn);
    let response = ui.interact(place.intersect(clip), ui.scope_id().with(("countdown", key)), Sense::hover());
    let name = key.container.as_deref().unwrap_or("pause");
    response.widget_info(|| text::labeled(Role::Label, true, format!("{name}: {words}")));
    response.hover_text(countdown::why(count.awaited));
}

pub fn earlier_ui(ui: &mut Ui, cx: &Cx<'_>, row: &EarlierRow, place: Rect) -> Option<Change> {
    let tokens = cx.tokens;
    let (words, key) = match &row.key {
        EarlierKey::Processes(_) => (text::count(row.count, "earlier process", "earlier processes"), &row.key),
        EarlierKey::Runs(..) => (text::count(row.count, "earlier attempt", "earlier attempts"), &row.key),
    };
    let rect = Rect::from_min_size(place.min, vec2(super::LABEL_W - 8.0, place.height()));
    let response = ui.interact(rect, ui.scope_id().with(("earlier", key)), Sense::click());
    let verb = if row.is_open { "Hide" } else { "Show" };
    let name = match key {
        EarlierKey::Processes(group) => group.container.as_deref(),
        EarlierKey::Runs(_, container) => container.as_deref(),
    };
    let of = name.unwrap_or("pause");
    response.widget_info(|| text::labeled(Role::Button, true, format!("{verb} {words} of {of}")));
    let is_hot = response.hovered() || response.has_focus();
    let ink = if is_hot { tokens.accent } else { tokens.muted };
    let icon = if row.is_open { Icon::ChevronDown } else { Icon::ChevronRight };
    icon.paint(ui, Rect::from_center_size(rect.left_center() + vec2(17.0, 0.0), vec2(10.0, 10.0)), ink);
    let at = rect.left_center() + vec2(26.0, 0.0);
    text::put(ui, at, Align2::LEFT_CENTER, &words, tokens::sans(11.0), ink, rect.width() - 30.0);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink2(vec2(0.0, 3.0)), 3);
    }
    wanted_fold(ui, &response, !row.is_open).map(|fold| Change::Open(key.clone(), !fold))
}
