//! The list of pods, how to start one, and how to delete several.

mod delete;
mod marks;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{self, Align2, CornerRadius, Key, Modifiers, Rect, Role, Sense, Stroke, StrokeKind, Ui, vec2};

pub use self::delete::{DeleteDialog, delete_ui};
use self::marks::{Choice, Marks};
use super::icons::Icon;
use super::memo::Memo;
use super::new_pod::Page;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, build, text, tokens, widgets, words};
use crate::command::Command;
use crate::model::{Container, NodeTrouble, Pod, PodReason, PodUid, Process, Runtime, Sandbox, Signal, World};
use crate::ui::Action;
use crate::wording::ending::{node_end, pod_message};

const CARD_H: f32 = 64.0;
/// The height up to which there is no room for anything below the list.
const LOW: f32 = 340.0;

/// A pod of the list.
#[derive(Clone, Debug)]
struct Listed {
    pod: Arc<Pod>,
    /// Its zombies in words, if it has any.
    zombies: Option<String>,
}

#[derive(Clone, Debug)]
struct List {
    /// All pods in the order of the list.
    pods: Vec<Listed>,
    /// Those that can be deleted.
    deletable: Vec<PodUid>,
}

fn list(world: &World) -> List {
    let mut zombies: BTreeMap<&PodUid, Vec<&Process>> = BTreeMap::new();
    for zombie in world.zombies() {
        if let Some(member) = &zombie.member {
            zombies.entry(&member.pod).or_default().push(zombie);
        }
    }
    let listed = |pod: &Arc<Pod>| {
        let zombies = zombies.get(&pod.uid).map(|zombies| words::zombies(pod, zombies));
        Listed { pod: Arc::clone(pod), zombies }
    };
    List { pods: world.pods_in_order().into_iter().map(listed).collect(), deletable: deletable(world) }
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct PodsState {
    list: Memo<WorldVersion, List>,
    marks: Marks,
}

/// Whether the lab can delete a pod.
fn can_be_deleted(pod: &Pod) -> bool {
    // only a live node can
    pod.is_of_lab() && !matches!(pod.reason, Some(PodReason::NodeLost | PodReason::Terminating))
}

/// The pods of the lab that can be deleted, in the order of the list.
pub fn deletable(world: &World) -> Vec<PodUid> {
    world.pods_in_order().into_iter().filter(|pod| can_be_deleted(pod)).map(|pod| pod.uid.clone()).collect()
}

/// `trouble` is the node's present state, also while the past is shown.
pub fn pods_ui(ui: &mut Ui, cx: &mut Cx<'_>, trouble: Option<NodeTrouble>, state: &mut PodsState) {
    ui.add_space(12.0);
    ui.horizontal(|ui| {
        widgets::section(ui, cx.tokens, "Pods");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let style = widgets::ButtonStyle::Primary;
            if widgets::button(ui, cx.tokens, style, Some(Icon::Plus), "New pod", None).clicked() {
                cx.act(Action::NewPod(Page::Presets));
            }
        });
    });
    ui.add_space(6.0);
    if let Some(trouble) = trouble {
        node_card(ui, cx, trouble);
    }
    let world = cx.world;
    if world.pods.is_empty() && trouble.is_none() {
        ui.add_space(8.0);
        ui.label(text::rich("No pods yet.").color(cx.tokens.muted));
    }
    // in a low window they scroll with the list
    let is_low = ui.available_height() < LOW;
    if !is_low {
        let below = egui::Panel::bottom("container templates").frame(egui::Frame::new()).resizable(false);
        below.show_separator_line(false).show(ui, |ui| {
            ui.add_space(6.0);
            build::palette_ui(ui, cx);
        });
    }
    let List { pods, deletable } = state.list.get(cx.version, || list(world));
    // the past cannot be changed
    let order = if cx.live { deletable.as_slice() } else { &[] };
    marked_ui(ui, cx, order, &mut state.marks);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for listed in pods {
            card(ui, cx, listed, order, &mut state.marks);
        }
        if is_low {
            ui.add_space(6.0);
            build::palette_ui(ui, cx);
        }
    });
}

/// What can be done with the marked pods, if there are several.
fn marked_ui(ui: &mut Ui, cx: &mut Cx<'_>, order: &[PodUid], marks: &mut Marks) {
    let marked = marks.list(order);
    if marked.len() < 2 {
        return;
    }
    ui.horizontal(|ui| {
        let label = format!("Delete {}…", text::count(marked.len(), "pod", "pods"));
        let style = widgets::ButtonStyle::Outline(cx.tokens.bad);
        let delete = widgets::button(ui, cx.tokens, style, Some(Icon::Trash), &label, None);
        if delete.hover_text("Asks once, and names them").clicked() {
            cx.act(Action::AskDelete(marked));
        }
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Unmark", None).clicked() {
            marks.clear();
        }
    });
    ui.add_space(4.0);
}

