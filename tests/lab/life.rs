//! The life of a pod: its start, its shared namespaces and its end.

use std::time::Duration;

use podscope::lab::spec::{PodSpec, RestartPolicy};
use podscope::model::{
    ContainerState, Delta, Member, MembersFate, Output, OutputSource, Phase, PodMessage, SandboxEnd, WaitStatus, World,
};
use podscope::observe::Input;

use crate::support::{Bench, container, exists, kill, ns, pause, process, spec, status_field, wait_for};

/// What a pod says whose pause was killed.
fn pause_killed(members: MembersFate) -> PodMessage {
    PodMessage::SandboxEnded(SandboxEnd { container: None, status: WaitStatus::killed(9), members })
}

#[test]
fn the_containers_of_a_pod_share_the_same_namespaces_as_in_kubernetes() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("pair", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]));
    let (pause, a, b) = (pause(&pod), process(&pod, "a"), process(&pod, "b"));
    for kind in ["net", "ipc", "uts", "pid", "user"] {
        assert_eq!(ns(a.pid, kind), ns(pause.pid, kind), "{kind} of a and pause");
        assert_eq!(ns(b.pid, kind), ns(pause.pid, kind), "{kind} of b and pause");
    }
    let mounts = [pause, a, b].map(|p| ns(p.pid, "mnt"));
    assert!(mounts[0] != mounts[1] && mounts[1] != mounts[2] && mounts[0] != mounts[2], "{mounts:?}");
    for kind in ["net", "ipc", "uts", "pid", "user", "mnt"] {
        assert_ne!(ns(a.pid, kind), ns(std::process::id(), kind), "{kind} is not the host's");
    }
    // pause is PID 1 of the pod, and is named pause
    let inside = status_field(pause.pid, "NSpid").expect("NSpid");
    assert_eq!(inside.split_whitespace().next_back(), Some("1"), "{inside}");
    assert_eq!(status_field(pause.pid, "Name").as_deref(), Some("pause"));
    // the parent of a container's process is the node, outside of the pod
    let node = bench.lab.node();
    for id in [pause, a, b] {
        assert_eq!(status_field(id.pid, "PPid"), Some(node.pid.to_string()));
    }
    assert_eq!(status_field(node.pid, "PPid"), Some(std::process::id().to_string()));
    assert_eq!(status_field(node.pid, "Name").as_deref(), Some("podscope-node"));
    assert_eq!(status_field(node.pid, "Threads").as_deref(), Some("1"));
    // no process of the lab is root on the host
    for id in [node, pause, a, b] {
        let uids = status_field(id.pid, "Uid").expect("Uid");
        assert!(uids.split_whitespace().all(|uid| uid != "0"), "{uids}");
    }

    bench.lab.delete_within(&pod.uid, Some(Duration::ZERO)).expect("deleted");
    for id in [pause, a, b] {
        wait_for("all gone", || !exists(id));
    }
    bench.wait_removed(&pod.uid);
}

#[test]
fn without_sharing_each_container_is_pid_1() {
    let mut bench = Bench::new();
    let mut spec = spec("apart", false, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]);
    spec.grace_seconds = 1;
    let pod = bench.run(spec);
    let (pause, a, b) = (pause(&pod), process(&pod, "a"), process(&pod, "b"));
    for kind in ["net", "ipc", "uts"] {
        assert_eq!(ns(a.pid, kind), ns(pause.pid, kind), "{kind}");
        assert_eq!(ns(b.pid, kind), ns(pause.pid, kind), "{kind}");
    }
    let pids = [pause, a, b].map(|p| ns(p.pid, "pid"));
    assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2], "{pids:?}");
    for id in [pause, a, b] {
        let inside = status_field(id.pid, "NSpid").expect("NSpid");
        assert_eq!(inside.split_whitespace().next_back(), Some("1"), "{inside}");
    }
    // its /proc shows only the container's processes and the shell that looks
    let seen = bench.exec(&pod, "a", "cd /proc; echo [0-9]*");
    let seen = String::from_utf8_lossy(&seen.stdout).split_whitespace().count();
    assert!(seen <= 3, "{seen} processes");

    // when pause dies, the members stay in the same namespaces until the lab stops them
    kill(pause, "KILL");
    let failed = bench.pod_until(&pod.uid, "Failed and released", |p| p.phase == Phase::Failed && p.ip.is_none());
    assert_eq!(failed.message, Some(pause_killed(MembersFate::Stopped)));
    for id in [pause, a, b] {
        assert!(!exists(id));
        assert_eq!(bench.exit_status(id), WaitStatus::killed(9));
    }
}

#[test]
fn a_member_dies_and_the_pod_stays() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("stays", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]));
    let a = process(&pod, "a");
    kill(a, "KILL");
    let after = bench
        .pod_until(&pod.uid, "a terminated", |p| matches!(p.containers[0].state, ContainerState::Terminated { .. }));
    assert_eq!(bench.exit_status(a), WaitStatus::killed(9));
    assert_eq!(after.containers[0].state.word(), "Error");
    assert_eq!((after.phase, after.ip), (Phase::Running, pod.ip));
    assert_eq!(pause(&after), pause(&pod));
    assert!(exists(pause(&pod)) && exists(process(&pod, "b")));
    let ip = pod.ip.expect("an address").to_string();
    let held = bench.exec(&pod, "b", "cat /proc/net/fib_trie");
    assert!(String::from_utf8_lossy(&held.stdout).contains(&ip));
}

