//! Questions of the engine to the user, as dialogs.

use eframe::egui;

use super::{Dialog, Window};
use crate::command::Caution;
use crate::engine::{Question, QuestionSubject, Request, SignalTarget};
use crate::ui::new_pod::{NewPodDialog, Page};
use crate::ui::signals;

/// What it is about, in a sentence or two.
pub(super) fn about(question: &Question) -> String {
    match &question.subject {
        QuestionSubject::Signal { targets, is_second: true, .. } => second_question(targets),
        QuestionSubject::Signal { targets, .. } => match targets.as_slice() {
            [one] => format!("pid {} is not a member of a lab pod. This cannot be undone.", one.process),
            all => {
                let outside = all.iter().filter(|target| !target.is_of_lab).count();
                let whose = match outside {
                    0 => "All are members of lab pods.".to_owned(),
                    n if n == all.len() => "None of them is a member of a lab pod.".to_owned(),
                    1 => "One of them is not a member of a lab pod.".to_owned(),
                    n => format!("{n} of them are not members of a lab pod."),
                };
                format!("{whose} This cannot be undone.")
            }
        },
        QuestionSubject::Replace(_) => {
            "The script wants to write a file that already exists. With --out DIR, a script \
                                        replaces files in that directory without asking."
                .to_owned()
        }
    }
}

/// While a question for a signal to one process is open, the map marks what the signal would hit.
pub(super) fn foretell(ctx: &egui::Context, question: &Question) {
    if let QuestionSubject::Signal { targets, signal, .. } = &question.subject
        && let [target] = targets.as_slice()
    {
        signals::foretell(ctx, target.process, *signal);
    }
}

/// The label of the button that confirms.
pub(super) fn confirm_label(question: &Question) -> String {
    match &question.subject {
        QuestionSubject::Signal { signal, is_second: true, .. } => format!("Send {signal} anyway"),
        QuestionSubject::Signal { signal, .. } => format!("Send {signal}"),
        QuestionSubject::Replace(_) => "Replace".to_owned(),
    }
}

/// Why it is asked a second time.
fn second_question(targets: &[SignalTarget]) -> String {
    let cautious: Vec<&SignalTarget> = targets.iter().filter(|target| target.caution.is_some()).collect();
    match cautious.as_slice() {
        [one] => {
            let who = if targets.len() == 1 { format!("pid {}", one.process) } else { with_pid(one) };
            format!("{who} {}.", one.caution.map_or("", caution_words))
        }
        all => {
            let n = all.len();
            let inits = all.iter().filter(|target| target.caution == Some(Caution::Init)).count();
            let init = if inits > 0 { " One of them is PID 1 of this machine." } else { "" };
            format!("{n} of them run as root, or as a user that is not known.{init} The machine may depend on them.")
        }
    }
}

const fn caution_words(caution: Caution) -> &'static str {
    match caution {
        Caution::Init => "is PID 1 of this machine. Every other process depends on it",
        Caution::Root => "runs as root. The machine may depend on it",
        Caution::UnknownUser => "runs as a user that is not known. It may be root, and the machine may depend on it",
    }
}

fn with_pid(target: &SignalTarget) -> String {
    format!("{} (pid {})", target.name, target.process)
}

/// A line for each process that gets the signal. `None` if the title names the only one.
pub(super) fn targets(question: &Question) -> Option<Vec<String>> {
    let QuestionSubject::Signal { targets, .. } = &question.subject else { return None };
    let line = |target: &SignalTarget| {
        let note = match target.caution {
            _ if target.is_of_lab => "",
            None => " · not in the lab",
            Some(Caution::Init) => " · PID 1 of this machine",
            Some(Caution::Root) => " · not in the lab, runs as root",
            Some(Caution::UnknownUser) => " · not in the lab, its user is not known",
        };
        format!("{} · pid {}{note}", target.name, target.process)
    };
    (targets.len() > 1).then(|| targets.iter().map(line).collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProcId, Signal};

    fn target(pid: u32, is_of_lab: bool, caution: Option<Caution>) -> SignalTarget {
        SignalTarget { process: ProcId { pid, start: 1 }, name: format!("p{pid}"), is_of_lab, caution }
    }

    fn question(targets: Vec<SignalTarget>, is_second: bool) -> Question {
        let subject = QuestionSubject::Signal { targets, signal: Signal::KILL, is_second };
        Question { id: 1, subject, scripted: false }
    }

    #[test]
    fn a_question_about_one_process_names_it() {
        let question = question(vec![target(7, false, None)], false);
        assert_eq!(question.title(), "Send SIGKILL to p7?");
        assert_eq!(about(&question), "pid 7 is not a member of a lab pod. This cannot be undone.");
        assert_eq!((confirm_label(&question).as_str(), targets(&question)), ("Send SIGKILL", None));
    }

    #[test]
    fn a_question_about_several_processes_lists_them() {
        let all = vec![target(7, true, None), target(8, false, None), target(9, false, Some(Caution::Root))];
        let question = question(all, false);
        assert_eq!(question.title(), "Send SIGKILL to 3 processes?");
        assert_eq!(about(&question), "2 of them are not members of a lab pod. This cannot be undone.");
        let lines = targets(&question).expect("three");
        assert_eq!(lines, ["p7 · pid 7", "p8 · pid 8 · not in the lab", "p9 · pid 9 · not in the lab, runs as root"]);
    }

    #[test]
    fn the_second_question_says_why_it_is_asked() {
        let init = target(1, false, Some(Caution::Init));
        let one = question(vec![init.clone()], true);
        assert_eq!(one.title(), "Send SIGKILL to p1 anyway?");
        assert_eq!(about(&one), "pid 1 is PID 1 of this machine. Every other process depends on it.");
        assert_eq!(confirm_label(&one), "Send SIGKILL anyway");
        let several = question(vec![target(7, true, None), target(8, false, Some(Caution::Root))], true);
        assert_eq!(about(&several), "p8 (pid 8) runs as root. The machine may depend on it.");
        let two = question(vec![init, target(8, false, Some(Caution::Root))], true);
        assert!(about(&two).contains("One of them is PID 1 of this machine."), "{}", about(&two));
    }
}
