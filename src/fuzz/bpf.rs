//! Records of our BPF programs. They run in the kernel, but a record may be cut off, and names in it are those of
//! processes.

use crate::observe::bpf::Happening;
use crate::observe::bpf::record::{Task, event, holders, tasks};

/// The records of both iterators, and of the ring buffer.
pub fn bpf_records(bytes: &[u8]) {
    let check = |task: &Task| {
        assert!(!task.pids.is_empty() && task.comm.chars().count() <= 16 && !task.comm.contains('\0'), "{task:?}");
    };
    if let Some(all) = tasks(bytes) {
        assert!(all.len() * 276 <= bytes.len(), "{} in {} bytes", all.len(), bytes.len());
        all.iter().for_each(check);
        // one that is cut off is not read
        assert!(bytes.is_empty() || tasks(&bytes[..bytes.len() - 1]).is_none());
    }
    if let Some(all) = holders(bytes) {
        assert_eq!(all.len() * 48, bytes.len());
    }
    match event(bytes).map(|event| event.happening) {
        Some(
            Happening::Fork(task)
            | Happening::Exec { task, .. }
            | Happening::Exit { task, .. }
            | Happening::Setns(task)
            | Happening::Unshare(task)
            | Happening::CgroupMove { task, .. },
        ) => check(&task),
        Some(Happening::Signal(_) | Happening::OomKill { .. }) | None => {}
    }
}
