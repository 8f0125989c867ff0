//! Containers that are added to a pod and removed from it.

use super::*;
use crate::lab::spec::{Join, JoinPid};
use crate::model::ContainerKind;

fn joining(name: &str, pid: JoinPid) -> ContainerSpec {
    ContainerSpec { join: Some(Join { pid, ..Share::default().into() }), ..container(name) }
}

fn added(container: ContainerSpec, kind: ContainerKind) -> Fact {
    Fact::Added { container: Box::new(container), kind }
}

fn removal_requested(name: &str) -> Fact {
    Fact::RemovalRequested { container: name.to_owned(), grace_ms: None }
}

fn forget(name: &str) -> Action {
    Action::ForgetContainer(name.to_owned())
}

fn empty_sandbox() -> PodState {
    let mut pod = pod(PodSpec::sandbox("p").expect("a name"));
    assert_eq!(pod.decide(requested(), at(0)).actions, [Action::StartSandbox]);
    pod
}

#[test]
fn an_empty_sandbox_runs_and_accepts_containers_one_by_one() {
    let mut pod = empty_sandbox();
    assert_eq!(pod.decide(sandbox_started(), at(1)).actions, []);
    // no container has been started, so the kubelet's `getPhase` says Pending
    assert_eq!((phase_and_status(&pod), pod.pod.ip), ((Phase::Pending, "Pending".into()), Some(IP)));
    let d = pod.decide(added(joining("a", JoinPid::Pod), ContainerKind::App), at(2));
    assert_eq!(d.actions, [start("a")]);
    assert_eq!(event_texts(&d).first().map(|(reason, _)| *reason), Some("Pulled"));
    assert!(pod.pod.share_pid);
    runs(&mut pod, "a", 3);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
    // an empty sandbox is also replaced when its pause has ended
    let mut empty = empty_sandbox();
    empty.decide(sandbox_started(), at(1));
    let d = empty.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    assert_eq!(empty.pod.message, Some(pause_killed(MembersFate::NoMembers)));
}

/// Found by a property test.
#[test]
fn a_deleted_pod_has_no_more_actions() {
    let mut pod = running(RestartPolicy::Always, false);
    pod.decide(added(joining("tools", JoinPid::Container("a".to_owned())), ContainerKind::App), at(1));
    runs(&mut pod, "tools", 1);
    pod.decide(removal_requested("tools"), at(2));
    pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    pod.decide(Fact::Ending { container: "a".to_owned() }, at(3));
    assert_eq!(pod.decide(ended("tools", KILLED), at(3)).actions, [leftovers("tools")]);
    pod.decide(ended("a", KILLED), at(3));
    pod.decide(ended("b", KILLED), at(3));
    assert_eq!(pod.decide(PAUSE_KILLED, at(3)).actions, [Action::ReleaseSandbox, Action::Remove]);
    assert_eq!(pod.decide(leftovers_ended("tools"), at(4)).actions, []);
}

#[test]
fn an_empty_sandbox_is_never_finished() {
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
fn a_removed_container_gets_term_then_kill_and_is_not_restarted() {
    let mut pod = running(RestartPolicy::Always, true);
    let d = pod.decide(removal_requested("a"), at(5));
    assert_eq!((&d.actions[..], d.wake), (&[signal(Some("a"), Signal::TERM)][..], Some(MonoNs(35 * S))));
    assert_eq!(event_texts(&d), [("Killing", "Stopping container a")]);
    assert!(pod.is_being_removed("a"));
    assert_eq!(pod.decide(Fact::Tick, at(35)).actions, [signal(Some("a"), Signal::KILL)]);
    // it stays until its leftovers have ended
    assert_eq!(pod.decide(ended("a", KILLED), at(36)).actions, [leftovers("a")]);
    assert!(pod.pod.container("a").is_some());
    assert_eq!(pod.decide(leftovers_ended("a"), at(36)).actions, [forget("a")]);
    assert!(pod.pod.container("a").is_none() && pod.spec.container("a").is_none());
    assert_eq!(pod.decide(Fact::Tick, at(400)).actions, []);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
    // another container of the same name is a new one
    let d = pod.decide(added(container("a"), ContainerKind::App), at(401));
    assert_eq!(d.actions, [start("a")]);
    runs(&mut pod, "a", 401);
    assert_eq!(of(&pod, "a").restarts, Some(0));
}

#[test]
fn a_container_that_does_not_run_is_removed_immediately_and_all_may_be_removed() {
    let mut pod = running(RestartPolicy::Never, true);
    pod.decide(ended("a", OK), at(1));
    pod.decide(leftovers_ended("a"), at(1));
    assert_eq!(pod.decide(removal_requested("a"), at(2)).actions, [forget("a")]);
    pod.decide(removal_requested("b"), at(3));
    pod.decide(ended("b", OK), at(4));
    assert_eq!(pod.decide(leftovers_ended("b"), at(4)).actions, [forget("b")]);
    // the sandbox stays
    assert_eq!((phase_and_status(&pod), pod.pod.ip), ((Phase::Pending, "Pending".into()), Some(IP)));
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
        // it does not count for the pod's phase
        assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
        assert_eq!(of(&pod, "debugger").last_exit, Some(how));
        // it is not started in the next sandbox
        for name in ["a", "b"] {
            pod.decide(ended_with_pause(name), at(1001));
        }
        pod.decide(PAUSE_KILLED, at(1001));
        assert_eq!(pod.decide(sandbox_started(), at(1002)).actions, [start("a"), start("b")]);
        assert_eq!(of(&pod, "debugger").state.word(), "Error");
    }
}

