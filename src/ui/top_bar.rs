//! The top bar: the name, the scope, the playback controls and the theme button.

use eframe::egui::{self, Align2, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::icons::Icon;
use super::slow_motion::offer_ui;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::model::Scope;
use crate::model::burst::Burst;
use crate::ui::Action;

/// How far the arrows move the playhead.
const STEP_NS: i64 = 1_000_000_000;
/// Width from which there is room for long labels beside the playback controls.
const WIDE: f32 = 1100.0;
/// Width up to which there is no room for the name beside the logo.
const NARROW: f32 = 640.0;
/// The width of the playback controls, and their width without the arrows.
const PLAYBACK_W: f32 = 300.0;
const MIN_PLAYBACK_W: f32 = 220.0;
/// The space between the playback controls and what is beside them.
const GAP: f32 = 10.0;

/// `offered`: the burst that can be played slowly. `scope`: what is observed now, also while the past is shown.
pub fn top_bar_ui(ui: &mut Ui, cx: &mut Cx<'_>, offered: Option<&Burst>, scope: Scope) {
    let bar = ui.max_rect();
    let (mut left, mut right) = (bar.left(), bar.right());
    ui.horizontal_centered(|ui| {
        let (mark, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
        Icon::Logo.paint(ui, mark, cx.tokens.accent);
        if bar.width() > NARROW {
            ui.label(text::rich("Podscope").font(tokens::bold(15.0)));
        }
        ui.add_space(6.0);
        left = ui.scope(|ui| scope_ui(ui, cx, scope, bar.width() > WIDE)).response.rect.right();
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let theme = widgets::icon_button(ui, cx.tokens, Icon::Theme, "Switch between dark and light");
            if theme.clicked() {
                cx.act(Action::ToggleTheme);
            }
            right = theme.rect.left();
            if let Some(burst) = offered {
                ui.add_space(8.0);
                // the playback controls are in the middle
                right = right.min(offer_ui(ui, cx, burst, bar.width() > WIDE));
            }
        });
    });
    let place = playback_place(bar, left + GAP, right - GAP);
    ui.scope_builder(egui::UiBuilder::new().max_rect(place), |ui| playback_ui(ui, cx));
}

/// The playback controls are in the middle of the bar. Where something is in the way they are between the two ends, and
/// shorter if they must be.
fn playback_place(bar: Rect, left: f32, right: f32) -> Rect {
    let width = PLAYBACK_W.min((right - left).max(MIN_PLAYBACK_W));
    let half = width / 2.0;
    let middle = bar.center().x.min(right - half).max(left + half);
    Rect::from_center_size(pos2(middle, bar.center().y), vec2(width, 30.0))
}

/// What is observed: the lab or the whole machine.
fn scope_ui(ui: &mut Ui, cx: &mut Cx<'_>, scope: Scope, has_room: bool) {
    ui.spacing_mut().item_spacing.x = 2.0;
    let machine = if has_room { "This machine" } else { "Machine" };
    for (of, name, about) in [
        (Scope::Lab, "Lab", "Observe the lab's pods and those of container engines"),
        (
            Scope::Host,
            machine,
            "Observe all processes of this machine. That takes more CPU time, and the past that can be shown is shorter",
        ),
    ] {
        let label = ui.selectable_label(scope == of, text::rich(name).font(tokens::semibold(12.5)));
        if label.clicked() && scope != of {
            cx.act(Action::Observe(of));
        }
        label.hover_text(about);
    }
}

/// Back, pause or play, forward, LIVE, and the moment that is shown.
fn playback_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    let rect = ui.max_rect();
    ui.painter().rect(rect, CornerRadius::same(15), tokens.inset, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    ui.horizontal_centered(|ui| {
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.x = 2.0;
        let has_arrows = rect.width() >= PLAYBACK_W;
        if has_arrows && widgets::icon_button(ui, tokens, Icon::Back, "One second back (←)").clicked() {
            cx.act(Action::Step(-STEP_NS));
        }
        let (icon, name) =
            if cx.live { (Icon::Pause, "Hold this moment (space)") } else { (Icon::Play, "Back to live (space)") };
        if widgets::icon_button(ui, tokens, icon, name).clicked() {
            cx.act(Action::Seek(cx.live.then_some(cx.now)));
        }
        if has_arrows {
            ui.add_enabled_ui(!cx.live, |ui| {
                if widgets::icon_button(ui, tokens, Icon::Forward, "One second forward (→)").clicked() {
                    cx.act(Action::Step(STEP_NS));
                }
            });
            ui.add_space(10.0);
        }
        live_button(ui, cx);
        let at = pos2(rect.right() - 16.0, rect.center().y);
        let ink = if cx.live { tokens.muted } else { tokens.accent };
        // the live clock ticks once a second; a past moment is shown in milliseconds
        let clock = if cx.live { cx.whole_seconds(cx.now) } else { cx.clock(cx.now) };
        let place = text::put(ui, at, Align2::RIGHT_CENTER, &clock, tokens::mono(12.5), ink, 110.0);
        let label = ui.interact(place, ui.scope_id().with("clock"), Sense::hover());
        label.widget_info(|| text::labeled(Role::Label, true, format!("Moment shown: {clock}")));
    });
}

fn live_button(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    let word = if cx.live { "LIVE" } else { "Live" };
    let (rect, response) = ui.allocate_exact_size(vec2(64.0, 26.0), Sense::click());
    let ink = if cx.live { tokens.bad } else { tokens.muted };
    let ink = if response.hovered() { tokens.text } else { ink };
    let dot = rect.left_center() + vec2(10.0, 0.0);
    if cx.live {
        ui.painter().circle_filled(dot, 4.5, tokens.bad);
    } else {
        ui.painter().circle_stroke(dot, 4.0, Stroke::new(1.5, ink));
    }
    text::put(ui, dot + vec2(11.0, 0.0), Align2::LEFT_CENTER, word, tokens::bold(12.0), ink, 48.0);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 6);
    }
    let live = cx.live;
    response.widget_info(|| text::selected(egui::Role::Button, true, live, "Live"));
    if response.clicked() {
        cx.act(Action::Seek(None));
    }
    let hint = if live { "You are viewing the present" } else { "You are viewing the past; return to live" };
    response.hover_text(hint);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playback_controls_are_in_the_middle_unless_something_is_in_the_way() {
        let bar = |width| Rect::from_min_size(pos2(14.0, 0.0), vec2(width, 46.0));
        // the width of the bar, where its ends begin, and the left and right edge of the controls
        let table = [
            (1_412.0, (130.0, 1_380.0), (570.0, 870.0)),
            // the right end reaches into the middle
            (1_000.0, (130.0, 640.0), (340.0, 640.0)),
            (1_000.0, (420.0, 960.0), (420.0, 720.0)),
            // too little room between the ends
            (692.0, (130.0, 390.0), (130.0, 390.0)),
            (548.0, (50.0, 400.0), (100.0, 400.0)),
        ];
        for (width, (left, right), expected) in table {
            let place = playback_place(bar(width), left, right);
            assert_eq!((place.left(), place.right()), expected, "{width}");
        }
        let tight = playback_place(bar(300.0), 100.0, 200.0);
        assert_eq!((tight.left(), tight.width()), (100.0, MIN_PLAYBACK_W), "it never covers the left end");
    }
}
