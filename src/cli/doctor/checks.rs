//! Each capability is tried, not guessed from a version.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use super::Check;
use crate::lab::{Error, Lab};
use crate::model::{Aspect, Delta, Sight};
use crate::observe::{Input, Observer, Options, Scope};

/// How long the observer may take to tell what it sees.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// Starts a node and ends it: all that a pod needs but the pod.
pub fn lab() -> Check {
    let (tell, _told): (_, Receiver<Input>) = crossbeam_channel::unbounded();
    match Lab::start(Path::new("/proc/self/exe"), tell) {
        Ok(_) => Check::ok("user namespaces", "pods run without root"),
        Err(Error::UserNamespaces(forbidden)) => Check::missing(
            "user namespaces",
            format!("no pods: could not {}: {}", forbidden.step.words(), forbidden.forbids),
            forbidden.remedy,
        ),
        Err(e) => Check::missing("user namespaces", format!("no pods: {e}"), ""),
    }
}

/// What the observer says of its own sources.
pub fn sight() -> Vec<Check> {
    let (sink, batches) = bounded(64);
    let sink = Box::new(move |batch| drop(sink.send(batch)));
    let observer = match Observer::start(Scope::Lab, Options::default(), sink) {
        Ok(observer) => observer,
        Err(e) => return vec![Check::missing("observer", format!("nothing can be seen: {e}"), "")],
    };
    let first: Vec<Delta> = batches.recv_timeout(PATIENCE).unwrap_or_default();
    drop(observer);
    let sights = first.into_iter().filter_map(|delta| match delta {
        Delta::Visibility { aspect, sight, .. } => Some((aspect, sight)),
        _ => None,
    });
    sights.filter_map(|(aspect, sight)| check(aspect, &sight)).collect()
}

fn check(aspect: Aspect, sight: &Sight) -> Option<Check> {
    let (what, with, without) = match aspect {
        Aspect::ProcConnector => (
            "proc connector",
            "births, execs and exits at the kernel's own time",
            "the shortest lives are not seen, and births are known to 100 ms only",
        ),
        Aspect::Pidfd => ("pidfd", "exits and reaps as they happen", "exits and reaps are found by looking"),
        Aspect::PidfdExitInfo => {
            ("pidfd exit info", "exit codes of all processes", "some exit codes are not known without the connector")
        }
        Aspect::Processes => ("processes", "/proc shows those of all users", "other users' processes are not shown"),
        // known only once something is looked at; nobody looks for holders yet
        Aspect::Namespaces | Aspect::Holders => return None,
    };
    Some(match sight {
        Sight::Full => Check::ok(what, with),
        Sight::Partial(why) => Check::limited(what, without, why),
        Sight::Missing(why) => Check::missing(what, without, why),
    })
}

/// Whether processes of the user may be put into cgroups of their own, which limits of pods would need.
pub fn cgroup() -> Check {
    const WHAT: &str = "cgroup delegation";
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = own.lines().find_map(|l| l.strip_prefix("0::")) else {
        return Check::missing(WHAT, "no cgroup v2; pods have no limits of their own", "boot with cgroup v2");
    };
    let folder = format!("/sys/fs/cgroup{path}");
    let writable = nix::unistd::access(folder.trim_end_matches('/'), nix::unistd::AccessFlags::W_OK).is_ok();
    if writable {
        Check::ok(WHAT, format!("{path} may be divided"))
    } else {
        let remedy = "start it with `systemd-run --user --scope -p Delegate=yes podscope`";
        Check::limited(WHAT, "pods have no memory or CPU limits of their own", remedy)
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
        return Check::missing(WHAT, without, "start it in a desktop session, or by dbus-run-session");
    }
    let folders = std::env::var("XDG_DATA_DIRS").unwrap_or_else(|_| "/usr/local/share:/usr/share".into());
    if folders.split(':').any(|folder| Path::new(folder).join(SERVICE).exists()) {
        Check::ok(WHAT, "the desktop's own file dialog")
    } else {
        Check::missing(WHAT, without, "install xdg-desktop-portal and the one of your desktop")
    }
}

fn has_user_bus() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn releases_of_distributions() {
        assert_eq!(version("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(version("5.10.0-28-amd64"), Some((5, 10)));
        assert_eq!(version("6.6-rc1"), Some((6, 6)));
        assert_eq!(version("unknown"), None);
    }
}
