//! Scripts in the window follow the same rules as clicks.

use std::fs;
use std::path::PathBuf;

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};

fn script(desktop: &Desktop, text: &str) -> PathBuf {
    let path = desktop.home().join("s.script");
    fs::write(&path, text).expect("a script");
    path
}

fn node_of(app: u32) -> Id {
    let is_node = |p: &Id| kernel::comm(p.pid).as_deref() == Some("podscope-node");
    wait_for("a node below the app", || kernel::descendants(app).into_iter().find(is_node))
}

#[test]
fn a_scripts_signal_to_a_process_outside_the_pods_needs_confirmation() {
    let mut desktop = Desktop::start();
    let path = script(&desktop, "wait ready\nkill node STOP\nwait process node T\nkill node CONT");
    let app = desktop.open(&["--preset", "deaf", "--script", &path.display().to_string()]);
    let node = node_of(app);
    desktop.wait_shown("Send SIGSTOP to podscope-node?");
    assert_eq!(kernel::state(node.pid).as_deref(), Some("S"), "not before it is confirmed");
    desktop.click("Send SIGSTOP");
    wait_for("the node stops", || (kernel::state(node.pid).as_deref() == Some("T")).then_some(()));
    // each signal is a question of its own
    desktop.wait_shown("Send SIGCONT to podscope-node?");
    assert_eq!(kernel::state(node.pid).as_deref(), Some("T"));
    desktop.click("Send SIGCONT");
    wait_for("the node continues", || (kernel::state(node.pid).as_deref() == Some("S")).then_some(()));
    desktop.wait_shown("The script has ended; all its expectations were met.");
}

#[test]
fn a_script_whose_signal_is_not_confirmed_fails() {
    let mut desktop = Desktop::start();
    let path = script(&desktop, "wait ready\nkill node KILL\ndelete deaf");
    let app = desktop.open(&["--preset", "deaf", "--script", &path.display().to_string()]);
    let node = node_of(app);
    desktop.wait_shown("Send SIGKILL to podscope-node?");
    desktop.click("Cancel");
    desktop.wait_shown("s.script:2: \"Send SIGKILL to podscope-node?\" was answered with Cancel");
    assert!(node.runs());
}

#[test]
fn a_script_sends_no_signal_to_an_unknown_process() {
    let mut desktop = Desktop::start();
    let ours = std::process::id();
    let path = script(&desktop, &format!("wait ready\nkill {ours} KILL"));
    desktop.open(&["--preset", "deaf", "--script", &path.display().to_string()]);
    desktop.wait_shown(&format!("s.script:2: there is no process {ours}"));
}

#[test]
fn wait_ready_waits_for_every_pod_of_the_given_file() {
    let mut desktop = Desktop::start();
    let pods: Vec<String> = (0..20)
        .map(|n| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec:\n  containers:\n  \
                 - {{name: c, image: busybox, command: [sleep, \"4322\"]}}\n"
            )
        })
        .collect();
    let file = desktop.home().join("pods.yaml");
    fs::write(&file, pods.join("---\n")).expect("a manifest");
    let expected = (0..20).map(|n| format!("expect phase p{n} Running")).collect::<Vec<_>>().join("\n");
    let path = script(&desktop, &format!("wait ready within 30s\n{expected}"));
    let app = desktop.open(&[&file.display().to_string(), "--script", &path.display().to_string()]);
    desktop.wait_shown("The script has ended; all its expectations were met.");
    let sleeps = kernel::descendants(app).into_iter().filter(|p| kernel::comm(p.pid).as_deref() == Some("sleep"));
    assert_eq!(sleeps.count(), 20);
}
