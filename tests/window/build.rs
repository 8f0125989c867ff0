//! Builds a pod with clicks and drags, and checks the links in /proc.

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};

const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The kinds of the namespaces that both processes are in.
fn shared_kinds(a: u32, b: u32) -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| kernel::ns(a, kind) == kernel::ns(b, kind)).collect()
}

fn process_named(app: u32, name: &str) -> Id {
    wait_for(name, || kernel::descendants(app).into_iter().find(|p| kernel::comm(p.pid).as_deref() == Some(name)))
}

#[test]
fn a_container_can_be_dragged_onto_a_sandbox_and_taken_out_again() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&[]);
    desktop.click("New sandbox…");
    desktop.wait_shown("New sandbox");
    desktop.retype("Name of the pod", "built");
    desktop.wait_shown("docker run -d --name pause --hostname built");
    desktop.click("Create");
    let pause = process_named(app, "pause");
    desktop.wait_shown(&format!("pause, PID 1 of the pod, host pid {}", pause.pid));

    desktop.drag("Join busybox", &format!("pause, PID 1 of the pod, host pid {}", pause.pid));
    desktop.wait_shown("Join a container to built");
    desktop.retype("Command of the container", "sleep 4321");
    // the pod's shared namespaces are ticked: net, ipc and uts
    desktop.wait_shown("--network=container:pause --ipc=container:pause busybox sleep 4321");
    desktop.click("shared with pause");
    desktop.wait_shown("--pid=container:pause busybox sleep 4321");
    desktop.click("ipc");
    desktop.wait_shown("--ipc=private --pid=container:pause busybox sleep 4321");
    desktop.click("Join");
    let sleep = process_named(app, "sleep");
    assert_eq!(shared_kinds(sleep.pid, pause.pid), ["net", "pid", "time", "user", "uts"]);

    desktop.click("Build");
    desktop.wait_shown("busybox joined");
    let link = |pid: u32, kind: &str| kernel::ns(pid, kind).expect("a link");
    desktop.wait_shown(&format!("{}, shared with pause", link(pause.pid, "net")));
    desktop.wait_shown(&format!("{}, its own", link(sleep.pid, "ipc")));

    desktop.click("Save as YAML…");
    desktop.wait_shown("Save built as YAML");
    let path = desktop.home().join("built.yaml");
    desktop.retype("Path of the manifest", &path.display().to_string());
    desktop.key("Return");
    let text = wait_for("the manifest", || std::fs::read_to_string(&path).ok());
    let (spec, _) = podscope::lab::parse("built.yaml", &text).expect("a manifest").remove(0);
    assert_eq!((spec.name.as_str(), spec.containers[0].command.join(" ").as_str()), ("built", "sleep 4321"));
    assert!(spec.share.pid && spec.share.net && !spec.share.ipc, "{text}");

    desktop.click("Take out busybox");
    // pause is PID 1 of the pod, so TERM ends sleep at once although sleep has no handler for it
    wait_for("sleep gone", || (!sleep.exists()).then_some(()));
    desktop.wait_shown("busybox taken out");
    assert!(pause.exists());
}
