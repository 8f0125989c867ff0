//! The rail of one namespace kind: a bar across the members that share it, a dashed outline where it is private, and a
//! thin grey line where it is the host's or the node's.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};

use crate::command::Command;
use crate::layout::pod_map::{Rail, Segment, Sharing};
use crate::model::{NsId, NsKind, Pod, names};
use crate::ui::Action;
use crate::ui::memo::Memo;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, WorldVersion, text, tokens, widgets};

/// `inside` keeps the number of pods' processes in a namespace.
pub fn rail_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    pod: &Pod,
    rail: &Rail,
    inside: &mut Memo<(WorldVersion, NsId), usize>,
    offset: Vec2,
) {
    let color = cx.tokens.ns(rail.kind);
    if let Some(first) = rail.segments.first() {
        let at = pos2(first.x - 14.0, rail.y + rail.h / 2.0) + offset;
        text::put(ui, at, Align2::RIGHT_CENTER, rail.kind.name(), tokens::mono_bold(12.0), color, 80.0);
    }
    let is_unknown = rail.segments.iter().all(|s| s.sharing == Sharing::Unknown);
    for (i, segment) in rail.segments.iter().enumerate() {
        let rect = Rect::from_min_size(pos2(segment.x, rail.y) + offset, vec2(segment.w, rail.h));
        let last = i + 1 == rail.segments.len();
        segment_ui(ui, cx, pod, rail.kind, segment, inside, rect, last && !is_unknown);
    }
}

#[expect(clippy::too_many_arguments, reason = "one segment of `rail_ui`")]
fn segment_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    pod: &Pod,
    kind: NsKind,
    segment: &Segment,
    inside: &mut Memo<(WorldVersion, NsId), usize>,
    rect: Rect,
    note_here: bool,
) {
    let tokens = cx.tokens;
    let color = tokens.ns(kind);
    let Some(ns) = segment.ns else {
        let line = [rect.left_center(), rect.right_center()];
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.0, tokens.line), 2.0, 4.0));
        return;
    };
    let response = ui.interact(rect, ui.scope_id().with(("rail", kind as u8, segment.x.to_bits())), Sense::click());
    let word = match segment.sharing {
        Sharing::Shared => format!("shared by {} members", segment.stops.len()),
        Sharing::Private => "private".to_owned(),
        Sharing::Host => "shared with the host".to_owned(),
        Sharing::Node if kind == NsKind::Net => "node's network".to_owned(),
        Sharing::Node => format!("the node's {kind} namespace"),
        Sharing::Unknown => "not visible".to_owned(),
    };
    let chosen = cx.selection.namespace == Some(ns);
    response.widget_info(|| text::selected(Role::Button, true, chosen, format!("{ns}, {word}")));
    let radius = CornerRadius::same(9);
    let hot = response.hovered() || chosen;
    let note = note(cx, pod, ns);
    match segment.sharing {
        Sharing::Host | Sharing::Node => {
            let bar = Rect::from_center_size(rect.center(), vec2(rect.width(), 5.0));
            ui.painter().rect_filled(bar, CornerRadius::same(3), if hot { tokens.line_strong } else { tokens.line });
            if note_here {
                let galley = text::line(ui, &word, tokens::sans(11.0), tokens.muted, rect.width() - 20.0);
                let at = pos2(rect.right() - 14.0 - galley.size().x, rect.center().y - galley.size().y / 2.0);
                let behind = Rect::from_min_size(at, galley.size()).expand2(vec2(6.0, 0.0));
                ui.painter().rect_filled(behind, CornerRadius::ZERO, tokens.card);
                ui.painter().galley(at, galley, tokens.muted);
            }
        }
        Sharing::Private | Sharing::Unknown => {
            if hot {
                ui.painter().rect_filled(rect, radius, tokens.tint(color));
            }
            widgets::dashed_round_rect(ui, rect.shrink(0.75), 9.0, Stroke::new(1.2, color.gamma_multiply(0.8)));
            label(ui, rect, &ns.to_string(), None, color);
        }
        Sharing::Shared => {
            ui.painter().rect_filled(rect, radius, tokens.tint(color).gamma_multiply(if hot { 1.6 } else { 1.0 }));
            ui.painter().rect_stroke(rect, radius, Stroke::new(1.5, color), StrokeKind::Inside);
            for stop in &segment.stops {
                let x = stop + rect.left() - segment.x;
                ui.painter().circle_filled(pos2(x, rect.top()), 3.5, color);
            }
            label(ui, rect, &ns.to_string(), note.as_deref().filter(|_| note_here), color);
        }
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
        format!("{ns}\n{word}, {processes} in it\nDouble-click to see what is inside")
    });
}

fn label(ui: &Ui, rect: Rect, left: &str, right: Option<&str>, color: eframe::egui::Color32) {
    let at = rect.left_center() + vec2(14.0, 0.0);
    let room = rect.width() - 28.0;
    let left = text::put(ui, at, Align2::LEFT_CENTER, left, tokens::mono(11.0), color, room);
    if let Some(right) = right {
        let at = rect.right_center() - vec2(14.0, 0.0);
        text::put(ui, at, Align2::RIGHT_CENTER, right, tokens::mono(11.0), color, rect.right() - left.right() - 28.0);
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
