//! The controller's state of one container, besides its status.

use super::backoff::Backoff;
use crate::lab::spec::RestartPolicy;
use crate::model::{ContainerKind, MonoNs, WaitStatus};

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub kind: ContainerKind,
    /// Its start has been requested, or its process has not been reaped.
    pub live: bool,
    /// It has a process that has not been reaped.
    pub process: bool,
    /// Its program runs.
    pub running: bool,
    /// It was started at least once since the pod was created.
    pub ran: bool,
    /// It was started at least once in this sandbox.
    pub ran_here: bool,
    /// It is an init container that has succeeded in this sandbox.
    pub done: bool,
    /// Its last program was started and has ended.
    pub ran_to_end: bool,
    /// Its last program could not be started.
    pub unstarted: bool,
    /// It has no program, or its environment cannot be built. Only another manifest can change that.
    pub cannot_start: bool,
    /// Processes that it left behind are being ended.
    pub leftovers: bool,
    /// Its command has changed: it is restarted whatever the restart policy is.
    pub replace: bool,
    /// It is to be removed from the pod, with this grace period.
    pub removal: Option<Removal>,
    /// It is ending: no process can join its pid namespace any more.
    pub ending: bool,
    pub exit: Option<WaitStatus>,
    pub finished: Option<MonoNs>,
    pub backoff: Backoff,
    /// When its back-off is over, if it waits only for that.
    pub retry: Option<MonoNs>,
    /// The end of the back-off that was reported last.
    pub reported_backoff: Option<MonoNs>,
    pub stop: Option<Stop>,
}

/// The requested grace period; `None` means the spec's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    pub grace_ms: Option<u64>,
}

/// It was sent TERM, and gets KILL at `kill_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub kill_at: MonoNs,
    pub killed: bool,
}

impl Stop {
    /// Moves the deadline forward, but not below the minimum grace period; never back.
    pub fn shorten(&mut self, deadline: MonoNs, now: MonoNs) {
        self.kill_at = self.kill_at.min(with_minimum_grace(deadline, now));
    }
}

/// The minimum grace period of every container: a kubelet has no grace period of 0. `killContainer` in
/// pkg/kubelet/kuberuntime/kuberuntime_container.go raises the rest of the grace period, including
/// `gracePeriodOverride`, to `minimumGracePeriodInSeconds`, "to avoid unnecessary SIGKILLs".
const MIN_GRACE_MS: u64 = 2_000;

/// The deadline, or later if less than the minimum grace period is left.
pub(super) fn with_minimum_grace(deadline: MonoNs, now: MonoNs) -> MonoNs {
    deadline.max(now.plus(MIN_GRACE_MS * 1_000_000))
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
            reported_backoff: None,
            stop: None,
        }
    }

    pub fn starting(&mut self) {
        self.live = true;
        self.running = false;
        self.unstarted = false;
        self.replace = false;
    }

    /// Records that the process exists. Returns whether the container had been started before.
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
        // without a process no `Ended` follows
        self.live = self.process;
    }

    /// Records the end. Returns whether the program could not be started.
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

    /// In a new sandbox every container starts again, including init containers.
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
        // init containers run again in every sandbox
        let again = self.kind == ContainerKind::Init && !self.ran_here;
        // a container that could not be started has failed
        again || policy.restarts(self.exit.unwrap_or(WaitStatus::exited(1)))
    }

    pub fn next_due(&self) -> Option<MonoNs> {
        let kill = self.stop.filter(|s| !s.killed).map(|s| s.kill_at);
        kill.into_iter().chain(self.retry).min()
    }
}
