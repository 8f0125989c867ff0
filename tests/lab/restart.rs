//! The controller's actions with real processes: restarts, back-off, new sandboxes, init containers, infra.

use std::time::Duration;

use podscope::lab::Options;
use podscope::lab::spec::{ContainerSpec, RestartPolicy};
use podscope::model::{ContainerState, EventReason, Member, Phase, Pod, SandboxKind, WaitStatus};
use podscope::wording::ending::pod_message;

use crate::support::{Bench, children, container, exists, kill, ns, pause, process, spec, status_field, wait_for};

fn always(name: &str, share_pid: bool, containers: Vec<ContainerSpec>) -> podscope::lab::PodSpec {
    let mut spec = spec(name, share_pid, containers);
    spec.restart = RestartPolicy::Always;
    spec.grace_seconds = 1;
    spec
}

fn all_run(pod: &Pod) -> bool {
    pod.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }))
}

fn attempt(pod: &Pod) -> Option<u32> {
    pod.sandbox.as_ref().and_then(|s| s.attempt)
}

#[test]
fn a_member_restarts_in_the_same_namespaces() {
    let mut bench = Bench::new();
    let pod = bench.run(always("again", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]));
    let (a, net) = (process(&pod, "a"), ns(pause(&pod).pid, "net"));
    kill(a, "KILL");
    let after = bench.pod_until(&pod.uid, "a restarted", |p| p.restarts() == Some(1) && all_run(p));
    let again = process(&after, "a");
    assert_ne!(again, a);
    assert!(!exists(a) && exists(again));
    assert_eq!((pause(&after), after.ip, process(&after, "b")), (pause(&pod), pod.ip, process(&pod, "b")));
    assert_eq!((ns(again.pid, "net"), ns(again.pid, "pid")), (net, ns(pause(&pod).pid, "pid")));
}

#[test]
fn a_container_that_keeps_ending_backs_off_and_the_pod_stays() {
    let mut bench = Bench::new();
    let mut spec = always("loop", true, vec![container("crash", "exit 3"), container("b", "sleep 1000")]);
    spec.containers[0].image = "busybox".to_owned();
    let uid = bench.lab.run(spec).expect("accepted");
    // the first container may have ended twice before the program of the other runs
    let waits = bench.pod_until(&uid, "a back-off beside the other", |p| {
        let (crash, b) = (&p.containers[0], &p.containers[1]);
        crash.state.word() == "CrashLoopBackOff" && crash.restarts == Some(1) && b.state.word() == "Running"
    });
    assert_eq!((waits.phase, &*waits.status()), (Phase::Running, "CrashLoopBackOff"));
    assert_eq!(waits.containers[0].last_exit.map(podscope::model::WaitStatus::code), Some(3));
    assert!(exists(pause(&waits)) && exists(process(&waits, "b")));
    // the clock is ten times as fast, so it is tried again after a second
    bench.pod_until(&uid, "a third run", |p| p.containers[0].restarts == Some(2));
    let events: Vec<String> = bench.events().iter().map(|e| format!("{}: {}", e.reason, e.message)).collect();
    let want = format!("BackOff: Back-off restarting failed container crash in pod loop_default({uid})");
    assert!(events.contains(&want), "{events:?}");
}

#[test]
fn after_the_death_of_pause_the_pod_restarts_with_its_volumes() {
    for share_pid in [true, false] {
        let mut bench = Bench::new();
        let writer = container("a", "echo kept >> /data/file; sleep 1000");
        let mut spec = always("back", share_pid, vec![writer, container("b", "sleep 1000")]);
        spec.containers[0].mounts = vec![crate::support::mount("data", "/data")];
        let spec = crate::support::with_volume(
            spec,
            "data",
            podscope::lab::spec::VolumeSource::EmptyDir { memory: true, size_limit: Some(1 << 20) },
        );
        let pod = bench.run(spec);
        // the container counts as running before it has written
        wait_for("the first line", || bench.exec(&pod, "a", "cat /data/file").stdout == b"kept\n");
        let before = [pause(&pod), process(&pod, "a"), process(&pod, "b")];
        kill(before[0], "KILL");
        let after = bench.pod_until(&pod.uid, "a new sandbox", |p| attempt(p) == Some(1) && all_run(p));
        for id in before {
            assert!(!exists(id), "{id} of the old sandbox");
        }
        assert_ne!(after.ip, pod.ip);
        assert_eq!((after.uid.clone(), after.restarts()), (pod.uid.clone(), Some(2)));
        let (pause, a) = (pause(&after), process(&after, "a"));
        assert_eq!(ns(pause.pid, "net"), ns(a.pid, "net"));
        assert_eq!(ns(pause.pid, "pid") == ns(a.pid, "pid"), share_pid);
        // the volume outlives the sandbox: both runs have written to it
        wait_for("the second line", || bench.exec(&after, "a", "cat /data/file").stdout == b"kept\nkept\n");
        let text = bench.exec(&after, "a", "df -k /data | tail -1; cat /etc/hosts");
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(text.contains(" 1024 "), "a tmpfs of a mebibyte: {text}");
        assert!(text.contains(&after.ip.expect("an address").to_string()), "{text}");
        let changed = bench.events().iter().filter(|e| e.reason == EventReason::SandboxChanged).count();
        assert_eq!(changed, 1);
    }
}

