//! What is really in the selected namespace. It is read while this view is on screen.
//!
//! ```text
//! ● net  ● mnt  ● pid  ● ipc  ● uts  ● user  ● cgroup  ● time            read 2 s ago  [Read again]
//! ┌ net:[4026532328]  (shared by all 3 members of nginx-busybox) ────────────────────────────────┐
//! │ One network stack: …                                                                         │
//! └──────────────────────────────────────────────────────────────────────────────────────────────┘
//! ┌ INTERFACES ───┐ ┌ PORTS AND WHO TALKS TO WHOM ───────────────────────────────────────────────┐
//! │ eth0 …        │ │ pause         nginx  LISTEN *:80 ◄───────────── busybox  ESTAB 127.0.0.1:… │
//! └───────────────┘ └────────────────────────────────────────────────────────────────────────────┘
//! ┌ ALL NAMESPACES OF nginx-busybox ─────────────────────────────────────────────────────────────┐
//! ```

mod model;
mod net;
mod parts;
mod ports;
mod subject;
mod tables;
mod words;

use eframe::egui::{self, Align2, CornerRadius, Role, Sense, Stroke, StrokeKind, Ui, vec2};

use super::memo::Memo;
use super::text::HoverText as _;
use super::{Action, Cx, Selection, WorldVersion, text, tokens, widgets};
use crate::command::Command;
use crate::inside::InsideOf;
use crate::model::{NsId, NsKind, PodUid};
use crate::wording::duration;
use model::{KindModel, Model};
use subject::{Subject, explanation};

/// Kept by the window between frames.
#[derive(Debug)]
pub struct InsideState {
    /// The kind that was shown last, for when a process or a pod is selected.
    kind: NsKind,
    /// What was shown in the last frame.
    shown: Option<NsId>,
    model: Memo<(WorldVersion, Subject, Option<PodUid>), Model>,
}

impl Default for InsideState {
    fn default() -> Self {
        Self { kind: NsKind::Net, shown: None, model: Memo::default() }
    }
}

impl InsideState {
    /// The namespaces that the view shows.
    pub fn shows(&self, selection: &Selection) -> InsideOf {
        InsideOf { pod: selection.pod.clone(), namespace: self.shown }
    }
}

pub fn inside_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut InsideState) {
    if let Some(ns) = cx.selection.namespace {
        state.kind = ns.kind;
    }
    let world = cx.world;
    state.shown = None;
    let Some(subject) = Subject::of(world, cx.selection, state.kind) else {
        let hint = "Select a pod on the left, or click a namespace in the pod map.";
        return widgets::empty(ui, cx.tokens, "No namespace selected", hint);
    };
    (state.kind, state.shown) = (subject.ns.kind, Some(subject.ns));
    let key = (cx.version, subject, cx.selection.pod.clone());
    let model = state.model.get(key, || Model::of(world, cx.selection, subject));
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let margin = egui::Margin { left: 16, right: 16, top: 10, bottom: 14 };
        egui::Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(12.0, 10.0);
            kinds_ui(ui, cx, subject.ns, model);
            head_ui(ui, cx, subject.ns, model);
            if model.is_unread {
                unread_ui(ui, cx, model);
            }
            if let Some(net) = &model.net {
                net::net_ui(ui, cx, net);
            }
            for (i, table) in model.tables.iter().enumerate() {
                parts::table_ui(ui, cx, i, table);
            }
            summaries_ui(ui, cx, subject.ns, &model.kinds);
        });
    });
}

/// One button for each kind, and how old the reading is.
fn kinds_ui(ui: &mut Ui, cx: &mut Cx<'_>, ns: NsId, model: &Model) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for kind in &model.kinds {
            kind_ui(ui, cx, ns, kind);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if cx.live {
                let button = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Read again", None);
                if button.clicked() {
                    let of = InsideOf { pod: cx.selection.pod.clone(), namespace: Some(ns) };
                    cx.act(Action::Do(Command::ReadInside(of)));
                }
            }
            if let Some(read) = model.read {
                let age = cx.now.since(read) / 1_000_000_000;
                let words = match age {
                    0 => "read just now".to_owned(),
                    seconds => format!("read {} ago", duration::format_like_kubectl(seconds * 1_000_000_000)),
                };
                ui.label(text::rich(words).font(tokens::sans(11.5)).color(cx.tokens.faint));
            }
        });
    });
}

