mod finish;
mod members;
mod property;
mod pull;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Action, Decision, DemoClock, Fact, PodState};
use crate::lab::spec::{ContainerSpec, HostNamespaces, PodSpec, RestartPolicy, Security, Share};
use crate::model::{
    BackOff, Container, ContainerState, EventKind, EventReason, MembersFate, MonoNs, Phase, PodMessage, PodReason,
    PodUid, ProcId, SandboxEnd, SandboxKind, Signal, Source, Stamp, TerminatedReason, WaitStatus, WaitingReason,
};

const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 2));
const S: u64 = 1_000_000_000;
const OK: WaitStatus = WaitStatus::exited(0);
const FAILED: WaitStatus = WaitStatus::exited(3);
const KILLED: WaitStatus = WaitStatus::killed(9);

/// A time in seconds after the pod's start.
fn at(s: u64) -> Stamp {
    Stamp::prompt(MonoNs(s * S), Source::Node)
}

fn proc(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

fn container(name: &str) -> ContainerSpec {
    ContainerSpec { name: name.to_owned(), command: vec!["sleep".to_owned()], ..ContainerSpec::default() }
}

/// A pod with the containers `a` and `b`.
fn spec(restart: RestartPolicy, share_pid: bool) -> PodSpec {
    PodSpec {
        name: "p".to_owned(),
        namespace: "default".to_owned(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        hostname: "p".to_owned(),
        share: Share { pid: share_pid, ..Share::default() },
        host: HostNamespaces::default(),
        restart,
        grace_seconds: 30,
        sandbox: SandboxKind::Pause,
        own_pause: None,
        ports_may_move: false,
        init_containers: vec![],
        containers: vec![container("a"), container("b")],
        ephemeral_containers: vec![],
        volumes: vec![],
        security: Security::default(),
    }
}

fn pod(spec: PodSpec) -> PodState {
    PodState::new(PodUid("u".to_owned()), spec, DemoClock::EXACT, at(0))
}

fn requested() -> Fact {
    Fact::Requested { node: "n".to_owned() }
}

fn sandbox_started() -> Fact {
    Fact::SandboxStarted { process: proc(1), ip: IP }
}

/// Reports that the container is created and started.
fn runs(pod: &mut PodState, name: &str, t: u64) {
    pod.decide(Fact::Created { container: name.to_owned(), process: proc(2) }, at(t));
    pod.decide(Fact::Started { container: name.to_owned() }, at(t));
}

fn running(restart: RestartPolicy, share_pid: bool) -> PodState {
    let mut pod = pod(spec(restart, share_pid));
    pod.decide(requested(), at(0));
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "a", 0);
    runs(&mut pod, "b", 0);
    pod
}

fn ended(container: &str, status: WaitStatus) -> Fact {
    Fact::Ended { container: container.to_owned(), status, sandbox_ending: false, oom_killed: false, message: None }
}

/// The order of the kernel when pause dies: members end before pause.
fn ended_with_pause(container: &str) -> Fact {
    let container = container.to_owned();
    Fact::Ended { container, status: KILLED, sandbox_ending: true, oom_killed: false, message: None }
}

/// What a pod says whose pause was killed.
fn pause_killed(members: MembersFate) -> PodMessage {
    PodMessage::SandboxEnded(SandboxEnd { container: None, status: KILLED, members })
}

const PAUSE_KILLED: Fact = Fact::SandboxEnded { status: KILLED };

fn signal(container: Option<&str>, signal: Signal) -> Action {
    Action::Signal { container: container.map(str::to_owned), signal }
}

fn start(name: &str) -> Action {
    Action::StartContainer(name.to_owned())
}

fn leftovers(name: &str) -> Action {
    Action::KillLeftovers(name.to_owned())
}

fn leftovers_ended(name: &str) -> Fact {
    Fact::LeftoversEnded { container: name.to_owned() }
}

fn event_texts(d: &Decision) -> Vec<(&str, &str)> {
    d.events.iter().map(|e| (e.reason.as_str(), e.message.as_str())).collect()
}

fn of<'a>(pod: &'a PodState, name: &str) -> &'a Container {
    pod.pod.container(name).expect("a container")
}

fn phase_and_status(pod: &PodState) -> (Phase, Cow<'_, str>) {
    (pod.pod.phase, pod.pod.status())
}

