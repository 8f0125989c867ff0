//! The stand-ins crash, waiter, deaf and client.

use std::fs;

use crate::support::{Applet, children, comm, signal, site, stat, text, wait_for, wait_some};

#[test]
fn crash_ends_as_its_options_say() {
    for (args, end, line) in [
        (&["crash"][..], 1, "crash: exits with code 1\n"),
        (&["crash", "--code", "42", "--after", "10ms"], 42, "crash: exits with code 42\n"),
        (&["crash", "--code", "0"], 0, "crash: exits with code 0\n"),
        (&["crash", "--signal", "SEGV"], -11, "crash: dies by SIGSEGV\n"),
        (&["crash", "--signal", "SIGABRT"], -6, "crash: dies by SIGABRT\n"),
        (&["crash", "--signal", "KILL", "--after", "0"], -9, "crash: dies by SIGKILL\n"),
        (&["crash", "--code", "256"], 64, "crash: --code is \"256\"; expected a number\n"),
        (&["crash", "--signal", "NOPE"], 64, "crash: --signal is \"NOPE\"; expected a signal such as SEGV\n"),
    ] {
        let mut crash = Applet::start(args);
        assert_eq!(crash.exit_code(), end, "{args:?}");
        crash.wait_for_output(line);
        assert_eq!(crash.output(), line, "{args:?}");
    }
}

#[test]
fn crash_keeps_running_once_its_file_exists() {
    let dir = site();
    let file = dir.path().join("ok");
    let args = ["crash", "--healthy", text(&file)];
    assert_eq!(Applet::start(&args).exit_code(), 1);
    fs::write(&file, "").expect("written");
    let mut crash = Applet::start(&args);
    crash.wait_for_output("is there: runs on");
    assert_eq!(comm(crash.pid), "crash");
    crash.signal("TERM");
    assert_eq!(crash.exit_code(), -15);
}

#[test]
fn the_waiter_reports_each_state_change_of_its_child() {
    let waiter = Applet::start(&["waiter", "--status", "7"]);
    waiter.wait_for_output("Child PID is ");
    assert_eq!(comm(waiter.pid), "waiter");
    let child = |not: u32| {
        wait_some("a child that sleeps", || {
            let sleeps = |pid: &u32| comm(*pid) == "waiter: child" && stat(*pid).is_some_and(|(state, _)| state == 'S');
            children(waiter.pid).into_iter().find(|pid| *pid != not && sleeps(pid))
        })
    };
    let first = child(0);
    signal(first, "STOP");
    waiter.wait_for_output("stopped by signal 19\n");
    assert_eq!(stat(first).map(|(state, _)| state), Some('T'));
    signal(first, "CONT");
    waiter.wait_for_output("continued\n");
    signal(first, "KILL");
    waiter.wait_for_output("killed by signal 9\n");
    let second = child(first);
    signal(second, "TERM");
    waiter.wait_for_output("killed by signal 15\n");
    let third = child(second);
    signal(third, "USR1");
    waiter.wait_for_output("exited, status=7\n");
    let fourth = child(third);
    waiter.wait_for_output(&format!("Child PID is {fourth}\n"));
    assert_eq!(
        waiter.output(),
        format!(
            "Child PID is {first}\nstopped by signal 19\ncontinued\nkilled by signal 9\nChild PID is {second}\nkilled by \
             signal 15\nChild PID is {third}\nexited, status=7\nChild PID is {fourth}\n"
        )
    );
}

#[test]
fn with_once_the_waiter_ends_with_its_child_and_a_child_always_ends_with_it() {
    let mut waiter = Applet::start(&["waiter", "--once"]);
    waiter.wait_for_output("Child PID is ");
    let child = wait_some("a child", || children(waiter.pid).pop());
    signal(child, "KILL");
    assert_eq!(waiter.exit_code(), 0);
    let mut waiter = Applet::start(&["waiter"]);
    let child = wait_some("a child", || children(waiter.pid).into_iter().find(|pid| comm(*pid) == "waiter: child"));
    wait_for("it sleeps", || stat(child).is_some_and(|(state, _)| state == 'S'));
    waiter.signal("KILL");
    assert_eq!(waiter.exit_code(), -9);
    wait_for("the child ends", || stat(child).is_none_or(|(state, _)| state == 'Z'));
}

#[test]
fn deaf_ignores_term() {
    let mut deaf = Applet::start(&["deaf"]);
    deaf.wait_for_output("deaf: ignores TERM and INT\n");
    let status = fs::read_to_string(format!("/proc/{}/status", deaf.pid)).expect("alive");
    let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).expect("a set").trim();
    let ignored = u64::from_str_radix(ignored, 16).expect("hexadecimal");
    assert_eq!(ignored & 0x4002, 0x4002, "INT and TERM in {ignored:x}");
    deaf.signal("TERM");
    deaf.signal("INT");
    // an ignored signal is dropped when it is sent; otherwise the process would be dead by now
    wait_for("it sleeps on", || stat(deaf.pid).is_some_and(|(state, _)| state == 'S'));
    assert_eq!(comm(deaf.pid), "deaf");
    deaf.signal("KILL");
    assert_eq!(deaf.exit_code(), -9);
}

#[test]
fn the_client_prints_a_line_for_each_poll() {
    let mut blog = Applet::start(&["blog", "--port", "0"]);
    let url = format!("http://localhost:{}/pause/", blog.port());
    let client = Applet::start(&["client", "--url", &url, "--every", "100ms"]);
    client.wait_for_output(&format!("GET {url}: 200 OK: <!doctype html>\nGET {url}: 200 OK"));
    assert_eq!(comm(client.pid), "client");
    blog.signal("TERM");
    assert_eq!(blog.exit_code(), 0);
    client.wait_for_output(&format!("GET {url}: Connection refused"));
}

#[test]
fn an_unknown_stand_in_is_refused_with_the_known_ones() {
    let mut none = Applet::start(&["nope"]);
    assert_eq!(none.exit_code(), 64);
    none.wait_for_output(
        "there is no stand-in \"nope\"; expected one of web, blog, client, zombies, crash, waiter, deaf",
    );
}
