//! The pods that were asked for, as far as the World does not show them yet.

use std::collections::BTreeMap;

use crate::model::{PodUid, World};

/// What `wait ready` waits for besides the pods of the World: the lab takes a pod first and tells of it later.
#[derive(Clone, Debug, Default)]
pub struct Requested {
    /// By uid: their names.
    unseen: BTreeMap<PodUid, String>,
    /// Manifests whose pods are being started.
    pending: usize,
    /// Why one could not be started.
    failed: Option<String>,
}

impl Requested {
    /// The pods of a manifest are about to be started.
    pub const fn begin(&mut self) {
        self.pending += 1;
    }

    /// They are started, or one of them cannot be.
    pub fn end(&mut self, done: Result<(), String>) {
        self.pending = self.pending.saturating_sub(1);
        if let Err(why) = done {
            self.failed = Some(why);
        }
    }

    /// The lab has taken this pod.
    pub fn pod(&mut self, uid: PodUid, name: String) {
        self.unseen.insert(uid, name);
    }

    /// Forgets those that the World shows: what becomes of them, it shows as well.
    pub fn look(&mut self, world: &World) {
        self.unseen.retain(|uid, _| world.pod(uid).is_none());
    }

    /// `Err` says what is still to come.
    pub fn all_seen(&self) -> Result<(), String> {
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        if let Some(name) = self.unseen.values().next() {
            return Err(format!("pod {name} is not there yet"));
        }
        if self.pending > 0 { Err("not all pods have been started yet".into()) } else { Ok(()) }
    }
}