#[test]
fn a_pod_starts_in_order() {
    let mut pod = pod(spec(RestartPolicy::Always, true));
    let d = pod.decide(requested(), at(1));
    assert_eq!(d.actions, [Action::StartSandbox]);
    assert_eq!(event_texts(&d), [("Scheduled", "Successfully assigned default/p to n")]);
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "ContainerCreating".into()));
    let d = pod.decide(sandbox_started(), at(2));
    assert_eq!(d.actions, [start("a"), start("b")]);
    assert_eq!(pod.pod.ip, Some(IP));
    let d = pod.decide(Fact::Created { container: "a".to_owned(), process: proc(2) }, at(3));
    assert_eq!(event_texts(&d), [("Created", "Created container a")]);
    let d = pod.decide(Fact::Started { container: "a".to_owned() }, at(4));
    assert_eq!(event_texts(&d), [("Started", "Started container a")]);
    assert_eq!(pod.pod.phase, Phase::Pending);
    runs(&mut pod, "b", 5);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
}

/// The phase by the kubelet's `getPhase`, and the status of `kubectl get pod`.
#[test]
fn the_phase_follows_from_the_restart_policy_and_the_exit_codes() {
    use RestartPolicy::{Always, Never, OnFailure};
    for (policy, a, b, phase, word) in [
        (Never, OK, OK, Phase::Succeeded, "Completed"),
        (Never, OK, FAILED, Phase::Failed, "Completed"),
        (Never, FAILED, OK, Phase::Failed, "Error"),
        (OnFailure, OK, OK, Phase::Succeeded, "Completed"),
        (OnFailure, OK, FAILED, Phase::Running, "Completed"),
        (Always, OK, OK, Phase::Running, "Completed"),
    ] {
        let mut pod = running(policy, true);
        pod.decide(ended("a", a), at(5));
        // the other container, the address and the sandbox stay
        assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Running, Some(IP)), "{policy:?}");
        pod.decide(ended("b", b), at(6));
        assert_eq!((phase_and_status(&pod), pod.pod.ip), ((phase, word.into()), Some(IP)), "{policy:?} {a} {b}");
    }
}

#[test]
fn a_restart_depends_on_the_policy_and_the_exit_status() {
    use RestartPolicy::{Always, Never, OnFailure};
    for (policy, status, again) in [
        (Always, OK, true),
        (Always, FAILED, true),
        (Always, KILLED, true),
        (OnFailure, OK, false),
        (OnFailure, FAILED, true),
        (OnFailure, KILLED, true),
        (Never, OK, false),
        (Never, KILLED, false),
    ] {
        let mut pod = running(policy, true);
        assert_eq!(pod.decide(ended("a", status), at(5)).actions, [leftovers("a")], "{policy:?} {status}");
        let want = if again { vec![start("a")] } else { vec![] };
        assert_eq!(pod.decide(leftovers_ended("a"), at(5)).actions, want, "{policy:?} {status}");
        assert_eq!(of(&pod, "a").last_exit, Some(status));
        runs(&mut pod, "a", 6);
        assert_eq!(of(&pod, "a").restarts, Some(1));
    }
}

#[test]
fn the_first_restart_is_immediate_then_the_back_off_doubles() {
    let mut pod = running(RestartPolicy::Always, true);
    pod.decide(ended("a", FAILED), at(5));
    assert_eq!(pod.decide(leftovers_ended("a"), at(5)).actions, [start("a")]);
    runs(&mut pod, "a", 5);
    let d = pod.decide(ended("a", FAILED), at(6));
    assert_eq!(d.actions, [leftovers("a")]);
    assert_eq!(d.wake, Some(MonoNs(16 * S)));
    assert_eq!(event_texts(&d), [("BackOff", "Back-off restarting failed container a in pod p_default(u)")]);
    assert_eq!(d.events[0].kind, EventKind::Warning);
    let waits = ContainerState::Waiting {
        reason: WaitingReason::CrashLoopBackOff,
        message: Some("back-off 10s restarting failed container=a pod=p_default(u)".to_owned()),
        back_off: Some(BackOff { kubelet_ms: 10_000, clock: 1 }),
    };
    assert_eq!(of(&pod, "a").state, waits);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "CrashLoopBackOff".into()));
    pod.decide(leftovers_ended("a"), at(7));
    // too early, and not reported again; then due
    let d = pod.decide(Fact::Tick, at(15));
    assert_eq!((d.actions.len(), d.events.len(), d.wake), (0, 0, Some(MonoNs(16 * S))));
    assert_eq!(pod.decide(Fact::Tick, at(16)).actions, [start("a")]);
    runs(&mut pod, "a", 16);
    assert_eq!((of(&pod, "a").restarts, phase_and_status(&pod)), (Some(2), (Phase::Running, "Running".into())));
    assert_eq!(pod.decide(ended("a", FAILED), at(17)).wake, Some(MonoNs(37 * S)));
}

