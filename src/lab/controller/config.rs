//! What a pod waits for: ConfigMaps and Secrets that are not there.

use super::{Decision, PodState};
use crate::model::{ContainerState, Stamp};

impl PodState {
    /// Whether its volumes can be made; if not, it says why, once: another manifest alone changes it.
    pub(super) fn mountable(&mut self, at: Stamp, d: &mut Decision) -> bool {
        let why: Vec<String> = self.spec.unmountable().collect();
        if self.unmountable != why {
            for message in &why {
                self.warning(d, "FailedMount", message.clone(), at);
            }
            self.unmountable = why;
        }
        self.unmountable.is_empty()
    }

    /// Whether its environment can be made; if not, it says why, once, and waits for another manifest.
    pub(super) fn configured(&mut self, name: &str, at: Stamp, d: &mut Decision) -> bool {
        let Some(why) = self.spec.container(name).and_then(|c| c.config_error(&self.spec.namespace)) else {
            return true;
        };
        let Some(run) = self.runs.get_mut(name) else { return false };
        if !std::mem::replace(&mut run.cannot_start, true) {
            self.warning(d, "Failed", format!("Error: {why}"), at);
            let reason = "CreateContainerConfigError".to_owned();
            self.set_state(name, ContainerState::Waiting { reason, message: Some(why) });
        }
        false
    }
}
