//! Carries out actions and commands.

use std::path::{Path, PathBuf};

use eframe::egui;

use super::questions::Question;
use super::{Dialog, Window, now, theme_tokens};
use crate::app::ThemeChoice;
use crate::app::script::write_png;
use crate::app::session::{Answer, Export, ExportContent, ExportError};
use crate::command::{Command, Outcome, PodSource};
use crate::export::{self, WriteError};
use crate::model::{MonoNs, PodUid, ProcId, Signal};
use crate::observe::signal;
use crate::presets;
use crate::store::Cursor;
use crate::ui::export_dialog::{ExportDialog, Problem};
use crate::ui::{Action, Selection};

/// The error of a command if the observer could not be started.
pub(super) const NO_OBSERVER: &str = "the observer is not running, so nothing can be run";

impl Window {
    pub(super) fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Do(command) => {
                self.run_command(ctx, command, false);
            }
            Action::SelectPod(uid) => self.selection = Selection { pod: Some(uid), ..Selection::default() },
            Action::SelectProcess(id) => {
                let (world, _) = self.store.views(self.cursor);
                self.selection = Selection::process(world, id, &self.selection);
            }
            Action::SelectNamespace(ns) => {
                self.selection.namespace = Some(ns);
                self.selection.process = None;
            }
            Action::Seek(None) => self.cursor = Cursor::Live,
            Action::Seek(Some(t)) => self.seek(t),
            Action::Step(ns) => self.step(ns),
            Action::OpenManifest => {
                if let Some(session) = &self.session {
                    session.ask_manifest();
                }
            }
            Action::OpenPage(url) => self.with_session(false, |session| session.open_page(url)),
            Action::AskExport => self.dialog = Some(Dialog::Export(self.new_export_dialog())),
            Action::Export { path, pod, redact, replace } => {
                let snapshot = ExportContent::Snapshot { format: export::Format::Json, redact };
                let content = pod.map_or(snapshot, ExportContent::Manifest);
                self.export(Export { path, content, replace }, false);
            }
            Action::AskSandbox => self.ask_sandbox(),
            Action::AskJoin { pod, template } => self.ask_join(pod, template),
            Action::AskManifest(pod) => self.ask_manifest_path(pod),
            Action::CancelDialog => self.cancel_dialog(),
            Action::Confirm => self.confirm(ctx),
            Action::AnswerBar { id, yes } => self.answer_bar(id, yes),
            Action::RunIn { member, argv } => self.run_in(member, argv),
            Action::CancelExec => self.cancel_exec(),
            Action::OpenTerminal { member, argv } => self.open_terminal(member, argv),
            Action::CloseTerminal => self.close_terminal(),
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

    /// Runs a command. A long one ends later, with an [`Answer`]. `scripted`: a script waits for the outcome.
    pub(super) fn run_command(&mut self, ctx: &egui::Context, command: Command, scripted: bool) {
        let outcome = match command {
            Command::Signal { target, signal } => return self.request_signal(target, signal, scripted),
            Command::Create(PodSource::Preset(name)) if presets::find(&name).is_some_and(|p| p.yaml.is_none()) => {
                self.play_preset(&name)
            }
            Command::Create(source) => {
                if let Some(player) = &mut self.player {
                    player.requested().begin();
                }
                return match &self.session {
                    Some(session) => session.create(source, scripted),
                    None => self.pods_created(Err(NO_OBSERVER.into()), scripted),
                };
            }
            Command::Delete(uid) => return self.with_session(scripted, |s| s.delete(uid, scripted)),
            Command::Exec { member, argv, limit } => {
                return self.with_session(scripted, |s| s.exec(member, argv, limit, scripted));
            }
            Command::Logs(member) => return self.with_session(scripted, |s| s.logs(member, scripted)),
            Command::Fetch(url) => return self.with_session(scripted, |s| s.fetch(url, scripted)),
            Command::Build(step) => return self.build(step, scripted),
            Command::ChangeNamespaces { member, step } => {
                return self.with_session(scripted, |s| s.change_namespaces(member, step, scripted));
            }
            Command::Export { path, format, redact } => {
                let replace = self.may_replace(&path);
                let content = ExportContent::Snapshot { format, redact };
                return self.export(Export { path, content, replace }, scripted);
            }
            Command::Screenshot(path) => {
                if !self.may_replace(&path) && path.symlink_metadata().is_ok() {
                    return self.ask(Question::Screenshot(path), scripted);
                }
                return self.screenshot(ctx, path, false);
            }
            Command::StartNode => match self.start_node() {
                None => {
                    self.start_session(ctx);
                    Outcome::Done
                }
                Some(Ok(())) => Outcome::Done,
                Some(Err(e)) => Outcome::Failed(e.to_string()),
            },
            Command::Select(id) if self.store.live().process(id).is_none() => {
                Outcome::Failed(format!("process {id} is not known; nothing was selected"))
            }
            Command::Select(id) => {
                self.selection = Selection::process(self.store.live(), id, &self.selection);
                Outcome::Done
            }
            Command::Show(name) => self.show_pane(&name),
        };
        self.command_ended(outcome, scripted);
    }