#[test]
fn a_faster_clock_is_named_in_the_message() {
    let mut pod = PodState::new(PodUid("u".to_owned()), spec(RestartPolicy::Always, true), DemoClock::default(), at(0));
    pod.decide(sandbox_started(), at(0));
    for t in [1, 2] {
        runs(&mut pod, "a", t);
        pod.decide(ended("a", FAILED), at(t));
        pod.decide(leftovers_ended("a"), at(t));
    }
    let message = match &of(&pod, "a").state {
        ContainerState::Waiting { message: Some(m), .. } => m,
        other => panic!("{other:?}"),
    };
    assert!(message.ends_with("; the lab's clock runs ×10: 1 s"), "{message}");
}

#[test]
fn a_container_that_cannot_start_waits_and_the_pod_stays() {
    let mut pod = pod(spec(RestartPolicy::Never, true));
    pod.decide(requested(), at(1));
    pod.decide(sandbox_started(), at(1));
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(2) }, at(2));
    let fact = Fact::StartFailed {
        container: "a".to_owned(),
        reason: WaitingReason::RunContainerError,
        message: "exec: \"x\": not found".to_owned(),
    };
    let d = pod.decide(fact, at(3));
    assert_eq!(event_texts(&d), [("Failed", "Error: exec: \"x\": not found")]);
    pod.decide(ended("a", WaitStatus::exited(127)), at(4));
    assert_eq!(of(&pod, "a").state.word(), "RunContainerError");
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Pending, Some(IP)));
}

#[test]
fn a_container_that_cannot_start_is_tried_again_after_its_process_has_ended() {
    let mut pod = running(RestartPolicy::Always, true);
    let unstartable = || Fact::StartFailed {
        container: "a".to_owned(),
        reason: WaitingReason::RunContainerError,
        message: "exec: \"x\": not found".to_owned(),
    };
    pod.decide(ended("a", FAILED), at(5));
    pod.decide(leftovers_ended("a"), at(5));
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(9) }, at(5));
    assert!(pod.decide(unstartable(), at(5)).actions.is_empty(), "its process still is there");
    let d = pod.decide(ended("a", WaitStatus::exited(127)), at(5));
    assert_eq!((d.actions, d.wake), (vec![leftovers("a")], Some(MonoNs(15 * S))));
    assert_eq!(of(&pod, "a").state.word(), "RunContainerError");
    pod.decide(leftovers_ended("a"), at(6));
    assert_eq!(pod.decide(Fact::Tick, at(15)).actions, [start("a")]);
    // the same without any process
    let d = pod.decide(unstartable(), at(15));
    assert_eq!((d.actions, d.wake), (vec![], Some(MonoNs(35 * S))));
}

#[test]
fn an_image_without_a_stand_in_waits_with_err_image_never_pull() {
    let mut spec = spec(RestartPolicy::Always, true);
    spec.containers[1].command.clear();
    spec.containers[1].image = "redis".to_owned();
    let mut pod = pod(spec);
    pod.decide(requested(), at(1));
    let d = pod.decide(sandbox_started(), at(1));
    assert_eq!((d.actions, d.wake), (vec![start("a")], None));
    let b = &of(&pod, "b").state;
    assert!(
        matches!(b, ContainerState::Waiting { reason, message: Some(m), .. } if *reason == WaitingReason::ErrImageNeverPull && m.contains("nginx"))
    );
    assert_eq!(pod.decide(Fact::Tick, at(100)), Decision::default());
}

#[test]
fn the_pod_ends_with_pause_and_gets_a_new_sandbox() {
    let mut pod = running(RestartPolicy::Always, true);
    // the kernel ends the members first and pause last
    assert!(pod.decide(ended_with_pause("a"), at(2)).actions.is_empty(), "not into a dying namespace");
    assert!(pod.decide(ended_with_pause("b"), at(2)).actions.is_empty());
    let d = pod.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    assert_eq!(event_texts(&d), [("SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")]);
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Running, None));
    assert_eq!(pod.pod.message, Some(pause_killed(MembersFate::Killed)));
    assert_eq!(pod.pod.sandbox.as_ref().and_then(|s| s.ended), Some(at(2)));
    let d = pod.decide(sandbox_started(), at(3));
    assert_eq!(d.actions, [start("a"), start("b")]);
    assert_eq!(pod.pod.sandbox.as_ref().and_then(|s| s.attempt), Some(1));
    runs(&mut pod, "a", 3);
    runs(&mut pod, "b", 3);
    assert_eq!((of(&pod, "a").restarts, of(&pod, "b").restarts), (Some(1), Some(1)));
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
}

