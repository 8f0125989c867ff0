//! What people see: the phase, and the word beside it.

use super::{After, Course, Holder, PodState};
use crate::lab::spec::RestartPolicy;
use crate::model::{Container, ContainerKind, ContainerState, Phase, SandboxKind, WaitStatus};

impl PodState {
    pub(super) fn derive_status(&mut self) {
        self.waiting_words();
        self.pod.phase = self.phase();
        self.pod.reason = self.word();
    }

    /// `getPhase` in pkg/kubelet/kubelet_pods.go.
    fn phase(&self) -> Phase {
        let of = |kind| self.pod.containers.iter().filter(move |c| c.kind == kind);
        let ended = |c: &Container| match &c.state {
            ContainerState::Terminated { status, .. } => Some(*status),
            // between two runs its last end counts
            ContainerState::Waiting { .. } => c.last_exit,
            ContainerState::Running { .. } => None,
        };
        let never_ran = |c: &Container| matches!(c.state, ContainerState::Waiting { .. }) && c.last_exit.is_none();
        for c in of(ContainerKind::Init) {
            let done = self.runs.get(&c.name).is_some_and(|r| r.done) || self.any_app_ran();
            if !done {
                let failed = ended(c).is_some_and(|s| !s.success());
                return if failed && self.spec.restart == RestartPolicy::Never {
                    Phase::Failed
                } else {
                    Phase::Pending
                };
            }
        }
        if of(ContainerKind::App).any(never_ran) {
            return Phase::Pending;
        }
        let all = of(ContainerKind::App).map(ended).collect::<Option<Vec<WaitStatus>>>();
        match (all, self.spec.restart) {
            (None, _) | (Some(_), RestartPolicy::Always) => Phase::Running,
            (Some(ends), _) if ends.iter().all(|s| s.success()) => Phase::Succeeded,
            (Some(_), RestartPolicy::Never) => Phase::Failed,
            (Some(_), RestartPolicy::OnFailure) => Phase::Running,
        }
    }

    fn any_app_ran(&self) -> bool {
        self.runs.values().any(|r| r.kind == ContainerKind::App && r.ran)
    }

    /// The word of `kubectl get pod` where it is not the phase (`printPod` in pkg/printers).
    fn word(&self) -> Option<String> {
        match self.course {
            Course::Stop { then: After::Remove, .. } => return Some("Terminating".to_owned()),
            Course::Stop { then: After::NewSandbox, .. } => return Some("SandboxChanged".to_owned()),
            _ => {}
        }
        if let (Holder::Absent { retry: Some(_) }, Course::Run) = (self.holder, self.course)
            && !matches!(self.spec.sandbox, SandboxKind::Infra(_))
        {
            return Some("FailedCreatePodSandBox".to_owned());
        }
        let inits: Vec<&Container> = self.pod.containers.iter().filter(|c| c.kind != ContainerKind::App).collect();
        for (i, c) in inits.iter().enumerate() {
            let did_its_work = matches!(&c.state, ContainerState::Terminated { status, .. } if status.success());
            if did_its_work || self.passed(c) {
                continue;
            }
            return Some(match &c.state {
                ContainerState::Terminated { status, reason, .. } => match (reason.as_str(), status.signal()) {
                    ("Error", Some(n)) => format!("Init:Signal:{n}"),
                    ("Error", None) => format!("Init:ExitCode:{}", status.code()),
                    (other, _) => format!("Init:{other}"),
                },
                ContainerState::Waiting { reason, .. } if reason != INITIALIZING && reason != CREATING => {
                    format!("Init:{reason}")
                }
                _ => format!("Init:{i}/{}", inits.len()),
            });
        }
        let apps = || self.pod.containers.iter().filter(|c| c.kind == ContainerKind::App);
        let running = apps().any(|c| matches!(c.state, ContainerState::Running { .. }));
        // the first container's word wins, as kubectl goes through them backwards
        let word = apps().find(|c| !matches!(c.state, ContainerState::Running { .. })).map(|c| c.state.word());
        match word {
            Some("Completed") if running => Some("NotReady".to_owned()),
            word => word.map(str::to_owned),
        }
    }

    /// Why those that have never run wait.
    fn waiting_words(&mut self) {
        let initializing = self.pod.containers.iter().any(|c| c.kind != ContainerKind::App && !self.passed(c));
        for i in 0..self.pod.containers.len() {
            let c = &self.pod.containers[i];
            let word = if initializing && c.kind == ContainerKind::App { INITIALIZING } else { CREATING };
            if let ContainerState::Waiting { reason, .. } = &self.pod.containers[i].state
                && (reason == INITIALIZING || reason == CREATING)
                && reason != word
            {
                self.pod.containers[i].state = waiting(word);
            }
        }
    }

    fn passed(&self, c: &Container) -> bool {
        self.runs.get(&c.name).is_some_and(|r| r.done || (c.kind == ContainerKind::Sidecar && r.running))
    }

    /// The pod is between two sandboxes: its containers wait for the next.
    pub(super) fn await_sandbox(&mut self) {
        for i in 0..self.pod.containers.len() {
            let c = &self.pod.containers[i];
            let again = self.runs.get(&c.name).is_some_and(|r| r.may_run_again(self.spec.restart) && !r.hopeless);
            if again && matches!(c.state, ContainerState::Terminated { .. }) {
                self.pod.containers[i].state = waiting(CREATING);
            }
        }
    }
}

/// The reason a container waits for before its program is started.
pub(super) const CREATING: &str = "ContainerCreating";
/// The same while init containers run.
const INITIALIZING: &str = "PodInitializing";

pub(super) fn waiting(reason: &str) -> ContainerState {
    ContainerState::Waiting { reason: reason.to_owned(), message: None }
}
