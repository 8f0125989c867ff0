use std::net::{IpAddr, Ipv4Addr};

use super::{Action, Decision, Fact, PodState};
use crate::lab::spec::{ContainerSpec, PodSpec, RestartPolicy};
use crate::model::{ContainerState, MonoNs, Phase, PodUid, ProcId, SandboxKind, Signal, Source, Stamp, WaitStatus};

const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 2));

fn at(t: u64) -> Stamp {
    Stamp::prompt(MonoNs(t), Source::Node)
}

fn proc(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

/// A pod of `a` and `b`, both with a command.
fn pod(share_pid: bool) -> PodState {
    let container = |name: &str| ContainerSpec {
        name: name.to_owned(),
        command: vec!["sleep".to_owned()],
        ..ContainerSpec::default()
    };
    let spec = PodSpec {
        name: "p".to_owned(),
        namespace: "default".to_owned(),
        hostname: "p".to_owned(),
        share_pid,
        restart: RestartPolicy::Never,
        grace_seconds: 30,
        pause: SandboxKind::Pause,
        init_containers: vec![],
        containers: vec![container("a"), container("b")],
        volumes: vec![],
    };
    PodState::new(PodUid("u".to_owned()), spec, at(0))
}

fn running(share_pid: bool) -> PodState {
    let mut pod = pod(share_pid);
    for fact in [
        Fact::Requested { node: "n".to_owned() },
        Fact::SandboxStarted { process: proc(1), ip: IP },
        Fact::Created { container: "a".to_owned(), process: proc(2) },
        Fact::Created { container: "b".to_owned(), process: proc(3) },
        Fact::Started { container: "a".to_owned() },
        Fact::Started { container: "b".to_owned() },
    ] {
        pod.decide(fact, at(1));
    }
    pod
}

fn ended(container: &str, status: WaitStatus) -> Fact {
    Fact::Ended { container: container.to_owned(), status }
}

fn kill(container: Option<&str>, signal: Signal) -> Action {
    Action::Signal { container: container.map(str::to_owned), signal }
}

fn leftovers(container: &str) -> Action {
    Action::KillLeftovers(container.to_owned())
}

fn told(d: &Decision) -> Vec<(String, String)> {
    d.events.iter().map(|e| (e.reason.clone(), e.message.clone())).collect()
}

const KILLED: WaitStatus = WaitStatus::killed(9);

#[test]
fn a_pod_comes_up_in_order() {
    let mut pod = pod(true);
    let d = pod.decide(Fact::Requested { node: "n".to_owned() }, at(1));
    assert_eq!(d.actions, [Action::StartSandbox]);
    assert_eq!(told(&d), [("Scheduled".to_owned(), "Successfully assigned default/p to n".to_owned())]);
    let d = pod.decide(Fact::SandboxStarted { process: proc(1), ip: IP }, at(2));
    assert_eq!(d.actions, [Action::StartContainer("a".to_owned()), Action::StartContainer("b".to_owned())]);
    assert_eq!(pod.pod.ip, Some(IP));
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(2) }, at(3));
    let d = pod.decide(Fact::Started { container: "a".to_owned() }, at(4));
    assert_eq!(told(&d), [("Started".to_owned(), "Started container a".to_owned())]);
    assert_eq!(pod.pod.phase, Phase::Pending);
    pod.decide(Fact::Created { container: "b".to_owned(), process: proc(3) }, at(5));
    pod.decide(Fact::Started { container: "b".to_owned() }, at(6));
    assert_eq!((pod.pod.phase, pod.pod.status()), (Phase::Running, "Running"));
}

#[test]
fn phases_follow_from_how_the_containers_ended() {
    for (a, b, phase, reasons) in [
        (WaitStatus::exited(0), WaitStatus::exited(0), Phase::Succeeded, ["Completed", "Completed"]),
        (WaitStatus::exited(0), WaitStatus::exited(3), Phase::Failed, ["Completed", "Error"]),
        (KILLED, WaitStatus::exited(0), Phase::Failed, ["Error", "Completed"]),
    ] {
        let mut pod = running(true);
        assert_eq!(pod.decide(ended("a", a), at(2)).actions, [leftovers("a")]);
        // the others, the address and the sandbox stay
        assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Running, Some(IP)));
        pod.decide(ended("b", b), at(3));
        assert_eq!((pod.pod.phase, pod.pod.ip), (phase, Some(IP)));
        assert_eq!(pod.pod.containers.iter().map(|c| c.state.word()).collect::<Vec<_>>(), reasons);
    }
}

#[test]
fn a_container_that_cannot_start_waits_and_the_pod_stays() {
    let mut pod = pod(true);
    pod.decide(Fact::SandboxStarted { process: proc(1), ip: IP }, at(1));
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(2) }, at(2));
    let fact = Fact::Unstartable {
        container: "a".to_owned(),
        reason: "RunContainerError".to_owned(),
        message: "exec: \"x\": not found".to_owned(),
    };
    let d = pod.decide(fact, at(3));
    assert_eq!(told(&d), [("Failed".to_owned(), "Error: exec: \"x\": not found".to_owned())]);
    pod.decide(ended("a", WaitStatus::exited(127)), at(4));
    assert!(
        matches!(&pod.pod.containers[0].state, ContainerState::Waiting { reason, .. } if reason == "RunContainerError")
    );
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Pending, Some(IP)));
}