#[test]
fn without_a_shared_pid_namespace_the_members_are_stopped_before_a_new_sandbox() {
    let mut pod = running(RestartPolicy::Always, false);
    let d = pod.decide(PAUSE_KILLED, at(2));
    assert_eq!(d.actions, [signal(Some("a"), Signal::TERM), signal(Some("b"), Signal::TERM)]);
    assert_eq!(d.wake, Some(MonoNs(32 * S)));
    assert_eq!(d.events[0].reason, EventReason::SandboxChanged);
    assert_eq!(pod.pod.ip, Some(IP), "as long as a member lives in the namespace");
    assert!(pod.decide(ended("a", OK), at(3)).actions.is_empty());
    assert_eq!(pod.decide(Fact::Tick, at(32)).actions, [signal(Some("b"), Signal::KILL)]);
    let d = pod.decide(ended("b", KILLED), at(32));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    assert_eq!((pod.pod.phase, pod.pod.ip), (Phase::Running, None));
}

#[test]
fn a_pod_that_is_not_to_run_again_gets_no_new_sandbox() {
    for (policy, ends, again) in [
        (RestartPolicy::Never, None, false),
        (RestartPolicy::OnFailure, Some(OK), false),
        (RestartPolicy::OnFailure, Some(FAILED), true),
        (RestartPolicy::OnFailure, None, true),
    ] {
        let mut pod = running(policy, true);
        for name in ["a", "b"] {
            pod.decide(ends.map_or_else(|| ended_with_pause(name), |status| ended(name, status)), at(2));
            pod.decide(leftovers_ended(name), at(2));
        }
        let d = pod.decide(PAUSE_KILLED, at(3));
        let changed = event_texts(&d).iter().any(|(reason, _)| *reason == "SandboxChanged");
        assert_eq!(changed, again, "{policy:?} {ends:?}");
        assert_eq!(d.actions.contains(&Action::StartSandbox), again && ends.is_none());
    }
}

#[test]
fn a_sandbox_that_cannot_be_created_is_tried_again() {
    let mut pod = pod(spec(RestartPolicy::Always, true));
    pod.decide(requested(), at(0));
    let d = pod.decide(Fact::SandboxFailed { message: "no".to_owned() }, at(1));
    assert_eq!(event_texts(&d), [("FailedCreatePodSandBox", "Failed to create pod sandbox: no")]);
    assert_eq!((d.actions, d.wake), (vec![], Some(MonoNs(11 * S))));
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "FailedCreatePodSandBox".into()));
    assert_eq!(pod.decide(Fact::Tick, at(11)).actions, [Action::StartSandbox]);
    pod.decide(sandbox_started(), at(12));
    assert_eq!(pod.pod.message, None);
}

fn with_init(restart: RestartPolicy) -> PodState {
    let mut spec = spec(restart, true);
    let sidecar = ContainerSpec { sidecar: true, ..container("s") };
    spec.init_containers = vec![container("i"), sidecar, container("j")];
    spec.containers.truncate(1);
    let mut pod = pod(spec);
    pod.decide(requested(), at(0));
    pod
}

