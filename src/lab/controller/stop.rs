//! Stopping: TERM, the grace period, KILL; sidecars after the others, the last first; pause at the end.

use super::run::{Stop, at_least};
use super::{Action, After, Course, Decision, Holder, PodState};
use crate::model::{ContainerKind, MonoNs, SandboxKind, Signal, Stamp};

impl PodState {
    pub(super) fn grace_end(&self, at: MonoNs, grace_ms: Option<u64>) -> MonoNs {
        // a grace period is part of the pod and never scaled
        let ms = grace_ms.unwrap_or(u64::from(self.spec.grace_seconds) * 1000);
        at.plus(ms.saturating_mul(1_000_000))
    }

    /// All containers stop. Asked again, it happens sooner if that is what is asked, never later.
    pub(super) fn stop_all(&mut self, at: MonoNs, grace_ms: Option<u64>, then: After) {
        let mut deadline = self.grace_end(at, grace_ms);
        if let Course::Stop { deadline: before, .. } = self.course {
            deadline = deadline.min(before);
        }
        for stop in self.runs.values_mut().filter_map(|r| r.stop.as_mut()) {
            stop.press(deadline, at);
        }
        self.course = Course::Stop { deadline, then };
    }

    /// Sidecars stop, then the sandbox: a kubelet keeps none for a pod of which nothing runs and nothing is to be started
    /// (`computePodActions` sets `KillPod` where it has nothing to keep and nothing to start).
    pub(super) fn finish(&mut self, at: Stamp, d: &mut Decision) {
        let left_behind = self.runs.values().any(|r| r.leftovers);
        let deadline = self.grace_end(at.t, None);
        self.stop_ephemeral(deadline, at, d);
        let looked_into = self.runs.values().any(|r| r.kind == ContainerKind::Ephemeral && r.live);
        if self.stop_sidecars(deadline, at, d) && !looked_into && !left_behind {
            self.stop_all(at.t, None, After::Over);
            self.wind_down(at.t, After::Over, at, d);
        }
    }

    /// Whether a change of its containers would have an effect.
    pub fn takes_changes(&self) -> bool {
        matches!(self.course, Course::Run | Course::Stop { then: After::NewSandbox, .. })
    }

    pub(super) fn wind_down(&mut self, deadline: MonoNs, then: After, at: Stamp, d: &mut Decision) {
        // when pause goes, the kernel ends the others: nothing to be told to anybody
        if self.holder == Holder::Ending {
            return;
        }
        let mains: Vec<String> = self.live_names(|k| k != ContainerKind::Sidecar);
        for name in &mains {
            self.stop_one(name, deadline, true, at, d);
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
            After::Remove => {
                self.course = Course::Removed;
                d.actions.push(Action::Remove);
            }
            After::Over => self.course = Course::Over,
            After::NewSandbox => {
                self.course = Course::Run;
                self.runs.values_mut().for_each(super::run::Run::new_sandbox);
                self.await_sandbox();
                self.go_on(at, d);
            }
        }
    }

    /// One at a time, the last first. Whether all have ended.
    pub(super) fn stop_sidecars(&mut self, deadline: MonoNs, at: Stamp, d: &mut Decision) -> bool {
        let names = self.live_names(|k| k == ContainerKind::Sidecar);
        let Some(last) = names.last() else { return true };
        self.stop_one(last, deadline, true, at, d);
        false
    }

    /// Whoever was told to end and has used up its time.
    pub(super) fn press(&mut self, at: Stamp, d: &mut Decision) {
        for (name, run) in &mut self.runs {
            if let Some(stop) = run.stop.as_mut().filter(|s| !s.killed && s.kill_at <= at.t) {
                stop.killed = true;
                d.actions.push(Action::Signal { container: Some(name.clone()), signal: Signal::KILL });
            }
        }
    }

    /// Containers whose command has changed.
    pub(super) fn stop_replaced(&mut self, at: Stamp, d: &mut Decision) {
        let kill_at = self.grace_end(at.t, None);
        let names: Vec<String> =
            self.runs.iter().filter(|(_, r)| r.replace && r.live).map(|(name, _)| name.clone()).collect();
        for name in names {
            // why has been told
            self.stop_one(&name, kill_at, false, at, d);
        }
    }

    /// They end with the others when the pod is over.
    pub(super) fn stop_ephemeral(&mut self, deadline: MonoNs, at: Stamp, d: &mut Decision) {
        for name in self.live_names(|k| k == ContainerKind::Ephemeral) {
            self.stop_one(&name, deadline, true, at, d);
        }
    }

    /// TERM now, and KILL at the deadline.
    pub(super) fn stop_one(&mut self, name: &str, deadline: MonoNs, tell: bool, at: Stamp, d: &mut Decision) {
        let Some(run) = self.runs.get_mut(name) else { return };
        if run.stop.is_some() {
            return;
        }
        run.stop = Some(Stop { kill_at: at_least(deadline, at.t), killed: false });
        d.actions.push(Action::Signal { container: Some(name.to_owned()), signal: Signal::TERM });
        if tell {
            self.normal(d, "Killing", format!("Stopping container {name}"), at);
        }
    }

    /// In the order of the spec.
    fn live_names(&self, wanted: impl Fn(ContainerKind) -> bool) -> Vec<String> {
        let live = |name: &str| self.runs.get(name).is_some_and(|r| r.live);
        self.pod.containers.iter().filter(|c| wanted(c.kind) && live(&c.name)).map(|c| c.name.clone()).collect()
    }
}
