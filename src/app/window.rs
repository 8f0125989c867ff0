//! The window: takes in what has arrived, shows it, and carries out the actions.

mod bars;
mod building;
mod commands;
mod dialogs;
mod drawers;
mod film;
mod frames;
mod guides;
mod panes;
mod questions;
mod show;
mod shown;
mod slow_motion;
mod terminal;
mod watched;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::Receiver;
use eframe::egui;

use super::focus::ViewFocus;
use super::jobs::Jobs;
use super::motion::Motion;
use super::names_of_tiles::NamesOfTiles;
use super::partial_redraw::PartialRedraw;
use super::settings::{Loaded, SettingsFile};
use super::{Settings, ThemeChoice, keys};
use crate::engine::{Event, Handle, Question, ScriptFailure, Watched};
use crate::model::{MonoNs, PodUid, Signal};
use crate::observe::now;
use crate::sys::kept_frame::draws_in_software;
use crate::ui::build::{JoinDialog, SandboxDialog};
use crate::ui::events::EventsState;
use crate::ui::export_dialog::ExportDialog;
use crate::ui::inside::InsideState;
use crate::ui::inspector::InspectorState;
use crate::ui::logs::LogsState;
use crate::ui::namespaces::NamespacesState;
use crate::ui::new_pod::NewPodDialog;
use crate::ui::notices::{NoticeKind, Notices};
use crate::ui::overview::OverviewState;
use crate::ui::palette::PaletteState;
use crate::ui::pod_map::MapState;
use crate::ui::pods::{DeleteDialog, PodsState};
use crate::ui::process_tree::TreeState;
use crate::ui::report::ReportState;
use crate::ui::signals::Predictions;
use crate::ui::timeline::TimelineState;
use crate::ui::tokens::Tokens;
use crate::ui::zombies::ZombiesState;
use crate::ui::{ANIMATION_NS, Action, Selection, fonts};
use crate::wording::forbidden::lab_error;
pub(super) use panes::Pane;

/// The time between two frames while something moves, such as the age of a zombie or a pill that fades.
const TICK: Duration = Duration::from_millis(100);

enum Dialog {
    Export(ExportDialog),
    Sandbox(SandboxDialog),
    Join(Box<JoinDialog>),
    NewPod(Box<NewPodDialog>),
    Delete(DeleteDialog),
    Question(Question),
    Palette(PaletteState),
    /// The keyboard shortcuts.
    Keys,
    /// What the terms mean.
    Terms,
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
    /// The settings as they were read.
    pub settings: Loaded,
    /// Where they are kept; `None` if there is no place.
    pub settings_path: Option<PathBuf>,
    /// Whether the size of the window is kept.
    pub keeps_size: bool,
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
    settings_file: Option<SettingsFile>,
    keeps_size: bool,
    motion: Motion,
    tokens: Tokens,
    tiles: egui_tiles::Tree<Pane>,
    views: Views,
    focus: ViewFocus,
    dialog: Option<Dialog>,
    /// Questions to ask once no dialog is open.
    questions: VecDeque<Question>,
    notices: Notices,
    drawers: drawers::Drawers,
    /// Close the window when its script has ended.
    exit_after_script: bool,
    failure: ScriptFailureSlot,
    epoch: MonoNs,
    frames: frames::Frames,
    bars: bars::Bars,
    building: building::Building,
    guides: guides::Guides,
    watched: Watched,
    slow_motions: slow_motion::SlowMotions,
    film: Option<film::Film>,
    /// The user has not chosen the selected pod.
    is_selection_automatic: bool,
    /// The first pod of the last request to start pods, until the World has it; and the number of that request.
    new_pod: (Option<PodUid>, u64),
    /// The dialog for a new pod as it was closed last.
    last_new_pod: Option<Box<NewPodDialog>>,
}

impl Window {
    pub fn new(cc: &eframe::CreationContext<'_>, options: WindowOptions) -> Self {
        let WindowOptions { engine, events, theme, settings_path, keeps_size, exit_after_script, failure, .. } =
            options;
        let Loaded { mut settings, problem } = options.settings;
        let ctx = &cc.egui_ctx;
        let jobs = Jobs::new(ctx);
        let file = settings_path.map(|path| SettingsFile::open(path, settings.clone(), jobs.settings_failed()));
        if let Some(theme) = theme {
            settings.theme = theme;
        }
        fonts::install(ctx);
        egui_extras::install_image_loaders(ctx);
        ctx.add_plugin(PartialRedraw::default());
        ctx.add_plugin(NamesOfTiles);
        // the keys of the text size are ours, as they are kept with the settings
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        ctx.set_zoom_factor(settings.text_scale.factor());
        let mut views = Views::default();
        views.tree.options = settings.tree.clone();
        let mut window = Self {
            engine,
            events,
            jobs,
            shown: shown::Shown::default(),
            selection: Selection::default(),
            tokens: theme_tokens(settings.theme),
            settings,
            settings_file: None,
            keeps_size,
            motion: Motion::new(cc.gl.as_ref().is_none_or(|gl| draws_in_software(gl))),
            tiles: panes::initial_arrangement(),
            views,
            focus: ViewFocus::default(),
            dialog: None,
            questions: VecDeque::new(),
            notices: Notices::default(),
            drawers: drawers::Drawers::default(),
            exit_after_script,
            failure,
            epoch: now(),
            frames: frames::Frames::default(),
            bars: bars::Bars::default(),
            building: building::Building::default(),
            guides: guides::Guides::default(),
            watched: Watched::default(),
            slow_motions: slow_motion::SlowMotions::default(),
            film: None,
            is_selection_automatic: true,
            new_pod: (None, 0),
            last_new_pod: None,
        };
        window.tokens.apply(ctx);
        if let Some(problem) = problem {
            window.notify_lasting(problem);
        }
        match file.transpose() {
            Ok(file) => window.settings_file = file,
            Err(e) => window.notify_lasting(format!("The settings are not kept for the next start: {e}")),
        }
        if window.motion.asks_desktop(window.settings.motion) {
            window.jobs.ask_reduced_motion();
        }
        window.motion.apply(ctx, window.settings.motion);
        window
    }

