//! The views in the middle of the window, as tiles that can be dragged, split and resized.

use eframe::egui::{self, Color32, CornerRadius, Id, Response, Role, Sense, Stroke, Ui, pos2, vec2};
use egui_tiles::{
    Container, Linear, LinearDir, SimplificationOptions, TabState, Tabs, TileId, Tiles, Tree, UiResponse,
};

use super::building::Building;
use super::{Views, Window};
use crate::app::focus::ViewFocus;
use crate::command::{Command, Outcome};
use crate::layout::side_panels::SidePanel;
use crate::ui::icons::Icon;
use crate::ui::{
    Action, Cx, Latest, build, events, inside, logs, namespaces, overview, pod_map, process_tree, report, text,
    timeline, tokens, widgets, zombies,
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

/// The width of a tab beside its title.
const TAB_PADDING: f32 = 18.0;
const TAB_BAR_H: f32 = 36.0;

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
        let width = tab_width(ui, &title, tokens.text);
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

    /// Where the tabs are wider than their bar: a menu of all of them, beside the arrows that scroll them.
    fn top_bar_right_ui(&mut self, tiles: &Tiles<Pane>, ui: &mut Ui, id: TileId, tabs: &Tabs, offset: &mut f32) {
        let shown: Vec<TileId> = tabs.children.iter().copied().filter(|tab| tiles.is_visible(*tab)).collect();
        let titles: Vec<String> =
            shown.iter().map(|tab| self.tab_title_for_tile(tiles, *tab).text().to_owned()).collect();
        let widths: Vec<f32> = titles.iter().map(|title| tab_width(ui, title, self.cx.tokens.text)).collect();
        let room = ui.available_width();
        if widths.iter().sum::<f32>() <= room {
            return;
        }
        let active = shown.iter().position(|tab| tabs.is_active(*tab));
        let button = widgets::icon_button(ui, self.cx.tokens, Icon::ChevronDown, "All views");
        egui::Popup::menu(&button).show(|ui| {
            for (nth, title) in titles.iter().enumerate() {
                let item = ui.add(egui::Button::selectable(active == Some(nth), title.as_str()));
                let name = format!("Show {title}");
                item.widget_info(|| text::selected(Role::MenuItemRadio, true, active == Some(nth), &name));
                if item.clicked() {
                    self.cx.act(Action::Do(Command::Show(title.to_lowercase())));
                    ui.close();
                }
            }
        });
        // the active tab is scrolled into view when it becomes active, or when the bar becomes narrower
        let key = ui.scope_id().with(("active tab", id));
        let now = (active, room.round() as i32);
        let before = ui.data_mut(|data| data.get_temp(key));
        if before != Some(now) {
            ui.data_mut(|data| data.insert_temp(key, now));
            if let Some(active) = active {
                let between_arrows = room - 2.0 * (TAB_BAR_H + ui.spacing().item_spacing.x);
                *offset = offset_to_show(&widths, active, between_arrows, *offset);
            }
        }
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        TAB_BAR_H
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

fn tab_width(ui: &Ui, title: &str, color: Color32) -> f32 {
    text::line(ui, title, tokens::semibold(13.0), color, 300.0).size().x + TAB_PADDING
}

/// How far the tabs must be scrolled so that one of them is visible: as little as possible.
fn offset_to_show(widths: &[f32], tab: usize, room: f32, offset: f32) -> f32 {
    let left: f32 = widths[..tab].iter().sum();
    let right = left + widths[tab];
    // the left edge counts where the tab is wider than the room
    offset.max(right - room).min(left).max(0.0)
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
        if wanted == Pane::Timeline {
            self.drawers.show(SidePanel::Timeline);
        }
        self.tiles.make_active(|_, tile| matches!(tile, egui_tiles::Tile::Pane(p) if *p == wanted));
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_active_tab_is_scrolled_into_view_as_little_as_possible() {
        let widths = [80.0, 70.0, 60.0, 100.0, 90.0];
        let table = [
            // it is visible
            ((0, 200.0, 0.0), 0.0),
            ((1, 200.0, 20.0), 20.0),
            // beyond the right edge
            ((3, 200.0, 0.0), 110.0),
            ((4, 200.0, 0.0), 200.0),
            // beyond the left edge
            ((0, 200.0, 150.0), 0.0),
            ((2, 200.0, 180.0), 150.0),
            // wider than the room
            ((3, 40.0, 0.0), 210.0),
        ];
        for ((tab, room, offset), expected) in table {
            assert_eq!(offset_to_show(&widths, tab, room, offset), expected, "{tab} in {room} from {offset}");
        }
    }

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
