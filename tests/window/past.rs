//! Past moments in the real window, and its clock.

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
fn a_held_moment_does_not_change_and_a_new_pod_returns_the_view_to_live() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, _) = pod_of(app);
    desktop.wait_shown(&format!("host pid {}", pause.pid));

    // the clock ticks, also while nothing happens
    for _ in 0..2 {
        let before = moment(&desktop);
        wait_for("the clock's next second", || (moment(&desktop) != before).then_some(()));
    }

    desktop.key("space");
    desktop.wait_shown("Back to live (space)");
    let (held, shown) = (moment(&desktop), ruler(&desktop));
    // the view does not change although pause is killed and the pod gets another
    pause.kill();
    let (next, _) = wait_for("another pause", || {
        let (now, members) = pod_of(app);
        (now != pause).then_some((now, members))
    });
    assert_eq!((moment(&desktop), ruler(&desktop)), (held.clone(), shown.clone()));
    assert!(desktop.shows(&format!("host pid {}", pause.pid)) && !desktop.shows(&format!("host pid {}", next.pid)));

    // the arrow key moves to an earlier moment
    desktop.key("Left");
    wait_for("an earlier moment", || (moment(&desktop) != held).then_some(()));

    desktop.click("New pod");
    desktop.click("Preset private-pid");
    desktop.click("Start private-pid");
    desktop.wait_shown("Hold this moment (space)");
    desktop.wait_shown("Pod private-pid");
}
