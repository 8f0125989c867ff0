//! What is mounted in a mount namespace.

use std::fs;
use std::path::Path;

use super::entry::Entry;
use super::finding;
use crate::model::inside::{Bounded, MntContent, MountPoint};
use crate::model::{NsKind, ProcId};
use crate::observe::Unread;
use crate::procfs::{Mount, mounts};

const MAX_MOUNTS: usize = 1_024;

/// The mounts that a process sees. They are read from outside: no path of the namespace is looked up.
pub fn read(entry: &mut Entry, process: ProcId) -> MntContent {
    let file = format!("/proc/{}/mountinfo", process.pid);
    let text = fs::read(&file).map_err(Unread::from).or_else(|why| match why {
        Unread::Denied => {
            entry.join_owner(process, NsKind::Mnt)?;
            Ok(fs::read(&file)?)
        }
        other => Err(other),
    });
    MntContent { mounts: finding(text).map(|text| Bounded::of(mounts(&text).map(mount_point), MAX_MOUNTS)) }
}

fn mount_point(mount: Mount) -> MountPoint {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    MountPoint {
        id: mount.id,
        device: mount.device,
        root: text(&mount.root),
        point: text(&mount.point),
        fs_type: mount.fs_type,
        source: mount.source,
        is_read_only: mount.is_read_only,
    }
}
