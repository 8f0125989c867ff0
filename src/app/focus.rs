//! Tracks the view that the keys act on.

use eframe::egui::{self, Event, Id, LayerId, Pos2, Rect};

use super::window::Pane;

/// The view that the user last clicked into, or moved the keyboard focus into. None if that was outside of the views,
/// such as in the inspector or a dialog.
#[derive(Debug)]
pub struct ViewFocus {
    view: Option<Pane>,
    /// The places of the views in the last frame.
    places: Vec<(Pane, Rect, LayerId)>,
    /// The widget that had the keyboard focus in the last frame.
    widget: Option<Id>,
}

impl Default for ViewFocus {
    /// The pod map is at the front when the window opens.
    fn default() -> Self {
        Self { view: Some(Pane::PodMap), places: Vec::new(), widget: None }
    }
}

impl ViewFocus {
    /// The view, if it is on screen.
    pub fn view(&self) -> Option<Pane> {
        self.view.filter(|view| self.shows(*view))
    }

    pub fn set(&mut self, view: Pane) {
        self.view = Some(view);
    }

    /// Call this at the beginning of a frame: moves the focus to where the user clicked or tabbed to.
    pub fn update(&mut self, ctx: &egui::Context) {
        let pressed = ctx.input(|i| {
            i.events.iter().rev().find_map(|event| match event {
                Event::PointerButton { pos, pressed: true, .. } => Some(*pos),
                _ => None,
            })
        });
        let widget = ctx.memory(egui::Memory::focused);
        if let Some(id) = widget
            && widget != self.widget
            && let Some(response) = ctx.read_response(id)
        {
            self.view = self.view_in(response.layer_id, response.rect.center());
        }
        self.widget = widget;
        if let Some(pos) = pressed {
            self.view = ctx.layer_id_at(pos).and_then(|layer| self.view_in(layer, pos));
        }
    }

    /// Call this before the views are drawn.
    pub fn clear_places(&mut self) {
        self.places.clear();
    }

    /// Call this for each view that is drawn, with its place.
    pub fn set_place(&mut self, view: Pane, rect: Rect, layer: LayerId) {
        self.places.push((view, rect, layer));
    }

    /// Whether a view of the last frame shows processes of other pods than the selected one.
    pub fn shows_all_pods(&self) -> bool {
        self.places.iter().any(|(pane, ..)| pane.shows_all_pods())
    }

    /// Whether the view is on screen.
    pub fn shows(&self, view: Pane) -> bool {
        self.places.iter().any(|(pane, ..)| *pane == view)
    }

    fn view_in(&self, layer: LayerId, pos: Pos2) -> Option<Pane> {
        let contains = |(_, rect, on): &&(Pane, Rect, LayerId)| *on == layer && rect.contains(pos);
        self.places.iter().find(contains).map(|(pane, ..)| *pane)
    }
}
