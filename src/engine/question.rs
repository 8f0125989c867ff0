//! What the user must confirm before it is done, whether it comes from clicks, keys or scripts.

use std::path::PathBuf;

use super::export::Export;
use super::request::Origin;
use super::worker::Worker;
use super::{Event, FrontEnd, FrontEndCommand};
use crate::command::{Caution, Outcome, PictureKind, SignalRule, signal_rule};
use crate::model::{ProcId, SentBy, Signal, World, names};
use crate::observe::signal;
use crate::wording::outcome::not_sent;

/// How many failures of a signal to several processes are told in full.
const MAX_FAILURES: usize = 3;

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
    /// To send a signal to several processes, or to one that is not a member of a lab pod. `is_second`: it was confirmed
    /// once, and some of the targets have a caution.
    Signal { targets: Vec<SignalTarget>, signal: Signal, is_second: bool },
    /// To replace an existing file.
    Replace(PathBuf),
}

/// A process that is to get a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalTarget {
    pub process: ProcId,
    /// With its container and pod, if it has them.
    pub name: String,
    pub is_of_lab: bool,
    pub caution: Option<Caution>,
}

impl SignalTarget {
    /// # Errors
    /// Why it may not get a signal.
    fn of(world: &World, process: ProcId) -> Result<Self, String> {
        match signal_rule(world, process) {
            SignalRule::Refused(why) => Err(why),
            SignalRule::NeedsConfirmation { name, caution } => Ok(Self { process, name, is_of_lab: false, caution }),
            SignalRule::Allowed => {
                let named = world.process(process).map(|p| {
                    let pod = p.member.as_ref().and_then(|member| world.pod(&member.pod));
                    pod.map_or_else(
                        || names::member_name(p),
                        |pod| format!("{} of {}", names::member_name(p), pod.name),
                    )
                });
                Ok(Self { process, name: named.unwrap_or_default(), is_of_lab: true, caution: None })
            }
        }
    }
}

impl Question {
    pub fn title(&self) -> String {
        match &self.subject {
            QuestionSubject::Signal { targets, signal, is_second } => {
                let whom = match targets.as_slice() {
                    [one] => one.name.clone(),
                    all => format!("{} processes", all.len()),
                };
                let anyway = if *is_second { " anyway" } else { "" };
                format!("Send {signal} to {whom}{anyway}?")
            }
            QuestionSubject::Replace(path) => format!("Replace {}?", path.display()),
        }
    }
}

/// What is done once it is confirmed.
#[derive(Debug)]
pub(super) enum Confirmable {
    Signal { targets: Vec<SignalTarget>, signal: Signal, is_second: bool },
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
            Confirmable::Signal { targets, .. } if self.front_end == FrontEnd::Terminal => {
                let outside = targets.iter().filter(|target| !target.is_of_lab);
                let named: Vec<String> =
                    outside.map(|target| format!("{} (pid {})", target.name, target.process)).collect();
                let is = if named.len() == 1 { "is not a member" } else { "are not members" };
                let why = format!("{} {is} of a lab pod; use kill(1) for others", named.join(", "));
                return Some(Outcome::Failed(why));
            }
            Confirmable::Signal { targets, signal, is_second } => {
                QuestionSubject::Signal { targets: targets.clone(), signal: *signal, is_second: *is_second }
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
            Confirmable::Signal { targets, signal, is_second: false }
                if targets.iter().any(|target| target.caution.is_some()) =>
            {
                self.ask(Confirmable::Signal { targets, signal, is_second: true }, origin)
            }
            Confirmable::Signal { targets, signal, .. } => Some(self.send_signals(&targets, signal, origin)),
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
        match SignalTarget::of(self.store.live(), target) {
            Err(why) => Some(Outcome::Failed(why)),
            Ok(target) if target.is_of_lab => Some(self.send_signal(target.process, signal, origin)),
            Ok(target) => self.ask(Confirmable::Signal { targets: vec![target], signal, is_second: false }, origin),
        }
    }

    /// Asks whether to send a signal to several processes. Those that are gone are left out.
    pub(super) fn request_signals(&mut self, targets: &[ProcId], signal: Signal, origin: Origin) -> Option<Outcome> {
        if let [one] = targets {
            return self.request_signal(*one, signal, origin);
        }
        let world = self.store.live();
        let targets: Vec<SignalTarget> = targets.iter().filter_map(|id| SignalTarget::of(world, *id).ok()).collect();
        if targets.is_empty() {
            return Some(Outcome::Failed("none of these processes is there any more; nothing was sent".to_owned()));
        }
        // a terminal has named each of them
        if self.front_end == FrontEnd::Terminal && targets.iter().all(|target| target.is_of_lab) {
            return Some(self.send_signals(&targets, signal, origin));
        }
        self.ask(Confirmable::Signal { targets, signal, is_second: false }, origin)
    }

    fn send_signals(&mut self, targets: &[SignalTarget], signal: Signal, origin: Origin) -> Outcome {
        let sent = targets.iter().map(|target| self.send_signal(target.process, signal, origin));
        let failed: Vec<String> =
            sent.filter_map(|outcome| if let Outcome::Failed(why) = outcome { Some(why) } else { None }).collect();
        match failed.as_slice() {
            [] => Outcome::Done,
            [why] if targets.len() == 1 => Outcome::Failed(why.clone()),
            all => {
                let more = if all.len() > MAX_FAILURES { "; …" } else { "" };
                let first = all.iter().take(MAX_FAILURES).cloned().collect::<Vec<_>>().join("; ");
                Outcome::Failed(format!("{} of {} signals were not sent: {first}{more}", all.len(), targets.len()))
            }
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
