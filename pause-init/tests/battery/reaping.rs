//! Orphans, and what becomes of them.

use crate::support::{End, Init, Running, Start, before, until};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

pub fn orphan_is_adopted_and_reaped(init: Init) {
    let pod = Start::first(init).ready();
    let orphans = pod.actor.orphans(1, End::Exit(7));
    assert_eq!(orphans[0].1, 1, "adopted by the init");
    pod.reaps_all();
}

pub fn storm_of_1000_orphans_leaves_none(init: Init) {
    let pod = Start::first(init).ready();
    let orphans = pod.actor.orphans(1000, End::Exit(0));
    assert!(orphans.iter().all(|(_, parent)| *parent == 1), "adopted by the init");
    pod.reaps_all();
}

/// Two dozen children end while one CHLD is pending: it is all the init hears of them.
pub fn one_signal_for_many_children(init: Init) {
    let pod = Start::first(init).ready();
    stop_and_pile_up(&pod, 24);
    let pending = u64::from_str_radix(&pod.status("ShdPnd"), 16).expect("a mask");
    assert_eq!(pending, 1 << (Signal::SIGCHLD as i32 - 1), "CHLD, once");
    let sleeps = pod.sleeps();
    pod.kill(Signal::SIGCONT);
    pod.reaps_all();
    pod.asleep();
    assert!(pod.sleeps() - sleeps <= 4, "woken by that one signal, not 24 times");
}

pub fn stopped_init_collects_zombies_until_continued(init: Init) {
    let pod = Start::first(init).ready();
    for round in 1..=3 {
        stop_and_pile_up(&pod, 5 * round);
        pod.kill(Signal::SIGCONT);
        pod.reaps_all();
    }
}

fn stop_and_pile_up(pod: &Running, count: i32) {
    pod.kill(Signal::SIGSTOP);
    pod.is_stopped();
    pod.actor.orphans(count, End::Exit(0));
    until("zombies pile up", || pod.zombies() == count as usize);
}

/// Nobody sends a signal for these any more.
pub fn children_dead_before_exec_are_reaped(init: Init) {
    let pod = Start::first(init).before(|| (0..5).for_each(|_| before::child_that_died())).run();
    if init == Init::Catatonit {
        // Nor does it look: only the next CHLD tells it.
        until("catatonit has its command", || pod.children().iter().any(|child| child.comm == "cat"));
        assert_eq!(pod.zombies(), 5);
        pod.actor.orphans(1, End::Exit(0));
    }
    pod.reaps_all();
}

pub fn subreaper_reaps(init: Init) {
    let pod = Start::not_first(init).before(before::subreaper).ready();
    let orphans = pod.actor.orphans(50, End::Exit(0));
    assert!(orphans.iter().all(|(_, parent)| *parent == pod.pid.as_raw()), "adopted by the init");
    pod.reaps_all();
}

pub fn no_reap_leaves_zombies(init: Init) {
    let mut pod = Start::first(init).arguments(&["--no-reap"]).run();
    pod.actor.orphans(20, End::Exit(0));
    until("zombies stay", || pod.zombies() == 20);
    let sleeps = pod.asleep();
    pod.actor.orphans(1, End::Exit(0));
    until("one more zombie", || pod.zombies() == 21);
    assert_eq!(pod.sleeps(), sleeps, "they do not even wake it");
    pod.kill(Signal::SIGTERM);
    pod.ends_with(0);
}

pub fn delay_shows_each_zombie(init: Init) {
    const DELAY: Duration = Duration::from_millis(120);
    for option in [vec!["--reap-delay-ms", "120"], vec!["--reap-delay-ms=120"]] {
        let pod = Start::first(init).arguments(&option).run();
        let start = Instant::now();
        pod.actor.orphans(3, End::Exit(0));
        pod.reaps_all();
        assert!(start.elapsed() >= 3 * DELAY, "each was there to be seen");
    }
}

pub fn delay_does_not_delay_term(init: Init) {
    let mut pod = Start::first(init).arguments(&["--reap-delay-ms", "4294967295"]).run();
    pod.actor.orphans(3, End::Exit(0));
    until("all three are zombies", || pod.zombies() == 3);
    // Stopped and continued, it still waits out its delay.
    pod.asleep();
    pod.kill(Signal::SIGSTOP);
    pod.is_stopped();
    pod.kill(Signal::SIGCONT);
    pod.asleep();
    assert_eq!(pod.zombies(), 3);
    pod.kill(Signal::SIGTERM);
    pod.ends_with(0);
}