#[test]
fn an_image_without_stand_in_is_never_pulled() {
    let mut pod = pod(true);
    pod.spec.containers[1].command.clear();
    pod.spec.containers[1].image = "redis".to_owned();
    let d = pod.decide(Fact::SandboxStarted { process: proc(1), ip: IP }, at(1));
    assert_eq!(d.actions, [Action::StartContainer("a".to_owned())]);
    let b = &pod.pod.containers[1].state;
    assert!(
        matches!(b, ContainerState::Waiting { reason, message: Some(m) } if reason == "ErrImageNeverPull" && m.contains("nginx"))
    );
}

#[test]
fn pause_takes_the_pod_along() {
    let mut pod = running(true);
    // the kernel's doing: members first, pause is reaped last
    pod.decide(ended("a", KILLED), at(2));
    pod.decide(ended("b", KILLED), at(2));
    let d = pod.decide(Fact::PauseEnded { status: KILLED }, at(2));
    assert_eq!(d.actions, [Action::ReleaseSandbox]);
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Failed, None));
    let message = "pause was killed by SIGKILL; the kernel took every member with it";
    assert_eq!(pod.pod.message.as_deref(), Some(message));
    assert_eq!(pod.pod.sandbox.as_ref().and_then(|s| s.ended), Some(at(2)));
}

#[test]
fn without_a_shared_pid_namespace_the_members_are_stopped() {
    let mut pod = running(false);
    let d = pod.decide(Fact::PauseEnded { status: KILLED }, at(2));
    assert_eq!(d.actions, [kill(Some("a"), Signal::KILL), kill(Some("b"), Signal::KILL)]);
    assert_eq!(pod.pod.ip, Some(IP), "as long as a member lives in the namespace");
    assert!(pod.decide(ended("a", KILLED), at(3)).actions.is_empty());
    assert_eq!(pod.decide(ended("b", KILLED), at(4)).actions, [Action::ReleaseSandbox]);
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Failed, None));
}

#[test]
fn deletion_is_term_grace_kill_then_pause() {
    let mut pod = running(true);
    let d = pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    let term = [kill(Some("a"), Signal::TERM), kill(Some("b"), Signal::TERM), Action::ArmGrace { ms: 30_000 }];
    assert_eq!(d.actions, term);
    assert_eq!(
        d.events.iter().map(|e| e.message.as_str()).collect::<Vec<_>>(),
        ["Stopping container a", "Stopping container b"]
    );
    assert_eq!(pod.pod.status(), "Terminating");
    pod.decide(ended("a", WaitStatus::killed(15)), at(3));
    assert_eq!(pod.decide(Fact::GraceOver, at(4)).actions, [kill(Some("b"), Signal::KILL)]);
    let d = pod.decide(ended("b", KILLED), at(5));
    assert_eq!(d.actions, [leftovers("b"), kill(None, Signal::KILL)]);
    let d = pod.decide(Fact::PauseEnded { status: KILLED }, at(6));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::Remove]);
}

#[test]
fn deletion_works_in_every_state() {
    // before the sandbox, and after it has died
    let mut early = pod(true);
    early.decide(Fact::SandboxFailed { message: "no".to_owned() }, at(1));
    assert_eq!(early.pod.phase, Phase::Pending);
    assert_eq!(early.decide(Fact::DeleteRequested { grace_ms: None }, at(2)).actions, [Action::Remove]);
    let mut dead = running(true);
    for fact in [ended("a", KILLED), ended("b", KILLED), Fact::PauseEnded { status: KILLED }] {
        dead.decide(fact, at(2));
    }
    assert_eq!(dead.decide(Fact::DeleteRequested { grace_ms: None }, at(3)).actions, [Action::Remove]);
    // without grace, and once more while it goes on
    let mut now = running(true);
    let all = [kill(Some("a"), Signal::KILL), kill(Some("b"), Signal::KILL)];
    assert_eq!(now.decide(Fact::DeleteRequested { grace_ms: Some(0) }, at(2)).actions, all);
    let again = now.decide(Fact::DeleteRequested { grace_ms: Some(0) }, at(3));
    assert_eq!((again.actions.as_slice(), again.events.len()), (all.as_slice(), 0));
    // all containers done, pause alone
    let mut idle = running(true);
    idle.decide(ended("a", WaitStatus(0)), at(2));
    idle.decide(ended("b", WaitStatus(0)), at(2));
    let d = idle.decide(Fact::DeleteRequested { grace_ms: None }, at(3));
    assert_eq!(d.actions, [kill(None, Signal::KILL)]);
}
