//! What crosses all lanes: signals that were sent, as lines, and pod events, as diamonds above the lanes.

use eframe::egui::{Align2, Color32, CornerRadius, Pos2, Shape, Stroke, Ui, pos2, vec2};

use super::{RULER_H, Scale};
use crate::model::{EventKind, MonoNs, PodUid, World, names};
use crate::ui::{Cx, text, tokens};

/// All marks of a World, in the order of their times, so that a frame looks only at those on screen.
#[derive(Clone, Debug)]
pub struct Marks {
    /// Each with its index in `World::sent`.
    signals: Vec<(MonoNs, usize)>,
    events: Vec<(MonoNs, EventKind)>,
}

impl Marks {
    /// All signals, and the events of this pod, or of all pods.
    pub fn of(world: &World, pod: Option<&PodUid>) -> Self {
        let mut signals: Vec<_> = world.sent.iter().enumerate().map(|(nth, sent)| (sent.at.t, nth)).collect();
        let chosen = world.events.iter().filter(|event| pod.is_none_or(|pod| event.pod == *pod));
        let mut events: Vec<_> = chosen.map(|event| (event.at.t, event.kind)).collect();
        signals.sort_by_key(|(t, _)| *t);
        events.sort_by_key(|(t, _)| *t);
        Self { signals, events }
    }
}

/// Those of `marks` that the scale shows.
fn on_screen<'a, T>(marks: &'a [(MonoNs, T)], scale: &Scale) -> &'a [(MonoNs, T)] {
    let from = marks.partition_point(|(t, _)| *t < scale.from);
    let to = marks.partition_point(|(t, _)| *t <= scale.to());
    marks.get(from..to).unwrap_or_default()
}

pub fn marks_ui(ui: &Ui, cx: &Cx<'_>, live: &World, marks: &Marks, scale: &Scale) {
    let tokens = cx.tokens;
    let bottom = scale.plot.bottom();
    let mut label_free_from = f32::NEG_INFINITY;
    for (t, nth) in on_screen(&marks.signals, scale) {
        let Some(sent) = live.sent.get(*nth) else { continue };
        let x = scale.x(*t);
        let line = [pos2(x, scale.plot.top() + RULER_H), pos2(x, bottom)];
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.0, tokens.bad), 3.0, 3.0));
        let name = live.process(sent.target).map_or("?".into(), names::short_name);
        let words = format!("{} → {name}", sent.signal);
        let right_edge = x + 150.0 > scale.plot.right();
        let (anchor, at) = if right_edge {
            (Align2::RIGHT_BOTTOM, pos2(x - 5.0, bottom - 4.0))
        } else {
            (Align2::LEFT_BOTTOM, pos2(x + 5.0, bottom - 4.0))
        };
        let galley = text::line(ui, &words, tokens::medium(11.0), tokens.bad, 160.0);
        let rect = anchor.anchor_size(at, galley.size());
        if rect.left() > label_free_from {
            ui.painter().rect_filled(rect.expand(2.0), CornerRadius::same(3), tokens.panel);
            ui.painter().galley(rect.min, galley, tokens.bad);
            label_free_from = if right_edge { x } else { rect.right() };
        }
    }
    for (t, kind) in on_screen(&marks.events, scale) {
        let x = scale.x(*t);
        let color = match kind {
            EventKind::Normal => tokens.accent,
            EventKind::Warning => tokens.warn,
        };
        diamond(ui, pos2(x, scale.plot.top() + RULER_H - 3.0), color);
    }
}

fn diamond(ui: &Ui, at: Pos2, color: Color32) {
    let r = 3.5;
    let points = vec![at - vec2(0.0, r), at + vec2(r, 0.0), at + vec2(0.0, r), at - vec2(r, 0.0)];
    ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
}
