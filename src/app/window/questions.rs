//! Questions of the engine to the user, as dialogs.

use super::{Dialog, Window};
use crate::engine::{Question, QuestionSubject, Request};
use crate::ui::new_pod::{NewPodDialog, Page};

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

    /// Opens the dialog for a new pod, with the manifests that were changed in it before.
    pub(super) fn open_new_pod(&mut self, page: Page) {
        let last = self.last_new_pod.take();
        let dialog = last.map_or_else(|| NewPodDialog::new(page), |last| last.reopened(page));
        self.open_dialog(Dialog::NewPod(Box::new(dialog)));
    }

    /// Closes the dialog. If it is a question, the engine gets the answer.
    fn answer_question(&mut self, confirmed: bool) {
        match self.dialog.take() {
            Some(Dialog::Question(question)) => {
                self.engine.send(Request::Answer { question: question.id, confirmed });
            }
            // what was written in it is not lost
            Some(Dialog::NewPod(dialog)) => self.last_new_pod = Some(dialog),
            _ => {}
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
