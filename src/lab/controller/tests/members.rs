//! Containers that are added to a pod, and taken out of it.

use super::*;
use crate::lab::spec::{Join, JoinPid};
use crate::model::ContainerKind;

fn joining(name: &str, pid: JoinPid) -> ContainerSpec {
    ContainerSpec { join: Some(Join { pid, ..Share::default().into() }), ..container(name) }
}

fn added(container: ContainerSpec, kind: ContainerKind) -> Fact {
    Fact::Added { container: Box::new(container), kind }
}

fn leave(name: &str) -> Fact {
    Fact::RemovalRequested { container: name.to_owned(), grace_ms: None }
}

fn forget(name: &str) -> Action {
    Action::ForgetContainer(name.to_owned())
}

fn alone() -> PodState {
    let mut pod = pod(PodSpec::sandbox("p").expect("a name"));
    assert_eq!(pod.decide(requested(), at(0)).actions, [Action::StartSandbox]);
    pod
}

#[test]
fn a_sandbox_alone_stands_and_takes_containers_one_by_one() {
    let mut pod = alone();
    assert_eq!(pod.decide(sandbox_started(), at(1)).actions, []);
    // nothing has been started, so that it is Pending to a kubelet (`getPhase`)
    assert_eq!((seen(&pod), pod.pod.ip), ((Phase::Pending, "Pending"), Some(IP)));
    let d = pod.decide(added(joining("a", JoinPid::Pod), ContainerKind::App), at(2));
    assert_eq!(d.actions, [start("a")]);
    assert_eq!(told(&d).first().map(|(reason, _)| *reason), Some("Pulled"));
    assert!(pod.pod.share_pid);
    runs(&mut pod, "a", 3);
    assert_eq!(seen(&pod), (Phase::Running, "Running"));
    // and again when its pause has gone, be it empty or not
    let mut empty = alone();
    empty.decide(sandbox_started(), at(1));
    let d = empty.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    assert_eq!(empty.pod.message.as_deref(), Some("pause was killed by SIGKILL; nobody had joined it"));
}

/// A property test found it.
#[test]
fn nobody_is_forgotten_of_a_pod_that_has_gone() {
    let mut pod = running(RestartPolicy::Always, false);
    pod.decide(added(joining("tools", JoinPid::Container("a".to_owned())), ContainerKind::App), at(1));
    runs(&mut pod, "tools", 1);
    pod.decide(leave("tools"), at(2));
    pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    pod.decide(Fact::Ending { container: "a".to_owned() }, at(3));
    assert_eq!(pod.decide(ended("tools", KILLED), at(3)).actions, [leftovers("tools")]);
    pod.decide(ended("a", KILLED), at(3));
    pod.decide(ended("b", KILLED), at(3));
    assert_eq!(pod.decide(PAUSE_KILLED, at(3)).actions, [Action::ReleaseSandbox, Action::Remove]);
    assert_eq!(pod.decide(leftovers_ended("tools"), at(4)).actions, []);
}

#[test]
fn with_any_policy_an_empty_sandbox_is_not_over() {
    for policy in [RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never] {
        let mut pod = pod(PodSpec { restart: policy, ..PodSpec::sandbox("p").expect("a name") });
        pod.decide(requested(), at(0));
        pod.decide(sandbox_started(), at(0));
        assert_eq!(pod.decide(Fact::Tick, at(1)), Decision::default(), "{policy:?}");
        let d = pod.decide(PAUSE_KILLED, at(2));
        assert!(d.actions.contains(&Action::StartSandbox), "{policy:?} {d:?}");
    }
}

#[test]
fn who_is_taken_out_gets_term_then_kill_and_never_comes_back() {
    let mut pod = running(RestartPolicy::Always, true);
    let d = pod.decide(leave("a"), at(5));
    assert_eq!((&d.actions[..], d.wake), (&[signal(Some("a"), Signal::TERM)][..], Some(MonoNs(35 * S))));
    assert_eq!(told(&d), [("Killing", "Stopping container a")]);
    assert!(pod.is_leaving("a"));
    assert_eq!(pod.decide(Fact::Tick, at(35)).actions, [signal(Some("a"), Signal::KILL)]);
    // it stays until what it has left behind is gone
    assert_eq!(pod.decide(ended("a", KILLED), at(36)).actions, [leftovers("a")]);
    assert!(pod.pod.container("a").is_some());
    assert_eq!(pod.decide(leftovers_ended("a"), at(36)).actions, [forget("a")]);
    assert!(pod.pod.container("a").is_none() && pod.spec.container("a").is_none());
    assert_eq!(pod.decide(Fact::Tick, at(400)).actions, []);
    assert_eq!(seen(&pod), (Phase::Running, "Running"));
    // another one of the same name is another container
    let d = pod.decide(added(container("a"), ContainerKind::App), at(401));
    assert_eq!(d.actions, [start("a")]);
    runs(&mut pod, "a", 401);
    assert_eq!(of(&pod, "a").restarts, 0);
}

#[test]
fn who_does_not_run_is_taken_out_at_once_and_all_may_go() {
    let mut pod = running(RestartPolicy::Never, true);
    pod.decide(ended("a", OK), at(1));
    pod.decide(leftovers_ended("a"), at(1));
    assert_eq!(pod.decide(leave("a"), at(2)).actions, [forget("a")]);
    pod.decide(leave("b"), at(3));
    pod.decide(ended("b", OK), at(4));
    assert_eq!(pod.decide(leftovers_ended("b"), at(4)).actions, [forget("b")]);
    // the sandbox stays
    assert_eq!((seen(&pod), pod.pod.ip), ((Phase::Pending, "Pending"), Some(IP)));
}

