//! A cgroup v2 for the lab, which the node divides among its pods.
//!
//! Where systemd runs, it creates a scope with `Delegate=yes`: only one program may create the cgroups of a machine,
//! and systemd also removes the scope when the last process has ended, however the lab ends. Elsewhere the lab creates
//! a cgroup below its own, or beside it if more controllers are available there, provided that it may write there, and
//! a separate process removes it. Without a cgroup pods run all the same.

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
use crate::model::{CgroupProblem, Coverage, Limitation, OsError};
use crate::observe::cgroup::{self, Hierarchy};

/// The controllers that the lab uses. CPU time is counted without a controller.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// Prefix of the directory's name; our pid follows.
const PREFIX: &str = "podscope-";
/// The cgroup of the node itself: a cgroup that passes controllers on may contain no process ("no internal processes").
const NODE: &str = "node";
/// The files of a cgroup that its new owner must be able to write (cgroup-v2.rst, "Model of Delegation").
const DELEGATED: [&str; 4] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.kill"];

/// The lab's part of the hierarchy. Dropping this removes it, unless systemd does.
#[derive(Debug)]
pub struct LabCgroup {
    directory: PathBuf,
    /// The directory of the cgroup that the launcher came from; `None` if systemd moved it.
    home: Option<PathBuf>,
    open: Flock<OwnedFd>,
    path: String,
    /// The controllers that its children have.
    controllers: Vec<String>,
    /// Removes the cgroup when this is dropped; `None` if systemd does that.
    _cleanup: Option<Cleanup>,
}

impl LabCgroup {
    /// Creates a cgroup and moves the launcher, which has not started the node yet, into it. `exe` is the executable of
    /// the process that removes the cgroup, `user` the user that root changes to in the node.
    ///
    /// # Errors
    /// Why no cgroup could be created.
    pub fn create(exe: &Path, launcher: u32, user: Option<u32>) -> Result<Self, CgroupProblem> {
        let hierarchy = Hierarchy::find().ok_or(CgroupProblem::NotMounted)?;
        let mut tree = if systemd::is_running() {
            let path = systemd::scope(launcher)?;
            let directory = hierarchy.directory(&path).ok_or(CgroupProblem::NotInHierarchy)?;
            let open = open_directory(&directory).and_then(lock).map_err(|e| not_opened(&path, e))?;
            Self { directory, home: None, open, path, controllers: Vec::new(), _cleanup: None }
        } else {
            Self::make_by_hand(exe, &hierarchy)?
        };
        tree.divide(launcher, user).map_err(|e| {
            tree.leave(launcher);
            CgroupProblem::NotDivided { cgroup: tree.path.clone(), error: OsError::from(&e) }
        })?;
        Ok(tree)
    }

