//! The pod map.
//!
//! ```text
//! nginx-busybox  Running  10.244.0.2  sandbox #1 · …
//! ┌ pause ┐ ┌ nginx ────────────┐ ┌ busybox ─┐
//! │  ⬡    │ │ (nginx: master)   │ │ (sh …)   │
//! │ PID 1 │ │  └(nginx: worker) │ │  └(sleep)│
//! └───────┘ └───────────────────┘ └──────────┘
//! net   ════════●═════════════════════●═══════
//! mnt   ┄┄┄┄┄┄┄  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄  ┄┄┄┄┄┄┄┄┄┄
//! ```

mod column;
mod hexagon;
mod pill;
pub use pill::state_word;
mod rails;

use std::borrow::Cow;

use eframe::egui::{self, Align2, Color32, CornerRadius, Margin, Sense, Stroke, Ui, Vec2, pos2, vec2};

use super::icons::Icon;
use super::memo::Memo;
use super::text::HoverText as _;
use super::{Action, Cx, WorldVersion, build, text, tokens, usage, widgets, words};
use crate::layout;
use crate::layout::pod_map::{PodMap, lay_out};
use crate::model::{Member, MonoNs, NsId, Phase, Pod, PodReason, PodUid, Runtime, Sandbox, SandboxKind, Usage, World};
use hexagon::Zombies;

/// What the map shows of a pod for which many processes are looked at. The texts of what is drawn are made in each
/// frame.
#[derive(Clone, Debug)]
struct Model {
    map: PodMap,
    usage: Vec<(Member, Usage)>,
    /// The zombies of pause, while the World still has pause.
    zombies: Option<Zombies>,
    /// When and how the previous pause ended.
    last_sandbox: Option<(MonoNs, String)>,
}

impl Model {
    fn of(world: &World, pod: &Pod, width: f32, now: MonoNs) -> Self {
        Self {
            map: lay_out(world, pod, width, now),
            usage: usage::of_pod(world, pod),
            zombies: Zombies::of_pause(world, pod),
            last_sandbox: words::last_sandbox(world, pod),
        }
    }

    fn is_valid_at(&self, now: MonoNs) -> bool {
        self.map.changes_at.is_none_or(|t| now < t)
    }

    fn usage_of(&self, member: &Member) -> Option<&Usage> {
        self.usage.iter().find(|(of, _)| of == member).map(|(_, usage)| usage)
    }
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct MapState {
    /// The number is the width.
    model: Memo<(WorldVersion, PodUid, f32), Model>,
    /// The number of pods' processes in the namespace under the pointer.
    inside: Memo<(WorldVersion, NsId), usize>,
}

pub fn pod_map_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut MapState) {
    let world = cx.world;
    let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| world.pod(uid)) else {
        let hint = if world.pods.is_empty() { "Start one with New pod." } else { "Select one on the left." };
        return widgets::empty(ui, cx.tokens, "No pod to show", hint);
    };
    egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(Margin::same(16)).show(ui, |ui| {
            let tokens = cx.tokens;
            // the card's own margins and outline
            let width = (ui.available_width() - 2.0 * 21.0).max(520.0);
            let now = cx.now;
            let key = (cx.version, pod.uid.clone(), width);
            let model =
                state.model.get_while(key, |model| model.is_valid_at(now), || Model::of(world, pod, width, now));
            let card = egui::Frame::new()
                .fill(tokens.card)
                .stroke(Stroke::new(1.0, tokens.line))
                .corner_radius(CornerRadius::same(12))
                .inner_margin(Margin::symmetric(20, 16))
                .show(ui, |ui| {
                    ui.set_min_width(width);
                    header(ui, cx, pod, model.last_sandbox.as_ref());
                    ui.add_space(12.0);
                    let size = vec2(model.map.width, model.map.height);
                    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
                    paint(ui, cx, pod, model, &mut state.inside, rect.min.to_vec2());
                });
            build::drop_zone(ui, cx, pod, card.response.rect, 12);
        });
    });
}

/// Moves a rectangle of the layout to the map's place on screen.
fn on_screen(rect: layout::Rect, offset: Vec2) -> egui::Rect {
    egui::Rect::from_min_size(pos2(rect.x, rect.y) + offset, vec2(rect.w, rect.h))
}

