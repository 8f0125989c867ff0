//! Idle stand-ins sleep in a system call without a timeout.

use std::fs;

use crate::ports::publish;
use crate::support::{Applet, connect, get, wait_for};
use crate::web::workers;

/// Whether a process sleeps in a system call without a timeout. `timeout` is the index of that argument.
fn sleeps_for_good(pid: u32, timeout: usize) -> bool {
    let Ok(call) = fs::read_to_string(format!("/proc/{pid}/syscall")) else { return false };
    let argument =
        call.split_whitespace().nth(1 + timeout).and_then(|a| u64::from_str_radix(a.trim_start_matches("0x"), 16).ok());
    // -1 as an int, or no pointer
    argument.is_some_and(|a| a as u32 == u32::MAX || a == 0)
}

/// The index of the timeout of `epoll_wait(2)`.
const EPOLL_TIMEOUT: usize = 3;
/// The index of the timeout of `poll(2)` and `ppoll(2)`.
const POLL_TIMEOUT: usize = 2;

#[test]
fn servers_and_the_publisher_have_no_timer_when_idle() {
    let web = Applet::start(&["web", "--port", "0", "--log", "/dev/stdout"]);
    let blog = Applet::start(&["blog", "--port", "0"]);
    let (publisher, port) = publish(blog.port());
    get(web.port(), "/");
    get(port, "/");
    wait_for("two workers", || workers(web.pid).len() == 2);
    wait_for("the master sleeps", || sleeps_for_good(web.pid, POLL_TIMEOUT));
    for pid in workers(web.pid).into_iter().chain([blog.pid, publisher.pid]) {
        wait_for("it sleeps", || sleeps_for_good(pid, EPOLL_TIMEOUT));
    }
    // the publisher has no timer for idle connections either
    let _silent = connect(port);
    wait_for("it sleeps", || sleeps_for_good(publisher.pid, EPOLL_TIMEOUT));
}
