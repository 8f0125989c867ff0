//! Pods that are built step by step, and ephemeral containers: namespace links, pids and exits, checked in the kernel.

use std::time::Duration;

use podscope::lab::spec::{ContainerSpec, Join, Share};
use podscope::model::{ContainerKind, ContainerState, Delta, EventReason, Member, Phase, Pod, WaitStatus};
use podscope::observe::Input;

use crate::support::{Bench, container, exists, kill, ns, pause, process, shared_kinds, spec, status_field, wait_for};

fn joining(name: &str, join: &str, script: &str) -> ContainerSpec {
    ContainerSpec { join: Some(Join::parse(join).expect("namespaces")), ..container(name, script) }
}

impl Bench {
    fn sandbox(&mut self, name: &str) -> Pod {
        let uid = self.lab.sandbox(name).expect("a sandbox");
        self.pod_until(&uid, "a sandbox", |p| p.sandbox.is_some())
    }

    fn add(&mut self, pod: &Pod, container: ContainerSpec) -> Pod {
        let name = container.name.clone();
        self.lab.add_container(&pod.uid, container).expect("it is accepted");
        self.running(pod, &name)
    }

    fn running(&mut self, pod: &Pod, name: &str) -> Pod {
        self.pod_until(&pod.uid, &format!("{name} running"), |p| {
            p.container(name).is_some_and(|c| matches!(c.state, ContainerState::Running { .. }))
        })
    }

    fn wait_ended(&mut self, pod: &Pod, name: &str) -> Pod {
        self.pod_until(&pod.uid, &format!("{name} ended"), |p| p.container(name).is_some_and(|c| c.last_exit.is_some()))
    }

    fn debug(&mut self, pod: &Pod, target: Option<&str>, script: &str) -> (Pod, String) {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let member = self.lab.debug(&pod.uid, None, "busybox", &argv, target).expect("it is accepted");
        let name = member.container.expect("a container");
        (self.running(pod, &name), name)
    }
}

#[test]
fn each_container_joins_only_the_named_namespaces() {
    let mut bench = Bench::new();
    let alone = bench.sandbox("built");
    let holder = pause(&alone);
    assert!(alone.containers.is_empty() && alone.ip.is_some());
    assert_eq!((alone.phase, &*alone.status()), (Phase::Pending, "Pending"));
    // mnt and cgroup are always a container's own; time and user are the node's
    for (name, join, want) in [
        ("all", "net,ipc,uts,pid", &["ipc", "net", "pid", "time", "user", "uts"][..]),
        ("network", "net", &["net", "time", "user"]),
        ("names", "ipc,uts", &["ipc", "time", "user", "uts"]),
        ("apart", "none", &["time", "user"]),
    ] {
        let pod = bench.add(&alone, joining(name, join, "exec sleep 1000"));
        assert_eq!(shared_kinds(process(&pod, name).pid, holder.pid), want, "{name}");
        assert_eq!(pause(&pod), holder, "the sandbox stays");
    }
    // a container that joins another container's pid namespace
    let pod = bench.add(&alone, joining("inside", "net,pid:apart", "exec sleep 1000"));
    let (inside, apart) = (process(&pod, "inside").pid, process(&pod, "apart").pid);
    assert_eq!(shared_kinds(inside, apart), ["pid", "time", "user"]);
    assert_eq!(shared_kinds(inside, holder.pid), ["net", "time", "user"]);
    assert_eq!(status_field(inside, "NSpid").expect("NSpid").split_whitespace().next_back(), Some("2"));
    // by default a container shares what Kubernetes shares
    let pod = bench.add(&alone, container("plain", "exec sleep 1000"));
    assert_eq!(shared_kinds(process(&pod, "plain").pid, holder.pid), ["ipc", "net", "time", "user", "uts"]);
    // a private network has only lo, a shared one has the pod's address
    let ip = pod.ip.expect("an address").to_string();
    let addresses = "cat /proc/net/fib_trie";
    assert!(bench.run_script(&pod, "network", addresses).contains(&ip));
    let lonely = bench.run_script(&pod, "names", addresses);
    assert!(lonely.contains("127.0.0.1") && !lonely.contains(&ip), "{lonely}");

    let events: Vec<String> = bench.events().iter().map(|e| format!("{}: {}", e.reason, e.message)).collect();
    for want in ["Created: Created container all", "Started: Started container all"] {
        assert!(events.iter().any(|t| t == want), "{want} in {events:?}");
    }
}

