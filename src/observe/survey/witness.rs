//! Opens each namespace that was found, by whatever leads to it, and asks the kernel about it.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};

use super::ByInode;
use super::mounts::Mounts;
use super::net_id::NetIds;
use super::seen::{NetOfSocket, Sighting};
use crate::model::{NetNsId, NsKind};
use crate::observe::hierarchy;
use crate::observe::namespaces::Nsfs;
use crate::observe::reconcile::RawNs;
use crate::sys::{nsfs, pidfd};

/// Something that leads to a namespace.
#[derive(Debug)]
enum Witness<'a> {
    /// A process or a thread, and the name of its link.
    Link(u32, &'static str),
    File {
        pid: u32,
        fd: u32,
    },
    Socket {
        pid: u32,
        fd: u32,
    },
    Mount {
        viewer: u32,
        point: &'a Path,
    },
}

/// How many witnesses of a namespace are kept. One may be gone before it is asked.
const WITNESSES: usize = 3;

/// All namespaces, with what the kernel tells of them.
#[derive(Debug, Default)]
pub struct Found {
    pub all: ByInode<Description>,
    /// Unique numbers that the kernel lists and that nothing we see leads to. `None` if it does not list them.
    pub unreached: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// `None` if nothing that led to it was there any more.
    pub raw: Option<RawNs>,
    pub net: Option<NetNsId>,
}

impl Found {
    pub fn describe(processes: &[Sighting], mounts: &mut Mounts, dev: u64) -> Self {
        let mut found = Self::default();
        let net_ids = NetIds::open();
        for ((kind, ino), witnesses) in &witnesses(processes, mounts) {
            let fd = witnesses.iter().find_map(|witness| witness.open(*ino, dev));
            found.add(*kind, *ino, fd.as_ref(), &net_ids);
        }
        found.add_numbers(processes);
        found.add_sockets(processes, &net_ids);
        found.add_empty(mounts);
        found.count_unreached();
        found
    }

    /// Namespaces that are mounted only in mount namespaces without a process. Nothing opens them.
    fn add_empty(&mut self, mounts: &mut Mounts) {
        let first = mounts.read_empty(|ino| self.all.get(&(NsKind::Mnt, ino))?.raw?.ns.unique);
        for mount in &mounts.found[first..] {
            self.all.entry((mount.kind, mount.ino)).or_insert(Description { raw: None, net: None });
        }
    }

    fn add(&mut self, kind: NsKind, ino: u64, fd: Option<&OwnedFd>, net_ids: &NetIds) {
        let raws = fd.map_or_else(Vec::new, |fd| {
            let all = &self.all;
            hierarchy::describe(fd, kind, &|kind, ns| all.get(&(kind, ns.ino)).is_some_and(|d| d.raw.is_some()))
        });
        let net = fd.filter(|_| kind == NsKind::Net).and_then(|fd| net_ids.ask(fd));
        self.all.entry((kind, ino)).or_insert(Description { raw: None, net: None }).net = net;
        for raw in raws {
            let description = self.all.entry((raw.kind, raw.ns.ino)).or_insert(Description { raw: None, net: None });
            description.raw = Some(raw);
        }
    }

    /// What nothing could open, but whose number the reader of the threads tells: no link leads to a pid namespace that
    /// has no process yet.
    fn add_numbers(&mut self, processes: &[Sighting]) {
        for ns in processes.iter().flat_map(|sighting| &sighting.threads).filter(|ns| ns.unique.is_some()) {
            let number = Nsfs { ino: ns.ino, unique: ns.unique };
            if let Some(description) = self.all.get_mut(&(ns.kind, ns.ino)) {
                let known = RawNs { kind: ns.kind, ns: number, owner_uid: None, owner: None, parent: None };
                description.raw.get_or_insert(known);
            }
        }
    }

