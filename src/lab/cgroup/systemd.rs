//! A scope from systemd (`org.freedesktop.systemd1(5)`): the user's own manager, or for root the system's.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::observe::cgroup;

/// Time limit of the request, which takes about 10 ms.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether systemd is the init system, as `sd_booted(3)` checks it.
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Moves a process into a new scope with delegation, and returns the scope's cgroup.
pub fn scope(pid: u32) -> Result<String, String> {
    let name = format!("podscope-{pid}.scope");
    start_scope(&name, pid).map_err(|e| format!("systemd gives no scope: {e}"))?;
    // the answer only says that the job is queued; the process's cgroup shows when it is done
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match cgroup::of_process(pid) {
            Some(path) if path.ends_with(&format!("/{name}")) => return Ok(path),
            Some(_) if Instant::now() < deadline => sleep(Duration::from_millis(1)),
            _ => return Err(format!("systemd did not start {name} within {TIMEOUT:?}")),
        }
    }
}

fn start_scope(name: &str, pid: u32) -> zbus::Result<OwnedObjectPath> {
    let bus = if geteuid().is_root() { connection::Builder::system() } else { connection::Builder::session() };
    let bus: Connection = bus?.method_timeout(TIMEOUT).build()?;
    let manager =
        Proxy::new(&bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")?;
    let properties: Vec<(&str, Value<'_>)> = vec![
        ("Description", Value::from("Pods of Podscope")),
        ("PIDs", Value::from(vec![pid])),
        ("Delegate", Value::from(true)),
        ("CollectMode", Value::from("inactive-or-failed")),
    ];
    let auxiliary: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
    manager.call("StartTransientUnit", &(name, "fail", properties, auxiliary))
}
