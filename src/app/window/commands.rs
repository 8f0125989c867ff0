//! Carries out the actions of the views. Commands go to the engine.

use std::path::PathBuf;

use eframe::egui;

use super::panes::resize_timeline;
use super::{Dialog, Window, theme_tokens};
use crate::app::jobs::Answer;
use crate::app::{TextScale, ThemeChoice};
use crate::command::{Outcome, PictureKind};
use crate::engine::{Export, ExportContent, ExportError, FrontEndCommand, Origin, Request};
use crate::export::{Format, WriteError};
use crate::model::PodUid;
use crate::ui::export_dialog::{ExportDialog, Problem};
use crate::ui::new_pod::{NewPodDialog, Page};
use crate::ui::palette::PaletteState;
use crate::ui::pods::DeleteDialog;
use crate::ui::timeline::TimelineAction;
use crate::ui::{Action, Selection, TextScaleStep};

impl Window {
    pub(super) fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Do(command) => self.engine.send(Request::Execute(command)),
            Action::SelectPod(uid) => {
                self.selection = Selection { pod: Some(uid), ..Selection::default() };
                self.is_selection_automatic = false;
            }
            Action::SelectProcess(id) => {
                self.selection = Selection::process(self.shown.world(), id, &self.selection);
                self.is_selection_automatic = false;
            }
            Action::SelectNamespace(ns) => {
                self.is_selection_automatic = false;
                self.selection = Selection::namespace(self.shown.world(), ns, &self.selection);
            }
            Action::Observe(scope) => self.engine.send(Request::Observe(scope)),
            Action::Seek(None) => {
                self.end_slow_motion();
                self.shown.show_live(&self.engine);
            }
            Action::Seek(Some(t)) => {
                self.end_slow_motion();
                self.shown.seek(t, &self.engine);
            }
            Action::Step(ns) => {
                self.end_slow_motion();
                self.step(ns);
            }
            Action::SlowMotion(action) => self.act_in_slow_motion(action),
            Action::Map(action) => self.views.map.act(action),
            Action::Timeline(action) => self.act_on_timeline(action),
            Action::NewPod(page) => self.open_new_pod(page),
            Action::ReadManifest(path) => self.jobs.read_manifest(path),
            Action::BrowseManifest => self.jobs.ask_manifest(),
            Action::Guide(action) => self.act_on_guide(action),
            Action::AskDelete(pods) => {
                if let Some(dialog) = DeleteDialog::new(self.shown.live(), &pods) {
                    self.open_dialog(Dialog::Delete(dialog));
                }
            }
            Action::OpenPage(url) => self.jobs.open_page(url),
            Action::AskExport => self.open_dialog(Dialog::Export(self.new_export_dialog())),
            Action::Export { path, pod, redact, replace } => {
                let snapshot = ExportContent::Snapshot { format: Format::Json, redact };
                let content = pod.map_or(snapshot, ExportContent::Manifest);
                self.engine.send(Request::Export(Export { path, content, replace }));
            }
            Action::AskSandbox => self.ask_sandbox(),
            Action::AskJoin { pod, template } => self.ask_join(pod, template),
            Action::AskManifest(pod) => self.ask_manifest_path(pod),
            Action::CancelDialog => self.cancel_dialog(),
            Action::TogglePanel(panel) => self.toggle_panel(ctx, panel),
            Action::ChangeTextScale(step) => {
                let scale = &mut self.settings.text_scale;
                *scale = match step {
                    TextScaleStep::Larger => scale.larger(),
                    TextScaleStep::Smaller => scale.smaller(),
                    TextScaleStep::Usual => TextScale::default(),
                };
                ctx.set_zoom_factor(scale.factor());
            }
            Action::ShowTerms => self.open_dialog(Dialog::Terms),
            Action::Confirm => self.confirm(),
            Action::AnswerBar { id, yes } => self.answer_bar(id, yes),
            Action::OpenTerminal { member, argv } => self.open_terminal(member, argv),
            Action::CloseTerminal => self.close_terminal(),
            Action::OpenPalette => self.open_dialog(Dialog::Palette(PaletteState::default())),
            Action::ShowKeys => self.open_dialog(Dialog::Keys),
            Action::ToggleMotion => {
                self.settings.motion = Some(!self.motion.is_on(self.settings.motion));
                self.motion.apply(ctx, self.settings.motion);
            }
            Action::ToggleTheme => {
                self.settings.theme = match self.settings.theme {
                    ThemeChoice::Dark => ThemeChoice::Light,
                    ThemeChoice::Light => ThemeChoice::Dark,
                };
                self.tokens = theme_tokens(self.settings.theme);
                self.tokens.apply(ctx);
            }
        }
    }

    /// Carries out what only a window can, for the engine.
    pub(super) fn carry_out(&mut self, command: FrontEndCommand, origin: Origin) {
        let outcome = match command {
            FrontEndCommand::Picture { path, kind: PictureKind::Screenshot, replace } => {
                return self.jobs.take_screenshot(&self.engine, path, replace, origin);
            }
            FrontEndCommand::Picture { path, kind: PictureKind::Film, replace } => {
                match self.begin_film(path, replace, origin) {
                    Some(failed) => failed,
                    None => return,
                }
            }
            FrontEndCommand::Select(id) if self.shown.live().process(id).is_none() => {
                Outcome::Failed(format!("process {id} is not known; nothing was selected"))
            }
            FrontEndCommand::Select(id) => {
                self.selection = Selection::process(self.shown.live(), id, &self.selection);
                Outcome::Done
            }
            FrontEndCommand::SelectNamespace(ns) => {
                self.selection = Selection::namespace(self.shown.live(), ns, &self.selection);
                Outcome::Done
            }
            FrontEndCommand::Show(name) => self.show_pane(&name),
        };
        self.engine.send(Request::Completed { origin, outcome });
    }

    pub(super) fn handle_answer(&mut self, ctx: &egui::Context, answer: Answer) {
        match answer {
            Answer::Manifest { path, read } => {
                let dialog = self.new_pod_dialog();
                dialog.show_file(&path, read);
            }
            Answer::NoFileDialog(why) => match &mut self.dialog {
                Some(Dialog::NewPod(dialog)) => dialog.show_problem(why),
                Some(Dialog::Export(dialog)) => dialog.problem = Some(Problem::Failed(why)),
                _ => self.notify_failed(why),
            },
            Answer::SavePath(path) => {
                if let Some(Dialog::Export(dialog)) = &mut self.dialog {
                    dialog.path = path.display().to_string();
                    dialog.problem = None;
                }
            }
            Answer::ReducedMotion(is_reduced) => {
                self.motion.set_reduced(is_reduced);
                self.motion.apply(ctx, self.settings.motion);
            }
            Answer::Failed(why) => self.notify_failed(why),
            Answer::SettingsFailed(why) => self.notify_lasting(why),
        }
    }

    /// The dialog for a new pod, which is opened if it is not open.
    fn new_pod_dialog(&mut self) -> &mut NewPodDialog {
        if !matches!(self.dialog, Some(Dialog::NewPod(_))) {
            self.open_new_pod(Page::Yaml);
        }
        match &mut self.dialog {
            Some(Dialog::NewPod(dialog)) => dialog,
            _ => unreachable!("it was opened just now"),
        }
    }

    /// A file was dropped onto the window: shows its text in the dialog for a new pod.
    pub(super) fn open_dropped(&self, ctx: &egui::Context) {
        let dropped = ctx.input(|i| i.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped {
            self.jobs.read_manifest(path);
        }
    }

    fn new_export_dialog(&self) -> ExportDialog {
        let dir = self.settings.last_export_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let pod = self.selection.pod.as_ref().and_then(|uid| self.shown.live().pod(uid));
        let name = pod.map_or("podscope", |p| p.name.as_str());
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = dir.join(format!("{name}-{stamp}.json")).display().to_string();
        ExportDialog { path, is_new: true, ..ExportDialog::default() }
    }

    fn ask_manifest_path(&mut self, uid: PodUid) {
        let Some(pod) = self.shown.live().pod(&uid) else { return };
        let dir = self.settings.last_export_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let path = dir.join(format!("{}.yaml", pod.name)).display().to_string();
        let pod = Some((uid, pod.name.clone()));
        self.open_dialog(Dialog::Export(ExportDialog { pod, path, is_new: true, ..ExportDialog::default() }));
    }

    /// A file was written, or could not be. In the latter case the dialog stays open, if there is one.
    pub(super) fn exported(&mut self, export: Export, written: Result<(), ExportError>, origin: Origin) {
        let why = match written {
            Ok(()) => {
                self.settings.last_export_dir = export.path.parent().map(PathBuf::from);
                if matches!(self.dialog, Some(Dialog::Export(_))) && origin == Origin::User {
                    self.cancel_dialog();
                }
                let what = if matches!(export.content, ExportContent::Manifest(_)) { "Manifest" } else { "Snapshot" };
                return self.notify(format!("{what} written to {}", export.path.display()));
            }
            Err(why) => why,
        };
        let Some(Dialog::Export(dialog)) = &mut self.dialog else { return self.notify_lasting(why.to_string()) };
        dialog.problem = Some(match why {
            ExportError::Write(WriteError::Exists { link, .. }) => Problem::Exists { path: export.path, link },
            other => Problem::Failed(other.to_string()),
        });
        // focus the path again, since the user may have to change it
        dialog.is_new = true;
    }

    fn act_on_timeline(&mut self, action: TimelineAction) {
        // buttons and keys zoom by this, move by this part of the span, and change the height by this
        const ZOOM: f64 = 1.6;
        const PART: f64 = 0.25;
        const HEIGHT: f32 = 1.25;
        let (now, newest) = (self.shown.at(), self.shown.newest());
        let timeline = &mut self.views.timeline;
        let part = timeline.view.span_ns() as f64 * PART;
        match action {
            TimelineAction::Show(subject) => timeline.subject = subject,
            TimelineAction::ZoomIn => timeline.zoom(ZOOM, now, newest),
            TimelineAction::ZoomOut => timeline.zoom(1.0 / ZOOM, now, newest),
            TimelineAction::PanBack => timeline.view.pan(-part, newest),
            TimelineAction::PanForward => timeline.view.pan(part, newest),
            TimelineAction::Taller => resize_timeline(&mut self.tiles, HEIGHT),
            TimelineAction::Lower => resize_timeline(&mut self.tiles, 1.0 / HEIGHT),
            TimelineAction::PreviousEvent => self.step_to_event(false),
            TimelineAction::NextEvent => self.step_to_event(true),
        }
    }

    /// Shows the moment of the event of the timeline before or after the one that is shown; after the last one, live.
    fn step_to_event(&mut self, is_next: bool) {
        self.end_slow_motion();
        if is_next && self.shown.is_live() {
            return;
        }
        let (from, pod) = (self.shown.requested(), self.selection.pod.as_ref());
        let state = self.shown.state();
        let beside = self.views.timeline.event_beside(&state.history, pod, from, is_next);
        match beside.filter(|t| *t >= state.span.0) {
            Some(t) => {
                if let Some(t) = self.shown.seek(t, &self.engine) {
                    self.views.timeline.view.reveal(t);
                }
            }
            None if is_next => self.shown.show_live(&self.engine),
            None => {}
        }
    }

    /// Moves the playhead by `ns`, and the timeline with it.
    fn step(&mut self, ns: i64) {
        let from = self.shown.requested();
        let to = if ns < 0 { from.minus(ns.unsigned_abs()) } else { from.plus(ns.unsigned_abs()) };
        if let Some(t) = self.shown.seek(to, &self.engine) {
            self.views.timeline.view.reveal(t);
        }
    }
}
