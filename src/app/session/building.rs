//! Does the steps of building a pod, on a background thread.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use super::{Answer, Specs, start, store_spec};
use crate::lab::spec::{PodSpec, manifest};
use crate::lab::{Error, Lab};
use crate::model::{PodUid, World};
use crate::observe;
use crate::steps::{Pending, Step};

/// Does a step in the lab. Comparing with the World `before` later shows what it has changed.
pub fn build(
    lab: &Lab,
    specs: &Specs,
    step: Step,
    before: &World,
    answers: &Sender<Answer>,
) -> Result<Pending, String> {
    let to_string = |e: Error| e.to_string();
    let Some(pod) = step.pod().cloned() else {
        let spec = PodSpec::sandbox(step_name(&step))?;
        let path = PathBuf::from(format!("{}.yaml", spec.name));
        let pod = start(lab, specs, (spec.clone(), Vec::new()), path, false, answers)?;
        return Ok(Pending::new(pod, step, &spec, before, observe::now()));
    };
    let spec = lab.spec(&pod).map_err(to_string)?;
    let pending = Pending::new(pod.clone(), step.clone(), &spec, before, observe::now());
    match step {
        Step::Sandbox { .. } => {}
        Step::Join { pod, container, ephemeral: false } => lab.add_container(&pod, *container).map_err(to_string)?,
        Step::Join { pod, container, ephemeral: true } => lab.add_ephemeral(&pod, *container).map_err(to_string)?,
        Step::Replace { member, argv } => lab.replace_command(&member, &argv).map_err(to_string)?,
        Step::Leave { member } => lab.remove_container(&member, None).map_err(to_string)?,
    }
    store_spec(lab, specs, &pod)?;
    Ok(pending)
}

fn step_name(step: &Step) -> &str {
    match step {
        Step::Sandbox { name } => name,
        other => other.member_name(),
    }
}

/// A pod as a manifest.
pub fn manifest_of(lab: &Lab, pod: &PodUid) -> Result<String, String> {
    let spec = lab.spec(pod).map_err(|e| e.to_string())?;
    manifest(&spec).map_err(|e| e.to_string())
}
