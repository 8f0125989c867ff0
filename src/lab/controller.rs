//! The kubelet's decisions in small: what follows from a fact about a pod. Pure, no I/O.
//!
//! A fact changes what is known; then, whatever the fact was, the pod is compared with its spec and what is to
//! be done now follows from the difference (`computePodActions` in `pkg/kubelet/kuberuntime` works so too). Nothing
//! depends on the order in which deaths are heard of.

mod backoff;
mod config;
mod manifest;
mod members;
mod pull;
mod report;
mod run;
mod status;
mod stop;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

pub use backoff::DemoClock;
pub use pull::PAUSE_IMAGE;
use run::Run;

use super::spec::{ContainerSpec, PidNamespace, PodSpec};
use crate::model::{
    ContainerKind, ContainerState, MonoNs, Phase, Pod, PodEvent, PodUid, ProcId, Runtime, Sandbox, SandboxKind, Signal,
    Stamp, WaitStatus,
};

/// Something that happened to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody wants it to run.
    Requested {
        node: String,
    },
    /// pause runs and the network is up.
    SandboxStarted {
        process: ProcId,
        ip: IpAddr,
    },
    SandboxFailed {
        message: String,
    },
    /// The container's process exists, its program has not been started yet.
    Created {
        container: String,
        process: ProcId,
    },
    /// Its program was started.
    Started {
        container: String,
    },
    /// It cannot be started. If its process exists, its end is still to come.
    Unstartable {
        container: String,
        reason: String,
        message: String,
    },
    Ended {
        container: String,
        status: WaitStatus,
        /// pause is on its way out as well: the kernel is ending all of its pid namespace.
        sandbox_ending: bool,
        /// The kernel ended it because its memory limit was reached.
        oom_killed: bool,
        /// Its termination message.
        message: Option<String>,
    },
    /// To [`Action::KillLeftovers`]: they are gone.
    LeftoversEnded {
        container: String,
    },
    /// What held the namespaces has ended: pause, or the container in its place.
    SandboxEnded {
        status: WaitStatus,
    },
    /// One that others have joined the pid namespace of is on its way out, and takes them along; its own end is still to
    /// come.
    Ending {
        container: String,
    },
    /// A container that the pod has not had so far; it has been admitted ([`PodSpec::admit`]).
    Added {
        container: Box<ContainerSpec>,
        kind: ContainerKind,
    },
    /// Somebody wants this container out of the pod; `grace_ms` in place of the spec's own.
    RemovalRequested {
        container: String,
        grace_ms: Option<u64>,
    },
    /// Host ports were taken, and these are in their places, in the order of the spec.
    HostPortsMoved {
        to: Vec<u16>,
    },
    /// Other commands for some containers; nothing else differs.
    Replaced {
        spec: Box<PodSpec>,
        containers: Vec<String>,
    },
    /// Somebody wants it gone; `grace_ms` in place of the spec's own.
    DeleteRequested {
        grace_ms: Option<u64>,
    },
    /// Time has passed.
    Tick,
}

/// Something to do about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    StartSandbox,
    StartContainer(String),
    /// To the container's process, or to pause.
    Signal {
        container: Option<String>,
        signal: Signal,
    },
    /// End what the container left behind in the pod's pid namespace.
    KillLeftovers(String),
    /// The container is no more of the pod: forget its log.
    ForgetContainer(String),
    /// Nothing of the sandbox lives any more: give back its address and network.
    ReleaseSandbox,
    /// Forget the pod and its volumes.
    Remove,
}

/// What [`PodState::decide`] comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub actions: Vec<Action>,
    pub events: Vec<PodEvent>,
    /// When to come back with a [`Fact::Tick`] at the latest, if nothing else happens.
    pub wake: Option<MonoNs>,
}

/// What is known of pause, or of the container in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// There is none; after a failure, not to be tried before this time.
    Absent {
        retry: Option<MonoNs>,
    },
    Starting,
    Up,
    /// On its way out: the kernel takes its pid namespace down.
    Ending,
    /// Dead, and its address not given back yet.
    Dead,
}

