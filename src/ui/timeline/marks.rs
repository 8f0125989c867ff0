//! What crosses all lanes: signals, as lines, and pod events, as diamonds above the lanes.

use eframe::egui::{Align2, Color32, CornerRadius, Pos2, Shape, Stroke, Ui, pos2, vec2};

use super::{RULER_H, Scale};
use crate::model::{EventKind, MonoNs, PodUid, ProcId, Sent, Signal, SignalSent, World, names};
use crate::ui::{Cx, text, tokens};

/// All marks of a World, in the order of their times, so that a frame looks only at those on screen.
#[derive(Clone, Debug)]
pub struct Marks {
    signals: Vec<(MonoNs, SignalMark)>,
    events: Vec<(MonoNs, EventKind)>,
}

#[derive(Clone, Copy, Debug)]
enum SignalMark {
    /// The user sent it.
    User(Signal, ProcId),
    Other(Signal, ProcId),
}

impl Marks {
    /// The user's signals, and the events and other signals of this pod, or of all pods.
    pub fn of(world: &World, pod: Option<&PodUid>) -> Self {
        let user = |sent: &Sent| (sent.at.t, SignalMark::User(sent.signal, sent.target));
        let other = |sent: &SignalSent| (sent.at.t, SignalMark::Other(sent.signal, sent.target));
        let mut signals: Vec<_> = world.sent.iter().map(user).collect();
        let is_shown = |sent: &SignalSent| {
            let member = world.process(sent.target).and_then(|p| p.member.as_ref());
            world.is_signal_of_pods(sent) && pod.is_none_or(|pod| member.is_some_and(|member| member.pod == *pod))
        };
        signals.extend(world.signals.iter().filter(|sent| is_shown(sent)).map(other));
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
    for (t, mark) in on_screen(&marks.signals, scale) {
        let (signal, target, color) = match *mark {
            SignalMark::User(signal, target) => (signal, target, tokens.bad),
            SignalMark::Other(signal, target) => (signal, target, tokens.muted),
        };
        let x = scale.x(*t);
        let line = [pos2(x, scale.plot.top() + RULER_H), pos2(x, bottom)];
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.0, color), 3.0, 3.0));
        let name = live.process(target).map_or("?".into(), names::short_name);
        let words = format!("{signal} → {name}");
        let right_edge = x + 150.0 > scale.plot.right();
        let (anchor, at) = if right_edge {
            (Align2::RIGHT_BOTTOM, pos2(x - 5.0, bottom - 4.0))
        } else {
            (Align2::LEFT_BOTTOM, pos2(x + 5.0, bottom - 4.0))
        };
        let galley = text::line(ui, &words, tokens::medium(11.0), color, 160.0);
        let rect = anchor.anchor_size(at, galley.size());
        if rect.left() > label_free_from {
            ui.painter().rect_filled(rect.expand(2.0), CornerRadius::same(3), tokens.panel);
            ui.painter().galley(rect.min, galley, color);
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
