//! Keys that send signals do so only where the target is visible.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};
use crate::pod_of;

fn shell_of(members: &[Id]) -> Id {
    let sleep = members.iter().find(|p| kernel::comm(p.pid).as_deref() == Some("sleep")).expect("busybox sleeps");
    Id::of(kernel::parent(sleep.pid)).expect("its shell")
}

/// Waits until all earlier keys have been handled: this key opens a dialog, and keys are handled in order.
fn wait_for_keys(desktop: &Desktop) {
    desktop.key("ctrl+e");
    desktop.wait_shown("Path of the snapshot");
    desktop.key("Escape");
    wait_for("no dialog", || (!desktop.shows("Path of the snapshot")).then_some(()));
}

#[test]
fn typing_in_logs_and_exec_sends_no_signal() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (_, members) = pod_of(app);
    let shell = shell_of(&members);
    desktop.click(&format!("host pid {}", shell.pid));
    desktop.wait_shown("If you send KILL");

    desktop.click("Logs and exec");
    desktop.wait_shown("Run in busybox");
    let prompt = "Command to run in the container";
    let before = desktop.place(prompt);
    desktop.retype(prompt, "sh -c 'seq 40; exit 3'");
    desktop.key("Return");
    desktop.wait_shown("exit 3");
    assert_eq!(desktop.place(prompt), before, "the prompt stays where it is");
    assert!(desktop.has_focus(prompt), "for the next command");
    desktop.type_text("kstch");
    wait_for_keys(&desktop);
    // nor does typing outside of the prompt
    desktop.click_at(0.5, 0.3);
    desktop.type_text("kstch");
    desktop.key("Delete");
    wait_for_keys(&desktop);
    assert!(!desktop.shows("You sent"));
    assert!(members.iter().all(Id::runs) && kernel::state(shell.pid).as_deref() == Some("S"));

    // nor does a key beside the views, or with Shift
    desktop.click("Pod map");
    desktop.wait_shown(&format!("host pid {}", shell.pid));
    desktop.type_text("KSTCH");
    desktop.click("PODS");
    desktop.type_text("kstch");
    wait_for_keys(&desktop);
    assert!(!desktop.shows("You sent") && members.iter().all(Id::runs));

    // it is already selected; a click in the map gives the map the focus before keys of the same frame are handled
    desktop.click(&format!("host pid {}", shell.pid));
    desktop.key("k");
    wait_for("the shell gone", || (!shell.exists()).then_some(()));
    desktop.wait_shown("You sent SIGKILL");
    desktop.wait_shown("The process is gone; it cannot be signalled.");
    desktop.key("k");
    wait_for_keys(&desktop);
    assert!(!desktop.shows("Dismiss"), "a key does nothing to a process that is gone");
}

#[test]
fn the_palette_finds_commands_by_their_words() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (_, members) = pod_of(app);
    let choose = |words: &str, label: &str| {
        desktop.key("ctrl+k");
        desktop.wait_shown("Search commands");
        desktop.type_text(words);
        desktop.wait_shown(label);
        desktop.key("Return");
        wait_for("no palette", || (!desktop.shows("Search commands")).then_some(()));
    };
    choose("tree", "Show Process tree");
    desktop.wait_shown("Filter");
    choose("map", "Show Pod map");
    let shell = shell_of(&members);
    desktop.click(&format!("host pid {}", shell.pid));
    desktop.wait_shown("If you send KILL");
    assert!(members.iter().all(Id::runs), "typing and choosing a view sends nothing");
    choose("send kill", "Send SIGKILL to");
    wait_for("the shell gone", || (!shell.exists()).then_some(()));
    desktop.wait_shown("You sent SIGKILL");

    desktop.key("F1");
    desktop.wait_shown("Hold this moment, or go back to live");
    desktop.key("Escape");
    wait_for("no shortcuts", || (!desktop.shows("Hold this moment, or go back to live")).then_some(()));
}

#[test]
fn a_stopped_node_is_announced_and_can_be_continued() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    pod_of(app);
    let is_node = |p: &Id| kernel::comm(p.pid).as_deref() == Some("podscope-node");
    let node = kernel::descendants(app).into_iter().find(is_node).expect("a node below the app");
    desktop.wait_shown("Pod nginx-busybox, Running");

    kill(Pid::from_raw(node.pid as i32), Signal::SIGSTOP).expect("our own process");
    desktop.wait_shown("The lab's node does not answer");
    desktop.click("Continue it (CONT)…");
    desktop.wait_shown("Send SIGCONT to podscope-node?");
    assert_eq!(kernel::state(node.pid).as_deref(), Some("T"), "not before it is confirmed");
    desktop.click("Send SIGCONT");
    wait_for("the node continues", || (kernel::state(node.pid).as_deref() == Some("S")).then_some(()));
    wait_for("no announcement", || (!desktop.shows("The lab's node does not answer")).then_some(()));
}
