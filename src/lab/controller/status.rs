//! The pod's displayed status: the phase, and the status of `kubectl get pod`.

use super::{AfterStop, Holder, PodGoal, PodState};
use crate::lab::spec::{PodSpec, RestartPolicy};
use crate::model::{
    Container, ContainerKind, ContainerState, NotRunning, Phase, PodReason, SandboxKind, TerminatedReason, WaitStatus,
    WaitingReason,
};

impl PodState {
    pub(super) fn derive_status(&mut self) {
        self.pod.phase = self.phase();
        self.pod.reason = self.kubectl_status();
        // when pause ends, the kernel ends the others, and nobody waits
        let waits = self.holder != Holder::Ending;
        for c in &mut self.pod.containers {
            let stop = self.runs.get(&c.name).and_then(|run| run.stop);
            c.kill_at = stop.filter(|stop| waits && !stop.killed).map(|stop| stop.kill_at);
        }
    }

    /// `getPhase` in pkg/kubelet/kubelet_pods.go.
    fn phase(&self) -> Phase {
        let mut counts = Counts::default();
        for c in &self.pod.containers {
            counts.add(c);
        }
        let policy = self.spec.restart;
        if counts.failed_init > 0 && policy == RestartPolicy::Never {
            return Phase::Failed;
        }
        let initializing = counts.pending_init > 0 || counts.pending_sidecars > 0 && !self.initialized();
        // an empty sandbox runs nothing yet
        let nothing = self.apps().next().is_none() && self.inits().next().is_none();
        if initializing || counts.waiting > 0 || nothing {
            return Phase::Pending;
        }
        match policy {
            // including sidecars
            _ if counts.running > 0 => Phase::Running,
            RestartPolicy::Always => Phase::Running,
            _ if counts.stopped == counts.succeeded => Phase::Succeeded,
            RestartPolicy::Never => Phase::Failed,
            RestartPolicy::OnFailure => Phase::Running,
        }
    }

    /// Whether all init containers have succeeded, or an app container has been started: the condition `Initialized`
    /// (`GeneratePodInitializedCondition` in pkg/kubelet/status/generate.go).
    fn initialized(&self) -> bool {
        let started = |c: &Container| !matches!(c.state, ContainerState::Waiting { .. });
        self.inits().all(|c| self.is_past_init(c)) || self.apps().any(started)
    }

    fn inits(&self) -> impl Iterator<Item = &Container> {
        self.pod.containers.iter().filter(|c| matches!(c.kind, ContainerKind::Init | ContainerKind::Sidecar))
    }

    fn apps(&self) -> impl Iterator<Item = &Container> {
        self.pod.containers.iter().filter(|c| c.kind == ContainerKind::App)
    }

    /// The status of `kubectl get pod` where it differs from the phase (`printPod` in
    /// pkg/printers/internalversion/printers.go).
    fn kubectl_status(&self) -> Option<PodReason> {
        let terminal = matches!(self.pod.phase, Phase::Succeeded | Phase::Failed);
        match self.goal {
            PodGoal::Stop { then: AfterStop::Remove, .. } if !terminal => return Some(PodReason::Terminating),
            PodGoal::Stop { then: AfterStop::NewSandbox, .. } => return Some(PodReason::SandboxChanged),
            _ => {}
        }
        if let (Holder::Absent { retry: Some(_) }, PodGoal::Run) = (self.holder, self.goal)
            && !matches!(self.spec.sandbox, SandboxKind::Infra(_))
        {
            return Some(PodReason::FailedCreatePodSandBox);
        }
        let init = self.init_status();
        if init.is_some() && !self.initialized() {
            return init;
        }
        // kubectl goes through the containers in the kubelet's order, which is by name (`SortedContainerStatuses` in
        // pkg/kubelet/types), from the last to the first: the first one's status remains
        let mut apps: Vec<&Container> = self.apps().collect();
        apps.sort_by(|a, b| a.name.cmp(&b.name));
        let running = apps.iter().any(|c| matches!(c.state, ContainerState::Running { .. }));
        match apps.iter().find_map(|c| c.state.why_not_running()) {
            Some(NotRunning::Terminated(TerminatedReason::Completed)) if running => Some(PodReason::NotReady),
            Some(why) => Some(PodReason::App(why)),
            None => init,
        }
    }

