//! Tests of the real window in a virtual display, with real clicks and keys, checked against /proc.

mod build;
mod desktop;
#[path = "../shared/docker_daemon.rs"]
mod docker_daemon;
mod drawers;
mod engines;
mod exec;
mod kernel;
mod keys;
mod limits;
mod machine;
mod new_pod;
mod overview;
mod parts;
mod past;
mod report;
mod script;
mod slow_motion;
mod terminal;
#[path = "../shared/tools.rs"]
mod tools;
mod wayland;
mod zombies;

use desktop::Desktop;
use kernel::{Id, wait_for};

/// The pod's processes: pause, and all processes in its pid namespace.
fn pod_of(app: u32) -> (Id, Vec<Id>) {
    // each attempt searches for pause again, since one that was killed still exists for a moment
    wait_for("pause, a master, two workers, a shell and its sleep", || {
        let mut below = kernel::descendants(app).into_iter();
        let pause = below.find(|p| kernel::comm(p.pid).as_deref() == Some("pause"))?;
        let members = kernel::in_same_pid_ns(pause.pid);
        (members.len() >= 6).then_some((pause, members))
    })
}

#[test]
fn two_clicks_kill_pause_and_the_window_shows_the_outcome() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, members) = pod_of(app);
    let hexagon = format!("pause, PID 1 of the pod, host pid {}", pause.pid);

    desktop.click(&hexagon);
    desktop.wait_shown("If you send KILL");
    assert!(members.iter().all(Id::exists), "a click alone kills no process");
    desktop.click("KILL");

    wait_for("no process of the pod in /proc", || members.iter().all(|p| !p.exists()).then_some(()));
    desktop.wait_shown("5 of the 5 predicted ended with it");
    assert!(Id::of(app).is_some_and(|id| id.exists()), "the window lives on");

    // SandboxChanged: the pod comes back by itself, with a new pause and new members
    let (again, new_members) = pod_of(app);
    assert_ne!(again, pause);
    assert!(new_members.iter().all(|p| !members.contains(p)));
    desktop.wait_shown(&format!("pause, PID 1 of the pod, host pid {}", again.pid));
    desktop.wait_shown("pause #1 killed by SIGKILL (137); the pod had a new sandbox");
    for member in new_members.iter().filter(|p| **p != again) {
        desktop.wait_shown(&format!("host pid {}", member.pid));
    }
}

#[test]
fn one_key_kills_a_member_and_the_pod_lives_on() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, members) = pod_of(app);
    let net = kernel::ns(pause.pid, "net");
    let sleep = *members.iter().find(|p| kernel::comm(p.pid).as_deref() == Some("sleep")).expect("busybox sleeps");
    let shell = kernel::parent(sleep.pid);

    desktop.click(&format!("host pid {shell}"));
    desktop.wait_shown("busybox is terminated");
    desktop.key("k");

    wait_for("the shell gone", || Id::of(shell).is_none().then_some(()));
    desktop.wait_shown("killed by SIGKILL (137)");
    assert!(pause.exists());
    assert_eq!(kernel::ns(pause.pid, "net"), net);
}

#[test]
fn a_program_runs_in_a_container_and_its_output_is_shown() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    pod_of(app);

    desktop.click("Logs and exec");
    desktop.click("Output of busybox");
    desktop.wait_shown("Run in busybox");
    desktop.retype("Command to run in the container", "sh -c 'cat /html/index.html; exit 3'");
    desktop.key("Return");
    desktop.wait_shown("exit 3");
}

#[test]
fn a_changed_manifest_replaces_only_the_changed_containers() {
    let mut desktop = Desktop::start();
    let path = desktop.home().join("pod.yaml");
    let text = include_str!("../../assets/pods/nginx-busybox.yaml");
    std::fs::write(&path, text).expect("a manifest");
    let app = desktop.open(&[&path.display().to_string()]);
    let (pause, members) = pod_of(app);
    let sleep = *members.iter().find(|p| kernel::comm(p.pid).as_deref() == Some("sleep")).expect("busybox sleeps");
    let shell = Id::of(kernel::parent(sleep.pid)).expect("its shell");
    let path = desktop.home().join("pod.yaml");

    let text = text.replace("sleep 1h", "sleep 2h");
    std::fs::write(&path, &text).expect("written");
    wait_for("busybox alone replaced", || (!shell.exists()).then_some(()));
    let (still, now) = pod_of(app);
    assert_eq!(still, pause, "the pod stays");
    let kept = members.iter().filter(|p| ![shell, sleep].contains(p));
    assert!(kept.clone().all(|p| now.contains(p)), "nginx stays");

    std::fs::write(&path, text.replace("spec:", "spec: [")).expect("written");
    desktop.wait_shown("pod.yaml cannot be read; its pods keep running unchanged");
    assert!(pause.exists());

    std::fs::write(&path, text.replace("emptyDir: {}", "emptyDir: {medium: Memory}")).expect("written");
    desktop.wait_shown("pod.yaml changed (spec.volumes[html], spec.volumes[log]): re-create the pod nginx-busybox?");
    assert!(pause.exists(), "not before it is asked for");
    desktop.click("Re-create");
    wait_for("the old pod gone", || (!pause.exists()).then_some(()));
    let (new, _) = pod_of(app);
    assert_ne!(new, pause);
}