#[test]
fn an_invalid_container_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    let alone = bench.sandbox("strict");
    let pod = bench.add(&alone, container("web", "exec sleep 1000"));
    for (add, want) in [
        (container("web", "true"), "spec.containers[1].name: Duplicate value: \"web\""),
        (container("Web", "true"), "spec.containers[1].name: Invalid value: \"Web\""),
        (joining("x", "pid:api", "true"), "spec.containers[1]: pid:api: Not found: \"api\""),
    ] {
        let why = bench.lab.add_container(&pod.uid, add).expect_err(want).to_string();
        assert!(why.starts_with(want), "{why}");
    }
    let argv = ["sh".to_owned()];
    let why = bench.lab.debug(&pod.uid, None, "busybox", &argv, Some("api")).expect_err("no target").to_string();
    assert_eq!(why, "spec.ephemeralContainers[0].targetContainerName: Not found: \"api\"");
    let limited = ContainerSpec {
        limits: podscope::lab::spec::Limits { pids: Some(5), ..Default::default() },
        ..container("e", "true")
    };
    let why = bench.lab.add_ephemeral(&pod.uid, limited).expect_err("resources").to_string();
    assert_eq!(why, "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container");
    assert!(bench.lab.sandbox("Strict").is_err());
    let member = |name: &str| Member::container(&pod.uid, name);
    for (who, want) in
        [(Member::pause(&pod.uid), "delete the pod instead"), (member("api"), "pod strict has no container api")]
    {
        let why = bench.lab.remove_container(&who, None).expect_err(want).to_string();
        assert!(why.contains(want), "{why}");
    }
    let spec = bench.lab.spec(&pod.uid).expect("a spec");
    assert_eq!(spec.all_containers().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["web"]);
    // a pod that is being stopped accepts no containers
    bench.lab.delete_within(&pod.uid, Some(Duration::ZERO)).expect("deleted");
    let late = bench.lab.add_container(&pod.uid, container("late", "true"));
    assert!(late.is_err(), "{late:?}");
    bench.wait_removed(&pod.uid);
}

#[test]
fn a_removed_container_ends_with_its_leftovers_and_is_not_restarted() {
    let mut bench = Bench::new();
    let alone = bench.sandbox("shrinks");
    bench.add(&alone, joining("stays", "net,ipc,uts,pid", "exec sleep 1000"));
    // it ignores TERM, and has an orphan that pause would adopt
    let script = "setsid sleep 4242 & trap '' TERM; echo up; while true; do sleep 0.1; done";
    let pod = bench.add(&alone, joining("leaves", "net,ipc,uts,pid", script));
    bench.log_until(&pod, "leaves", "up");
    let (leaves, stays) = (process(&pod, "leaves"), process(&pod, "stays"));
    let orphan = bench.run_script(&pod, "stays", "pgrep -f 'sleep 424[2]'");
    assert!(!orphan.is_empty());
    let member = Member::container(&pod.uid, "leaves");
    bench.lab.remove_container(&member, Some(Duration::from_secs(2))).expect("removed");
    assert_eq!(bench.exit_status(leaves), WaitStatus::killed(9));
    let after = bench.pod_until(&pod.uid, "it is gone", |p| p.container("leaves").is_none());
    assert!(!exists(leaves) && exists(stays));
    assert_eq!(bench.run_script(&after, "stays", "pgrep -f 'sleep 424[2]' || echo none"), "none");
    assert_eq!((after.ip, pause(&after), after.phase), (pod.ip, pause(&pod), Phase::Running));
    let events = bench.events().iter().filter(|e| e.message == "Stopping container leaves").count();
    assert_eq!(events, 1);
    // its log is removed with it; another container with its name starts from the beginning
    let again = bench.add(&alone, container("leaves", "echo again; exec sleep 1000"));
    bench.log_until(&again, "leaves", "again");
    let log = bench.lab.logs(&member).expect("a log");
    assert!(!String::from_utf8_lossy(&log).contains("up"));
    assert_eq!(again.container("leaves").and_then(|c| c.restarts), Some(0));
    // when all are removed, only pause is left
    for name in ["leaves", "stays"] {
        bench.lab.remove_container(&Member::container(&pod.uid, name), Some(Duration::ZERO)).expect("removed");
    }
    let empty = bench.pod_until(&pod.uid, "only pause is left", |p| p.containers.is_empty());
    assert!(exists(pause(&empty)) && empty.ip == pod.ip);
}