#[test]
fn killing_pause_kills_all_members() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("falls", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000 & wait")]));
    kill(pause(&pod), "KILL");
    let failed = bench.pod_until(&pod.uid, "Failed and released", |p| p.phase == Phase::Failed && p.ip.is_none());
    assert_eq!(failed.message, Some(pause_killed(MembersFate::Killed)));
    for id in [pause(&pod), process(&pod, "a"), process(&pod, "b")] {
        assert!(!exists(id), "{id}");
        assert_eq!(bench.exit_status(id), WaitStatus::killed(9));
    }
    // the address is free, but is not reused at once
    let next = bench.run(spec("next", true, vec![container("a", "sleep 1000")]));
    assert_ne!(next.ip, pod.ip);
}

#[test]
fn deletion_waits_for_containers_that_handle_term_and_kills_the_others() {
    let mut bench = Bench::new();
    let polite = "trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done";
    let deaf = "trap '' TERM; echo up; while true; do sleep 0.05; done";
    let pod = bench.run(spec("ends", true, vec![container("polite", polite), container("deaf", deaf)]));
    for name in ["polite", "deaf"] {
        bench.log_until(&pod, name, "up");
    }
    let (polite, deaf) = (process(&pod, "polite"), process(&pod, "deaf"));
    bench.lab.delete_within(&pod.uid, Some(Duration::from_millis(400))).expect("deleted");
    assert_eq!(bench.exit_status(polite), WaitStatus::exited(7));
    assert_eq!(bench.exit_status(deaf), WaitStatus::killed(9));
    bench.wait_removed(&pod.uid);
    let events: Vec<String> = bench.events().iter().map(|e| format!("{}: {}", e.reason, e.message)).collect();
    for want in
        ["Started: Started container polite", "Killing: Stopping container polite", "Killing: Stopping container deaf"]
    {
        assert!(events.iter().any(|t| t == want), "{want} in {events:?}");
    }
}

#[test]
fn a_stopped_member_is_reported() {
    use podscope::model::{Delta, State};
    use podscope::observe::Input;
    let mut bench = Bench::new();
    let pod = bench.run(spec("stop", true, vec![container("a", "sleep 1000")]));
    let a = process(&pod, "a");
    for (signal, want) in [("STOP", State::Stopped), ("CONT", State::Sleeping)] {
        kill(a, signal);
        bench.until(signal, |received| {
            received
                .iter()
                .find(|i| matches!(i, Input::Delta(Delta::State { id, state, .. }) if *id == a && *state == want))
                .map(drop)
        });
    }
}

#[test]
fn a_real_time_signal_kills_a_member() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("rt", true, vec![container("a", "sleep 1000")]));
    kill(process(&pod, "a"), "40");
    assert_eq!(bench.exit_status(process(&pod, "a")), WaitStatus::killed(40));
}

#[test]
fn what_a_member_writes_is_in_the_stream_before_its_end_and_goes_with_its_pod() {
    let mut bench = Bench::new();
    let script = "echo 'hällo'; echo two; printf unfinished; until [ -e /tmp/go ]; do sleep 0.02; done; exit 4";
    let once = PodSpec { restart: RestartPolicy::Never, ..spec("writer", true, vec![container("a", script)]) };
    let pod = bench.run(once);
    let member = Member::container(&pod.uid, "a");
    let world = |received: &[Input]| {
        let mut world = World::default();
        for input in received {
            if let Input::Delta(delta) = input {
                world.apply(delta);
            }
        }
        world
    };
    let lines = |world: &World| -> Vec<String> {
        world.output.get(&member).into_iter().flat_map(Output::lines).map(|line| line.text.to_string()).collect()
    };
    bench.until("three lines", |received| (lines(&world(received)).len() == 3).then_some(()));
    assert_eq!(lines(&world(&bench.received)), ["hällo", "two", "unfinished"]);

    bench.exec(&pod, "a", "touch /tmp/go");
    bench.pod_until(&pod.uid, "its end", |p| matches!(p.containers[0].state, ContainerState::Terminated { .. }));
    let log = bench.lab.logs(&member).expect("a log");
    let all: String = bench.received.iter().filter_map(|input| output_of(input, &member)).collect();
    assert_eq!(all.as_bytes(), log, "nothing is missing once its end is reported");

    bench.lab.delete(&pod.uid).expect("accepted");
    bench.wait_removed(&pod.uid);
    assert!(world(&bench.received).output.is_empty());
}

fn output_of<'a>(input: &'a Input, of: &Member) -> Option<&'a str> {
    match input {
        Input::Delta(Delta::Output { from: OutputSource::Member(member), text, skipped: None, .. }) if member == of => {
            Some(text)
        }
        _ => None,
    }
}
