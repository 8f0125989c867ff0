//! The pods of `podscope run`: which were asked for, which have come up, and which have ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::output::Failure;
use crate::engine::ReadPod;
use crate::model::{Phase, PodUid, World};
use crate::script::pod_ready;

/// The pods that the lab was asked to run.
#[derive(Debug, Default)]
pub struct RequestedPods {
    /// The names of those that are not started yet.
    pending: BTreeSet<String>,
    /// The names of those that were started.
    started: BTreeMap<PodUid, String>,
    /// Those that have been ready at least once.
    came_up: BTreeSet<PodUid>,
}

impl RequestedPods {
    pub fn request(&mut self, pods: &[ReadPod]) {
        self.pending.extend(pods.iter().map(|pod| pod.from.spec.name.clone()));
    }

    /// Whether all requested pods were started.
    pub fn is_complete(&self) -> bool {
        self.pending.is_empty()
    }

    /// A pod could not be started, which was reported.
    pub fn give_up(&mut self, name: &str) {
        self.pending.remove(name);
    }

    pub fn add(&mut self, uid: PodUid, name: String) {
        self.pending.remove(&name);
        self.started.insert(uid, name);
    }

    /// Notes which pods are ready now.
    pub fn update(&mut self, world: &World) {
        // also of those whose start has not been reported here yet
        for pod in world.pods.values() {
            if !self.came_up.contains(&pod.uid) && pod_ready(world, pod).is_ok() {
                self.came_up.insert(pod.uid.clone());
            }
        }
    }

    /// Whether every pod has finished or is removed.
    pub fn have_all_ended(&self, world: &World) -> bool {
        self.is_complete()
            && self.started.keys().all(|uid| match world.pod(uid) {
                Some(pod) => matches!(pod.phase, Phase::Succeeded | Phase::Failed),
                None => self.came_up.contains(uid),
            })
    }

    /// # Errors
    /// A pod has never been ready.
    pub fn check_all_came_up(&self, world: &World) -> Result<(), Failure> {
        if let Some(name) = self.pending.first() {
            return Err(Failure::Failed(format!("pod {name} did not come up: it was not started yet")));
        }
        let Some((uid, name)) = self.started.iter().find(|(uid, _)| !self.came_up.contains(uid)) else {
            return Ok(());
        };
        let why = match world.pod(uid) {
            Some(pod) => pod_ready(world, pod).err().unwrap_or_default(),
            None => "it is gone".into(),
        };
        Err(Failure::Failed(format!("pod {name} did not come up: {why}")))
    }
}