/// Click selects, with Ctrl or Shift it marks; so do Enter and space. Ctrl + A marks all, Delete asks to delete what is
/// marked, or this pod.
fn choose_ui(ui: &Ui, cx: &mut Cx<'_>, pod: &PodUid, response: &egui::Response, order: &[PodUid], marks: &mut Marks) {
    if response.clicked() {
        let modifiers = ui.input(|input| input.modifiers);
        let choice = match (modifiers.command, modifiers.shift) {
            (true, _) => Choice::Toggle,
            (false, true) => Choice::Range,
            (false, false) => Choice::Alone,
        };
        marks.choose(order, cx.selection.pod.as_ref(), pod, choice);
        if choice == Choice::Alone || !order.contains(pod) {
            cx.act(Action::SelectPod(pod.clone()));
        }
    }
    if !response.has_focus() {
        return;
    }
    let (all, delete, unmark) = ui.input_mut(|input| {
        let mut pressed = |modifiers, key| input.consume_key(modifiers, key);
        let all = pressed(Modifiers::COMMAND, Key::A);
        (all, pressed(Modifiers::NONE, Key::Delete), pressed(Modifiers::NONE, Key::Escape))
    });
    if all {
        marks.mark_all(order);
    }
    if unmark {
        marks.clear();
    }
    if delete && order.contains(pod) {
        let marked = marks.list(order);
        cx.act(Action::AskDelete(if marked.is_empty() { vec![pod.clone()] } else { marked }));
    }
}

/// A card for a node that does not work: the reason, and the button that helps.
fn node_card(ui: &mut Ui, cx: &mut Cx<'_>, trouble: NodeTrouble) {
    let tokens = cx.tokens;
    let (title, why, label, action) = match trouble {
        NodeTrouble::Ended(end) => (
            "The lab's node is gone",
            format!("{}. The kernel has killed every pod with it.", node_end(end)),
            "Start the lab again",
            Action::Do(Command::StartNode),
        ),
        NodeTrouble::Stopped(node) => (
            "The lab's node does not answer",
            format!(
                "It is stopped (state T, pid {node}). Until it continues, it does not start, restart or delete \
                 anything in its pods, and it does not reap what ends there."
            ),
            "Continue it (CONT)…",
            Action::Do(Command::Signal { target: node, signal: Signal::CONT }),
        ),
        NodeTrouble::Silent(node, since) => (
            "The lab's node does not answer",
            format!(
                "It has not answered since {}. It may be busy. If it stays so, send KILL to it (pid {node}) and start \
                 the lab again.",
                cx.clock(since)
            ),
            "Show the node",
            Action::SelectProcess(node),
        ),
    };
    let color = if matches!(trouble, NodeTrouble::Ended(_)) { tokens.bad } else { tokens.warn };
    egui::Frame::new()
        .fill(tokens.tint(color))
        .stroke(Stroke::new(1.0, color))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(egui::Margin::same(12))
        .show(ui, |ui| {
            ui.label(text::rich(title).font(tokens::semibold(13.0)).color(color));
            ui.label(text::rich(why));
            ui.add_space(4.0);
            let width = ui.available_width();
            if widgets::button(ui, tokens, widgets::ButtonStyle::Primary, None, label, Some(width)).clicked() {
                cx.act(action);
            }
        });
    ui.add_space(6.0);
}

