//! The timeline: one lane per process with its life, its hatched zombie part and its reap. Signals and pod events cross
//! all lanes.
//!
//! ```text
//! TIMELINE   exact · proc connector + pidfd                    7 s
//!            35 s      36 s      37 s      38 s      39 s
//! pause      ██████████████████████████████████████████
//! nginx: w…            █████████▒▒▒▒✓ reaped by nginx: master
//! ```

mod lane;
mod marks;

use eframe::egui::{self, Align2, Rect, Role, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::memo::Memo;
use super::text::HoverText as _;
use super::{ANIMATION_NS, Cx, Latest, WorldVersion, text, tokens, widgets};
use crate::layout::timeline::{Lanes, Viewport, ticks};
use crate::model::{Capability, MonoNs, PodUid, World};
use crate::ui::Action;
use crate::wording::coverage;
use marks::{Marks, marks_ui};

const LABEL_W: f32 = 132.0;
const RIGHT: f32 = 16.0;
const LANE_STEP: f32 = 22.0;
const RULER_H: f32 = 22.0;
/// The space below the lanes, for the names of signals.
const FOOT_H: f32 = 20.0;

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct TimelineState {
    pub view: Viewport,
    lanes: Memo<(WorldVersion, Option<PodUid>), Lanes>,
    marks: Memo<(WorldVersion, Option<PodUid>), Marks>,
}

/// The newest World is shown, since the timeline also shows what came after the cursor.
pub fn timeline_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, state: &mut TimelineState) {
    let (live, newest) = (latest.world, latest.now);
    let TimelineState { view, lanes, marks } = state;
    egui::Frame::new().inner_margin(egui::Margin { left: 16, right: 0, top: 8, bottom: 0 }).show(ui, |ui| {
        header(ui, cx, live, newest, view);
        let whole = ui.available_rect_before_wrap();
        let plot = Rect::from_min_max(whole.min + vec2(LABEL_W, 0.0), whole.max - vec2(RIGHT, 0.0));
        if plot.width() < 40.0 || plot.height() < 20.0 {
            return;
        }
        let quiet = newest.since(live.now) >= ANIMATION_NS;
        view.advance(cx.live, newest, cx.epoch, quiet);
        let scale = Scale { from: view.from(), span: view.span_ns(), plot };
        let response = ui.interact(plot, ui.scope_id().with("plot"), Sense::click_and_drag());
        let stretch = (cx.clock(view.from()), cx.clock(view.to()));
        response.widget_info(|| {
            let words = format!("Timeline from {} to {}: drag to a past moment", stretch.0, stretch.1);
            text::labeled(Role::Slider, true, words)
        });
        scroll_and_zoom(ui, &response, view, &scale, newest);

        ruler(ui, cx, &scale, view.to());
        let body = Rect::from_min_max(pos2(whole.left(), plot.top() + RULER_H), whole.max - vec2(0.0, FOOT_H));
        let pod = &cx.selection.pod;
        let (from, to) = (view.from(), view.to());
        let is_same_span = |lanes: &Lanes| lanes.are_of(from, to);
        let of_span = || Lanes::of(live, pod.as_ref(), from, to);
        let lanes = &lanes.get_while((latest.version, pod.clone()), is_same_span, of_span).all;
        let marks = marks.get((latest.version, pod.clone()), || Marks::of(live, pod.as_ref()));
        ui.scope_builder(egui::UiBuilder::new().max_rect(body), |ui| {
            let area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("lanes");
            area.show_rows(ui, LANE_STEP - ui.spacing().item_spacing.y, lanes.len(), |ui, range| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for lane in &lanes[range] {
                    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), LANE_STEP), Sense::hover());
                    lane::lane_ui(ui, cx, live, lane, row, &scale, newest);
                }
            });
        });
        if lanes.is_empty() {
            let at = body.center_top() + vec2(0.0, 24.0);
            text::put(
                ui,
                at,
                Align2::CENTER_TOP,
                "No processes in this span",
                tokens::sans(12.5),
                cx.tokens.muted,
                300.0,
            );
        }
        marks_ui(ui, cx, live, marks, &scale);
        playhead(ui, cx, &scale, newest);
        if (response.dragged() || response.clicked())
            && let Some(at) = response.interact_pointer_pos()
        {
            let t = scale.time(at.x);
            cx.act(Action::Seek((t < newest).then_some(t)));
        }
    });
}

/// Converts time to x and back.
pub(super) struct Scale {
    from: MonoNs,
    span: u64,
    plot: Rect,
}

impl Scale {
    fn x(&self, t: MonoNs) -> f32 {
        let offset = t.0 as f64 - self.from.0 as f64;
        self.plot.left() + (offset / self.span as f64 * f64::from(self.plot.width())) as f32
    }

    fn time(&self, x: f32) -> MonoNs {
        let part = f64::from((x - self.plot.left()) / self.plot.width()).clamp(0.0, 1.0);
        self.from.plus((part * self.span as f64) as u64)
    }

    fn shows(&self, t: MonoNs) -> bool {
        t >= self.from && t.since(self.from) <= self.span
    }

