//! Steps of building a pod. The lab accepts a step first; its outcome is what the World shows of it later.

use std::path::PathBuf;

use super::Event;
use super::pods::StartedPod;
use super::request::Origin;
use super::worker::{JobResult, Worker};
use crate::command::Outcome;
use crate::lab::spec::PodSpec;
use crate::lab::{Error, Lab};
use crate::model::{MonoNs, PodUid, World};
use crate::observe::now;
use crate::steps::{Pending, Step};

/// A step that the lab has accepted.
#[derive(Debug)]
pub(super) struct AcceptedStep {
    pub pending: Pending,
    pub pod: PodUid,
    /// The spec of the pod after the step.
    pub spec: PodSpec,
    /// Whether the step has created the pod.
    pub is_new: bool,
}

impl Worker {
    pub(super) fn build(&mut self, step: Step, origin: Origin) -> Option<Outcome> {
        let lab = match self.lab() {
            Ok(lab) => lab,
            Err(why) => return Some(Outcome::Failed(why)),
        };
        // what the step changes is found by comparing with this
        let before = self.store.live().clone();
        let job = move || JobResult::Built { result: build(&lab, step, &before).map(Box::new), origin };
        self.spawn("build", job).err().map(Outcome::Failed)
    }

    pub(super) fn built(&mut self, result: Result<Box<AcceptedStep>, String>, origin: Origin) {
        let AcceptedStep { pending, pod, spec, is_new } = match result {
            Ok(step) => *step,
            Err(why) => return self.finish(Outcome::Failed(why), origin),
        };
        if is_new {
            let path = PathBuf::from(format!("{}.yaml", spec.name));
            let from = StartedPod { path, follows_file: false, spec: Box::new(spec), preset: None };
            let start = self.next_start();
            self.pod_started(pod, from, Vec::new(), start);
        } else {
            self.store_spec(&pod, spec);
        }
        self.pending_steps.push((pending, origin));
    }

    /// Reports the steps whose effect the World shows now, and those that were given up.
    pub(super) fn finish_steps(&mut self) {
        if self.pending_steps.is_empty() {
            return;
        }
        let (live, at) = (self.store.live(), now());
        let mut done = Vec::new();
        self.pending_steps.retain(|(pending, origin)| match pending.poll(live, at) {
            None => true,
            Some(result) => {
                done.push((result, *origin));
                false
            }
        });
        for (result, origin) in done {
            let outcome = match result {
                Ok(report) => {
                    let text = report.text();
                    self.send(Event::StepDone(report));
                    Outcome::Output(text)
                }
                Err(why) => Outcome::Failed(why),
            };
            self.finish(outcome, origin);
        }
    }

    /// When to look at the pending steps at the latest.
    pub(super) fn steps_deadline(&self) -> Option<MonoNs> {
        self.pending_steps.iter().map(|(pending, _)| pending.deadline()).min()
    }
}

/// Does a step in the lab. Comparing with the World `before` later shows what it has changed.
fn build(lab: &Lab, step: Step, before: &World) -> Result<AcceptedStep, String> {
    let text = |e: Error| e.to_string();
    let Some(pod) = step.pod().cloned() else {
        let Step::Sandbox { name } = &step else { return Err("the step names no pod".to_owned()) };
        let spec = PodSpec::sandbox(name)?;
        let pod = lab.run(spec.clone()).map_err(text)?;
        let pending = Pending::new(pod.clone(), step, &spec, before, now());
        return Ok(AcceptedStep { pending, pod, spec, is_new: true });
    };
    let spec = lab.spec(&pod).map_err(text)?;
    let pending = Pending::new(pod.clone(), step.clone(), &spec, before, now());
    match step {
        Step::Sandbox { .. } => {}
        Step::Join { pod, container, ephemeral: false } => lab.add_container(&pod, *container).map_err(text)?,
        Step::Join { pod, container, ephemeral: true } => lab.add_ephemeral(&pod, *container).map_err(text)?,
        Step::Replace { member, argv } => lab.replace_command(&member, &argv).map_err(text)?,
        Step::Leave { member } => lab.remove_container(&member, None).map_err(text)?,
    }
    let spec = lab.spec(&pod).map_err(text)?;
    Ok(AcceptedStep { pending, pod, spec, is_new: false })
}
