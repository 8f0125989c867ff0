//! Questions of the engine to the user, as dialogs.

use eframe::egui;

use super::{Dialog, Window};
use crate::engine::{Question, QuestionSubject, Request};
use crate::ui::signals;

/// What it is about, in a sentence or two.
pub(super) fn about(question: &Question) -> String {
    match &question.subject {
        QuestionSubject::Signal { target, .. } => {
            format!("pid {target} is not a member of a lab pod. This cannot be undone.")
        }
        QuestionSubject::Replace(_) => {
            "The script wants to write a file that already exists. With --out DIR, a script \
                                        replaces files in that directory without asking."
                .to_owned()
        }
    }
}

/// While a question for a signal is open, the map marks what the signal would hit.
pub(super) fn foretell(ctx: &egui::Context, question: &Question) {
    if let QuestionSubject::Signal { target, signal, .. } = &question.subject {
        signals::foretell(ctx, *target, *signal);
    }
}

/// The label of the button that confirms.
pub(super) fn confirm_label(question: &Question) -> String {
    match &question.subject {
        QuestionSubject::Signal { signal, .. } => format!("Send {signal}"),
        QuestionSubject::Replace(_) => "Replace".to_owned(),
    }
}

impl Window {
    pub(super) fn ask(&mut self, question: Question) {
        self.questions.push_back(question);
        self.next_question();
    }

    /// Opens the next question unless a dialog is open, which must not change under the pointer.
    pub(super) fn next_question(&mut self) {
        if self.dialog.is_none() {
            self.dialog = self.questions.pop_front().map(Dialog::Question);
        }
    }

    /// Opens a dialog that the user has requested. A question that is open is asked again after it.
    pub(super) fn open_dialog(&mut self, dialog: Dialog) {
        if let Some(Dialog::Question(question)) = self.dialog.replace(dialog) {
            self.questions.push_front(question);
        }
    }

    pub(super) fn confirm(&mut self) {
        self.answer_question(true);
    }

    pub(super) fn cancel_dialog(&mut self) {
        self.answer_question(false);
    }

    /// Closes the dialog. If it is a question, the engine gets the answer.
    fn answer_question(&mut self, confirmed: bool) {
        if let Some(Dialog::Question(question)) = self.dialog.take() {
            self.engine.send(Request::Answer { question: question.id, confirmed });
        }
        self.next_question();
    }

    pub(super) fn withdraw_questions(&mut self, ids: &[u64]) {
        self.questions.retain(|question| !ids.contains(&question.id));
        if matches!(&self.dialog, Some(Dialog::Question(open)) if ids.contains(&open.id)) {
            self.dialog = None;
        }
        self.next_question();
    }
}