#[test]
fn init_containers_run_one_by_one_and_sidecars_stay() {
    let mut pod = with_init(RestartPolicy::Always);
    assert_eq!(pod.decide(sandbox_started(), at(0)).actions, [start("i")]);
    assert_eq!(of(&pod, "a").state.word(), "PodInitializing");
    runs(&mut pod, "i", 1);
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:0/3".into()));
    assert_eq!(pod.decide(ended("i", OK), at(2)).actions, [leftovers("i")]);
    assert_eq!(pod.decide(leftovers_ended("i"), at(2)).actions, [start("s")]);
    pod.decide(Fact::Created { container: "s".to_owned(), process: proc(3) }, at(3));
    assert_eq!(pod.decide(Fact::Started { container: "s".to_owned() }, at(3)).actions, [start("j")]);
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:2/3".into()));
    runs(&mut pod, "j", 4);
    assert_eq!(pod.decide(ended("j", OK), at(5)).actions, [leftovers("j")]);
    assert_eq!(pod.decide(leftovers_ended("j"), at(5)).actions, [start("a")]);
    runs(&mut pod, "a", 6);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
    // a sidecar is restarted while the others run; an init container is not run again
    assert_eq!(pod.decide(ended("s", FAILED), at(7)).actions, [leftovers("s")]);
    assert_eq!(pod.decide(leftovers_ended("s"), at(7)).actions, [start("s")]);
    assert_eq!(pod.pod.phase, Phase::Running);
    runs(&mut pod, "s", 8);
    // in a new sandbox every container runs again
    for name in ["s", "a"] {
        pod.decide(ended_with_pause(name), at(9));
    }
    assert_eq!(pod.decide(PAUSE_KILLED, at(9)).actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    assert_eq!(pod.decide(sandbox_started(), at(10)).actions, [start("i")]);
}

#[test]
fn a_failing_init_container_blocks_the_pod_or_fails_it() {
    for (policy, again, phase, word) in [
        (RestartPolicy::Always, true, Phase::Pending, "Init:Error"),
        (RestartPolicy::Never, false, Phase::Failed, "Init:Error"),
    ] {
        let mut pod = with_init(policy);
        pod.decide(sandbox_started(), at(0));
        runs(&mut pod, "i", 1);
        pod.decide(ended("i", FAILED), at(2));
        let d = pod.decide(leftovers_ended("i"), at(2));
        assert_eq!(d.actions.contains(&start("i")), again);
        assert_eq!(phase_and_status(&pod), (phase, word.into()));
    }
    let mut pod = with_init(RestartPolicy::Always);
    pod.decide(sandbox_started(), at(0));
    for t in [1, 2] {
        runs(&mut pod, "i", t);
        pod.decide(ended("i", FAILED), at(t));
        pod.decide(leftovers_ended("i"), at(t));
    }
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:CrashLoopBackOff".into()));
}

/// The status of `kubectl get pod` with init containers, by `printPod`.
#[test]
fn the_status_with_init_containers_is_kubectls() {
    // until its program is started, every container of a pod with init containers waits with this reason
    let mut pod = with_init(RestartPolicy::Always);
    let waits = |pod: &PodState, name: &str| match &of(pod, name).state {
        ContainerState::Waiting { reason, .. } => reason.to_string(),
        other => format!("{other:?}"),
    };
    for name in ["i", "s", "j", "a"] {
        assert_eq!(waits(&pod, name), "PodInitializing", "{name}");
    }
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:0/3".into()));
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "i", 1);
    pod.decide(ended("i", OK), at(2));
    pod.decide(leftovers_ended("i"), at(2));
    runs(&mut pod, "s", 2);
    runs(&mut pod, "j", 3);
    pod.decide(ended("j", OK), at(4));
    pod.decide(leftovers_ended("j"), at(4));
    // the init containers have succeeded, and the app is not started yet
    assert_eq!(
        (waits(&pod, "a").as_str(), phase_and_status(&pod)),
        ("PodInitializing", (Phase::Pending, "PodInitializing".into()))
    );
    runs(&mut pod, "a", 5);
    // an app has been started, so the end of a sidecar blocks nothing; kubectl shows it
    pod.decide(ended("s", FAILED), at(6));
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Init:Error".into()));

    let mut pod = with_init(RestartPolicy::Always);
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "i", 1);
    pod.decide(ended("i", KILLED), at(2));
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:Error".into()));
    // a runtime that gives no reason
    for (status, word) in [(FAILED, "Init:ExitCode:3"), (KILLED, "Init:Signal:9")] {
        let reason = TerminatedReason::Unspecified;
        let state = ContainerState::Terminated { status, reason, message: None, started: None, at: at(2) };
        pod.pod.containers[0].state = state;
        pod.decide(Fact::Tick, at(2));
        assert_eq!(pod.pod.status(), word);
    }
    let unstartable = Fact::StartFailed {
        container: "i".to_owned(),
        reason: WaitingReason::RunContainerError,
        message: "no".to_owned(),
    };
    pod.decide(unstartable, at(3));
    assert_eq!(phase_and_status(&pod), (Phase::Pending, "Init:RunContainerError".into()));
    // without init containers the reason is another one
    assert_eq!(waits(&self::pod(spec(RestartPolicy::Always, true)), "a"), "ContainerCreating");
}

/// The kubelet sorts the statuses of containers by name, and kubectl shows the first that does not run.
#[test]
fn the_status_of_a_failed_pod_is_that_of_the_first_container_by_name() {
    for (first, second, word) in [(OK, FAILED, "Error"), (FAILED, OK, "Completed")] {
        let mut spec = spec(RestartPolicy::Never, true);
        spec.containers.reverse();
        let mut pod = pod(spec);
        pod.decide(sandbox_started(), at(0));
        for name in ["b", "a"] {
            runs(&mut pod, name, 0);
        }
        pod.decide(ended("b", first), at(1));
        pod.decide(ended("a", second), at(1));
        assert_eq!(phase_and_status(&pod), (Phase::Failed, word.into()));
    }
}

#[test]
fn a_finished_pod_keeps_its_status_while_it_is_deleted() {
    let mut pod = running(RestartPolicy::Never, true);
    pod.decide(ended("a", FAILED), at(1));
    pod.decide(ended("b", OK), at(1));
    pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    assert_eq!(phase_and_status(&pod), (Phase::Failed, "Error".into()));
}

