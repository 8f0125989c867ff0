//! What the helper is asked for.

use serde::{Deserialize, Serialize};

use crate::model::{NsKind, ProcId};

/// The namespaces of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The process that leads to them.
    pub witness: ProcId,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub kind: NsKind,
    /// The inode number by which it is recognized.
    pub ino: u64,
    /// The processes in it whose open files, memory maps or cgroups are looked at.
    pub processes: Vec<ProcId>,
}
