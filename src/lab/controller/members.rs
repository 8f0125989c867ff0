//! Containers that come to a running pod, and those that leave it.

use super::run::{Removal, Run};
use super::status::not_started;
use super::{Action, Course, Decision, PodState, report};
use crate::lab::spec::{ContainerSpec, Join, PidNamespace};
use crate::model::{ContainerKind, Stamp};

impl PodState {
    /// What the pod would make of a container that is added to it now.
    ///
    /// # Errors
    /// As [`PodSpec::admit`](crate::lab::PodSpec::admit); or the pod is being stopped, or its target taken out.
    pub fn admit(&self, container: ContainerSpec, kind: ContainerKind) -> Result<ContainerSpec, String> {
        let name = &self.spec.name;
        match self.course {
            Course::Run => {}
            Course::Stop { .. } => return Err(format!("pod {name} is being stopped")),
            Course::Over | Course::Removed => return Err(format!("pod {name} is over")),
        }
        let container = self.spec.admit(container, kind)?;
        match container.join.as_ref().and_then(Join::target) {
            Some(target) if !self.runs.get(target).is_some_and(|run| run.running) => {
                Err(format!("target container \"{target}\" is not running"))
            }
            Some(target) if self.is_leaving(target) => Err(format!("target container \"{target}\" is being taken out")),
            _ => Ok(container),
        }
    }

    /// Whether this container is to be taken out already.
    pub fn is_leaving(&self, container: &str) -> bool {
        self.runs.get(container).is_some_and(|run| run.removal.is_some())
    }

    pub(super) fn added(&mut self, container: ContainerSpec, kind: ContainerKind) {
        let name = container.name.clone();
        if self.runs.contains_key(&name) {
            return;
        }
        self.spec = self.spec.clone().with_container(container, kind);
        self.runs.insert(name.clone(), Run::new(kind));
        let Some(spec) = self.spec.container(&name) else { return };
        let status = report::status(spec, kind, not_started(&self.spec));
        // in the order of the spec
        let at = self.spec.all_containers().position(|c| c.name == name).unwrap_or(self.pod.containers.len());
        self.pod.containers.insert(at, status);
        self.pod.share_pid = self.spec.share.pid || self.spec.shares_pid_namespace();
    }

    /// Asked again, it happens sooner if that is what is asked.
    pub(super) fn removal_requested(&mut self, name: &str, grace_ms: Option<u64>, at: Stamp) {
        let deadline = self.grace_end(at.t, grace_ms);
        let Some(run) = self.runs.get_mut(name) else { return };
        run.removal = Some(Removal { grace_ms });
        if let Some(stop) = &mut run.stop {
            stop.press(deadline, at.t);
        }
    }

    /// TERM to those who are to leave, and KILL later.
    pub(super) fn stop_removed(&mut self, at: Stamp, d: &mut Decision) {
        let leaving = |(name, run): (&String, &Run)| Some((name.clone(), run.removal.filter(|_| run.live)?));
        let leaving: Vec<(String, Removal)> = self.runs.iter().filter_map(leaving).collect();
        for (name, Removal { grace_ms }) in leaving {
            let deadline = self.grace_end(at.t, grace_ms);
            self.stop_one(&name, deadline, true, at, d);
        }
    }

    /// Those who were to leave and of whom nothing lives any more are no longer of the pod.
    pub(super) fn forget_removed(&mut self, d: &mut Decision) {
        // all of the pod has gone; what a container has left behind may end after it
        if self.course == Course::Removed {
            return;
        }
        let gone =
            |(name, run): (&String, &Run)| (run.removal.is_some() && !run.live && !run.leftovers).then(|| name.clone());
        let gone: Vec<String> = self.runs.iter().filter_map(gone).collect();
        for name in gone {
            self.runs.remove(&name);
            self.spec.remove_container(&name);
            self.pod.containers.retain(|c| c.name != name);
            self.pod.share_pid = self.spec.share.pid || self.spec.shares_pid_namespace();
            d.actions.push(Action::ForgetContainer(name));
        }
    }

    /// Whether the pid namespace that the container is to join is there; it waits until it is.
    pub(super) fn target_runs(&self, name: &str) -> bool {
        match self.spec.pid_namespace(name) {
            PidNamespace::Of(target) => self.runs.get(target).is_some_and(|run| run.running && !run.ending),
            PidNamespace::Node | PidNamespace::Pod | PidNamespace::Own => true,
        }
    }
}
