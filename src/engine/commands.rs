//! Carries out the commands of users and scripts.

use std::sync::Arc;
use std::time::Duration;

use super::event::FrontEndCommand;
use super::export::{Export, ExportContent};
use super::question::Confirmable;
use super::request::Origin;
use super::worker::{JobResult, Worker};
use super::{Event, FrontEnd};
use crate::command::{Command, Outcome};
use crate::fetch;
use crate::lab::{self, ExecOutput, Lab};
use crate::model::{Member, PodUid};
use crate::observe::now;

/// The error of a command if the observer could not be started.
pub(super) const NO_OBSERVER: &str = "the observer is not running, so nothing can be run";
/// The error of a command if the lab is not running.
pub(super) const NO_LAB: &str = "the lab is not running; start it again on the left";

impl Worker {
    pub(super) fn execute(&mut self, command: Command, origin: Origin) {
        // its effect is to be seen at once, also that of a script
        self.attention.note(now());
        if let Some(outcome) = self.carry_out(command, origin) {
            self.finish(outcome, origin);
        }
    }

    /// Carries out a command. `None`: it takes longer, and [`Worker::finish`] gets its outcome later.
    pub(super) fn carry_out(&mut self, command: Command, origin: Origin) -> Option<Outcome> {
        match command {
            Command::Signal { target, signal } => self.request_signal(target, signal, origin),
            Command::SignalAll { targets, signal } => self.request_signals(&targets, signal, origin),
            Command::Create(source) => self.create(source, origin),
            Command::Delete(pod) => self.delete(pod, origin),
            Command::DeleteAll(pods) => self.in_lab("delete all", origin, move |lab| delete_all(lab, &pods)),
            Command::Exec { member, argv, limit } => {
                match origin {
                    Origin::User => self.in_lab("exec", origin, move |lab| exec_recorded(lab, &member, &argv, limit)),
                    Origin::Script(_) => {
                        // what a script asks again and again would fill the recording
                        let recorded = !self.playing.as_ref().is_some_and(|playing| playing.player.is_polling());
                        self.in_lab("exec", origin, move |lab| exec(lab, &member, &argv, limit, recorded))
                    }
                }
            }
            Command::CancelExec(exec) => self.in_lab("cancel exec", origin, move |lab| {
                lab.cancel_exec(exec);
                Outcome::Done
            }),
            Command::Logs(member) => self.in_lab("logs", origin, move |lab| match lab.logs(&member) {
                Ok(bytes) => Outcome::Output(String::from_utf8_lossy(&bytes).into_owned()),
                Err(e) => Outcome::Failed(e.to_string()),
            }),
            Command::Fetch(url) => self.in_background("fetch", origin, move || fetch::outcome(&url)),
            Command::Build(step) => self.build(step, origin),
            Command::ChangeNamespaces { member, step } => {
                self.in_lab("change namespaces", origin, move |lab| outcome_of(lab.change_namespaces(&member, step)))
            }
            Command::Export { path, format, redact } => {
                let replace = self.may_replace(&path, origin);
                let content = ExportContent::Snapshot { format, redact };
                self.export(Export { path, content, replace }, origin)
            }
            Command::StartNode => self.restart_lab(origin),
            Command::Picture { path, kind } => {
                let replace = self.may_replace(&path, origin);
                if !replace && self.front_end == FrontEnd::Window && path.symlink_metadata().is_ok() {
                    return self.ask(Confirmable::Picture(path, kind), origin);
                }
                self.pass_on(FrontEndCommand::Picture { path, kind, replace }, origin)
            }
            Command::ReadInside(of) => Some(self.request_inside(of)),
            Command::FindHolders(ns) => Some(self.request_holders(ns)),
            Command::Select(id) => self.pass_on(FrontEndCommand::Select(id), origin),
            Command::SelectNamespace(ns) => self.pass_on(FrontEndCommand::SelectNamespace(ns), origin),
            Command::Show(view) => self.pass_on(FrontEndCommand::Show(view), origin),
        }
    }

