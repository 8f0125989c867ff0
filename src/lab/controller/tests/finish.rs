//! The end of a pod whose containers have finished.

use super::*;

const KILL_PAUSE: [Action; 1] = [Action::Signal { container: None, signal: Signal::KILL }];

/// Reports that the container and its leftovers have ended.
fn over(pod: &mut PodState, container: &str, status: WaitStatus, t: u64) -> Decision {
    pod.decide(ended(container, status), at(t));
    pod.decide(leftovers_ended(container), at(t))
}

/// `computePodActions`: with nothing to keep and nothing to start, `KillPod`.
#[test]
fn the_sandbox_ends_with_the_last_container() {
    use RestartPolicy::{Never, OnFailure};
    for (policy, status, phase) in
        [(Never, OK, Phase::Succeeded), (Never, FAILED, Phase::Failed), (OnFailure, OK, Phase::Succeeded)]
    {
        let mut pod = running(policy, true);
        assert_eq!(over(&mut pod, "a", status, 5).actions, [], "one runs on");
        assert_eq!(pod.decide(ended("b", status), at(6)).actions, [leftovers("b")], "what is left behind goes first");
        let d = pod.decide(leftovers_ended("b"), at(6));
        assert_eq!((&d.actions[..], event_texts(&d)), (&KILL_PAUSE[..], vec![]), "{policy:?}");
        assert!(pod.pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none()) && pod.pod.ip == Some(IP));
        let d = pod.decide(PAUSE_KILLED, at(7));
        assert_eq!((&d.actions[..], event_texts(&d), d.wake), (&[Action::ReleaseSandbox][..], vec![], None));
        let sandbox = pod.pod.sandbox.clone().expect("a sandbox");
        assert_eq!((sandbox.attempt, sandbox.ended, pod.pod.ip), (Some(0), Some(at(7)), None));
        assert_eq!((pod.pod.phase, pod.pod.message.as_ref()), (phase, None));
        // nothing starts again
        assert_eq!(pod.decide(Fact::Tick, at(100)).actions, []);
        assert!(!pod.accepts_changes());
        assert_eq!(pod.decide(Fact::DeleteRequested { grace_ms: None }, at(101)).actions, [Action::Remove]);
    }
}

#[test]
fn the_sandbox_stays_while_anything_is_to_be_started() {
    use RestartPolicy::{Always, OnFailure};
    for (policy, status) in [(Always, OK), (Always, FAILED), (OnFailure, FAILED)] {
        let mut pod = running(policy, false);
        for name in ["a", "b"] {
            // the second time it waits for its back-off
            for t in [5, 6] {
                let d = pod.decide(ended(name, status), at(t));
                assert!(!d.actions.contains(&KILL_PAUSE[0]), "{policy:?}");
                if t == 5 {
                    runs(&mut pod, name, t);
                }
            }
        }
        assert!(pod.accepts_changes() && pod.pod.ip == Some(IP));
    }
}

#[test]
fn sidecars_end_before_the_sandbox() {
    let mut pod = with_init(RestartPolicy::Never);
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "i", 1);
    over(&mut pod, "i", OK, 2);
    runs(&mut pod, "s", 2);
    runs(&mut pod, "j", 3);
    over(&mut pod, "j", OK, 3);
    runs(&mut pod, "a", 4);
    let d = pod.decide(ended("a", FAILED), at(5));
    assert_eq!(d.actions, [leftovers("a"), signal(Some("s"), Signal::TERM)]);
    assert_eq!(pod.decide(leftovers_ended("a"), at(5)).actions, []);
    assert_eq!(over(&mut pod, "s", OK, 6).actions, KILL_PAUSE);
    assert_eq!(pod.pod.phase, Phase::Failed);
}

#[test]
fn the_sandbox_ends_when_an_init_container_has_failed_for_good() {
    let mut pod = with_init(RestartPolicy::Never);
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "i", 1);
    assert_eq!(over(&mut pod, "i", FAILED, 2).actions, KILL_PAUSE);
    assert_eq!(pod.decide(PAUSE_KILLED, at(3)).actions, [Action::ReleaseSandbox]);
    assert_eq!(phase_and_status(&pod), (Phase::Failed, "Init:Error".into()));
}

#[test]
fn moved_host_ports_are_reported_once() {
    let mut spec = spec(RestartPolicy::Always, true);
    let port = |inside, host| crate::lab::spec::Port {
        container: inside,
        host: Some(host),
        name: None,
        protocol: "TCP".to_owned(),
    };
    spec.containers[0].ports = vec![port(80, 8080), port(81, 8081)];
    let mut pod = pod(spec);
    pod.decide(requested(), at(0));
    assert_eq!(pod.pod.host_ports, [(8080, 80), (8081, 81)]);
    let d = pod.decide(Fact::HostPortsMoved { to: vec![8082, 8081] }, at(1));
    let message = "Host port 8080 is taken: 127.0.0.1:8082 leads to port 80 in its place";
    assert_eq!((event_texts(&d), d.actions.len()), (vec![("HostPortMoved", message)], 0));
    assert_eq!(pod.pod.host_ports, [(8082, 80), (8081, 81)]);
    assert_eq!(event_texts(&pod.decide(Fact::HostPortsMoved { to: vec![8082, 8081] }, at(2))), []);
}
