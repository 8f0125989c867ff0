//! A scope from systemd (`org.freedesktop.systemd1(5)`): the user's own manager, or for root the system's.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::observe::cgroup;

/// How long it may take; it takes some 10 ms.
const PATIENCE: Duration = Duration::from_secs(2);

/// As `sd_booted(3)` finds out.
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Puts a process into a scope of its own that may be divided, and returns the scope's cgroup.
pub fn scope(pid: u32) -> Result<String, String> {
    let name = format!("podscope-{pid}.scope");
    ask(&name, pid).map_err(|e| format!("systemd gives no scope: {e}"))?;
    // the answer says that the job is queued; that it is done, the kernel says
    let deadline = Instant::now() + PATIENCE;
    loop {
        match cgroup::of_process(pid) {
            Some(path) if path.ends_with(&format!("/{name}")) => return Ok(path),
            Some(_) if Instant::now() < deadline => sleep(Duration::from_millis(1)),
            _ => return Err(format!("systemd did not start {name} within {PATIENCE:?}")),
        }
    }
}

fn ask(name: &str, pid: u32) -> zbus::Result<OwnedObjectPath> {
    let bus = if geteuid().is_root() { connection::Builder::system() } else { connection::Builder::session() };
    let bus: Connection = bus?.method_timeout(PATIENCE).build()?;
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