#[test]
fn init_containers_run_first_and_sidecars_beside() {
    let mut bench = Bench::new();
    let mut spec = always("init", true, vec![container("app", "cat /data/order; sleep 1000")]);
    let step = |name: &str, script: &str| ContainerSpec {
        mounts: vec![crate::support::mount("data", "/data")],
        ..container(name, script)
    };
    spec.containers[0].mounts = vec![crate::support::mount("data", "/data")];
    let sidecar = ContainerSpec { sidecar: true, ..step("side", "echo side >> /data/order; sleep 1000") };
    // the second init container starts after the sidecar, and waits until that has written
    let second = step("second", "until grep -q side /data/order; do sleep 0.02; done; echo second >> /data/order");
    spec.init_containers = vec![step("first", "sleep 0.2; echo first >> /data/order"), sidecar, second];
    let emptydir = podscope::lab::spec::VolumeSource::EmptyDir { memory: false, size_limit: None };
    let uid = bench.lab.run(crate::support::with_volume(spec, "data", emptydir)).expect("accepted");
    let early = bench.pod_until(&uid, "the first", |p| p.status() == "Init:0/3");
    assert_eq!(early.container("app").map(|c| c.state.word()), Some("PodInitializing"));
    let pod = bench.pod_until(&uid, "all up", |p| p.status() == "Running");
    bench.log_until(&pod, "app", "first\nside\nsecond");
    // a sidecar that ends is restarted while the others run
    let (side, app) = (process(&pod, "side"), process(&pod, "app"));
    kill(side, "KILL");
    let after = bench.pod_until(&uid, "it is back", |p| {
        p.container("side").is_some_and(|c| c.restarts == Some(1)) && p.status() == "Running"
    });
    assert!(exists(process(&after, "side")) && exists(app));
}

#[test]
fn without_pause_the_death_of_the_first_member_ends_all() {
    let mut bench = Bench::new();
    let mut spec = always("infra", true, vec![container("front", "sleep 1000"), container("b", "sleep 1000")]);
    spec.sandbox = SandboxKind::Infra("front".to_owned());
    let pod = bench.run(spec);
    let (front, b) = (process(&pod, "front"), process(&pod, "b"));
    assert_eq!(pause(&pod), front, "it holds the sandbox");
    for kind in ["net", "ipc", "uts", "pid"] {
        assert_eq!(ns(front.pid, kind), ns(b.pid, kind), "{kind}");
    }
    let inside = status_field(front.pid, "NSpid").expect("NSpid");
    assert_eq!(inside.split_whitespace().next_back(), Some("1"));
    let ip = pod.ip.expect("an address").to_string();
    let seen = bench.exec(&pod, "b", "cat /proc/net/fib_trie");
    assert!(String::from_utf8_lossy(&seen.stdout).contains(&ip));
    kill(front, "KILL");
    assert_eq!(bench.exit_status(b).signal(), Some(9));
    let after = bench.pod_until(&pod.uid, "both back", |p| attempt(p) == Some(1) && all_run(p));
    assert!(!exists(front) && !exists(b) && exists(process(&after, "b")));
}

