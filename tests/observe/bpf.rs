//! The BPF reader against /proc and against what the tests do themselves. As an ordinary user it must say that it is not
//! permitted; where the machine does not have it the tests say so.

mod events;
mod survey;
mod tasks;

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use podscope::observe::bpf::{Reader, Unavailable};

use crate::support::is_root;

/// The result, or `None` where this user or this machine cannot have it. That the kernel refuses a program, or that a
/// program does not fit, is a failure.
fn available<T>(opened: Result<T, Unavailable>) -> Option<T> {
    match opened {
        Ok(_) if !is_root() => panic!("an ordinary user is not permitted to use BPF"),
        Ok(opened) => Some(opened),
        Err(Unavailable::NotPermitted) if !is_root() => None,
        Err(
            reason @ (Unavailable::NotPermitted
            | Unavailable::NoTypes
            | Unavailable::Missing(_)
            | Unavailable::OtherNamespace(_)),
        ) if is_root() => {
            eprintln!("skipped: {reason}");
            None
        }
        Err(reason) => panic!("{reason}"),
    }
}

fn reader() -> Option<Reader> {
    available(Reader::open())
}

/// A child that ends with the test, also if it fails.
pub struct Started(pub Child);

impl Started {
    pub fn new(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program is installed"))
    }

    /// Runs these words in a shell.
    pub fn shell(words: &str) -> Self {
        Self::new(Command::new("sh").args(["-c", words]))
    }
}

impl Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory for one test, below the mount point of a hierarchy of cgroups. Removed on drop.
pub struct Group(PathBuf);

impl Group {
    /// A group of this name that has one of these files, and which. `None` where there is no such hierarchy.
    pub fn new(name: &str, files: &[&'static str]) -> Option<(Self, &'static str)> {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is there");
        let mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        for mount in mounts.filter(|mount| mount[2].starts_with("cgroup")) {
            let group = Self(Path::new(mount[1]).join(format!("podscope-{name}-{}", std::process::id())));
            if fs::create_dir(&group.0).is_ok()
                && let Some(file) = files.iter().find(|file| group.0.join(file).exists())
            {
                return Some((group, file));
            }
        }
        eprintln!("skipped: no cgroup with {files:?} can be made here");
        None
    }

    /// A group of this name whose processes may have 4 MB.
    pub fn with_little_memory(name: &str) -> Option<Self> {
        let (group, limit) = Self::new(name, &["memory.max", "memory.limit_in_bytes"])?;
        fs::write(group.0.join(limit), "4000000").expect("root may");
        Some(group)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    pub fn add(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("root may");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
