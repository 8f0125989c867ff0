//! The window: takes in what has arrived, shows it, and carries out the actions.

mod bars;
mod building;
mod commands;
mod dialogs;
mod frames;
mod panes;
mod questions;
mod shown;
mod slow_motion;
mod terminal;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::Receiver;
use eframe::egui::{self, Frame, Margin};

use super::focus::ViewFocus;
use super::jobs::Jobs;
use super::motion::Motion;
use super::partial_redraw::PartialRedraw;
use super::{Settings, ThemeChoice, keys};
use crate::engine::{Event, Handle, Question, Request, ScriptFailure, Watched};
use crate::model::{MonoNs, Signal};
use crate::observe::now;
use crate::sys::kept_frame::draws_in_software;
use crate::ui::bars::bars_ui;
use crate::ui::build::{JoinDialog, SandboxDialog};
use crate::ui::events::EventsState;
use crate::ui::export_dialog::ExportDialog;
use crate::ui::inside::InsideState;
use crate::ui::inspector::InspectorState;
use crate::ui::logs::LogsState;
use crate::ui::namespaces::NamespacesState;
use crate::ui::overview::OverviewState;
use crate::ui::palette::PaletteState;
use crate::ui::pod_map::MapState;
use crate::ui::pods::PodsState;
use crate::ui::process_tree::TreeState;
use crate::ui::report::ReportState;
use crate::ui::signals::Predictions;
use crate::ui::slow_motion::{banner_ui, steps_ui};
use crate::ui::timeline::TimelineState;
use crate::ui::tokens::Tokens;
use crate::ui::zombies::ZombiesState;
use crate::ui::{ANIMATION_NS, Action, Cx, Selection, fonts, inspector, pods, top_bar};
use crate::wording::forbidden::lab_error;
pub(super) use panes::Pane;

/// The time between two frames while something moves, such as the age of a zombie or a pill that fades.
const TICK: Duration = Duration::from_millis(100);

/// A line for the user, shown until it is dismissed.
struct Notice {
    text: String,
    is_error: bool,
}

enum Dialog {
    Export(ExportDialog),
    Sandbox(SandboxDialog),
    Join(Box<JoinDialog>),
    Question(Question),
    Palette(PaletteState),
    /// The keyboard shortcuts.
    Keys,
}

/// The state that the views keep between frames.
#[derive(Default)]
struct Views {
    pods: PodsState,
    inspector: InspectorState,
    overview: OverviewState,
    map: MapState,
    timeline: TimelineState,
    tree: TreeState,
    zombies: ZombiesState,
    namespaces: NamespacesState,
    events: EventsState,
    logs: LogsState,
    report: ReportState,
    inside: InsideState,
    /// For the dialog that asks whether to send a signal.
    asked: Predictions,
}

/// Where the failure of the script is left for after the window is closed.
pub type ScriptFailureSlot = Arc<Mutex<Option<ScriptFailure>>>;

/// What the window needs to be opened.
pub struct WindowOptions {
    pub engine: Handle,
    pub events: Receiver<Event>,
    pub theme: Option<ThemeChoice>,
    pub exit_after_script: bool,
    pub failure: ScriptFailureSlot,
}

pub struct Window {
    engine: Handle,
    events: Receiver<Event>,
    jobs: Jobs,
    shown: shown::Shown,
    selection: Selection,
    settings: Settings,
    motion: Motion,
    tokens: Tokens,
    tiles: egui_tiles::Tree<Pane>,
    views: Views,
    focus: ViewFocus,
    dialog: Option<Dialog>,
    /// Questions to ask once no dialog is open.
    questions: VecDeque<Question>,
    notices: VecDeque<Notice>,
    /// Close the window when its script has ended.
    exit_after_script: bool,
    failure: ScriptFailureSlot,
    epoch: MonoNs,
    frames: frames::Frames,
    bars: bars::Bars,
    building: building::Building,
    watched: Watched,
    slow_motions: slow_motion::SlowMotions,
    /// The user has not chosen the selected pod.
    is_selection_automatic: bool,
}

