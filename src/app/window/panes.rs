//! The views in the middle of the window, as tiles that can be dragged, split and resized.

use eframe::egui::{self, Color32, CornerRadius, Id, Response, Role, Sense, Stroke, Ui, pos2, vec2};
use egui_tiles::{
    Container, Linear, LinearDir, SimplificationOptions, TabState, Tabs, TileId, Tiles, Tree, UiResponse,
};

use super::building::Building;
use super::{Views, Window};
use crate::app::focus::ViewFocus;
use crate::command::Outcome;
use crate::ui::{
    Cx, Latest, build, events, inside, logs, namespaces, overview, pod_map, process_tree, report, text, timeline,
    tokens, zombies,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Overview,
    PodMap,
    Inside,
    ProcessTree,
    Namespaces,
    Zombies,
    Events,
    Logs,
    Report,
    Build,
    Timeline,
}

impl Pane {
    pub(super) const ALL: [Self; 11] = [
        Self::Overview,
        Self::PodMap,
        Self::Inside,
        Self::Namespaces,
        Self::ProcessTree,
        Self::Zombies,
        Self::Events,
        Self::Logs,
        Self::Report,
        Self::Build,
        Self::Timeline,
    ];

    /// Whether it shows processes that can be selected and signalled by keys.
    pub const fn shows_processes(self) -> bool {
        matches!(self, Self::PodMap | Self::ProcessTree | Self::Timeline)
    }

    /// Whether it shows processes of other pods than the selected one.
    pub const fn shows_all_pods(self) -> bool {
        matches!(
            self,
            Self::Overview | Self::ProcessTree | Self::Namespaces | Self::Zombies | Self::Events | Self::Report
        )
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::PodMap => "Pod map",
            Self::Inside => "Inside",
            Self::ProcessTree => "Process tree",
            Self::Zombies => "Zombies",
            Self::Namespaces => "Namespaces",
            Self::Events => "Events",
            Self::Logs => "Logs and exec",
            Self::Report => "kubectl and node",
            Self::Build => "Build",
            Self::Timeline => "Timeline",
        }
    }
}

/// The initial arrangement: tabs above, with the pod map at the front, and the timeline below.
pub fn initial_arrangement() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let is_tab = |pane: &Pane| *pane != Pane::Timeline;
    let tabs: Vec<(Pane, TileId)> =
        Pane::ALL.into_iter().filter(is_tab).map(|pane| (pane, tiles.insert_pane(pane))).collect();
    let front = tabs.iter().find(|(pane, _)| *pane == Pane::PodMap).map(|(_, tile)| *tile);
    let mut group = Tabs::new(tabs.into_iter().map(|(_, tile)| tile).collect());
    group.active = front;
    let tabs = tiles.insert_container(Container::Tabs(group));
    let timeline = tiles.insert_pane(Pane::Timeline);
    let mut column = Linear::new(LinearDir::Vertical, vec![tabs, timeline]);
    column.shares.set_share(tabs, 0.73);
    column.shares.set_share(timeline, 0.27);
    let root = tiles.insert_container(Container::Linear(column));
    Tree::new(Id::unique("panes"), root, tiles)
}

/// Makes the timeline higher, or lower if `by` is below 1, as a drag of the line above it does.
pub(super) fn resize_timeline(tree: &mut Tree<Pane>, by: f32) {
    let tiles = &mut tree.tiles;
    let Some(mut tile) = tiles.find_pane(&Pane::Timeline) else { return };
    while let Some(parent) = tiles.parent_of(tile) {
        if let Some(egui_tiles::Tile::Container(Container::Linear(column))) = tiles.get_mut(parent)
            && column.dir == LinearDir::Vertical
        {
            let others: f32 = column.children.iter().filter(|id| **id != tile).map(|id| column.shares[*id]).sum();
            // something of the others stays in view
            let share = (column.shares[tile] * by).clamp(others * 0.05, others * 20.0);
            return column.shares.set_share(tile, share);
        }
        tile = parent;
    }
}

pub struct Behaviour<'a, 'b> {
    pub cx: &'a mut Cx<'b>,
    pub latest: Latest<'a>,
    pub(super) views: &'a mut Views,
    pub focus: &'a mut ViewFocus,
    pub(super) building: &'a Building,
}

