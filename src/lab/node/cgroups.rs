//! A cgroup for each pod, and below it one for each start of a member.
//!
//! The layout is a kubelet's: `pod<uid>`, and below it one cgroup for each start of a container, so that each start
//! counts from zero.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat, write};

use crate::lab::cgroup::populated;
use crate::lab::protocol::Grant;
use crate::lab::spec::Limits;
use crate::model::PodUid;

/// How many threads one pod may have, where there is a pids controller: half of what the whole lab may have.
pub const MAX_POD_TASKS: u64 = super::MAX_PROCESSES / 2;

/// The lab's part of the cgroup hierarchy, if it has one.
pub struct Cgroups {
    top: Option<(Grant, OwnedFd)>,
    pods: HashMap<PodUid, PodCgroup>,
    /// How many members have been started. The number is part of each member's cgroup name.
    starts: u64,
}

/// The cgroup of a pod, and the names of its members' cgroups.
struct PodCgroup {
    directory: OwnedFd,
    members: Vec<String>,
}

/// The cgroup of a member. Dropping this value does not remove the cgroup.
pub struct MemberCgroup {
    name: String,
    directory: OwnedFd,
    /// The path from the root of the hierarchy.
    pub path: String,
}

impl AsFd for MemberCgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl Cgroups {
    pub fn new(grant: Option<Grant>, directory: Option<OwnedFd>) -> Self {
        Self { top: grant.zip(directory), pods: HashMap::new(), starts: 0 }
    }

    /// Makes the cgroup of a member that is about to start; `None` where there are no cgroups.
    pub fn make_member(&mut self, pod: &PodUid, name: &str) -> Result<Option<MemberCgroup>, Errno> {
        let Some((grant, top)) = &self.top else { return Ok(None) };
        let pod_cgroup = match self.pods.entry(pod.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(PodCgroup::make(top, &pod_dir_name(pod), &grant.controllers)?),
        };
        // a container's name cannot contain a dot
        let name = format!("{name}.{}", self.starts);
        self.starts += 1;
        let directory = make(&pod_cgroup.directory, &name)?;
        pod_cgroup.members.push(name.clone());
        let path = format!("{}/{}/{name}", grant.path, pod_dir_name(pod));
        Ok(Some(MemberCgroup { name, directory, path }))
    }

    /// Removes a member's cgroup, unless processes live in it. In that case it is removed with the pod.
    pub fn remove(&mut self, pod: &PodUid, member: &MemberCgroup) {
        if let Some(pod_cgroup) = self.pods.get_mut(pod)
            && rmdir(&pod_cgroup.directory, &member.name).is_ok()
        {
            pod_cgroup.members.retain(|name| *name != member.name);
        }
    }

    /// Kills all processes in a pod's cgroup. Returns the events file that tells when they are gone, and whether there
    /// were any. `None` if the pod has no cgroup, or the kernel is older than Linux 5.14, which added `cgroup.kill`.
    pub fn kill(&self, pod: &PodUid) -> Option<(OwnedFd, bool)> {
        kill(&self.pods.get(pod)?.directory)
    }

    /// Removes a pod's cgroup and those of its members. No process lives in them any more.
    pub fn remove_pod(&mut self, pod: &PodUid) {
        let (Some((_, top)), Some(pod_cgroup)) = (&self.top, self.pods.remove(pod)) else { return };
        for member in &pod_cgroup.members {
            let _ = rmdir(&pod_cgroup.directory, member);
        }
        let _ = rmdir(top, &pod_dir_name(pod));
    }
}

impl PodCgroup {
    fn make(top: &OwnedFd, name: &str, controllers: &[String]) -> Result<Self, Errno> {
        let directory = make(top, name)?;
        for controller in controllers {
            write_file(&directory, "cgroup.subtree_control", &format!("+{controller}"))?;
        }
        if controllers.iter().any(|c| c == "pids") {
            write_file(&directory, "pids.max", &MAX_POD_TASKS.to_string())?;
        }
        Ok(Self { directory, members: Vec::new() })
    }
}

/// A limit that has no effect: its name in `resources.limits`, and the reason.
pub struct IneffectiveLimit {
    pub limit: &'static str,
    pub why: String,
}

impl Cgroups {
    /// Sets the limits of a container. Returns each limit that the kernel does not enforce here.
    pub fn limit(&self, member: Option<&MemberCgroup>, limits: &Limits) -> Vec<IneffectiveLimit> {
        let quota = |n: u64| (n.saturating_mul(CPU_PERIOD_US) / 1000).max(1000);
        let cpu = limits.cpu_millicores.map(|n| format!("{} {CPU_PERIOD_US}", quota(n)));
        let all = [
            ("memory", "memory", "memory.max", limits.memory_bytes.map(|n| n.to_string())),
            ("cpu", "cpu", "cpu.max", cpu),
            ("podscope.dev/pids", "pids", "pids.max", limits.pids.map(|n| n.to_string())),
        ];
        let mut ineffective = Vec::new();
        for (limit, controller, file, value) in all {
            let Some(value) = value else { continue };
            let why = match (&self.top, member) {
                (Some((grant, _)), Some(member)) if grant.controllers.iter().any(|c| c == controller) => {
                    write_file(&member.directory, file, &value).err().map(|e| e.desc().to_owned())
                }
                (Some(_), Some(_)) => Some(format!("its cgroup has no {controller} controller")),
                _ => Some("this machine gives the lab no cgroups".to_owned()),
            };
            match why {
                Some(why) => ineffective.push(IneffectiveLimit { limit, why }),
                None if file == "memory.max" => member.into_iter().for_each(MemberCgroup::kill_as_one),
                None => {}
            }
        }
        ineffective
    }
}

/// The period of the CPU quota, in microseconds, as a kubelet sets it.
const CPU_PERIOD_US: u64 = 100_000;

impl MemberCgroup {
    /// Forbids swap, and lets the OOM killer kill the container as a whole. A kubelet sets both. Not every kernel has
    /// these files.
    fn kill_as_one(&self) {
        let _ = write_file(&self.directory, "memory.swap.max", "0");
        let _ = write_file(&self.directory, "memory.oom.group", "1");
    }

    /// Whether the OOM killer has killed a process in it (`memory.events` in cgroup-v2.rst).
    pub fn ran_out_of_memory(&self) -> bool {
        let read = || {
            let file =
                openat(&self.directory, "memory.events", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
            std::io::read_to_string(std::fs::File::from(file)).ok()
        };
        let events = read().unwrap_or_default();
        events.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|n| n.trim() != "0")
    }

    /// Kills all processes in this cgroup, as [`Cgroups::kill`] does.
    pub fn kill(&self) -> Option<(OwnedFd, bool)> {
        kill(&self.directory)
    }
}

fn pod_dir_name(pod: &PodUid) -> String {
    format!("pod{pod}")
}

fn kill(directory: &OwnedFd) -> Option<(OwnedFd, bool)> {
    let events = populated::open(directory).ok()?;
    let had_processes = populated::now(&events);
    write_file(directory, "cgroup.kill", "1").ok()?;
    Some((events, had_processes))
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

fn make(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::from_bits_truncate(0o755))?;
    openat(parent, name, DIRECTORY, Mode::empty())
}

fn rmdir(parent: &OwnedFd, name: &str) -> Result<(), Errno> {
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

fn write_file(directory: &OwnedFd, file: &str, text: &str) -> Result<(), Errno> {
    let file = openat(directory, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, text.as_bytes()).map(drop)
}
