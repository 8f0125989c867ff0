//! Runs programs from the window.

use crate::desktop::Desktop;
use crate::kernel::{self, wait_for};
use crate::pod_of;

#[test]
fn a_running_program_can_be_cancelled() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, members) = pod_of(app);
    desktop.click("Logs and exec");
    desktop.click("Output of busybox");
    desktop.wait_shown("Run in busybox");
    assert!(!desktop.shows("Cancel"), "nothing runs");
    desktop.retype("Command to run in the container", "sh -c 'sleep 4321; echo never'");
    desktop.key("Return");
    desktop.wait_shown("running…");
    let new = wait_for("a shell and its sleep", || {
        let new: Vec<_> = kernel::in_same_pid_ns(pause.pid).into_iter().filter(|p| !members.contains(p)).collect();
        (new.len() == 2).then_some(new)
    });
    desktop.click("Cancel");
    desktop.wait_shown("cancelled");
    wait_for("both gone", || new.iter().all(|p| !p.exists()).then_some(()));
    assert!(!desktop.shows("Cancel") && members.iter().all(kernel::Id::runs));
}
