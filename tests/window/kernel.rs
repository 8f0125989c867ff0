//! The test's own reading of /proc.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest wait, enough for a slow machine. A wait ends as soon as its condition is true.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Identifies a process by pid and start time, so that it cannot be confused with a later one of the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    pub pid: u32,
    start: u64,
}

impl Id {
    pub fn of(pid: u32) -> Option<Self> {
        let start = stat(pid)?.get(19)?.parse().ok()?;
        Some(Self { pid, start })
    }

    pub fn exists(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// Whether it exists and is not a zombie. Those of a killed app are zombies until the machine's init reaps them.
    pub fn runs(&self) -> bool {
        self.exists() && stat(self.pid).is_some_and(|s| s.first().is_some_and(|state| state != "Z"))
    }

    pub fn kill(&self) {
        assert!(self.exists(), "a reused pid is not killed");
        kill(Pid::from_raw(self.pid as i32), Signal::SIGKILL).expect("our own process");
    }
}

/// Fields of `/proc/PID/stat` from the third (state) on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The letter of a process's state, such as `S` or `T`.
pub fn state(pid: u32) -> Option<String> {
    stat(pid)?.first().cloned()
}

pub fn comm(pid: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

pub fn parent(pid: u32) -> u32 {
    stat(pid).and_then(|s| s.get(1)?.parse().ok()).unwrap_or(0)
}

fn pids() -> Vec<u32> {
    let dir = std::fs::read_dir("/proc").expect("/proc");
    dir.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
}

pub fn descendants(of: u32) -> Vec<Id> {
    let below = |mut pid: u32| {
        for _ in 0..64 {
            pid = parent(pid);
            if pid == of {
                return true;
            }
            if pid == 0 {
                return false;
            }
        }
        false
    };
    pids().into_iter().filter(|p| below(*p)).filter_map(Id::of).collect()
}

/// `net:[4026532328]`
pub fn ns(pid: u32, kind: &str) -> Option<String> {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

pub fn in_same_pid_ns(as_pid: u32) -> Vec<Id> {
    let Some(wanted) = ns(as_pid, "pid") else { return Vec::new() };
    pids().into_iter().filter(|p| ns(*p, "pid").as_ref() == Some(&wanted)).filter_map(Id::of).collect()
}