#[test]
fn a_container_in_the_pid_namespace_of_another_dies_and_restarts_with_it() {
    let mut bench = Bench::new();
    let alone = bench.sandbox("pair");
    bench.add(&alone, joining("web", "net", "exec sleep 1000"));
    let pod = bench.add(&alone, joining("tools", "net,pid:web", "exec sleep 1000"));
    let (web, tools) = (process(&pod, "web"), process(&pod, "tools"));
    let why = bench.lab.remove_container(&Member::container(&pod.uid, "web"), None).expect_err("tools is inside");
    assert!(why.to_string().contains("take out tools first"), "{why}");
    kill(web, "KILL");
    // the kernel kills it, since web is PID 1 there
    assert_eq!(bench.exit_status(tools), WaitStatus::killed(9));
    let after = bench.pod_until(&pod.uid, "both run again", |p| {
        ["web", "tools"].iter().all(|name| {
            p.container(name)
                .is_some_and(|c| c.restarts == Some(1) && matches!(c.state, ContainerState::Running { .. }))
        })
    });
    let (web, tools) = (process(&after, "web"), process(&after, "tools"));
    assert_eq!(shared_kinds(tools.pid, web.pid), ["net", "pid", "time", "user"]);
    assert!(!bench.events().iter().any(|e| e.reason == EventReason::Failed), "no start into a dying namespace");
}

#[test]
fn an_ephemeral_container_sees_its_target_and_is_never_restarted() {
    let mut bench = Bench::new();
    let mut spec =
        spec("debugged", false, vec![container("web", "exec sleep 4243"), container("other", "exec sleep 4244")]);
    spec.restart = podscope::lab::spec::RestartPolicy::Always;
    let pod = bench.run(spec);
    let web = process(&pod, "web");
    let (pod, name) = bench.debug(&pod, Some("web"), "ps ax; echo seen; exec sleep 1000");
    assert!(name.starts_with("debugger-"), "{name}");
    let debugger = process(&pod, &name);
    assert_eq!(shared_kinds(debugger.pid, web.pid), ["ipc", "net", "pid", "time", "user", "uts"]);
    assert_ne!(ns(debugger.pid, "pid"), ns(pause(&pod).pid, "pid"));
    bench.log_until(&pod, &name, "seen");
    let seen = bench.lab.logs(&Member::container(&pod.uid, &name)).expect("a log");
    let seen = String::from_utf8_lossy(&seen);
    // ps sees the target as PID 1, and no process of other containers
    assert!(seen.contains("sleep 4243") && !seen.contains("sleep 4244"), "{seen}");
    let first = seen.lines().find(|l| l.contains("sleep 4243")).expect("a line").trim_start().to_owned();
    assert!(first.starts_with("1 "), "{first}");
    assert_eq!(pod.container(&name).map(|c| c.kind), Some(ContainerKind::Ephemeral));

    let member = Member::container(&pod.uid, &name);
    let why = bench.lab.remove_container(&member, None).expect_err("it may not").to_string();
    assert!(why.contains(&format!("Forbidden: existing ephemeral containers \"{name}\" may not be removed")), "{why}");
    let why = bench.lab.replace_command(&member, &["true".to_owned()]).expect_err("it may not").to_string();
    assert!(why.contains("may not be changed"), "{why}");
    kill(debugger, "KILL");
    let after = bench.wait_ended(&pod, &name);
    assert_eq!(after.container(&name).map(|c| c.state.word()), Some("Error"));
    // it is not restarted: a container that is started later already runs
    let (after, second) = bench.debug(&after, Some("web"), "exec sleep 1000");
    assert_eq!(after.container(&name).and_then(|c| c.last_exit), Some(WaitStatus::killed(9)));
    assert_eq!(after.container(&name).and_then(|c| c.restarts), Some(0));
    assert!(exists(web), "its target keeps running");
    // it dies with its target: the pid namespace ends with its PID 1
    let second = process(&after, &second);
    kill(web, "KILL");
    assert_eq!(bench.exit_status(second), WaitStatus::killed(9));
    bench.pod_until(&after.uid, "web again", |p| p.container("web").is_some_and(|c| c.restarts == Some(1)));
    let created = |received: &[Input]| {
        let of = |i: &&Input| matches!(i, Input::Delta(Delta::Event { event }) if event.message.contains(&name) && event.reason == EventReason::Started);
        received.iter().filter(of).count()
    };
    assert_eq!(created(&bench.received), 1);
}

