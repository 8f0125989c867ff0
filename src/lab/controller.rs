//! A small version of the kubelet's decisions: what follows from a fact about a pod. Pure, no I/O.
//!
//! A fact changes the known state. Then, independent of the fact, the pod is compared with its spec, and the actions
//! follow from the difference (as `computePodActions` in `pkg/kubelet/kuberuntime` does). So nothing depends on the
//! order in which deaths are reported.

mod backoff;
mod config;
mod manifest;
mod members;
mod pull;
mod report;
mod run;
mod status;
mod stop;

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use backoff::DemoClock;
pub use pull::PAUSE_IMAGE;
use run::Run;

use super::spec::{ContainerSpec, PidNamespace, PodSpec};
use crate::model::{
    ContainerKind, ContainerState, EventReason, MonoNs, Phase, Pod, PodEvent, PodMessage, PodUid, ProcId, Runtime,
    Sandbox, SandboxKind, Signal, Stamp, TerminatedReason, WaitStatus, WaitingReason,
};

/// Something that happened to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The pod is to run.
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
    /// The container's process exists; its program has not been started yet.
    Created {
        container: String,
        process: ProcId,
    },
    /// Its program was started.
    Started {
        container: String,
    },
    /// The container cannot be started. If its process exists, its `Ended` is still to come.
    StartFailed {
        container: String,
        reason: WaitingReason,
        message: String,
    },
    Ended {
        container: String,
        status: WaitStatus,
        /// pause is ending as well: the kernel is ending every process of its pid namespace.
        sandbox_ending: bool,
        /// The kernel killed it because its memory limit was reached.
        oom_killed: bool,
        /// Its termination message.
        message: Option<String>,
    },
    /// The result of [`Action::KillLeftovers`]: the leftover processes have ended.
    LeftoversEnded {
        container: String,
    },
    /// The holder of the namespaces has ended: pause, or the container in its place.
    SandboxEnded {
        status: WaitStatus,
    },
    /// A container whose pid namespace others have joined is ending, and the others with it. Its own `Ended` is still
    /// to come.
    Ending {
        container: String,
    },
    /// A new container of the pod, which has been admitted ([`PodSpec::admit`]).
    Added {
        container: Box<ContainerSpec>,
        kind: ContainerKind,
    },
    /// The container is to be removed from the pod, with `grace_ms` instead of the spec's grace period.
    RemovalRequested {
        container: String,
        grace_ms: Option<u64>,
    },
    /// Host ports were taken; `to` are the ports used instead, in the order of the spec.
    HostPortsMoved {
        to: Vec<u16>,
    },
    /// Some containers have other commands; nothing else differs.
    Replaced {
        spec: Box<PodSpec>,
        containers: Vec<String>,
    },
    /// The pod is to be deleted, with `grace_ms` instead of the spec's grace period.
    DeleteRequested {
        grace_ms: Option<u64>,
    },
    /// Time has passed.
    Tick,
}

/// One action of the node. Actions are done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    StartSandbox,
    StartContainer(String),
    /// Signal the container's process, or pause if `container` is `None`.
    Signal {
        container: Option<String>,
        signal: Signal,
    },
    /// End processes that the container left behind in the pod's pid namespace.
    KillLeftovers(String),
    /// The container is no longer part of the pod: delete its log.
    ForgetContainer(String),
    /// No process of the sandbox is left: release its address and network.
    ReleaseSandbox,
    /// Delete the pod and its volumes.
    Remove,
}

/// The result of [`PodState::decide`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub actions: Vec<Action>,
    pub events: Vec<PodEvent>,
    /// When to send a [`Fact::Tick`] at the latest, if nothing else happens.
    pub wake: Option<MonoNs>,
}

/// The state of the holder: pause, or the container in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// There is no holder. AfterStop a failure it is not started before `retry`.
    Absent {
        retry: Option<MonoNs>,
    },
    Starting,
    Up,
    /// It is ending: the kernel ends every process of its pid namespace.
    Ending,
    /// It has ended, and its address has not been released yet.
    Dead,
}