impl Window {
    pub fn new(cc: &eframe::CreationContext<'_>, options: WindowOptions) -> Self {
        let WindowOptions { engine, events, theme, exit_after_script, failure } = options;
        let stored = cc.storage.and_then(|s| eframe::get_value::<Settings>(s, eframe::APP_KEY));
        let mut settings = stored.unwrap_or_default();
        if let Some(theme) = theme {
            settings.theme = theme;
        }
        let ctx = &cc.egui_ctx;
        fonts::install(ctx);
        egui_extras::install_image_loaders(ctx);
        ctx.add_plugin(PartialRedraw::default());
        let window = Self {
            engine,
            events,
            jobs: Jobs::new(ctx),
            shown: shown::Shown::default(),
            selection: Selection::default(),
            tokens: theme_tokens(settings.theme),
            settings,
            motion: Motion::new(cc.gl.as_ref().is_none_or(|gl| draws_in_software(gl))),
            tiles: panes::initial_arrangement(),
            views: Views::default(),
            focus: ViewFocus::default(),
            dialog: None,
            questions: VecDeque::new(),
            notices: VecDeque::new(),
            exit_after_script,
            failure,
            epoch: now(),
            frames: frames::Frames::default(),
            bars: bars::Bars::default(),
            building: building::Building::default(),
            watched: Watched::default(),
            slow_motions: slow_motion::SlowMotions::default(),
            is_selection_automatic: true,
        };
        window.tokens.apply(ctx);
        if window.motion.asks_desktop(window.settings.motion) {
            window.jobs.ask_reduced_motion();
        }
        window.motion.apply(ctx, window.settings.motion);
        window
    }

    fn notify_error(&mut self, text: String) {
        tracing::warn!("{text}");
        self.notices.push_back(Notice { text, is_error: true });
        while self.notices.len() > 4 {
            self.notices.pop_front();
        }
    }

    fn notify(&mut self, text: String) {
        self.notices.push_back(Notice { text, is_error: false });
        while self.notices.len() > 4 {
            self.notices.pop_front();
        }
    }

    /// The time until the picture next changes by itself.
    fn next_tick(&self) -> Option<Duration> {
        let now = now();
        let second = to_next_second(now.since(self.epoch));
        if let Some(slow) = self.slow_motions.playing() {
            return slow.until_next(now);
        }
        if !self.shown.is_live() {
            // a past moment does not change, except for the bars of living processes right of the playhead
            return self.views.timeline.view.shows(now).then_some(second);
        }
        let world = self.shown.live();
        // pills fade, and the age of a new zombie is shown in tenths of a second
        let moves = !world.pods.is_empty() && now.since(world.now) < ANIMATION_NS;
        Some(if moves { TICK } else { second })
    }

    fn handle_event(&mut self, ctx: &egui::Context, event: Event) {
        match event {
            // the window shows these in other ways; a failed start is followed by that of its command
            Event::Changed
            | Event::Deltas(..)
            | Event::LabStarted
            | Event::StartFailed { .. }
            | Event::ScriptStep(_)
            | Event::ScriptOutput(_) => {}
            Event::ObserverFailed(e) => self.notify_error(format!("The observer cannot start: {e}")),
            Event::LabFailed(e) => self.notify_error(format!("The lab cannot start: {}", lab_error(&e))),
            Event::LabRestarted { lost } => self.lab_restarted(lost),
            Event::ControlFailed(e) => self.notify_error(format!("The lab is running, but {e}")),
            Event::PodStarted { from, warnings, .. } => self.pod_started(&from, &warnings),
            Event::ManifestRead { path, updates, warnings } => self.manifest_read(&path, updates, &warnings),
            Event::ManifestUnreadable { path, why } => self.manifest_unreadable(&path, why),
            Event::Replaced(replaced) => self.pod_replaced(replaced),
            Event::WatchFailed(why) | Event::CommandFailed(why) => self.notify_error(why),
            Event::Burst(burst) => self.offer_slow_motion(*burst),
            Event::StepDone(report) => self.step_done(report),
            Event::Signalled { target, signal } => {
                if signal == Signal::KILL {
                    self.frames.expect_exit(target);
                }
            }
            Event::Exported { export, written, origin } => self.exported(export, written, origin),
            Event::Asked(question) => self.ask(question),
            Event::QuestionsWithdrawn(ids) => self.withdraw_questions(&ids),
            Event::FrontEnd { command, origin } => self.carry_out(command, origin),
            Event::ScriptEnded { result, was_requested } => self.script_ended(ctx, result, was_requested),
        }
    }

