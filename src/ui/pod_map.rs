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
//!
//! Only the processes are scrolled up and down, and only containers sideways.

mod column;
mod fold;
mod glow;
mod head;
mod header;
mod hexagon;
mod legend;
mod pill;
mod rails;
mod resting;
mod tools;
mod viewport;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::Hash;

use eframe::egui::{
    self, Align2, Color32, CornerRadius, Id, Margin, Rect, ScrollArea, Stroke, Ui, UiBuilder, Vec2, pos2, vec2,
};

use super::memo::Memo;
use super::signals::foretold;
use super::{Cx, WorldVersion, build, text, tokens, usage, widgets, words};
use crate::layout::pod_map::{Arrangement, FoldKey, Parts, PodMap, RAIL_ORDER, lay_out};
use crate::model::prediction::{Hits, predict};
use crate::model::{Member, MonoNs, Phase, Pod, PodReason, PodUid, ProcId, SandboxKind, Signal, Usage, World};
use hexagon::Zombies;
pub use pill::state_word;
use rails::Inside;
use resting::Resting;
pub use tools::MapAction;
use tools::{MapView, tools_ui};
use viewport::{LABEL_W, Viewport, Zoom, content_size};

/// Around the card, and in it.
const OUTER: f32 = 16.0;
const INNER: Margin = Margin::symmetric(20, 16);

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
    resting: Option<Resting>,
}

impl Model {
    fn of(world: &World, pod: &Pod, arrangement: &Arrangement, now: MonoNs) -> Self {
        let map = lay_out(world, pod, arrangement, now);
        Self {
            usage: usage::of_pod(world, pod),
            zombies: Zombies::of_pause(world, pod),
            last_sandbox: words::last_sandbox(world, pod),
            resting: Resting::of(&map, pod),
            map,
        }
    }

    fn is_valid_at(&self, now: MonoNs) -> bool {
        self.map.changes_at.is_none_or(|t| now < t)
    }

    fn usage_of(&self, member: &Member) -> Option<&Usage> {
        self.usage.iter().find(|(of, _)| of == member).map(|(_, usage)| usage)
    }
}

/// What the user has opened and folded.
#[derive(Clone, Debug, Default)]
struct Folding {
    open: BTreeSet<FoldKey>,
    columns: BTreeSet<Member>,
    /// Counts the changes.
    edits: u64,
}

impl Folding {
    fn apply(&mut self, changes: Changes) {
        let Changes { fold, column } = changes;
        self.edits += u64::from(fold.is_some() || column.is_some());
        if let Some(fold) = fold
            && !self.open.remove(&fold)
        {
            self.open.insert(fold);
        }
        if let Some(column) = column
            && !self.columns.remove(&column)
        {
            self.columns.insert(column);
        }
    }
}

/// What the user opens or folds in this frame.
#[derive(Debug, Default)]
struct Changes {
    fold: Option<FoldKey>,
    column: Option<Member>,
}

/// Everything that the model depends on: the number is the width, then come the changes of what is folded.
type ModelKey = (WorldVersion, PodUid, f32, u64, Option<ProcId>);

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct MapState {
    model: Memo<ModelKey, Model>,
    inside: Inside,
    hits: Memo<(WorldVersion, ProcId, Signal), Option<Hits>>,
    folding: Folding,
    view: MapView,
}

impl MapState {
    /// Carries out what the user has requested by a key or a command.
    pub fn act(&mut self, action: MapAction) {
        self.view.act(action);
    }
}

/// What all parts of the map are drawn with.
struct Drawing<'a> {
    pod: &'a Pod,
    model: &'a Model,
    view: &'a Viewport,
    /// What the signal under the pointer would do.
    hits: Option<&'a Hits>,
    /// The ids of what is drawn begin with it.
    id: Id,
}

pub fn pod_map_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut MapState) {
    let world = cx.world;
    let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| world.pod(uid)) else {
        let hint = if world.pods.is_empty() { "Start one with New pod." } else { "Select one on the left." };
        return widgets::empty(ui, cx.tokens, "No pod to show", hint);
    };
    let height = ui.available_height() - 2.0 * OUTER;
    ScrollArea::vertical().id_salt("map").auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(Margin::same(OUTER as i8)).show(ui, |ui| {
            card_ui(ui, cx, pod, state, height);
        });
    });
}

