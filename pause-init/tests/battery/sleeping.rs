//! An init that has nothing to do is not woken.

use crate::support::{Init, Start, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{thread::sleep, time::Duration};

/// Linux sends the parent a CHLD for these unless it has set `SA_NOCLDSTOP`; the peers do not set it.
pub fn stop_and_cont_of_a_child_do_not_wake_pause(init: Init) {
    const ROUNDS: u64 = 20;
    let pod = Start::as_pid_1(init).ready();
    let child = pod.children().first().expect("it has a child").pid;
    let before = pod.wait_until_asleep();
    for _ in 0..ROUNDS {
        for (signal, state) in [(Signal::SIGSTOP, 'T'), (Signal::SIGCONT, 'S')] {
            kill(Pid::from_raw(child), signal).expect("its child lives");
            until("the child's state", || pod.children().iter().any(|one| one.pid == child && one.state == state));
        }
    }
    // One real CHLD: any other CHLD would have woken it by now.
    pod.let_it_reap_one();
    let woken = pod.wait_until_asleep() - before;
    if init == Init::PauseInit {
        assert!(woken <= 2, "woken {woken} times for one orphan");
    } else {
        assert!(woken >= ROUNDS / 2, "{init:?} is expected to be woken by them, but was {woken} times");
    }
}

/// It is not woken and does not run for 1.5 seconds; tini wakes about once a second.
pub fn an_idle_init_is_not_woken(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    let (sleeps, ticks) = (pod.wait_until_asleep(), pod.stat().ticks);
    if init == Init::Tini {
        until("tini wakes without a reason", || pod.sleep_count() > sleeps);
        return;
    }
    sleep(Duration::from_millis(1500));
    assert_eq!(pod.stat().ticks, ticks, "no CPU time");
    assert_eq!(pod.sleep_count(), sleeps, "woken");
    if init == Init::PauseInit {
        assert_eq!(ticks, 0, "its start took less than a tick");
        assert_eq!(pod.status("SigCgt").trim_start_matches('0'), "", "no handler");
    }
}

pub fn memory_is_at_most_32_kb(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    let kilobytes: u32 = pod.status("VmRSS").parse().expect("a number");
    assert!(kilobytes <= 32, "{kilobytes} kB");
    assert_eq!(pod.status("VmData"), "0", "no heap");
}