fn header(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, last_sandbox: Option<&(MonoNs, String)>) {
    let tokens = cx.tokens;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        // a long name leaves room for the facts beside it
        let name = text::line(ui, &pod.name, tokens::bold(17.0), tokens.text, ui.available_width() * 0.42);
        ui.label(name).hover_text(format!("pod {} · uid {}", pod.name, pod.uid));
        let chip = widgets::chip(ui, tokens, &pod.status(), status_color(cx, pod));
        if let Some((title, why)) = words::status_reason(pod) {
            chip.hover_lines(format!("{}\n{}", text::escaped(&title), text::escaped(&why)));
        }
        if let Some(ip) = pod.ip {
            ui.label(text::rich(ip.to_string()).font(tokens::mono(13.0)).color(tokens.ns(crate::model::NsKind::Net)))
                .hover_text(if pod.host_network {
                    "The node's own address: the pod uses the node's network."
                } else {
                    "The pod's IP: it belongs to the net namespace, which pause holds."
                });
        }
        for (host, inside) in &pod.host_ports {
            host_port_ui(ui, cx, *host, *inside);
        }
        let mut facts = Vec::new();
        facts.extend(pod.sandbox.as_ref().and_then(Sandbox::number).map(|n| format!("sandbox #{n}")));
        facts.extend(pod.restarts().map(|n| text::count(n as usize, "restart", "restarts")));
        if !pod.containers.is_empty() {
            facts.push(match pod.runtime {
                Runtime::Lab => format!("shareProcessNamespace: {}", pod.share_pid),
                engine if pod.share_pid => format!("{} · pid namespace shared", engine.name()),
                engine => format!("{} · pid namespaces of their own", engine.name()),
            });
        }
        let facts = text::rich(facts.join(" · ")).font(tokens::sans(12.5)).color(tokens.muted);
        ui.add(egui::Label::new(facts).truncate());
    });
    if let Some((title, why)) = words::status_reason(pod) {
        status_reason_ui(ui, cx, pod, &title, &why);
    } else if let Some((at, words)) = last_sandbox {
        let words = format!("{} {words}", cx.clock(*at));
        let line = text::rich(&words).font(tokens::sans(12.0)).color(tokens.muted);
        ui.add(egui::Label::new(line).truncate()).hover_text(words);
    }
}

/// The reason for the pod's status, in a box that is easy to see.
fn status_reason_ui(ui: &mut Ui, cx: &Cx<'_>, pod: &Pod, title: &str, why: &str) {
    let tokens = cx.tokens;
    let color = status_color(cx, pod);
    ui.add_space(6.0);
    egui::Frame::new()
        .fill(tokens.tint(color).gamma_multiply(0.6))
        .stroke(Stroke::new(1.0, color))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
                Icon::Warning.paint(ui, at, color);
                ui.label(text::rich(title).font(tokens::semibold(12.5)).color(tokens.text));
            });
            ui.add(egui::Label::new(text::rich(why).font(tokens::sans(12.5))).wrap().selectable(true));
        });
}

/// A port of the host that forwards to the pod: a click opens its URL, a right click copies it.
fn host_port_ui(ui: &mut Ui, cx: &mut Cx<'_>, host: u16, inside: u16) {
    let words = format!("127.0.0.1:{host} → {inside}");
    let response = widgets::link_chip(ui, cx.tokens, &words, cx.tokens.ns(crate::model::NsKind::Net));
    let url = format!("http://127.0.0.1:{host}/");
    if response.clicked() {
        cx.act(Action::OpenPage(url.clone()));
    }
    if response.secondary_clicked() {
        ui.ctx().copy_text(url.clone());
    }
    response.hover_lines(format!(
        "Port {host} of this machine forwards to port {inside} of the pod's network.\nClick to open {url}, right-click \
         to copy it."
    ));
}

pub fn status_color(cx: &Cx<'_>, pod: &Pod) -> Color32 {
    cx.tokens.severity(words::pod_severity(pod))
}

fn paint(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    pod: &Pod,
    model: &Model,
    inside: &mut Memo<(WorldVersion, NsId), usize>,
    offset: Vec2,
) {
    let map = &model.map;
    for column in &map.columns {
        column::column_ui(ui, cx, pod, model, column, offset);
    }
    column::paint_adoptions(ui, cx, pod, map, offset);
    if let ([pause], true) = (&map.columns[..], pod.containers.is_empty()) {
        let pause = on_screen(pause.rect, offset);
        let right = ui.max_rect().right().max(pause.right());
        let free = egui::Rect::from_x_y_ranges(pause.right() + 16.0..=right, pause.y_range());
        build::first_container_ui(ui, cx, pod, free);
    }
    let title = pos2(0.0, map.rails_title_y) + offset;
    let (font, ink) = (tokens::semibold(11.0), cx.tokens.muted);
    text::put(ui, title, Align2::LEFT_TOP, "NAMESPACES", font, ink, 120.0);
    if !map.has_namespaces {
        let at = title + vec2(84.0, 0.0);
        let words = "None: no process of the pod is running. The next sandbox creates new ones.";
        let words = match &pod.sandbox {
            _ if pod.reason == Some(PodReason::NodeLost) => "None: they ended with the node.",
            None => "None yet: the sandbox creates them, and pause will hold them.",
            Some(_) if matches!(pod.phase, Phase::Succeeded | Phase::Failed) => {
                "None: the pod is finished, and its sandbox has ended."
            }
            Some(_) => words,
        };
        text::put(ui, at, Align2::LEFT_TOP, words, tokens::sans(12.0), cx.tokens.muted, map.width - 84.0);
        return;
    }
    for rail in &map.rails {
        rails::rail_ui(ui, cx, pod, rail, inside, offset);
    }
}

/// One word about the sandbox, or about the pause that holds it.
fn sandbox_word(pod: &Pod) -> Cow<'_, str> {
    let Some(sandbox) = &pod.sandbox else {
        return if pod.phase == Phase::Failed { "ended".into() } else { "sandbox".into() };
    };
    match &sandbox.kind {
        _ if sandbox.ended.is_some() => "ended".into(),
        SandboxKind::PauseNoReap => "does not reap".into(),
        SandboxKind::PauseDelay(_) => "slow motion".into(),
        SandboxKind::Own(file) => format!("from {}", words::file_name(file)).into(),
        _ => "sandbox".into(),
    }
}
