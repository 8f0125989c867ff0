//! A bus with a manager that answers as systemd does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::zvariant::ObjectPath;

use super::{MANAGER, PATH, SYSTEMD, start_within};
use crate::model::CgroupProblem;

const SCOPE: &str = "podscope-1.scope";

struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon: scripts/setup test installs it");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe")).read_line(&mut address).expect("an address");
        Self { daemon, address: address.trim().to_owned() }
    }

    fn connect(&self) -> Connection {
        connection::Builder::address(self.address.as_str()).and_then(connection::Builder::build).expect("connected")
    }

    /// A manager whose job for a unit gets each of these results, as (unit, result), before the request is answered.
    fn manager(&self, jobs: &'static [(&str, &str)]) {
        let bus = self.connect();
        bus.request_name(SYSTEMD).expect("the name is free");
        thread::spawn(move || {
            for call in MessageIterator::from(&bus) {
                let Ok(call) = call else { return };
                let header = call.header();
                match header.member().map(zbus::names::MemberName::as_str) {
                    Some("Subscribe") => bus.reply(&header, &()).expect("answered"),
                    Some("StartTransientUnit") => {
                        let job = ObjectPath::from_static_str_unchecked("/job/7");
                        for (unit, result) in jobs {
                            let body = (7_u32, &job, *unit, *result);
                            bus.emit_signal(None::<&str>, PATH, MANAGER, "JobRemoved", &body).expect("sent");
                        }
                        bus.reply(&header, &job).expect("answered");
                    }
                    _ => {}
                }
            }
        });
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn start(jobs: &'static [(&str, &str)], timeout: Duration) -> Result<(), CgroupProblem> {
    let bus = Bus::start();
    bus.manager(jobs);
    start_within(timeout, bus.connect(), SCOPE, 1)
}

#[test]
fn a_scope_is_ready_when_its_own_job_is_done() {
    assert_eq!(start(&[("other.scope", "failed"), (SCOPE, "done")], Duration::from_secs(20)), Ok(()));
}

#[test]
fn a_failed_job_is_reported_at_once() {
    let began = Instant::now();
    let told = start(&[(SCOPE, "failed")], Duration::from_mins(1));
    assert_eq!(told, Err(CgroupProblem::ScopeFailed { unit: SCOPE.to_owned(), result: "failed".to_owned() }));
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_job_that_does_not_end_is_given_up() {
    let told = start(&[("other.scope", "done")], Duration::from_millis(300));
    assert_eq!(told, Err(CgroupProblem::ScopeLate { unit: SCOPE.to_owned(), timeout_ms: 300 }));
}

#[test]
fn without_systemd_on_the_bus_there_is_no_scope() {
    let bus = Bus::start();
    let told = start_within(Duration::from_secs(20), bus.connect(), SCOPE, 1);
    assert!(matches!(told, Err(CgroupProblem::ScopeRefused { .. })), "{told:?}: nobody has the name");
}
