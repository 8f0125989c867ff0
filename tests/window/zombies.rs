//! Zombies and ended processes in the real window: why something ended, and the signal that helps.

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};
use crate::pod_of;

/// The zombies among the descendants of the app.
fn zombies(app: u32) -> Vec<Id> {
    let is_zombie = |p: &Id| kernel::state(p.pid).as_deref() == Some("Z");
    kernel::descendants(app).into_iter().filter(is_zombie).collect()
}

/// Waits for the five zombies of a preset whose parent never waits. Returns their parent and them.
fn held(app: u32) -> (Id, Vec<Id>) {
    wait_for("five zombies of one parent", || {
        let all = zombies(app);
        let parent = Id::of(kernel::parent(all.first()?.pid))?;
        let is_held = all.len() == 5 && all.iter().all(|p| kernel::parent(p.pid) == parent.pid);
        is_held.then_some((parent, all))
    })
}

#[test]
fn the_card_of_a_killed_worker_names_the_signal_its_sender_the_status_and_the_reaper() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    pod_of(app);
    let pill = wait_for("a worker on the map", || desktop.name_with("nginx: worker process, pid "));
    let pid = pill.split("host pid ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
    let worker = pid.and_then(Id::of).expect("its pid on the host");
    let parent = kernel::parent(worker.pid);
    desktop.click(&pill);
    desktop.wait_shown("If you send KILL");
    assert!(!desktop.shows("Why it ended"), "it lives");
    desktop.click("KILL");
    wait_for("the end of the worker", || (!worker.exists()).then_some(()));

    desktop.wait_shown("Why it ended 1: You sent SIGKILL to nginx: worker");
    desktop.wait_shown("Why it ended 2: nginx: worker was killed by SIGKILL (exit code 137)");
    desktop.wait_shown("Why it ended 3: Reaped by nginx: master; Zombie for");
    assert!(kernel::comm(parent).is_some(), "its master lives");
}

#[test]
fn killing_the_parent_by_the_remedy_makes_held_zombies_go() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "held-zombies"]);
    let (parent, all) = held(app);
    desktop.click("Zombies");
    desktop.wait_shown(&format!("zombies (zombies) · pid {} must reap 5 zombies", parent.pid));
    desktop.wait_shown("zombies lives, and has not reaped them yet. When zombies ends, pause adopts and reaps them.");
    desktop.click("KILL zombies");
    wait_for("no zombie of them", || all.iter().all(|p| !p.exists()).then_some(()));
    desktop.wait_shown("NO ZOMBIES NOW");
    // the list says who has reaped them
    wait_for("a reaped zombie in the list", || desktop.name_ending("reaped by pause"));
}

#[test]
fn a_pause_that_does_not_reap_is_killed_by_the_remedy() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "no-reap"]);
    let (_, all) = held(app);
    desktop.click("Zombies");
    // the end of their parent alone would only give them to pause
    desktop.wait_shown("If zombies ended, pause would get them, and it never reaps.");
    desktop.click("KILL pause");
    wait_for("no zombie of them", || all.iter().all(|p| !p.exists()).then_some(()));
    desktop.wait_shown("NO ZOMBIES NOW");
}
