//! A program of the user's own as pause.

use std::path::Path;
use std::process::Command;

use podscope::lab::ManifestFiles;
use podscope::lab::spec::{Content, PodSpec, RestartPolicy};
use podscope::model::{Member, Pod, ProcId, SandboxKind, WaitStatus};
use podscope::observe::Input;

use crate::support::{Bench, children, container, exists, kill, pause, spec, status_field, wait_for};

const PRESETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/pods");

/// The same pod with this file of the presets as its pause.
pub fn with_pause(mut spec: PodSpec, file: &str) -> PodSpec {
    let program = ManifestFiles::Directory(Path::new(PRESETS)).program(file).expect("a program");
    spec.sandbox = SandboxKind::Own(file.to_owned());
    spec.own_pause = Some(Content(program));
    spec
}

fn run(bench: &mut Bench, file: &str) -> Pod {
    let mut spec = with_pause(spec("own", true, vec![container("a", "sleep 1000")]), file);
    spec.restart = RestartPolicy::Always;
    bench.run(spec)
}

fn caught(pid: u32, signal: u32) -> bool {
    let mask = status_field(pid, "SigCgt").and_then(|m| u64::from_str_radix(&m, 16).ok()).expect("a mask");
    mask >> (signal - 1) & 1 == 1
}

fn zombies(pause: ProcId) -> usize {
    let is_zombie = |pid: &u32| status_field(*pid, "State").is_some_and(|s| s.starts_with('Z'));
    children(pause.pid).iter().filter(|pid| is_zombie(pid)).count()
}

#[test]
fn an_own_pause_is_pid_1_alone_in_its_root_and_reports_no_reaps() {
    let mut bench = Bench::new();
    let pod = run(&mut bench, "reaping-pause.c");
    let pause = pause(&pod);
    assert_eq!(pod.sandbox.as_ref().map(|s| &s.kind), Some(&SandboxKind::Own("reaping-pause.c".to_owned())));
    let pids = status_field(pause.pid, "NSpid").expect("pids");
    assert!(pids.ends_with("\t1"), "{pids}");
    assert_eq!(
        (status_field(pause.pid, "Name").as_deref(), bench.run_script(&pod, "a", "cat /proc/1/cmdline | tr '\\0' ,")),
        (Some("pause"), "/pause,".to_owned())
    );
    assert_eq!(status_field(pause.pid, "CapEff").as_deref(), Some("0000000000000000"));
    assert_eq!(status_field(pause.pid, "Seccomp").as_deref(), Some("2"));
    assert_eq!(bench.run_script(&pod, "a", "ls -A /proc/1/root"), "pause");
    let write = "echo x > /proc/1/root/x; echo x > /proc/1/root/pause; ls -A /proc/1/root";
    let said = bench.run_script(&pod, "a", write);
    assert!(said.contains("Read-only file system") && said.starts_with("pause\n"), "{said}");

    // it has handlers and reaps its orphans, but reports nothing to the lab
    assert!(caught(pause.pid, 15) && caught(pause.pid, 17) && !caught(pause.pid, 1));
    assert_eq!(bench.run_script(&pod, "a", "(sleep 0.1 &); (sleep 0.1 &); echo done"), "done");
    wait_for("both are gone", || children(pause.pid).is_empty());
    kill(pause, "TERM");
    assert_eq!(bench.exit_status(pause), WaitStatus::exited(0));
    bench.log_until_of(&Member::pause(&pod.uid), "Shutting down, got signal: Terminated");
    bench.pod_until(&pod.uid, "a new sandbox", |p| p.sandbox.as_ref().is_some_and(|s| s.attempt == Some(1)));
    let is_record = |i: &Input| matches!(i, Input::PauseReaped { pause: by, .. } if *by == pause);
    assert!(!bench.received.iter().any(is_record));
    let pulled = bench.events().iter().filter(|e| e.message.contains("reaping-pause.c")).count();
    assert_eq!(pulled, 2, "once for each sandbox");
}

#[test]
fn an_own_pause_that_only_sleeps_keeps_zombies_and_is_not_ended_by_term() {
    let mut bench = Bench::new();
    let pod = run(&mut bench, "naive-pause.c");
    let pause = pause(&pod);
    assert!(!caught(pause.pid, 15) && !caught(pause.pid, 17));
    for n in 1..=3 {
        assert_eq!(bench.run_script(&pod, "a", "(sleep 0.05 &); echo done"), "done");
        wait_for("one more zombie", || zombies(pause) == n);
    }
    kill(pause, "TERM");
    let pending = status_field(pause.pid, "ShdPnd").expect("a mask");
    assert_eq!((pending.trim_start_matches('0'), exists(pause)), ("", true), "the kernel has dropped it");
    // it holds the pod as any pause does, and a deletion ends it with KILL
    bench.lab.delete(&pod.uid).expect("deleted");
    assert_eq!(bench.exit_status(pause), WaitStatus::killed(9));
    bench.wait_removed(&pod.uid);
    wait_for("no zombie is left", || !exists(pause));
}

#[test]
fn an_executable_is_used_unchanged() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("mine");
    let source = format!("{PRESETS}/reaping-pause.c");
    let made = Command::new("cc").args(["-static", "-o"]).arg(&file).arg(source).status().expect("a compiler");
    assert!(made.success());
    let beside = ManifestFiles::Directory(dir.path());
    let program = beside.program("./mine").expect("accepted");
    assert_eq!(program, std::fs::read(&file).expect("the file"));
    let mut spec = spec("mine", false, vec![container("a", "sleep 1000")]);
    (spec.sandbox, spec.own_pause) = (SandboxKind::Own("./mine".to_owned()), Some(Content(program.clone())));
    let mut bench = Bench::new();
    let pod = bench.run(spec);
    let pause = pause(&pod);
    // that very program runs; whether the test may read it depends on the user
    if let Ok(runs) = std::fs::read(format!("/proc/{}/exe", pause.pid)) {
        assert!(runs == program);
    }
    assert_eq!(status_field(pause.pid, "Name").as_deref(), Some("pause"));
}