#[test]
fn a_snapshot_is_written_to_the_typed_path_and_an_error_keeps_the_dialog_open() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, _) = pod_of(app);
    let path = desktop.home().join("taken.json");

    desktop.click("Export snapshot…");
    desktop.wait_shown("Path of the snapshot");
    desktop.retype("Path of the snapshot", "/proc/forbidden.json");
    desktop.key("Return");
    desktop.wait_shown("/proc/forbidden.json: no files can be made in /proc");
    std::fs::write(&path, "mine").expect("a file that is there");
    desktop.retype("Path of the snapshot", &path.display().to_string());
    desktop.key("Return");
    desktop.wait_shown("A file with this name already exists");
    // Enter once too often
    desktop.key("Return");
    desktop.wait_shown("A file with this name already exists");
    assert_eq!(std::fs::read(&path).expect("the old file"), b"mine", "Enter alone replaces nothing");
    desktop.click("Replace");
    desktop.wait_shown("Snapshot written to");
    std::fs::remove_file(&path).expect("the snapshot");

    desktop.key("ctrl+e");
    desktop.wait_shown("Path of the snapshot");
    desktop.retype("Path of the snapshot", &path.display().to_string());
    desktop.key("Return");

    // wait for the file, not for the message: that of the first snapshot may still be shown
    let text = wait_for("the snapshot written", || std::fs::read_to_string(&path).ok());
    let snapshot: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(snapshot["schema"], "podscope.snapshot/1");
    let pids: Vec<u64> =
        snapshot["processes"].as_array().into_iter().flatten().filter_map(|p| p["pid"].as_u64()).collect();
    assert!(pids.contains(&u64::from(pause.pid)), "{pids:?}");
}

#[test]
fn the_window_outlives_its_node_and_starts_another() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (_, members) = pod_of(app);
    let node = kernel::descendants(app)
        .into_iter()
        .find(|p| kernel::comm(p.pid).as_deref() == Some("podscope-node"))
        .expect("a node below the app");

    node.kill();
    wait_for("no member outlives the node", || members.iter().all(|p| !p.exists()).then_some(()));
    desktop.wait_shown("The lab's node is gone");
    desktop.click("Start the lab again");
    let next = wait_for("a new node", || {
        let all = kernel::descendants(app);
        all.into_iter().find(|p| kernel::comm(p.pid).as_deref() == Some("podscope-node"))
    });
    assert_ne!(next, node);
    desktop.wait_shown("The lab is running again. Start the same 1 pod as before?");
    assert!(!desktop.shows("NodeLost"), "the lost pod is no longer shown");
    desktop.click("Start them");
    let (_, members) = pod_of(app);
    assert!(members.iter().all(Id::exists));
    desktop.wait_shown("Pod nginx-busybox, Running");
}

#[test]
fn no_process_is_left_when_the_window_is_killed() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (_, mut all) = pod_of(app);
    all.extend(kernel::descendants(app));
    Id::of(app).expect("it runs").kill();
    desktop.reap();
    wait_for("no process of ours left", || all.iter().all(|p| !p.runs()).then_some(()));
}

#[test]
fn without_a_display_it_prints_one_line_with_a_remedy() {
    for (display, words) in [(None, "neither WAYLAND_DISPLAY nor DISPLAY is set"), (Some(":4077"), "(display :4077)")] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let out = command.output().expect("it ends at once");
        let output = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{output}");
        assert_eq!(output.lines().count(), 1, "{output}");
        assert!(output.contains(words) && output.contains('`') && !output.contains(".rs:"), "{output}");
    }
}