    /// The status of the first init container that has not succeeded.
    fn init_status(&self) -> Option<PodReason> {
        let succeeded =
            |c: &Container| matches!(&c.state, ContainerState::Terminated { status, .. } if status.success());
        let (i, c) = self.inits().enumerate().find(|(_, c)| !succeeded(c) && !self.is_past_init(c))?;
        Some(match c.state.why_not_running() {
            None | Some(NotRunning::Waiting(WaitingReason::PodInitializing)) => {
                PodReason::Initializing { done: i, all: self.inits().count() }
            }
            Some(why) => PodReason::Init(why),
        })
    }

    fn is_past_init(&self, c: &Container) -> bool {
        self.runs.get(&c.name).is_some_and(|r| r.done || (c.kind == ContainerKind::Sidecar && r.running))
    }

    /// Between two sandboxes: sets containers that will run again to waiting.
    pub(super) fn set_waiting_for_sandbox(&mut self) {
        for i in 0..self.pod.containers.len() {
            let c = &self.pod.containers[i];
            let again = self.runs.get(&c.name).is_some_and(|r| r.may_run_again(self.spec.restart) && !r.cannot_start);
            if again && matches!(c.state, ContainerState::Terminated { .. }) {
                self.pod.containers[i].enter(ContainerState::waiting(not_started(&self.spec), None));
            }
        }
    }
}

/// Containers by their state, as `getPhase` counts them.
#[derive(Default)]
struct Counts {
    failed_init: usize,
    pending_init: usize,
    pending_sidecars: usize,
    /// This and all below count sidecars and app containers.
    running: usize,
    waiting: usize,
    stopped: usize,
    succeeded: usize,
}

impl Counts {
    fn add(&mut self, c: &Container) {
        let failed = |status: WaitStatus| usize::from(!status.success());
        match (c.kind, &c.state, c.last_exit) {
            (ContainerKind::Init, ContainerState::Terminated { status, .. }, _) => self.failed_init += failed(*status),
            (ContainerKind::Init, ContainerState::Waiting { .. }, Some(status)) => self.failed_init += failed(status),
            (ContainerKind::Init, ..) => self.pending_init += 1,
            (ContainerKind::App | ContainerKind::Sidecar, ContainerState::Running { .. }, _) => self.running += 1,
            // ended sidecars do not count, and ephemeral containers never do
            (ContainerKind::Ephemeral, ..)
            | (ContainerKind::Sidecar, ContainerState::Terminated { .. }, _)
            | (ContainerKind::Sidecar, ContainerState::Waiting { .. }, Some(_)) => {}
            (ContainerKind::Sidecar, ContainerState::Waiting { .. }, None) => {
                self.pending_sidecars += 1;
                self.waiting += 1;
            }
            (ContainerKind::App, ContainerState::Terminated { status, .. }, _) => {
                self.stopped += 1;
                self.succeeded += usize::from(status.success());
            }
            (ContainerKind::App, ContainerState::Waiting { .. }, Some(_)) => self.stopped += 1,
            (ContainerKind::App, ContainerState::Waiting { .. }, None) => self.waiting += 1,
        }
    }
}

/// The reason for waiting before the program is first started (`convertToAPIContainerStatuses` in
/// pkg/kubelet/kubelet_pods.go).
pub(super) const fn not_started(spec: &PodSpec) -> WaitingReason {
    if spec.init_containers.is_empty() { WaitingReason::ContainerCreating } else { WaitingReason::PodInitializing }
}