    /// Runs a command in the session; it fails if there is none.
    pub(super) fn with_session(&mut self, scripted: bool, run: impl FnOnce(&crate::app::session::Session)) {
        match &self.session {
            Some(session) => run(session),
            None => self.command_ended(Outcome::Failed(NO_OBSERVER.into()), scripted),
        }
    }

    /// The pods of a manifest were started, or one of them could not be.
    fn pods_created(&mut self, done: Result<(), String>, scripted: bool) {
        if let Some(player) = &mut self.player {
            player.requested().end(done.clone());
        }
        self.command_ended(done.map_or_else(Outcome::Failed, |()| Outcome::Done), scripted);
    }

    /// A command has ended: gives the outcome to the script, or shows an error to the user.
    pub(super) fn command_ended(&mut self, outcome: Outcome, scripted: bool) {
        match (&mut self.player, scripted) {
            (Some(player), true) => player.completed(outcome),
            _ => {
                if let Outcome::Failed(why) = outcome {
                    self.notify_error(why);
                }
            }
        }
    }

    pub(super) fn handle_answer(&mut self, ctx: &egui::Context, answer: Answer) {
        match answer {
            Answer::Ended { outcome, scripted } => self.command_ended(outcome, scripted),
            Answer::Created { done, scripted } => self.pods_created(done, scripted),
            Answer::Exported { export, written, scripted } => self.exported(export, written, scripted),
            Answer::Started(started) => {
                if let Some(player) = &mut self.player {
                    player.requested().pod(started.uid.clone(), started.spec.name.clone());
                }
                self.pod_started(started);
            }
            Answer::ManifestChanged(path) => self.manifest_changed(path),
            Answer::ManifestRead(path, read) => self.manifest_read(&path, read),
            Answer::Followed(request, follow) => self.output_followed(request, follow),
            Answer::ControlRequest(answers) => {
                let lab = self.session.as_ref().and_then(|session| session.lab().ok().cloned());
                // the command in the other terminal may have ended
                let _ = answers.send((self.store.live().clone(), lab));
            }
            Answer::Building { pending, scripted } => self.step_accepted(*pending, scripted),
            Answer::Manifest(path) => self.run_command(ctx, Command::Create(PodSource::File(path)), false),
            Answer::SavePath(path) => {
                if let Some(Dialog::Export(dialog)) = &mut self.dialog {
                    dialog.path = path.display().to_string();
                    dialog.problem = None;
                }
            }
        }
    }

    pub(super) fn send_signal(&mut self, target: ProcId, signal: Signal) -> Outcome {
        let (delta, sent) = signal::send_recorded(self.store.live(), target, signal);
        if sent.is_ok() && signal == Signal::KILL {
            self.frames.expect_exit(target);
        }
        match &self.session {
            // the observer then reads the target again, since the kernel does not report STOP and CONT
            Some(session) => session.send_delta(delta),
            None => self.store.push(delta),
        }
        sent.err().map_or(Outcome::Done, |why| Outcome::Failed(format!("{signal} to pid {target}: {why}")))
    }

