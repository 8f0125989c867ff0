//! A terminal in a container, used with real keys.

use crate::desktop::Desktop;
use crate::kernel::{self, wait_for};
use crate::pod_of;

#[test]
fn a_shell_in_a_container_receives_keys_and_its_output_is_shown() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, members) = pod_of(app);
    desktop.click("Logs and exec");
    desktop.click("Output of busybox");
    desktop.wait_shown("Run in busybox");
    desktop.click("Terminal");
    desktop.wait_shown("Terminal of busybox");
    let new = |n: usize| {
        let new: Vec<_> = kernel::in_same_pid_ns(pause.pid).into_iter().filter(|p| !members.contains(p)).collect();
        (new.len() == n).then_some(new)
    };
    let shell = wait_for("a shell", || new(1))[0];
    desktop.type_text("stty size > /tmp/size; sleep 4444");
    desktop.key("Return");
    let both = wait_for("a sleep", || new(2));
    let sleep = *both.iter().find(|p| **p != shell).expect("it");
    let root = format!("/proc/{}/root/tmp/size", shell.pid);
    let size = wait_for("the size", || std::fs::read_to_string(&root).ok().filter(|text| text.ends_with('\n')));
    let (rows, cols) = size.trim().split_once(' ').expect("rows and columns");
    assert!(rows.parse::<u32>().expect("rows") > 4 && cols.parse::<u32>().expect("columns") > 20, "{size}");

    // a key that means a signal in other views goes to the program here
    desktop.key("ctrl+c");
    wait_for("Ctrl-C ended the sleep", || (!sleep.exists()).then_some(()));
    assert!(shell.exists() && pause.exists() && members.iter().all(kernel::Id::runs));
    desktop.type_text("exit 5");
    desktop.key("Return");
    desktop.wait_shown("exit 5");

    desktop.click("Close terminal");
    desktop.wait_shown("Run in busybox");
    desktop.click("Terminal");
    let shell = wait_for("another shell", || new(1))[0];
    desktop.click("Close terminal");
    wait_for("it was hung up", || (!shell.exists()).then_some(()));
}
