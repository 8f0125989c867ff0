//! Tells when an engine or a container of one may have appeared, without looking again and again: the thread sleeps until
//! the kernel reports that something was created in one of few directories (`inotify(7)`).
//!
//! - An engine appears with its socket. Where the socket's directory is not there yet, the nearest one above it is
//!   watched.
//! - A container appears with its cgroup. This also finds containers of an engine that tells nothing, such as podman
//!   without its service. Directories that may hold containers' cgroups are watched as they appear.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::cgroup_path::levels_of_path;
use super::client::sockets;
use super::values::Socket;
use crate::procfs::own_mounts;
use crate::sys::thread::spawn;

/// The most directories of cgroups that are watched.
const MAX_GROUPS: usize = 512;
/// How far below the root of a hierarchy they are looked for.
const MAX_DEPTH: usize = 8;
/// Where systemd makes a directory for each user who logs in, in which engines of users put their sockets.
const USERS: &str = "/run/user";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appeared {
    /// Something is at the place of an engine's socket. It may not listen yet.
    Socket(Socket),
    /// The cgroup of a container. Its process may not be in it yet.
    Container,
}

/// What is watched.
pub struct Places {
    /// Where sockets of engines may be. Asked again when something has changed.
    pub sockets: Box<dyn Fn() -> Vec<Socket> + Send>,
    /// The roots of the hierarchies of cgroups.
    pub hierarchies: Vec<PathBuf>,
}

impl Places {
    pub fn of_machine() -> Self {
        let mounts = own_mounts().unwrap_or_default().into_iter();
        let hierarchies = mounts.filter(|mount| matches!(&*mount.fs_type, "cgroup" | "cgroup2"));
        Self { sockets: Box::new(sockets), hierarchies: hierarchies.map(|mount| mount.point).collect() }
    }
}