    fn script_ended(&mut self, ctx: &egui::Context, result: Result<(), ScriptFailure>, was_requested: bool) {
        match result {
            Ok(()) => self.notify("The script has ended; all its expectations were met.".into()),
            Err(failure) => {
                self.notify_error(failure.to_string());
                if let Ok(mut slot) = self.failure.lock() {
                    *slot = Some(failure);
                }
            }
        }
        if was_requested && self.exit_after_script {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }
}

fn theme_tokens(choice: ThemeChoice) -> Tokens {
    match choice {
        ThemeChoice::Dark => Tokens::dark(),
        ThemeChoice::Light => Tokens::light(),
    }
}

/// The time until the clock shows the next second, from this many ns after the epoch. A little more than that, since a
/// frame that is too early would show the same second again.
const fn to_next_second(since_epoch: u64) -> Duration {
    const SECOND: u64 = 1_000_000_000;
    Duration::from_nanos(SECOND - since_epoch % SECOND + 2_000_000)
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        // first the events: the state that is taken after them is not older than they are
        let events: Vec<Event> = self.events.try_iter().collect();
        self.shown.update(self.engine.published());
        for event in events {
            self.handle_event(ctx, event);
        }
        for answer in self.jobs.answers().collect::<Vec<_>>() {
            self.handle_answer(ctx, answer);
        }
        // select a pod if none is selected or the selected one is gone
        let world = self.shown.live();
        let selected = self.selection.pod.as_ref().and_then(|uid| world.pod(uid));
        let of_lab = || world.pods.values().find(|pod| pod.is_of_lab()).map(|pod| pod.uid.clone());
        let is_chosen = selected.is_some_and(|pod| pod.is_of_lab() || !self.is_selection_automatic);
        if !is_chosen && self.shown.is_live() {
            // a pod of an engine only until there is one of the lab
            let first = of_lab().or_else(|| world.pods.keys().next().cloned());
            if first != self.selection.pod {
                self.selection.pod = first;
            }
            self.is_selection_automatic = true;
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        if ctx.input(|input| !input.events.is_empty()) {
            self.engine.note_input();
        }
        frames::Frames::note_cost(frame.info().cpu_usage);
        tracing::debug!(target: "podscope::frames", causes = ?ctx.repaint_causes(), "begun");
        self.frames.begin(now());
        let mut actions = Vec::new();
        self.focus.update(&ctx);
        if self.dialog.is_none() {
            let (at, live) = (self.shown.at(), self.shown.is_live());
            if self.slow_motions.playing().is_some() {
                actions = keys::slow_motion_actions(&ctx);
            }
            actions.extend(keys::actions(&ctx, self.shown.world(), &self.selection, self.focus.view(), live, at));
        } else if ctx.input(|i| i.key_pressed(egui::Key::Escape)) {
            actions.push(Action::CancelDialog);
        }
        self.tick_slow_motion();
        self.show(ui, &mut actions);
        self.watch();
        self.frames.end(self.shown.live(), now());
        for action in actions {
            self.act(&ctx, action);
        }
        if let Some(after) = self.next_tick() {
            ctx.request_repaint_after(after);
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, eframe::APP_KEY, &self.settings);
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.tokens.canvas.to_normalized_gamma_f32()
    }
}

impl Window {
    /// Tells the engine which processes are on screen. Other changes are drawn with the next frame.
    fn watch(&mut self) {
        let watched = Watched {
            pod: self.selection.pod.clone().filter(|_| !self.focus.shows_all_pods()),
            output: self.focus.shows(Pane::Logs),
            inside: (self.focus.shows(Pane::Inside) && self.shown.is_live())
                .then(|| self.views.inside.shows(&self.selection)),
        };
        if self.watched != watched {
            self.engine.send(Request::Watch(watched.clone()));
            self.watched = watched;
        }
    }

    fn show(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
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
        let bar = Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(14, 0));
        egui::Panel::top("bar").frame(bar).exact_size(46.0).resizable(false).show(ui, |ui| {
            top_bar::top_bar_ui(ui, &mut cx, self.slow_motions.offered(now()));
        });
        let side = Frame::new().fill(tokens.panel).inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 });
        egui::Panel::left("pods").frame(side).default_size(256.0).size_range(200.0..=380.0).show(ui, |ui| {
            pods::pods_ui(ui, &mut cx, latest.world.node_trouble(), &mut self.views.pods);
        });
        let side = Frame::new().fill(tokens.panel).inner_margin(Margin { left: 16, right: 16, top: 0, bottom: 8 });
        egui::Panel::right("inspector").frame(side).default_size(320.0).size_range(280.0..=480.0).show(ui, |ui| {
            match self.slow_motions.playing() {
                Some(slow) => steps_ui(ui, &mut cx, slow, self.settings.plays_slowly),
                None => inspector::inspector_ui(ui, &mut cx, &mut self.views.inspector),
            }
        });
        if let Some(Dialog::Question(question)) = &self.dialog {
            questions::foretell(ui.ctx(), question);
        }
        // no frame: the window is already cleared with the colour of the canvas
        egui::CentralPanel::no_frame().show(ui, |ui| {
            if let Some(slow) = self.slow_motions.playing() {
                banner_ui(ui, &mut cx, slow);
            }
            bars_ui(ui, &mut cx, &self.bars.shown());
            self.focus.clear_places();
            let (views, focus) = (&mut self.views, &mut self.focus);
            let building = &self.building;
            let mut behaviour = panes::Behaviour { cx: &mut cx, latest, views, focus, building };
            self.tiles.ui(&mut behaviour, ui);
        });
        dialogs::dialogs(ui, &mut cx, &mut self.dialog, &mut self.views.asked, &self.jobs);
        dialogs::notices(ui, &tokens, &mut self.notices);
    }
}
