//! Draws a frame: the top bar, the panels around the views, the views, and what is above them.

use eframe::egui::{self, Frame, Margin, Ui};

use super::{Dialog, Views, Window, dialogs, drawers, panes, questions};
use crate::app::focus::ViewFocus;
use crate::app::settings::WindowSize;
use crate::app::{Settings, ThemeChoice};
use crate::layout::side_panels::{PanelChoices, SidePanel};
use crate::observe::now;
use crate::presets::guide::Guide;
use crate::ui::bars::bars_ui;
use crate::ui::drawers::{drawer_ui, side_frame, strip_ui};
use crate::ui::notices::notices_ui;
use crate::ui::settings_menu::{SettingsShown, settings_button_ui};
use crate::ui::slow_motion::{SlowMotion, banner_ui, steps_ui};
use crate::ui::{Action, Cx, Latest, guide, inspector, pods, timeline, top_bar};

/// The width of the button of the settings, with the space beside it.
const SETTINGS_W: f32 = 34.0;

/// What the panels show.
struct Sides<'a> {
    latest: Latest<'a>,
    views: &'a mut Views,
    focus: &'a mut ViewFocus,
    slow: Option<&'a SlowMotion>,
    /// The steps of the preset, if the list of them is open.
    guide: Option<&'a Guide>,
    plays_slowly: bool,
}

impl Sides<'_> {
    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, panel: SidePanel) {
        match (panel, self.slow, self.guide) {
            (SidePanel::Pods, ..) => pods::pods_ui(ui, cx, self.latest.world.node_trouble(), &mut self.views.pods),
            (SidePanel::Inspector, Some(slow), _) => steps_ui(ui, cx, slow, self.plays_slowly),
            (SidePanel::Inspector, None, Some(guide)) => guide::steps_ui(ui, cx, guide),
            (SidePanel::Inspector, None, None) => inspector::inspector_ui(ui, cx, &mut self.views.inspector),
            (SidePanel::Timeline, ..) => {
                self.focus.set_place(super::Pane::Timeline, ui.max_rect(), ui.layer_id());
                timeline::timeline_ui(ui, cx, self.latest, &mut self.views.timeline);
            }
        }
    }
}

