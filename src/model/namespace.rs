//! Namespaces, their owners and parents.

use serde::{Deserialize, Serialize};

use super::NsId;

/// What is known about one namespace besides its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub id: NsId,
    /// Uid of the creator of a user namespace (`NS_GET_OWNER_UID`, `ioctl_nsfs(2)`), in the observer's
    /// user namespace.
    pub owner_uid: Option<u32>,
    /// The user namespace that owns it (`NS_GET_USERNS`).
    pub owner: Option<NsId>,
    /// The parent of a pid or user namespace (`NS_GET_PARENT`).
    pub parent: Option<NsId>,
}

impl Namespace {
    pub const fn new(id: NsId) -> Self {
        Self { id, owner_uid: None, owner: None, parent: None }
    }
}
