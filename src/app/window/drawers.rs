//! Which panels around the views are folded, and which one is open as a drawer over the views.

use eframe::egui::{self, Context, Key, Modifiers, Order, Pos2, Rect, Vec2};
use egui_tiles::{Container, Tile, Tree};

use super::{Pane, Window};
use crate::command::Command;
use crate::layout::side_panels::{Folded, PanelChoices, SidePanel, Toggled, toggled};
use crate::ui::terminal;
use crate::ui::{Action, drawers};

/// The panels of the last frame.
#[derive(Debug)]
pub(super) struct Drawers {
    open: Option<SidePanel>,
    folded: Folded,
    window: Vec2,
    /// The place of the views.
    views: Rect,
}

impl Default for Drawers {
    fn default() -> Self {
        Self { open: None, folded: Folded::default(), window: Vec2::ZERO, views: Rect::ZERO }
    }
}

impl Drawers {
    pub const fn folded(&self) -> Folded {
        self.folded
    }

    pub const fn open(&self) -> Option<SidePanel> {
        self.open
    }

    /// Whether the panel can be seen, beside the views or over them.
    pub fn shows(&self, panel: SidePanel) -> bool {
        !self.folded.has(panel) || self.open == Some(panel)
    }

    /// Call this at the beginning of a frame. A timeline without `timeline_has_place` is a tab like others.
    pub fn begin(&mut self, window: Vec2, choices: &PanelChoices, timeline_has_place: bool) {
        self.window = window;
        self.folded = Folded::in_window(window.x, window.y, choices);
        self.folded.timeline &= timeline_has_place;
        // it is beside the views again
        self.open = self.open.filter(|open| self.folded.has(*open));
    }

    /// The place of the open drawer.
    pub fn place(&self, choices: &PanelChoices) -> Option<(SidePanel, Rect)> {
        let open = self.open?;
        let place = crate::layout::side_panels::drawer(open, drawers::of_screen(self.views), choices);
        Some((open, drawers::on_screen(place)))
    }

    /// Call this once the views are drawn. The drawer is drawn before them, at the place of the last frame.
    pub fn note_views(&mut self, ctx: &Context, views: Rect) {
        if self.views != views && self.open.is_some() {
            ctx.request_repaint();
        }
        self.views = views;
    }

    /// Shows the panel if it is folded.
    pub fn show(&mut self, panel: SidePanel) {
        if self.folded.has(panel) {
            self.open = Some(panel);
        }
    }

    fn toggle(&mut self, panel: SidePanel, choices: &mut PanelChoices) {
        match toggled(panel, self.open, self.window.x, self.window.y, choices) {
            Toggled::Folds(folds) => choices.set_folds(panel, folds),
            Toggled::OpensDrawer => self.open = Some(panel),
            Toggled::ClosesDrawer => self.open = None,
        }
    }

    /// Closes the drawer on Escape. An open menu, a text field and a terminal use the key themselves.
    pub fn close_on_escape(&mut self, ctx: &Context) {
        let is_used = || egui::Popup::is_any_open(ctx) || ctx.text_edit_focused() || terminal::has_focus(ctx);
        if self.open.is_some() && !is_used() && ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
            self.open = None;
        }
    }

    /// Closes the drawer after a click beside it, or after a choice in it that the views then show. A click that selects
    /// something keeps the inspector open, since that shows it.
    pub fn close_after(&mut self, ctx: &Context, actions: &[Action]) {
        let Some(open) = self.open else { return };
        // the top bar is about what the drawer shows too, such as the moment
        let is_beside = |pos: Pos2| {
            let is_below_bar = pos.y >= self.views.top();
            is_below_bar && ctx.layer_id_at(pos).is_none_or(|layer| layer.order == Order::Background)
        };
        let clicked = ctx.input(|i| i.pointer.any_click().then(|| i.pointer.interact_pos()).flatten());
        let any = |is: fn(&Action) -> bool| actions.iter().any(is);
        let selects = any(|action| {
            matches!(action, Action::SelectProcess(_) | Action::SelectNamespace(_) | Action::SelectPod(_))
        });
        let chooses_pod = any(|action| matches!(action, Action::SelectPod(_) | Action::Do(Command::Create(_))));
        // the button of a strip says itself what follows
        let toggles = any(|action| matches!(action, Action::TogglePanel(_)));
        let closes = match (open, clicked.is_some_and(is_beside)) {
            (SidePanel::Pods, false) => chooses_pod,
            (SidePanel::Inspector, true) => !selects,
            (_, was_beside) => was_beside,
        };
        if closes && !toggles {
            self.open = None;
        }
    }
}

impl Window {
    pub(super) fn toggle_panel(&mut self, ctx: &Context, panel: SidePanel) {
        let was_open = self.drawers.open();
        self.drawers.toggle(panel, &mut self.settings.panels);
        if self.drawers.open().is_some() && self.drawers.open() != was_open {
            // Tab then goes to the drawer, which is drawn first
            ctx.memory_mut(|memory| {
                if let Some(focused) = memory.focused() {
                    memory.surrender_focus(focused);
                }
            });
        }
    }
}

/// Whether the timeline has a place of its own among the views, as it has at first. In a group of tabs it is a tab like
/// others.
pub(super) fn timeline_has_place(tiles: &Tree<Pane>) -> bool {
    let parent = tiles.tiles.find_pane(&Pane::Timeline).and_then(|timeline| tiles.tiles.parent_of(timeline));
    parent.is_some_and(|parent| {
        matches!(tiles.tiles.get(parent), Some(Tile::Container(Container::Linear(_) | Container::Grid(_))))
    })
}

/// Shows the timeline among the views, or leaves its place to them.
pub(super) fn set_timeline_visible(tiles: &mut Tree<Pane>, is_visible: bool) {
    if let Some(timeline) = tiles.tiles.find_pane(&Pane::Timeline) {
        tiles.set_visible(timeline, is_visible);
    }
}