impl Window {
    pub(super) fn show(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let tokens = self.tokens.clone();
        let selection = self.selection.clone();
        let latest = self.shown.latest();
        let mut cx = Cx {
            world: self.shown.world(),
            tokens: &tokens,
            selection: &selection,
            now: self.shown.at(),
            epoch: self.epoch,
            live: self.shown.is_live(),
            version: self.shown.version(),
            out: actions,
        };
        let mut choices = self.settings.panels;
        let timeline_has_place = drawers::timeline_has_place(&self.tiles);
        self.drawers.begin(ui.max_rect().size(), &choices, timeline_has_place);
        let (folded, open) = (self.drawers.folded(), self.drawers.open());
        if timeline_has_place {
            drawers::set_timeline_visible(&mut self.tiles, !folded.timeline);
        }
        self.focus.clear_places();
        let slow = self.slow_motions.playing();
        let plays_slowly = self.settings.plays_slowly;
        let (views, focus) = (&mut self.views, &mut self.focus);
        let guide = self.guides.shown(selection.pod.as_ref());
        let listed = guide.filter(|_| self.guides.is_list_shown);
        let mut sides = Sides { latest, views, focus, slow, guide: listed, plays_slowly };

        // before the rest, so that Tab reaches it first
        if let Some((panel, place)) = self.drawers.place(&choices) {
            drawer_ui(ui.ctx(), &tokens, panel, place, |ui| sides.ui(ui, &mut cx, panel));
        }
        let bar = Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(14, 0));
        let settings = shown_settings(&self.settings, &self.drawers);
        egui::Panel::top("bar").frame(bar).exact_size(46.0).resizable(false).show(ui, |ui| {
            let (rest, end) = ui.max_rect().split_left_right_at_x(ui.max_rect().right() - SETTINGS_W);
            ui.scope_builder(egui::UiBuilder::new().max_rect(rest), |ui| {
                top_bar::top_bar_ui(ui, &mut cx, self.slow_motions.offered(now()), latest.world.scope);
            });
            ui.scope_builder(egui::UiBuilder::new().max_rect(end), |ui| {
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    settings_button_ui(ui, &mut cx, settings);
                });
            });
        });
        for panel in [SidePanel::Pods, SidePanel::Inspector] {
            if folded.has(panel) {
                strip_ui(ui, &mut cx, panel, open == Some(panel));
            } else {
                beside_ui(ui, &mut cx, panel, &mut choices, &mut sides);
            }
        }
        self.settings.panels = choices;
        if let Some(Dialog::Question(question)) = &self.dialog {
            questions::foretell(ui.ctx(), question);
        }
        // no frame: the window is already cleared with the colour of the canvas
        egui::CentralPanel::no_frame().show(ui, |ui| {
            if folded.timeline {
                strip_ui(ui, &mut cx, SidePanel::Timeline, open == Some(SidePanel::Timeline));
            }
            if let Some(slow) = slow {
                banner_ui(ui, &mut cx, slow);
            }
            bars_ui(ui, &mut cx, &self.bars.shown());
            if let Some(guide) = guide.filter(|_| slow.is_none()) {
                guide::bar_ui(ui, &mut cx, guide, self.guides.is_list_shown);
            }
            notices_ui(ui, &tokens, &mut self.notices, now());
            self.drawers.note_views(ui.ctx(), ui.available_rect_before_wrap());
            let (views, focus) = (sides.views, sides.focus);
            let building = &self.building;
            let mut behaviour = panes::Behaviour { cx: &mut cx, latest, views, focus, building };
            self.tiles.ui(&mut behaviour, ui);
        });
        dialogs::dialogs(ui, &mut cx, latest, &mut self.dialog, &mut self.views.asked, &self.jobs);
        dialogs::drop_hint(ui, &tokens);
    }

    /// Writes the settings if they have changed in this frame, and the size of the window with them.
    pub(super) fn keep_settings(&mut self, ctx: &egui::Context) {
        if self.keeps_size {
            self.settings.window = window_size(ctx, self.settings.window);
        }
        if self.settings.tree != self.views.tree.options {
            self.settings.tree.clone_from(&self.views.tree.options);
        }
        if let Some(file) = &mut self.settings_file {
            file.keep(&self.settings);
        }
    }
}

/// A panel beside the views. The user can change its width.
fn beside_ui(ui: &mut Ui, cx: &mut Cx<'_>, panel: SidePanel, choices: &mut PanelChoices, sides: &mut Sides<'_>) {
    let (beside, width, range) = match panel {
        SidePanel::Inspector => {
            (egui::Panel::right("inspector"), &mut choices.inspector_width, PanelChoices::INSPECTOR_WIDTH)
        }
        _ => (egui::Panel::left("pods"), &mut choices.pods_width, PanelChoices::PODS_WIDTH),
    };
    let beside = beside.frame(side_frame(cx.tokens, panel)).default_size(*width).size_range(range);
    let shown = beside.show(ui, |ui| sides.ui(ui, cx, panel));
    // whole points, so that rounding to pixels is no change
    *width = shown.response.rect.width().round();
}

fn shown_settings(settings: &Settings, drawers: &drawers::Drawers) -> SettingsShown {
    SettingsShown {
        dark: settings.theme == ThemeChoice::Dark,
        text_percent: settings.text_scale.percent(),
        plays_slowly: settings.plays_slowly,
        shown_panels: SidePanel::ALL.map(|panel| drawers.shows(panel)),
    }
}

/// The size of the window now. One that is maximized keeps the size that it had before.
fn window_size(ctx: &egui::Context, before: Option<WindowSize>) -> Option<WindowSize> {
    let size = ctx.content_rect().size() * ctx.zoom_factor();
    let is_maximized = ctx.input(|i| {
        let viewport = i.viewport();
        viewport.maximized == Some(true) || viewport.fullscreen == Some(true)
    });
    // a window that is minimized has no size
    if size.x < WindowSize::MIN.0 || size.y < WindowSize::MIN.1 {
        return before;
    }
    let now = WindowSize { width: size.x.round(), height: size.y.round(), is_maximized };
    match before {
        Some(before) if is_maximized => Some(WindowSize { is_maximized, ..before }),
        _ => Some(now),
    }
}
