//! Requested pods that the World does not show yet.

use std::collections::BTreeMap;

use crate::model::{PodUid, World};

/// The pods that `wait ready` waits for besides those of the World. The lab accepts a pod first and reports it later.
#[derive(Clone, Debug, Default)]
pub struct Requested {
    /// Names by uid.
    unseen: BTreeMap<PodUid, String>,
    /// How many manifests are being started.
    pending: usize,
    /// Why a manifest could not be started.
    failed: Option<String>,
}

impl Requested {
    /// Call before the pods of a manifest are started.
    pub const fn expect_manifest(&mut self) {
        self.pending += 1;
    }

    /// Call when they are started, or one of them could not be started.
    pub fn manifest_done(&mut self, done: Result<(), String>) {
        self.pending = self.pending.saturating_sub(1);
        if let Err(why) = done {
            self.failed = Some(why);
        }
    }

    /// Call when the lab has accepted this pod.
    pub fn add_pod(&mut self, uid: PodUid, name: String) {
        self.unseen.insert(uid, name);
    }

    /// Forgets the pods that the World shows: from now on it shows their state too.
    pub fn forget_seen(&mut self, world: &World) {
        self.unseen.retain(|uid, _| world.pod(uid).is_none());
    }

    /// # Errors
    /// Which pod the World does not show yet.
    pub fn check_all_seen(&self) -> Result<(), String> {
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        if let Some(name) = self.unseen.values().next() {
            return Err(format!("pod {name} is not there yet"));
        }
        if self.pending > 0 { Err("not all pods have been started yet".into()) } else { Ok(()) }
    }
}
