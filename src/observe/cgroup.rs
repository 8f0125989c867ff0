//! The hierarchy of cgroups, version 2 (`Documentation/admin-guide/cgroup-v2.rst`).

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::reconcile::CgroupFigures;
use crate::procfs::{Mount, own_mounts};

/// Where the hierarchy is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    mount: PathBuf,
    /// The cgroup that is mounted there; `/` unless we are confined, as in a container.
    root: PathBuf,
}

impl Hierarchy {
    /// `None` if it is not mounted.
    pub fn find() -> Option<Self> {
        Self::among(own_mounts().ok()?)
    }

    pub(crate) fn among(mounts: impl IntoIterator<Item = Mount>) -> Option<Self> {
        let mount = mounts.into_iter().find(|mount| mount.fs_type == "cgroup2")?;
        Some(Self { mount: mount.point, root: mount.root })
    }

    /// The directory of a cgroup; `None` if it is not below what is mounted.
    pub fn directory(&self, cgroup: &str) -> Option<PathBuf> {
        // `/..` leads out of the cgroup namespace (`cgroup_namespaces(7)`)
        let below = Path::new(cgroup).strip_prefix(&self.root).ok()?;
        let is_below = below.components().all(|part| !matches!(part, Component::ParentDir));
        is_below.then(|| self.mount.join(below))
    }

    pub fn read_figures(&self, cgroup: &str) -> Option<CgroupFigures> {
        read_figures(&self.directory(cgroup)?)
    }
}

/// The cgroup of a process, from the root of the hierarchy.
pub fn of_process(pid: u32) -> Option<String> {
    path_in(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

/// From the text of `/proc/PID/cgroup` (`cgroups(7)`). The hierarchy of version 2 has number 0.
pub(crate) fn path_in(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

fn read_figures(dir: &Path) -> Option<CgroupFigures> {
    // every cgroup has this file, with or without controllers
    let cpu = fs::read_to_string(dir.join("cpu.stat")).ok()?;
    let number = |name: &str| fs::read_to_string(dir.join(name)).ok()?.trim().parse::<u64>().ok();
    let memory = number("memory.current").map(|current| {
        let stat = fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
        current.saturating_sub(field(&stat, "inactive_file").unwrap_or(0))
    });
    Some(CgroupFigures {
        cpu_ns: field(&cpu, "usage_usec").map(|us| us.saturating_mul(1_000)),
        memory_bytes: memory,
        tasks: number("pids.current"),
    })
}

/// The number after a name in a flat keyed file (cgroup-v2.rst).
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mounts;

    #[test]
    fn the_directory_of_a_cgroup_is_below_the_mount() {
        let of = |root: &str, mount: &str| {
            let text = format!("25 1 0:22 / /proc rw - proc proc rw\n30 1 0:26 {root} {mount} rw - cgroup2 none rw\n");
            Hierarchy::among(mounts(text.as_bytes())).expect("it is mounted")
        };
        let whole = of("/", "/sys/fs/cgroup");
        assert_eq!(whole.directory("/a/b"), Some("/sys/fs/cgroup/a/b".into()));
        assert_eq!(whole.directory("/"), Some("/sys/fs/cgroup/".into()));
        let part = of("/docker/1", "/sys/fs/my\\040group");
        assert_eq!(part.directory("/docker/1/x"), Some("/sys/fs/my group/x".into()));
        assert_eq!(part.directory("/user.slice"), None);
        assert_eq!(part.directory("/docker/12"), None, "another one whose name begins alike");
        assert_eq!(whole.directory("/../x"), None, "outside of our cgroup namespace");
        assert_eq!(Hierarchy::among(mounts(b"30 1 0:26 / /sys rw - cgroup cgroup rw,cpu\n")), None, "version 1");
    }

    #[test]
    fn the_kernels_files_are_parsed() {
        assert_eq!(path_in("3:cpuset:/\n0::/user.slice/x\n").as_deref(), Some("/user.slice/x"));
        assert_eq!(path_in("3:cpuset:/\n"), None);
        assert_eq!(field("usage_usec 12\nuser_usec 5\n", "usage_usec"), Some(12));
        assert_eq!(field("inactive_file_x 12\n", "inactive_file"), None);
    }
}
