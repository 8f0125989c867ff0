//! How orphans are reaped.

use crate::support::{End, Init, Running, Start, before, until};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

pub fn orphan_is_adopted_and_reaped(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    let orphans = pod.actor.orphans(1, End::Exit(7));
    assert_eq!(orphans[0].1, 1, "adopted by the init");
    pod.wait_until_all_reaped();
}

pub fn all_of_1000_orphans_are_reaped(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    let orphans = pod.actor.orphans(1000, End::Exit(0));
    assert!(orphans.iter().all(|(_, parent)| *parent == 1), "adopted by the init");
    pod.wait_until_all_reaped();
}

/// 24 children end while one CHLD is pending: the init gets no other signal for them.
pub fn one_signal_is_enough_for_many_children(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    stop_and_make_zombies(&pod, 24);
    let pending = u64::from_str_radix(&pod.status("ShdPnd"), 16).expect("a mask");
    assert_eq!(pending, 1 << (Signal::SIGCHLD as i32 - 1), "one CHLD");
    let sleeps = pod.sleep_count();
    pod.kill(Signal::SIGCONT);
    pod.wait_until_all_reaped();
    pod.wait_until_asleep();
    assert!(pod.sleep_count() - sleeps <= 4, "woken by that one signal, not 24 times");
}

pub fn stopped_init_collects_zombies_until_continued(init: Init) {
    let pod = Start::as_pid_1(init).ready();
    for round in 1..=3 {
        stop_and_make_zombies(&pod, 5 * round);
        pod.kill(Signal::SIGCONT);
        pod.wait_until_all_reaped();
    }
}

fn stop_and_make_zombies(pod: &Running, count: i32) {
    pod.kill(Signal::SIGSTOP);
    pod.wait_until_stopped();
    pod.actor.orphans(count, End::Exit(0));
    until("zombies pile up", || pod.zombies() == count as usize);
}

/// The signals of these children were sent before the exec.
pub fn children_dead_before_exec_are_reaped(init: Init) {
    let pod = Start::as_pid_1(init).before(|| (0..5).for_each(|_| before::fork_a_zombie())).run();
    if init == Init::Catatonit {
        // catatonit does not look for them before the next CHLD.
        until("catatonit has its command", || pod.children().iter().any(|child| child.comm == "cat"));
        assert_eq!(pod.zombies(), 5);
        pod.actor.orphans(1, End::Exit(0));
    }
    pod.wait_until_all_reaped();
}

pub fn subreaper_reaps(init: Init) {
    let pod = Start::as_other_process(init).before(before::subreaper).ready();
    let orphans = pod.actor.orphans(50, End::Exit(0));
    assert!(orphans.iter().all(|(_, parent)| *parent == pod.pid.as_raw()), "adopted by the init");
    pod.wait_until_all_reaped();
}

pub fn no_reap_leaves_zombies(init: Init) {
    let mut pod = Start::as_pid_1(init).arguments(&["--no-reap"]).run();
    pod.actor.orphans(20, End::Exit(0));
    until("zombies stay", || pod.zombies() == 20);
    let sleeps = pod.wait_until_asleep();
    pod.actor.orphans(1, End::Exit(0));
    until("one more zombie", || pod.zombies() == 21);
    assert_eq!(pod.sleep_count(), sleeps, "they do not wake it");
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
}

pub fn the_delay_lets_each_zombie_be_seen(init: Init) {
    const DELAY: Duration = Duration::from_millis(120);
    for option in [vec!["--reap-delay-ms", "120"], vec!["--reap-delay-ms=120"]] {
        let pod = Start::as_pid_1(init).arguments(&option).run();
        let start = Instant::now();
        pod.actor.orphans(3, End::Exit(0));
        pod.wait_until_all_reaped();
        assert!(start.elapsed() >= 3 * DELAY, "each was a zombie for the whole delay");
    }
}

pub fn delay_does_not_delay_term(init: Init) {
    let mut pod = Start::as_pid_1(init).arguments(&["--reap-delay-ms", "4294967295"]).run();
    pod.actor.orphans(3, End::Exit(0));
    until("all three are zombies", || pod.zombies() == 3);
    // After it was stopped and continued, it continues to wait.
    pod.wait_until_asleep();
    pod.kill(Signal::SIGSTOP);
    pod.wait_until_stopped();
    pod.kill(Signal::SIGCONT);
    pod.wait_until_asleep();
    assert_eq!(pod.zombies(), 3);
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
}
