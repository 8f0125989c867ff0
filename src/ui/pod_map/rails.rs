//! The rail of one namespace kind: a bar across the members that share it or that it is held for, a dashed outline
//! where it is private, and a thin grey line where it is the host's or the node's.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::glow::glow_ui;
use super::{Drawing, clipped};
use crate::command::Command;
use crate::layout::pod_map::{Rail, Segment, Sharing};
use crate::model::prediction::Hit;
use crate::model::{NsId, NsKind, Pod, names};
use crate::ui::Action;
use crate::ui::memo::Memo;
use crate::ui::text::HoverText as _;
use crate::ui::tokens::Tokens;
use crate::ui::{Cx, WorldVersion, text, tokens, widgets};

/// The number of pods' processes in the namespace under the pointer.
pub type Inside = Memo<(WorldVersion, NsId), usize>;

/// All rails, in the order of the kinds.
pub fn rails_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawing: &Drawing<'_>, rails: &[Rail], inside: &mut Inside) {
    let view = drawing.view;
    for (nth, rail) in rails.iter().enumerate() {
        let (row, _) = view.rail(0.0, 0.0, nth);
        let (font, color) = (tokens::mono_bold(12.0), cx.tokens.ns(rail.kind));
        let at = pos2(view.columns.left() - 14.0, row.center().y);
        text::put(ui, at, Align2::RIGHT_CENTER, rail.kind.name(), font, color, 80.0);
    }
    // what begins in other columns is not drawn over pause
    for is_pinned in [true, false] {
        let clip = Rect::from_x_y_ranges(view.clip(is_pinned).x_range(), view.rails.y_range());
        clipped(ui, clip, ("rails", is_pinned), |ui| {
            for (nth, rail) in rails.iter().enumerate() {
                for (i, segment) in rail.segments.iter().enumerate() {
                    if view.is_pinned(segment.x) == is_pinned {
                        let (bar, clip) = view.rail(segment.x, segment.right(), nth);
                        let last = i + 1 == rail.segments.len();
                        let place = Place { kind: rail.kind, bar, visible: bar.intersect(clip), last };
                        segment_ui(ui, cx, drawing, segment, &place, inside);
                    }
                }
            }
        });
    }
}

/// Where a segment is.
struct Place {
    kind: NsKind,
    bar: Rect,
    /// The part of it that is in view, where its words are.
    visible: Rect,
    /// It is the last one of its rail: what the namespace means is written there.
    last: bool,
}

fn segment_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    drawing: &Drawing<'_>,
    segment: &Segment,
    place: &Place,
    inside: &mut Inside,
) {
    let (tokens, kind, rect) = (cx.tokens, place.kind, place.bar);
    let color = tokens.ns(kind);
    let Some(ns) = segment.ns else {
        let words = format!("{kind} not visible");
        let (font, ink) = (tokens::sans(11.0), tokens.muted);
        text::put(ui, rect.center(), Align2::CENTER_CENTER, "not visible", font, ink, rect.width());
        let response = ui.interact(rect, drawing.id.with(("no rail", kind as u8, segment.x.to_bits())), Sense::hover());
        response.widget_info(|| text::labeled(Role::Label, true, &words));
        return;
    };
    let key = drawing.id.with(("rail", kind as u8, segment.x.to_bits()));
    let response = ui.interact(rect, key, Sense::click());
    let word = sharing_words(cx, drawing.pod, segment, kind);
    let chosen = cx.selection.namespace == Some(ns);
    let is_released = drawing.hits.is_some_and(|hits| hits.released.contains(&ns));
    response.widget_info(|| {
        let would = if is_released { ", would be released" } else { "" };
        text::selected(Role::Button, true, chosen, format!("{ns}, {word}{would}"))
    });
    let radius = CornerRadius::same((rect.height() / 2.0) as u8);
    let hot = response.hovered() || chosen;
    match segment.sharing {
        Sharing::Host | Sharing::Node => grey_bar_ui(ui, tokens, place, hot, &word),
        Sharing::Private | Sharing::Unknown => {
            if hot {
                ui.painter().rect_filled(rect, radius, tokens.tint(color));
            }
            let stroke = Stroke::new(1.2, color.gamma_multiply(0.8));
            widgets::dashed_round_rect(ui, rect.shrink(0.75), 9.0, stroke);
            label(ui, place.visible, &ns.to_string(), None, color);
        }
        Sharing::Shared | Sharing::Held => {
            ui.painter().rect_filled(rect, radius, tokens.tint(color).gamma_multiply(if hot { 1.6 } else { 1.0 }));
            ui.painter().rect_stroke(rect, radius, Stroke::new(1.5, color), StrokeKind::Inside);
            for stop in &segment.stops {
                if let Some(x) = drawing.view.point(*stop) {
                    ui.painter().circle_filled(pos2(x, rect.top()), 3.5, color);
                }
            }
            let note = note(cx, drawing.pod, ns);
            let held = (segment.sharing == Sharing::Held).then(|| word.clone());
            let right = [held, note.filter(|_| place.last)].into_iter().flatten().collect::<Vec<_>>().join(" · ");
            label(ui, place.visible, &ns.to_string(), Some(right.as_str()).filter(|words| !words.is_empty()), color);
        }
    }
    if is_released {
        let radius = (rect.height() / 2.0) as u8;
        glow_ui(ui, tokens, rect.intersect(place.visible).shrink(1.0), radius, Hit::Ends, None);
    }
    if chosen {
        ui.painter().rect_stroke(rect.expand(1.0), radius, Stroke::new(2.0, tokens.accent), StrokeKind::Outside);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 9);
    }
    if response.clicked() {
        cx.act(Action::SelectNamespace(ns));
    }
    if response.double_clicked() {
        cx.act(Action::Do(Command::Show("inside".into())));
    }
    response.hover_lines_with(|| {
        let count = *inside.get((cx.version, ns), || cx.world.ns_members_of_pods(ns).len());
        let processes = text::count(count, "process of the pods", "processes of the pods");
        let would = if is_released { "\nNo process would be left in it" } else { "" };
        // a name must not begin a line
        let word = text::escaped(&word);
        format!("{ns}\n{word}, {processes} in it{would}\nDouble-click to see what is inside")
    });
}

