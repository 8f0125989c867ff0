//! Checks for ConfigMaps and Secrets that a pod needs and that do not exist.

use super::{Decision, PodState};
use crate::model::{ContainerState, EventReason, Stamp, WaitingReason};

impl PodState {
    /// Whether the volumes can be mounted. If not, reports the reasons once: only another manifest can change them.
    pub(super) fn can_mount_volumes(&mut self, at: Stamp, d: &mut Decision) -> bool {
        let why: Vec<String> = self.spec.mount_errors().collect();
        if self.mount_errors != why {
            for message in &why {
                self.warning(d, EventReason::FailedMount, message.clone(), at);
            }
            self.mount_errors = why;
        }
        self.mount_errors.is_empty()
    }

    /// Whether the container's environment can be built. If not, reports the reason once, and waits for another
    /// manifest.
    pub(super) fn can_build_environment(&mut self, name: &str, at: Stamp, d: &mut Decision) -> bool {
        let Some(why) = self.spec.container(name).and_then(|c| c.config_error(&self.spec.namespace)) else {
            return true;
        };
        let Some(run) = self.runs.get_mut(name) else { return false };
        if !std::mem::replace(&mut run.cannot_start, true) {
            self.warning(d, EventReason::Failed, format!("Error: {why}"), at);
            self.set_state(name, ContainerState::waiting(WaitingReason::CreateContainerConfigError, Some(why)));
        }
        false
    }
}
