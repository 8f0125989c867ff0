//! A small window: the panels are drawers, and all can be used. The settings are there again at the next start.

use std::fs;

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};
use crate::pod_of;

/// A laptop with 1440 × 900 pixels at 200 %.
const SMALL: &str = "720x450";

fn sleep_of(members: &[Id]) -> Id {
    *members.iter().find(|p| kernel::comm(p.pid).as_deref() == Some("sleep")).expect("busybox sleeps")
}

#[test]
fn the_map_keeps_its_place_while_the_inspector_is_a_drawer() {
    let mut desktop = Desktop::start();
    let app = desktop.open_small(&["--preset", "nginx-busybox"], SMALL);
    let (pause, members) = pod_of(app);
    let sleep = sleep_of(&members);
    let hexagon = format!("pause, PID 1 of the pod, host pid {}", pause.pid);
    desktop.wait_shown(&hexagon);
    assert!(!desktop.shows("Export snapshot…") && !desktop.shows("New pod"), "both are folded");
    let before = desktop.place(&hexagon);

    // the strip says what is selected; the map stays where it is
    desktop.click(&hexagon);
    desktop.wait_shown("Open Inspector · pause");
    desktop.key("F3");
    desktop.wait_shown("If you send KILL");
    assert_eq!(desktop.place(&hexagon), before);
    desktop.key("Escape");
    wait_for("no drawer", || (!desktop.shows("If you send KILL")).then_some(()));
    assert!(pause.exists() && sleep.exists());

    // a click on the strip opens it too, and a click beside it closes it
    desktop.click("Open Inspector");
    desktop.wait_shown("If you send KILL");
    desktop.click("Pod map");
    wait_for("no drawer", || (!desktop.shows("If you send KILL")).then_some(()));

    // a click on another process keeps it open
    desktop.key("F3");
    desktop.wait_shown("If you send KILL");
    desktop.click(&hexagon);
    desktop.wait_shown("If you send KILL");
    // the click has given the keys to the map
    desktop.key("k");
    wait_for("pause gone", || (!pause.exists()).then_some(()));
}

#[test]
fn pods_timeline_and_all_views_can_be_reached_in_a_small_window() {
    let mut desktop = Desktop::start();
    let app = desktop.open_small(&["--preset", "nginx-busybox"], SMALL);
    pod_of(app);
    desktop.key("F2");
    desktop.wait_shown("New pod");
    desktop.wait_shown("Pod nginx-busybox, Running");
    // a choice in the list closes it
    desktop.click("Pod nginx-busybox, Running");
    wait_for("no drawer", || (!desktop.shows("New pod")).then_some(()));
    desktop.key("F4");
    desktop.wait_shown("Timeline from");
    desktop.key("F4");
    wait_for("no timeline", || (!desktop.shows("Timeline from")).then_some(()));
    // a view whose tab is out of sight
    desktop.click("All views");
    desktop.click("Show kubectl and node");
    desktop.wait_shown("Resize the two sides");
}

#[test]
fn text_size_and_folded_panels_are_there_again_at_the_next_start() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    pod_of(app);
    let settings = desktop.home().join(".config/podscope/settings.json");
    let read = |key: &str| -> Option<serde_json::Value> {
        let text = fs::read_to_string(&settings).ok()?;
        serde_json::from_str::<serde_json::Value>(&text).ok()?.get(key).cloned()
    };
    desktop.key("ctrl+minus");
    wait_for("the text size kept", || (read("text_scale")? == 90).then_some(()));
    desktop.key("ctrl+0");
    wait_for("the usual size kept", || (read("text_scale")? == 100).then_some(()));
    desktop.key("F2");
    desktop.wait_shown("Open Pods");
    wait_for("the folded list kept", || (read("panels")?.get("folds_pods")?.as_bool()?).then_some(()));

    Id::of(app).expect("it runs").kill();
    desktop.reap();
    let app = desktop.open(&[]);
    desktop.wait_shown("Open Pods");
    desktop.key("F2");
    desktop.wait_shown("New pod");

    // a file that was cut, as by a full disk, is said to be damaged, and kept
    wait_for("the list kept again", || (!read("panels")?.get("folds_pods")?.as_bool()?).then_some(()));
    Id::of(app).expect("it runs").kill();
    desktop.reap();
    fs::write(&settings, "{\"theme\": \"li").expect("written");
    desktop.open(&[]);
    desktop.wait_shown("settings.json are damaged");
    desktop.wait_shown("New pod");
    assert!(settings.with_extension("json.bak").exists());
    desktop.click("Dismiss");
    wait_for("no notice", || (!desktop.shows("are damaged")).then_some(()));
}
