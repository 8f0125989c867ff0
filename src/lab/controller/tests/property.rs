//! Any sequence of deaths, failures, requests and waits leads to a valid state.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Action, ContainerSpec, Decision, DemoClock, Fact, IP, PodState, container, proc, spec};
use crate::lab::spec::{Join, JoinPid, PidNamespace, RestartPolicy, Share};
use crate::model::{
    ContainerKind, ContainerState, MonoNs, Phase, PodUid, SandboxKind, Signal, Source, Stamp, WaitStatus, WaitingReason,
};

/// One event from outside the controller.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// A container, by its index, ends with this status.
    End(usize, WaitStatus),
    /// The holder of the sandbox is killed.
    KillHolder,
    /// The next start of anything fails.
    FailNext,
    Wait(u64),
    Delete(Option<u64>),
    Replace(usize),
    /// A container is added, with this pid namespace.
    Add(Pid),
    Debug(Pid),
    /// The removal of a container, by its index, is requested.
    TakeOut(usize),
}

#[derive(Clone, Copy, Debug)]
enum Pid {
    Own,
    Pod,
    Of(usize),
}

fn pid() -> impl Strategy<Value = Pid> {
    prop_oneof![Just(Pid::Own), Just(Pid::Pod), (0..4usize).prop_map(Pid::Of)]
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let status = prop_oneof![Just(0), Just(256), Just(9), Just(15)].prop_map(WaitStatus);
    prop_oneof![
        6 => (0..4usize, status).prop_map(|(i, s)| Disturbance::End(i, s)),
        3 => Just(Disturbance::KillHolder),
        1 => Just(Disturbance::FailNext),
        6 => (0..20_000u64).prop_map(Disturbance::Wait),
        1 => prop_oneof![Just(None), Just(Some(0)), Just(Some(700))].prop_map(Disturbance::Delete),
        1 => (0..4usize).prop_map(Disturbance::Replace),
        1 => pid().prop_map(Disturbance::Add),
        1 => pid().prop_map(Disturbance::Debug),
        1 => (0..4usize).prop_map(Disturbance::TakeOut),
    ]
}

/// A minimal kernel and node: the controller's actions are carried out and their results are reported.
struct Kernel {
    pod: PodState,
    now: u64,
    wake: Option<MonoNs>,
    holder: bool,
    live: Vec<String>,
    ignores_term: bool,
    fail_next: bool,
    removed: bool,
    holds_address: bool,
    /// Containers whose leftovers are being ended.
    leftovers: Vec<String>,
    /// The number of containers added so far, and the ephemeral containers that have been started.
    added: usize,
    started_ephemeral: BTreeSet<String>,
    /// Signals that have not been delivered yet.
    sent: Vec<(Option<String>, Signal)>,
}

impl Kernel {
    fn at(&self) -> Stamp {
        Stamp::prompt(MonoNs(self.now * 1_000_000), Source::Node)
    }

    fn report(&mut self, fact: Fact) {
        let d = self.pod.decide(fact, self.at());
        self.wake = d.wake;
        self.carry_out(&d);
    }

    /// Delivers signals. They act only after the node has carried out the whole decision.
    fn deliver(&mut self) {
        while !self.sent.is_empty() || !self.leftovers.is_empty() {
            if let Some(container) = self.leftovers.pop() {
                self.report(Fact::LeftoversEnded { container });
                continue;
            }
            match self.sent.remove(0) {
                (Some(name), signal) if signal == Signal::KILL || !self.ignores_term => {
                    self.end(&name, WaitStatus::killed(signal.0));
                }
                (Some(_), _) => {}
                (None, _) => self.kill_holder(),
            }
        }
    }

