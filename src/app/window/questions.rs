//! Actions that need the user's confirmation, whether they come from clicks, keys or scripts.

use std::path::PathBuf;

use eframe::egui;

use super::{Dialog, Window};
use crate::app::session::Export;
use crate::command::{Outcome, SignalRule, signal_rule};
use crate::model::{ProcId, Signal};

#[derive(Clone, Debug)]
pub(super) enum Question {
    /// To send a signal to a process that is not a member of a lab pod.
    Signal { target: ProcId, signal: Signal, name: String },
    /// To replace an existing file by a snapshot.
    Export(Export),
    /// To replace an existing file by a screenshot.
    Screenshot(PathBuf),
}

impl Question {
    pub fn title(&self) -> String {
        match self {
            Self::Signal { signal, name, .. } => format!("Send {signal} to {name}?"),
            Self::Export(Export { path, .. }) | Self::Screenshot(path) => format!("Replace {}?", path.display()),
        }
    }

    pub fn about(&self) -> String {
        match self {
            Self::Signal { target, .. } => {
                format!("pid {target} is not a member of a lab pod. This cannot be undone.")
            }
            Self::Export(_) | Self::Screenshot(_) => {
                "The script wants to write a file that already exists. With --out \
                                                      DIR, a script replaces files in that directory without asking."
                    .to_owned()
            }
        }
    }

    /// The label of the button that confirms.
    pub fn confirm_label(&self) -> String {
        match self {
            Self::Signal { signal, .. } => format!("Send {signal}"),
            Self::Export(_) | Self::Screenshot(_) => "Replace".to_owned(),
        }
    }
}

/// A question that is not answered yet. `scripted`: a script waits for the answer.
pub(super) struct PendingQuestion {
    pub question: Question,
    pub scripted: bool,
}

impl Window {
    pub(super) fn ask(&mut self, question: Question, scripted: bool) {
        self.questions.push_back(PendingQuestion { question, scripted });
        self.next_question();
    }

    /// Opens the next question unless a dialog is open, which must not change under the pointer.
    pub(super) fn next_question(&mut self) {
        if self.dialog.is_none() {
            self.dialog = self.questions.pop_front().map(Dialog::Question);
        }
    }

    pub(super) fn confirm(&mut self, ctx: &egui::Context) {
        let Some(Dialog::Question(PendingQuestion { question, scripted })) = self.dialog.take() else { return };
        match question {
            Question::Signal { target, signal, .. } => {
                let outcome = self.send_signal(target, signal);
                self.command_ended(outcome, scripted);
            }
            Question::Export(export) => self.export(Export { replace: true, ..export }, scripted),
            Question::Screenshot(path) => self.screenshot(ctx, path, true),
        }
        self.next_question();
    }

    pub(super) fn cancel_dialog(&mut self) {
        if let Some(Dialog::Question(PendingQuestion { question, scripted: true })) = self.dialog.take() {
            self.command_ended(Outcome::Failed(format!("\"{}\" was answered with Cancel", question.title())), true);
        }
        self.next_question();
    }

    /// Drops the questions of a script that has ended. Returns the title of the open one, if any.
    pub(super) fn drop_script_questions(&mut self) -> Option<String> {
        let mut unanswered = None;
        if let Some(Dialog::Question(PendingQuestion { question, scripted: true })) = &self.dialog {
            unanswered = Some(question.title());
            self.dialog = None;
        }
        self.questions.retain(|pending| !pending.scripted);
        self.next_question();
        unanswered
    }

    /// Sends a signal if the rule allows it, or asks the user first.
    pub(super) fn request_signal(&mut self, target: ProcId, signal: Signal, scripted: bool) {
        match signal_rule(self.store.live(), target) {
            SignalRule::Allowed => {
                let outcome = self.send_signal(target, signal);
                self.command_ended(outcome, scripted);
            }
            SignalRule::NeedsConfirmation { name } => self.ask(Question::Signal { target, signal, name }, scripted),
            SignalRule::Refused(why) => self.command_ended(Outcome::Failed(why), scripted),
        }
    }
}