#[test]
fn without_a_target_an_ephemeral_container_shares_what_the_pod_shares() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("shared", true, vec![container("web", "exec sleep 4245")]));
    let holder = pause(&pod);
    let (pod, name) = bench.debug(&pod, None, "exec sleep 1000");
    let all = ["ipc", "net", "pid", "time", "user", "uts"];
    assert_eq!(shared_kinds(process(&pod, &name).pid, holder.pid), all);
    // the same with a target that is in the pod's pid namespace itself
    let (pod, name) = bench.debug(&pod, Some("web"), "exec sleep 1000");
    assert_eq!(shared_kinds(process(&pod, &name).pid, holder.pid), all);
    // when the pod's containers have ended, the debuggers are stopped, and the pod is over
    kill(process(&pod, "web"), "KILL");
    let over = bench.pod_until(&pod.uid, "all have ended", |p| {
        p.phase == Phase::Failed && p.containers.iter().all(|c| c.last_exit.is_some())
    });
    assert_eq!(over.containers.len(), 3);
}

#[test]
fn an_ephemeral_container_can_be_added_to_a_pod_that_does_not_start() {
    let mut bench = Bench::new();
    let mut waits = spec("waits", false, vec![container("web", "exec sleep 1000")]);
    waits.init_containers = vec![container("init", "exec sleep 1000")];
    let uid = bench.lab.run(waits).expect("the pod is accepted");
    let pod = bench.pod_until(&uid, "its init container runs", |p| {
        p.container("init").is_some_and(|c| matches!(c.state, ContainerState::Running { .. }))
    });
    let (pod, name) = bench.debug(&pod, Some("init"), "exec sleep 1000");
    assert_eq!(ns(process(&pod, &name).pid, "pid"), ns(process(&pod, "init").pid, "pid"));
    assert_eq!(pod.status(), "Init:0/1");
    // a container that does not run cannot be a target
    let argv = ["sh".to_owned()];
    let why = bench.lab.debug(&pod.uid, None, "busybox", &argv, Some("web")).expect_err("it does not run");
    assert_eq!(why.to_string(), "target container \"web\" is not running");
}

#[test]
fn leftovers_of_an_ephemeral_container_in_its_targets_pid_namespace_are_killed() {
    for without_cgroups in [false, true] {
        let mut bench = Bench::with(podscope::lab::Options { without_cgroups, ..Default::default() });
        let pod = bench.run(spec("left", false, vec![container("web", "exec sleep 4246")]));
        let script = "setsid sleep 4247 & echo up; exec sleep 1000";
        let (pod, name) = bench.debug(&pod, Some("web"), script);
        bench.log_until(&pod, &name, "up");
        let left = || bench.run_script(&pod, "web", "pgrep -f 'sleep 424[7]' || echo none");
        wait_for("it has begun", || left() != "none");
        kill(process(&pod, &name), "KILL");
        wait_for("what it left behind is ended", || left() == "none");
        assert!(exists(process(&pod, "web")));
    }
}

/// Sharing that a manifest can express only by annotations is applied.
#[test]
fn containers_of_a_manifest_join_as_their_annotations_say() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: mixed\n  annotations:\n    share.podscope.dev/b: \
                net,ipc,uts,pid\n    share.podscope.dev/c: pid:a\nspec:\n  containers:\n  - {name: a, command: [sleep, \
                '1000']}\n  - {name: b, command: [sleep, '1000']}\n  - {name: c, command: [sleep, '1000']}\n";
    let (spec, warnings) = podscope::lab::parse("mixed.yaml", text).expect("a pod").remove(0);
    assert_eq!((warnings.len(), spec.share), (0, Share::default()));
    let mut bench = Bench::new();
    let pod = bench.run(spec);
    let (holder, a) = (pause(&pod).pid, process(&pod, "a").pid);
    assert_eq!(shared_kinds(a, holder), ["ipc", "net", "time", "user", "uts"]);
    assert_eq!(shared_kinds(process(&pod, "b").pid, holder), ["ipc", "net", "pid", "time", "user", "uts"]);
    assert_eq!(shared_kinds(process(&pod, "c").pid, a), ["pid", "time", "user"]);
}
