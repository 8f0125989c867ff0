//! What is in an IPC namespace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bounded, Finding};
use crate::model::ProcId;

/// By id; POSIX queues by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IpcContent {
    /// System V shared memory (`/proc/sysvipc/shm`).
    pub shared_memory: Finding<Bounded<SharedMemory>>,
    /// System V semaphores (`/proc/sysvipc/sem`).
    pub semaphores: Finding<Bounded<SemaphoreSet>>,
    /// System V message queues (`/proc/sysvipc/msg`).
    pub queues: Finding<Bounded<MessageQueue>>,
    /// POSIX message queues (`mq_overview(7)`).
    pub posix_queues: Finding<Bounded<PosixQueue>>,
}

/// A segment of System V shared memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedMemory {
    pub id: i32,
    /// 0 for `IPC_PRIVATE`.
    pub key: i32,
    pub bytes: u64,
    /// Its permissions.
    pub mode: u32,
    /// It is removed once nobody is attached any more (`SHM_DEST`).
    pub is_removed: bool,
    /// How many times it is attached.
    pub attached: u32,
    /// The pid of its creator, which may have ended; 0 if it cannot be seen from here.
    pub creator_pid: u32,
    /// The processes in the namespace that have it attached, by pid, of those whose memory maps may be read.
    pub attached_by: Vec<ProcId>,
}

/// A set of System V semaphores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SemaphoreSet {
    pub id: i32,
    /// 0 for `IPC_PRIVATE`.
    pub key: i32,
    /// How many semaphores it has.
    pub count: u32,
    pub mode: u32,
}

/// A System V message queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageQueue {
    pub id: i32,
    /// 0 for `IPC_PRIVATE`.
    pub key: i32,
    pub messages: u64,
    pub bytes: u64,
    pub mode: u32,
}

/// A POSIX message queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PosixQueue {
    /// With its `/`.
    pub name: String,
    /// What its messages have together; null if it may not be read.
    pub bytes: Option<u64>,
}