    /// Creates a cgroup below our own, or beside it if more controllers are available there. It only gets controllers
    /// that are already passed on: we may not enable others.
    fn make_by_hand(exe: &Path, hierarchy: &Hierarchy) -> Result<Self, CgroupProblem> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = cgroup::of_process(std::process::id()).ok_or(CgroupProblem::NoCgroup)?;
        let home = hierarchy.directory(&own).ok_or(CgroupProblem::NotInHierarchy)?;
        let above = above(&own).and_then(|path| Some((path.to_owned(), hierarchy.directory(path)?)));
        let (own, parent) = match above {
            Some((path, directory)) if is_better(&directory, &home) => (path, directory),
            _ => (own, home.clone()),
        };
        remove_stale(&parent);
        let why = |e: Errno| match e {
            Errno::EACCES | Errno::EPERM => CgroupProblem::NotDelegated { cgroup: own.clone() },
            Errno::EROFS => CgroupProblem::ReadOnly,
            e => CgroupProblem::NotMade { below: own.clone(), error: OsError(e as i32) },
        };
        access(&parent, AccessFlags::W_OK).map_err(why)?;
        loop {
            let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let directory = parent.join(&name);
            // start it first, so that we cannot be killed in between and leave the cgroup behind
            let cleanup = Cleanup::start(exe, &directory).map_err(|e| CgroupProblem::NoCleanup(OsError::from(&e)))?;
            mkdir(&directory, Mode::from_bits_truncate(0o755)).map_err(why)?;
            let path = format!("{}/{name}", own.trim_end_matches('/'));
            match open_directory(&directory).and_then(lock) {
                Ok(open) if directory.exists() => {
                    let home = Some(home);
                    return Ok(Self { directory, home, open, path, controllers: Vec::new(), _cleanup: Some(cleanup) });
                }
                // another lab that is starting has removed it as left behind
                Ok(_) | Err(Errno::ENOENT | Errno::EWOULDBLOCK) => {}
                Err(e) => return Err(not_opened(&path, e)),
            }
        }
    }

    /// Moves the launcher back to its former cgroup: the lab runs without a cgroup.
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
            // one at a time, since a refused controller would make the others fail too
            if fs::write(self.directory.join("cgroup.subtree_control"), format!("+{controller}")).is_ok() {
                self.controllers.push(controller.to_owned());
            }
        }
        user.map_or(Ok(()), |user| self.chown_to(user))
    }

    fn chown_to(&self, user: u32) -> io::Result<()> {
        let owner = |path: &Path| match chown(path, Some(user), Some(user)) {
            // an older kernel has no such file; or the user does not exist here, and root stays root
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => Ok(()),
            other => other,
        };
        owner(&self.directory)?;
        DELEGATED.iter().try_for_each(|file| owner(&self.directory.join(file)))
    }

    /// What the node gets: the description and the directory.
    pub fn grant(&self) -> (Grant, &OwnedFd) {
        (Grant { path: self.path.clone(), controllers: self.controllers.clone() }, &self.open)
    }

    /// Which figures the cgroup provides.
    pub fn coverage(&self) -> Coverage {
        let lacking = CONTROLLERS.into_iter().filter(|c| !self.controllers.iter().any(|own| own == c));
        let controllers: Vec<String> = lacking.map(str::to_owned).collect();
        if controllers.is_empty() {
            return Coverage::Full;
        }
        Coverage::Partial(vec![Limitation::ControllersMissing { cgroup: self.path.clone(), controllers }])
    }
}

/// The path of the cgroup that this one is in.
fn above(path: &str) -> Option<&str> {
    let (above, _) = path.trim_end_matches('/').rsplit_once('/')?;
    Some(if above.is_empty() { "/" } else { above })
}

/// Whether children of the cgroup `above` have more controllers than those of our own, `home`, and we may create one.
/// While we are in our own cgroup it passes none on, unless it is the root ("no internal processes" in cgroup-v2.rst).
fn is_better(above: &Path, home: &Path) -> bool {
    // moving a process needs both: the right to create a child, and the right to take a process out of our own cgroup
    let may = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    passed_on(above) > passed_on(home) && may(above) && may(&above.join("cgroup.procs"))
}

/// The number of the lab's controllers that the children of a cgroup have.
fn passed_on(directory: &Path) -> usize {
    let passed = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
    CONTROLLERS.into_iter().filter(|c| passed.split_whitespace().any(|p| p == *c)).count()
}

fn not_opened(cgroup: &str, e: Errno) -> CgroupProblem {
    CgroupProblem::NotOpened { cgroup: cgroup.to_owned(), error: OsError(e as i32) }
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Marks a cgroup as in use while this descriptor or a copy of it is open, here and in the node. A pid would be reused
/// and differs between pid namespaces; a lock ends with its holders (`flock(2)`).
fn lock(directory: OwnedFd) -> Result<Flock<OwnedFd>, Errno> {
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| e)
}

/// Removes cgroups of labs whose app was killed together with the process that cleans up after it.
fn remove_stale(parent: &Path) {
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

/// Removes from the leaves up; where a process is left, rmdir fails and the cgroup stays.
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
    fn the_cgroup_above_another_one() {
        assert_eq!(above("/user.slice/session-1.scope"), Some("/user.slice"));
        assert_eq!(above("/init"), Some("/"));
        assert_eq!(above("/"), None);
    }

    /// Uses directories that look like cgroups, since not every machine has real ones with controllers.
    #[test]
    fn a_cgroup_beside_our_own_is_better_if_it_has_more_controllers() {
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