/// What the controller brings the pod to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PodGoal {
    Run,
    /// Everything stops by `deadline`; then follows `then`.
    Stop {
        deadline: MonoNs,
        then: AfterStop,
    },
    /// The pod has finished and its sandbox is gone.
    Over,
    /// The pod is deleted: later facts change nothing.
    Removed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterStop {
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

/// The kubelet's wait before it tries again to create a sandbox (`backOffPeriod`, pod_workers.go).
const SANDBOX_RETRY_MS: u64 = 10_000;

/// The wanted and the present state of a pod.
#[derive(Clone, Debug)]
pub struct PodState {
    pub spec: PodSpec,
    pub pod: Pod,
    clock: DemoClock,
    runs: BTreeMap<String, Run>,
    holder: Holder,
    goal: PodGoal,
    /// pause was sent KILL.
    holder_killed: bool,
    /// The last reported reasons why volumes cannot be mounted.
    mount_errors: Vec<String>,
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
            restart: Some(spec.restart),
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
            Self { spec, pod, clock, runs, holder, goal: PodGoal::Run, holder_killed: false, mount_errors: Vec::new() };
        state.derive_status();
        state
    }

    /// Applies a fact and returns what follows from it. The pod's status changes only here.
    pub fn decide(&mut self, fact: Fact, at: Stamp) -> Decision {
        let mut d = Decision::default();
        self.apply_fact(fact, at, &mut d);
        self.reconcile(at, &mut d);
        self.derive_status();
        d.wake = self.next_due();
        d
    }

    fn apply_fact(&mut self, fact: Fact, at: Stamp, d: &mut Decision) {
        match fact {
            Fact::Requested { node } => {
                self.pod.manifest = Some(Arc::new(manifest::of(&self.spec, &node)));
                let message = format!("Successfully assigned {}/{} to {node}", self.spec.namespace, self.spec.name);
                self.normal(d, EventReason::Scheduled, message, at);
            }
            Fact::SandboxStarted { process, ip } => {
                let attempt = Some(self.pod.sandbox.as_ref().and_then(Sandbox::number).unwrap_or(0));
                let kind = self.spec.sandbox.clone();
                self.pod.sandbox = Some(Sandbox { attempt, kind, process: Some(process), started: at, ended: None });
                self.pod.ip = Some(ip);
                self.pod.message = None;
                self.holder = Holder::Up;
                // KILL was sent before pause existed: send it again
                self.holder_killed = false;
            }
            Fact::SandboxFailed { message } => {
                let message = self.sandbox_error(&message);
                self.pod.message = Some(PodMessage::Runtime(message.clone()));
                self.warning(d, EventReason::FailedCreatePodSandBox, message, at);
                let retry = Some(self.clock.after(at.t, SANDBOX_RETRY_MS));
                self.holder = Holder::Absent { retry };
            }
            Fact::Created { container, process } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                let again = run.created();
                if let Some(c) = self.pod.containers.iter_mut().find(|c| c.name == container) {
                    c.process = Some(process);
                    c.restarts = c.restarts.map(|n| n.saturating_add(u32::from(again)));
                }
                self.normal(d, EventReason::Created, format!("Created container {container}"), at);
            }
            Fact::Started { container } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                run.running = true;
                self.set_state(&container, ContainerState::Running { since: at });
                self.normal(d, EventReason::Started, format!("Started container {container}"), at);
            }
            Fact::StartFailed { container, reason, message } => {
                let Some(run) = self.runs.get_mut(&container) else { return };
                run.unstartable(at.t);
                self.warning(d, report::failure_reason(&reason), format!("Error: {message}"), at);
                self.set_state(&container, ContainerState::waiting(reason, Some(message)));
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
        // a container that could not be started keeps the reason
        if !unstarted && let Some(c) = self.pod.containers.iter_mut().find(|c| c.name == container) {
            // the reasons of containerd (internal/cri/server/container_status.go)
            let reason = match (oom_killed, status.success()) {
                (true, _) => TerminatedReason::OomKilled,
                (false, true) => TerminatedReason::Completed,
                (false, false) => TerminatedReason::Error,
            };
            c.last_exit = Some(status);
            c.last_message.clone_from(&message);
            let started = c.running_since();
            c.enter(ContainerState::Terminated { status, reason, message, started, at });
        }
        if sandbox_ending && self.holder == Holder::Up {
            self.holder = Holder::Ending;
        }
        // when the pod stops, leftovers end with pause; in the node's pid namespace nothing else ends them
        let ends_with_pause = self.holder != Holder::Up || self.goal != PodGoal::Run;
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
        // a holder that ended before it was up has been reported as a failure
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
        if self.goal != PodGoal::Run {
            return;
        }
        self.pod.message = Some(PodMessage::SandboxEnded(self.sandbox_end(status)));
        let then = if self.wants_sandbox() {
            self.normal(d, EventReason::SandboxChanged, report::SANDBOX_CHANGED.to_owned(), at);
            AfterStop::NewSandbox
        } else {
            AfterStop::Over
        };
        self.stop_all(at.t, None, then);
    }

    /// Whether the pod needs a new sandbox. It does not if something has run and is not to be restarted
    /// (`computePodActions`).
    fn wants_sandbox(&self) -> bool {
        let mut apps = self.pod.containers.iter().filter(|c| c.kind == ContainerKind::App).peekable();
        match self.spec.restart {
            super::spec::RestartPolicy::Always => true,
            super::spec::RestartPolicy::Never => self.pod.sandbox.is_none() || !self.runs.values().any(|r| r.ran),
            super::spec::RestartPolicy::OnFailure => {
                // in an empty sandbox nothing has ended yet
                apps.peek().is_none() || !apps.all(|c| c.last_exit.is_some_and(WaitStatus::success))
            }
        }
    }

    fn replaced(&mut self, spec: PodSpec, containers: &[String], at: Stamp, d: &mut Decision) {
        self.spec = self.spec.updated(spec);
        self.refresh_manifest();
        // a missing program may exist now
        for (name, run) in &mut self.runs {
            run.cannot_start &= self.spec.container(name).is_none_or(|c| c.program().is_none());
        }
        for name in containers {
            let Some(run) = self.runs.get_mut(name) else { continue };
            run.replace();
            let lives = run.live;
            report::refresh_command(&mut self.pod, &self.spec, name);
            if lives && self.goal == PodGoal::Run {
                let message = format!("Container {name} definition changed, will be restarted");
                self.normal(d, EventReason::Killing, message, at);
            }
        }
    }

    fn delete(&mut self, grace_ms: Option<u64>, at: Stamp) {
        self.stop_all(at.t, grace_ms, AfterStop::Remove);
    }

    fn reconcile(&mut self, at: Stamp, d: &mut Decision) {
        // set again below for containers that wait for their back-off
        self.runs.values_mut().for_each(|r| r.retry = None);
        if self.holder != Holder::Ending {
            self.escalate_to_kill(at, d);
        }
        if self.goal != PodGoal::Removed {
            self.forget_removed(d);
        }
        match self.goal {
            PodGoal::Run => self.advance_run(at, d),
            PodGoal::Stop { deadline, then } => self.advance_stop(deadline, then, at, d),
            PodGoal::Over | PodGoal::Removed => {}
        }
    }

    fn advance_run(&mut self, at: Stamp, d: &mut Decision) {
        match self.holder {
            Holder::Absent { retry } if retry.is_none_or(|t| t <= at.t) => self.start_sandbox(at, d),
            Holder::Up => {
                self.stop_replaced(at, d);
                self.stop_removed(at, d);
                if self.is_over() {
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
        if !self.can_mount_volumes(at, d) {
            self.holder = Holder::Absent { retry: None };
            return;
        }
        // a container that holds the namespaces instead of pause has its own back-off
        if let SandboxKind::Infra(infra) = self.spec.sandbox.clone()
            && !(self.can_build_environment(&infra, at, d) && self.may_start(&infra, at, d))
        {
            self.holder = Holder::Absent { retry: None };
            return;
        }
        if let SandboxKind::Own(file) = &self.spec.sandbox {
            let message = format!("No image is pulled: pause is made of {file}, and reports no reaps");
            self.normal(d, EventReason::Pulled, message, at);
        }
        self.holder = Holder::Starting;
        d.actions.push(Action::StartSandbox);
    }

    /// Starts ephemeral containers in any case, init containers one by one, sidecars in their turn, then app
    /// containers: steps 5, 6 and 8 of `SyncPod` in pkg/kubelet/kuberuntime/kuberuntime_manager.go.
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

    /// Whether the container runs, or is to run again (`ShouldContainerBeRestarted`, pkg/kubelet/container/helpers.go).
    fn is_wanted(&self, name: &str) -> bool {
        let Some(run) = self.runs.get(name) else { return false };
        if self.spec.sandbox == SandboxKind::Infra(name.to_owned()) {
            // it is started together with the sandbox
            return run.live;
        }
        if run.cannot_start || run.removal.is_some() {
            return false;
        }
        run.may_run_again(self.spec.restart)
    }

    /// Whether all containers have finished for good, or an init container has failed for good.
    fn is_over(&self) -> bool {
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
        if let Some(why) = report::missing_program(&container) {
            let Some(run) = self.runs.get_mut(name) else { return };
            run.cannot_start = true;
            self.warning(d, EventReason::ErrImageNeverPull, format!("Error: {why}"), at);
            self.set_state(name, ContainerState::waiting(WaitingReason::ErrImageNeverPull, Some(why)));
            return;
        }
        self.report_pull(&container, at, d);
        if !self.can_build_environment(name, at, d) {
            return;
        }
        if let Some(run) = self.runs.get_mut(name) {
            run.starting();
        }
        d.actions.push(Action::StartContainer(name.to_owned()));
    }

    /// Whether the container's back-off is over. If not, reports it and sets the time to try again.
    fn may_start(&mut self, name: &str, at: Stamp, d: &mut Decision) -> bool {
        let clock = self.clock;
        let Some(run) = self.runs.get_mut(name) else { return false };
        let Some(finished) = run.finished else { return !run.leftovers };
        let mut backoff = run.backoff;
        match backoff.try_again(finished, at.t, clock) {
            // leftovers of the last run may still hold a port
            Ok(()) if run.leftovers => false,
            Ok(()) => {
                run.backoff = backoff;
                true
            }
            Err(until) => {
                run.retry = Some(until);
                let reported = run.reported_backoff.replace(until) == Some(until);
                let (delay, unstarted) = (run.backoff.delay_ms(), run.unstarted);
                if !reported {
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
        // the kernel ends the rest
        if self.holder == Holder::Ending {
            return None;
        }
        let retry = match (self.holder, self.goal) {
            (Holder::Absent { retry }, PodGoal::Run) => retry,
            _ => None,
        };
        self.runs.values().filter_map(Run::next_due).chain(retry).min()
    }
}

#[cfg(test)]
mod tests;