    fn to(&self) -> MonoNs {
        self.from.plus(self.span)
    }
}

fn header(ui: &mut Ui, cx: &Cx<'_>, live: &World, newest: MonoNs, view: &mut Viewport) {
    ui.horizontal(|ui| {
        ui.set_height(20.0);
        widgets::section(ui, cx.tokens, "Timeline");
        ui.add_space(12.0);
        let (words, exact, why) = exactness(live);
        let ink = if exact { cx.tokens.good } else { cx.tokens.warn };
        let label = ui.label(text::rich(words).font(tokens::sans(11.5)).color(ink));
        label.hover_lines(why);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(RIGHT);
            let whole = [(1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min")];
            for (secs, name) in whole.into_iter().rev() {
                let ns = secs * 1_000_000_000;
                let chosen = view.span_ns() == ns;
                let ink = if chosen { cx.tokens.accent } else { cx.tokens.muted };
                let word = text::rich(name).font(tokens::medium(11.5)).color(ink);
                if ui.add(egui::Button::new(word).frame(false)).hover_text(format!("Show {name}")).clicked() {
                    view.show_span(ns, cx.now, newest, cx.epoch);
                }
            }
        });
    });
}

/// The sources of the times, whether the times are exact, and what is missing.
fn exactness(world: &World) -> (String, bool, String) {
    let is_full = |capability| world.visibility.get(&capability).is_some_and(crate::model::Coverage::is_full);
    let connector = is_full(Capability::ProcConnector);
    let pidfd = is_full(Capability::Pidfd);
    let words = match (connector, pidfd) {
        (true, true) => "exact · proc connector + pidfd",
        (true, false) => "exact births and exits · proc connector",
        (false, true) => "exits as they happen · pidfd",
        (false, false) => "by scanning /proc",
    };
    let lost: u64 = world.lost.values().sum();
    let mut why: Vec<String> = world
        .visibility
        .iter()
        .map(|(capability, coverage)| {
            let why = coverage::reason(*capability, coverage);
            format!("{}: {}", capability.name(), why.as_deref().unwrap_or("full"))
        })
        .collect();
    if lost > 0 {
        why.push(format!("{lost} events lost by a source; everything was read again"));
    }
    (words.to_owned(), connector && pidfd && lost == 0, why.join("\n"))
}

fn scroll_and_zoom(ui: &Ui, response: &egui::Response, view: &mut Viewport, scale: &Scale, newest: MonoNs) {
    if !response.hovered() {
        return;
    }
    let (zoom, scroll, shift) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta(), i.modifiers.shift));
    if (zoom - 1.0).abs() > f32::EPSILON
        && let Some(at) = response.hover_pos()
    {
        view.zoom(f64::from(zoom), scale.time(at.x), newest);
    }
    let sideways = if shift { scroll.x + scroll.y } else { scroll.x };
    if sideways != 0.0 {
        view.pan(f64::from(-sideways / scale.plot.width()) * view.span_ns() as f64, newest);
    }
}

fn ruler(ui: &Ui, cx: &Cx<'_>, scale: &Scale, to: MonoNs) {
    let tokens = cx.tokens;
    let (step, at) = ticks(cx.epoch, scale.from, to, scale.plot.width(), 84.0);
    for (t, offset) in at {
        let x = scale.x(t);
        let line = [pos2(x, scale.plot.top() + RULER_H - 2.0), pos2(x, scale.plot.bottom())];
        ui.painter().line_segment(line, Stroke::new(1.0, tokens.line.gamma_multiply(0.7)));
        let words = tick_label(offset, step);
        let at = pos2(x, scale.plot.top() + 9.0);
        if x > scale.plot.left() + 20.0 && x < scale.plot.right() - 20.0 {
            text::put(ui, at, Align2::CENTER_CENTER, &words, tokens::mono(10.5), tokens.faint, 80.0);
        }
    }
}

/// `offset` and `step` in ns.
fn tick_label(offset: u64, step: u64) -> String {
    let s = offset as f64 / 1e9;
    match step {
        0..1_000_000_000 => {
            let digits = 9 - (step as f64).log10().floor() as usize;
            format!("{s:.digits$} s")
        }
        1_000_000_000..60_000_000_000 if offset < 60_000_000_000 => format!("{s:.0} s"),
        _ => {
            let s = offset / 1_000_000_000;
            format!("{}:{:02}", s / 60, s % 60)
        }
    }
}

fn playhead(ui: &Ui, cx: &Cx<'_>, scale: &Scale, newest: MonoNs) {
    let t = if cx.live { newest } else { cx.now };
    if !scale.shows(t) {
        return;
    }
    let x = scale.x(t).min(scale.plot.right());
    let color = if cx.live { cx.tokens.bad } else { cx.tokens.accent };
    let top = scale.plot.top() + RULER_H - 8.0;
    ui.painter().vline(x, top..=scale.plot.bottom(), Stroke::new(1.5, color));
    let head = vec![pos2(x - 5.0, top - 4.0), pos2(x + 5.0, top - 4.0), pos2(x, top + 3.0)];
    ui.painter().add(Shape::convex_polygon(head, color, Stroke::NONE));
}