    fn new_export_dialog(&self) -> ExportDialog {
        let dir = self.settings.last_export_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let pod = self.selection.pod.as_ref().and_then(|uid| self.store.live().pod(uid));
        let name = pod.map_or("podscope", |p| p.name.as_str());
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = dir.join(format!("{name}-{stamp}.json")).display().to_string();
        ExportDialog { path, is_new: true, ..ExportDialog::default() }
    }

    fn ask_manifest_path(&mut self, uid: PodUid) {
        let Some(pod) = self.store.live().pod(&uid) else { return };
        let dir = self.settings.last_export_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let path = dir.join(format!("{}.yaml", pod.name)).display().to_string();
        let pod = Some((uid, pod.name.clone()));
        self.dialog = Some(Dialog::Export(ExportDialog { pod, path, is_new: true, ..ExportDialog::default() }));
    }

    /// Whether a script may replace this file without a question: it is in the directory given with `--out`.
    fn may_replace(&self, path: &Path) -> bool {
        self.player.as_ref().is_some_and(|player| player.owns(path))
    }

    pub(super) fn export(&mut self, export: Export, scripted: bool) {
        let (world, _) = self.store.views(self.cursor);
        let world = world.clone();
        self.with_session(scripted, |session| session.export(world, export, scripted));
    }

    fn exported(&mut self, export: Export, written: Result<(), ExportError>, scripted: bool) {
        let why = match written {
            Ok(()) => {
                self.settings.last_export_dir = export.path.parent().map(PathBuf::from);
                if matches!(self.dialog, Some(Dialog::Export(_))) && !scripted {
                    self.cancel_dialog();
                }
                let what = if matches!(export.content, ExportContent::Manifest(_)) { "Manifest" } else { "Snapshot" };
                self.notify(format!("{what} written to {}", export.path.display()));
                return self.command_ended(Outcome::Done, scripted);
            }
            Err(ExportError::Write(WriteError::Exists { .. })) if scripted => {
                return self.ask(Question::Export(export), scripted);
            }
            Err(why) => why,
        };
        match &mut self.dialog {
            Some(Dialog::Export(dialog)) if !scripted => {
                dialog.problem = Some(match why {
                    ExportError::Write(WriteError::Exists { link, .. }) => Problem::Exists { path: export.path, link },
                    other => Problem::Failed(other.to_string()),
                });
                // focus the path again, since the user may have to change it
                dialog.is_new = true;
            }
            _ => self.command_ended(Outcome::Failed(why.to_string()), scripted),
        }
    }

    /// Writes the next frame as a PNG. Only scripts request this.
    pub(super) fn screenshot(&mut self, ctx: &egui::Context, path: PathBuf, confirmed: bool) {
        let replace = confirmed || self.may_replace(&path);
        let Some(session) = &self.session else {
            return self
                .command_ended(Outcome::Failed("the observer is not running, so there is no picture".into()), true);
        };
        let (answers, wake) = session.answer_sender();
        ctx.request_screenshot(move |image| {
            let outcome = write_png(&path, &image, replace).map_or_else(Outcome::Failed, |()| Outcome::Done);
            let _ = answers.send(Answer::Ended { outcome, scripted: true });
            wake.request_repaint_of(egui::ViewportId::ROOT);
        });
    }

    /// Shows this moment, or live if it is not past.
    fn seek(&mut self, t: MonoNs) {
        let oldest = self.store.span().0;
        self.cursor = if t >= now() { Cursor::Live } else { Cursor::At(t.max(oldest)) };
    }

    /// Moves the playhead by `ns`, and the timeline with it.
    fn step(&mut self, ns: i64) {
        let from = self.shown_at();
        self.seek(if ns < 0 { from.minus(ns.unsigned_abs()) } else { from.plus(ns.unsigned_abs()) });
        if let Cursor::At(t) = self.cursor {
            self.views.timeline.reveal(t);
        }
    }
}