/// Where the pod as a whole is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Run,
    /// All stops by `deadline`, then `then`.
    Stop {
        deadline: MonoNs,
        then: After,
    },
    /// The pod is over and its sandbox is gone.
    Over,
    /// The pod is gone: what is told after that changes nothing.
    Removed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Remove,
    NewSandbox,
    Over,
}

/// How a container's program ended.
struct Termination {
    status: WaitStatus,
    oom_killed: bool,
    message: Option<String>,
}

/// How long the kubelet waits before it tries to make a sandbox again (`backOffPeriod`, pod_workers.go).
const SANDBOX_RETRY_MS: u64 = 10_000;

/// A pod, as it should be and as it is.
#[derive(Clone, Debug)]
pub struct PodState {
    pub spec: PodSpec,
    pub pod: Pod,
    clock: DemoClock,
    runs: BTreeMap<String, Run>,
    holder: Holder,
    course: Course,
    /// pause was told to end.
    holder_killed: bool,
    /// Why its volumes cannot be made, as told last.
    unmountable: Vec<String>,
}

impl PodState {
    pub fn new(uid: PodUid, spec: PodSpec, clock: DemoClock, at: Stamp) -> Self {
        let pod = Pod {
            uid,
            name: spec.name.clone(),
            runtime: Runtime::Lab,
            phase: Phase::Pending,
            reason: None,
            message: None,
            ip: None,
            share_pid: spec.share.pid || spec.shares_pid_namespace(),
            restart: spec.restart,
            host_network: spec.host.net,
            host_ports: spec.host_ports().collect(),
            sandbox: None,
            containers: report::statuses(&spec),
            volumes: spec.volumes.iter().map(|v| v.name.clone()).collect(),
            manifest: Some(Arc::new(manifest::of(&spec, ""))),
            created: at,
        };
        let runs = pod.containers.iter().map(|c| (c.name.clone(), Run::new(c.kind))).collect();
        let holder = Holder::Absent { retry: None };
        let mut state =
            Self { spec, pod, clock, runs, holder, course: Course::Run, holder_killed: false, unmountable: Vec::new() };
        state.derive_status();
        state
    }

    /// Takes a fact in and says what follows. The only way the pod's status changes.
    pub fn decide(&mut self, fact: Fact, at: Stamp) -> Decision {
        let mut d = Decision::default();
        self.learn(fact, at, &mut d);
        self.reconcile(at, &mut d);
        self.derive_status();
        d.wake = self.next_due();
        d
    }

