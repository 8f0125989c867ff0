//! The pods of `podscope run`: which were asked for, which have come up, and which have ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::output::Failure;
use crate::model::{Phase, PodUid, World};
use crate::script::pod_ready;

/// The pods that the lab was asked to run.
#[derive(Debug, Default)]
pub struct RequestedPods {
    /// How many are not started yet.
    pending: usize,
    /// The names of those that were started.
    started: BTreeMap<PodUid, String>,
    /// Those that have been ready at least once.
    came_up: BTreeSet<PodUid>,
}

impl RequestedPods {
    pub const fn request(&mut self, n: usize) {
        self.pending += n;
    }

    /// Whether all requested pods were started.
    pub const fn is_complete(&self) -> bool {
        self.pending == 0
    }

    pub fn add(&mut self, uid: PodUid, name: String) {
        self.pending = self.pending.saturating_sub(1);
        self.started.insert(uid, name);
    }

    /// Notes which pods are ready now.
    pub fn update(&mut self, world: &World) {
        for uid in self.started.keys() {
            if !self.came_up.contains(uid) && world.pod(uid).is_some_and(|pod| pod_ready(world, pod).is_ok()) {
                self.came_up.insert(uid.clone());
            }
        }
    }

    /// Whether every pod has finished or is removed.
    pub fn have_all_ended(&self, world: &World) -> bool {
        self.pending == 0
            && self.started.keys().all(|uid| match world.pod(uid) {
                Some(pod) => matches!(pod.phase, Phase::Succeeded | Phase::Failed),
                None => self.came_up.contains(uid),
            })
    }

    /// # Errors
    /// A pod has never been ready.
    pub fn check_all_came_up(&self, world: &World) -> Result<(), Failure> {
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