    fn carry_out(&mut self, d: &Decision) {
        for action in &d.actions {
            assert!(!self.removed, "{action:?} after the end");
            match action {
                Action::StartSandbox => self.start_sandbox(),
                Action::StartContainer(name) => self.start(name),
                Action::Signal { container: Some(name), signal } => {
                    assert!(self.live.contains(name), "{signal} to {name}, which is not there");
                    self.sent.push((Some(name.clone()), *signal));
                }
                Action::Signal { container: None, signal } => self.sent.push((None, *signal)),
                Action::KillLeftovers(name) => self.leftovers.push(name.clone()),
                Action::ForgetContainer(name) => {
                    assert!(!self.live.contains(name) && !self.leftovers.contains(name), "{name} forgotten, and lives");
                }
                Action::ReleaseSandbox => {
                    assert!(!self.holder && self.live.is_empty(), "released while a process lives in it");
                    assert!(std::mem::take(&mut self.holds_address), "released twice");
                }
                Action::Remove => {
                    assert!(
                        !self.holder && self.live.is_empty() && !self.holds_address,
                        "removed while processes or the address are left"
                    );
                    self.removed = true;
                }
            }
        }
    }

    fn start_sandbox(&mut self) {
        assert!(!self.holder && self.live.is_empty() && !self.holds_address, "a second sandbox");
        if std::mem::take(&mut self.fail_next) {
            return self.report(Fact::SandboxFailed { message: "no".to_owned() });
        }
        (self.holder, self.holds_address) = (true, true);
        let infra = self.infra();
        if let Some(name) = &infra {
            self.live.push(name.clone());
            self.report(Fact::Created { container: name.clone(), process: proc(5) });
        }
        self.report(Fact::SandboxStarted { process: proc(1), ip: IP });
        if let Some(container) = infra {
            self.report(Fact::Started { container });
        }
    }

    fn start(&mut self, name: &str) {
        assert!(self.holder, "{name} started without a sandbox");
        assert!(!self.leftovers.iter().any(|n| n == name), "{name} started beside what it has left behind");
        assert!(!self.live.iter().any(|n| n == name), "{name} started twice");
        let container = name.to_owned();
        if self.pod.spec.ephemeral_containers.iter().any(|c| c.name == name) {
            assert!(self.started_ephemeral.insert(container.clone()), "{name} is ephemeral and started again");
        }
        if let PidNamespace::Of(target) = self.pod.spec.pid_namespace(name) {
            assert!(self.live.iter().any(|n| n == target), "{name} started without {target}, which it joins");
        }
        if std::mem::take(&mut self.fail_next) {
            let (reason, message) = (WaitingReason::RunContainerError, "no".to_owned());
            return self.report(Fact::StartFailed { container, reason, message });
        }
        self.live.push(container.clone());
        self.report(Fact::Created { container: container.clone(), process: proc(2) });
        self.report(Fact::Started { container });
    }

    fn infra(&self) -> Option<String> {
        match &self.pod.spec.sandbox {
            SandboxKind::Infra(name) => Some(name.clone()),
            _ => None,
        }
    }

    fn end(&mut self, name: &str, status: WaitStatus) {
        if !self.live.iter().any(|n| n == name) {
            return;
        }
        if self.infra().as_deref() == Some(name) {
            return self.end_holder(status);
        }
        // members of its pid namespace are reaped before it
        let inside: Vec<String> = self.live.iter().filter(|n| self.is_inside(n, name)).cloned().collect();
        for container in inside {
            self.live.retain(|n| *n != container);
            self.report(Fact::Ending { container: name.to_owned() });
            self.report(super::ended(&container, WaitStatus::killed(9)));
        }
        self.live.retain(|n| n != name);
        self.report(super::ended(name, status));
    }

    fn is_inside(&self, container: &str, target: &str) -> bool {
        self.pod.spec.pid_namespace(container) == PidNamespace::Of(target)
    }

    fn kill_holder(&mut self) {
        self.end_holder(WaitStatus::killed(9));
    }