#[test]
fn without_the_pause_image_there_is_no_sandbox_and_it_is_tried_again() {
    let mut bench = Bench::new();
    let mut spec = always("none", true, vec![container("a", "sleep 1000")]);
    spec.sandbox = SandboxKind::Missing;
    let uid = bench.lab.run(spec).expect("accepted");
    let failed =
        |bench: &Bench| bench.events().iter().filter(|e| e.reason == EventReason::FailedCreatePodSandBox).count();
    let pod = bench.pod_until(&uid, "a failure", |p| p.status() == "FailedCreatePodSandBox");
    assert_eq!((pod.phase, pod.ip), (Phase::Pending, None));
    // the message of a registry, followed by the kernel's error
    let message = pod_message(&pod).unwrap_or_default();
    let said = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"";
    assert!(message.starts_with(said), "{message}");
    assert!(message.ends_with("execute /missing/pause: No such file or directory)"), "{message}");
    while failed(&bench) < 2 {
        let received = bench.received.len();
        bench.until("a second try", |all| (all.len() > received).then_some(()));
    }
    bench.lab.delete_within(&uid, Some(Duration::ZERO)).expect("deleted");
    bench.wait_removed(&uid);
    let node = bench.lab.node().pid;
    wait_for("nothing left", || children(node).is_empty());
}

#[test]
fn a_changed_command_replaces_one_container() {
    let mut bench = Bench::new();
    let spec = always("swap", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]);
    let pod = bench.run(spec.clone());
    let mut changed = spec;
    changed.containers[0].command = ["sh", "-c", "echo new; sleep 1000"].map(str::to_owned).to_vec();
    bench.lab.replace(&pod.uid, changed, vec!["a".to_owned()]).expect("replaced");
    let after = bench.pod_until(&pod.uid, "a replaced", |p| p.restarts() == Some(1) && all_run(p));
    bench.log_until(&after, "a", "new");
    assert!(!exists(process(&pod, "a")));
    assert_eq!((process(&after, "b"), pause(&after), after.ip), (process(&pod, "b"), pause(&pod), pod.ip));
}

/// As in `computePodActions`: if there is nothing to keep and nothing to start, the sandbox is stopped.
#[test]
fn the_sandbox_of_a_finished_pod_ends_and_the_pod_stays() {
    for share_pid in [true, false] {
        let range = "10.1.2.0/29".parse().expect("a range of five addresses");
        let mut bench = Bench::with(Options { range, ..Options::default() });
        let script = "trap 'exit 0' TERM; sleep 1000 & wait";
        let pod = bench.run(spec("over", share_pid, vec![container("a", script), container("b", script)]));
        let (pause, net) = (pause(&pod), ns(pause(&pod).pid, "net"));
        let ready = |name: &str| wait_for("its child", || !children(process(&pod, name).pid).is_empty());
        ready("a");
        ready("b");
        kill(process(&pod, "a"), "TERM");
        bench.pod_until(&pod.uid, "one has ended", |p| p.status() == "NotReady");
        assert!(exists(pause) && ns(process(&pod, "b").pid, "net") == net);
        kill(process(&pod, "b"), "TERM");
        assert_eq!(bench.exit_status(pause), WaitStatus::killed(9));
        let over = bench.pod_until(&pod.uid, "its end", |p| p.ip.is_none());
        let sandbox = over.sandbox.expect("it is remembered");
        assert_eq!((over.phase, sandbox.attempt, sandbox.ended.is_some()), (Phase::Succeeded, Some(0), true));
        wait_for("pause is reaped", || !exists(pause));
        // its address is reused in time, here by the fifth pod
        let next = |n| bench.run(spec(&format!("next{n}"), share_pid, vec![container("a", "sleep 1000")])).ip;
        let ips: Vec<_> = (0..5).map(next).collect();
        assert_eq!(ips.last(), Some(&pod.ip), "{ips:?}");
        // its log can still be read
        assert_eq!(bench.lab.logs(&Member::container(&pod.uid, "a")).expect("a log"), b"");
        // a pod that is over cannot be changed
        let refused = bench.lab.replace(&pod.uid, spec("over", share_pid, vec![]), vec![]);
        assert!(refused.is_err_and(|e| e.to_string().contains("it is over")));
        bench.lab.delete(&pod.uid).expect("deleted");
        bench.wait_removed(&pod.uid);
        assert!(!bench.events().iter().any(|e| e.reason == EventReason::SandboxChanged));
    }
}
