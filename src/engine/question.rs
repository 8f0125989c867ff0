//! What the user must confirm before it is done, whether it comes from clicks, keys or scripts.

use std::path::PathBuf;

use super::export::Export;
use super::request::Origin;
use super::worker::Worker;
use super::{Event, FrontEnd, FrontEndCommand};
use crate::command::{Outcome, PictureKind, SignalRule, signal_rule};
use crate::model::{ProcId, SentBy, Signal, World};
use crate::observe::signal;
use crate::wording::outcome::not_sent;

/// A question to the user. [`Request::Answer`](super::Request::Answer) answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: u64,
    pub subject: QuestionSubject,
    /// A script waits for the answer.
    pub scripted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionSubject {
    /// To send a signal to a process that is not a member of a lab pod.
    Signal { target: ProcId, signal: Signal, name: String },
    /// To replace an existing file.
    Replace(PathBuf),
}

impl Question {
    pub fn title(&self) -> String {
        match &self.subject {
            QuestionSubject::Signal { signal, name, .. } => format!("Send {signal} to {name}?"),
            QuestionSubject::Replace(path) => format!("Replace {}?", path.display()),
        }
    }
}

/// What is done once it is confirmed.
#[derive(Debug)]
pub(super) enum Confirmable {
    Signal { target: ProcId, signal: Signal, name: String },
    Export(Export, Box<World>),
    Picture(PathBuf, PictureKind),
}

#[derive(Debug)]
pub(super) struct OpenQuestion {
    question: Question,
    confirmable: Confirmable,
    origin: Origin,
}

impl Worker {
    /// Asks the user. `Some` is the outcome if the user cannot be asked.
    pub(super) fn ask(&mut self, confirmable: Confirmable, origin: Origin) -> Option<Outcome> {
        let subject = match &confirmable {
            Confirmable::Signal { target, name, .. } if self.front_end == FrontEnd::Terminal => {
                return Some(Outcome::Failed(format!(
                    "{name} (pid {target}) is not a member of a lab pod; use kill(1) for others"
                )));
            }
            Confirmable::Signal { target, signal, name } => {
                QuestionSubject::Signal { target: *target, signal: *signal, name: name.clone() }
            }
            Confirmable::Export(export, _) => QuestionSubject::Replace(export.path.clone()),
            Confirmable::Picture(path, _) => QuestionSubject::Replace(path.clone()),
        };
        self.next_question += 1;
        let question = Question { id: self.next_question, subject, scripted: matches!(origin, Origin::Script(_)) };
        self.questions.push(OpenQuestion { question: question.clone(), confirmable, origin });
        self.send(Event::Asked(question));
        None
    }

    pub(super) fn answer_question(&mut self, id: u64, confirmed: bool) {
        let Some(at) = self.questions.iter().position(|open| open.question.id == id) else { return };
        let OpenQuestion { question, confirmable, origin } = self.questions.remove(at);
        let outcome = match confirmable {
            _ if !confirmed && origin == Origin::User => Some(Outcome::Done),
            _ if !confirmed => Some(Outcome::Failed(format!("\"{}\" was answered with Cancel", question.title()))),
            Confirmable::Signal { target, signal, .. } => Some(self.send_signal(target, signal, origin)),
            Confirmable::Export(export, world) => self.write_export(Export { replace: true, ..export }, *world, origin),
            Confirmable::Picture(path, kind) => {
                let command = FrontEndCommand::Picture { path, kind, replace: true };
                self.send(Event::FrontEnd { command, origin });
                None
            }
        };
        if let Some(outcome) = outcome {
            self.finish(outcome, origin);
        }
    }

    /// Withdraws the questions of a script that has ended. Returns the title of the first one, if any.
    pub(super) fn withdraw_questions(&mut self, origin: Origin) -> Option<String> {
        let (withdrawn, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.questions).into_iter().partition(|open| open.origin == origin);
        self.questions = kept;
        let title = withdrawn.first().map(|open| open.question.title());
        if title.is_some() {
            self.send(Event::QuestionsWithdrawn(withdrawn.iter().map(|open| open.question.id).collect()));
        }
        title
    }

    /// Sends a signal if the rule allows it, or asks the user first.
    pub(super) fn request_signal(&mut self, target: ProcId, signal: Signal, origin: Origin) -> Option<Outcome> {
        match signal_rule(self.store.live(), target) {
            SignalRule::Allowed => Some(self.send_signal(target, signal, origin)),
            SignalRule::NeedsConfirmation { name } => self.ask(Confirmable::Signal { target, signal, name }, origin),
            SignalRule::Refused(why) => Some(Outcome::Failed(why)),
        }
    }

    fn send_signal(&mut self, target: ProcId, signal: Signal, origin: Origin) -> Outcome {
        let Some(observer) = &self.observer else { return Outcome::Failed(super::commands::NO_OBSERVER.to_owned()) };
        let by = if origin == Origin::User { SentBy::User } else { SentBy::Script };
        let (delta, sent) = signal::send_recorded(self.store.live(), target, signal, by);
        // the observer then reads the target again, since the kernel does not report STOP and CONT
        observer.input().send(crate::observe::Input::Delta(delta));
        match sent {
            Ok(()) => {
                self.send(Event::Signalled { target, signal });
                Outcome::Done
            }
            Err(why) => Outcome::Failed(format!("{signal} to pid {target}: {}", not_sent(why))),
        }
    }
}
