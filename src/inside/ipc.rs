//! What is in an IPC namespace, which the helper joins: `/proc/sysvipc` shows that of its reader (`proc_sysvipc(5)`).

use std::collections::BTreeMap;
use std::fs;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::entry::Entry;
use super::finding;
use super::process::attached_memory;
use super::request::Target;
use crate::model::inside::{Bounded, IpcContent, MessageQueue, PosixQueue, SemaphoreSet, SharedMemory};
use crate::model::{Finding, NsKind, ProcId};
use crate::observe::Unread;

/// Of each kind.
const MAX_OBJECTS: usize = 256;
/// `SHM_DEST` of include/linux/shm.h, in the mode of a segment.
const SHM_DEST: u32 = 0o1000;
/// Any directory that every machine has: there the helper mounts the queues, in a mount namespace of its own.
const QUEUES: &str = "/sys";

pub fn read(entry: &mut Entry, process: ProcId, target: &Target) -> IpcContent {
    let joined = entry.join(process, NsKind::Ipc, target.ino);
    let text = |name: &str| {
        joined?;
        Ok::<_, Unread>(fs::read_to_string(format!("/proc/sysvipc/{name}"))?)
    };
    let mut shared_memory = finding(text("shm")).map(|text| segments(&text));
    if let Finding::Known(all) = &mut shared_memory {
        add_attached(&mut all.items, &target.processes);
    }
    IpcContent {
        shared_memory,
        semaphores: finding(text("sem")).map(|text| semaphore_sets(&text)),
        queues: finding(text("msg")).map(|text| message_queues(&text)),
        posix_queues: finding(joined.and_then(|()| posix_queues())),
    }
}

/// The segments in `/proc/sysvipc/shm`.
pub fn segments(text: &str) -> Bounded<SharedMemory> {
    Bounded::of(rows(text).filter_map(|row| segment(&row)), MAX_OBJECTS)
}

/// The sets in `/proc/sysvipc/sem`.
pub fn semaphore_sets(text: &str) -> Bounded<SemaphoreSet> {
    Bounded::of(rows(text).filter_map(|row| semaphores(&row)), MAX_OBJECTS)
}

/// The queues in `/proc/sysvipc/msg`.
pub fn message_queues(text: &str) -> Bounded<MessageQueue> {
    Bounded::of(rows(text).filter_map(|row| queue(&row)), MAX_OBJECTS)
}

/// The words of each line below the heads.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split_ascii_whitespace().collect())
}

fn number<T: std::str::FromStr>(row: &[&str], at: usize) -> Option<T> {
    row.get(at)?.parse().ok()
}

fn mode(row: &[&str], at: usize) -> Option<u32> {
    u32::from_str_radix(row.get(at)?, 8).ok()
}

/// `key shmid perms size cpid lpid nattch uid …` (`sysvipc_shm_proc_show` in ipc/shm.c).
fn segment(row: &[&str]) -> Option<SharedMemory> {
    let mode = mode(row, 2)?;
    Some(SharedMemory {
        id: number(row, 1)?,
        key: number(row, 0)?,
        bytes: number(row, 3)?,
        mode: mode & 0o777,
        is_removed: mode & SHM_DEST != 0,
        attached: number(row, 6)?,
        creator_pid: number(row, 4)?,
        attached_by: Vec::new(),
    })
}

/// `key semid perms nsems uid …` (`sysvipc_sem_proc_show` in ipc/sem.c).
fn semaphores(row: &[&str]) -> Option<SemaphoreSet> {
    Some(SemaphoreSet { id: number(row, 1)?, key: number(row, 0)?, count: number(row, 3)?, mode: mode(row, 2)? })
}

/// `key msqid perms cbytes qnum …` (`sysvipc_msg_proc_show` in ipc/msg.c).
fn queue(row: &[&str]) -> Option<MessageQueue> {
    Some(MessageQueue {
        id: number(row, 1)?,
        key: number(row, 0)?,
        messages: number(row, 4)?,
        bytes: number(row, 3)?,
        mode: mode(row, 2)?,
    })
}

/// Adds which processes have each segment attached.
fn add_attached(segments: &mut [SharedMemory], processes: &[ProcId]) {
    if segments.iter().all(|segment| segment.attached == 0) {
        return;
    }
    let mut by_segment: BTreeMap<(i32, i32), Vec<ProcId>> = BTreeMap::new();
    let mut processes = processes.to_vec();
    processes.sort_unstable();
    for process in processes {
        for segment in attached_memory(process).unwrap_or_default() {
            by_segment.entry(segment).or_default().push(process);
        }
    }
    for segment in segments {
        segment.attached_by = by_segment.remove(&(segment.id, segment.key)).unwrap_or_default();
    }
}

/// The POSIX queues are the files of a file system. The helper mounts it where nobody else sees it.
fn posix_queues() -> Result<Bounded<PosixQueue>, Unread> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // what is mounted here must not appear elsewhere
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("mqueue"), QUEUES, Some("mqueue"), flags, None::<&str>).map_err(|e| match e {
        // the kernel is built without them (CONFIG_POSIX_MQUEUE)
        Errno::ENODEV => Errno::ENOENT,
        e => e,
    })?;
    let mut names: Vec<_> = fs::read_dir(QUEUES)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort_unstable();
    Ok(Bounded::of(names, MAX_OBJECTS).map(|name| PosixQueue {
        bytes: fs::read_to_string(std::path::Path::new(QUEUES).join(&name)).ok().and_then(|text| queue_bytes(&text)),
        name: format!("/{}", name.to_string_lossy()),
    }))
}

/// `QSIZE:129 NOTIFY:2 SIGNO:0 NOTIFY_PID:8260` (`mq_overview(7)`).
pub fn queue_bytes(text: &str) -> Option<u64> {
    text.strip_prefix("QSIZE:")?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_parsed() {
        let shm = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime\n \
                   748618629          4  1644                  4096  9565  9566      2     0     0     0     0          0\n \
                   -1 x\n";
        let all = segments(shm).items;
        let expected = SharedMemory {
            id: 4,
            key: 748_618_629,
            bytes: 4096,
            mode: 0o644,
            is_removed: true,
            attached: 2,
            creator_pid: 9565,
            attached_by: Vec::new(),
        };
        assert_eq!(all, [expected]);
        let sem = "       key      semid perms      nsems   uid\n         0          1   600          3     0\n";
        let sets = semaphore_sets(sem).items;
        assert_eq!(sets, [SemaphoreSet { id: 1, key: 0, count: 3, mode: 0o600 }]);
        let msg = "       key      msqid perms      cbytes       qnum lspid\n        -5          2   666         129          7     1\n";
        let queues = message_queues(msg).items;
        assert_eq!(queues, [MessageQueue { id: 2, key: -5, messages: 7, bytes: 129, mode: 0o666 }]);
        assert_eq!(queue_bytes("QSIZE:129        NOTIFY:2     SIGNO:0 "), Some(129));
        assert_eq!(queue_bytes("x"), None);
    }
}