#[test]
fn an_ephemeral_container_is_never_restarted() {
    for (policy, how) in [(RestartPolicy::Always, FAILED), (RestartPolicy::OnFailure, KILLED)] {
        let mut pod = running(policy, true);
        let d = pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
        assert_eq!(d.actions, [start("debugger")]);
        runs(&mut pod, "debugger", 1);
        pod.decide(ended("debugger", how), at(2));
        assert_eq!(pod.decide(leftovers_ended("debugger"), at(2)).actions, []);
        assert_eq!(pod.decide(Fact::Tick, at(1000)).actions, []);
        // nor does it count for the pod
        assert_eq!(seen(&pod), (Phase::Running, "Running"));
        assert_eq!(of(&pod, "debugger").last_exit, Some(how));
        // nor is it in the next sandbox
        for name in ["a", "b"] {
            pod.decide(ended_with_pause(name), at(1001));
        }
        pod.decide(PAUSE_KILLED, at(1001));
        assert_eq!(pod.decide(sandbox_started(), at(1002)).actions, [start("a"), start("b")]);
        assert_eq!(of(&pod, "debugger").state.word(), "Error");
    }
}

/// Step 5 of SyncPod comes before steps 6 and 8, so that one can look into a pod that does not come up.
#[test]
fn ephemeral_containers_start_before_init_containers_are_through() {
    let mut pod = with_init(RestartPolicy::Always);
    pod.decide(sandbox_started(), at(0));
    let d = pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    assert_eq!(d.actions, [start("debugger")]);
    runs(&mut pod, "debugger", 1);
    assert_eq!(seen(&pod), (Phase::Pending, "Init:0/3"));
    // one that is added waits for its turn like the others
    assert_eq!(pod.decide(added(container("late"), ContainerKind::App), at(2)).actions, []);
}

#[test]
fn a_pod_that_is_over_stops_those_who_look_into_it() {
    let mut pod = running(RestartPolicy::Never, true);
    pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    runs(&mut pod, "debugger", 1);
    pod.decide(ended("a", OK), at(2));
    let d = pod.decide(ended("b", OK), at(2));
    assert!(d.actions.contains(&signal(Some("debugger"), Signal::TERM)), "{d:?}");
    assert_eq!(seen(&pod), (Phase::Succeeded, "Completed"));
    // deleted, it goes with the others
    let mut pod = running(RestartPolicy::Always, true);
    pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    runs(&mut pod, "debugger", 1);
    let d = pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    assert!(d.actions.contains(&signal(Some("debugger"), Signal::TERM)), "{d:?}");
    assert_eq!(pod.admit(container("late"), ContainerKind::App), Err("pod p is being stopped".to_owned()));
}

#[test]
fn a_target_must_run_and_stay() {
    let mut pod = running(RestartPolicy::Always, false);
    let tools = || joining("tools", JoinPid::Container("a".to_owned()));
    assert!(pod.admit(tools(), ContainerKind::App).is_ok());
    pod.decide(leave("a"), at(1));
    let why = Err("target container \"a\" is being taken out".to_owned());
    assert_eq!(pod.admit(tools(), ContainerKind::App), why);
    let inside_b = joining("tools", JoinPid::Container("b".to_owned()));
    pod.decide(ended("b", FAILED), at(2));
    let why = Err("target container \"b\" is not running".to_owned());
    assert_eq!(pod.admit(inside_b, ContainerKind::Ephemeral), why);
}

#[test]
fn who_joins_another_containers_pid_namespace_waits_for_it() {
    let mut pod = running(RestartPolicy::Always, false);
    let tools = joining("tools", JoinPid::Container("a".to_owned()));
    assert_eq!(pod.decide(added(tools, ContainerKind::App), at(1)).actions, [start("tools")]);
    runs(&mut pod, "tools", 1);
    // the kernel ends it first, while its target still is on its way out
    assert_eq!(pod.decide(Fact::Ending { container: "a".to_owned() }, at(2)).actions, []);
    assert_eq!(pod.decide(ended("tools", KILLED), at(2)).actions, [leftovers("tools")]);
    assert_eq!(pod.decide(leftovers_ended("tools"), at(2)).actions, [], "not into a dying namespace");
    // of a, which had a pid namespace of its own, nothing is left behind
    assert_eq!(pod.decide(ended("a", KILLED), at(2)).actions, [start("a")]);
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(9) }, at(3));
    assert_eq!(pod.decide(Fact::Started { container: "a".to_owned() }, at(3)).actions, [start("tools")]);
}

#[test]
fn where_some_are_in_the_pid_namespace_of_pause_only_those_go_with_it() {
    let mut pod = alone();
    pod.decide(sandbox_started(), at(0));
    for (name, pid) in [("in", JoinPid::Pod), ("out", JoinPid::Own)] {
        pod.decide(added(joining(name, pid), ContainerKind::App), at(1));
        runs(&mut pod, name, 1);
    }
    pod.decide(ended_with_pause("in"), at(2));
    let d = pod.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [signal(Some("out"), Signal::TERM)]);
    let message = "pause was killed by SIGKILL; the kernel took every member of its pid namespace with it, and the \
                   others are stopped";
    assert_eq!(pod.pod.message.as_deref(), Some(message));
}

#[test]
fn a_new_version_of_the_manifest_leaves_who_was_added() {
    let mut pod = running(RestartPolicy::Always, true);
    let mut from_file = pod.spec.clone();
    pod.decide(added(container("c"), ContainerKind::App), at(1));
    runs(&mut pod, "c", 1);
    from_file.containers[0].args = vec!["x".to_owned()];
    let fact = Fact::Replaced { spec: Box::new(from_file), containers: vec!["a".to_owned()] };
    assert_eq!(pod.decide(fact, at(2)).actions, [signal(Some("a"), Signal::TERM)]);
    assert!(pod.spec.container("c").is_some());
}
