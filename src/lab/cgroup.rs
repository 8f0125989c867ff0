//! A cgroup for the lab, of version 2, that the node may divide among its pods.
//!
//! Where systemd runs, it is asked for a scope with `Delegate=yes`: every cgroup of a machine is made by one
//! program alone, and it also removes the scope when the last process is gone, however the lab ends. Elsewhere one
//! is made below our own, or beside it where there are more controllers, if that is ours to write, and a process of
//! ours removes it. Without one pods run all the same.

pub(super) mod cleanup;
pub(super) mod populated;
mod systemd;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, access, mkdir};

use self::cleanup::Cleanup;
use super::protocol::Grant;
use crate::model::Sight;
use crate::observe::cgroup::{self, Hierarchy};

/// What is counted, and by which controller; CPU time is counted without one.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// What its directory is called, before our pid.
const PREFIX: &str = "podscope-";
/// What is said of a cgroup that no directory leads to.
const NOT_MOUNTED: &str = "its cgroup is not in what is mounted here";
/// Where the node itself is: no process may be where controllers are passed on ("no internal processes").
const NODE: &str = "node";
/// The files of a cgroup that its new owner must be able to write (cgroup-v2.rst, "Model of Delegation").
const DELEGATED: [&str; 4] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.kill"];

/// The lab's part of the hierarchy. Dropping it removes it, unless it is systemd's to remove.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    /// That of the cgroup the launcher came from; `None` if systemd moved it.
    home: Option<PathBuf>,
    open: Flock<OwnedFd>,
    path: String,
    /// Those it passes on.
    controllers: Vec<String>,
    /// Removes it when it is dropped; systemd does that itself.
    _cleanup: Option<Cleanup>,
}

impl Tree {
    /// Makes one, and moves a process into it that has not started the node yet. `exe` is what the process that removes
    /// it runs, `user` the user that root becomes in the node.
    ///
    /// # Errors
    /// Why there is none.
    pub fn make(exe: &Path, launcher: u32, user: Option<u32>) -> Result<Self, String> {
        let hierarchy = Hierarchy::find().ok_or("cgroup v2 is not mounted here")?;
        let mut tree = if systemd::is_running() {
            let path = systemd::scope(launcher)?;
            let directory = hierarchy.directory(&path).ok_or(NOT_MOUNTED)?;
            let open = open_directory(&directory).and_then(lock).map_err(|e| format!("{path}: {}", e.desc()))?;
            Self { directory, home: None, open, path, controllers: Vec::new(), _cleanup: None }
        } else {
            Self::make_by_hand(exe, &hierarchy)?
        };
        tree.divide(launcher, user).map_err(|e| {
            tree.leave(launcher);
            format!("{} cannot be divided: {e}", tree.path)
        })?;
        Ok(tree)
    }

    /// A cgroup below the one we are in, or beside it where that has more controllers. It has only those that are
    /// passed on already: the others are not ours to set.
    fn make_by_hand(exe: &Path, hierarchy: &Hierarchy) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = cgroup::of_process(std::process::id()).ok_or("this process is in no cgroup of version 2")?;
        let home = hierarchy.directory(&own).ok_or(NOT_MOUNTED)?;
        let above = above(&own).and_then(|path| Some((path.to_owned(), hierarchy.directory(path)?)));
        let (own, parent) = match above {
            Some((path, directory)) if is_better(&directory, &home) => (path, directory),
            _ => (own, home.clone()),
        };
        sweep(&parent);
        let why = |e: Errno| match e {
            Errno::EACCES | Errno::EPERM => format!("the cgroup {own} is not delegated to this user"),
            Errno::EROFS => "cgroups are mounted read-only here".to_owned(),
            e => format!("no cgroup could be made below {own}: {}", e.desc()),
        };
        access(&parent, AccessFlags::W_OK).map_err(why)?;
        loop {
            let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let directory = parent.join(&name);
            // first, so that there is no moment when we could be killed and leave the cgroup behind
            let cleanup = Cleanup::start(exe, &directory)
                .map_err(|e| format!("the process that removes the lab's cgroup cannot be started: {e}"))?;
            mkdir(&directory, Mode::from_bits_truncate(0o755)).map_err(why)?;
            let path = format!("{}/{name}", own.trim_end_matches('/'));
            match open_directory(&directory).and_then(lock) {
                Ok(open) if directory.exists() => {
                    let home = Some(home);
                    return Ok(Self { directory, home, open, path, controllers: Vec::new(), _cleanup: Some(cleanup) });
                }
                // another lab that starts now has taken it for one that was left behind
                Ok(_) | Err(Errno::ENOENT | Errno::EWOULDBLOCK) => {}
                Err(e) => return Err(format!("{path}: {}", e.desc())),
            }
        }
    }

    /// Moves the process back to where it came from: it goes on without a cgroup of its own.
    fn leave(&self, launcher: u32) {
        if let Some(home) = &self.home {
            let _ = fs::write(home.join("cgroup.procs"), launcher.to_string());
        }
    }

    fn divide(&mut self, launcher: u32, user: Option<u32>) -> io::Result<()> {
        let node = self.directory.join(NODE);
        fs::create_dir(&node)?;
        fs::write(node.join("cgroup.procs"), launcher.to_string())?;
        let offered = fs::read_to_string(self.directory.join("cgroup.controllers"))?;
        for controller in CONTROLLERS.into_iter().filter(|c| offered.split_whitespace().any(|o| o == *c)) {
            // one at a time: one that is refused does not take the others along
            if fs::write(self.directory.join("cgroup.subtree_control"), format!("+{controller}")).is_ok() {
                self.controllers.push(controller.to_owned());
            }
        }
        user.map_or(Ok(()), |user| self.give_to(user))
    }

    fn give_to(&self, user: u32) -> io::Result<()> {
        let owner = |path: &Path| match chown(path, Some(user), Some(user)) {
            // an older kernel lacks it; or there is no such user here, and root stays who it is
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => Ok(()),
            other => other,
        };
        owner(&self.directory)?;
        DELEGATED.iter().try_for_each(|file| owner(&self.directory.join(file)))
    }

    /// For the node: the description, and the directory.
    pub fn grant(&self) -> (Grant, &OwnedFd) {
        (Grant { path: self.path.clone(), controllers: self.controllers.clone() }, &self.open)
    }

    /// What can be counted with it.
    pub fn sight(&self) -> Sight {
        let lacking: Vec<&str> =
            CONTROLLERS.into_iter().filter(|c| !self.controllers.iter().any(|own| own == c)).collect();
        if lacking.is_empty() {
            return Sight::Full;
        }
        Sight::Partial(format!(
            "{} has no {} controller: limits have no effect there, and figures are added up from /proc",
            self.path,
            lacking.join(" and no ")
        ))
    }
}

