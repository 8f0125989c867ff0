//! A track of pod events or of what the kernel has done: marks, in bundles where they are dense, with their words where
//! there is room.

use eframe::egui::{Align2, Color32, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::marks::diamond;
use super::{Drawn, words};
use crate::layout::timeline::{Item, Track, bundle_ns, bundles};
use crate::model::EventKind;
use crate::store::{Told, What};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};

const GAP: f32 = 10.0;
/// With less room no words are written.
const MIN_WORDS: f32 = 60.0;

pub fn track_ui(ui: &Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, track: &Track, row: Rect) {
    let (tokens, scale) = (cx.tokens, drawn.scale);
    let from = track.items.partition_point(|item| item.t() < scale.from);
    let to = track.items.partition_point(|item| item.t() <= scale.to());
    let items = track.items.get(from..to).unwrap_or_default();
    let right = pos2(scale.plot.left() - 12.0, row.center().y);
    let count = text::thousands(items.len() as u64);
    let count = text::put(ui, right, Align2::RIGHT_CENTER, &count, tokens::mono(10.5), tokens.muted, 60.0);
    let at = pos2(row.left(), row.center().y);
    let room = count.left() - at.x - 8.0;
    let label = text::put(ui, at, Align2::LEFT_CENTER, &track.name, tokens::semibold(11.0), tokens.text, room);
    let name = ui.interact(label, ui.scope_id().with(("track", &track.name)), Sense::hover());
    let words = format!("{}, {}", track.name, text::count(items.len(), "event", "events"));
    name.widget_info(|| text::labeled(Role::Label, true, &words));
    ui.painter().hline(scale.plot.x_range(), row.center().y, Stroke::new(1.0, tokens.line));
    let step = bundle_ns(scale.span, scale.plot.width(), GAP);
    let ranges = bundles(items.iter().map(Item::t), step);
    let starts: Vec<f32> = ranges.iter().map(|range| scale.x(items[range.start].t())).collect();
    for (nth, range) in ranges.into_iter().enumerate() {
        let next = starts.get(nth + 1).copied().unwrap_or(scale.plot.right());
        bundle_ui(ui, cx, drawn, &track.name, &items[range], starts[nth], next, row);
    }
}

#[expect(clippy::too_many_arguments, reason = "one bundle of `track_ui`")]
fn bundle_ui(ui: &Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, track: &str, bundle: &[Item], x: f32, next: f32, row: Rect) {
    let Some(first) = bundle.first() else { return };
    let history = drawn.latest.history;
    let at = pos2(x, row.center().y);
    let place = Rect::from_center_size(at, vec2(10.0, 16.0));
    let key = ("bundle", track, first.t(), process(first));
    let response = ui.interact(place, ui.scope_id().with(key), Sense::click());
    let color = color(cx, bundle);
    // each doubling makes it a little larger
    let size = 3.5 + (bundle.len() as f32).log2().min(6.0) * 0.5;
    match first {
        Item::Told(note) if note.moment.what == What::PodEvent => diamond(ui, at, size, color),
        _ => {
            ui.painter().rect_filled(Rect::from_center_size(at, vec2(3.0, 3.0 * size)), 1.0, color);
        }
    }
    let words = match bundle {
        [one] => words::item(history, one),
        _ => text::count(bundle.len(), "event", "events"),
    };
    let left = at + vec2(size + 4.0, 0.0);
    let room = next - left.x - 8.0;
    if let [one] = bundle
        && room > MIN_WORDS
    {
        // the name of the track says what it is about
        let short = match one {
            Item::Told(note) => match &note.told {
                Told::Event(event) => event.message.clone(),
                _ => words.clone(),
            },
            Item::Step(_) => words.clone(),
        };
        text::put(ui, left, Align2::LEFT_CENTER, &short, tokens::sans(10.5), cx.tokens.muted, room);
    }
    let t = first.t();
    response.widget_info(|| text::labeled(Role::Button, true, format!("{track}: {words} at {}", cx.clock(t))));
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, place, 3);
    }
    if response.clicked() {
        cx.act(Action::Seek(Some(t)));
        if let ([_], Some(id)) = (bundle, process(first)) {
            cx.act(Action::SelectProcess(id));
        }
    }
    response.hover_lines_with(|| words::lines(cx, bundle, |item| words::item(history, item), Item::t));
}

fn process(item: &Item) -> Option<crate::model::ProcId> {
    match item {
        Item::Step(moment) => Some(moment.process),
        Item::Told(note) => note.told.process(),
    }
}

fn color(cx: &Cx<'_>, bundle: &[Item]) -> Color32 {
    let tokens = cx.tokens;
    let is_warning = |item: &Item| {
        matches!(item, Item::Told(note)
        if matches!(&note.told, Told::Event(event) if event.kind == EventKind::Warning))
    };
    let is_users = |item: &Item| {
        matches!(item, Item::Told(note)
        if matches!(note.told, Told::User { .. } | Told::OutOfMemory(_)))
    };
    if bundle.iter().any(is_warning) {
        return tokens.warn;
    }
    if bundle.iter().any(is_users) {
        return tokens.bad;
    }
    match bundle.first() {
        Some(Item::Step(moment)) => match moment.what {
            What::Fork | What::Exec => tokens.good,
            What::Exit | What::Reap => tokens.zombie,
            _ => tokens.accent,
        },
        Some(Item::Told(note)) if note.moment.what == What::Signal => tokens.muted,
        _ => tokens.accent,
    }
}
