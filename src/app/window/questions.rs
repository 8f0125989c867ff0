//! What is done only once the user has confirmed it: the same for clicks, keys and scripts.

use std::path::PathBuf;

use eframe::egui;

use super::{Dialog, Window};
use crate::app::session::Export;
use crate::command::{Outcome, SignalRule, signal_rule};
use crate::model::{ProcId, Signal};

#[derive(Clone, Debug)]
pub(super) enum Question {
    /// A signal to something that is not a member of a lab pod.
    Signal { target: ProcId, signal: Signal, name: String },
    /// A snapshot over a file that is there.
    Export(Export),
    /// A screenshot over a file that is there.
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
            Self::Export(_) | Self::Screenshot(_) => "The script wants to write a file where there is one already. \
                                                      With --out DIR, a script replaces files in that folder unasked."
                .to_owned(),
        }
    }

    pub fn yes(&self) -> String {
        match self {
            Self::Signal { signal, .. } => format!("Send {signal}"),
            Self::Export(_) | Self::Screenshot(_) => "Replace".to_owned(),
        }
    }
}

/// A question that waits for its answer; `scripted`: so does a script.
pub(super) struct Ask {
    pub question: Question,
    pub scripted: bool,
}

impl Window {
    pub(super) fn ask(&mut self, question: Question, scripted: bool) {
        self.questions.push_back(Ask { question, scripted });
        self.next_question();
    }

    /// Opens the next question unless another dialog is open, which must not change under the pointer.
    pub(super) fn next_question(&mut self) {
        if self.dialog.is_none() {
            self.dialog = self.questions.pop_front().map(Dialog::Ask);
        }
    }

    pub(super) fn confirm(&mut self, ctx: &egui::Context) {
        let Some(Dialog::Ask(Ask { question, scripted })) = self.dialog.take() else { return };
        match question {
            Question::Signal { target, signal, .. } => {
                let outcome = self.send(target, signal);
                self.ended(outcome, scripted);
            }
            Question::Export(export) => self.export(Export { replace: true, ..export }, scripted),
            Question::Screenshot(path) => self.screenshot(ctx, path, true),
        }
        self.next_question();
    }

    pub(super) fn cancel_dialog(&mut self) {
        if let Some(Dialog::Ask(Ask { question, scripted: true })) = self.dialog.take() {
            self.ended(Outcome::Failed(format!("\"{}\" was answered with Cancel", question.title())), true);
        }
        self.next_question();
    }

    /// The script has ended: nobody waits for these answers any more. Returns what was not answered.
    pub(super) fn drop_scripts_questions(&mut self) -> Option<String> {
        let mut unanswered = None;
        if let Some(Dialog::Ask(Ask { question, scripted: true })) = &self.dialog {
            unanswered = Some(question.title());
            self.dialog = None;
        }
        self.questions.retain(|ask| !ask.scripted);
        self.next_question();
        unanswered
    }

    /// Sends a signal if the rule allows it, or asks first.
    pub(super) fn signal(&mut self, target: ProcId, signal: Signal, scripted: bool) {
        match signal_rule(self.store.live(), target) {
            SignalRule::Allowed => {
                let outcome = self.send(target, signal);
                self.ended(outcome, scripted);
            }
            SignalRule::Ask { name } => self.ask(Question::Signal { target, signal, name }, scripted),
            SignalRule::Refused(why) => self.ended(Outcome::Failed(why), scripted),
        }
    }
}
