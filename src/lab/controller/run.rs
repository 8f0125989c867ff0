//! What the controller keeps of one container besides its status.

use super::backoff::Backoff;
use crate::lab::spec::RestartPolicy;
use crate::model::{ContainerKind, MonoNs, WaitStatus};

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub kind: ContainerKind,
    /// Asked to be started, or its process has not been reaped.
    pub live: bool,
    /// Its process has not been reaped.
    pub process: bool,
    /// Its program runs.
    pub running: bool,
    /// It was started at least once in the pod's life.
    pub ran: bool,
    /// The same in this sandbox.
    pub ran_here: bool,
    /// An init container that has done its work in this sandbox.
    pub done: bool,
    /// Its last program was started and has ended.
    pub ran_to_end: bool,
    /// Its last program could not be started.
    pub unstarted: bool,
    /// There is nothing to start it with, now or later.
    pub cannot_start: bool,
    /// What it has left behind is being ended.
    pub leftovers: bool,
    /// Its command has changed: it starts again, whatever the policy says.
    pub replace: bool,
    /// It is to be taken out of the pod, with so much time to end.
    pub removal: Option<Removal>,
    /// It is on its way out: nobody can join its pid namespace any more.
    pub ending: bool,
    pub exit: Option<WaitStatus>,
    pub finished: Option<MonoNs>,
    pub backoff: Backoff,
    /// When its back-off is over, if nothing else keeps it from being started.
    pub retry: Option<MonoNs>,
    /// The end of the back-off that was told of last.
    pub told: Option<MonoNs>,
    pub stop: Option<Stop>,
}

/// The grace period that was asked for; `None` is the spec's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    pub grace_ms: Option<u64>,
}

/// It was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub kill_at: MonoNs,
    pub killed: bool,
}

impl Stop {
    /// It has until then, but for the least that everyone gets; never longer than before.
    pub fn press(&mut self, deadline: MonoNs, now: MonoNs) {
        self.kill_at = self.kill_at.min(at_least(deadline, now));
    }
}

/// What every container gets, whatever is asked for: a kubelet has no grace period of 0. `killContainer` in
/// pkg/kubelet/kuberuntime/kuberuntime_container.go raises what is left of it, `gracePeriodOverride` included, to
/// `minimumGracePeriodInSeconds`, "to avoid unnecessary SIGKILLs".
const LEAST_MS: u64 = 2_000;

/// The deadline, or later if it is too soon.
pub(super) fn at_least(deadline: MonoNs, now: MonoNs) -> MonoNs {
    deadline.max(now.plus(LEAST_MS * 1_000_000))
}

impl Run {
    pub fn new(kind: ContainerKind) -> Self {
        Self {
            kind,
            live: false,
            process: false,
            running: false,
            ran: false,
            ran_here: false,
            done: false,
            ran_to_end: false,
            unstarted: false,
            cannot_start: false,
            leftovers: false,
            replace: false,
            removal: None,
            ending: false,
            exit: None,
            finished: None,
            backoff: Backoff::default(),
            retry: None,
            told: None,
            stop: None,
        }
    }

    pub fn starting(&mut self) {
        self.live = true;
        self.running = false;
        self.unstarted = false;
        self.replace = false;
    }

    /// Whether it had been started before.
    pub fn created(&mut self) -> bool {
        self.live = true;
        self.process = true;
        self.ran_here = true;
        self.unstarted = false;
        self.replace = false;
        std::mem::replace(&mut self.ran, true)
    }

    pub fn unstartable(&mut self, at: MonoNs) {
        self.unstarted = true;
        self.running = false;
        self.ran = true;
        self.ran_here = true;
        self.exit = None;
        self.finished = Some(at);
        // without a process nothing else is to come
        self.live = self.process;
    }

    /// Whether its program had not even been started.
    pub fn ended(&mut self, status: WaitStatus, at: MonoNs) -> bool {
        self.live = false;
        self.process = false;
        self.running = false;
        self.ending = false;
        self.stop = None;
        self.finished = Some(at);
        if self.unstarted {
            return true;
        }
        self.exit = Some(status);
        self.ran_to_end = true;
        self.done = self.kind == ContainerKind::Init && status.success();
        false
    }

    pub fn replace(&mut self) {
        self.replace = true;
        self.cannot_start = false;
        self.backoff = Backoff::default();
        if !self.live {
            self.finished = None;
        }
    }

    /// In a new sandbox everything starts anew, init containers too.
    pub fn new_sandbox(&mut self) {
        self.ran_here = false;
        self.done = false;
    }

    pub fn may_run_again(&self, policy: RestartPolicy) -> bool {
        if self.kind == ContainerKind::Ephemeral {
            return !self.ran;
        }
        if self.replace || !self.ran || self.kind == ContainerKind::Sidecar {
            return true;
        }
        // init containers run anew in every sandbox
        let again = self.kind == ContainerKind::Init && !self.ran_here;
        // one that could not be started has failed
        again || policy.restarts(self.exit.unwrap_or(WaitStatus::exited(1)))
    }

    pub fn next_due(&self) -> Option<MonoNs> {
        let kill = self.stop.filter(|s| !s.killed).map(|s| s.kill_at);
        kill.into_iter().chain(self.retry).min()
    }
}