impl egui_tiles::Behavior<Pane> for Behaviour<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _id: TileId, pane: &mut Pane) -> UiResponse {
        self.focus.set_place(*pane, ui.max_rect(), ui.layer_id());
        match pane {
            Pane::Overview => overview::overview_ui(ui, self.cx, &mut self.views.overview),
            Pane::Namespaces => namespaces::namespaces_ui(ui, self.cx, &mut self.views.namespaces),
            Pane::PodMap => pod_map::pod_map_ui(ui, self.cx, &mut self.views.map),
            Pane::Inside => inside::inside_ui(ui, self.cx, &mut self.views.inside),
            Pane::ProcessTree => process_tree::process_tree_ui(ui, self.cx, &mut self.views.tree),
            Pane::Zombies => zombies::zombies_ui(ui, self.cx, &mut self.views.zombies),
            Pane::Events => events::events_ui(ui, self.cx, &mut self.views.events),
            Pane::Logs => logs::logs_ui(ui, self.cx, &mut self.views.logs),
            Pane::Report => report::report_ui(ui, self.cx, &mut self.views.report),
            Pane::Build => {
                let reports = self.cx.selection.pod.as_ref().map_or(&[][..], |pod| self.building.reports(pod));
                build::build_ui(ui, self.cx, reports);
            }
            Pane::Timeline => {
                ui.painter().rect_filled(ui.max_rect(), CornerRadius::ZERO, self.cx.tokens.panel);
                timeline::timeline_ui(ui, self.cx, self.latest, &mut self.views.timeline);
            }
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn tab_ui(&mut self, tiles: &mut Tiles<Pane>, ui: &mut Ui, id: Id, tile: TileId, state: &TabState) -> Response {
        let title = self.tab_title_for_tile(tiles, tile).text().to_owned();
        let tokens = self.cx.tokens;
        let pane = tiles.get_pane(&tile).copied();
        let width = text::line(ui, &title, tokens::semibold(13.0), tokens.text, 300.0).size().x + 18.0;
        let (_, rect) = ui.allocate_space(vec2(width, ui.available_height()));
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let ink = match (state.active, response.hovered()) {
            (true, _) | (false, true) => tokens.text,
            _ => tokens.muted,
        };
        let font = if state.active { tokens::semibold(13.0) } else { tokens::sans(13.0) };
        text::put(ui, rect.center(), egui::Align2::CENTER_CENTER, &title, font, ink, width);
        if state.active {
            let line = egui::Rect::from_min_max(
                pos2(rect.left() + 8.0, rect.bottom() - 3.0),
                rect.right_bottom() - vec2(8.0, 0.0),
            );
            // bright if the keys act on this view
            let has_keys = pane.is_some() && pane == self.focus.view();
            let color = if has_keys { tokens.accent } else { tokens.line_strong };
            ui.painter().rect_filled(line, CornerRadius::same(1), color);
        }
        if response.has_focus() {
            crate::ui::widgets::focus_ring(ui, tokens, rect.shrink(4.0), 4);
        }
        response.widget_info(|| text::selected(Role::Tab, true, state.active, &title));
        if let Some(pane) = pane.filter(|_| response.clicked()) {
            self.focus.set(pane);
        }
        self.on_tab_button(tiles, tile, response)
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        36.0
    }

    fn tab_bar_color(&self, _visuals: &egui::Visuals) -> Color32 {
        self.cx.tokens.panel
    }

    fn tab_bar_hline_stroke(&self, _visuals: &egui::Visuals) -> Stroke {
        Stroke::new(1.0, self.cx.tokens.line)
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }

    fn resize_stroke(&self, _style: &egui::Style, state: egui_tiles::ResizeState) -> Stroke {
        match state {
            egui_tiles::ResizeState::Idle => Stroke::new(1.0, self.cx.tokens.line),
            _ => Stroke::new(2.0, self.cx.tokens.accent),
        }
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: false, ..Default::default() }
    }
}

impl Window {
    /// Brings a view to the front, by its title in any case.
    pub(super) fn show_pane(&mut self, name: &str) -> Outcome {
        let wanted = Pane::ALL.into_iter().find(|p| p.title().eq_ignore_ascii_case(name));
        let Some(wanted) = wanted else {
            let names = Pane::ALL.map(Pane::title).join(", ").to_lowercase();
            return Outcome::Failed(format!("no view is named {name}; there are {names}"));
        };
        self.focus.set(wanted);
        self.tiles.make_active(|_, tile| matches!(tile, egui_tiles::Tile::Pane(p) if *p == wanted));
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the height that the timeline has.
    fn part(tree: &Tree<Pane>) -> f32 {
        let timeline = tree.tiles.find_pane(&Pane::Timeline).expect("it is there");
        let column = tree.tiles.parent_of(timeline).and_then(|parent| tree.tiles.get_container(parent));
        let Some(Container::Linear(column)) = column else { panic!("it is in a column") };
        let all: f32 = column.children.iter().map(|id| column.shares[*id]).sum();
        column.shares[timeline] / all
    }

    #[test]
    fn the_timeline_gets_any_height_and_leaves_something_of_the_others() {
        let mut tree = initial_arrangement();
        assert!((part(&tree) - 0.27).abs() < 1e-3);
        resize_timeline(&mut tree, 1.25);
        assert!((0.30..0.33).contains(&part(&tree)), "{}", part(&tree));
        (0..40).for_each(|_| resize_timeline(&mut tree, 1.25));
        assert!((0.9..0.97).contains(&part(&tree)), "{}", part(&tree));
        (0..80).for_each(|_| resize_timeline(&mut tree, 0.8));
        assert!((0.03..0.1).contains(&part(&tree)), "{}", part(&tree));
    }
}
