//! Starts the observer, the lab and the server for other terminals, and the lab again after its node has ended.

use std::path::Path;
use std::sync::Arc;

use super::commands::NO_OBSERVER;
use super::request::Origin;
use super::worker::{JobResult, Worker};
use super::{Event, FrontEnd};
use crate::command::Outcome;
use crate::control::Server;
use crate::lab::{self, Lab};
use crate::model::{Delta, PodUid, Scope, Source, Stamp};
use crate::observe::{Input, Observer, Options, now};
use crate::script::Requested;
use crate::wording::forbidden::lab_error;

impl Worker {
    /// Starts everything. The lab starts on a thread of its own.
    pub(super) fn start_all(&mut self, origin: Option<Origin>) -> Option<Outcome> {
        let sink = self.batches.clone();
        // an error means that the engine has ended; the observer ends soon after it
        let sink = Box::new(move |batch| drop(sink.send(batch)));
        match Observer::start(Scope::Lab, Options::from_env(), sink) {
            Ok(observer) => self.observer = Some(observer),
            Err(e) => {
                let failed = origin.map(|_| Outcome::Failed(format!("the observer cannot start: {e}")));
                if failed.is_none() {
                    self.send(Event::ObserverFailed(e));
                }
                return failed;
            }
        }
        self.start_lab(None, origin)
    }

    /// Observes the lab only, or the whole machine.
    pub(super) fn observe(&mut self, scope: Scope) {
        match &self.observer {
            Some(observer) => observer.input().send(Input::Observe(scope)),
            None => self.send(Event::CommandFailed(NO_OBSERVER.to_owned())),
        }
    }

    /// Starts the lab again after its node has ended.
    pub(super) fn restart_lab(&mut self, origin: Origin) -> Option<Outcome> {
        // a second click, while the first had its effect already
        if self.is_lab_alive() {
            return Some(Outcome::Done);
        }
        match self.observer {
            Some(_) => {
                let last = self.lab.take();
                self.start_lab(last, Some(origin))
            }
            None => self.start_all(Some(origin)),
        }
    }

    fn is_lab_alive(&self) -> bool {
        let node = self.store.live().node.as_ref();
        let has_ended = |lab: &Lab| node.is_some_and(|node| node.process == lab.node() && node.ended.is_some());
        self.lab.as_ref().is_some_and(|lab| !has_ended(lab))
    }

    /// `last` is the lab to end first. Requests wait until the new one has started.
    fn start_lab(&mut self, last: Option<Arc<Lab>>, origin: Option<Origin>) -> Option<Outcome> {
        let input = self.observer.as_ref()?.input();
        let options = self.lab_options;
        let start = move || {
            drop(last);
            let result = Lab::start_with(Path::new("/proc/self/exe"), options, input);
            JobResult::LabStarted { result, origin }
        };
        match self.spawn("start lab", start) {
            Ok(()) => {
                self.is_lab_starting = true;
                None
            }
            Err(why) if origin.is_some() => Some(Outcome::Failed(why)),
            Err(why) => {
                self.send(Event::LabFailed(lab::Error::Start(why)));
                None
            }
        }
    }

    pub(super) fn lab_started(&mut self, result: Result<Lab, lab::Error>, origin: Option<Origin>) {
        self.is_lab_starting = false;
        self.start_engines();
        let started = match result {
            Ok(lab) => {
                self.lab = Some(Arc::new(lab));
                Ok(())
            }
            Err(e) => Err(e),
        };
        if self.control.is_none() {
            self.start_control_server();
        }
        match (started, origin) {
            (Ok(()), None) => self.send(Event::LabStarted),
            (Err(e), None) => self.send(Event::LabFailed(e)),
            (Ok(()), Some(origin)) => {
                self.replace_lost_pods();
                self.finish(Outcome::Done, origin);
            }
            (Err(e), Some(origin)) => self.finish(Outcome::Failed(lab_error(&e)), origin),
        }
    }

    /// Starts the server through which commands in other terminals reach the lab.
    fn start_control_server(&mut self) {
        let jobs = self.jobs.0.clone();
        let on_request = move |request| drop(jobs.send(JobResult::StateRequest(request)));
        match Server::start(self.front_end == FrontEnd::Window, Arc::new(on_request)) {
            Ok(server) => self.control = Some(server),
            Err(e) => self.send(Event::ControlFailed(e)),
        }
    }

    /// The pods ended with the last node. Removes them from the World, and reports what they were started from.
    fn replace_lost_pods(&mut self) {
        let Some(observer) = &self.observer else { return };
        let input = observer.input();
        let of_lab = self.store.live().pods.values().filter(|pod| pod.is_of_lab());
        let mut ended: Vec<_> = of_lab.map(|pod| (pod.created.t, pod.uid.clone())).collect();
        ended.sort();
        let at = Stamp::prompt(now(), Source::App);
        for (_, uid) in &ended {
            input.send(Input::Delta(Delta::PodRemoved { uid: uid.clone(), at }));
        }
        self.requested = Requested::default();
        let mut started = std::mem::take(&mut self.started);
        let specs = std::mem::take(&mut self.specs);
        (self.manifests, self.recreating, self.reading) = Default::default();
        let lost = ended.into_iter().filter_map(|(_, uid): (_, PodUid)| {
            let mut from = started.remove(&uid)?;
            // it may have been changed after its start
            if let Some(spec) = specs.get(&uid) {
                from.spec = Box::new(spec.clone());
            }
            Some(from)
        });
        let lost = lost.collect();
        self.send(Event::LabRestarted { lost });
    }
}