    /// Network namespaces that only sockets lead to.
    fn add_sockets(&mut self, processes: &[Sighting], net_ids: &NetIds) {
        let known = self.all.values().filter_map(|description| description.raw?.ns.unique);
        let mut known: BTreeSet<u64> = known.collect();
        for sighting in processes {
            for socket in &sighting.sockets {
                let is_new = match socket.net {
                    NetOfSocket::Unique(unique) => known.insert(unique),
                    NetOfSocket::Inode(ino) => !self.all.contains_key(&(NsKind::Net, ino)),
                };
                let witness = Witness::Socket { pid: sighting.pid, fd: socket.fd };
                if is_new
                    && let Some(fd) = witness.open_net()
                    && let Some(ns) = hierarchy::identify(&fd)
                    && socket.net.is(ns)
                {
                    self.add(NsKind::Net, ns.ino, Some(&fd), net_ids);
                }
            }
        }
    }

    fn count_unreached(&mut self) {
        let reached: BTreeSet<u64> = self.all.values().filter_map(|d| d.raw?.ns.unique).collect();
        let unreached = super::listed().map(|all| all.iter().filter(|unique| !reached.contains(unique)).count());
        self.unreached = unreached.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    }
}

fn witnesses<'a>(processes: &'a [Sighting], mounts: &'a Mounts) -> ByInode<Vec<Witness<'a>>> {
    let mut all: ByInode<Vec<Witness>> = ByInode::new();
    // returns whether there are enough
    let mut add = |kind, ino, witness| {
        let known = all.entry((kind, ino)).or_default();
        if known.len() < WITNESSES {
            known.push(witness);
        }
        known.len() == WITNESSES
    };
    // one process after another is in the same few namespaces: the last one of each kind that has enough witnesses
    let mut done = [None; 8];
    for sighting in processes {
        let Ok(reading) = &sighting.reading else { continue };
        for kind in NsKind::ALL {
            if let Some(ino) = reading.links[kind as usize]
                && done[kind as usize] != Some(ino)
                && add(kind, ino, Witness::Link(sighting.pid, kind.name()))
            {
                done[kind as usize] = Some(ino);
            }
        }
    }
    for sighting in processes {
        for ns in &sighting.threads {
            let link = match (ns.for_children, ns.kind) {
                (true, NsKind::Pid) => "pid_for_children",
                (true, _) => "time_for_children",
                (false, kind) => kind.name(),
            };
            add(ns.kind, ns.ino, Witness::Link(ns.tid, link));
        }
        for ns in &sighting.files {
            add(ns.kind, ns.ino, Witness::File { pid: sighting.pid, fd: ns.fd });
        }
    }
    for mount in &mounts.found {
        if let Some(viewer) = mount.viewer {
            add(mount.kind, mount.ino, Witness::Mount { viewer, point: &mount.point });
        }
    }
    all
}

impl Witness<'_> {
    /// Opens the namespace with this inode number, if it still leads there.
    fn open(&self, ino: u64, dev: u64) -> Option<OwnedFd> {
        let read = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let is_it = |fd: &OwnedFd| fstat(fd).is_ok_and(|stat| stat.st_ino == ino && stat.st_dev == dev);
        let fd = match self {
            Self::Link(pid, link) => open(format!("/proc/{pid}/ns/{link}").as_str(), read, Mode::empty()).ok()?,
            Self::Socket { .. } => self.open_net()?,
            Self::File { .. } | Self::Mount { .. } => {
                // another file may be there by now, and to open a FIFO or a device has consequences
                let path = open(&self.path()?, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
                if !is_it(&path) {
                    return None;
                }
                open(format!("/proc/self/fd/{}", path.as_raw_fd()).as_str(), read, Mode::empty()).ok()?
            }
        };
        is_it(&fd).then_some(fd)
    }

    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File { pid, fd } => Some(format!("/proc/{pid}/fd/{fd}").into()),
            Self::Mount { viewer, point } => {
                Some(Path::new(&format!("/proc/{viewer}/root")).join(point.strip_prefix("/").ok()?))
            }
            Self::Link(..) | Self::Socket { .. } => None,
        }
    }

    /// Opens the network namespace of a socket.
    fn open_net(&self) -> Option<OwnedFd> {
        let Self::Socket { pid, fd } = self else { return None };
        nsfs::of_socket(pidfd::copy_file(pidfd::open(*pid).ok()?, *fd).ok()?).ok()
    }
}