    fn end_holder(&mut self, status: WaitStatus) {
        if !self.holder {
            return;
        }
        let infra = self.infra();
        let inside = |n: &&String| self.pod.spec.pid_namespace(n) == PidNamespace::Pod && Some(*n) != infra.as_ref();
        let others: Vec<String> = self.live.iter().filter(inside).cloned().collect();
        for container in others {
            self.live.retain(|n| *n != container);
            self.report(ended_with(&container, WaitStatus::killed(9)));
        }
        self.holder = false;
        if let Some(container) = infra {
            self.live.retain(|n| *n != container);
            self.report(ended_with(&container, status));
        }
        self.report(Fact::SandboxEnded { status });
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(due) = self.wake.map(|t| t.0.div_ceil(1_000_000)).filter(|t| *t <= until) {
            let before = (due, self.wake);
            self.now = self.now.max(due);
            self.report(Fact::Tick);
            self.deliver();
            assert!(self.wake != before.1 || self.wake.is_none(), "woken for nothing at {due}");
        }
        self.now = until;
    }

    fn apply(&mut self, disturbance: Disturbance) {
        if self.removed {
            return;
        }
        let names: Vec<String> = self.pod.spec.all_containers().map(|c| c.name.clone()).collect();
        let nth = |i: usize| names.get(i % names.len().max(1)).cloned();
        match disturbance {
            Disturbance::End(i, status) => {
                if let Some(name) = nth(i) {
                    self.end(&name, status);
                }
            }
            Disturbance::KillHolder => self.kill_holder(),
            Disturbance::FailNext => self.fail_next = true,
            Disturbance::Wait(ms) => self.wait(ms),
            Disturbance::Delete(grace_ms) => self.report(Fact::DeleteRequested { grace_ms }),
            Disturbance::Replace(i) => {
                let mut spec = self.pod.spec.clone();
                if spec.containers.is_empty() {
                    return;
                }
                let i = i % spec.containers.len();
                spec.containers[i].args.push("x".to_owned());
                let containers = vec![spec.containers[i].name.clone()];
                self.report(Fact::Replaced { spec: Box::new(spec), containers });
            }
            Disturbance::Add(pid) => self.add(pid, nth, ContainerKind::App),
            Disturbance::Debug(pid) => self.add(pid, nth, ContainerKind::Ephemeral),
            Disturbance::TakeOut(i) => {
                let name = nth(i).filter(|name| self.pod.spec.why_not_removable(name).is_none());
                if let Some(container) = name {
                    self.report(Fact::RemovalRequested { container, grace_ms: None });
                }
            }
        }
        self.deliver();
    }

    /// As in the node, a container that is not admitted is not reported to the controller.
    fn add(&mut self, pid: Pid, nth: impl Fn(usize) -> Option<String>, kind: ContainerKind) {
        let pid = match pid {
            Pid::Own => JoinPid::Own,
            Pid::Pod => JoinPid::Pod,
            Pid::Of(i) => match nth(i).filter(|name| self.live.contains(name)) {
                Some(target) => JoinPid::Container(target),
                None => return,
            },
        };
        let join = Some(Join { pid, ..Share::default().into() });
        let new = ContainerSpec { join, ..container(&format!("n{}", self.added)) };
        self.added += 1;
        if let Ok(new) = self.pod.admit(new, kind) {
            self.report(Fact::Added { container: Box::new(new), kind });
        }
    }

