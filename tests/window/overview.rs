//! The overview of all pods, and who shares which namespace.

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};

/// A pod whose shell sleeps for so many seconds.
fn pod(name: &str, seconds: u32) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  shareProcessNamespace: true\n  \
         terminationGracePeriodSeconds: 1\n  containers:\n  - name: shell\n    image: busybox\n    \
         command: [sleep, '{seconds}']\n"
    )
}

/// The process that sleeps for so many seconds.
fn sleeper(app: u32, seconds: u32) -> Id {
    wait_for("the program of the pod", || {
        let sleeps = |p: &Id| {
            let cmdline = std::fs::read(format!("/proc/{}/cmdline", p.pid)).unwrap_or_default();
            cmdline.ends_with(format!("sleep\0{seconds}\0").as_bytes())
        };
        kernel::descendants(app).into_iter().find(sleeps)
    })
}

fn open_three(desktop: &mut Desktop) -> u32 {
    let path = desktop.home().join("pods.yaml");
    let pods = [("one", 5001), ("two", 5002), ("three", 5003)].map(|(name, seconds)| pod(name, seconds));
    std::fs::write(&path, pods.join("---\n")).expect("a manifest");
    desktop.open(&[&path.display().to_string()])
}

#[test]
fn the_overview_shows_all_pods_and_a_click_opens_the_map_of_one() {
    let mut desktop = Desktop::start();
    let app = open_three(&mut desktop);
    let two = sleeper(app, 5002);
    desktop.click("Overview");
    for name in ["one", "two", "three"] {
        desktop.wait_shown(&format!("Open {name}, Running, 2 processes"));
        desktop.wait_shown(&format!("shell of {name}, Running"));
    }
    desktop.wait_shown("Fold Running, 3 pods");

    desktop.retype("Search pods", "tw");
    wait_for("only the pod that matches", || (!desktop.shows("Open one")).then_some(()));
    desktop.click("Open two");
    desktop.wait_shown(&format!("host pid {}", two.pid));
}

#[test]
fn a_pod_that_ends_keeps_its_place_under_the_pointer() {
    let mut desktop = Desktop::start();
    let app = open_three(&mut desktop);
    sleeper(app, 5003);
    desktop.click("Overview");
    desktop.wait_shown("Open three, Running, 2 processes");
    let place = desktop.place("Open two");
    desktop.point_at(0.4, 0.3);
    let one = sleeper(app, 5001);
    one.kill();
    // the container is started again; its pod now needs attention, and moves there when the pointer has left
    desktop.wait_shown("Open one, Running, 2 processes, 1 restart");
    assert_eq!(desktop.place("Open two"), place);
    assert!(!desktop.shows("Needs attention"));
    desktop.point_at(0.05, 0.99);
    desktop.wait_shown("Fold Needs attention, 1 pod");
    desktop.wait_shown("Fold Running, 2 pods");
}

#[test]
fn the_matrix_selects_namespaces_and_compares_processes() {
    let mut desktop = Desktop::start();
    let app = open_three(&mut desktop);
    let two = sleeper(app, 5002);
    desktop.click("Pod two");
    desktop.click("Namespaces");
    let (net, mnt) = (kernel::ns(two.pid, "net").expect("a link"), kernel::ns(two.pid, "mnt").expect("a link"));
    let row = format!("shell (sleep {})", two.pid);
    desktop.wait_shown(&format!("net of {row}: {net}, shared by 2 members"));
    desktop.wait_shown(&format!("mnt of {row}: {mnt}, private"));
    desktop.wait_shown("time of this host: time:[");

    desktop.click(&format!("net of {row}"));
    desktop.wait_shown("interfaces, addresses, ports");
    desktop.wait_shown("Processes pause, shell");

    desktop.click(&row);
    desktop.wait_shown("If you send KILL");
    desktop.click("Compare with…");
    desktop.click("Compare with this host");
    let host = kernel::ns(app, "net").expect("our own link");
    let ino = |link: &str| link.trim_start_matches("net:[").trim_end_matches(']').to_owned();
    desktop.wait_shown(&format!("net: different, {} and {}", ino(&net), ino(&host)));
    desktop.wait_shown("time: same");

    desktop.click("All pods");
    for name in ["one", "two", "three"] {
        desktop.wait_shown(&format!("Members of {name}, lab"));
    }
}