fn kind_ui(ui: &mut Ui, cx: &mut Cx<'_>, shown: NsId, kind: &KindModel) {
    let name = kind.kind.name();
    let is_shown = kind.kind == shown.kind;
    let font = if is_shown { tokens::mono_bold(12.0) } else { tokens::mono(12.0) };
    let width = text::line(ui, name, font.clone(), cx.tokens.text, 100.0).size().x + 30.0;
    let sense = if kind.ns.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 26.0), sense);
    let color = cx.tokens.ns(kind.kind);
    if is_shown {
        ui.painter().rect_filled(rect, CornerRadius::same(7), cx.tokens.tint(color));
        ui.painter().rect_stroke(rect, CornerRadius::same(7), Stroke::new(1.0, color), StrokeKind::Inside);
    } else if response.hovered() && kind.ns.is_some() {
        ui.painter().rect_filled(rect, CornerRadius::same(7), cx.tokens.inset);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, rect.shrink(2.0), 6);
    }
    let dot = if kind.ns.is_some() { color } else { cx.tokens.faint };
    ui.painter().circle_filled(rect.left_center() + vec2(12.0, 0.0), 4.0, dot);
    let ink = match (is_shown, kind.ns) {
        (true, _) => cx.tokens.text,
        (false, Some(_)) => cx.tokens.muted,
        (false, None) => cx.tokens.faint,
    };
    text::put(ui, rect.left_center() + vec2(22.0, 0.0), Align2::LEFT_CENTER, name, font, ink, width);
    response.widget_info(|| text::selected(Role::Tab, kind.ns.is_some(), is_shown, format!("Inside {name}")));
    if let Some(ns) = kind.ns.filter(|_| response.clicked()) {
        cx.act(Action::SelectNamespace(ns));
    }
    let (first, _) = &kind.summary;
    response.hover_text(if first.is_empty() { name } else { first });
}

/// The namespace, who is in it, and what it is.
fn head_ui(ui: &mut Ui, cx: &mut Cx<'_>, ns: NsId, model: &Model) {
    let color = cx.tokens.ns(ns.kind);
    parts::card(ui, cx.tokens, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.label(text::rich(ns.to_string()).font(tokens::mono_bold(15.0)).color(color));
            widgets::chip(ui, cx.tokens, &model.sharing, color);
            for (sibling, members) in &model.siblings {
                let is_shown = *sibling == ns;
                let ink = if is_shown { color } else { cx.tokens.muted };
                let chip = widgets::link_chip(ui, cx.tokens, &format!("of {members}"), ink);
                if chip.clicked() && !is_shown {
                    cx.act(Action::SelectNamespace(*sibling));
                }
            }
        });
        ui.label(text::rich(explanation(ns.kind)).font(tokens::sans(13.0)).color(cx.tokens.text));
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let small = |words: &str| text::rich(words).font(tokens::sans(11.5)).color(cx.tokens.muted);
            ui.label(small(&format!("Kept alive by {}", model.holders)));
            if let Some(owner) = model.owner {
                ui.label(small("· owned by"));
                let link = egui::Link::new(small(&owner.to_string()).color(cx.tokens.ns(NsKind::User)));
                if ui.add(link).hover_text("Select the user namespace that owns it").clicked() {
                    cx.act(Action::SelectNamespace(owner));
                }
            }
        });
    });
}

fn unread_ui(ui: &mut Ui, cx: &Cx<'_>, model: &Model) {
    let words = if !cx.live {
        "It had not been read at this moment. What is in a namespace is read while this view is open."
    } else if model.holders == "no process" {
        "It was not read while a process was in it, and now nothing leads to it."
    } else {
        "Reading what is in it…"
    };
    parts::card(ui, cx.tokens, |ui| {
        ui.label(text::rich(words).font(tokens::sans(13.0)).color(cx.tokens.muted));
    });
}

/// What is in each namespace, in a line.
fn summaries_ui(ui: &mut Ui, cx: &mut Cx<'_>, shown: NsId, kinds: &[KindModel]) {
    parts::card(ui, cx.tokens, |ui| {
        widgets::section(ui, cx.tokens, "All its namespaces");
        ui.spacing_mut().item_spacing.y = 0.0;
        for kind in kinds.iter().filter(|kind| kind.kind != shown.kind) {
            summary_ui(ui, cx, kind);
        }
    });
}

fn summary_ui(ui: &mut Ui, cx: &mut Cx<'_>, kind: &KindModel) {
    let sense = if kind.ns.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 38.0), sense);
    let (first, second) = &kind.summary;
    response.widget_info(|| text::labeled(Role::Button, kind.ns.is_some(), format!("{}: {first}", kind.kind)));
    if let Some(ns) = kind.ns.filter(|_| response.clicked()) {
        cx.act(Action::SelectNamespace(ns));
    }
    if response.hovered() && kind.ns.is_some() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(6), cx.tokens.inset);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, rect, 6);
    }
    let (color, left) = (cx.tokens.ns(kind.kind), rect.left_center());
    ui.painter().circle_filled(left + vec2(5.0, 0.0), 4.0, color);
    text::put(ui, left + vec2(18.0, 0.0), Align2::LEFT_CENTER, kind.kind.name(), tokens::mono_bold(12.0), color, 60.0);
    let (x, room) = (90.0, rect.width() - 94.0);
    let y = if second.is_empty() { 0.0 } else { -8.0 };
    let font = tokens::medium(12.5);
    text::put(ui, left + vec2(x, y), Align2::LEFT_CENTER, first, font, cx.tokens.text, room);
    text::put(ui, left + vec2(x, 9.0), Align2::LEFT_CENTER, second, tokens::sans(11.5), cx.tokens.muted, room);
}

#[cfg(test)]
mod tests;