#[test]
fn the_exit_of_a_container_is_kept() {
    use TerminatedReason::{Completed, Error, OomKilled};
    let mut pod = running(RestartPolicy::Always, true);
    for (t, (status, oom_killed, reason)) in
        [(OK, false, Completed), (FAILED, false, Error), (KILLED, true, OomKilled)].into_iter().enumerate()
    {
        let t = 1 + t as u64 * 2000;
        let message = Some(format!("because of {t}"));
        let (container, sandbox_ending) = ("a".to_owned(), false);
        let started = of(&pod, "a").running_since();
        let mut ended = pod.clone();
        ended.decide(Fact::Ended { container, status, sandbox_ending, oom_killed, message: message.clone() }, at(t));
        assert!(started.is_some());
        let want = ContainerState::Terminated { status, reason, message: message.clone(), started, at: at(t) };
        assert_eq!((&of(&ended, "a").state, &of(&ended, "a").last_message), (&want, &message));
        // it is kept until another run has ended
        ended.decide(leftovers_ended("a"), at(t));
        runs(&mut ended, "a", t + 1);
        assert_eq!(of(&ended, "a").last_message, message);
        pod = ended;
    }
}

#[test]
fn deletion_is_term_grace_kill_then_pause() {
    let mut pod = running(RestartPolicy::Always, true);
    let d = pod.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    assert_eq!(d.actions, [signal(Some("a"), Signal::TERM), signal(Some("b"), Signal::TERM)]);
    assert_eq!(event_texts(&d), [("Killing", "Stopping container a"), ("Killing", "Stopping container b")]);
    assert_eq!((d.wake, &pod.pod.reason), (Some(MonoNs(32 * S)), &Some(PodReason::Terminating)));
    let kills = |pod: &PodState| pod.pod.containers.iter().map(|c| c.kill_at).collect::<Vec<_>>();
    assert_eq!(kills(&pod), [Some(MonoNs(32 * S)); 2], "both are told when they get KILL");
    assert!(pod.decide(ended("a", WaitStatus::killed(15)), at(3)).actions.is_empty());
    assert_eq!(kills(&pod), [None, Some(MonoNs(32 * S))]);
    assert_eq!(pod.decide(Fact::Tick, at(32)).actions, [signal(Some("b"), Signal::KILL)]);
    assert_eq!(kills(&pod), [None, None], "nothing follows KILL");
    let d = pod.decide(ended("b", KILLED), at(33));
    assert_eq!(d.actions, [signal(None, Signal::KILL)]);
    assert_eq!(pod.decide(PAUSE_KILLED, at(33)).actions, [Action::ReleaseSandbox, Action::Remove]);
}

/// `killContainer` raises every grace period below two seconds to two, an override as well.
#[test]
fn a_grace_period_of_zero_is_two_seconds() {
    for (of_spec, asked) in [(0, None), (30, Some(0)), (1, None), (30, Some(1999))] {
        let mut spec = spec(RestartPolicy::Always, true);
        spec.grace_seconds = of_spec;
        spec.containers.truncate(1);
        let mut pod = pod(spec);
        pod.decide(requested(), at(0));
        pod.decide(sandbox_started(), at(0));
        runs(&mut pod, "a", 0);
        let d = pod.decide(Fact::DeleteRequested { grace_ms: asked }, at(2));
        assert_eq!(d.actions, [signal(Some("a"), Signal::TERM)], "{of_spec} {asked:?}");
        assert_eq!(d.wake, Some(MonoNs(4 * S)), "{of_spec} {asked:?}");
        assert_eq!(pod.decide(Fact::Tick, at(4)).actions, [signal(Some("a"), Signal::KILL)]);
    }
    // the same for a container that gets another command
    let mut pod = running(RestartPolicy::Always, true);
    let mut changed = pod.spec.clone();
    (changed.grace_seconds, changed.containers[0].args) = (0, vec!["2".to_owned()]);
    let d = pod.decide(Fact::Replaced { spec: Box::new(changed), containers: vec!["a".to_owned()] }, at(5));
    assert_eq!((d.actions, d.wake), (vec![signal(Some("a"), Signal::TERM)], Some(MonoNs(7 * S))));
}