/// The path of the cgroup that this one is in.
fn above(path: &str) -> Option<&str> {
    let (above, _) = path.trim_end_matches('/').rsplit_once('/')?;
    Some(if above.is_empty() { "/" } else { above })
}

/// Whether children of the cgroup `above` have more controllers than those of our own, `home`, and may be made by us.
/// While we are in our own it passes none on, unless it is the root ("no internal processes" in cgroup-v2.rst).
fn is_better(above: &Path, home: &Path) -> bool {
    // both are checked when a process moves: who may make a child, and who may take a process out of our own
    let may = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    passed_on(above) > passed_on(home) && may(above) && may(&above.join("cgroup.procs"))
}

/// How many of our controllers the children of a cgroup have.
fn passed_on(directory: &Path) -> usize {
    let passed = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
    CONTROLLERS.into_iter().filter(|c| passed.split_whitespace().any(|p| p == *c)).count()
}

/// What is said when there is none, and why.
pub fn without(why: &str) -> Sight {
    Sight::Missing(format!("{why}; what pods use is added up from /proc"))
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Marks a cgroup as one in use, for as long as this descriptor or a copy of it is open: here and in the node. Unlike
/// a pid, which is reused and differs between pid namespaces, a lock ends with those who hold it (`flock(2)`).
fn lock(directory: OwnedFd) -> Result<Flock<OwnedFd>, Errno> {
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| e)
}

/// Removes what labs have left behind whose app was killed together with the process that cleans up after it.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = |part: &str| part.parse::<u32>().is_ok();
        let ours = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.split_once('-'));
        if ours.is_some_and(|(pid, n)| number(pid) && number(n)) && open_directory(&entry.path()).and_then(lock).is_ok()
        {
            remove(&entry.path());
        }
    }
}

/// From the leaves up; where a process is left, rmdir fails and it stays.
fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cgroup_is_in() {
        assert_eq!(above("/user.slice/session-1.scope"), Some("/user.slice"));
        assert_eq!(above("/init"), Some("/"));
        assert_eq!(above("/"), None);
    }

    /// Directories that look like cgroups; the kernel's own are not to be had on every machine with controllers.
    #[test]
    fn a_place_beside_our_own_is_better_where_it_has_more_controllers() {
        let top = tempfile::tempdir().expect("a directory");
        let home = top.path().join("own");
        fs::create_dir(&home).expect("made");
        let set = |directory: &Path, controllers: &str| {
            fs::write(directory.join("cgroup.subtree_control"), controllers).expect("written");
        };
        assert!(!is_better(top.path(), &home), "neither passes any on");
        set(top.path(), "cpu memory io pids\n");
        assert!(!is_better(top.path(), &home), "no process could be moved there");
        fs::write(top.path().join("cgroup.procs"), "").expect("written");
        assert!(is_better(top.path(), &home));
        set(top.path(), "io hugetlb\n");
        assert!(!is_better(top.path(), &home), "none that the lab uses");
        set(top.path(), "cpu memory pids\n");
        set(&home, "cpu memory pids\n");
        assert!(!is_better(top.path(), &home), "our own is the root, and passes on as many");
    }
}
