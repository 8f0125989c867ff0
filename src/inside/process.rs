//! Files of processes: what they have open, what they have mapped, and where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;

use nix::fcntl::readlink;
use nix::sys::stat::stat;

use crate::model::{NsKind, ProcId};
use crate::observe::Unread;
use crate::procfs::Stat;

/// How many open files of one process are looked at.
const MAX_FILES: usize = 65_536;
/// How much of the memory map of one process is read.
const MAX_MAPS: u64 = 8 << 20;

/// Whether this very process is in the namespace with this number.
pub fn is_in(process: ProcId, kind: NsKind, ino: u64) -> Result<bool, Unread> {
    let found = stat(format!("/proc/{}/ns/{kind}", process.pid).as_str())?.st_ino;
    check(process)?;
    Ok(found == ino)
}

/// Checks that no other process has the pid by now.
fn check(process: ProcId) -> Result<(), Unread> {
    let stat = Stat::parse(&fs::read(format!("/proc/{}/stat", process.pid))?).ok_or(Unread::Gone)?;
    if stat.start == process.start { Ok(()) } else { Err(Unread::Gone) }
}

/// Which of these processes have which sockets open, by the sockets' inode numbers.
#[derive(Debug, Default)]
pub struct SocketOwners {
    owners: BTreeMap<u64, Vec<ProcId>>,
    /// The processes whose files may not be read.
    pub closed: Vec<ProcId>,
}

impl SocketOwners {
    /// Looks only for `wanted`.
    pub fn find(processes: &[ProcId], wanted: &BTreeSet<u64>) -> Self {
        let mut found = Self::default();
        let mut processes = processes.to_vec();
        processes.sort_unstable();
        for process in processes {
            match sockets(process, wanted) {
                Ok(sockets) => sockets.into_iter().for_each(|ino| found.owners.entry(ino).or_default().push(process)),
                // it has ended, and has no socket any more
                Err(Unread::Gone) => {}
                Err(Unread::Denied | Unread::Failed(_)) => found.closed.push(process),
            }
        }
        found
    }

    pub fn of(&self, inode: u64) -> Vec<ProcId> {
        self.owners.get(&inode).cloned().unwrap_or_default()
    }
}

fn sockets(process: ProcId, wanted: &BTreeSet<u64>) -> Result<BTreeSet<u64>, Unread> {
    let dir = format!("/proc/{}/fd", process.pid);
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&dir)?.take(MAX_FILES) {
        // closed meanwhile
        let Ok(link) = readlink(&entry?.path()) else { continue };
        let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        found.extend(inode.filter(|inode| wanted.contains(inode)));
    }
    check(process)?;
    Ok(found)
}

/// The ids of the System V shared memory that a process has attached, each with its key.
pub fn attached_memory(process: ProcId) -> Result<BTreeSet<(i32, i32)>, Unread> {
    let mut text = Vec::new();
    File::open(format!("/proc/{}/maps", process.pid))?.take(MAX_MAPS).read_to_end(&mut text)?;
    check(process)?;
    Ok(text.split(|byte| *byte == b'\n').filter_map(|line| segment(std::str::from_utf8(line).ok()?)).collect())
}

/// The id and the key in a line of `/proc/PID/maps` (`proc_pid_maps(5)`): the inode number of a segment is its id, and its
/// name has the key (`newseg` in ipc/shm.c).
pub fn segment(line: &str) -> Option<(i32, i32)> {
    let mut words = line.split_ascii_whitespace();
    let id = words.nth(4)?.parse().ok()?;
    let key = words.next()?.strip_prefix("/SYSV")?;
    Some((id, u32::from_str_radix(key, 16).ok()?.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_found_in_a_memory_map() {
        let line = "7f0c5d400000-7f0c5d401000 rw-s 00000000 00:01 32769                      /SYSV2c9f1e45 (deleted)";
        assert_eq!(segment(line), Some((32769, 0x2c9f_1e45)));
        assert_eq!(segment("7f-80 rw-s 00000000 00:01 3 /SYSVffffffff (deleted)"), Some((3, -1)));
        assert_eq!(segment("7f-80 r-xp 00000000 fe:00 1234 /usr/bin/cat"), None);
        assert_eq!(segment("7f-80 rw-p 00000000 00:00 0"), None);
        assert_eq!(segment(""), None);
    }

    #[test]
    fn another_process_with_the_same_pid_is_not_it() {
        let pid = std::process::id();
        let start = Stat::parse(&fs::read("/proc/self/stat").expect("ours")).expect("whole").start;
        let ino = stat("/proc/self/ns/net").expect("a link").st_ino;
        assert_eq!(is_in(ProcId { pid, start }, NsKind::Net, ino), Ok(true));
        assert_eq!(is_in(ProcId { pid, start }, NsKind::Net, ino + 1), Ok(false));
        assert_eq!(is_in(ProcId { pid, start: start + 1 }, NsKind::Net, ino), Err(Unread::Gone));
    }
}