/// The thread that watches. It ends when this is dropped.
#[derive(Debug)]
pub struct Appearances {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Appearances {
    /// Calls `sink` with everything that appears from now on. It must not wait.
    ///
    /// # Errors
    /// The user has reached the limit of inotify instances (`fs.inotify.max_user_instances`) or of threads. A directory
    /// that may not be watched is left out.
    pub fn watch(places: Places, sink: Box<dyn Fn(Appeared) + Send>) -> io::Result<Self> {
        let mut watcher = Watcher {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            sockets: Vec::new(),
            present: BTreeSet::new(),
            directories: BTreeMap::new(),
            groups: BTreeMap::new(),
            places,
        };
        watcher.look_for_sockets();
        for root in watcher.places.hierarchies.clone() {
            watcher.add_group(&root, &root);
        }
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let stopped = Arc::clone(&stop);
        let run = move || {
            if let Err(e) = watcher.run(&stopped, &*sink) {
                tracing::warn!("engines that start later are not noticed: {e}");
            }
        };
        Ok(Self { stop, thread: Some(spawn("engine-watch", run).map_err(io::Error::other)?) })
    }
}

impl Drop for Appearances {
    fn drop(&mut self) {
        // fails only if it is set already
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watcher {
    inotify: Inotify,
    places: Places,
    /// Where sockets may be, as of the last look.
    sockets: Vec<Socket>,
    /// Those that were there.
    present: BTreeSet<Socket>,
    /// The directories that may get a socket, or a directory on the way to one, by watch descriptor.
    directories: BTreeMap<i32, PathBuf>,
    /// Directories of cgroups, each with the root of its hierarchy.
    groups: BTreeMap<i32, (PathBuf, PathBuf)>,
}

impl Watcher {
    fn run(mut self, stop: &EventFd, sink: &dyn Fn(Appeared)) -> nix::Result<()> {
        loop {
            let mut fds =
                [PollFd::new(stop.as_fd(), PollFlags::POLLIN), PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(e) => return Err(e),
            }
            let [stopped, has_events] = fds.map(|fd| fd.any().unwrap_or(false));
            if stopped {
                return Ok(());
            }
            if has_events {
                self.take_events()?.into_iter().for_each(sink);
            }
        }
    }

    fn take_events(&mut self) -> nix::Result<Vec<Appeared>> {
        let mut created: BTreeSet<PathBuf> = BTreeSet::new();
        let (mut has_container, mut has_lost) = (false, false);
        loop {
            let events = match self.inotify.read_events() {
                Ok(events) => events,
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => continue,
                Err(e) => return Err(e),
            };
            for event in events {
                let wd = event.wd.as_raw();
                has_lost |= event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    self.groups.remove(&wd);
                    if let Some(gone) = self.directories.remove(&wd) {
                        created.insert(gone);
                    }
                    continue;
                }
                let name = event.name.as_deref().unwrap_or(OsStr::new(""));
                if let Some((group, root)) = self.groups.get(&wd).cloned() {
                    has_container |= self.add_group(&group.join(name), &root);
                }
                if let Some(directory) = self.directories.get(&wd) {
                    created.insert(directory.join(name));
                }
            }
        }
        let mut appeared = Vec::new();
        let leads_to = |path: &Path| self.sockets.iter().any(|socket| socket.path.starts_with(path));
        if has_lost || created.iter().any(|path| path.starts_with(USERS) || leads_to(path)) {
            // one that was replaced is as good as a new one
            self.present.retain(|socket| !created.contains(&socket.path));
            appeared.extend(self.look_for_sockets().into_iter().map(Appeared::Socket));
        }
        appeared.extend((has_container || has_lost).then_some(Appeared::Container));
        Ok(appeared)
    }

    /// Watches where sockets may appear. Returns those that are new since the last look.
    fn look_for_sockets(&mut self) -> Vec<Socket> {
        self.sockets = (self.places.sockets)();
        self.watch_directory(Path::new(USERS));
        for socket in self.sockets.clone() {
            // what is created between the watch and the next step is seen in the next round
            while let Some(directory) = socket.path.ancestors().skip(1).find(|dir| dir.is_dir())
                && self.watch_directory(directory)
            {}
        }
        let present: BTreeSet<Socket> = self.sockets.iter().filter(|socket| socket.path.exists()).cloned().collect();
        let new = present.difference(&self.present).cloned().collect();
        self.present = present;
        new
    }

    /// Returns whether it was not watched before and is now.
    fn watch_directory(&mut self, directory: &Path) -> bool {
        let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ONLYDIR;
        match self.inotify.add_watch(directory, flags) {
            Ok(wd) => self.directories.insert(wd.as_raw(), directory.to_owned()).is_none(),
            // it is not there, or may not be read
            Err(_) => false,
        }
    }

    /// Watches a cgroup and those below it, if containers may be in it. Returns whether one of them is a container's.
    fn add_group(&mut self, group: &Path, root: &Path) -> bool {
        let below = group.strip_prefix(root).unwrap_or(Path::new(""));
        let depth = below.components().count();
        match role(&below.to_string_lossy()) {
            Role::Container => return true,
            Role::Parent if depth <= MAX_DEPTH && self.groups.len() < MAX_GROUPS => {}
            _ => return false,
        }
        let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ONLYDIR;
        let Ok(wd) = self.inotify.add_watch(group, flags) else { return false };
        if self.groups.insert(wd.as_raw(), (group.to_owned(), root.to_owned())).is_some() {
            return false;
        }
        let entries = fs::read_dir(group).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut has_container = false;
        for entry in directories {
            has_container |= self.add_group(&entry.path(), root);
        }
        has_container
    }
}

/// What a cgroup is to engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Container,
    /// Containers may be in it.
    Parent,
    Other,
}

/// By its path from the root of its hierarchy.
fn role(path: &str) -> Role {
    match levels_of_path(path).last() {
        Some(level) if level.container.is_some() => return Role::Container,
        // a pod's
        Some(_) => return Role::Parent,
        None => {}
    }
    let is_parent = |part: &str| {
        const NAMES: [&str; 12] = [
            "docker",
            "libpod_parent",
            "k8s.io",
            "default",
            "crio",
            "kubelet",
            "besteffort",
            "burstable",
            "machine.slice",
            "system.slice",
            "user.slice",
            "app.slice",
        ];
        // those of users by systemd: `user-1000.slice`, `user@1000.service`
        NAMES.contains(&part) || part.contains("kubepods") || part.starts_with("user-") || part.starts_with("user@")
    };
    if path.split('/').filter(|part| !part.is_empty()).all(is_parent) { Role::Parent } else { Role::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_each_engines_containers_is_watched() {
        let id = "207048a271173168ce60f46123a2ad517552742c18967a47f0b240caff146708";
        let uid = "0c90b7b1_7f2a_4e37_9d7e_0b7f7a1c9a11";
        for path in [
            format!("docker/{id}"),
            format!("system.slice/docker-{id}.scope"),
            format!("libpod_parent/libpod-{id}"),
            format!("libpod_parent/{id}/{}", id.replace('2', "3")),
            format!("machine.slice/libpod-{id}.scope"),
            format!("machine.slice/machine-libpod_pod_{id}.slice/libpod-{}.scope", id.replace('2', "3")),
            format!("user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"),
            format!("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{uid}.slice/crio-{id}.scope"),
            format!("kubepods/burstable/pod{}/{id}", uid.replace('_', "-")),
            format!("k8s.io/{id}"),
            "default/redis".to_owned(),
        ] {
            let parts: Vec<&str> = path.split('/').collect();
            for n in 0..parts.len() {
                assert_eq!(role(&parts[..n].join("/")), Role::Parent, "{n} of {path}");
            }
            assert_eq!(role(&path), Role::Container, "{path}");
        }
        for path in ["system.slice/ssh.service", "init.scope", "podscope-7", "user.slice/user-0.slice/session-3.scope"]
        {
            assert_eq!(role(path), Role::Other, "{path}");
        }
    }
}
