//! What else of the machine bears on the lab.

use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::{Check, CheckState};

/// Processes that a lab can make good use of.
const ENOUGH: u64 = 512;

pub fn processes() -> Check {
    let name = "process limit";
    match getrlimit(Resource::RLIMIT_NPROC) {
        Ok((_, hard)) if hard < ENOUGH => Check::new(
            name,
            CheckState::Limited,
            format!("{hard} processes (ulimit -Hu)"),
            "pods with many processes may fail to fork",
            format!("raise nproc in /etc/security/limits.conf to {ENOUGH} or more"),
        ),
        Ok((_, u64::MAX)) => Check::ok(name, "unlimited"),
        Ok((_, hard)) => Check::ok(name, format!("{hard} processes")),
        Err(e) => Check::new(name, CheckState::Limited, e.to_string(), "not known", String::new()),
    }
}

pub fn cgroups() -> Check {
    let name = "cgroup delegation";
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|l| l.strip_prefix("0::")).map(|p| format!("/sys/fs/cgroup{p}"));
    let limited = |detail: &str| {
        Check::new(
            name,
            CheckState::Limited,
            detail.to_owned(),
            "the bound on processes is one for all pods together, not one for each",
            "start it with: systemd-run --user --scope -p Delegate=yes podscope".to_owned(),
        )
    };
    let Some(path) = path else { return limited("there is no cgroup of version 2") };
    let controllers = fs::read_to_string(format!("{path}/cgroup.controllers")).unwrap_or_default();
    if !controllers.split_whitespace().any(|c| c == "pids") {
        return limited("its cgroup has no pids controller");
    }
    let writable = nix::unistd::access(Path::new(&path), nix::unistd::AccessFlags::W_OK).is_ok();
    if writable { Check::ok(name, path) } else { limited("its cgroup is not this user's") }
}

pub fn hidepid() -> Check {
    let name = "/proc of others";
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let hidepid = mounts.lines().find_map(hidepid_of);
    match hidepid.as_deref() {
        None | Some("0" | "off") => Check::ok(name, "every process is visible"),
        Some(value) => Check::new(
            name,
            CheckState::Limited,
            format!("/proc is mounted with hidepid={value}"),
            "other users' processes cannot be seen; those of the lab can",
            "as root: mount -o remount,hidepid=0 /proc".to_owned(),
        ),
    }
}

/// The option of the mount on /proc (`proc_pid_mountinfo(5)`).
fn hidepid_of(line: &str) -> Option<String> {
    let (mount, fs) = line.split_once(" - ")?;
    if mount.split(' ').nth(4)? != "/proc" {
        return None;
    }
    let options = fs.split(' ').nth(2)?;
    options.split(',').find_map(|o| o.strip_prefix("hidepid=")).map(str::to_owned)
}

pub fn kernel() -> Check {
    let name = "kernel";
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match version(release) {
        Some(v) if v < (5, 12) => Check::new(
            name,
            CheckState::Missing,
            format!("Linux {release}"),
            "the lab cannot make the host's files read-only in pods (mount_setattr)",
            "use Linux 5.12 or newer".to_owned(),
        ),
        Some(v) if v < (5, 14) => Check::new(
            name,
            CheckState::Limited,
            format!("Linux {release}"),
            "the bound on processes counts those of the user outside the lab too",
            "use Linux 5.14 or newer".to_owned(),
        ),
        Some(_) => Check::ok(name, format!("Linux {release}")),
        None => {
            Check::new(name, CheckState::Limited, format!("Linux {release}"), "its version is not known", String::new())
        }
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{hidepid_of, version};

    #[test]
    fn versions_and_options_are_read() {
        assert_eq!(version("6.18.5-cloud-amd64"), Some((6, 18)));
        assert_eq!(version("5.4"), Some((5, 4)));
        assert_eq!(version("x"), None);
        let line = "22 27 0:20 / /proc rw,nosuid shared:12 - proc proc rw,gid=4,hidepid=invisible";
        assert_eq!(hidepid_of(line).as_deref(), Some("invisible"));
        assert_eq!(hidepid_of("22 27 0:20 / /proc rw - proc proc rw"), None);
        assert_eq!(hidepid_of("22 27 0:20 / /mnt rw - proc proc rw,hidepid=2"), None);
    }
}
