//! The kubelet's decisions in small: what follows from a fact about a pod. Pure, no I/O.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::spec::{ContainerSpec, PodSpec, image_name};
use crate::model::{
    Container, ContainerState, EventKind, Phase, Pod, PodEvent, PodUid, ProcId, Program, Runtime, Sandbox, Signal,
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
    /// It cannot be started.
    Unstartable {
        container: String,
        reason: String,
        message: String,
    },
    Ended {
        container: String,
        status: WaitStatus,
    },
    PauseEnded {
        status: WaitStatus,
    },
    /// Somebody wants it gone; `grace_ms` in place of the spec's own.
    DeleteRequested {
        grace_ms: Option<u64>,
    },
    /// The grace period is over.
    GraceOver,
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
    /// Report [`Fact::GraceOver`] after this time.
    ArmGrace {
        ms: u64,
    },
    /// End what the container left behind in the pod's pid namespace.
    KillLeftovers(String),
    /// Nothing of the sandbox lives any more: give back its address and network.
    ReleaseSandbox,
    /// Forget the pod and its volumes.
    Remove,
}

/// A pod, as it should be and as it is.
#[derive(Clone, Debug)]
pub struct PodState {
    pub spec: PodSpec,
    pub pod: Pod,
    /// Containers whose process has not been reaped.
    live: BTreeSet<String>,
    pause_lives: bool,
    released: bool,
    deleting: bool,
}

/// What [`PodState::decide`] comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub actions: Vec<Action>,
    pub events: Vec<PodEvent>,
}

impl PodState {
    pub fn new(uid: PodUid, spec: PodSpec, at: Stamp) -> Self {
        let pod = Pod {
            uid,
            name: spec.name.clone(),
            runtime: Runtime::Lab,
            phase: Phase::Pending,
            reason: None,
            message: None,
            ip: None,
            share_pid: spec.share_pid,
            sandbox: None,
            containers: spec.containers.iter().map(waiting).collect(),
            volumes: spec.volumes.iter().map(|v| v.name.clone()).collect(),
            created: at,
        };
        Self { spec, pod, live: BTreeSet::new(), pause_lives: false, released: true, deleting: false }
    }

    /// Takes a fact in and says what follows. The only way the pod's status changes.
    pub fn decide(&mut self, fact: Fact, at: Stamp) -> Decision {
        let mut d = Decision::default();
        match fact {
            Fact::Requested { node } => {
                let message = format!("Successfully assigned {}/{} to {node}", self.spec.namespace, self.spec.name);
                self.event(&mut d, EventKind::Normal, "Scheduled", message, at);
                d.actions.push(Action::StartSandbox);
            }
            Fact::SandboxStarted { process, ip } => self.sandbox_started(process, ip, at, &mut d),
            Fact::SandboxFailed { message } => {
                let message = format!("Failed to create pod sandbox: {message}");
                self.pod.reason = Some("FailedCreatePodSandBox".to_owned());
                self.pod.message = Some(message.clone());
                self.event(&mut d, EventKind::Warning, "FailedCreatePodSandBox", message, at);
                self.settle(&mut d);
            }
            Fact::Created { container, process } => {
                self.live.insert(container.clone());
                if let Some(c) = self.container_mut(&container) {
                    c.process = Some(process);
                }
                self.event(&mut d, EventKind::Normal, "Created", format!("Created container {container}"), at);
            }
            Fact::Started { container } => {
                if let Some(c) = self.container_mut(&container) {
                    c.state = ContainerState::Running { since: at };
                }
                self.event(&mut d, EventKind::Normal, "Started", format!("Started container {container}"), at);
                self.phase();
            }
            Fact::Unstartable { container, reason, message } => {
                if let Some(c) = self.container_mut(&container) {
                    c.state = ContainerState::Waiting { reason: reason.clone(), message: Some(message.clone()) };
                    c.process = None;
                }
                let kind = if reason == "ErrImageNeverPull" { reason.as_str() } else { "Failed" };
                self.event(&mut d, EventKind::Warning, kind, format!("Error: {message}"), at);
                self.phase();
            }
            Fact::Ended { container, status } => self.ended(&container, status, at, &mut d),
            Fact::PauseEnded { status } => self.pause_ended(status, at, &mut d),
            Fact::DeleteRequested { grace_ms } => self.delete(grace_ms, at, &mut d),
            Fact::GraceOver => {
                if self.deleting {
                    d.actions.extend(self.live.iter().map(|c| signal(c, Signal::KILL)));
                }
            }
        }
        d
    }

    fn sandbox_started(&mut self, process: ProcId, ip: IpAddr, at: Stamp, d: &mut Decision) {
        let attempt = self.pod.sandbox.as_ref().map_or(0, |s| s.attempt + 1);
        let kind = self.spec.pause.clone();
        self.pod.sandbox = Some(Sandbox { attempt, kind, process: Some(process), started: at, ended: None });
        self.pod.ip = Some(ip);
        self.pause_lives = true;
        self.released = false;
        for container in self.spec.containers.clone() {
            let Some(program) = container.program() else {
                let fact = Fact::Unstartable {
                    reason: "ErrImageNeverPull".to_owned(),
                    message: no_image(&container.image),
                    container: container.name,
                };
                let follow = self.decide(fact, at);
                d.actions.extend(follow.actions);
                d.events.extend(follow.events);
                continue;
            };
            let image = &container.image;
            let message = match program {
                Program::StandIn(applet) => {
                    format!("No image is pulled: the stand-in \"{applet}\" takes the place of \"{image}\"")
                }
                _ => format!("No image is pulled: the host's own files take the place of \"{image}\""),
            };
            self.event(d, EventKind::Normal, "Pulled", message, at);
            d.actions.push(Action::StartContainer(container.name));
        }
    }

