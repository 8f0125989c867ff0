//! An init that has nothing to do does nothing.

use crate::support::{Init, Start, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{thread::sleep, time::Duration};

/// Linux tells the parent with a CHLD unless it said `SA_NOCLDSTOP`; the peers do not say so.
pub fn stop_and_cont_of_a_child(init: Init) {
    const ROUNDS: u64 = 20;
    let pod = Start::first(init).ready();
    let child = pod.children().first().expect("it has a child").pid;
    let before = pod.asleep();
    for _ in 0..ROUNDS {
        for (signal, state) in [(Signal::SIGSTOP, 'T'), (Signal::SIGCONT, 'S')] {
            kill(Pid::from_raw(child), signal).expect("its child lives");
            until("the child's state", || pod.children().iter().any(|one| one.pid == child && one.state == state));
        }
    }
    // One real CHLD: by now any other would have woken it too.
    pod.reaps_one();
    let woken = pod.asleep() - before;
    if init == Init::PauseInit {
        assert!(woken <= 2, "woken {woken} times for one orphan");
    } else {
        assert!(woken >= ROUNDS / 2, "expected of {init:?}: woken by them, was {woken} times");
    }
}

/// Neither woken nor run for a second and a half; tini looks about once a second.
pub fn sleep_is_sleep(init: Init) {
    let pod = Start::first(init).ready();
    let (sleeps, ticks) = (pod.asleep(), pod.stat().ticks);
    if init == Init::Tini {
        until("tini wakes for nothing", || pod.sleeps() > sleeps);
        return;
    }
    sleep(Duration::from_millis(1500));
    assert_eq!(pod.stat().ticks, ticks, "no time of the CPU");
    assert_eq!(pod.sleeps(), sleeps, "woken");
    if init == Init::PauseInit {
        assert_eq!(ticks, 0, "nor did its start take a tick");
        assert_eq!(pod.status("SigCgt").trim_start_matches('0'), "", "no handler");
    }
}

pub fn memory_is_tiny(init: Init) {
    let pod = Start::first(init).ready();
    let kilobytes: u32 = pod.status("VmRSS").parse().expect("a number");
    assert!(kilobytes <= 32, "{kilobytes} kB");
    assert_eq!(pod.status("VmData"), "0", "no heap");
}
