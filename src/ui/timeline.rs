//! The timeline: a lane for each process with its states, its hatched zombie part and its reap, in groups by container
//! and attempt. Signals and pod events cross all lanes.
//!
//! ```text
//! TIMELINE   Processes  Pod events  Kernel events         ‹ ›  − +  1 s 10 s 1 min 10 min   ● Live
//!                  35 s      36 s      37 s      38 s      39 s
//! ▾ web · attempt 2    ─────────────────────────┄┄┄┄ KILL in 23 s
//!   nginx: master 1  S ██████████████████████████
//!   nginx: worker 7  Z       █████████▒▒▒▒▒▒▒▒▒▒▒
//! ▸ web · attempt 1    ━━━━━━━
//! ```

mod follow;
mod group;
mod header;
mod lane;
mod marks;
mod scale;
mod tracks;
mod words;

use eframe::egui::{self, Align2, PointerButton, Rect, Role, Sense, Ui, pos2, vec2};

use super::memo::Memo;
use super::{ANIMATION_NS, Cx, Latest, WorldVersion, text, tokens};
use crate::layout::timeline::{Folds, LaneQuery, Lanes, Row, Subject, Track, Viewport, tracks};
use crate::model::{MonoNs, PodUid, ProcId};
use crate::store::History;
use crate::ui::Action;
use follow::Follow;
use marks::Marks;
use scale::{Scale, playhead_ui, ruler_ui};

const LABEL_W: f32 = 164.0;
const RIGHT: f32 = 16.0;
const LANE_STEP: f32 = 22.0;
const RULER_H: f32 = 22.0;
/// The space below the lanes, for the names of signals.
const FOOT_H: f32 = 20.0;

/// What the user can do to the timeline by keys and buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineAction {
    /// Show the moment of the last event before the one that is shown.
    PreviousEvent,
    NextEvent,
    ZoomIn,
    ZoomOut,
    PanBack,
    PanForward,
    Taller,
    Lower,
    Show(Subject),
}

/// The version of the World, the pod, the span, how often was folded, the selection, and the runs that are kept.
type LanesKey = (WorldVersion, Option<PodUid>, (MonoNs, MonoNs), u64, Option<ProcId>, Vec<ProcId>);

type TracksKey = (WorldVersion, Option<PodUid>, Subject, (MonoNs, MonoNs));

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct TimelineState {
    pub view: Viewport,
    pub subject: Subject,
    folds: Folds,
    /// How often `folds` has changed.
    folded: u64,
    lanes: Memo<LanesKey, Lanes>,
    tracks: Memo<TracksKey, Vec<Track>>,
    follow: Follow,
}

impl TimelineState {
    /// The moment of the event before or after `t`.
    pub fn event_beside(&self, history: &History, pod: Option<&PodUid>, t: MonoNs, is_next: bool) -> Option<MonoNs> {
        let kinds = self.subject.kinds();
        if is_next { history.next(pod, kinds, t) } else { history.previous(pod, kinds, t) }
    }

    /// Zooms in by `factor`. The playhead keeps its place if it is on screen, else the middle does.
    pub fn zoom(&mut self, factor: f64, playhead: MonoNs, newest: MonoNs) {
        let middle = self.view.from().plus(self.view.span_ns() / 2);
        let around = if self.view.shows(playhead) { playhead } else { middle };
        self.view.zoom(factor, around, newest);
    }
}

/// What the parts of the timeline are drawn with.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'a> {
    latest: Latest<'a>,
    scale: Scale,
    /// The moment that is shown.
    shown: MonoNs,
}

/// The newest World is shown, since the timeline also shows what came after the cursor.
pub fn timeline_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, state: &mut TimelineState) {
    let newest = latest.now;
    egui::Frame::new().inner_margin(egui::Margin { left: 16, right: 0, top: 8, bottom: 0 }).show(ui, |ui| {
        header::header_ui(ui, cx, latest, state);
        let whole = ui.available_rect_before_wrap();
        let plot = Rect::from_min_max(whole.min + vec2(LABEL_W, 0.0), whole.max - vec2(RIGHT, 0.0));
        if plot.width() < 40.0 || plot.height() < 20.0 {
            return;
        }
        let quiet = newest.since(latest.world.now) >= ANIMATION_NS;
        let view = &mut state.view;
        view.advance(cx.live, newest, cx.epoch, quiet);
        let scale = Scale { from: view.from(), span: view.span_ns(), plot };
        let response = ui.interact(plot, ui.scope_id().with("plot"), Sense::click_and_drag());
        let stretch = (cx.clock(view.from()), cx.clock(view.to()));
        response.widget_info(|| {
            let words = format!("Timeline from {} to {}: drag to a past moment", stretch.0, stretch.1);
            text::labeled(Role::Slider, true, words)
        });
        scroll_and_zoom(ui, &response, view, &scale, newest);

        ruler_ui(ui, cx, &scale);
        let shown = if cx.live { newest } else { cx.now };
        let drawn = Drawn { latest, scale, shown };
        let body = Rect::from_min_max(pos2(whole.left(), plot.top() + RULER_H), whole.max - vec2(0.0, FOOT_H));
        let is_empty = match state.subject {
            Subject::Processes => lanes_ui(ui, cx, drawn, body, state),
            subject => tracks_ui(ui, cx, drawn, body, subject, state),
        };
        if is_empty {
            let words = match state.subject {
                Subject::Processes => "No processes in this span",
                Subject::PodEvents => "No pod events in this span",
                Subject::KernelEvents => "No kernel events in this span",
            };
            let at = body.center_top() + vec2(0.0, 24.0);
            text::put(ui, at, Align2::CENTER_TOP, words, tokens::sans(12.5), cx.tokens.muted, 300.0);
        }
        if state.subject == Subject::Processes {
            Marks::of(cx, drawn).ui(ui, cx, drawn);
        }
        playhead_ui(ui, cx, &scale, newest);
        if (response.dragged_by(PointerButton::Primary) || response.clicked())
            && let Some(at) = response.interact_pointer_pos()
        {
            let t = scale.time(at.x);
            cx.act(Action::Seek((t < newest).then_some(t)));
        }
    });
}