/// Who is in it.
fn sharing_words(cx: &Cx<'_>, pod: &Pod, segment: &Segment, kind: NsKind) -> String {
    match segment.sharing {
        Sharing::Shared => format!("shared by {} members", segment.stops.len()),
        Sharing::Held => {
            let holder = pod.sandbox.as_ref().and_then(|s| cx.world.process(s.process?));
            format!("held by {}", holder.map_or("pause".into(), names::member_name))
        }
        Sharing::Private => "private".to_owned(),
        Sharing::Host => "shared with the host".to_owned(),
        Sharing::Node if kind == NsKind::Net => "node's network".to_owned(),
        Sharing::Node => format!("the node's {kind} namespace"),
        Sharing::Unknown => "not visible".to_owned(),
    }
}

/// That of a namespace which is not the pod's.
fn grey_bar_ui(ui: &Ui, tokens: &Tokens, place: &Place, hot: bool, word: &str) {
    let bar = Rect::from_center_size(place.bar.center(), vec2(place.bar.width(), 5.0));
    ui.painter().rect_filled(bar, CornerRadius::same(3), if hot { tokens.line_strong } else { tokens.line });
    if place.last {
        let visible = place.visible;
        let galley = text::line(ui, word, tokens::sans(11.0), tokens.muted, visible.width() - 20.0);
        let at = pos2(visible.right() - 14.0 - galley.size().x, visible.center().y - galley.size().y / 2.0);
        let behind = Rect::from_min_size(at, galley.size()).expand2(vec2(6.0, 0.0));
        ui.painter().rect_filled(behind, CornerRadius::ZERO, tokens.card);
        ui.painter().galley(at, galley, tokens.muted);
    }
}

/// Words at both ends of the part that is in view. Those on the right only where there is room for all of them.
fn label(ui: &Ui, rect: Rect, left: &str, right: Option<&str>, color: Color32) {
    let room = rect.width() - 28.0;
    if room < 20.0 {
        return;
    }
    let at = rect.left_center() + vec2(14.0, 0.0);
    let left = text::put(ui, at, Align2::LEFT_CENTER, left, tokens::mono(11.0), color, room);
    if let Some(right) = right {
        let at = rect.right_center() - vec2(14.0, 0.0);
        let room = rect.right() - left.right() - 28.0;
        text::put_middle(ui, at, Align2::RIGHT_CENTER, right, tokens::mono(11.0), color, room);
    }
}

/// What this namespace means for the pod. Shown at the right end of its bar.
fn note(cx: &Cx<'_>, pod: &Pod, ns: NsId) -> Option<String> {
    match ns.kind {
        NsKind::Net => Some(pod.ip.map_or("lo".into(), |ip| format!("eth0 {ip} · lo"))),
        NsKind::Uts => Some(pod.name.clone()),
        NsKind::Pid => {
            let init = cx.world.pid_ns_init(ns).filter(|p| p.is_alive())?;
            Some(format!("init: {}", names::member_name(init)))
        }
        NsKind::User => {
            let uid = pod.sandbox.as_ref()?.process.and_then(|id| cx.world.process(id))?.uid?;
            Some(format!("0 → {uid}"))
        }
        _ => None,
    }
}
