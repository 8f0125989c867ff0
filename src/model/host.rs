//! The machine that is observed.

use serde::{Deserialize, Serialize};

use super::{NsSet, WallAnchor};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `uname -r`.
    pub kernel: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    pub user: String,
    pub uid: u32,
    pub anchor: WallAnchor,
    /// The observer's own namespaces, which every view calls "the host's".
    pub namespaces: NsSet,
}