/// The lanes with their groups. Returns whether there is none.
fn lanes_ui(ui: &mut Ui, cx: &mut Cx<'_>, drawn: Drawn<'_>, body: Rect, state: &mut TimelineState) -> bool {
    let TimelineState { view, folds, folded, lanes, follow, .. } = state;
    let (pod, selected) = (cx.selection.pod.clone(), cx.selection.process);
    // a container that waits is shown with its countdown
    let pods = cx.world.pods.values().filter(|one| pod.as_ref().is_none_or(|uid| one.uid == *uid));
    let waiting = pods.flat_map(|pod| &pod.containers).filter(|c| c.countdown().is_some());
    let kept: Vec<ProcId> = waiting.filter_map(|c| c.process).collect();
    let (from, to) = view.around();
    let of_span = || {
        let query = LaneQuery { pod: pod.as_ref(), from, to, folds: &*folds, selected, kept: &kept };
        Lanes::of(drawn.latest.history, &query)
    };
    let key = (drawn.latest.version, pod.clone(), (from, to), *folded, selected, kept.clone());
    let lanes = lanes.get(key, of_span);
    let is_over = ui.rect_contains_pointer(body);
    let target = follow.target(lanes, (pod.as_ref(), selected), drawn.latest.now, cx.live && !is_over);
    let mut changes = Vec::new();
    rows_ui(ui, body, lanes.rows.len(), target, |ui, nth, place| match &lanes.rows[nth] {
        Row::Lane(id) => {
            if let Some(life) = drawn.latest.history.life(*id) {
                lane::lane_ui(ui, cx, drawn, life, place);
            }
        }
        Row::Group(group) => changes.extend(group::group_ui(ui, cx, drawn, group, place)),
        Row::Earlier(row) => changes.extend(group::earlier_ui(ui, cx, row, place)),
    });
    for change in changes {
        *folded += 1;
        change.apply(folds);
    }
    lanes.rows.is_empty()
}

/// The tracks of events. Returns whether there is none.
fn tracks_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    drawn: Drawn<'_>,
    body: Rect,
    subject: Subject,
    state: &mut TimelineState,
) -> bool {
    let (pod, span) = (cx.selection.pod.clone(), state.view.around());
    let key = (drawn.latest.version, pod.clone(), subject, span);
    let history = drawn.latest.history;
    let all = state.tracks.get(key, || tracks(history, pod.as_ref(), subject, span.0, span.1));
    rows_ui(ui, body, all.len(), None, |ui, nth, place| tracks::track_ui(ui, cx, drawn, &all[nth], place));
    all.is_empty()
}

/// Rows that scroll. Only those on screen are drawn. `target` is scrolled into view.
fn rows_ui(ui: &mut Ui, body: Rect, rows: usize, target: Option<usize>, mut row: impl FnMut(&mut Ui, usize, Rect)) {
    ui.scope_builder(egui::UiBuilder::new().max_rect(body), |ui| {
        let area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("lanes");
        area.show_viewport(ui, |ui, viewport| {
            let size = vec2(ui.available_width(), rows as f32 * LANE_STEP);
            let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
            let place = |nth: usize| {
                let top = whole.top() + nth as f32 * LANE_STEP;
                Rect::from_min_size(pos2(whole.left(), top), vec2(whole.width(), LANE_STEP))
            };
            if let Some(nth) = target {
                ui.scroll_to_rect(place(nth), None);
            }
            if viewport.top() > 0.0 && viewport.bottom() > size.y + 0.5 {
                // rows were folded: the offset fits them only after this frame
                ui.request_repaint();
            }
            let first = (viewport.top() / LANE_STEP).floor().max(0.0) as usize;
            let last = ((viewport.bottom() / LANE_STEP).ceil().max(0.0) as usize).min(rows);
            for nth in first.min(last)..last {
                row(ui, nth, place(nth));
            }
        });
    });
}

fn scroll_and_zoom(ui: &Ui, response: &egui::Response, view: &mut Viewport, scale: &Scale, newest: MonoNs) {
    let per_point = view.span_ns() as f64 / f64::from(scale.plot.width());
    if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
        view.pan(f64::from(-response.drag_delta().x) * per_point, newest);
    }
    if !response.contains_pointer() {
        return;
    }
    let (zoom, scroll, shift) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta(), i.modifiers.shift));
    if (zoom - 1.0).abs() > f32::EPSILON
        && let Some(at) = ui.input(|i| i.pointer.hover_pos())
    {
        view.zoom(f64::from(zoom), scale.time(at.x), newest);
    }
    let sideways = if shift { scroll.x + scroll.y } else { scroll.x };
    if sideways != 0.0 {
        view.pan(f64::from(-sideways) * per_point, newest);
    }
}

#[cfg(test)]
mod tests;
