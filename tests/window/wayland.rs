//! The whole way through the window on Wayland, as with a screen reader: each widget is pressed by its accessible name.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};
use crate::pod_of;

#[test]
fn a_pause_is_killed_and_looked_at_without_pointer_and_keyboard() {
    let mut desktop = Desktop::start_wayland();
    let app = desktop.open(&[]);

    desktop.press("New pod");
    desktop.press("Start nginx-busybox");
    let (pause, members) = pod_of(app);
    let hexagon = format!("pause, PID 1 of the pod, host pid {}", pause.pid);
    desktop.press(&hexagon);
    desktop.wait_shown("If you send KILL");
    assert!(members.iter().all(Id::exists), "selecting kills no process");
    desktop.press("KILL");
    wait_for("no process of the pod in /proc", || members.iter().all(|p| !p.exists()).then_some(()));
    let (again, _) = pod_of(app);

    let offer = wait_for("the offer", || desktop.name_with("Play slowly · "));
    desktop.press(&offer);
    desktop.wait_shown("Step 1: You send SIGKILL to pause");
    desktop.press("Pause slow motion (space)");
    desktop.press("Step 1: You send SIGKILL to pause");
    // after the first step pause lives; the kernel has ended it long ago
    desktop.wait_shown(&hexagon);
    desktop.press("Next step (→)");
    desktop.press("Back to live");
    desktop.wait_shown(&format!("host pid {}", again.pid));

    desktop.press("Hold this moment (space)");
    desktop.wait_shown("Back to live (space)");
    desktop.press("Back to live (space)");
    desktop.wait_shown("Hold this moment (space)");

    desktop.press(&format!("pause, PID 1 of the pod, host pid {}", again.pid));
    desktop.press("Inside");
    desktop.wait_shown("eth0");

    desktop.press("Export snapshot…");
    desktop.wait_shown("Path of the snapshot");
    desktop.press("Export");
    // the dialog proposes a file in the current directory, which is the test's
    let text = wait_for("the snapshot written", || {
        let mut files = std::fs::read_dir(desktop.home()).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        std::fs::read_to_string(files.find(|path| path.extension().is_some_and(|e| e == "json"))?).ok()
    });
    let snapshot: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let pids: Vec<u64> =
        snapshot["processes"].as_array().into_iter().flatten().filter_map(|p| p["pid"].as_u64()).collect();
    assert!(pids.contains(&u64::from(again.pid)), "{pids:?}");

    let mut all = kernel::descendants(app);
    all.push(Id::of(app).expect("it runs"));
    kill(Pid::from_raw(app as i32), Signal::SIGTERM).expect("it runs");
    desktop.reap();
    wait_for("no process of ours left", || all.iter().all(|p| !p.runs()).then_some(()));
}
