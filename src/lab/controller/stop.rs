//! Stopping a pod: TERM, grace period, KILL. Sidecars stop after the other containers, the last one first; pause ends
//! last.

use super::run::{Stop, with_minimum_grace};
use super::{Action, AfterStop, Decision, Holder, PodGoal, PodState};
use crate::model::{ContainerKind, EventReason, MonoNs, SandboxKind, Signal, Stamp};

impl PodState {
    pub(super) fn grace_deadline(&self, at: MonoNs, grace_ms: Option<u64>) -> MonoNs {
        // a grace period is part of the pod and never scaled
        let ms = grace_ms.unwrap_or(u64::from(self.spec.grace_seconds) * 1000);
        at.plus(ms.saturating_mul(1_000_000))
    }

    /// Stops all containers. A second request can only bring the deadline forward.
    pub(super) fn stop_all(&mut self, at: MonoNs, grace_ms: Option<u64>, then: AfterStop) {
        let mut deadline = self.grace_deadline(at, grace_ms);
        if let PodGoal::Stop { deadline: before, .. } = self.goal {
            deadline = deadline.min(before);
        }
        for stop in self.runs.values_mut().filter_map(|r| r.stop.as_mut()) {
            stop.shorten(deadline, at);
        }
        self.goal = PodGoal::Stop { deadline, then };
    }

    /// Stops ephemeral containers and sidecars, then the sandbox: a kubelet keeps no sandbox for a pod in which nothing
    /// runs and nothing is to be started (`computePodActions` sets `KillPod` if there is nothing to keep and nothing to
    /// start).
    pub(super) fn finish(&mut self, at: Stamp, d: &mut Decision) {
        let has_leftovers = self.runs.values().any(|r| r.leftovers);
        let deadline = self.grace_deadline(at.t, None);
        self.stop_ephemeral(deadline, at, d);
        let has_ephemeral = self.runs.values().any(|r| r.kind == ContainerKind::Ephemeral && r.live);
        if self.stop_sidecars(deadline, at, d) && !has_ephemeral && !has_leftovers {
            self.stop_all(at.t, None, AfterStop::Over);
            self.advance_stop(at.t, AfterStop::Over, at, d);
        }
    }

    /// Whether a change of the pod's containers would have an effect.
    pub fn accepts_changes(&self) -> bool {
        matches!(self.goal, PodGoal::Run | PodGoal::Stop { then: AfterStop::NewSandbox, .. })
    }

    pub(super) fn advance_stop(&mut self, deadline: MonoNs, then: AfterStop, at: Stamp, d: &mut Decision) {
        // when pause ends, the kernel ends the others: no signal is needed
        if self.holder == Holder::Ending {
            return;
        }
        let mains: Vec<String> = self.live_names(|k| k != ContainerKind::Sidecar);
        for name in &mains {
            self.stop_container(name, deadline, true, at, d);
        }
        if !mains.is_empty() || !self.stop_sidecars(deadline, at, d) {
            return;
        }
        if self.holder_lives() {
            let infra = matches!(self.spec.sandbox, SandboxKind::Infra(_));
            if !infra && !std::mem::replace(&mut self.holder_killed, true) {
                d.actions.push(Action::Signal { container: None, signal: Signal::KILL });
            }
            return;
        }
        if self.holder == Holder::Dead {
            self.pod.ip = None;
            d.actions.push(Action::ReleaseSandbox);
        }
        self.holder = Holder::Absent { retry: None };
        match then {
            AfterStop::Remove => {
                self.goal = PodGoal::Removed;
                d.actions.push(Action::Remove);
            }
            AfterStop::Over => self.goal = PodGoal::Over,
            AfterStop::NewSandbox => {
                self.goal = PodGoal::Run;
                self.runs.values_mut().for_each(super::run::Run::new_sandbox);
                self.set_waiting_for_sandbox();
                self.advance_run(at, d);
            }
        }
    }

    /// Stops the sidecars one at a time, the last one first. Returns whether all have ended.
    pub(super) fn stop_sidecars(&mut self, deadline: MonoNs, at: Stamp, d: &mut Decision) -> bool {
        let names = self.live_names(|k| k == ContainerKind::Sidecar);
        let Some(last) = names.last() else { return true };
        self.stop_container(last, deadline, true, at, d);
        false
    }

    /// Sends KILL to containers whose grace period is over.
    pub(super) fn escalate_to_kill(&mut self, at: Stamp, d: &mut Decision) {
        for (name, run) in &mut self.runs {
            if let Some(stop) = run.stop.as_mut().filter(|s| !s.killed && s.kill_at <= at.t) {
                stop.killed = true;
                d.actions.push(Action::Signal { container: Some(name.clone()), signal: Signal::KILL });
            }
        }
    }

    /// Stops containers whose command has changed.
    pub(super) fn stop_replaced(&mut self, at: Stamp, d: &mut Decision) {
        let kill_at = self.grace_deadline(at.t, None);
        let names: Vec<String> =
            self.runs.iter().filter(|(_, r)| r.replace && r.live).map(|(name, _)| name.clone()).collect();
        for name in names {
            // the event with the reason has already been reported
            self.stop_container(&name, kill_at, false, at, d);
        }
    }

    /// Stops ephemeral containers, which end with the pod.
    pub(super) fn stop_ephemeral(&mut self, deadline: MonoNs, at: Stamp, d: &mut Decision) {
        for name in self.live_names(|k| k == ContainerKind::Ephemeral) {
            self.stop_container(&name, deadline, true, at, d);
        }
    }

    /// Sends TERM now, and KILL at the deadline. `with_event` reports an event.
    pub(super) fn stop_container(
        &mut self,
        name: &str,
        deadline: MonoNs,
        with_event: bool,
        at: Stamp,
        d: &mut Decision,
    ) {
        let Some(run) = self.runs.get_mut(name) else { return };
        if run.stop.is_some() {
            return;
        }
        run.stop = Some(Stop { kill_at: with_minimum_grace(deadline, at.t), killed: false });
        d.actions.push(Action::Signal { container: Some(name.to_owned()), signal: Signal::TERM });
        if with_event {
            self.normal(d, EventReason::Killing, format!("Stopping container {name}"), at);
        }
    }

    /// Names of live containers of the wanted kinds, in the order of the spec.
    fn live_names(&self, wanted: impl Fn(ContainerKind) -> bool) -> Vec<String> {
        let live = |name: &str| self.runs.get(name).is_some_and(|r| r.live);
        self.pod.containers.iter().filter(|c| wanted(c.kind) && live(&c.name)).map(|c| c.name.clone()).collect()
    }
}
