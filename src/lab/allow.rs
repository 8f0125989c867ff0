//! What this machine allows a lab, and what forbids the rest.

mod diagnose;
mod machine;

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use serde::{Deserialize, Serialize};

use super::error::Forbidden;
use super::protocol::Step;
use super::spec::{ContainerSpec, HostNamespaces, PodSpec, RestartPolicy, Share};
use super::{Error, Lab};
use crate::model::{ContainerState, Delta, Pod, SandboxKind};
use crate::observe::Input;

/// How much of a capability there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckState {
    Ok,
    Limited,
    Missing,
}

/// One capability of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub state: CheckState,
    /// What was found.
    pub detail: String,
    /// What follows for the user; empty if all is well.
    pub consequence: String,
    /// What to do about it; empty if nothing need be done.
    pub remedy: String,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, CheckState::Ok, detail.into(), "", String::new())
    }

    fn new(name: &str, state: CheckState, detail: String, consequence: &str, remedy: String) -> Self {
        Self { name: name.to_owned(), state, detail, consequence: consequence.to_owned(), remedy }
    }
}

/// How long the trial pod may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries everything out, to the end: starts a node as `exe` and runs a pod in it.
pub fn probe(exe: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    trial(exe, &mut checks);
    checks.extend([machine::processes(), machine::cgroups(), machine::hidepid(), machine::kernel()]);
    checks
}

/// Names what forbids a step of the set-up, and the way out.
pub(super) fn explain(step: Step, errno: i32) -> Error {
    let (forbids, remedy) = diagnose::diagnose(step, nix::errno::Errno::from_raw(errno), &diagnose::Knobs::read());
    Error::UserNamespaces(Box::new(Forbidden { step, errno, forbids, remedy }))
}

const NO_PODS: &str = "the lab cannot run pods; everything else works";

fn trial(exe: &Path, checks: &mut Vec<Check>) {
    let (names, pods) = ("user namespaces", "pods");
    let (tell, told) = unbounded();
    let lab = match Lab::start(exe, tell) {
        Ok(lab) => lab,
        Err(Error::UserNamespaces(f)) => {
            let detail = format!("could not {}: {}", f.step.words(), f.forbids);
            return checks.push(Check::new(names, CheckState::Missing, detail, NO_PODS, f.remedy));
        }
        Err(e) => return checks.push(Check::new(names, CheckState::Missing, e.to_string(), NO_PODS, String::new())),
    };
    checks.push(Check::ok(names, "root in one's own, with /proc, tmpfs and a bridge"));
    let began = Instant::now();
    let outcome = lab.run(trial_pod()).map_err(|e| e.to_string()).and_then(|uid| {
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            match told.recv_timeout(left) {
                Ok(Input::Delta(Delta::Pod { pod, .. })) if pod.uid == uid => {
                    if let Some(outcome) = outcome(&pod) {
                        return outcome;
                    }
                }
                Ok(_) => {}
                Err(_) => return Err(format!("the trial pod did not run within {PATIENCE:?}")),
            }
        }
    });
    checks.push(match outcome {
        Ok(()) => Check::ok(pods, format!("a trial pod ran after {} ms", began.elapsed().as_millis())),
        Err(why) => {
            Check::new(pods, CheckState::Missing, why, NO_PODS, "load the kernel module: modprobe veth".to_owned())
        }
    });
}

fn outcome(pod: &Pod) -> Option<Result<(), String>> {
    match &pod.containers.first()?.state {
        ContainerState::Terminated { .. } => Some(Ok(())),
        ContainerState::Waiting { message: Some(message), .. } => Some(Err(message.clone())),
        _ => pod.message.clone().map(Err),
    }
}

fn trial_pod() -> PodSpec {
    let container =
        ContainerSpec { name: "trial".to_owned(), command: vec!["true".to_owned()], ..ContainerSpec::default() };
    PodSpec {
        name: "trial".to_owned(),
        namespace: "default".to_owned(),
        hostname: "trial".to_owned(),
        share: Share { pid: true, ..Share::default() },
        host: HostNamespaces::default(),
        restart: RestartPolicy::Never,
        grace_seconds: 0,
        sandbox: SandboxKind::Pause,
        init_containers: Vec::new(),
        containers: vec![container],
        volumes: Vec::new(),
    }
}
