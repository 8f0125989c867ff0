//! Pods, in the terms of Kubernetes.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    BackOff, EventReason, Manifest, MonoNs, NotRunning, PodMessage, PodReason, PodUid, ProcId, Stamp, TerminatedReason,
    WaitStatus, WaitingReason,
};

/// The engine that runs the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Runtime {
    #[serde(rename = "lab")]
    Lab,
    #[serde(rename = "docker")]
    Docker,
    #[serde(rename = "podman")]
    Podman,
    #[serde(rename = "containerd")]
    Containerd,
    #[serde(rename = "cri-o")]
    CriO,
    #[serde(rename = "unknown")]
    Unknown,
}

impl Runtime {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Unknown => "unknown engine",
        }
    }
}

/// `status.phase` of a Pod (pod-lifecycle in the Kubernetes documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// What holds the pod's namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxKind {
    /// The standard pause, which reaps.
    Pause,
    /// pause as it was before image 3.1 of Kubernetes 1.8: it does not reap, so zombies stay.
    PauseNoReap,
    /// pause that waits this many milliseconds before each reap.
    PauseDelay(u32),
    /// No pause: this container holds the namespaces.
    Infra(String),
    /// The executable of pause is missing, so no sandbox can be created.
    Missing,
    /// A pause that is not Podscope's: a program that the user brought, from this file, or the image of another engine.
    /// Its behaviour is not known, and it reports no reaps.
    Own(String),
}

/// pause and the namespaces it holds. When it ends, the next attempt creates another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// How many sandboxes the pod had before; `None` where the engine does not tell.
    pub attempt: Option<u32>,
    pub kind: SandboxKind,
    pub process: Option<ProcId>,
    pub started: Stamp,
    pub ended: Option<Stamp>,
}

/// Where a container's program comes from. No image is ever pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A bundled applet of this name that stands in for the image.
    StandIn(String),
    /// A program of the host, as `command` names it.
    Host,
    /// The program of an image that another engine pulled.
    Image,
}

/// `status.containerStatuses[].state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    Waiting {
        reason: WaitingReason,
        message: Option<String>,
        /// How long it waits; `None` if it does not wait for a time. `message` says the same in a kubelet's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        back_off: Option<BackOff>,
    },
    Running {
        since: Stamp,
    },
    /// `message` is the termination message: what it wrote to `terminationMessagePath`, or the end of its log.
    Terminated {
        status: WaitStatus,
        reason: TerminatedReason,
        message: Option<String>,
        /// When its program started; `None` if that is not known.
        #[serde(default)]
        started: Option<Stamp>,
        at: Stamp,
    },
}

impl ContainerState {
    /// A container that waits, and not for its back-off.
    pub const fn waiting(reason: WaitingReason, message: Option<String>) -> Self {
        Self::Waiting { reason, message, back_off: None }
    }

    /// The state in one word: `Running`, or the reason.
    pub fn word(&self) -> &str {
        match self {
            Self::Waiting { reason, .. } => reason.as_str(),
            Self::Terminated { reason, .. } => reason.as_str(),
            Self::Running { .. } => "Running",
        }
    }

    /// Why it does not run; `None` if it runs.
    pub fn why_not_running(&self) -> Option<NotRunning> {
        match self {
            Self::Running { .. } => None,
            Self::Waiting { reason, .. } => Some(NotRunning::Waiting(reason.clone())),
            Self::Terminated { status, reason: TerminatedReason::Unspecified, .. } => Some(match status.signal() {
                Some(n) => NotRunning::Signal(n),
                None => NotRunning::ExitCode(status.code()),
            }),
            Self::Terminated { reason, .. } => Some(NotRunning::Terminated(reason.clone())),
        }
    }
}

/// `spec.restartPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    /// Whether a container that ended with this status is started again.
    pub fn restarts(self, status: WaitStatus) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => !status.success(),
            Self::Never => false,
        }
    }
}

