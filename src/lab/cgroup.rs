//! A cgroup for the lab, of version 2, that the node may divide among its pods.
//!
//! Where systemd runs, it is asked for a scope with `Delegate=yes`: every cgroup of a machine is made by one
//! program alone, and it also removes the scope when the last process is gone, however the lab ends. Elsewhere one
//! is made below our own, if that is ours to write. Without one pods run all the same.

mod systemd;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;

use super::node::NOBODY;
use super::protocol::Grant;
use crate::model::Sight;
use crate::observe::cgroup::{self, Hierarchy};

/// What is counted, and by which controller; CPU time is counted without one.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// What its directory is called, before our pid.
const PREFIX: &str = "podscope-";
/// Where the node itself is: no process may be where controllers are passed on ("no internal processes").
const NODE: &str = "node";
/// The files of a cgroup that its new owner must be able to write (cgroup-v2.rst, "Model of Delegation").
const DELEGATED: [&str; 4] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.kill"];

/// The lab's part of the hierarchy. Dropping it removes it, unless it is systemd's to remove.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    open: OwnedFd,
    path: String,
    of_systemd: bool,
    /// Those it passes on.
    controllers: Vec<String>,
}

impl Tree {
    /// Makes one, and moves a process into it that has not started the node yet.
    ///
    /// # Errors
    /// Why there is none.
    pub fn make(launcher: u32) -> Result<Self, String> {
        let hierarchy = Hierarchy::find().ok_or("cgroup v2 is not mounted here")?;
        let of_systemd = systemd::is_running();
        let path = if of_systemd { systemd::scope(launcher)? } else { below_our_own(&hierarchy)? };
        let directory = hierarchy.directory(&path).ok_or("its cgroup is not in what is mounted here")?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = open(&directory, flags, Mode::empty()).map_err(|e| format!("{path}: {}", e.desc()))?;
        let mut tree = Self { directory, open, path, of_systemd, controllers: Vec::new() };
        tree.divide(launcher).map_err(|e| format!("{} cannot be divided: {e}", tree.path))?;
        Ok(tree)
    }

    fn divide(&mut self, launcher: u32) -> io::Result<()> {
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
        if geteuid().is_root() {
            self.give_away()?;
        }
        Ok(())
    }

    /// To whom root becomes in the node.
    fn give_away(&self) -> io::Result<()> {
        let owner = |path: &Path| match chown(path, Some(NOBODY), Some(NOBODY)) {
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
            ["memory", "pids"].into_iter().filter(|c| !self.controllers.iter().any(|own| own == c)).collect();
        if lacking.is_empty() {
            return Sight::Full;
        }
        let s = if lacking.len() == 1 { "" } else { "s" };
        Sight::Partial(format!(
            "{} has no {} controller{s}; those figures are added up from /proc",
            self.path,
            lacking.join(" and ")
        ))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // it would wait for ever for the end of a scope that somebody else has removed [seen]
        if !self.of_systemd {
            remove(&self.directory);
        }
    }
}

/// What is said when there is none, and why.
pub fn without(why: &str) -> Sight {
    Sight::Missing(format!("{why}; what pods use is added up from /proc"))
}

/// A cgroup below the one we are in. It takes no controllers with it but those that are passed on already: the
/// others are not ours to set.
fn below_our_own(hierarchy: &Hierarchy) -> Result<String, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = cgroup::of_process(std::process::id()).ok_or("this process is in no cgroup of version 2")?;
    let parent = hierarchy.directory(&own).ok_or("its cgroup is not in what is mounted here")?;
    sweep(&parent);
    let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    fs::create_dir(parent.join(&name)).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => format!("the cgroup {own} is not delegated to this user"),
        io::ErrorKind::ReadOnlyFilesystem => "cgroups are mounted read-only here".to_owned(),
        _ => format!("no cgroup could be made below {own}: {e}"),
    })?;
    Ok(format!("{}/{name}", own.trim_end_matches('/')))
}

/// Removes what labs left behind whose app was killed.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
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