    fn pass_on(&mut self, command: FrontEndCommand, origin: Origin) -> Option<Outcome> {
        self.send(Event::FrontEnd { command, origin });
        None
    }

    /// A command has ended: its script gets the outcome, or the user an error.
    pub(super) fn finish(&mut self, outcome: Outcome, origin: Origin) {
        match self.playing.as_mut() {
            Some(playing) if origin == Origin::Script(playing.run) => {
                // answers to a polled condition are not shown
                if !playing.player.is_polling() {
                    (self.events)(Event::ScriptOutput(outcome.clone()));
                }
                playing.player.completed(outcome);
            }
            _ => {
                if let Outcome::Failed(why) = outcome {
                    self.send(Event::CommandFailed(why));
                }
            }
        }
    }

    pub(super) fn delete(&mut self, pod: PodUid, origin: Origin) -> Option<Outcome> {
        self.in_lab("delete", origin, move |lab| outcome_of(lab.delete(&pod)))
    }

    /// # Errors
    /// The lab is not running.
    pub(super) fn lab(&self) -> Result<Arc<Lab>, String> {
        if self.observer.is_none() {
            return Err(NO_OBSERVER.to_owned());
        }
        self.lab.clone().ok_or_else(|| NO_LAB.to_owned())
    }

    /// Runs something that takes time on a thread of its own.
    fn in_background(
        &self,
        name: &str,
        origin: Origin,
        run: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Option<Outcome> {
        let job = move || JobResult::Ended { outcome: run(), origin };
        self.spawn(name, job).err().map(Outcome::Failed)
    }

    fn in_lab(
        &self,
        name: &str,
        origin: Origin,
        run: impl FnOnce(&Lab) -> Outcome + Send + 'static,
    ) -> Option<Outcome> {
        match self.lab() {
            // the job must not hold the lab when its outcome ends the run: then the engine alone can stop it in order
            Ok(lab) => self.in_background(name, origin, move || run(&lab)),
            Err(why) => Some(Outcome::Failed(why)),
        }
    }
}

/// Begins to delete all of them. Each that cannot be deleted does not keep the others from it.
fn delete_all(lab: &Lab, pods: &[PodUid]) -> Outcome {
    let failed: Vec<String> = pods.iter().filter_map(|pod| Some(lab.delete(pod).err()?.to_string())).collect();
    if failed.is_empty() { Outcome::Done } else { Outcome::Failed(failed.join("; ")) }
}

fn outcome_of(done: Result<(), lab::Error>) -> Outcome {
    done.map_or_else(|e| Outcome::Failed(e.to_string()), |()| Outcome::Done)
}

/// Executes a program for the user, who sees its output and its end where what is recorded is shown.
fn exec_recorded(lab: &Lab, member: &Member, argv: &[String], limit: Duration) -> Outcome {
    match lab.start_exec(member, argv, limit, true).and_then(lab::Exec::wait) {
        Err(e @ (lab::Error::NodeGone | lab::Error::NoAnswer(_))) => Outcome::Failed(e.to_string()),
        _ => Outcome::Done,
    }
}

fn exec(lab: &Lab, member: &Member, argv: &[String], limit: Duration, recorded: bool) -> Outcome {
    let output = match lab.start_exec(member, argv, limit, recorded).and_then(lab::Exec::wait) {
        Ok(output) => output,
        Err(e) => return Outcome::Failed(format!("{}: {e}", argv.join(" "))),
    };
    let ExecOutput { stdout, stderr, status, timed_out, .. } = output;
    if timed_out {
        let limit = limit.as_secs_f64();
        return Outcome::Failed(format!("{}: not done after {limit} s, and killed", argv.join(" ")));
    }
    let output = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Outcome::Exec { code: status.code(), output }
}