/// What a container is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerKind {
    #[default]
    App,
    /// Runs to its end before the next container starts.
    Init,
    /// An init container with `restartPolicy: Always`; runs beside the app containers.
    Sidecar,
    /// Added to the running pod for debugging (`kubectl debug`); never restarted.
    Ephemeral,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: String,
    pub kind: ContainerKind,
    pub image: String,
    pub program: Program,
    /// What is started: the applet with its arguments, or `command` and `args`.
    pub command: Vec<String>,
    /// Its standard input is open to clients that attach (`stdin`).
    #[serde(default)]
    pub stdin: bool,
    pub state: ContainerState,
    pub process: Option<ProcId>,
    /// `None` where the engine does not tell.
    pub restarts: Option<u32>,
    pub last_exit: Option<WaitStatus>,
    /// The termination message of the run that ended last (`lastState.terminated.message`).
    pub last_message: Option<String>,
    /// `lastState`: how the run before this one ended, [`ContainerState::Terminated`].
    #[serde(default)]
    pub last_state: Option<ContainerState>,
    /// When it gets KILL unless it has ended by then. It has been sent TERM; `None` if it has not, or if KILL was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_at: Option<MonoNs>,
}

impl Sandbox {
    /// The number of this sandbox, from 1; `None` where the engine does not tell.
    pub fn number(&self) -> Option<u32> {
        Some(self.attempt?.saturating_add(1))
    }
}

impl Container {
    /// Sets its state. A state that is `Terminated` becomes its last state.
    pub fn enter(&mut self, state: ContainerState) {
        let before = std::mem::replace(&mut self.state, state);
        if matches!(before, ContainerState::Terminated { .. }) {
            self.last_state = Some(before);
        }
    }

    /// The time since which its program runs; `None` if it does not run.
    pub const fn running_since(&self) -> Option<Stamp> {
        match self.state {
            ContainerState::Running { since } => Some(since),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub uid: PodUid,
    pub name: String,
    pub runtime: Runtime,
    pub phase: Phase,
    /// What `kubectl get pod` shows instead of the phase, and why.
    pub reason: Option<PodReason>,
    pub message: Option<PodMessage>,
    pub ip: Option<IpAddr>,
    /// Containers are in the sandbox's pid namespace: all by `shareProcessNamespace`, or those that joined it.
    pub share_pid: bool,
    /// `None` where it is not known, or where each container has its own, as with docker.
    pub restart: Option<RestartPolicy>,
    pub sandbox: Option<Sandbox>,
    pub containers: Vec<Container>,
    /// `hostNetwork`: it uses the node's network namespace.
    pub host_network: bool,
    /// Forwarded ports: a port of the host's loopback, and the port of the pod that it leads to.
    pub host_ports: Vec<(u16, u16)>,
    /// Names of its volumes.
    pub volumes: Vec<String>,
    /// `None` where it is not known, as for pods that another engine runs.
    #[serde(default)]
    pub manifest: Option<Arc<Manifest>>,
    pub created: Stamp,
}

impl Pod {
    /// Whether the lab runs it, and no other engine.
    pub fn is_of_lab(&self) -> bool {
        self.runtime == Runtime::Lab
    }

    /// The restarts of all containers; `None` if those of one are not known.
    pub fn restarts(&self) -> Option<u32> {
        self.containers.iter().try_fold(0_u32, |all, c| Some(all.saturating_add(c.restarts?)))
    }

    /// Whether the pod's restart policy starts a container again that ends with this status. `false` also where the
    /// policy is not known.
    pub fn restarts_after(&self, status: WaitStatus) -> bool {
        self.restart.is_some_and(|policy| policy.restarts(status))
    }

    /// What STATUS shows: the reason if there is one, else the phase.
    pub fn status(&self) -> Cow<'_, str> {
        self.reason.as_ref().map_or(self.phase.name().into(), PodReason::word)
    }

    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|c| c.name == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum EventKind {
    Normal,
    Warning,
}

/// An event as `kubectl describe pod` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodEvent {
    pub pod: PodUid,
    pub kind: EventKind,
    pub reason: EventReason,
    pub message: String,
    pub at: Stamp,
}
