//! A cgroup for each pod, and in it one for each of its members.
//!
//! As a kubelet has it: `pod<uid>`, and below that one for every start of a container, so that its figures begin
//! anew with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat, write};

use crate::lab::cgroup::populated;
use crate::lab::protocol::Grant;
use crate::model::PodUid;

/// Threads that one pod may have, where there is a controller for that: half of what the whole lab may.
pub const MAX_POD_TASKS: u64 = super::MAX_PROCESSES / 2;

/// The lab's part of the hierarchy, if it has one.
pub struct Cgroups {
    top: Option<(Grant, OwnedFd)>,
    pods: HashMap<PodUid, Branch>,
    /// Starts so far, which tell one from the next in names.
    starts: u64,
}

/// The cgroup of a pod, and the names of those in it.
struct Branch {
    directory: OwnedFd,
    leaves: Vec<String>,
}

/// The cgroup of a member. Dropping it leaves the cgroup as it is.
pub struct Leaf {
    name: String,
    directory: OwnedFd,
    /// From the root of the hierarchy.
    pub path: String,
}

impl AsFd for Leaf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl Cgroups {
    pub fn new(grant: Option<Grant>, directory: Option<OwnedFd>) -> Self {
        Self { top: grant.zip(directory), pods: HashMap::new(), starts: 0 }
    }

    /// For what is about to start in a pod; `None` where there are no cgroups.
    pub fn member(&mut self, pod: &PodUid, name: &str) -> Result<Option<Leaf>, Errno> {
        let Some((grant, top)) = &self.top else { return Ok(None) };
        let branch = match self.pods.entry(pod.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Branch::make(top, &of_pod(pod), &grant.controllers)?),
        };
        // no name of a container has a dot
        let name = format!("{name}.{}", self.starts);
        self.starts += 1;
        let directory = make(&branch.directory, &name)?;
        branch.leaves.push(name.clone());
        let path = format!("{}/{}/{name}", grant.path, of_pod(pod));
        Ok(Some(Leaf { name, directory, path }))
    }

    /// Removes it unless something lives in it; then it goes with the pod.
    pub fn remove(&mut self, pod: &PodUid, leaf: &Leaf) {
        if let Some(branch) = self.pods.get_mut(pod)
            && rmdir(&branch.directory, &leaf.name).is_ok()
        {
            branch.leaves.retain(|name| *name != leaf.name);
        }
    }

    /// Kills all that is in a pod's cgroup; the events that tell when it has gone. `None` if the pod has no cgroup, or
    /// the kernel cannot: that takes Linux 5.14.
    pub fn kill(&self, pod: &PodUid) -> Option<OwnedFd> {
        kill(&self.pods.get(pod)?.directory)
    }

    /// Removes a pod's cgroup with those of its members, in which nothing lives any more.
    pub fn remove_pod(&mut self, pod: &PodUid) {
        let (Some((_, top)), Some(branch)) = (&self.top, self.pods.remove(pod)) else { return };
        for leaf in &branch.leaves {
            let _ = rmdir(&branch.directory, leaf);
        }
        let _ = rmdir(top, &of_pod(pod));
    }
}

impl Branch {
    fn make(top: &OwnedFd, name: &str, controllers: &[String]) -> Result<Self, Errno> {
        let directory = make(top, name)?;
        for controller in controllers {
            put(&directory, "cgroup.subtree_control", &format!("+{controller}"))?;
        }
        if controllers.iter().any(|c| c == "pids") {
            put(&directory, "pids.max", &MAX_POD_TASKS.to_string())?;
        }
        Ok(Self { directory, leaves: Vec::new() })
    }
}

impl Leaf {
    /// As [`Cgroups::kill`].
    pub fn kill(&self) -> Option<OwnedFd> {
        kill(&self.directory)
    }
}

fn of_pod(pod: &PodUid) -> String {
    format!("pod{pod}")
}

fn kill(directory: &OwnedFd) -> Option<OwnedFd> {
    let events = populated::open(directory).ok()?;
    put(directory, "cgroup.kill", "1").ok()?;
    Some(events)
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

fn make(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::from_bits_truncate(0o755))?;
    openat(parent, name, DIRECTORY, Mode::empty())
}

fn rmdir(parent: &OwnedFd, name: &str) -> Result<(), Errno> {
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

fn put(directory: &OwnedFd, file: &str, text: &str) -> Result<(), Errno> {
    let file = openat(directory, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, text.as_bytes()).map(drop)
}
