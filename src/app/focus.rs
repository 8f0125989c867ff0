//! Which view the keys act on.

use eframe::egui::{self, Event, Id, LayerId, Pos2, Rect};

use super::window::Pane;

/// The view that the user last clicked into, or moved the keyboard focus into; none when that was outside of
/// the views, such as in the inspector or a dialog.
#[derive(Debug)]
pub struct ViewFocus {
    view: Option<Pane>,
    /// Where the views were in the last frame.
    shown: Vec<(Pane, Rect, LayerId)>,
    /// The widget that had the keyboard focus in the last frame.
    widget: Option<Id>,
}

impl Default for ViewFocus {
    /// The pod map is in front when the window opens.
    fn default() -> Self {
        Self { view: Some(Pane::PodMap), shown: Vec::new(), widget: None }
    }
}

impl ViewFocus {
    /// The view, if it is on screen.
    pub fn view(&self) -> Option<Pane> {
        self.view.filter(|view| self.shown.iter().any(|(pane, ..)| pane == view))
    }

    pub fn set(&mut self, view: Pane) {
        self.view = Some(view);
    }

    /// To be called at the beginning of a frame: takes over where the user clicked or tabbed to.
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

    /// To be called before the views are drawn.
    pub fn forget_places(&mut self) {
        self.shown.clear();
    }

    /// A view is being drawn here.
    pub fn place(&mut self, view: Pane, rect: Rect, layer: LayerId) {
        self.shown.push((view, rect, layer));
    }

    fn view_in(&self, layer: LayerId, pos: Pos2) -> Option<Pane> {
        let here = |(_, rect, on): &&(Pane, Rect, LayerId)| *on == layer && rect.contains(pos);
        self.shown.iter().find(here).map(|(pane, ..)| *pane)
    }
}