/// The card of a pod. It is as high as this unless its parts need more.
fn card_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, state: &mut MapState, height: f32) {
    let (tokens, world, now) = (cx.tokens, cx.world, cx.now);
    let MapState { model, inside, hits, folding, view } = state;
    // the card's own margins and outline
    let frame = vec2(INNER.sum().x, INNER.sum().y) + vec2(2.0, 2.0);
    let width = (ui.available_width() - frame.x).max(360.0);
    let arrangement = |zoom: Zoom| Arrangement {
        width: (width - LABEL_W) / zoom.factor(),
        open: folding.open.clone(),
        folded: folding.columns.clone(),
        selected: cx.selection.process,
    };
    if view.wants_fit {
        let room = view.room;
        view.fit(|zoom| {
            let map = lay_out(world, pod, &arrangement(zoom), now);
            let parts = Parts::of(zoom.of(map.columns_h), RAIL_ORDER.len(), room.y);
            let size = content_size(&map, zoom, &parts);
            size.x <= room.x + 0.5 && size.y <= room.y + 0.5
        });
    }
    let zoom = view.zoom();
    let key = (cx.version, pod.uid.clone(), width / zoom.factor(), folding.edits, cx.selection.process);
    let is_valid = |model: &Model| model.is_valid_at(now);
    let model = model.get_while(key, is_valid, || Model::of(world, pod, &arrangement(zoom), now));
    let hits = match foretold(ui.ctx()) {
        Some((target, signal)) => {
            let of = || predict(world, target, signal).map(|prediction| Hits::of(&prediction));
            hits.get((cx.version, target, signal), of).as_ref()
        }
        None => None,
    };
    let mut changes = Changes::default();
    let card = egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.line))
        .corner_radius(CornerRadius::same(12))
        .inner_margin(INNER)
        .show(ui, |ui| {
            ui.set_width(width);
            let top = ui.cursor().top();
            header::header_ui(ui, cx, pod, model);
            ui.add_space(12.0);
            let room = height - frame.y - (ui.cursor().top() - top);
            view.room = vec2(width, room.floor());
            map_ui(ui, cx, pod, model, hits, view, inside, &mut changes);
        });
    build::drop_zone(ui, cx, pod, card.response.rect, 12);
    if changes.fold.is_some() || changes.column.is_some() {
        folding.apply(changes);
        ui.ctx().request_repaint();
    }
}

#[expect(clippy::too_many_arguments, reason = "the inner part of `card_ui`")]
fn map_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    pod: &Pod,
    model: &Model,
    hits: Option<&Hits>,
    view: &mut MapView,
    inside: &mut Inside,
    changes: &mut Changes,
) {
    let (zoom, map) = (view.zoom(), &model.map);
    let rails = if map.has_namespaces { map.rails.len() } else { 0 };
    let parts = Parts::of(zoom.of(map.columns_h), rails, view.room.y);
    let size = content_size(map, zoom, &parts);
    let mut area = ScrollArea::both()
        .id_salt("columns")
        .auto_shrink([false, true])
        .max_height(parts.height())
        .scroll_source(egui::scroll_area::ScrollSource::ALL);
    if let Some(offset) = view.scroll_to.take() {
        area = area.scroll_offset(offset);
    }
    let origin = ui.available_rect_before_wrap().min;
    let shown = area.show_viewport(ui, |ui, visible| {
        ui.allocate_exact_size(size, egui::Sense::hover());
        let seen = Rect::from_min_size(origin, vec2(visible.width(), parts.height()));
        // a drag may go beyond the edge for a moment
        let scroll = visible.min.to_vec2().max(Vec2::ZERO).round();
        let viewport = Viewport::new(map, zoom, parts, seen, scroll);
        let drawing = Drawing { pod, model, view: &viewport, hits, id: ui.scope_id() };
        paint(ui, cx, &drawing, inside, changes);
        title_ui(ui, cx, &drawing, view);
        if view.shows_legend && legend::legend_ui(ui, cx, seen) {
            view.shows_legend = false;
            ui.ctx().request_repaint();
        }
        viewport
    });
    reveal(ui, cx, map, view, &shown.inner);
    if ui.rect_contains_pointer(shown.inner_rect) {
        let before = zoom.factor();
        if view.follow_gesture(ui.input(egui::InputState::zoom_delta)) {
            // what is under the pointer stays there, as far as the columns do
            let above = ui.input(|i| i.pointer.hover_pos()).map_or(0.0, |at| at.y - shown.inner_rect.top());
            let offset = shown.state.clamped_offset();
            let y = (offset.y + above) * view.zoom().factor() / before - above;
            view.scroll_to = Some(vec2(offset.x * view.zoom().factor() / before, y.max(0.0)));
            ui.ctx().request_repaint();
        }
    }
}

