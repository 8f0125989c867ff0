//! The window: takes in what has arrived, shows it, and carries out the actions.

mod bars;
mod building;
mod commands;
mod dialogs;
mod frames;
mod output;
mod panes;
mod questions;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eframe::egui::{self, Frame, Margin};

use super::focus::ViewFocus;
use super::partial_redraw::PartialRedraw;
use super::script::Player;
use super::session::{Answer, Session};
use super::{OpenOptions, Settings, ThemeChoice, keys};
use crate::command::{Command, PodSource};
use crate::lab;
use crate::layout::timeline::Viewport;
use crate::model::MonoNs;
use crate::observe::now;
use crate::script::Engine;
use crate::store::{Cursor, Store};
use crate::ui::bars::bars_ui;
use crate::ui::build::{JoinDialog, SandboxDialog};
use crate::ui::events::EventsState;
use crate::ui::export_dialog::ExportDialog;
use crate::ui::logs::LogsState;
use crate::ui::process_tree::TreeState;
use crate::ui::report::ReportState;
use crate::ui::tokens::Tokens;
use crate::ui::{ANIMATION_NS, Action, Cx, Selection, WorldVersion, fonts, inspector, pods, top_bar};
pub use output::append_output;
pub(super) use panes::Pane;

/// The time between two frames while something moves, such as the age of a zombie or a pill that fades.
const TICK: Duration = Duration::from_millis(100);
/// How long one frame may take in changes. A storm is spread over several frames, so that clicks still act.
const BATCH_TIME: Duration = Duration::from_millis(4);

/// A line for the user, shown until it is dismissed.
struct Notice {
    text: String,
    is_error: bool,
}

enum Dialog {
    Export(ExportDialog),
    Sandbox(SandboxDialog),
    Join(Box<JoinDialog>),
    Question(questions::PendingQuestion),
}

/// The state that the views keep between frames.
#[derive(Default)]
struct Views {
    timeline: Viewport,
    tree: TreeState,
    events: EventsState,
    logs: LogsState,
    report: ReportState,
}

pub struct Window {
    store: Store,
    cursor: Cursor,
    selection: Selection,
    session: Option<Session>,
    lab: lab::Options,
    settings: Settings,
    tokens: Tokens,
    tiles: egui_tiles::Tree<Pane>,
    views: Views,
    focus: ViewFocus,
    dialog: Option<Dialog>,
    /// Questions to ask once no dialog is open.
    questions: VecDeque<questions::PendingQuestion>,
    notices: VecDeque<Notice>,
    player: Option<Player>,
    failure: Arc<Mutex<Option<String>>>,
    epoch: MonoNs,
    frames: frames::Frames,
    following: output::Following,
    bars: bars::Bars,
    building: building::Building,
}

