//! The checks. Each one tries the capability and does not guess it from a version.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use nix::sys::resource::{Resource, getrlimit};

use super::Check;
use crate::lab::{Error, Lab};
use crate::model::{Capability, Coverage, Delta};
use crate::observe::bpf::Reader;
use crate::observe::{Input, Observer, Options, Scope, probe_signals};
use crate::wording::coverage::reason;
use crate::wording::forbidden;

/// The capability that every pod needs.
pub const LAB: &str = "user namespaces";

/// How long the observer may take to report what it can see.
const OBSERVER_TIMEOUT: Duration = Duration::from_secs(5);

pub fn kernel() -> Check {
    let release = nix::sys::utsname::uname().map(|u| u.release().to_string_lossy().into_owned()).unwrap_or_default();
    let detail = format!("Linux {release}");
    match version(&release) {
        Some(v) if v < (5, 12) => {
            Check::missing("kernel", detail, "Linux 5.12 or later is needed (mount_setattr, setns by pidfd)")
        }
        _ => Check::ok("kernel", detail),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Starts a node and stops it again: all that a pod needs except the pod. Includes the check of cgroups, which the
/// node reports.
pub fn lab() -> Vec<Check> {
    let (sink, inputs): (_, Receiver<Input>) = crossbeam_channel::unbounded();
    let lab = match Lab::start(Path::new("/proc/self/exe"), sink) {
        Ok(lab) => lab,
        Err(e) => return vec![lab_failure(e)],
    };
    let mut checks = vec![Check::ok(LAB, "pods run without root"), users(lab.node().pid), groups(lab.node().pid)];
    let deadline = Instant::now() + OBSERVER_TIMEOUT;
    while let Ok(input) = inputs.recv_deadline(deadline) {
        if let Input::Delta(Delta::Visibility { capability, coverage, .. }) = input {
            checks.extend(check(capability, &coverage));
            break;
        }
    }
    drop(lab);
    checks
}

/// How many user ids the programs in pods have.
fn users(node: u32) -> Check {
    const WHAT: &str = "user ids";
    let map = std::fs::read_to_string(format!("/proc/{node}/uid_map")).unwrap_or_default();
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    match counts.sum() {
        0 | 1 => Check::limited(
            WHAT,
            "one: a program that changes its user, as nginx does, fails in a pod",
            "install uidmap, and allot ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
        ),
        n => Check::ok(WHAT, format!("{n}: a program in a pod may change its user")),
    }
}

/// Whether pods keep groups of the user (`Groups:` in proc_pid_status(5)).
fn groups(node: u32) -> Check {
    const WHAT: &str = "groups";
    let status = std::fs::read_to_string(format!("/proc/{node}/status")).unwrap_or_default();
    match status.lines().find_map(|line| line.strip_prefix("Groups:")).map(str::trim) {
        Some("") => Check::ok(WHAT, "pods are in none of your groups"),
        Some(kept) => Check::limited(
            WHAT,
            format!("pods may read what your groups may ({kept}) in /usr and in hostPath volumes"),
            "install uidmap, and allot ids: usermod --add-subgids 100000-165535 USER",
        ),
        None => Check::limited(WHAT, "the node's groups could not be read", ""),
    }
}

fn lab_failure(why: Error) -> Check {
    match why {
        Error::UserNamespaces(why) => {
            Check::missing(LAB, format!("no pods: {}", forbidden::cause(&why)), forbidden::remedy(&why.obstacle))
        }
        e => Check::missing(LAB, format!("no pods: {e}"), ""),
    }
}

/// The sources of the observer, as it reports them.
pub fn observer() -> Vec<Check> {
    let (sink, batches) = bounded(64);
    let sink = Box::new(move |batch| drop(sink.send(batch)));
    let observer = match Observer::start(Scope::Lab, Options::default(), sink) {
        Ok(observer) => observer,
        Err(e) => return vec![Check::missing("observer", format!("nothing can be seen: {e}"), "")],
    };
    let first: Vec<Delta> = batches.recv_timeout(OBSERVER_TIMEOUT).unwrap_or_default();
    drop(observer);
    let coverage = first.into_iter().filter_map(|delta| match delta {
        Delta::Visibility { capability, coverage, .. } => Some((capability, coverage)),
        _ => None,
    });
    // the observer would load the programs once it has something to watch
    let signals = std::iter::once_with(|| (Capability::Signals, probe_signals()));
    coverage.chain(signals).filter_map(|(capability, coverage)| check(capability, &coverage)).collect()
}

/// BPF is tried by loading what reads the machine.
pub fn bpf() -> Option<Check> {
    let coverage = match Reader::open() {
        Ok(_) => Coverage::Full,
        Err(why) => Coverage::Missing(why.limitation()),
    };
    check(Capability::Bpf, &coverage)
}

fn check(capability: Capability, coverage: &Coverage) -> Option<Check> {
    let (what, with, without) = match capability {
        Capability::ProcConnector => (
            "proc connector",
            "births, execs and exits with the kernel's own times",
            "processes of short life are not seen, and births are known to 100 ms only",
        ),
        Capability::Pidfd => ("pidfd", "exits and reaps as they happen", "exits and reaps are found by scanning /proc"),
        Capability::PidfdExitInfo => {
            ("pidfd exit info", "exit codes of all processes", "some exit codes are unknown without the connector")
        }
        Capability::Processes => {
            ("processes", "/proc shows the processes of all users", "other users' processes are not shown")
        }
        Capability::Bpf => (
            "bpf",
            "a snapshot of the machine is read from the kernel's tables",
            "a snapshot of the machine takes longer",
        ),
        Capability::Cgroups => (
            "cgroups",
            "the kernel counts CPU, memory and tasks of each container, and each pod has its own limit of tasks",
            "all pods together have one limit of processes",
        ),
        Capability::Signals => (
            "signals",
            "who sends which signal to whom, and kills for lack of memory",
            "why a process got a signal that you did not send is not known",
        ),
        // namespaces are known only once something is read; holders are not searched for yet
        Capability::Namespaces | Capability::Holders | Capability::Observer => return None,
    };
    let why = reason(capability, coverage).unwrap_or_default();
    Some(match coverage {
        Coverage::Full => Check::ok(what, with),
        Coverage::Partial(_) => Check::limited(what, without, why),
        Coverage::Missing(_) => Check::missing(what, without, why),
    })
}

/// How many processes the user may have, including those of pods.
pub fn processes() -> Check {
    const WHAT: &str = "process limit";
    /// As many as a lab can use well.
    const ENOUGH: u64 = 512;
    match getrlimit(Resource::RLIMIT_NPROC) {
        Ok((_, hard)) if hard < ENOUGH => Check::limited(
            WHAT,
            format!("{hard} processes (ulimit -Hu): pods with many may fail to fork"),
            format!("raise nproc in /etc/security/limits.conf to {ENOUGH} or more"),
        ),
        Ok((_, u64::MAX)) => Check::ok(WHAT, "unlimited"),
        Ok((_, hard)) => Check::ok(WHAT, format!("{hard} processes")),
        Err(e) => Check::limited(WHAT, "not known", e.to_string()),
    }
}

pub fn display() -> Check {
    let set = |name| std::env::var(name).ok().filter(|v: &String| !v.is_empty());
    if let Some(name) = set("WAYLAND_DISPLAY") {
        return Check::ok("display", format!("Wayland {name}"));
    }
    match set("DISPLAY") {
        Some(name) => Check::ok("display", format!("X11 {name}")),
        None => Check::missing(
            "display",
            "no window; run, snapshot and doctor work without",
            "set DISPLAY or WAYLAND_DISPLAY, or use `xvfb-run podscope`",
        ),
    }
}

/// The desktop's own file dialog.
pub fn portal() -> Check {
    const WHAT: &str = "file dialog portal";
    const SERVICE: &str = "dbus-1/services/org.freedesktop.portal.Desktop.service";
    let without = "no file dialog; paths can be typed";
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() && !has_user_bus() {
        return Check::missing(WHAT, without, "start podscope in a desktop session, or with dbus-run-session");
    }
    let folders = std::env::var("XDG_DATA_DIRS").unwrap_or_else(|_| "/usr/local/share:/usr/share".into());
    if folders.split(':').any(|folder| Path::new(folder).join(SERVICE).exists()) {
        Check::ok(WHAT, "the desktop's own file dialog")
    } else {
        Check::missing(WHAT, without, "install xdg-desktop-portal and the portal of your desktop")
    }
}

fn has_user_bus() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_read_from_a_release_of_a_distribution() {
        assert_eq!(version("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(version("5.10.0-28-amd64"), Some((5, 10)));
        assert_eq!(version("6.6-rc1"), Some((6, 6)));
        assert_eq!(version("unknown"), None);
    }
}