/// Scrolls to the selected process when another one is selected, for example by a key.
fn reveal(ui: &Ui, cx: &Cx<'_>, map: &PodMap, view: &mut MapView, viewport: &Viewport) {
    if view.revealed == cx.selection.process {
        return;
    }
    view.revealed = cx.selection.process;
    let Some(id) = cx.selection.process else { return };
    let mut all = map.columns.iter().flat_map(|c| c.pills.iter().map(move |pill| (c.rect.x, pill)));
    if let Some((column, pill)) = all.find(|(_, pill)| pill.id == id)
        && let Some(offset) = viewport.scroll_to(pill.rect, viewport.is_pinned(column))
    {
        view.scroll_to = Some(offset);
        ui.ctx().request_repaint();
    }
}

/// A part of the view in which everything is drawn and clicked inside `clip` only.
fn clipped(ui: &mut Ui, clip: Rect, salt: impl Hash + std::fmt::Debug, add: impl FnOnce(&mut Ui)) {
    let mut part = ui.new_child(UiBuilder::new().max_rect(clip).id_salt(salt));
    part.set_clip_rect(clip.intersect(ui.clip_rect()));
    add(&mut part);
}

pub fn status_color(cx: &Cx<'_>, pod: &Pod) -> Color32 {
    cx.tokens.severity(words::pod_severity(pod))
}

fn paint(ui: &mut Ui, cx: &mut Cx<'_>, drawing: &Drawing<'_>, inside: &mut Inside, changes: &mut Changes) {
    let (map, view, pod) = (&drawing.model.map, drawing.view, drawing.pod);
    for is_pinned in [false, true] {
        let columns = || map.columns.iter().filter(|column| view.is_pinned(column.rect.x) == is_pinned);
        clipped(ui, view.clip(is_pinned), ("columns", is_pinned), |ui| {
            for column in columns() {
                column::column_ui(ui, cx, drawing, column, changes);
            }
        });
        clipped(ui, view.body(is_pinned), ("processes", is_pinned), |ui| {
            for column in columns() {
                column::processes_ui(ui, cx, drawing, column, changes);
            }
        });
    }
    column::paint_adoptions(ui, cx, drawing, map);
    if let ([pause], true) = (&map.columns[..], pod.containers.is_empty()) {
        let pause = view.column(pause.rect);
        let free = Rect::from_x_y_ranges(pause.right() + 16.0..=view.columns.right(), pause.y_range());
        build::first_container_ui(ui, cx, pod, free);
    }
    if map.has_namespaces {
        rails::rails_ui(ui, cx, drawing, &map.rails, inside);
    }
}

/// The heading of the rails, what is special about them, and the buttons of the view.
fn title_ui(ui: &Ui, cx: &Cx<'_>, drawing: &Drawing<'_>, view: &mut MapView) {
    let (tokens, pod, rails) = (cx.tokens, drawing.pod, drawing.view.rails);
    let title = pos2(rails.left(), rails.top() + drawing.view.parts.title_h / 2.0 - 1.0);
    let heading = text::put(ui, title, Align2::LEFT_CENTER, "NAMESPACES", tokens::semibold(11.0), tokens.muted, 120.0);
    let row = Rect::from_center_size(pos2(rails.center().x, title.y), vec2(rails.width(), 18.0));
    let tools = tools_ui(ui, cx, view, row);
    let at = heading.right_center() + vec2(12.0, 0.0);
    let room = tools - at.x - 12.0;
    if !drawing.model.map.has_namespaces {
        let words = "None: no process of the pod is running. The next sandbox creates new ones.";
        let words = match &pod.sandbox {
            _ if pod.reason == Some(PodReason::NodeLost) => "None: they ended with the node.",
            None => "None yet: the sandbox creates them, and pause will hold them.",
            Some(_) if matches!(pod.phase, Phase::Succeeded | Phase::Failed) => {
                "None: the pod is finished, and its sandbox has ended."
            }
            Some(_) => words,
        };
        text::put(ui, at, Align2::LEFT_CENTER, words, tokens::sans(12.0), tokens.muted, room);
    } else if let Some(resting) = &drawing.model.resting {
        let (font, ink) = (tokens::medium(12.0), tokens.accent);
        text::put(ui, at, Align2::LEFT_CENTER, &resting.title(), font, ink, room);
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