#[test]
fn sidecars_stop_last_and_in_reverse() {
    let mut spec = spec(RestartPolicy::Never, true);
    let sidecar = |name| ContainerSpec { sidecar: true, ..container(name) };
    spec.init_containers = vec![sidecar("s"), sidecar("t")];
    spec.containers.truncate(1);
    let mut pod = pod(spec);
    pod.decide(requested(), at(0));
    pod.decide(sandbox_started(), at(0));
    for name in ["s", "t", "a"] {
        runs(&mut pod, name, 0);
    }
    let mut deleted = pod.clone();
    assert_eq!(
        deleted.decide(Fact::DeleteRequested { grace_ms: Some(1000) }, at(2)).actions,
        [signal(Some("a"), Signal::TERM)]
    );
    // the grace period is over, but a sidecar still has two seconds
    let d = deleted.decide(ended("a", KILLED), at(4));
    assert_eq!((d.actions, d.wake), (vec![signal(Some("t"), Signal::TERM)], Some(MonoNs(6 * S))));
    assert_eq!(deleted.decide(ended("t", OK), at(5)).actions, [signal(Some("s"), Signal::TERM)]);
    assert_eq!(deleted.decide(ended("s", OK), at(5)).actions, [signal(None, Signal::KILL)]);
    // sidecars are also stopped when the app has finished
    assert_eq!(pod.decide(ended("a", OK), at(2)).actions, [leftovers("a"), signal(Some("t"), Signal::TERM)]);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Completed".into()));
    assert_eq!(pod.decide(ended("t", OK), at(3)).actions, [leftovers("t"), signal(Some("s"), Signal::TERM)]);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Completed".into()), "not before its sidecars have stopped");
    assert_eq!(pod.decide(ended("s", OK), at(3)).actions, [leftovers("s")]);
    assert_eq!(phase_and_status(&pod), (Phase::Succeeded, "Completed".into()));
}

#[test]
fn a_pod_can_be_deleted_in_every_state() {
    // before the sandbox exists, and while it is being created
    let mut early = pod(spec(RestartPolicy::Always, true));
    early.decide(requested(), at(0));
    early.decide(Fact::SandboxFailed { message: "no".to_owned() }, at(1));
    assert_eq!(early.decide(Fact::DeleteRequested { grace_ms: None }, at(2)).actions, [Action::Remove]);
    let mut starting = pod(spec(RestartPolicy::Always, true));
    starting.decide(requested(), at(0));
    let kill_pause = [signal(None, Signal::KILL)];
    assert_eq!(starting.decide(Fact::DeleteRequested { grace_ms: None }, at(1)).actions, kill_pause);
    // pause did not exist yet, so the signal is sent again when it does
    assert_eq!(starting.decide(sandbox_started(), at(2)).actions, kill_pause);
    assert_eq!(starting.decide(PAUSE_KILLED, at(3)).actions, [Action::ReleaseSandbox, Action::Remove]);
    // finished
    let mut dead = running(RestartPolicy::Never, true);
    for fact in [ended_with_pause("a"), ended_with_pause("b"), PAUSE_KILLED] {
        dead.decide(fact, at(2));
    }
    assert_eq!(dead.decide(Fact::DeleteRequested { grace_ms: None }, at(3)).actions, [Action::Remove]);
    // a second request with a shorter grace period
    let all = [signal(Some("a"), Signal::KILL), signal(Some("b"), Signal::KILL)];
    let mut sooner = running(RestartPolicy::Always, true);
    sooner.decide(Fact::DeleteRequested { grace_ms: None }, at(2));
    let again = sooner.decide(Fact::DeleteRequested { grace_ms: Some(0) }, at(3));
    assert_eq!((again.actions.len(), again.events.len(), again.wake), (0, 0, Some(MonoNs(5 * S))));
    assert_eq!(sooner.pod.containers[0].kill_at, Some(MonoNs(5 * S)), "the shorter grace period counts");
    assert_eq!(sooner.decide(Fact::Tick, at(5)).actions, all);
    // all containers have finished and only pause runs
    let mut idle = running(RestartPolicy::Never, true);
    idle.decide(ended("a", OK), at(2));
    idle.decide(ended("b", OK), at(2));
    assert_eq!(idle.decide(Fact::DeleteRequested { grace_ms: None }, at(3)).actions, kill_pause);
    // while the sandbox is being replaced
    let mut again = running(RestartPolicy::Always, false);
    again.decide(PAUSE_KILLED, at(2));
    again.decide(Fact::DeleteRequested { grace_ms: None }, at(3));
    again.decide(ended("a", OK), at(4));
    assert_eq!(again.decide(ended("b", OK), at(4)).actions, [Action::ReleaseSandbox, Action::Remove]);
}

