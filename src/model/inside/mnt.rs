//! What is in a mount namespace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bounded, Finding};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MntContent {
    /// In the kernel's order: of two at one place the later covers the earlier.
    pub mounts: Finding<Bounded<MountPoint>>,
}

/// A mount (`proc_pid_mountinfo(5)`). Bytes that are not UTF-8 are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MountPoint {
    pub id: u64,
    /// The numbers of the file system's device, such as `0:61`.
    pub device: String,
    /// What of the file system is mounted.
    pub root: String,
    /// Where, from the root of the process that was asked.
    pub point: String,
    /// Such as `tmpfs`.
    pub fs_type: String,
    /// What was given as the source: anything for a file system without a device.
    pub source: String,
    /// Nothing can be written through this mount.
    pub is_read_only: bool,
}

impl MountPoint {
    /// Whether both show the same files: the same part of the same file system.
    pub fn shows_same_files(&self, other: &Self) -> bool {
        self.device == other.device && self.root == other.root
    }
}

impl MntContent {
    /// The mount that shows its files at this place; `None` if nothing is mounted there.
    pub fn at(&self, point: &str) -> Option<&MountPoint> {
        self.mounts.known()?.items.iter().rfind(|mount| mount.point == point)
    }
}
