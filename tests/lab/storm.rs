//! Kills the app, the node or pause at random moments: nothing of the lab may remain.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::support::{Bench, PATIENCE, container, ns, processes, spec, status_field};

/// Set for the copy of this test program that plays the app.
const ROLE: &str = "PODSCOPE_TEST_APP";
/// The number of rounds of each test unless a longer one is asked for.
const ROUNDS: u32 = 60;
const EARLY_ROUNDS: u32 = 20;

/// Plays the app: a lab with a pod that forks without end, until it is killed.
#[test]
#[ignore = "not a test: the app of the other tests here"]
fn the_app() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let bench = Bench::new();
    println!("\nnode {}", bench.lab.node().pid);
    let fork = "while true; do (sleep 0.01 &); sleep 0.02; done";
    let mut bench = bench;
    let pod = bench.run(spec("storm", true, vec![container("a", fork), container("b", "sleep 1000 & sleep 1000")]));
    println!("\npause {}", crate::support::pause(&pod).pid);
    loop {
        std::thread::park();
    }
}

/// The user namespace of a process, while it lives.
fn user_ns(pid: u32) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(format!("/proc/{pid}/ns/user")).ok().map(|m| m.ino())
}

/// The lab's cgroups that this app has created below our own.
fn cgroups(app: u32) -> Vec<PathBuf> {
    let Some(own) = crate::cgroup::own_directory() else { return Vec::new() };
    let entries = fs::read_dir(own).into_iter().flatten().flatten();
    let name = format!("podscope-{app}-");
    entries.filter(|e| e.file_name().to_string_lossy().starts_with(&name)).map(|e| e.path()).collect()
}

/// The processes that wait to remove these cgroups.
fn cleanups(app: u32) -> Vec<u32> {
    let name = format!("/podscope-{app}-");
    let cleans = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.contains("__cleanup") && line.contains(&name)
    };
    processes().into_iter().filter(cleans).collect()
}

#[test]
fn an_app_that_dies_while_it_starts_leaves_no_cgroup() {
    nix::sys::prctl::set_child_subreaper(true).expect("a subreaper");
    for round in 0..crate::rounds::number_of(EARLY_ROUNDS) {
        let mut app = Command::new(std::env::current_exe().expect("this program"))
            .args(["storm::the_app", "--exact", "--ignored", "--test-threads=1"])
            .env(ROLE, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the app starts");
        // its first child is the node's launcher or the process that cleans up
        crate::support::wait_for("a process of the app's", || !crate::support::children(app.id()).is_empty());
        // a different moment in every round
        std::thread::sleep(Duration::from_micros(u64::from(round * 7919 % 10_000)));
        let cleanups = cleanups(app.id());
        let _ = app.kill();
        let _ = app.wait();
        crate::support::wait_for("nothing to remain", || {
            cgroups(app.id()).is_empty() && self::cleanups(app.id()).is_empty()
        });
        for pid in cleanups {
            let _ = waitpid(Pid::from_raw(pid as i32), None);
        }
    }
}

#[test]
fn nothing_remains_after_any_process_is_killed() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let links: BTreeSet<String> = links();
    let own = ns(std::process::id(), "user");
    // orphaned nodes are reaped by this test, independent of the machine's init
    nix::sys::prctl::set_child_subreaper(true).expect("a subreaper");
    let mut took = Vec::new();
    for round in 0..crate::rounds::number_of(ROUNDS) {
        let mut app = Command::new(std::env::current_exe().expect("this program"))
            .args(["storm::the_app", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the app starts");
        let mut lines = BufReader::new(app.stdout.take().expect("piped")).lines();
        let mut read_pid = |key: &str| -> Option<u32> {
            lines.by_ref().map_while(Result::ok).find_map(|l| l.strip_prefix(key)?.trim().parse().ok())
        };
        let node = read_pid("node ").expect("a node");
        let ours = user_ns(node).filter(|ns| *ns != own);
        // a different moment in every round, before or after the pod is up; random numbers are not needed
        let moment = Duration::from_micros(u64::from(round * 7919 % 30_000));
        let signal = if round % 8 == 4 { Signal::SIGQUIT } else { Signal::SIGKILL };
        let victim = match round % 4 {
            0 | 3 => app.id(),
            1 => node,
            _ => read_pid("pause ").expect("a pause"),
        };
        std::thread::sleep(moment);
        let _ = kill(Pid::from_raw(victim as i32), signal);
        if victim != app.id() {
            // the app is still alive; when it ends, everything must end
            let pause_only = round % 4 == 2;
            if pause_only {
                std::thread::sleep(Duration::from_millis(2));
            }
            let _ = app.kill();
        }
        let dead = Instant::now();
        let cleanups = cleanups(app.id());
        let _ = app.wait();
        // found by namespace and by descent, not only by name
        let remains = || -> Vec<u32> {
            let _ = waitpid(Pid::from_raw(node as i32), Some(WaitPidFlag::WNOHANG));
            let of_ours = |pid: &u32| {
                user_ns(*pid).is_some_and(|ns| Some(ns) == ours)
                    || *pid == node && status_field(*pid, "Name").as_deref() == Some("podscope-node")
            };
            processes().into_iter().filter(of_ours).collect()
        };
        while !remains().is_empty() || !cgroups(app.id()).is_empty() || !self::cleanups(app.id()).is_empty() {
            assert!(
                dead.elapsed() < PATIENCE,
                "round {round}, {victim} killed after {moment:?}: {:?} remain, {:?} and {:?}",
                remains().iter().map(|p| (*p, status_field(*p, "Name"), status_field(*p, "State"))).collect::<Vec<_>>(),
                cgroups(app.id()),
                self::cleanups(app.id()),
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        took.push(dead.elapsed());
        for pid in cleanups {
            let _ = waitpid(Pid::from_raw(pid as i32), None);
        }
    }
    took.sort_unstable();
    println!(
        "until nothing remained: half of the rounds took at most {:?}, all {:?}",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").expect("mounts"), mounts);
    assert_eq!(self::links(), links);
}

fn links() -> BTreeSet<String> {
    let names = fs::read_dir("/sys/class/net").expect("interfaces").filter_map(Result::ok);
    names.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}