/// A card that is scrolled out of sight keeps its place, its name and the keyboard focus. Nothing else is computed for
/// it.
fn card(ui: &mut Ui, cx: &mut Cx<'_>, listed: &Listed, order: &[PodUid], marks: &mut Marks) {
    let (tokens, pod) = (cx.tokens, listed.pod.as_ref());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), CARD_H), Sense::click());
    let chosen = cx.selection.pod.as_ref() == Some(&pod.uid);
    choose_ui(ui, cx, &pod.uid, &response, order, marks);
    let is_marked = marks.contains(&pod.uid) && order.contains(&pod.uid);
    response.widget_info(|| {
        let mark = if is_marked { ", marked" } else { "" };
        text::selected(Role::Button, true, chosen, format!("Pod {}, {}{mark}", pod.name, pod.status()))
    });
    // the ring of the focus is around the card
    if !ui.is_rect_visible(rect.expand(4.0)) {
        return;
    }
    let status = pod.status();
    let (fill, line) = match (chosen || is_marked, response.hovered()) {
        (true, _) => (tokens.accent_fill, tokens.accent),
        (false, true) => (tokens.inset, tokens.line_strong),
        (false, false) => (tokens.inset, tokens.line),
    };
    ui.painter().rect(rect, CornerRadius::same(8), fill, Stroke::new(1.0, line), StrokeKind::Inside);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 8);
    }
    if is_marked {
        // not by the colour alone
        let sign = Rect::from_center_size(rect.right_bottom() - vec2(14.0, 13.0), vec2(14.0, 14.0));
        Icon::Check.paint(ui, sign, tokens.accent);
    }
    let color = super::pod_map::status_color(cx, pod);
    let top = rect.top() + 18.0;
    ui.painter().circle_filled(egui::pos2(rect.left() + 16.0, top), 4.5, color);
    let right = egui::pos2(rect.right() - 10.0, top);
    let left = rect.left() + 28.0;
    let at = egui::pos2(left, top);
    let room = rect.right() - left - 10.0;
    // the name has priority: if the status is too long, it goes to the second line, beside the IP
    let name = text::line(ui, &pod.name, tokens::semibold(13.0), tokens.text, room);
    let status_w = text::line(ui, &status, tokens::semibold(11.0), color, 160.0).size().x + 18.0;
    let crowded = name.size().x + status_w + 8.0 > room;
    let chip_at = if crowded { right + vec2(0.0, 20.0) } else { right };
    widgets::chip_at(ui, tokens, chip_at, Align2::RIGHT_CENTER, &status, color);
    ui.painter().galley(at - vec2(0.0, name.size().y / 2.0), name, tokens.text);
    let mut second = match pod.runtime {
        Runtime::Lab => pod.ip.map_or("no IP".into(), |ip| ip.to_string()),
        engine => engine.name().to_owned(),
    };
    if let Some(sandbox) = pod.sandbox.as_ref().and_then(Sandbox::number).filter(|n| *n > 1) {
        second = format!("{second} · sandbox #{sandbox}");
    }
    let second_room = if crowded { room - status_w - 8.0 } else { room };
    if second_room > 60.0 {
        text::put(
            ui,
            at + vec2(0.0, 18.0),
            Align2::LEFT_CENTER,
            &second,
            tokens::mono(11.0),
            tokens.muted,
            second_room,
        );
    }
    let (line, ink) = summary(cx, listed);
    text::put(ui, at + vec2(0.0, 34.0), Align2::LEFT_CENTER, &line, tokens::sans(11.0), ink, room);
    build::drop_zone(ui, cx, pod, rect, 8);
    response.on_hover_ui(|ui| {
        ui.set_max_width(440.0);
        ui.label(text::rich(format!("{} · {status}", pod.name)).font(tokens::semibold(12.5)));
        if let Some((title, why)) = words::status_reason(pod) {
            ui.label(text::rich(title));
            ui.label(text::rich(why));
        }
        for c in &pod.containers {
            let (word, _) = words::state(c);
            ui.label(text::rich(format!("{} · {word} · {}", c.name, words::detail(c, cx.now))));
        }
    });
}

/// The most important fact about a pod: why it has no sandbox, its zombies, or a container that waits for a restart or
/// for its KILL; otherwise its members.
fn summary(cx: &Cx<'_>, Listed { pod, zombies }: &Listed) -> (String, egui::Color32) {
    if pod.reason == Some(PodReason::FailedCreatePodSandBox) {
        return (pod_message(pod).map_or_else(|| "will be retried soon".into(), Cow::into_owned), cx.tokens.bad);
    }
    if let Some(zombies) = zombies {
        return (zombies.clone(), cx.tokens.zombie);
    }
    let is_waiting = |c: &&Container| c.countdown().is_some() || words::waiting_message(c).is_some();
    if let Some(c) = pod.containers.iter().find(is_waiting) {
        let color = if c.kill_at.is_some() { cx.tokens.warn } else { cx.tokens.severity(words::state(c).1) };
        return (format!("{} · {}", c.name, words::detail(c, cx.now)), color);
    }
    let members = pod.containers.len()
        + usize::from(!matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(crate::model::SandboxKind::Infra(_))));
    let pid = if pod.share_pid { "pid shared" } else { "pid not shared" };
    if pod.containers.is_empty() {
        return ("sandbox only".into(), cx.tokens.muted);
    }
    let mut parts = vec![text::count(members, "member", "members")];
    if let Some(restarts) = pod.restarts().filter(|n| *n > 0) {
        parts.push(text::count(restarts as usize, "restart", "restarts"));
    }
    parts.push(pid.into());
    parts.extend(pod.host_ports.first().map(|(host, inside)| format!(":{host} → {inside}")));
    (parts.join(" · "), cx.tokens.muted)
}
