//! Signals to a running init.

use crate::support::{End, Init, Start};
use nix::sys::{signal::Signal, wait::WaitStatus};

pub const INTERRUPT: &str = "Shutting down, got signal: Interrupt\n";
pub const TERMINATED: &str = "Shutting down, got signal: Terminated\n";

pub fn term_ends(init: Init) {
    ends(init, Signal::SIGTERM, TERMINATED);
}

pub fn int_ends(init: Init) {
    ends(init, Signal::SIGINT, INTERRUPT);
}

fn ends(init: Init, signal: Signal, message: &str) {
    for from_inside in [false, true] {
        let mut pod = Start::as_pid_1(init).ready();
        if from_inside {
            pod.actor.end_init(signal);
        } else {
            pod.kill(signal);
        }
        let end = pod.wait();
        assert_eq!(end, init.exit_status_after(pod.pid, signal));
        if init == Init::PauseInit {
            assert_eq!(pod.stderr(), message);
            assert_eq!(pod.stdout(), "");
        }
    }
}

/// The reference's handler ends it even while it reaps; pause must do the same.
pub fn term_during_a_storm_ends(init: Init) {
    for _ in 0..5 {
        let mut pod = Start::as_pid_1(init).ready();
        pod.actor.start_orphans(400);
        pod.kill(Signal::SIGTERM);
        pod.assert_exit_code(0);
    }
}

/// Only for pause: the peers pass these signals on to their child.
pub fn hup_usr1_quit_do_nothing(init: Init) {
    use Signal::{SIGALRM, SIGHUP, SIGPIPE, SIGQUIT, SIGSEGV, SIGUSR1, SIGUSR2};
    let mut pod = Start::as_pid_1(init).ready();
    for signal in [SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM, SIGPIPE, SIGSEGV] {
        pod.kill(signal);
        pod.actor.kill_init(signal);
        pod.let_it_reap_one();
    }
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
    assert_eq!(pod.stderr(), TERMINATED);
}

pub fn kill_and_stop_from_inside_do_nothing(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        pod.actor.kill_init(signal);
        pod.let_it_reap_one();
    }
}

/// All processes in its pid namespace end with it.
pub fn kill_from_outside_ends_all(init: Init) {
    let mut pod = Start::as_pid_1(init).ready();
    pod.actor.orphans(1, End::Exit(0));
    let members = pod.children();
    assert!(!members.is_empty());
    pod.kill(Signal::SIGKILL);
    assert_eq!(pod.wait(), WaitStatus::Signaled(pod.pid, Signal::SIGKILL, false));
    for member in members {
        let now = crate::support::Stat::read(member.pid);
        assert!(now.is_none_or(|now| now.ppid != member.ppid), "{} outlived its init", member.comm);
    }
}