#[test]
fn a_changed_command_restarts_only_that_container() {
    for policy in [RestartPolicy::Always, RestartPolicy::Never] {
        let mut pod = running(policy, true);
        let mut changed = pod.spec.clone();
        changed.containers[0].args = vec!["2".to_owned()];
        let fact = Fact::Replaced { spec: Box::new(changed), containers: vec!["a".to_owned()] };
        let d = pod.decide(fact, at(5));
        assert_eq!(d.actions, [signal(Some("a"), Signal::TERM)]);
        assert_eq!(event_texts(&d), [("Killing", "Container a definition changed, will be restarted")]);
        assert_eq!(of(&pod, "a").command, ["sleep", "2"]);
        assert_eq!(pod.decide(ended("a", OK), at(6)).actions, [leftovers("a")]);
        assert_eq!(pod.decide(leftovers_ended("a"), at(6)).actions, [start("a")]);
        runs(&mut pod, "a", 6);
        assert_eq!((of(&pod, "a").restarts, of(&pod, "b").restarts), (Some(1), Some(0)));
        assert_eq!(pod.pod.sandbox.as_ref().and_then(|s| s.attempt), Some(0));
    }
}

#[test]
fn with_an_infra_container_all_containers_end_and_restart_with_it() {
    let mut spec = spec(RestartPolicy::Always, true);
    spec.sandbox = SandboxKind::Infra("a".to_owned());
    let mut pod = pod(spec);
    assert_eq!(pod.decide(requested(), at(0)).actions, [Action::StartSandbox]);
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(1) }, at(0));
    assert_eq!(pod.decide(sandbox_started(), at(0)).actions, [start("b")]);
    pod.decide(Fact::Started { container: "a".to_owned() }, at(0));
    runs(&mut pod, "b", 0);
    assert_eq!(phase_and_status(&pod), (Phase::Running, "Running".into()));
    pod.decide(ended_with_pause("b"), at(1));
    assert!(pod.decide(ended_with_pause("a"), at(1)).actions.is_empty());
    let d = pod.decide(PAUSE_KILLED, at(1));
    assert_eq!(d.actions, [Action::ReleaseSandbox, Action::StartSandbox]);
    let end = SandboxEnd { container: Some("a".to_owned()), status: KILLED, members: MembersFate::Killed };
    assert_eq!(pod.pod.message, Some(PodMessage::SandboxEnded(end)));
    // the sandbox waits for the container's back-off
    pod.decide(Fact::Created { container: "a".to_owned(), process: proc(2) }, at(2));
    pod.decide(sandbox_started(), at(2));
    runs(&mut pod, "b", 2);
    pod.decide(ended_with_pause("b"), at(2));
    pod.decide(ended_with_pause("a"), at(2));
    let d = pod.decide(PAUSE_KILLED, at(2));
    assert_eq!((d.actions, d.wake), (vec![Action::ReleaseSandbox], Some(MonoNs(12 * S))));
    assert_eq!(pod.decide(Fact::Tick, at(12)).actions, [Action::StartSandbox]);
}

#[test]
fn a_restart_waits_for_leftovers_of_the_same_container_only() {
    let mut pod = running(RestartPolicy::Always, true);
    assert_eq!(pod.decide(ended("a", FAILED), at(5)).actions, [leftovers("a")]);
    assert_eq!(pod.decide(Fact::Tick, at(6)).actions, []);
    // the leftovers of the other container have ended
    assert_eq!(pod.decide(ended("b", FAILED), at(6)).actions, [leftovers("b")]);
    assert_eq!(pod.decide(leftovers_ended("b"), at(6)).actions, [start("b")]);
    // this still is the first restart, however often it was tried, and it has no back-off
    assert_eq!(pod.decide(leftovers_ended("a"), at(7)).actions, [start("a")]);
    // while the back-off runs, the state shows it
    runs(&mut pod, "a", 7);
    let d = pod.decide(ended("a", FAILED), at(8));
    assert_eq!((of(&pod, "a").state.word(), d.wake), ("CrashLoopBackOff", Some(MonoNs(18 * S))));
    pod.decide(leftovers_ended("a"), at(9));
    assert_eq!(pod.decide(Fact::Tick, at(18)).actions, [start("a")]);
}

#[test]
fn in_the_nodes_pid_namespace_leftovers_do_not_end_with_pause() {
    let mut host = spec(RestartPolicy::Never, true);
    host.host.pid = true;
    let mut pod = pod(host);
    pod.decide(requested(), at(0));
    pod.decide(sandbox_started(), at(0));
    runs(&mut pod, "a", 0);
    runs(&mut pod, "b", 0);
    pod.decide(Fact::DeleteRequested { grace_ms: None }, at(1));
    assert_eq!(pod.decide(ended("a", OK), at(2)).actions, [leftovers("a")]);
}
