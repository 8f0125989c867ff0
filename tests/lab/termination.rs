//! The termination message of a container, from its file or from the end of its log.

use podscope::lab::spec::{ContainerSpec, RestartPolicy};
use podscope::model::{ContainerState, Pod, WaitStatus};

use crate::support::{Bench, container, process, spec};

fn fallback(name: &str, script: &str) -> ContainerSpec {
    let mut c = container(name, script);
    c.termination.fallback_to_logs = true;
    c
}

/// The termination message in the container's state.
fn message(pod: &Pod, name: &str) -> Option<String> {
    match &pod.container(name).expect(name).state {
        ContainerState::Terminated { message, .. } => message.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn the_message_is_what_the_container_wrote() {
    let elsewhere = |name: &str, path: &str, script: &str| {
        let mut c = container(name, script);
        path.clone_into(&mut c.termination.path);
        c
    };
    let lines = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; exit 1";
    let containers = vec![
        container("said", "echo Sleep expired > /dev/termination-log"),
        container("failed", "echo no database > /dev/termination-log; exit 3"),
        container("silent", "exit 1"),
        container("killed", "echo before > /dev/termination-log; kill -9 $$"),
        container(
            "long",
            "head -c 5000 /dev/zero | tr '\\0' x > /dev/termination-log; echo end >> /dev/termination-log",
        ),
        // the file exists before the container starts, and every user may write it
        container("ready", "stat -c '%s %a' /dev/termination-log > /tmp/s; cat /tmp/s > /dev/termination-log"),
        container("latin", "printf '\\351t\\351' > /dev/termination-log"),
        elsewhere("tmp", "/tmp/my-log", "echo mine > /tmp/my-log; test -e /dev/termination-log"),
        elsewhere("deep", "/usr/share/podscope-test/log", "echo deep > /usr/share/podscope-test/log"),
        // the log is used only if the file is empty and the exit code is not 0
        fallback("log", "echo out; echo err >&2; exit 2"),
        fallback("success", "echo out; exit 0"),
        fallback("both", "echo out; echo file > /dev/termination-log; exit 2"),
        fallback("lines", lines),
        fallback("bytes", "head -c 3000 /dev/zero | tr '\\0' y; exit 1"),
        container("policy", "echo out; exit 2"),
    ];
    let names: Vec<String> = containers.iter().map(|c| c.name.clone()).collect();
    let mut bench = Bench::new();
    let uid = bench.lab.run(spec("messages", true, containers)).expect("accepted");
    let ended = |p: &Pod| p.containers.iter().all(|c| matches!(c.state, ContainerState::Terminated { .. }));
    let pod = bench.pod_until(&uid, "all ended", ended);
    // a kubelet divides 12 KiB among the containers of a pod
    let most = 12 * 1024 / names.len();
    let log_lines = (120..200).fold(String::new(), |lines, i| lines + &format!("line {i}\n"));
    for (name, want) in [
        ("said", Some("Sleep expired\n".to_owned())),
        ("failed", Some("no database\n".to_owned())),
        ("silent", None),
        ("killed", Some("before\n".to_owned())),
        ("long", Some("x".repeat(most))),
        ("ready", Some("0 666\n".to_owned())),
        ("latin", Some("\u{fffd}t\u{fffd}".to_owned())),
        ("tmp", Some("mine\n".to_owned())),
        ("deep", Some("deep\n".to_owned())),
        ("log", Some("out\nerr\n".to_owned())),
        ("success", None),
        ("both", Some("file\n".to_owned())),
        ("lines", Some(log_lines[..most.min(log_lines.len())].to_owned())),
        ("bytes", Some("y".repeat(most))),
        ("policy", None),
    ] {
        let got = message(&pod, name);
        // the two streams are two pipes, read one after the other
        let sorted = |m: &Option<String>| {
            let mut lines: Vec<String> = m.iter().flat_map(|m| m.lines()).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        if name == "log" {
            assert_eq!(sorted(&got), sorted(&want), "{name}");
        } else {
            assert_eq!(got, want, "{name}");
        }
        assert_eq!(pod.container(name).expect(name).last_message, got, "{name}");
    }
}

#[test]
fn each_run_has_a_message_of_its_own() {
    // the volume counts the runs: the first writes a message, the second none, the third is read from its log
    let script = "echo >> /runs/n; n=$(wc -l < /runs/n); test $n = 1 && echo first > /dev/termination-log; \
                  test $n = 1 && echo log of the first; test $n = 3 && echo log of the third; test $n -gt 2";
    let mut a = fallback("a", &format!("{script} && sleep 0.01; exit 7"));
    a.mounts = vec![crate::support::mount("runs", "/runs")];
    let mut spec = spec("runs", false, vec![a]);
    spec.restart = RestartPolicy::OnFailure;
    let volume = podscope::lab::spec::VolumeSource::EmptyDir { memory: false, size_limit: None };
    let clock = podscope::lab::DemoClock::new(1000).expect("a clock");
    let mut bench = Bench::with(podscope::lab::Options { clock, ..podscope::lab::Options::default() });
    let uid = bench.lab.run(crate::support::with_volume(spec, "runs", volume)).expect("accepted");
    for (restarts, want) in [(0, Some("first\n")), (1, None), (2, Some("log of the third\n"))] {
        let runs = |p: &Pod| matches!(p.containers[0].state, ContainerState::Running { .. });
        bench.pod_until(&uid, "a run", |p| p.containers[0].restarts == Some(restarts) && runs(p));
        let pod = bench.pod_until(&uid, "its end", |p| !runs(p));
        assert_eq!(pod.containers[0].last_message.as_deref(), want, "after {restarts} restarts");
    }
}

/// As a kubelet does it: containers that handle TERM end by themselves, the others are killed after two seconds.
#[test]
fn a_grace_period_of_zero_becomes_two_seconds() {
    let polite = "trap 'exit 7' TERM; echo up; while true; do sleep 0.05; done";
    let deaf = "trap '' TERM; echo up; while true; do sleep 0.05; done";
    let mut spec = spec("grace", true, vec![container("polite", polite), container("deaf", deaf)]);
    spec.grace_seconds = 0;
    let mut bench = Bench::new();
    let pod = bench.run(spec);
    for name in ["polite", "deaf"] {
        bench.log_until(&pod, name, "up");
    }
    let began = std::time::Instant::now();
    bench.lab.delete(&pod.uid).expect("deleted");
    assert_eq!(bench.exit_status(process(&pod, "polite")), WaitStatus::exited(7));
    assert_eq!(bench.exit_status(process(&pod, "deaf")), WaitStatus::killed(9));
    // a slow machine can only take longer
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    bench.wait_removed(&pod.uid);
}

#[test]
fn a_pod_with_the_longest_name_runs_and_its_host_name_is_cut() {
    let name = format!("{}-{}", "a".repeat(62), "b".repeat(190));
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: a, image: busybox, command: [sleep, '1000']}}]}}\n"
    );
    let (spec, _) = podscope::lab::spec::parse("pod.yaml", &text).expect("a pod").remove(0);
    let mut bench = Bench::new();
    let pod = bench.run(spec);
    assert_eq!(pod.name, name);
    let seen = bench.exec(&pod, "a", "cat /proc/sys/kernel/hostname /etc/hostname").stdout;
    let host_name = "a".repeat(62);
    assert_eq!(String::from_utf8_lossy(&seen), format!("{host_name}\n{host_name}\n"));
}
