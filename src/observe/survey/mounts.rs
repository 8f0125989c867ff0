//! Bind mounts of namespaces, in every mount namespace: by `/proc/PID/mountinfo` where a process is in it, and by
//! `statmount(2)` where none is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use nix::errno::Errno;

use super::parallel;
use super::seen::{Sighting, count};
use crate::model::{Looked, NsKind};
use crate::observe::proc::Unread;
use crate::observe::proc::parse::{inode, namespace};
use crate::procfs;
use crate::sys::mount_list;

/// How many processes of a mount namespace are tried.
const TRIES: usize = 3;

#[derive(Debug, Default)]
pub struct Mounts {
    pub found: Vec<NamespaceMount>,
    pub looked: Looked,
    /// Mount namespaces that no process is in.
    empty: BTreeSet<u64>,
}

/// A bind mount of a namespace.
#[derive(Debug)]
pub struct NamespaceMount {
    pub kind: NsKind,
    pub ino: u64,
    /// Inode number of the mount namespace that it is in.
    pub inside: u64,
    pub id: u64,
    /// From the root of `viewer`, or else of the mount namespace.
    pub point: PathBuf,
    /// A process in the mount namespace, if there is one.
    pub viewer: Option<u32>,
}

/// Reads the mounts of every mount namespace that a process or a thread is in.
pub fn read(processes: &[Sighting]) -> Mounts {
    let mut viewers: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut others: BTreeSet<u64> = BTreeSet::new();
    for sighting in processes {
        let Ok(reading) = &sighting.reading else { continue };
        if let Some(ino) = reading.links[NsKind::Mnt as usize] {
            viewers.entry(ino).or_default().push(sighting.pid);
        }
        for thread in sighting.threads.iter().filter(|ns| ns.kind == NsKind::Mnt) {
            // a thread has files of its own in /proc, as a process has
            viewers.entry(thread.ino).or_default().push(thread.tid);
        }
        others.extend(sighting.files.iter().filter(|ns| ns.kind == NsKind::Mnt).map(|ns| ns.ino));
    }
    let namespaces: Vec<(u64, Vec<u32>)> = viewers
        .into_iter()
        .map(|(ino, mut pids)| {
            // the oldest process has most often the root of the namespace as its own
            pids.sort_unstable();
            pids.truncate(TRIES);
            (ino, pids)
        })
        .collect();
    let mut mounts = Mounts::default();
    for (ino, read) in parallel::map(&namespaces, 4, || (), |(), (ino, pids)| (*ino, first_readable(*ino, pids))) {
        others.remove(&ino);
        count(&mut mounts.looked, read.as_ref().map(|_| ()).map_err(|why| *why));
        mounts.found.extend(read.into_iter().flatten());
    }
    let of_mounts = mounts.found.iter().filter(|mount| mount.kind == NsKind::Mnt).map(|mount| mount.ino);
    others.extend(of_mounts.filter(|ino| namespaces.binary_search_by_key(ino, |(ino, _)| *ino).is_err()));
    mounts.empty = others;
    mounts
}

impl Mounts {
    /// Reads the mounts of the namespaces without a process. `unique` gives the unique number of one. Returns the
    /// index of the first mount that was added.
    pub fn read_empty(&mut self, unique: impl Fn(u64) -> Option<u64>) -> usize {
        let before = self.found.len();
        for inside in std::mem::take(&mut self.empty) {
            let read = unique(inside).ok_or(Unread::Failed(Errno::ENOSYS)).and_then(|unique| of_empty(inside, unique));
            count(&mut self.looked, read.as_ref().map(|_| ()).map_err(|why| *why));
            self.found.extend(read.into_iter().flatten());
        }
        before
    }
}

fn of_empty(inside: u64, unique: u64) -> Result<Vec<NamespaceMount>, Unread> {
    let may_not = |e: Errno| match e {
        // so says the kernel without the permission
        Errno::ENOENT => Unread::Denied,
        e => e.into(),
    };
    let mut found = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    let mut ids = [0; 256];
    let mut last = 0;
    loop {
        let more = mount_list::list(unique, last, &mut ids).map_err(may_not)?;
        let Some(end) = more.last() else { return Ok(found) };
        last = *end;
        for id in more {
            // one that is unmounted meanwhile
            let Ok(mount) = mount_list::stat(unique, *id, &mut buffer) else { continue };
            if mount.fs_type == b"nsfs"
                && let Some((kind, ino)) = namespace(&mount.root)
            {
                let point = OsString::from_vec(mount.point).into();
                found.push(NamespaceMount { kind, ino, inside, id: mount.id.into(), point, viewer: None });
            }
        }
    }
}

fn first_readable(inside: u64, pids: &[u32]) -> Result<Vec<NamespaceMount>, Unread> {
    let mut last = Err(Unread::Gone);
    for pid in pids {
        last = of_process(inside, *pid);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn of_process(inside: u64, viewer: u32) -> Result<Vec<NamespaceMount>, Unread> {
    let text = fs::read(format!("/proc/{viewer}/mountinfo"))?;
    // it may have gone elsewhere meanwhile
    let link = fs::read_link(format!("/proc/{viewer}/ns/mnt"))?;
    if inode(link.as_os_str().as_bytes()) != Some(inside) {
        return Err(Unread::Gone);
    }
    Ok(in_text(&text, inside, viewer))
}

fn in_text(text: &[u8], inside: u64, viewer: u32) -> Vec<NamespaceMount> {
    // only few of the lines are worth parsing
    let lines = text.split(|byte| *byte == b'\n').filter(|line| contains(line, b" - nsfs "));
    let mounts = lines.flat_map(procfs::mounts).filter(|mount| mount.fs_type == "nsfs");
    let of_namespaces = mounts.filter_map(|mount| {
        let (kind, ino) = namespace(mount.root.as_os_str().as_bytes())?;
        Some(NamespaceMount { kind, ino, inside, id: mount.id, point: mount.point, viewer: Some(viewer) })
    });
    of_namespaces.collect()
}

fn contains(line: &[u8], words: &[u8]) -> bool {
    line.windows(words.len()).any(|window| window == words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_namespaces_are_found() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
                    91 22 0:4 net:[4026532177] /run/netns/x\\040- rw shared:1 - nsfs nsfs rw\n\
                    92 22 0:4 mnt:[4026532178] /run/m rw - nsfs nsfs rw\n\
                    93 22 0:5 net:[4026532178] /run/\\040-\\040nsfs\\040x rw - tmpfs none rw\n\
                    94 22 0:4 pidfd:[7] /run/p rw - nsfs nsfs rw\n";
        let found: Vec<_> = in_text(text, 7, 12).into_iter().map(|m| (m.kind, m.ino, m.id, m.point)).collect();
        let expected = [
            (NsKind::Net, 4_026_532_177, 91, PathBuf::from("/run/netns/x -")),
            (NsKind::Mnt, 4_026_532_178, 92, PathBuf::from("/run/m")),
        ];
        assert_eq!(found, expected);
    }
}
