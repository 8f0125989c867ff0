//! The line above the timeline: what is shown, how exact the times are, zoom, steps and Live.

use eframe::egui::{self, Align2, Layout, Role, Sense, Stroke, Ui, vec2};

use super::{RIGHT, TimelineAction, TimelineState};
use crate::layout::timeline::Subject;
use crate::model::{Capability, Coverage, World};
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, Latest, text, tokens, widgets};
use crate::wording::coverage;

const SPANS: [(u64, &str); 4] = [(1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min")];
/// Up to how many events after the moment that is shown are counted.
const MOST_NEW: usize = 999;

pub fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, state: &mut TimelineState) {
    ui.horizontal(|ui| {
        ui.set_height(20.0);
        widgets::section(ui, cx.tokens, "Timeline");
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.x = 4.0;
        for subject in Subject::ALL {
            subject_ui(ui, cx, subject, state.subject == subject);
        }
        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(RIGHT);
            live_ui(ui, cx, latest, state);
            ui.add_space(6.0);
            for (secs, name) in SPANS.into_iter().rev() {
                span_ui(ui, cx, latest, state, secs * 1_000_000_000, name);
            }
            ui.add_space(2.0);
            for (icon, name, action) in [
                (Icon::Plus, "Zoom in (+)", TimelineAction::ZoomIn),
                (Icon::Minus, "Zoom out (−)", TimelineAction::ZoomOut),
                (Icon::ChevronRight, "Next event (Ctrl + →)", TimelineAction::NextEvent),
                (Icon::ChevronLeft, "Previous event (Ctrl + ←)", TimelineAction::PreviousEvent),
            ] {
                let is_enabled = action != TimelineAction::NextEvent || !cx.live;
                let clicked = ui.add_enabled_ui(is_enabled, |ui| small_button(ui, cx, icon, name)).inner;
                if clicked {
                    cx.act(Action::Timeline(action));
                }
            }
            ui.with_layout(Layout::left_to_right(egui::Align::Center), |ui| exactness_ui(ui, cx, latest.world));
        });
    });
}

fn subject_ui(ui: &mut Ui, cx: &mut Cx<'_>, subject: Subject, is_chosen: bool) {
    let ink = if is_chosen { cx.tokens.accent } else { cx.tokens.muted };
    let word = text::rich(subject.name()).font(tokens::medium(11.5)).color(ink);
    let mut button = egui::Button::new(word).frame(is_chosen).small();
    if is_chosen {
        button = button.fill(cx.tokens.accent_fill);
    }
    let response = ui.add(button);
    response.widget_info(|| text::selected(Role::Button, true, is_chosen, format!("Show {}", subject.name())));
    if response.clicked() {
        cx.act(Action::Timeline(TimelineAction::Show(subject)));
    }
    response.hover_text(match subject {
        Subject::Processes => "A lane for each process",
        Subject::PodEvents => "A track for each reason of the pod's events",
        Subject::KernelEvents => "Forks, execs, exits, reaps and signals",
    });
}

fn span_ui(ui: &mut Ui, cx: &Cx<'_>, latest: Latest<'_>, state: &mut TimelineState, ns: u64, name: &str) {
    let is_chosen = state.view.span_ns() == ns;
    let ink = if is_chosen { cx.tokens.accent } else { cx.tokens.muted };
    let word = text::rich(name).font(tokens::medium(11.5)).color(ink);
    let response = ui.add(egui::Button::new(word).frame(false).small());
    response.widget_info(|| text::selected(Role::Button, true, is_chosen, name));
    if response.clicked() {
        state.view.show_span(ns, cx.now, latest.now, cx.epoch);
    }
    response.hover_text(format!("Show {name}"));
}

/// An icon button that fits into the line. Returns whether it was clicked.
fn small_button(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, name: &str) -> bool {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::click());
    let is_hot = response.hovered() || response.has_focus();
    let ink = match (ui.is_enabled(), is_hot) {
        (false, _) => tokens.faint.gamma_multiply(0.5),
        (true, true) => tokens.text,
        (true, false) => tokens.muted,
    };
    icon.paint(ui, egui::Rect::from_center_size(rect.center(), vec2(14.0, 14.0)), ink);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    let is_enabled = ui.is_enabled();
    response.widget_info(|| text::labeled(Role::Button, is_enabled, name));
    response.hover_text(name).clicked()
}

/// Whether the present is shown. At a past moment, how much has happened since.
fn live_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, state: &TimelineState) {
    let tokens = cx.tokens;
    let new = if cx.live {
        0
    } else {
        let pod = cx.selection.pod.as_ref();
        latest.history.count_after(pod, state.subject.kinds(), cx.now, MOST_NEW)
    };
    let count = if new >= MOST_NEW { format!("{MOST_NEW}+ new") } else { format!("{new} new") };
    let words = if new > 0 { format!("Live · {count}") } else { "Live".into() };
    let ink = if cx.live { tokens.bad } else { tokens.accent };
    let galley = text::line(ui, &words, tokens::semibold(11.5), ink, 140.0);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(16.0, 4.0), Sense::click());
    let dot = rect.left_center() + vec2(5.0, 0.0);
    if cx.live {
        ui.painter().circle_filled(dot, 3.5, ink);
    } else {
        ui.painter().circle_stroke(dot, 3.0, Stroke::new(1.5, ink));
    }
    let at = Align2::LEFT_CENTER.anchor_size(rect.left_center() + vec2(13.0, 0.0), galley.size());
    ui.painter().galley(at.min, galley, ink);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    let name = match (cx.live, new) {
        (true, _) => "The timeline follows the present".to_owned(),
        (false, 0) => "Let the timeline follow the present".to_owned(),
        (false, _) => format!("Let the timeline follow the present, {count}"),
    };
    let is_live = cx.live;
    response.widget_info(|| text::selected(Role::Button, true, is_live, &name));
    if response.clicked() {
        cx.act(Action::Seek(None));
    }
    response.hover_text(if is_live {
        "You see the present"
    } else {
        "You see the past. What happens meanwhile is recorded. Click to go back to live (L)"
    });
}

fn exactness_ui(ui: &mut Ui, cx: &Cx<'_>, world: &World) {
    if ui.available_width() < 40.0 {
        return;
    }
    ui.add_space(8.0);
    let (words, is_exact, why) = exactness(world);
    let ink = if is_exact { cx.tokens.good } else { cx.tokens.warn };
    let label = egui::Label::new(text::rich(words).font(tokens::sans(11.5)).color(ink)).truncate();
    ui.add(label).hover_lines(why);
}

/// The sources of the times, whether the times are exact, and what is missing.
fn exactness(world: &World) -> (String, bool, String) {
    let is_full = |capability| world.visibility.get(&capability).is_some_and(Coverage::is_full);
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
