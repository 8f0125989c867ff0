//! The stand-ins as PID 1, as in a container of a pod that does not share its processes.

use std::fs;

use crate::support::{Applet, as_init, children, comm, stat, wait_for};

/// Whether this process has a handler for the signal.
fn catches(pid: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught =
        status.lines().find_map(|l| l.strip_prefix("SigCgt:")).and_then(|l| u64::from_str_radix(l.trim(), 16).ok());
    caught.is_some_and(|caught| caught & (1 << (signal - 1)) != 0)
}

#[test]
fn term_ends_the_stand_ins_with_a_handler_as_pid_1() {
    for (args, word) in [
        (&["client", "--url", "http://127.0.0.1:1/"][..], "refused"),
        (&["waiter"], "Child PID is 2\n"),
        (&["zombies", "--mode", "held", "--total", "1", "--rate", "0"], "made 1\n"),
        (&["crash", "--healthy", "/"], "runs on\n"),
        (&["blog", "--port", "0"], "listening"),
        (&["web", "--port", "0"], "listening"),
    ] {
        let mut applet = Applet::start_as_init(args);
        applet.wait_for_output(word);
        if args[0] == "web" {
            wait_for("it waits for signals", || children(applet.pid).len() == 2);
        }
        assert_eq!(catches(applet.pid, 15), !["web", "blog"].contains(&args[0]), "{args:?}");
        applet.signal("TERM");
        // unshare exits with its child's exit code
        assert_eq!(applet.exit_code(), 0, "{args:?}: {}", applet.output());
    }
}

#[test]
fn deaf_ignores_term_as_pid_1_without_a_handler() {
    let mut deaf = Applet::start_as_init(&["deaf"]);
    deaf.wait_for_output("is PID 1 and has no handler for TERM");
    assert!(!catches(deaf.pid, 15));
    deaf.signal("TERM");
    // the signal is dropped when it is sent; otherwise the process would be dead by now
    wait_for("it sleeps on", || stat(deaf.pid).is_some_and(|(state, _)| state == 'S'));
    assert_eq!(comm(deaf.pid), "deaf");
    deaf.signal("KILL");
    deaf.exit_code();
    assert_eq!(stat(deaf.pid), None);
}

#[test]
fn pid_1_dies_by_a_fault_but_not_by_its_own_signal() {
    let mut crash = Applet::of(as_init(&["crash", "--signal", "SEGV"]));
    // unshare reports a signal by dying of it as well, or by exit code 128 plus its number
    assert!([-11, 128 + 11].contains(&crash.exit_code()), "{}", crash.output());
    let mut crash = Applet::of(as_init(&["crash", "--signal", "KILL"]));
    assert_eq!(crash.exit_code(), 128 + 9);
    crash.wait_for_output("SIGKILL does not end this process, PID 1 least of all: exits with code 137");
}

#[test]
fn orphans_come_back_to_a_pid_1_that_does_not_wait() {
    let zombies = Applet::start_as_init(&["zombies", "--mode", "orphan", "--rate", "0", "--total", "3", "--hold", "0"]);
    zombies.wait_for_output("is PID 1 here");
    wait_for("three zombies", || {
        let all = children(zombies.pid);
        all.len() == 3
            && all.iter().all(|pid| stat(*pid).is_some_and(|(state, _)| state == 'Z') && comm(*pid) == "orphan")
    });
}
