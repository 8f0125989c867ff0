//! Doing what was asked.

use std::path::PathBuf;

use eframe::egui;

use super::{Dialog, Window, now, theme_tokens};
use crate::app::script::write_png;
use crate::app::session::Answer;
use crate::app::{Action, Selection, ThemeChoice};
use crate::command::{Command, Outcome, PodSource};
use crate::export;
use crate::model::{ProcId, Runtime, Signal, forecast};
use crate::observe::signal;
use crate::store::Cursor;
use crate::ui::export_dialog::ExportDialog;

impl Window {
    pub(super) fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Do(command) => {
                self.carry_out(ctx, command, false);
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
            Action::Look(None) => self.cursor = Cursor::Live,
            Action::Look(Some(t)) => {
                let oldest = self.store.span().0;
                self.cursor = if t >= now() { Cursor::Live } else { Cursor::At(t.max(oldest)) };
            }
            Action::OpenManifest => {
                if let Some(session) = &self.session {
                    session.ask_manifest();
                }
            }
            Action::AskExport => self.dialog = Some(Dialog::Export(self.fresh_export())),
            Action::CancelDialog => self.dialog = None,
            Action::Confirm => {
                if let Some(Dialog::Confirm { target, signal, .. }) = self.dialog.take() {
                    let outcome = self.send(target, signal);
                    self.ended(outcome, false);
                }
            }
            Action::AnswerBar { id, yes } => self.answer_bar(id, yes),
            Action::RunIn { member, argv } => self.run_in(member, argv),
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

    /// Carries a command out; what takes long answers later. `scripted`: a script waits for the answer.
    pub(super) fn carry_out(&mut self, ctx: &egui::Context, command: Command, scripted: bool) {
        let outcome = match command {
            Command::Signal { target, signal } => match self.needs_confirmation(target) {
                Some(name) if !scripted => {
                    self.dialog = Some(Dialog::Confirm { target, signal, name });
                    return;
                }
                _ => self.send(target, signal),
            },
            Command::Create(source) => return self.errand(scripted, |s| s.create(source)),
            Command::Delete(uid) => return self.errand(scripted, |s| s.delete(uid)),
            Command::Exec { member, argv } => return self.errand(scripted, |s| s.exec(member, argv)),
            Command::Logs(member) => return self.errand(scripted, |s| s.logs(member)),
            Command::Fetch(url) => return self.errand(scripted, |s| s.fetch(url)),
            Command::Replace { member, argv } => return self.errand(scripted, |s| s.replace_command(member, argv)),
            Command::Hand { member, step } => return self.errand(scripted, |s| s.hand(member, step)),
            Command::Export { path, format, redact } => self.export(&path, format, redact),
            Command::Screenshot(path) => return self.screenshot(ctx, path),
            Command::StartNode => match self.start_node() {
                None => {
                    self.start_session(ctx);
                    Outcome::Done
                }
                Some(Ok(())) => Outcome::Done,
                Some(Err(e)) => Outcome::Failed(e.to_string()),
            },
            Command::Select(id) => {
                self.selection = Selection::process(self.store.live(), id, &self.selection);
                Outcome::Done
            }
            Command::Show(name) => self.show_pane(&name),
        };
        self.ended(outcome, scripted);
    }

    fn errand(&mut self, scripted: bool, run: impl FnOnce(&crate::app::session::Session)) {
        match &self.session {
            Some(session) => run(session),
            None => self.ended(Outcome::Failed("nothing is observed, so nothing can be run".into()), scripted),
        }
    }

    /// Tells whoever asked how it went.
    fn ended(&mut self, outcome: Outcome, scripted: bool) {
        match (&mut self.player, scripted) {
            (Some(player), true) => player.completed(outcome),
            _ => {
                if let Outcome::Failed(why) = outcome {
                    self.complain(why);
                }
            }
        }
    }

    pub(super) fn answered(&mut self, ctx: &egui::Context, answer: Answer) {
        match answer {
            Answer::Ended(outcome) => {
                let scripted = self.player.is_some();
                self.ended(outcome, scripted);
            }
            Answer::Started(started) => self.started(started),
            Answer::ManifestChanged(path) => self.manifest_changed(path),
            Answer::ManifestRead(path, read) => self.manifest_read(&path, read),
            Answer::Follows(request, follow) => self.follows(request, follow),
            Answer::Manifest(path) => self.carry_out(ctx, Command::Create(PodSource::File(path)), false),
            Answer::SavePath(path) => {
                if let Some(Dialog::Export(dialog)) = &mut self.dialog {
                    dialog.path = path.display().to_string();
                    dialog.error = None;
                }
            }
        }
    }

    /// Members of lab pods are there to be killed; anything else is named first.
    fn needs_confirmation(&self, target: ProcId) -> Option<String> {
        let world = self.store.live();
        let p = world.process(target)?;
        let pod = p.member.as_ref().and_then(|m| world.pod(&m.pod));
        let lab = pod.is_some_and(|pod| pod.runtime == Runtime::Lab);
        (!lab).then(|| forecast::short_name(p))
    }

    fn send(&mut self, target: ProcId, signal: Signal) -> Outcome {
        let (delta, sent) = signal::send_recorded(self.store.live(), target, signal);
        if sent.is_ok() && signal == Signal::KILL {
            self.frames.await_end(target);
        }
        match &self.session {
            // the observer looks at the target once more: the kernel tells nobody of STOP and CONT
            Some(session) => session.tell(delta),
            None => self.store.push(delta),
        }
        sent.err().map_or(Outcome::Done, |why| Outcome::Failed(format!("{signal} to pid {target}: {why}")))
    }

    fn fresh_export(&self) -> ExportDialog {
        let dir = self.settings.last_export_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let pod = self.selection.pod.as_ref().and_then(|uid| self.store.live().pod(uid));
        let name = pod.map_or("podscope", |p| p.name.as_str());
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = dir.join(format!("{name}-{stamp}.json")).display().to_string();
        ExportDialog { path, redact: false, error: None, fresh: true }
    }

    fn export(&mut self, path: &std::path::Path, format: export::Format, redact: bool) -> Outcome {
        let (world, _) = self.store.views(self.cursor);
        let selection = export::Selection { redact, ..Default::default() };
        let text = export::render(world, format, &selection);
        match export::write_file(path, text.as_bytes()) {
            Ok(()) => {
                self.settings.last_export_dir = path.parent().map(PathBuf::from);
                if matches!(self.dialog, Some(Dialog::Export(_))) {
                    self.dialog = None;
                }
                self.tell(format!("Snapshot written to {}", path.display()));
                Outcome::Done
            }
            Err(e) => match &mut self.dialog {
                Some(Dialog::Export(dialog)) => {
                    dialog.error = Some(e.to_string());
                    // back to the path, to be mended
                    dialog.fresh = true;
                    Outcome::Done
                }
                _ => Outcome::Failed(e.to_string()),
            },
        }
    }

    /// The frame after this one, as a PNG.
    fn screenshot(&mut self, ctx: &egui::Context, path: PathBuf) {
        let Some(session) = &self.session else { return };
        let (answers, wake) = session.answer_sender();
        ctx.request_screenshot(move |image| {
            let outcome = match write_png(&path, &image) {
                Ok(()) => Outcome::Done,
                Err(why) => Outcome::Failed(why),
            };
            let _ = answers.send(Answer::Ended(outcome));
            wake.request_repaint_of(egui::ViewportId::ROOT);
        });
    }
}
