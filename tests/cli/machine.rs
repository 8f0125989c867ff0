//! `podscope snapshot` and `podscope doctor` on the machine that the test runs on.

use std::fs;
use std::process::{Child, Command, Stdio};

use podscope::export::Snapshot;
use tempfile::tempdir;

use crate::command_line::{podscope, text};

/// A process to look for; killed when the test ends.
struct Target(Child);

impl Target {
    fn new() -> Self {
        let mut command = Command::new("sleep");
        command.arg("300").env("PODSCOPE_TEST_SECRET", "do-not-tell-this").stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn inode(pid: u32, kind: &str) -> u64 {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap().into_os_string().into_string().unwrap();
    link.split(['[', ']']).nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_snapshot_of_the_machine_validates_and_has_no_environment() {
    let target = Target::new();
    let out = podscope(&["snapshot"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = text(&out.stdout);
    assert!(!json.contains("do-not-tell-this"));
    crate::schema::validate(&serde_json::from_str(&json).unwrap());
    let snapshot: Snapshot = serde_json::from_str(&json).unwrap();
    assert!(snapshot.processes.iter().any(|p| p.pid == target.pid()));
    assert!(snapshot.processes.is_sorted_by_key(|p| p.pid));
    assert_eq!(snapshot.host.boot_id, fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim());
}

#[test]
fn a_snapshot_of_one_process_equals_proc() {
    let target = Target::new();
    let pid = target.pid();
    let folder = tempdir().unwrap();
    let path = folder.path().join("one.json");
    let out = podscope(&["snapshot", "--pid", &pid.to_string(), "-o", path.to_str().unwrap()]);
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), String::new()), "{}", text(&out.stderr));
    let snapshot: Snapshot = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let [process] = &snapshot.processes[..] else { panic!("{:?}", snapshot.processes) };
    assert_eq!((process.pid, process.ppid), (pid, Some(std::process::id())));
    assert_eq!(process.cmdline.as_deref(), Some(&["sleep".to_owned(), "300".to_owned()][..]));
    let ns = process.namespaces;
    for (kind, listed) in [("net", ns.net), ("mnt", ns.mnt), ("pid", ns.pid), ("user", ns.user), ("uts", ns.uts)] {
        assert_eq!(listed, Some(inode(pid, kind)), "{kind}");
    }
    let redacted = podscope(&["snapshot", "--redact", "--pid", &pid.to_string()]);
    assert!(!text(&redacted.stdout).contains("\"300\""));
    let table = podscope(&["snapshot", "--format", "lsns", "--pid", &pid.to_string()]);
    let row = format!("{} net", inode(pid, "net"));
    assert!(text(&table.stdout).lines().any(|l| l.trim().starts_with(&row) && l.ends_with("sleep 300")));
}

#[test]
fn a_pid_that_does_not_exist_is_an_error() {
    let mut target = Target::new();
    let pid = target.pid();
    target.0.kill().unwrap();
    target.0.wait().unwrap();
    let out = podscope(&["snapshot", "--pid", &pid.to_string()]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stderr).lines().count(), 1);
    assert!(text(&out.stderr).contains(&format!("--pid {pid}: there is no such process")));
}

#[test]
fn the_doctor_prints_every_capability_in_one_line() {
    let out = Command::new(env!("CARGO_BIN_EXE_podscope"))
        .arg("doctor")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    let stdout = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{stdout}{}", text(&out.stderr));
    let all =
        ["kernel", "user namespaces", "proc connector", "pidfd", "pidfd exit info", "processes", "bpf", "display"];
    for what in all {
        assert_eq!(stdout.lines().filter(|l| l.starts_with(&format!("{what}  "))).count(), 1, "{what}: {stdout}");
    }
    let display = stdout.lines().find(|l| l.starts_with("display")).unwrap();
    assert!(display.contains("missing") && display.contains("xvfb-run podscope"), "{display}");
    // the states are in one column
    let column = |line: &str| ["ok ", "limited ", "missing "].iter().filter_map(|s| line.find(&format!("  {s}"))).min();
    let columns: Vec<_> = stdout.lines().map(column).collect();
    assert!(columns.iter().all(|c| c.is_some() && *c == columns[0]), "{stdout}");
}

#[test]
fn the_doctor_names_what_forbids_user_namespaces() {
    // run it in a user namespace that allows no nested ones
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --inh-caps -all $PODSCOPE doctor";
    let out = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-euc", script])
        .env("PODSCOPE", env!("CARGO_BIN_EXE_podscope"))
        .output()
        .unwrap();
    let stdout = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{stdout}{}", text(&out.stderr));
    let line = stdout.lines().find(|l| l.starts_with("user namespaces")).unwrap();
    assert!(line.contains("missing") && line.contains("no pods: could not create a user namespace"), "{line}");
    assert!(line.contains("max_user_namespaces"), "the remedy: {line}");
}