    /// Checks what must hold when no action or signal is pending.
    fn check(&self) {
        if self.removed {
            return;
        }
        let pod = &self.pod.pod;
        for c in &pod.containers {
            let runs = matches!(c.state, ContainerState::Running { .. });
            assert_eq!(runs, self.live.contains(&c.name), "{} is {:?}", c.name, c.state);
        }
        let up = pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none());
        assert_eq!(up, self.holder, "the sandbox");
        assert_eq!(pod.ip.is_some(), self.holds_address, "the address");
        let of_spec: Vec<&str> = self.pod.spec.all_containers().map(|c| c.name.as_str()).collect();
        let of_pod: Vec<&str> = pod.containers.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(of_pod, of_spec, "the pod's containers and those of its spec");
        for name in of_pod.iter().filter(|name| self.pod.is_being_removed(name)) {
            assert!(self.live.iter().any(|n| n == name), "{name} has ended and should have been removed");
        }
        let apps = || pod.containers.iter().filter(|c| c.kind == ContainerKind::App);
        match (pod.phase, self.pod.spec.restart) {
            (Phase::Succeeded | Phase::Failed, RestartPolicy::Always) => panic!("{:?} with Always", pod.phase),
            (Phase::Failed, RestartPolicy::OnFailure) => panic!("Failed with OnFailure"),
            (Phase::Succeeded, _) => assert!(apps().all(|c| c.last_exit.is_some_and(WaitStatus::success))),
            _ => {}
        }
        // init containers finish before an app first runs in a sandbox, and none is started beside an app
        let init_runs = pod.containers.iter().any(|c| c.kind == ContainerKind::Init && self.live.contains(&c.name));
        let infra = self.infra();
        let apps_live = apps().filter(|c| infra.as_ref() != Some(&c.name)).any(|c| self.live.contains(&c.name));
        assert!(!(init_runs && apps_live), "an init container beside an app");
    }
}

/// The container ends while the holder of the sandbox is ending.
fn ended_with(container: &str, status: WaitStatus) -> Fact {
    let container = container.to_owned();
    Fact::Ended { container, status, sandbox_ending: true, oom_killed: false, message: None }
}

/// The kind of pod: whether it shares the pid namespace, has init containers, has an infra container instead of pause,
/// ignores TERM.
type Kind = (bool, bool, bool, bool);

fn kernel(restart: RestartPolicy, (share_pid, init, infra, ignores_term): Kind) -> Kernel {
    let mut spec = spec(restart, share_pid);
    spec.grace_seconds = 2;
    if init {
        spec.init_containers = vec![container("i"), ContainerSpec { sidecar: true, ..container("s") }];
    }
    if infra {
        spec.sandbox = SandboxKind::Infra("a".to_owned());
    }
    let pod = PodState::new(PodUid("u".to_owned()), spec, DemoClock::default(), Stamp::prompt(MonoNs(0), Source::Node));
    Kernel {
        pod,
        now: 1,
        wake: None,
        holder: false,
        live: Vec::new(),
        ignores_term,
        fail_next: false,
        removed: false,
        holds_address: false,
        leftovers: Vec::new(),
        added: 0,
        started_ephemeral: BTreeSet::new(),
        sent: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: crate::rounds::number_of(600),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_sequence_of_events_leads_to_an_invalid_state(
        restart in prop_oneof![Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)],
        kind: Kind,
        disturbances in proptest::collection::vec(disturbance(), 0..60),
    ) {
        let mut kernel = kernel(restart, kind);
        kernel.report(Fact::Requested { node: "n".to_owned() });
        kernel.check();
        for disturbance in disturbances {
            kernel.apply(disturbance);
            kernel.check();
        }
        // without further events it settles: with `Always` every container with a program runs
        kernel.fail_next = false;
        for _ in 0..4 {
            kernel.wait(120_000);
            // an init container finishes at some time
            kernel.end("i", WaitStatus(0));
            kernel.deliver();
            kernel.check();
        }
        if restart == RestartPolicy::Always && !kernel.removed {
            let spec = &kernel.pod.spec;
            let lasting: Vec<&String> =
                spec.init_containers.iter().filter(|c| c.sidecar).chain(&spec.containers).map(|c| &c.name).collect();
            let want = if spec.containers.is_empty() && spec.init_containers.is_empty() {
                Phase::Pending
            } else {
                Phase::Running
            };
            prop_assert_eq!(kernel.pod.pod.phase, want);
            for name in lasting {
                prop_assert!(kernel.live.contains(name), "{} in {:?}", name, kernel.pod.pod);
            }
        }
        // a deleted pod is removed
        kernel.apply(Disturbance::Delete(None));
        kernel.wait(10_000);
        prop_assert!(kernel.removed, "{:?}", kernel.pod);
    }
}