    fn ended(&mut self, container: &str, status: WaitStatus, at: Stamp, d: &mut Decision) {
        self.live.remove(container);
        if let Some(c) = self.container_mut(container) {
            // one that could not be started keeps the reason why
            let unstartable = matches!(&c.state, ContainerState::Waiting { reason, .. } if reason != CREATING);
            if !unstartable {
                let reason = if status.success() { "Completed" } else { "Error" };
                c.state = ContainerState::Terminated { status, reason: reason.to_owned(), at };
                c.last_exit = Some(status);
            }
        }
        if self.pod.share_pid && self.pause_lives {
            d.actions.push(Action::KillLeftovers(container.to_owned()));
        }
        self.phase();
        self.settle(d);
    }

    fn pause_ended(&mut self, status: WaitStatus, at: Stamp, d: &mut Decision) {
        self.pause_lives = false;
        if let Some(sandbox) = &mut self.pod.sandbox {
            sandbox.ended = Some(at);
        }
        // one that died before the sandbox was up has been told as a sandbox that failed
        if !self.deleting && self.pod.sandbox.is_some() {
            let how = match status.signal() {
                Some(n) => format!("was killed by {}", Signal(n)),
                None => format!("ended with exit code {}", status.code()),
            };
            let then = if self.pod.share_pid {
                "the kernel took every member with it"
            } else {
                "its containers were stopped, since their network and IPC namespaces lost their holder"
            };
            self.pod.phase = Phase::Failed;
            self.pod.reason = Some("SandboxKilled".to_owned());
            self.pod.message = Some(format!("pause {how}; {then}"));
            // with a shared pid namespace all are dead by now: pause is reaped last (zap_pid_ns_processes)
            for container in self.live.clone() {
                self.event(d, EventKind::Normal, "Killing", format!("Stopping container {container}"), at);
                d.actions.push(signal(&container, Signal::KILL));
            }
        }
        self.settle(d);
    }

    fn delete(&mut self, grace_ms: Option<u64>, at: Stamp, d: &mut Decision) {
        let ms = grace_ms.unwrap_or(u64::from(self.spec.grace_seconds) * 1000);
        let first = !std::mem::replace(&mut self.deleting, true);
        self.pod.reason = Some("Terminating".to_owned());
        for container in self.live.clone() {
            if first {
                self.event(d, EventKind::Normal, "Killing", format!("Stopping container {container}"), at);
            }
            d.actions.push(signal(&container, if ms == 0 { Signal::KILL } else { Signal::TERM }));
        }
        if ms > 0 && !self.live.is_empty() {
            d.actions.push(Action::ArmGrace { ms });
        }
        self.settle(d);
    }

    /// What remains to be done once processes have gone.
    fn settle(&mut self, d: &mut Decision) {
        if !self.live.is_empty() {
            return;
        }
        if self.pause_lives {
            if self.deleting {
                d.actions.push(Action::Signal { container: None, signal: Signal::KILL });
            }
            return;
        }
        if !std::mem::replace(&mut self.released, true) {
            self.pod.ip = None;
            d.actions.push(Action::ReleaseSandbox);
        }
        if self.deleting {
            d.actions.push(Action::Remove);
        }
    }

    /// The phase that follows from the containers, as pod-lifecycle in the Kubernetes documentation
    /// has it for containers that are not restarted.
    fn phase(&mut self) {
        if self.pod.sandbox.as_ref().is_none_or(|s| s.ended.is_some()) {
            return;
        }
        let states = || self.pod.containers.iter().map(|c| &c.state);
        let ended = |s: &ContainerState| match s {
            ContainerState::Terminated { status, .. } => Some(status.success()),
            _ => None,
        };
        self.pod.phase = if states().any(|s| matches!(s, ContainerState::Waiting { .. })) {
            Phase::Pending
        } else if states().any(|s| ended(s).is_none()) {
            Phase::Running
        } else if states().all(|s| ended(s) == Some(true)) {
            Phase::Succeeded
        } else {
            Phase::Failed
        };
    }

    fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.pod.containers.iter_mut().find(|c| c.name == name)
    }

    fn event(&self, d: &mut Decision, kind: EventKind, reason: &str, message: String, at: Stamp) {
        d.events.push(PodEvent { pod: self.pod.uid.clone(), kind, reason: reason.to_owned(), message, at });
    }
}

/// The reason a container waits for before its program is started.
const CREATING: &str = "ContainerCreating";

fn waiting(spec: &ContainerSpec) -> Container {
    let program = spec.program().unwrap_or(Program::Image);
    let mut command = spec.argv();
    if let Program::StandIn(applet) = &program {
        command.insert(0, applet.clone());
    }
    Container {
        name: spec.name.clone(),
        image: spec.image.clone(),
        program,
        command,
        state: ContainerState::Waiting { reason: CREATING.to_owned(), message: None },
        process: None,
        restarts: 0,
        last_exit: None,
    }
}

fn signal(container: &str, signal: Signal) -> Action {
    Action::Signal { container: Some(container.to_owned()), signal }
}

fn no_image(image: &str) -> String {
    let known: Vec<&str> = super::spec::STAND_INS.iter().map(|(image, _)| *image).collect();
    format!(
        "no images are pulled and there is no stand-in for \"{}\"; stand-ins exist for {}; or give a `command` of the host",
        image_name(image),
        known.join(", ")
    )
}

#[cfg(test)]
mod tests;
