//! The example program of wait(2): a parent that waits for its child to stop, continue and end.
//!
//! The child sleeps until it gets a signal. USR1 lets it exit with `--status N` (0). When it has ended, the next one is
//! started. With `--once` the parent ends instead.

use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::options::Options;
use super::{Call, end_on_term_as_init, print_error, print_line, title, usage_error};
use crate::sys::fork::{self, SingleThreaded};
use crate::sys::{signals, wait};

pub fn main(call: &Call<'_>) -> i32 {
    let read = Options::read(call.args, &["status"], &["once"])
        .and_then(|options| Ok((options.number::<u8>("status", 0)?, options.has("once"))));
    let (status, once) = match read {
        Ok(read) => read,
        Err(why) => return usage_error("waiter", &why),
    };
    end_on_term_as_init();
    let Ok(alone) = SingleThreaded::check() else { return 1 };
    loop {
        let pid = match fork::spawn(&alone, CloneFlags::empty(), || child(status)) {
            Ok(child) => child.pid,
            Err(e) => {
                print_error(format_args!("waiter: cannot start a child: {}", e.desc()));
                return 1;
            }
        };
        print_line(format_args!("Child PID is {pid}"));
        while let Ok(status) = wait::change(pid) {
            print_line(describe(status));
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                break;
            }
        }
        if once {
            return 0;
        }
    }
}

fn child(status: u8) -> i32 {
    title::set("waiter: child", "waiter: child");
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // reset the handlers, inherited from a parent that may be PID 1, so that signals can kill it
    let awaited = SigSet::from_iter([Signal::SIGUSR1]);
    if signals::reset().and_then(|()| awaited.thread_block()).is_err() {
        return 1;
    }
    let _ = awaited.wait();
    i32::from(status)
}

/// Describes a wait status as the manual page's example does.
fn describe(status: i32) -> String {
    if libc::WIFEXITED(status) {
        format!("exited, status={}", libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        format!("killed by signal {}", libc::WTERMSIG(status))
    } else if libc::WIFSTOPPED(status) {
        format!("stopped by signal {}", libc::WSTOPSIG(status))
    } else {
        "continued".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn statuses_are_printed_as_in_the_manual_page() {
        for (status, words) in [
            (0x0300, "exited, status=3"),
            (9, "killed by signal 9"),
            (0x8b, "killed by signal 11"),
            (0x137f, "stopped by signal 19"),
            (0xffff, "continued"),
        ] {
            assert_eq!(describe(status), words);
        }
    }
}
