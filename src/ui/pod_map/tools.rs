//! How the user looks at the map: zoom, fit and legend, by buttons, keys and the wheel.

use eframe::egui::{self, Align2, Rect, Response, Role, Sense, Ui, Vec2, pos2, vec2};

use super::viewport::Zoom;
use crate::model::ProcId;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};

/// A pinch or turns of the wheel by so much are one step.
const STEP: f32 = 1.15;

/// What a user can do with the map by a key or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapAction {
    ZoomIn,
    ZoomOut,
    /// Choose the size in which all of the pod is in view.
    Fit,
    ToggleLegend,
}

/// Kept by the window between frames.
#[derive(Clone, Debug)]
pub struct MapView {
    /// The place in [`Zoom::STEPS`].
    step: usize,
    /// What a gesture has zoomed since the last step.
    gesture: f32,
    /// The user has asked for all of it, which the next frame does.
    pub wants_fit: bool,
    pub shows_legend: bool,
    /// The process that the map was scrolled to.
    pub revealed: Option<ProcId>,
    /// Where the next frame is scrolled to.
    pub scroll_to: Option<Vec2>,
    /// The room for the map in the last frame.
    pub room: Vec2,
}

impl Default for MapView {
    fn default() -> Self {
        Self {
            step: Zoom::NATURAL,
            gesture: 1.0,
            wants_fit: false,
            shows_legend: false,
            revealed: None,
            scroll_to: None,
            room: Vec2::ZERO,
        }
    }
}

impl MapView {
    pub fn zoom(&self) -> Zoom {
        Zoom::STEPS[self.step]
    }

    pub fn act(&mut self, action: MapAction) {
        match action {
            MapAction::ZoomIn => self.step = (self.step + 1).min(Zoom::STEPS.len() - 1),
            MapAction::ZoomOut => self.step = self.step.saturating_sub(1),
            MapAction::Fit => self.wants_fit = true,
            MapAction::ToggleLegend => self.shows_legend = !self.shows_legend,
        }
    }

    /// Follows a pinch, or the wheel with Ctrl. Returns whether the zoom has changed.
    pub fn follow_gesture(&mut self, delta: f32) -> bool {
        let before = self.step;
        self.gesture *= delta;
        while self.gesture >= STEP {
            self.gesture /= STEP;
            self.act(MapAction::ZoomIn);
        }
        while self.gesture <= 1.0 / STEP {
            self.gesture *= STEP;
            self.act(MapAction::ZoomOut);
        }
        self.step != before
    }

    /// Chooses the largest zoom up to the natural size at which all is in view, or else the smallest.
    pub fn fit(&mut self, is_in_view: impl Fn(Zoom) -> bool) {
        self.wants_fit = false;
        let steps = Zoom::STEPS.iter().enumerate().take(Zoom::NATURAL + 1).rev();
        self.step = steps.filter(|(_, zoom)| is_in_view(**zoom)).map(|(step, _)| step).next().unwrap_or(0);
    }
}

/// The buttons, at the right end of `row`. Returns where they begin.
pub fn tools_ui(ui: &Ui, cx: &Cx<'_>, view: &mut MapView, row: Rect) -> f32 {
    let mut right = row.right();
    let mut button = |key: &str, name: &str, label: &str, about: &str| {
        let id = ui.scope_id().with(("map tool", key));
        let response = word_button(ui, cx, id, pos2(right, row.center().y), label, name);
        right = response.rect.left() - 4.0;
        response.hover_lines(about).clicked()
    };
    let legend = if view.shows_legend { "Hide the legend" } else { "Show the legend" };
    let mut chosen = Vec::new();
    for (name, label, about, action) in [
        (legend, "Legend", "What the shapes mean (?)", MapAction::ToggleLegend),
        ("Fit the map", "Fit", "Show all of the pod (0)", MapAction::Fit),
        ("Zoom in", "+", "Zoom in (+, or Ctrl + scroll)", MapAction::ZoomIn),
    ] {
        if button(label, name, label, about) {
            chosen.push(action);
        }
    }
    let percent = format!("{:.0} %", view.zoom().factor() * 100.0);
    let about = "The size of the map. Click to show all of the pod (0)";
    if button("size", &format!("Map at {percent}"), &percent, about) {
        chosen.push(MapAction::Fit);
    }
    if button("−", "Zoom out", "−", "Zoom out (−, or Ctrl + scroll)") {
        chosen.push(MapAction::ZoomOut);
    }
    for action in chosen {
        view.act(action);
        ui.ctx().request_repaint();
    }
    right
}

/// A word that can be clicked, with its right end at `at`.
fn word_button(ui: &Ui, cx: &Cx<'_>, id: egui::Id, at: egui::Pos2, label: &str, name: &str) -> Response {
    let tokens = cx.tokens;
    let galley = text::line(ui, label, tokens::medium(11.5), tokens.muted, 80.0);
    let rect = Align2::RIGHT_CENTER.anchor_size(at, vec2((galley.size().x + 10.0).max(20.0), 18.0));
    let response = ui.interact(rect, id, Sense::click());
    let ink = if response.hovered() || response.has_focus() { tokens.text } else { tokens.muted };
    if response.hovered() {
        ui.painter().rect_filled(rect, 4.0, tokens.accent_fill);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    text::put(ui, rect.center(), Align2::CENTER_CENTER, label, tokens::medium(11.5), ink, rect.width());
    response.widget_info(|| text::labeled(Role::Button, true, name));
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_of_the_wheel_is_one_step_however_it_is_divided_into_frames() {
        let factor = |deltas: &[f32]| {
            let mut view = MapView::default();
            for delta in deltas {
                view.follow_gesture(*delta);
            }
            view.zoom().factor()
        };
        assert_eq!(factor(&[1.2]), factor(&[1.05, 1.05, 1.05, 1.05]));
        assert!(factor(&[1.2]) > 1.0 && factor(&[0.8]) < 1.0);
        assert_eq!(factor(&[1.05, 0.96]), 1.0, "too little");
        assert_eq!(factor(&[0.5; 20]), Zoom::STEPS[0].factor(), "there is a smallest size");
    }

    #[test]
    fn fit_is_the_largest_size_that_shows_all_and_never_more_than_the_natural_one() {
        let fit = |limit: f32| {
            let mut view = MapView::default();
            view.act(MapAction::ZoomIn);
            view.fit(|zoom| zoom.factor() <= limit);
            view.zoom().factor()
        };
        assert_eq!([9.0, 1.0, 0.85, 0.1].map(fit), [1.0, 1.0, 0.8, 0.6]);
    }
}