impl Window {
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        options: OpenOptions,
        engine: Option<Engine>,
        failure: Arc<Mutex<Option<String>>>,
    ) -> Self {
        let stored = cc.storage.and_then(|s| eframe::get_value::<Settings>(s, eframe::APP_KEY));
        let mut settings = stored.unwrap_or_default();
        if let Some(theme) = options.theme {
            settings.theme = theme;
        }
        let ctx = &cc.egui_ctx;
        fonts::install(ctx);
        egui_extras::install_image_loaders(ctx);
        ctx.add_plugin(PartialRedraw::default());
        let mut window = Self {
            store: Store::default(),
            cursor: Cursor::Live,
            selection: Selection::default(),
            session: None,
            lab: options.lab,
            tokens: theme_tokens(settings.theme),
            settings,
            tiles: panes::initial_arrangement(),
            views: Views::default(),
            focus: ViewFocus::default(),
            dialog: None,
            questions: VecDeque::new(),
            notices: VecDeque::new(),
            player: engine.map(|e| Player::new(e, options.out_dir.clone(), options.exit_after_script)),
            failure,
            epoch: now(),
            frames: frames::Frames::default(),
            following: output::Following::default(),
            bars: bars::Bars::default(),
            building: building::Building::default(),
        };
        window.tokens.apply(ctx);
        window.start_session(ctx);
        if let Some(name) = options.preset {
            window.run_command(ctx, Command::Create(PodSource::Preset(name)), false);
        }
        if let Some(file) = options.file {
            window.run_command(ctx, Command::Create(PodSource::File(file)), false);
        }
        window
    }

    fn start_session(&mut self, ctx: &egui::Context) {
        match Session::start(ctx, self.lab) {
            Ok(mut session) => {
                if let Err(e) = session.start_node() {
                    self.notify_error(format!("The lab cannot start: {e}"));
                }
                if let Err(e) = session.start_control_server() {
                    self.notify_error(format!("The lab is running, but {e}"));
                }
                self.session = Some(session);
            }
            Err(e) => self.notify_error(format!("The observer cannot start: {e}")),
        }
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

    /// The moment that is shown.
    fn shown_at(&self) -> MonoNs {
        match self.cursor {
            Cursor::Live => now().max(self.store.live().now),
            Cursor::At(t) => t,
        }
    }

    /// The time until the picture next changes by itself.
    fn next_tick(&self) -> Option<Duration> {
        let now = now();
        let second = to_next_second(now.since(self.epoch));
        if !self.cursor.is_live() {
            // a past moment does not change, except for the bars of living processes right of the playhead
            return self.views.timeline.shows(now).then_some(second);
        }
        let world = self.store.live();
        if !world.pods.is_empty() && now.since(world.now) < ANIMATION_NS {
            return Some(TICK);
        }
        // a zombie's age is shown in tenths at first, then in seconds
        let zombies = world.zombies().filter(|p| p.member.as_ref().is_some_and(|m| world.pods.contains_key(&m.pod)));
        let youngest = zombies.filter_map(|p| p.exit).map(|exit| now.since(exit.at.t)).min();
        Some(if youngest.is_some_and(|age| age < 10_000_000_000) { TICK } else { second })
    }

    fn play(&mut self, ctx: &egui::Context) {
        let Some(player) = &mut self.player else { return };
        let (command, until) = player.advance(self.store.live(), now());
        if let Some(until) = until {
            ctx.request_repaint_after(Duration::from_nanos(until.since(now())).max(Duration::from_millis(5)));
        }
        match command {
            Some(command) => {
                self.run_command(ctx, command, true);
                ctx.request_repaint();
            }
            None => self.finish_script(ctx),
        }
    }

    fn finish_script(&mut self, ctx: &egui::Context) {
        let Some(player) = &self.player else { return };
        let Some(ended) = player.ended().cloned() else { return };
        let exit = player.exit_after;
        self.player = None;
        let unanswered = self.drop_script_questions();
        match ended {
            Ok(()) => self.notify("The script has ended; all its expectations were met.".into()),
            Err(why) => {
                let why = unanswered.map_or(why.clone(), |question| format!("{why}: \"{question}\" was not answered"));
                if let Ok(mut failure) = self.failure.lock() {
                    *failure = Some(why.clone());
                }
                self.notify_error(why);
            }
        }
        if exit {
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
        if let Some(session) = &self.session {
            let began = Instant::now();
            for batch in session.batches() {
                for delta in batch {
                    self.store.push(delta);
                }
                // the rest waits in the queue for the next frame
                if began.elapsed() > BATCH_TIME {
                    ctx.request_repaint();
                    break;
                }
            }
            let answers: Vec<Answer> = session.answers().collect();
            for answer in answers {
                self.handle_answer(ctx, answer);
            }
        }
        self.recreate_deleted_pods();
        self.finish_steps();
        // select a pod if none is selected or the selected one is gone
        let world = self.store.live();
        if self.selection.pod.as_ref().is_none_or(|uid| world.pod(uid).is_none()) && self.cursor.is_live() {
            self.selection.pod = self.store.live().pods.keys().next().cloned();
        }
        self.play(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.frames.begin(now());
        let mut actions = Vec::new();
        self.focus.update(&ctx);
        if self.dialog.is_none() {
            let shown = self.shown_at();
            let live = self.cursor.is_live();
            let (world, _) = self.store.views(self.cursor);
            actions = keys::actions(&ctx, world, &self.selection, self.focus.view(), live, shown);
        } else if ctx.input(|i| i.key_pressed(egui::Key::Escape)) {
            actions.push(Action::CancelDialog);
        }
        self.show(ui, &mut actions);
        self.follow_output();
        self.frames.end(self.store.live(), now());
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
    fn show(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        let shown_at = self.shown_at();
        let newest = now().max(self.store.live().now);
        let tokens = self.tokens.clone();
        let selection = self.selection.clone();
        let live = self.cursor.is_live();
        let version = match self.cursor {
            Cursor::Live => WorldVersion::Live(self.store.revision()),
            Cursor::At(t) => WorldVersion::Past(t),
        };
        let (world, latest) = self.store.views(self.cursor);
        let mut cx = Cx {
            world,
            tokens: &tokens,
            selection: &selection,
            now: shown_at,
            epoch: self.epoch,
            live,
            version,
            out: actions,
        };
        let bar = Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(14, 0));
        egui::Panel::top("bar").frame(bar).exact_size(46.0).resizable(false).show(ui, |ui| {
            top_bar::top_bar_ui(ui, &mut cx);
        });
        let side = Frame::new().fill(tokens.panel).inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 });
        egui::Panel::left("pods").frame(side).default_size(256.0).size_range(200.0..=380.0).show(ui, |ui| {
            pods::pods_ui(ui, &mut cx, latest.node_trouble());
        });
        let side = Frame::new().fill(tokens.panel).inner_margin(Margin { left: 16, right: 16, top: 0, bottom: 8 });
        egui::Panel::right("inspector").frame(side).default_size(320.0).size_range(280.0..=480.0).show(ui, |ui| {
            inspector::inspector_ui(ui, &mut cx);
        });
        // no frame: the window is already cleared with the colour of the canvas
        egui::CentralPanel::no_frame().show(ui, |ui| {
            bars_ui(ui, &mut cx, &self.bars.shown());
            self.focus.clear_places();
            let (views, focus) = (&mut self.views, &mut self.focus);
            let building = &self.building;
            let mut behaviour = panes::Behaviour { cx: &mut cx, latest, newest, views, focus, building };
            self.tiles.ui(&mut behaviour, ui);
        });
        dialogs::dialogs(ui, &mut cx, &mut self.dialog, self.session.as_ref());
        dialogs::notices(ui, &tokens, &mut self.notices);
    }
}
