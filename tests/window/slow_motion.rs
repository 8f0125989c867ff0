//! Slow motion in the real window.

use crate::desktop::Desktop;
use crate::kernel::{self, wait_for};
use crate::pod_of;

#[test]
fn the_end_of_a_pause_can_be_played_step_by_step() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, members) = pod_of(app);
    let hexagon = format!("pause, PID 1 of the pod, host pid {}", pause.pid);
    desktop.click(&hexagon);
    desktop.wait_shown("If you send KILL");
    desktop.click("KILL");
    wait_for("no process of the pod in /proc", || members.iter().all(|p| !p.exists()).then_some(()));
    let (again, _) = pod_of(app);

    let offer = wait_for("the offer", || desktop.name_with("Play slowly · "));
    desktop.click(&offer);
    desktop.wait_shown("Pause slow motion (space)");
    desktop.wait_shown("Step 1: You send SIGKILL to pause");
    desktop.key("space");
    desktop.wait_shown("Play in slow motion (space)");
    desktop.key("Home");
    // after the first step all processes of the pod live; the kernel has ended them long ago
    desktop.wait_shown(&hexagon);
    for member in members.iter().filter(|p| **p != pause) {
        desktop.wait_shown(&format!("host pid {}", member.pid));
    }
    assert!(!desktop.shows(&format!("host pid {}", again.pid)));

    // each of them ends in a step of its own
    for step in ["pause ends: killed by SIGKILL (137)", "nginx: master ends: killed by SIGKILL (137)"] {
        wait_for(step, || desktop.name_ending(step));
    }
    desktop.key("Escape");
    desktop.wait_shown("Hold this moment (space)");
    desktop.wait_shown(&format!("host pid {}", again.pid));
    assert!(kernel::comm(again.pid).is_some_and(|comm| comm == "pause"), "the pod went on meanwhile");

    // from now on it plays by itself
    desktop.key("ctrl+k");
    desktop.wait_shown("Search commands");
    desktop.type_text("slow by itself");
    desktop.wait_shown("Switch slow motion by itself on or off");
    desktop.key("Return");
    wait_for("no palette", || (!desktop.shows("Search commands")).then_some(()));
    desktop.click(&format!("pause, PID 1 of the pod, host pid {}", again.pid));
    desktop.wait_shown("If you send KILL");
    desktop.click("KILL");
    desktop.wait_shown("Pause slow motion (space)");
    desktop.click("Play by itself after a signal of mine");
    desktop.key("Escape");
    desktop.wait_shown("Hold this moment (space)");
}