    /// Something that the user wanted is done.
    fn notify(&mut self, text: String) {
        self.notices.add(NoticeKind::Done, text, now());
    }

    /// Something that the user wanted was not done, and can be tried again.
    fn notify_failed(&mut self, text: String) {
        tracing::warn!("{text}");
        self.notices.add(NoticeKind::Failed, text, now());
    }

    /// Something does not work, or was lost: it is shown until the user dismisses it.
    fn notify_lasting(&mut self, text: String) {
        tracing::warn!("{text}");
        self.notices.add(NoticeKind::Lasting, text, now());
    }

    /// The time until the picture next changes by itself.
    fn next_tick(&self) -> Option<Duration> {
        self.next_change().into_iter().chain(self.notices.until_next(now())).min()
    }

    /// The time until what is shown of the World changes by itself.
    fn next_change(&self) -> Option<Duration> {
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
        let changed = self.shown.state().pods_changed;
        let moves = !world.pods.is_empty() && now.since(changed) < ANIMATION_NS;
        Some(if moves { TICK } else { second })
    }

    fn handle_event(&mut self, ctx: &egui::Context, event: Event) {
        match event {
            // the window shows these in other ways; a failed start is followed by that of its command
            Event::Changed | Event::Deltas(..) | Event::LabStarted | Event::StartFailed { .. } => {}
            Event::ScriptStep(_) => self.guide_step(),
            Event::ScriptOutput(outcome) => self.guide_output(&outcome),
            Event::ScriptPaused(step) => self.guide_paused(step),
            Event::ScriptStopped => self.guide_stopped(),
            Event::ObserverFailed(e) => self.notify_lasting(format!("The observer cannot start: {e}")),
            Event::LabFailed(e) => self.notify_lasting(format!("The lab cannot start: {}", lab_error(&e))),
            Event::LabRestarted { lost } => self.lab_restarted(lost),
            Event::ControlFailed(e) => self.notify_lasting(format!("The lab is running, but {e}")),
            Event::PodStarted { pod, from, warnings, start } => self.pod_started(&pod, &from, &warnings, start),
            Event::ManifestRead { path, updates, warnings } => self.manifest_read(&path, updates, &warnings),
            Event::ManifestUnreadable { path, why } => self.manifest_unreadable(&path, why),
            Event::Replaced(replaced) => self.pod_replaced(replaced),
            Event::WatchFailed(why) => self.notify_lasting(why),
            Event::CommandFailed(why) => self.notify_failed(why),
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
        self.select_new_pod();
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
        self.open_dropped(&ctx);
        self.focus.update(&ctx);
        if self.dialog.is_none() {
            self.drawers.close_on_escape(&ctx);
            let (at, live) = (self.shown.at(), self.shown.is_live());
            if self.slow_motions.playing().is_some() {
                actions = keys::slow_motion_actions(&ctx);
            }
            let view = self.focus.view();
            let pressed = keys::tree_keys(&ctx, view);
            let is_moving = !pressed.is_empty();
            self.views.tree.press(pressed);
            let targets = keys::SignalTargets { selection: &self.selection, tree: &self.views.tree, is_moving };
            actions.extend(keys::actions(&ctx, self.shown.world(), targets, view, live, at));
        } else {
            actions = keys::text_scale_actions(&ctx);
            if ctx.input(|i| i.key_pressed(egui::Key::Escape)) {
                actions.push(Action::CancelDialog);
            }
        }
        self.tick_slow_motion();
        self.continue_film(&ctx);
        self.show(ui, &mut actions);
        self.drawers.close_after(&ctx, &actions);
        self.watch();
        self.frames.end(self.shown.live(), now());
        for action in actions {
            self.act(&ctx, action);
        }
        self.keep_settings(&ctx);
        if let Some(after) = self.next_tick() {
            ctx.request_repaint_after(after);
        }
    }

    /// What is kept is in the settings, whose file is written safely.
    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.tokens.canvas.to_normalized_gamma_f32()
    }
}
