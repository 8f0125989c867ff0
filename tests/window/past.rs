//! Time travel in the real window, and its clock.

use crate::desktop::Desktop;
use crate::kernel::wait_for;
use crate::pod_of;

const SHOWN: &str = "Moment shown: ";

fn moment(desktop: &Desktop) -> String {
    wait_for("the clock", || desktop.name_with(SHOWN))
}

fn ruler(desktop: &Desktop) -> String {
    wait_for("the timeline", || desktop.name_with("Timeline from "))
}

#[test]
fn a_held_moment_stands_still_and_a_new_pod_brings_the_view_back_to_live() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, _) = pod_of(app);
    desktop.wait_shown(&format!("host pid {}", pause.pid));

    // it ticks, also while nothing happens
    for _ in 0..3 {
        let before = moment(&desktop);
        wait_for("the clock's next second", || (moment(&desktop) != before).then_some(()));
    }

    desktop.key("space");
    desktop.wait_shown("Back to live (space)");
    let (held, shown) = (moment(&desktop), ruler(&desktop));
    // what happens meanwhile moves nothing: the pause dies and the pod gets another
    pause.kill();
    let (next, _) = wait_for("another pause", || {
        let (now, members) = pod_of(app);
        (now != pause).then_some((now, members))
    });
    assert_eq!((moment(&desktop), ruler(&desktop)), (held.clone(), shown.clone()));
    assert!(desktop.shows(&format!("host pid {}", pause.pid)) && !desktop.shows(&format!("host pid {}", next.pid)));

    // the playhead stays in view, however far back
    desktop.key("Left");
    wait_for("an earlier moment", || (moment(&desktop) != held).then_some(()));

    desktop.click("New pod");
    desktop.click("Start private-pid");
    desktop.wait_shown("Hold this moment (space)");
    desktop.wait_shown("Pod private-pid");
}