/// Step 5 of `SyncPod` comes before steps 6 and 8, so that a pod that does not start can be inspected.
#[test]
fn ephemeral_containers_start_before_init_containers_have_succeeded() {
    let mut pod = with_init(RestartPolicy::Always);
    pod.decide(sandbox_started(), at(0));
    let d = pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    assert_eq!(d.actions, [start("debugger")]);
    runs(&mut pod, "debugger", 1);
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:0/3".into()));
    // an added app container waits for its turn like the others
    assert_eq!(pod.decide(added(container("late"), ContainerKind::App), at(2)).actions, []);
}

#[test]
fn a_finished_or_deleted_pod_stops_its_ephemeral_containers() {
    let mut pod = running(RestartPolicy::Never, true);
    pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    runs(&mut pod, "debugger", 1);
    pod.decide(ended("a", OK), at(2));
    let d = pod.decide(ended("b", OK), at(2));
    assert!(d.actions.contains(&signal(Some("debugger"), Signal::TERM)), "{d:?}");
    assert_eq!(phase_and_status(&pod), (Phase::Succeeded, "Completed".into()));
    // in a deleted pod it stops with the others
    let mut pod = running(RestartPolicy::Always, true);
    pod.decide(added(container("debugger"), ContainerKind::Ephemeral), at(1));
    runs(&mut pod, "debugger", 1);
    let d = pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    assert!(d.actions.contains(&signal(Some("debugger"), Signal::TERM)), "{d:?}");
    assert_eq!(pod.admit(container("late"), ContainerKind::App), Err("pod p is being stopped".to_owned()));
}

#[test]
fn a_target_must_run_and_must_not_be_in_removal() {
    let mut pod = running(RestartPolicy::Always, false);
    let tools = || joining("tools", JoinPid::Container("a".to_owned()));
    assert!(pod.admit(tools(), ContainerKind::App).is_ok());
    pod.decide(removal_requested("a"), at(1));
    let why = Err("target container \"a\" is being taken out".to_owned());
    assert_eq!(pod.admit(tools(), ContainerKind::App), why);
    let inside_b = joining("tools", JoinPid::Container("b".to_owned()));
    pod.decide(ended("b", FAILED), at(2));
    let why = Err("target container \"b\" is not running".to_owned());
    assert_eq!(pod.admit(inside_b, ContainerKind::Ephemeral), why);
}

#[test]
fn a_container_waits_for_the_pid_namespace_of_its_target() {
    let mut pod = running(RestartPolicy::Always, false);
    let tools = joining("tools", JoinPid::Container("a".to_owned()));
    assert_eq!(pod.decide(added(tools, ContainerKind::App), at(1)).actions, [start("tools")]);
    runs(&mut pod, "tools", 1);
    // the kernel ends it first, while its target is still ending
    assert_eq!(pod.decide(Fact::Ending { container: "a".to_owned() }, at(2)).actions, []);
    assert_eq!(pod.decide(ended("tools", KILLED), at(2)).actions, [leftovers("tools")]);
    assert_eq!(pod.decide(leftovers_ended("tools"), at(2)).actions, [], "not into a dying namespace");
    // a had its own pid namespace, so it leaves nothing behind
    assert_eq!(pod.decide(ended("a", KILLED), at(2)).actions, [start("a")]);
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(9) }, at(3));
    assert_eq!(pod.decide(Fact::Started { container: "a".to_owned() }, at(3)).actions, [start("tools")]);
}

#[test]
fn only_members_of_pauses_pid_namespace_end_with_it() {
    let mut pod = empty_sandbox();
    pod.decide(sandbox_started(), at(0));
    for (name, pid) in [("in", JoinPid::Pod), ("out", JoinPid::Own)] {
        pod.decide(added(joining(name, pid), ContainerKind::App), at(1));
        runs(&mut pod, name, 1);
    }
    pod.decide(ended_with_pause("in"), at(2));
    let d = pod.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [signal(Some("out"), Signal::TERM)]);
    assert_eq!(pod.pod.message, Some(pause_killed(MembersFate::SomeKilled)));
}

#[test]
fn a_new_version_of_the_manifest_keeps_added_containers() {
    let mut pod = running(RestartPolicy::Always, true);
    let mut from_file = pod.spec.clone();
    pod.decide(added(container("c"), ContainerKind::App), at(1));
    runs(&mut pod, "c", 1);
    from_file.containers[0].args = vec!["x".to_owned()];
    let fact = Fact::Replaced { spec: Box::new(from_file), containers: vec!["a".to_owned()] };
    assert_eq!(pod.decide(fact, at(2)).actions, [signal(Some("a"), Signal::TERM)]);
    assert!(pod.spec.container("c").is_some());
}
