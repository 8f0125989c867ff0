//! The hierarchy of cgroups, version 2 (`Documentation/admin-guide/cgroup-v2.rst`).

use std::fs;
use std::path::{Path, PathBuf};

use super::reconcile::CgroupFigures;

/// Where the hierarchy is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    mount: PathBuf,
    /// The cgroup that is mounted there; `/` unless we are confined, as in a container.
    root: String,
}

impl Hierarchy {
    /// Reads `/proc/self/mountinfo`. `None` if it is not mounted.
    pub fn find() -> Option<Self> {
        Self::of(&fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// From the text of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
    pub(crate) fn of(mountinfo: &str) -> Option<Self> {
        let line = mountinfo.lines().find(|l| l.split_once(" - ").is_some_and(|(_, fs)| fs.starts_with("cgroup2 ")))?;
        let mut words = line.split(' ').skip(3);
        let root = unescape(words.next()?);
        Some(Self { mount: PathBuf::from(unescape(words.next()?)), root })
    }

    /// The directory of a cgroup; `None` if it is not below what is mounted.
    pub fn directory(&self, cgroup: &str) -> Option<PathBuf> {
        let below = if self.root == "/" { cgroup } else { cgroup.strip_prefix(&self.root)? };
        // `/..` leads out of the cgroup namespace (`cgroup_namespaces(7)`)
        let is_below = (below.is_empty() || below.starts_with('/')) && below.split('/').all(|part| part != "..");
        is_below.then(|| self.mount.join(below.trim_start_matches('/')))
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

/// Undoes the octal escapes that the kernel writes for white space and backslashes in a path.
fn unescape(word: &str) -> String {
    word.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_cgroup_is_below_the_mount() {
        let of = |root: &str, mount: &str| {
            let text = format!("25 1 0:22 / /proc rw - proc proc rw\n30 1 0:26 {root} {mount} rw - cgroup2 none rw\n");
            Hierarchy::of(&text).expect("it is mounted")
        };
        let whole = of("/", "/sys/fs/cgroup");
        assert_eq!(whole.directory("/a/b"), Some("/sys/fs/cgroup/a/b".into()));
        assert_eq!(whole.directory("/"), Some("/sys/fs/cgroup/".into()));
        let part = of("/docker/1", "/sys/fs/my\\040group");
        assert_eq!(part.directory("/docker/1/x"), Some("/sys/fs/my group/x".into()));
        assert_eq!(part.directory("/user.slice"), None);
        assert_eq!(part.directory("/docker/10"), None, "another cgroup, whose name begins the same");
        assert_eq!(whole.directory("/../x"), None, "outside of our cgroup namespace");
        // systemd writes `-` in a name as `\x2d`
        let escaped = of("/a\\134x2db.slice", "/sys/fs/cgroup");
        assert_eq!(escaped.directory("/a\\x2db.slice/y"), Some("/sys/fs/cgroup/y".into()));
        assert_eq!(Hierarchy::of("30 1 0:26 / /sys rw - cgroup cgroup rw,cpu\n"), None, "version 1");
    }

    #[test]
    fn the_kernels_files_are_parsed() {
        assert_eq!(path_in("3:cpuset:/\n0::/user.slice/x\n").as_deref(), Some("/user.slice/x"));
        assert_eq!(path_in("3:cpuset:/\n"), None);
        assert_eq!(field("usage_usec 12\nuser_usec 5\n", "usage_usec"), Some(12));
        assert_eq!(field("inactive_file_x 12\n", "inactive_file"), None);
    }
}
