//! Reads /proc, and waits until it shows a change.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// Long enough for a loaded machine; only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// From `/proc/PID/stat` (`proc_pid_stat(5)`).
#[derive(Clone, Debug)]
pub struct Stat {
    pub pid: i32,
    pub comm: String,
    pub state: char,
    pub ppid: i32,
    /// User and system time, in clock ticks.
    pub ticks: u64,
}

impl Stat {
    pub fn read(pid: i32) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold spaces and brackets; it ends at the last bracket.
        let (head, tail) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = tail.split(' ').collect();
        Some(Stat {
            pid,
            comm: head.split_once('(')?.1.to_owned(),
            state: fields.first()?.chars().next()?,
            ppid: fields.get(1)?.parse().ok()?,
            ticks: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
        })
    }
}

/// The children of a process, including zombies, by a scan of /proc: `task/TID/children` may be incomplete.
pub fn children(parent: i32) -> Vec<Stat> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Stat::read)
        .filter(|stat| stat.ppid == parent)
        .collect()
}

/// A field of `/proc/PID/status`, without its name and unit.
pub fn status_field(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":"));
    let line = line.unwrap_or_else(|| panic!("no {name} in /proc/{pid}/status"));
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Waits until a condition holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_some(what, || holds().then_some(()));
}

/// Waits until `find` returns a value.
pub fn until_some<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        sleep(Duration::from_millis(2));
    }
}
