//! What the kernel tells of a namespace by its descriptor: who it is, its owner and its parent (`ioctl_nsfs(2)`).

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sys::stat::fstat;

use super::namespaces::Nsfs;
use super::reconcile::RawNs;
use crate::model::NsKind;
use crate::sys::nsfs;

/// Device number of nsfs, the same for all namespaces.
pub fn nsfs_device() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self/ns/user").map_or(0, |m| m.dev())
}

/// Who the namespace behind this descriptor is.
pub fn identify(fd: &OwnedFd) -> Option<Nsfs> {
    // before Linux 6.18 only mount namespaces have a unique number
    let unique = nsfs::unique_id(fd).or_else(|_| nsfs::mount_namespace_id(fd));
    Some(Nsfs { ino: fstat(fd.as_fd()).ok()?.st_ino, unique: unique.ok() })
}

/// The namespace behind `fd`, and all above it that are not `known`.
pub fn describe(fd: &OwnedFd, kind: NsKind, known: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs> {
    let mut found = Vec::new();
    add(fd, kind, known, &mut found, 0);
    found
}

fn add(fd: &OwnedFd, kind: NsKind, known: &dyn Fn(NsKind, Nsfs) -> bool, found: &mut Vec<RawNs>, depth: u32) {
    /// Pid and user namespaces are never nested deeper (`MAX_PID_NS_LEVEL`, `user_namespaces(7)`).
    const DEEPEST: u32 = 34;
    let Some(ns) = identify(fd) else { return };
    if depth > DEEPEST || found.iter().any(|raw| raw.ns == ns) {
        return;
    }
    let owner = nsfs::owner(fd).ok();
    let parent = if matches!(kind, NsKind::Pid | NsKind::User) { nsfs::parent(fd).ok() } else { None };
    let above =
        [(owner, NsKind::User), (parent, kind)].map(|(fd, kind)| fd.and_then(|fd| Some((identify(&fd)?, fd, kind))));
    found.push(RawNs {
        kind,
        ns,
        owner_uid: if kind == NsKind::User { nsfs::owner_uid(fd).ok() } else { None },
        owner: above[0].as_ref().map(|(ns, ..)| *ns),
        parent: above[1].as_ref().map(|(ns, ..)| *ns),
    });
    for (ns, fd, kind) in above.into_iter().flatten() {
        if !known(kind, ns) {
            add(&fd, kind, known, found, depth + 1);
        }
    }
}
