//! What crosses all lanes: signals, as lines with their names below, and pod events, as diamonds above the lanes. Marks
//! that are close to each other are one bundle.

use std::sync::Arc;

use eframe::egui::{Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::{Drawn, FOOT_H, RULER_H, words};
use crate::layout::timeline::{bundle_ns, bundles};
use crate::model::EventKind;
use crate::store::{Note, Told};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};

/// Signals, and events, that are closer than this are one bundle, in points.
const GAP: f32 = 10.0;

/// The marks of the span on screen, in the order of their times.
pub struct Marks<'a> {
    signals: Vec<&'a Arc<Note>>,
    events: Vec<&'a Arc<Note>>,
}

impl<'a> Marks<'a> {
    pub fn of(cx: &Cx<'_>, drawn: Drawn<'a>) -> Self {
        let (history, scale, pod) = (drawn.latest.history, drawn.scale, cx.selection.pod.as_ref());
        Self {
            signals: history.signals(pod, scale.from, scale.to()),
            events: history.events(pod, scale.from, scale.to()),
        }
    }

    pub fn ui(&self, ui: &Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>) {
        let step = bundle_ns(drawn.scale.span, drawn.scale.plot.width(), GAP);
        let mut free_from = f32::NEG_INFINITY;
        for range in bundles(self.signals.iter().map(|note| note.moment.t), step) {
            let bundle: Vec<&Note> = self.signals[range].iter().map(|note| &***note).collect();
            signals_ui(ui, cx, drawn, &bundle, &mut free_from);
        }
        for range in bundles(self.events.iter().map(|note| note.moment.t), step) {
            let bundle: Vec<&Note> = self.events[range].iter().map(|note| &***note).collect();
            let Some(first) = bundle.first() else { continue };
            let at = pos2(drawn.scale.x(first.moment.t), drawn.scale.plot.top() + RULER_H - 3.0);
            diamond_ui(ui, cx, &bundle, at, "event");
        }
    }
}

/// The user's signals are red, also in a bundle with others.
fn signal_color(cx: &Cx<'_>, bundle: &[&Note]) -> Color32 {
    let by_user = bundle.iter().any(|note| matches!(note.told, Told::User { .. } | Told::OutOfMemory(_)));
    if by_user { cx.tokens.bad } else { cx.tokens.muted }
}

fn signals_ui(ui: &Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, bundle: &[&Note], free_from: &mut f32) {
    let ([first, ..], [.., last]) = (bundle, bundle) else { return };
    let (tokens, scale) = (cx.tokens, drawn.scale);
    let (top, bottom) = (scale.plot.top() + RULER_H, scale.plot.bottom());
    let color = signal_color(cx, bundle);
    let (x, end) = (scale.x(first.moment.t), scale.x(last.moment.t));
    for x in [x, end].into_iter().take(if end - x > 1.5 { 2 } else { 1 }) {
        ui.painter().extend(Shape::dashed_line(&[pos2(x, top), pos2(x, bottom)], Stroke::new(1.0, color), 3.0, 3.0));
    }
    let title = words::bundle_title(bundle);
    let galley = text::line(ui, &title, tokens::medium(11.0), color, 160.0);
    let is_at_right = end + galley.size().x + 10.0 > scale.plot.right();
    let (anchor, at) = if is_at_right {
        (Align2::RIGHT_BOTTOM, pos2(x - 5.0, bottom - 4.0))
    } else {
        (Align2::LEFT_BOTTOM, pos2(end + 5.0, bottom - 4.0))
    };
    let label = anchor.anchor_size(at, galley.size());
    let foot = Rect::from_x_y_ranges(x - 4.0..=end + 4.0, bottom - FOOT_H..=bottom);
    let has_room = label.left() > *free_from && label.left() > scale.plot.left();
    let place = if has_room { foot.union(label.expand(2.0)) } else { foot };
    let response = ui.interact(place, ui.scope_id().with(("signals", first.moment.number)), Sense::click());
    if has_room {
        let fill = if response.hovered() { tokens.accent_fill } else { tokens.panel };
        ui.painter().rect_filled(label.expand(2.0), CornerRadius::same(3), fill);
        ui.painter().galley(label.min, galley, color);
        *free_from = if is_at_right { end + 4.0 } else { label.right() };
    } else {
        // a knob says that there is something to point at
        ui.painter().circle_filled(pos2(x, bottom - 6.0), 2.5, color);
    }
    mark_ui(ui, cx, response, place, bundle, &title);
}

/// A diamond for one event or several.
fn diamond_ui(ui: &Ui, cx: &mut Cx<'_>, bundle: &[&Note], at: Pos2, noun: &str) {
    let Some(first) = bundle.first() else { return };
    let color = event_color(cx, bundle);
    let place = Rect::from_center_size(at, vec2(12.0, 14.0));
    let response = ui.interact(place, ui.scope_id().with((noun, first.moment.number)), Sense::click());
    diamond(ui, at, if response.hovered() || bundle.len() > 1 { 5.0 } else { 3.5 }, color);
    let title = match bundle {
        [one] => words::full(one),
        _ => text::count(bundle.len(), "pod event", "pod events"),
    };
    mark_ui(ui, cx, response, place, bundle, &title);
}

/// The name, the hover and the click of a mark: a click shows the moment, and selects the process of a single signal.
fn mark_ui(ui: &Ui, cx: &mut Cx<'_>, response: eframe::egui::Response, place: Rect, bundle: &[&Note], title: &str) {
    let Some(first) = bundle.first() else { return };
    let t = first.moment.t;
    response.widget_info(|| text::labeled(Role::Button, true, format!("{title} at {}", cx.clock(t))));
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, place, 3);
    }
    if response.clicked() {
        cx.act(Action::Seek(Some(t)));
        if let ([one], Some(id)) = (bundle, first.told.process())
            && matches!(one.told, Told::User { .. } | Told::Node { .. } | Told::Reported(_))
        {
            cx.act(Action::SelectProcess(id));
        }
    }
    response.hover_lines_with(|| words::lines(cx, bundle, |note| words::full(note), |note| note.moment.t));
}

/// A warning shows also in a bundle.
pub fn event_color(cx: &Cx<'_>, bundle: &[&Note]) -> Color32 {
    let warns = |note: &&Note| matches!(&note.told, Told::Event(event) if event.kind == EventKind::Warning);
    if bundle.iter().any(warns) { cx.tokens.warn } else { cx.tokens.accent }
}

pub fn diamond(ui: &Ui, at: Pos2, r: f32, color: Color32) {
    let points = vec![at - vec2(0.0, r), at + vec2(r, 0.0), at + vec2(0.0, r), at - vec2(r, 0.0)];
    ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
}