    fn learn(&mut self, fact: Fact, at: Stamp, d: &mut Decision) {
        match fact {
            Fact::Requested { node } => {
                self.pod.manifest = Some(Arc::new(manifest::of(&self.spec, &node)));
                let message = format!("Successfully assigned {}/{} to {node}", self.spec.namespace, self.spec.name);
                self.normal(d, "Scheduled", message, at);
            }
            Fact::SandboxStarted { process, ip } => {
                let attempt = self.pod.sandbox.as_ref().map_or(0, |s| s.attempt + 1);
                let kind = self.spec.sandbox.clone();
                self.pod.sandbox = Some(Sandbox { attempt, kind, process: Some(process), started: at, ended: None });
                self.pod.ip = Some(ip);
                self.pod.message = None;
                self.holder = Holder::Up;
                // told to end before it was there: once more
                self.holder_killed = false;
            }
            Fact::SandboxFailed { message } => {
                let message = self.no_sandbox(&message);
                self.pod.message = Some(message.clone());
                self.warning(d, "FailedCreatePodSandBox", message, at);
                let retry = Some(self.clock.after(at.t, SANDBOX_RETRY_MS));
                self.holder = Holder::Absent { retry };
            }
            Fact::Created { container, process } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                let again = run.created();
                if let Some(c) = self.pod.containers.iter_mut().find(|c| c.name == container) {
                    c.process = Some(process);
                    c.restarts += u32::from(again);
                }
                self.normal(d, "Created", format!("Created container {container}"), at);
            }
            Fact::Started { container } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                run.running = true;
                self.set_state(&container, ContainerState::Running { since: at });
                self.normal(d, "Started", format!("Started container {container}"), at);
            }
            Fact::Unstartable { container, reason, message } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                run.unstartable(at.t);
                self.warning(d, report::failure_reason(&reason), format!("Error: {message}"), at);
                self.set_state(&container, ContainerState::Waiting { reason, message: Some(message) });
            }
            Fact::Ended { container, status, sandbox_ending, oom_killed, message } => {
                self.ended(&container, Termination { status, oom_killed, message }, sandbox_ending, at, d);
            }
            Fact::LeftoversEnded { container } => {
                if let Some(run) = self.runs.get_mut(&container) {
                    run.leftovers = false;
                }
            }
            Fact::Ending { container } => {
                if let Some(run) = self.runs.get_mut(&container) {
                    run.ending = true;
                }
            }
            Fact::SandboxEnded { status } => self.sandbox_ended(status, at, d),
            Fact::Added { container, kind } => self.added(*container, kind),
            Fact::RemovalRequested { container, grace_ms } => self.removal_requested(&container, grace_ms, at),
            Fact::HostPortsMoved { to } => self.ports_moved(&to, at, d),
            Fact::Replaced { spec, containers } => self.replaced(*spec, &containers, at, d),
            Fact::DeleteRequested { grace_ms } => self.delete(grace_ms, at),
            Fact::Tick => {}
        }
    }

    fn ended(&mut self, container: &str, how: Termination, sandbox_ending: bool, at: Stamp, d: &mut Decision) {
        let Termination { status, oom_killed, message } = how;
        let Some(run) = self.runs.get_mut(container) else { return };
        let unstarted = run.ended(status, at.t);
        // one that could not be started keeps the reason why
        if !unstarted && let Some(c) = self.pod.containers.iter_mut().find(|c| c.name == container) {
            // the words of containerd (internal/cri/server/container_status.go)
            let reason = match (oom_killed, status.success()) {
                (true, _) => "OOMKilled",
                (false, true) => "Completed",
                (false, false) => "Error",
            };
            c.last_exit = Some(status);
            c.last_message.clone_from(&message);
            let (reason, started) = (reason.to_owned(), c.running_since());
            c.enter(ContainerState::Terminated { status, reason, message, started, at });
        }
        if sandbox_ending && self.holder == Holder::Up {
            self.holder = Holder::Ending;
        }
        // where all stops, what is left behind ends with pause; in the node's pid namespace nothing ends it
        let ends_with_pause = self.holder != Holder::Up || self.course != Course::Run;
        let leaves_behind = match self.spec.pid_namespace(container) {
            PidNamespace::Node | PidNamespace::Of(_) => true,
            PidNamespace::Pod => !ends_with_pause,
            PidNamespace::Own => false,
        };
        if leaves_behind {
            if let Some(run) = self.runs.get_mut(container) {
                run.leftovers = true;
            }
            d.actions.push(Action::KillLeftovers(container.to_owned()));
        }
    }

    fn sandbox_ended(&mut self, status: WaitStatus, at: Stamp, d: &mut Decision) {
        self.holder_killed = false;
        // one that ended before it was up has been told as one that failed
        if !matches!(self.holder, Holder::Up | Holder::Ending) {
            if self.holder == Holder::Starting {
                self.holder = Holder::Absent { retry: Some(self.clock.after(at.t, SANDBOX_RETRY_MS)) };
            }
            return;
        }
        self.holder = Holder::Dead;
        if let Some(sandbox) = &mut self.pod.sandbox {
            sandbox.ended = Some(at);
        }
        if self.course != Course::Run {
            return;
        }
        self.pod.message = Some(self.how_it_ended(status));
        let then = if self.wants_sandbox() {
            self.normal(d, "SandboxChanged", report::SANDBOX_CHANGED.to_owned(), at);
            After::NewSandbox
        } else {
            After::Over
        };
        self.stop_all(at.t, None, then);
    }

    /// Not for a pod of which something has run and that is not to be restarted (`computePodActions`).
    fn wants_sandbox(&self) -> bool {
        let mut apps = self.pod.containers.iter().filter(|c| c.kind == ContainerKind::App).peekable();
        match self.spec.restart {
            super::spec::RestartPolicy::Always => true,
            super::spec::RestartPolicy::Never => self.pod.sandbox.is_none() || !self.runs.values().any(|r| r.ran),
            super::spec::RestartPolicy::OnFailure => {
                // of a sandbox alone nothing has ended yet
                apps.peek().is_none() || !apps.all(|c| c.last_exit.is_some_and(WaitStatus::success))
            }
        }
    }

    fn replaced(&mut self, spec: PodSpec, containers: &[String], at: Stamp, d: &mut Decision) {
        self.spec = self.spec.updated(spec);
        self.describe_anew();
        // what was missing may be there now
        for (name, run) in &mut self.runs {
            run.cannot_start &= self.spec.container(name).is_none_or(|c| c.program().is_none());
        }
        for name in containers {
            let Some(run) = self.runs.get_mut(name) else { continue };
            run.replace();
            let lives = run.live;
            report::redescribe(&mut self.pod, &self.spec, name);
            if lives && self.course == Course::Run {
                let message = format!("Container {name} definition changed, will be restarted");
                self.normal(d, "Killing", message, at);
            }
        }
    }

    fn delete(&mut self, grace_ms: Option<u64>, at: Stamp) {
        self.stop_all(at.t, grace_ms, After::Remove);
    }

    fn reconcile(&mut self, at: Stamp, d: &mut Decision) {
        // found anew for those whose turn it is
        self.runs.values_mut().for_each(|r| r.retry = None);
        if self.holder != Holder::Ending {
            self.press(at, d);
        }
        if self.course != Course::Removed {
            self.forget_removed(d);
        }
        match self.course {
            Course::Run => self.go_on(at, d),
            Course::Stop { deadline, then } => self.wind_down(deadline, then, at, d),
            Course::Over | Course::Removed => {}
        }
    }

    fn go_on(&mut self, at: Stamp, d: &mut Decision) {
        match self.holder {
            Holder::Absent { retry } if retry.is_none_or(|t| t <= at.t) => self.start_sandbox(at, d),
            Holder::Up => {
                self.stop_replaced(at, d);
                self.stop_removed(at, d);
                if self.over() {
                    self.finish(at, d);
                } else {
                    self.start_containers(at, d);
                }
            }
            Holder::Absent { .. } | Holder::Starting | Holder::Ending | Holder::Dead => {}
        }
    }

    fn start_sandbox(&mut self, at: Stamp, d: &mut Decision) {
        // volumes come before the sandbox (`syncPod` in pkg/kubelet/kubelet.go)
        if !self.mountable(at, d) {
            self.holder = Holder::Absent { retry: None };
            return;
        }
        // in place of pause a container holds the namespaces: it has its own back-off
        if let SandboxKind::Infra(infra) = self.spec.sandbox.clone()
            && !(self.configured(&infra, at, d) && self.may_start(&infra, at, d))
        {
            self.holder = Holder::Absent { retry: None };
            return;
        }
        if let SandboxKind::Own(file) = &self.spec.sandbox {
            let message = format!("No image is pulled: pause is made of {file}, and reports no reaps");
            self.normal(d, "Pulled", message, at);
        }
        self.holder = Holder::Starting;
        d.actions.push(Action::StartSandbox);
    }

    /// Ephemeral containers whatever else is the matter, init containers one by one, sidecars in their turn, then the
    /// others: steps 5, 6 and 8 of `SyncPod` in pkg/kubelet/kuberuntime/kuberuntime_manager.go.
    fn start_containers(&mut self, at: Stamp, d: &mut Decision) {
        let order: Vec<(String, ContainerKind)> =
            self.pod.containers.iter().map(|c| (c.name.clone(), c.kind)).collect();
        let (ephemeral, order): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|(_, kind)| *kind == ContainerKind::Ephemeral);
        for (name, _) in ephemeral {
            if self.runs.get(&name).is_some_and(|run| !run.live) && self.is_wanted(&name) {
                self.start(&name, at, d);
            }
        }
        let mut in_turn = true;
        for (name, kind) in order {
            if !in_turn && (kind == ContainerKind::Init || !self.runs.get(&name).is_some_and(|r| r.ran_here)) {
                continue;
            }
            let Some(run) = self.runs.get(&name) else { continue };
            let done = match kind {
                ContainerKind::Init => run.done && !run.leftovers,
                ContainerKind::Sidecar => run.running,
                ContainerKind::App | ContainerKind::Ephemeral => true,
            };
            let over = kind == ContainerKind::Init && run.done;
            if !run.live && !over && self.is_wanted(&name) {
                self.start(&name, at, d);
            }
            in_turn &= done;
        }
    }

    /// Whether it runs, or will run again (`ShouldContainerBeRestarted`, pkg/kubelet/container/helpers.go).
    fn is_wanted(&self, name: &str) -> bool {
        let Some(run) = self.runs.get(name) else { return false };
        if self.spec.sandbox == SandboxKind::Infra(name.to_owned()) {
            // the sandbox is made with it
            return run.live;
        }
        if run.cannot_start || run.removal.is_some() {
            return false;
        }
        run.may_run_again(self.spec.restart)
    }

    /// All that is to be done has been done, or cannot be.
    fn over(&self) -> bool {
        let failed_init = self.runs.values().any(|r| {
            r.kind == ContainerKind::Init && !r.live && !r.done && r.ran && !r.may_run_again(self.spec.restart)
        });
        let apps = || self.runs.values().filter(|r| r.kind == ContainerKind::App);
        let all_done =
            apps().next().is_some() && apps().all(|r| !r.live && r.ran_to_end && !r.may_run_again(self.spec.restart));
        failed_init || all_done
    }

    fn start(&mut self, name: &str, at: Stamp, d: &mut Decision) {
        if !self.target_runs(name) || !self.may_start(name, at, d) {
            return;
        }
        let Some(container) = self.spec.container(name).cloned() else { return };
        if let Some(why) = report::no_program(&container) {
            let Some(run) = self.runs.get_mut(name) else { return };
            run.cannot_start = true;
            self.warning(d, "ErrImageNeverPull", format!("Error: {why}"), at);
            let reason = "ErrImageNeverPull".to_owned();
            self.set_state(name, ContainerState::Waiting { reason, message: Some(why) });
            return;
        }
        self.pulled(&container, at, d);
        if !self.configured(name, at, d) {
            return;
        }
        if let Some(run) = self.runs.get_mut(name) {
            run.starting();
        }
        d.actions.push(Action::StartContainer(name.to_owned()));
    }

    /// Whether its back-off is over; if not, it says so and waits.
    fn may_start(&mut self, name: &str, at: Stamp, d: &mut Decision) -> bool {
        let clock = self.clock;
        let Some(run) = self.runs.get_mut(name) else { return false };
        let Some(finished) = run.finished else { return !run.leftovers };
        let mut backoff = run.backoff;
        match backoff.try_again(finished, at.t, clock) {
            // what its last run has left behind may still hold a port
            Ok(()) if run.leftovers => false,
            Ok(()) => {
                run.backoff = backoff;
                true
            }
            Err(until) => {
                run.retry = Some(until);
                let told = run.told.replace(until) == Some(until);
                let (delay, unstarted) = (run.backoff.delay_ms(), run.unstarted);
                if !told {
                    self.backing_off(name, delay, unstarted, at, d);
                }
                false
            }
        }
    }

    fn set_state(&mut self, name: &str, state: ContainerState) {
        if let Some(c) = self.pod.containers.iter_mut().find(|c| c.name == name) {
            c.enter(state);
        }
    }

    fn holder_lives(&self) -> bool {
        matches!(self.holder, Holder::Starting | Holder::Up | Holder::Ending)
    }

    fn next_due(&self) -> Option<MonoNs> {
        // the kernel does what is left to be done
        if self.holder == Holder::Ending {
            return None;
        }
        let retry = match (self.holder, self.course) {
            (Holder::Absent { retry }, Course::Run) => retry,
            _ => None,
        };
        self.runs.values().filter_map(Run::next_due).chain(retry).min()
    }
}

#[cfg(test)]
mod tests;
