//! Adding containers to a running pod and removing them.

use super::run::{Removal, Run};
use super::status::not_started;
use super::{Action, Decision, PodGoal, PodState, report};
use crate::lab::spec::{ContainerSpec, Join, PidNamespace};
use crate::model::{ContainerKind, Stamp};

impl PodState {
    /// Checks a container that is to be added now, and fills in what it takes from the pod.
    ///
    /// # Errors
    /// As [`PodSpec::admit`](crate::lab::PodSpec::admit); or the pod is being stopped, or the target does not run or is
    /// being removed.
    pub fn admit(&self, container: ContainerSpec, kind: ContainerKind) -> Result<ContainerSpec, String> {
        let name = &self.spec.name;
        match self.goal {
            PodGoal::Run => {}
            PodGoal::Stop { .. } => return Err(format!("pod {name} is being stopped")),
            PodGoal::Over | PodGoal::Removed => return Err(format!("pod {name} is over")),
        }
        let container = self.spec.admit(container, kind)?;
        match container.join.as_ref().and_then(Join::target) {
            Some(target) if !self.runs.get(target).is_some_and(|run| run.running) => {
                Err(format!("target container \"{target}\" is not running"))
            }
            Some(target) if self.is_being_removed(target) => {
                Err(format!("target container \"{target}\" is being taken out"))
            }
            _ => Ok(container),
        }
    }

    /// Whether the removal of this container has been requested.
    pub fn is_being_removed(&self, container: &str) -> bool {
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
        // keep the order of the spec
        let at = self.spec.all_containers().position(|c| c.name == name).unwrap_or(self.pod.containers.len());
        self.pod.containers.insert(at, status);
        self.pod.share_pid = self.spec.share.pid || self.spec.shares_pid_namespace();
    }

    /// A second request can only shorten the grace period.
    pub(super) fn removal_requested(&mut self, name: &str, grace_ms: Option<u64>, at: Stamp) {
        let deadline = self.grace_deadline(at.t, grace_ms);
        let Some(run) = self.runs.get_mut(name) else { return };
        run.removal = Some(Removal { grace_ms });
        if let Some(stop) = &mut run.stop {
            stop.shorten(deadline, at.t);
        }
    }

    /// Sends TERM to containers that are to be removed; KILL follows at the deadline.
    pub(super) fn stop_removed(&mut self, at: Stamp, d: &mut Decision) {
        let leaving = |(name, run): (&String, &Run)| Some((name.clone(), run.removal.filter(|_| run.live)?));
        let leaving: Vec<(String, Removal)> = self.runs.iter().filter_map(leaving).collect();
        for (name, Removal { grace_ms }) in leaving {
            let deadline = self.grace_deadline(at.t, grace_ms);
            self.stop_container(&name, deadline, true, at, d);
        }
    }

    /// Removes containers from the pod whose removal was requested and of which no process is left.
    pub(super) fn forget_removed(&mut self, d: &mut Decision) {
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

    /// Whether the pid namespace exists that the container is to join; the container waits for it.
    pub(super) fn target_runs(&self, name: &str) -> bool {
        match self.spec.pid_namespace(name) {
            PidNamespace::Of(target) => self.runs.get(target).is_some_and(|run| run.running && !run.ending),
            PidNamespace::Node | PidNamespace::Pod | PidNamespace::Own => true,
        }
    }
}
