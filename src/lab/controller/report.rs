//! Events with the kubelet's reasons and messages, and the initial status of containers.

use super::status::not_started;
use super::{Decision, PodState};
use crate::lab::spec::{ContainerSpec, PidNamespace, PodSpec, StartFacts, image_name, stand_in_images};
use crate::model::{
    BackOff, Container, ContainerKind, ContainerState, EventKind, EventReason, MembersFate, Pod, PodEvent, Program,
    SandboxEnd, SandboxKind, Stamp, WaitStatus, WaitingReason,
};

pub(super) const SANDBOX_CHANGED: &str = "Pod sandbox changed, it will be killed and re-created.";

impl PodState {
    pub(super) fn normal(&self, d: &mut Decision, reason: EventReason, message: String, at: Stamp) {
        self.event(d, EventKind::Normal, reason, message, at);
    }

    pub(super) fn warning(&self, d: &mut Decision, reason: EventReason, message: String, at: Stamp) {
        self.event(d, EventKind::Warning, reason, message, at);
    }

    fn event(&self, d: &mut Decision, kind: EventKind, reason: EventReason, message: String, at: Stamp) {
        d.events.push(PodEvent { pod: self.pod.uid.clone(), kind, reason, message, at });
    }

    /// Sets the state and reports the event of a container that waits for its back-off.
    pub(super) fn backing_off(&mut self, name: &str, delay_ms: u64, unstarted: bool, at: Stamp, d: &mut Decision) {
        let pod = format!("{}_{}({})", self.spec.name, self.spec.namespace, self.pod.uid);
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.warning(d, EventReason::BackOff, message, at);
        // the reason why it cannot be started is more helpful than its back-off
        if unstarted {
            return;
        }
        let back_off = BackOff { kubelet_ms: delay_ms, clock: self.clock.times() };
        let mut message = format!("back-off {} restarting failed container={name} pod={pod}", go_duration(delay_ms));
        if back_off.clock > 1 {
            let lab = back_off.lab_ns() as f64 / 1e9;
            message = format!("{message}; the lab's clock runs ×{}: {lab} s", back_off.clock);
        }
        let (reason, message, back_off) = (WaitingReason::CrashLoopBackOff, Some(message), Some(back_off));
        self.set_state(name, ContainerState::Waiting { reason, message, back_off });
    }

    /// Reports that the pod is published on other host ports than it asked for.
    pub(super) fn ports_moved(&mut self, to: &[u16], at: Stamp, d: &mut Decision) {
        let mut messages = Vec::new();
        for ((host, inside), new) in self.pod.host_ports.iter_mut().zip(to).filter(|((host, _), new)| host != *new) {
            messages.push(format!("Host port {host} is taken: 127.0.0.1:{new} leads to port {inside} in its place"));
            *host = *new;
        }
        for message in messages {
            self.normal(d, EventReason::HostPortMoved, message, at);
        }
    }

    /// The end of the sandbox with this status, and what it means for the containers.
    pub(super) fn sandbox_end(&self, status: WaitStatus) -> SandboxEnd {
        let container = match &self.spec.sandbox {
            SandboxKind::Infra(name) => Some(name.clone()),
            _ => None,
        };
        let inside = |c: &&Container| self.spec.pid_namespace(&c.name) == PidNamespace::Pod;
        let members = match self.pod.containers.iter().filter(inside).count() {
            0 if self.pod.containers.is_empty() => MembersFate::NoMembers,
            0 => MembersFate::Stopped,
            n if n == self.pod.containers.len() => MembersFate::Killed,
            _ => MembersFate::SomeKilled,
        };
        SandboxEnd { container, status, members }
    }
}

/// Formats a duration as Go does: `10s`, `1m20s`, `5m0s`.
fn go_duration(ms: u64) -> String {
    let s = ms / 1000;
    if s < 60 { format!("{s}s") } else { format!("{}m{}s", s / 60, s % 60) }
}

/// The reason of the event for a container that could not be started.
pub(super) fn failure_reason(reason: &WaitingReason) -> EventReason {
    if *reason == WaitingReason::ErrImageNeverPull { EventReason::ErrImageNeverPull } else { EventReason::Failed }
}

pub(super) fn statuses(spec: &PodSpec) -> Vec<Container> {
    let init = |c: &ContainerSpec| if c.sidecar { ContainerKind::Sidecar } else { ContainerKind::Init };
    let reason = not_started(spec);
    let inits = spec.init_containers.iter().map(|c| status(c, init(c), reason.clone()));
    let apps = spec.containers.iter().map(|c| status(c, ContainerKind::App, reason.clone()));
    let ephemeral = spec.ephemeral_containers.iter().map(|c| status(c, ContainerKind::Ephemeral, reason.clone()));
    inits.chain(apps).chain(ephemeral).collect()
}

/// `reason`: why it waits.
pub(super) fn status(spec: &ContainerSpec, kind: ContainerKind, reason: WaitingReason) -> Container {
    let (program, command) = program_and_command(spec);
    Container {
        name: spec.name.clone(),
        kind,
        image: spec.image.clone(),
        program,
        command,
        state: ContainerState::waiting(reason, None),
        process: None,
        restarts: Some(0),
        last_exit: None,
        last_message: None,
        stdin: spec.stdio.stdin,
        last_state: None,
        kill_at: None,
    }
}

fn program_and_command(spec: &ContainerSpec) -> (Program, Vec<String>) {
    let program = spec.program().unwrap_or(Program::Image);
    let mut command = spec.argv(&StartFacts::default());
    if let Program::StandIn(applet) = &program {
        command.insert(0, applet.clone());
    }
    (program, command)
}

/// Updates the displayed image, program and command after the spec has changed.
pub(super) fn refresh_command(pod: &mut Pod, spec: &PodSpec, name: &str) {
    let Some(new) = spec.container(name) else { return };
    if let Some(c) = pod.containers.iter_mut().find(|c| c.name == name) {
        c.image.clone_from(&new.image);
        (c.program, c.command) = program_and_command(new);
    }
}

/// Why a container has no program; `None` if it has one.
pub(super) fn missing_program(container: &ContainerSpec) -> Option<String> {
    if container.program().is_some() {
        return None;
    }
    let known: Vec<&str> = stand_in_images().collect();
    Some(format!(
        "no images are pulled and there is no stand-in for \"{}\"; stand-ins exist for {}; or give a `command` of the host",
        image_name(&container.image),
        known.join(", ")
    ))
}
