//! The stand-in that makes zombies.

use std::process::Command;

use nix::sys::prctl;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::support::{Applet, children, comm, signal, stat, wait_for, wait_some};

#[test]
fn held_zombies_stay_as_long_as_their_parent() {
    prctl::set_child_subreaper(true).expect("allowed");
    let mut zombies = Applet::start(&["zombies", "--mode", "held", "--rate", "0", "--total", "50"]);
    zombies.wait_for_output("zombies: made 50\n");
    assert_eq!(comm(zombies.pid), "zombies");
    let held = children(zombies.pid);
    assert_eq!(held.len(), 50);
    wait_for("all are zombies", || held.iter().all(|pid| stat(*pid).is_some_and(|it| it == ('Z', zombies.pid))));
    assert!(held.iter().all(|pid| comm(*pid) == "zombies: held"));
    zombies.signal("TERM");
    assert_eq!(zombies.exit_code(), -15);
    // they are reparented to the test, which reaps them
    for pid in held {
        let pid = Pid::from_raw(pid as i32);
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
    }
}

#[test]
fn thousands_of_zombies_are_made_as_fast_as_possible() {
    const MANY: usize = 10_000;
    prctl::set_child_subreaper(true).expect("allowed");
    // an ordinary user may be limited to fewer processes
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).expect("known");
    let pids: u64 =
        std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("known").trim().parse().expect("a number");
    let many = MANY.min(soft.min(pids) as usize / 2);
    let zombies = Applet::start(&["zombies", "--mode", "held", "--rate", "0", "--total", &many.to_string()]);
    zombies.wait_for_output(&format!("zombies: made {many}\n"));
    let held = children(zombies.pid);
    assert_eq!(held.len(), many);
    wait_for("all are zombies", || held.iter().all(|pid| stat(*pid).is_some_and(|(state, _)| state == 'Z')));
    drop(zombies);
    for pid in held {
        let _ = waitpid(Pid::from_raw(pid as i32), None);
    }
}

#[test]
fn orphans_are_reparented_to_the_subreaper_that_reaps_them() {
    // in a pod the subreaper is pause; here it is the test
    prctl::set_child_subreaper(true).expect("allowed");
    let me = std::process::id();
    let zombies = Applet::start(&["zombies", "--mode", "orphan", "--rate", "0", "--total", "3", "--hold", "600000"]);
    zombies.wait_for_output("zombies: made 3\n");
    assert_eq!(children(zombies.pid), []);
    let orphans = wait_some("three orphans", || {
        let ours: Vec<u32> = children(me).into_iter().filter(|pid| comm(*pid) == "orphan").collect();
        (ours.len() == 3).then_some(ours)
    });
    for pid in orphans {
        signal(pid, "KILL");
        wait_for("a zombie", || stat(pid) == Some(('Z', me)));
        let pid = Pid::from_raw(pid as i32);
        assert!(matches!(waitpid(pid, None), Ok(WaitStatus::Signaled(..))));
    }
}

#[test]
fn without_room_zombies_waits_and_prints_one_warning() {
    if nix::unistd::geteuid().is_root() {
        // the limit does not apply to root; the test is also run as an ordinary user
        return;
    }
    let mut command = Command::new("prlimit");
    command.args(["--nproc=1:", env!("CARGO_BIN_EXE_podscope"), "__applet", "zombies", "--mode", "held"]);
    command.args(["--rate", "0", "--total", "3"]);
    let zombies = Applet::of(command);
    zombies.wait_for_output("zombies: no room for another process after 0: ");
    zombies.wait_for_output("; waits for room\n");
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).expect("known");
    let hard = if hard == RLIM_INFINITY { "unlimited".to_owned() } else { hard.to_string() };
    let raised = Command::new("prlimit").args([format!("--pid={}", zombies.pid), format!("--nproc={hard}:")]).status();
    assert!(raised.expect("prlimit runs").success());
    zombies.wait_for_output("zombies: made 3\n");
    assert_eq!(zombies.output().matches("no room").count(), 1, "{}", zombies.output());
}
