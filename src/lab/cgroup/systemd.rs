//! A scope from systemd (`org.freedesktop.systemd1(5)`): the user's own manager, or for root the system's.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::bounded;
use nix::unistd::geteuid;
use zbus::MatchRule;
use zbus::blocking::{Connection, MessageIterator, Proxy, connection};
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::model::{CgroupProblem, OsError};
use crate::observe::cgroup;
use crate::sys::thread;

/// Time limit of the request and its job, which take about 10 ms.
const TIMEOUT: Duration = Duration::from_secs(4);

const SYSTEMD: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// Whether systemd is the init system, as `sd_booted(3)` checks it.
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Moves a process into a new scope with delegation, and returns the scope's cgroup.
pub fn scope(pid: u32) -> Result<String, CgroupProblem> {
    let name = format!("podscope-{pid}.scope");
    let bus = if geteuid().is_root() { connection::Builder::system() } else { connection::Builder::session() };
    let bus = bus.and_then(connection::Builder::build)?;
    start_within(TIMEOUT, bus, &name, pid)?;
    match cgroup::of_process(pid) {
        Some(path) if path.ends_with(&format!("/{name}")) => Ok(path),
        cgroup => Err(CgroupProblem::ScopeEmpty { unit: name, cgroup }),
    }
}

impl From<zbus::Error> for CgroupProblem {
    fn from(e: zbus::Error) -> Self {
        Self::ScopeRefused { message: e.to_string() }
    }
}

/// Starts a scope, within this time.
fn start_within(timeout: Duration, bus: Connection, name: &str, pid: u32) -> Result<(), CgroupProblem> {
    let (done, is_done) = bounded(1);
    let (of_thread, of_name) = (bus.clone(), name.to_owned());
    // zbus waits for a signal without a time limit, so a thread of its own waits
    let run = move || drop(done.send(start(&of_thread, &of_name, pid)));
    thread::spawn("systemd", run).map_err(|e| CgroupProblem::ScopeNotRequested(OsError(e.errno() as i32)))?;
    let started = is_done.recv_timeout(timeout);
    // this also ends the thread if it still waits
    let _ = bus.close();
    let late = |_| CgroupProblem::ScopeLate { unit: name.to_owned(), timeout_ms: timeout.as_millis() as u64 };
    started.map_err(late)?
}

/// Starts a scope with this process in it, and waits until systemd has done that.
fn start(bus: &Connection, name: &str, pid: u32) -> Result<(), CgroupProblem> {
    let job_removed = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(SYSTEMD)?
        .path(PATH)?
        .interface(MANAGER)?
        .member("JobRemoved")?
        .arg(2, name)?
        .build();
    // before the request, since the signal may come before the answer
    let removed = MessageIterator::for_match_rule(job_removed, bus, None)?;
    let manager = Proxy::new(bus, SYSTEMD, PATH, MANAGER)?;
    // systemd sends most signals only while a client asks for them
    manager.call::<_, _, ()>("Subscribe", &())?;
    let properties: Vec<(&str, Value<'_>)> = vec![
        ("Description", Value::from("Pods of Podscope")),
        ("PIDs", Value::from(vec![pid])),
        ("Delegate", Value::from(true)),
        ("CollectMode", Value::from("inactive-or-failed")),
    ];
    let auxiliary: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
    let job: OwnedObjectPath = manager.call("StartTransientUnit", &(name, "fail", properties, auxiliary))?;
    for signal in removed {
        let (_, ended, _, result): (u32, OwnedObjectPath, String, String) = signal?.body().deserialize()?;
        if ended == job {
            let failed = |result| CgroupProblem::ScopeFailed { unit: name.to_owned(), result };
            return if result == "done" { Ok(()) } else { Err(failed(result)) };
        }
    }
    Err(CgroupProblem::BusClosed)
}

#[cfg(test)]
mod tests;
