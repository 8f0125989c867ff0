//! Carries out the app's requests and the controller's actions.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::cgroups::MemberCgroup;
use super::event_loop::{Node, PodRun, Role, Running, Timer};
use super::leftovers::Remains;
use super::packages;
use super::pause_records::PauseRecords;
use super::process::Failure;
use super::{sandbox, termination, volumes};
use crate::lab::controller::{Action, Fact, PodState};
use crate::lab::protocol::{Answer, ExecStreams, LogPart, Report, Request, VERSION};
use crate::lab::spec::PidNamespace;
use crate::model::{
    Delta, EventKind, EventReason, ExecEnd, Member, MonoNs, NodeSignalTarget, Parent, Pod, PodEvent, PodUid, Signal,
    Stamp, WaitStatus,
};
use crate::procfs::Stat;
use crate::sys::fork::Child;
use crate::sys::limits::reason_of;
use crate::sys::random;

impl Node {
    pub(super) fn handle_request(&mut self, request: Request, fds: Vec<OwnedFd>) {
        match request {
            // these two are for the launcher only
            Request::Place { .. } | Request::Mapped(_) => {}
            Request::Hello { version } => self.should_stop |= version != VERSION,
            Request::Run { call, mut spec } => {
                let at = Self::now();
                let uid = match random::uuid() {
                    Ok(uuid) => PodUid(uuid),
                    Err(e) => {
                        return self.answer(call, Answer::Failed(format!("make a uid for the pod: {}", e.desc())));
                    }
                };
                // keep it in a file only: otherwise each copy of the spec would hold it as well
                if let Some(program) = spec.own_pause.take()
                    && let Err(e) = sandbox::write_own_pause(&uid, &program.0)
                {
                    return self.answer(call, Answer::Failed(format!("keep the pod's own pause: {}", reason_of(&e))));
                }
                let run = PodRun {
                    state: PodState::new(uid.clone(), *spec, self.clock, at),
                    holder: None,
                    ports: None,
                    ports_since: MonoNs(0),
                    ports_ending: None,
                    ports_wanted: false,
                    listeners: Vec::new(),
                    containers: HashMap::new(),
                    logs: HashMap::new(),
                    passed: HashMap::new(),
                    inputs: HashMap::new(),
                    remains: HashMap::new(),
                    ip: None,
                    sandbox: None,
                    records: PauseRecords::default(),
                };
                let pod = run.state.pod.clone();
                self.pods.insert(uid.clone(), run);
                self.answer(call, Answer::Accepted(uid.clone()));
                self.report_delta(Delta::Pod { pod: Box::new(pod), at });
                self.decide(&uid, Fact::Requested { node: super::NODE_NAME.to_owned() }, at);
            }
            Request::Replace { call, pod, mut spec, containers } => {
                // a running pod's pause cannot change
                spec.own_pause = None;
                if let Some(run) = self.pods.get(&pod) {
                    if !run.state.accepts_changes() {
                        let why = "it is over, or being deleted; start it again".to_owned();
                        return self.answer(call, Answer::Failed(why));
                    }
                    let updated = volumes::update(&pod, &run.state.spec, &spec);
                    self.answer(call, Answer::Done);
                    if let Err(e) = updated {
                        let message = format!("update its ConfigMap and Secret volumes: {}", reason_of(&e));
                        let (kind, reason) = (EventKind::Warning, EventReason::FailedMount);
                        let event = PodEvent { pod: pod.clone(), kind, reason, message, at: Self::now() };
                        self.report_delta(Delta::Event { event });
                    }
                    self.decide(&pod, Fact::Replaced { spec, containers }, Self::now());
                } else {
                    self.answer(call, Answer::NoSuchPod);
                }
            }
            Request::AddContainer { call, pod, container, ephemeral } => {
                let answer = self.add_container(&pod, *container, ephemeral);
                self.answer(call, answer);
            }
            Request::RemoveContainer { call, member, grace_ms } => {
                let answer = self.remove_container(&member, grace_ms);
                self.answer(call, answer);
            }
            Request::Spec { call, pod } => {
                let spec = self.pods.get(&pod).map(|run| Answer::Spec(Box::new(run.state.spec.clone())));
                self.answer(call, spec.unwrap_or(Answer::NoSuchPod));
            }
            Request::ChangeNamespaces { call, member, step } => {
                if let Err(answer) = self.order_hand(call, &member, step) {
                    self.answer(call, answer);
                }
            }
            Request::Bound { pod, result } => self.ports_bound(&pod, result, fds),
            Request::Delete { call, pod, grace_ms } => {
                if self.pods.contains_key(&pod) {
                    self.answer(call, Answer::Done);
                    self.decide(&pod, Fact::DeleteRequested { grace_ms }, Self::now());
                } else {
                    self.answer(call, Answer::NoSuchPod);
                }
            }
            Request::Exec { call, member, argv, timeout_ms, output } => {
                let record = output == ExecStreams::Record;
                if record {
                    self.record_exec_start(call, &member, &argv);
                }
                if let Err(answer) = self.exec(call, &member, argv, timeout_ms, output) {
                    if record {
                        self.record_exec_end(call, ExecEnd::NotStarted(answer.why_not_started()));
                    }
                    self.answer(call, answer);
                }
            }
            Request::CancelExec { call } => self.cancel_exec(call),
            Request::Attach { call, member, stdin, since: _, wait: true } => self.attach_later(call, member, stdin),
            Request::Attach { call, member, stdin, since, wait: false } => {
                if let Err(answer) = self.attach(call, member, stdin, since) {
                    self.answer(call, answer);
                }
            }
            Request::Detach { call, keep } => self.detach(call, keep),
            Request::Logs { call, member, which } => {
                let answer = match self.pods.get(&member.pod).map(|pod| pod.logs.get(&member.container)) {
                    Some(log) => {
                        match log.map_or_else(|| (which != LogPart::Previous).then(Vec::new), |log| log.of(which)) {
                            Some(bytes) => Answer::Logs { bytes },
                            // the API server's message
                            None => {
                                Answer::Failed(format!("previous terminated container \"{}\" not found", member.name()))
                            }
                        }
                    }
                    None => Answer::NoSuchPod,
                };
                self.answer(call, answer);
            }
        }
    }

    /// Lets the controller decide, reports what has changed and carries out the actions.
    pub(super) fn decide(&mut self, uid: &PodUid, fact: Fact, at: Stamp) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        let before: Pod = run.state.pod.clone();
        let decision = run.state.decide(fact, at);
        let changed = (run.state.pod != before).then(|| run.state.pod.clone());
        self.set_timer(decision.wake, Timer::Pod(uid.clone()));
        for event in decision.events {
            self.report_delta(Delta::Event { event });
        }
        if let Some(pod) = changed {
            self.report_delta(Delta::Pod { pod: Box::new(pod), at });
        }
        for action in decision.actions {
            self.perform(uid, action);
        }
    }

    fn perform(&mut self, uid: &PodUid, action: Action) {
        match action {
            Action::StartSandbox => self.prepare_sandbox(uid),
            Action::StartContainer(container) => {
                if let Err(Failure { reason, message }) = self.start_container(uid, &container) {
                    self.fail_clients_of(uid, &container, &message);
                    self.decide(uid, Fact::StartFailed { container, reason, message }, Self::now());
                }
            }
            Action::Signal { container, signal } => {
                if let Some(pid) = self.pods.get(uid).and_then(|run| run.pid_of(container.as_deref())) {
                    self.signal_child(pid, signal);
                }
            }
            Action::KillLeftovers(container) => self.end_leftovers(uid, &container),
            Action::ForgetContainer(container) => self.forget_container(uid, &container),
            Action::ReleaseSandbox => self.release_sandbox(uid),
            Action::Remove => {
                self.set_timer(None, Timer::Pod(uid.clone()));
                self.release_sandbox(uid);
                self.unwatch_pod(uid);
                self.forget_recorded(uid);
                self.detach_pod(uid);
                self.pods.remove(uid);
                self.end_pod(uid.clone());
            }
        }
    }

    /// Releases the sandbox's address and ends the process that publishes its host ports.
    pub(super) fn release_sandbox(&mut self, uid: &PodUid) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        run.listeners.clear();
        run.ports_wanted = false;
        let (ip, ports) = (run.ip.take(), run.ports.take());
        run.ports_ending = ports.or(run.ports_ending);
        if let Some(ip) = ip.filter(|ip| *ip != self.network.gateway()) {
            self.network.release(ip);
        }
        if let Some(pid) = ports {
            self.signal_child(pid, Signal::KILL);
        }
    }

    /// Signals a child of the node that has not been reaped, so its pid cannot belong to another process. Reports it,
    /// since nothing else tells who sent a signal.
    pub(super) fn signal_child(&mut self, pid: i32, signal: Signal) {
        let Some(id) = self.children.get(&pid).map(|child| child.id) else { return };
        let Ok(number) = nix::sys::signal::Signal::try_from(signal.0) else { return };
        let at = Self::now();
        if kill(Pid::from_raw(pid), number).is_ok() {
            self.report_delta(Delta::NodeSignalled { to: NodeSignalTarget::Process(id), signal, at });
        }
    }

    /// Registers a new child and reports its start, before any wait can have reaped it.
    pub(super) fn register_child(
        &mut self,
        child: Child,
        role: Role,
        member: Option<Member>,
        mark: Option<u64>,
    ) -> std::io::Result<crate::model::ProcId> {
        let at = Self::now();
        let id = self.host.of_pidfd(&child.pidfd).inspect_err(|_| {
            // no process may run that the app does not know
            let _ = kill(Pid::from_raw(child.pid), nix::sys::signal::Signal::SIGKILL);
        })?;
        self.report_delta(Delta::Born { id, parent: Parent::Process(self.own_id), at });
        if let Some(member) = member {
            self.report_delta(Delta::Joined { id, member, at });
        }
        self.children.insert(child.pid, Running { id, role, pidfd: child.pidfd, starting: None, mark, cgroup: None });
        Ok(id)
    }

    /// Stores and reports the cgroup that a child was started in.
    pub(super) fn set_child_cgroup(&mut self, pid: i32, member: Member, cgroup: Option<MemberCgroup>) {
        let (Some(child), Some(leaf)) = (self.children.get_mut(&pid), cgroup) else { return };
        let path = Some(leaf.path.clone());
        child.cgroup = Some(leaf);
        self.report_delta(Delta::Cgroup { member, path, at: Self::now() });
    }

    /// Handles that a child's program runs: exec has closed the error pipe.
    pub(super) fn child_started(&mut self, pid: i32) {
        let at = Self::now();
        let Some(child) = self.children.get_mut(&pid) else { return };
        child.starting = None;
        match child.role.clone() {
            Role::Container(uid, container) => {
                self.infra_started(&uid, pid, at);
                self.decide(&uid, Fact::Started { container }, at);
            }
            Role::Pause(uid) => self.sandbox_started(&uid, at),
            Role::Exec(_) | Role::Ports(_) | Role::Removal(_) => {}
        }
    }

    /// Reports the sandbox as started if this container takes pause's place.
    fn infra_started(&mut self, uid: &PodUid, pid: i32, at: Stamp) {
        if self.pods.get(uid).is_some_and(|run| run.holder == Some(pid)) {
            self.sandbox_started(uid, at);
        }
    }

    pub(super) fn child_not_started(&mut self, pid: i32, failure: Failure) {
        let at = Self::now();
        // a missing program may be installed before the next attempt
        packages::refresh(&self.rootfs.parts);
        let Some(child) = self.children.get_mut(&pid) else { return };
        child.starting = None;
        match child.role.clone() {
            Role::Container(uid, container) => {
                self.infra_started(&uid, pid, at);
                let Failure { reason, message } = failure;
                self.fail_clients_of(&uid, &container, &message);
                self.decide(&uid, Fact::StartFailed { container, reason, message }, at);
            }
            Role::Exec(call) => {
                if let Some(session) = self.sessions.get_mut(&call) {
                    session.failure = Some(failure);
                }
            }
            Role::Pause(uid) => {
                self.forget_holder(&uid, pid);
                self.release_sandbox(&uid);
                self.decide(&uid, Fact::SandboxFailed { message: failure.message }, at);
            }
            Role::Ports(_) | Role::Removal(_) => {}
        }
    }

    /// Handles bytes from pause's report pipe.
    pub(super) fn pause_report(&mut self, uid: &PodUid, bytes: &[u8]) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        let Some(pause) = run.state.pod.sandbox.as_ref().and_then(|s| s.process) else { return };
        for record in run.records.add(bytes) {
            let at = MonoNs(record.monotonic_ns);
            if record.dropped > 0 {
                self.report(&Report::PauseDropped { pause, count: record.dropped, at });
            }
            let (pid_in_pod, status) = (record.pid as u32, WaitStatus(record.status));
            self.report(&Report::PauseReaped { pause, pid_in_pod, status, at });
        }
    }

    /// Forgets the pod's holder if this pid is still the holder. Returns whether it was.
    pub(super) fn forget_holder(&mut self, uid: &PodUid, pid: i32) -> bool {
        self.pods.get_mut(uid).is_some_and(|run| run.holder.take_if(|holder| *holder == pid).is_some())
    }

    pub(super) fn container_ended(
        &mut self,
        uid: &PodUid,
        container: &str,
        pid: i32,
        status: WaitStatus,
        remains: Remains,
        at: Stamp,
    ) {
        let held = self.forget_holder(uid, pid);
        self.attached_ended(uid, container, status);
        let oom_killed = remains.cgroup.as_ref().is_some_and(MemberCgroup::ran_out_of_memory);
        let Some(run) = self.pods.get_mut(uid) else { return };
        run.remains.insert(container.to_owned(), remains);
        run.containers.remove(container);
        run.inputs.remove(container);
        let pid_shared = run.state.spec.pid_namespace(container) == PidNamespace::Pod;
        let target = match run.state.spec.pid_namespace(container) {
            PidNamespace::Of(target) => Some(target.to_owned()),
            _ => None,
        };
        // when pause exits, the kernel kills the members before pause can be reaped: do not restart them there
        let sandbox_ending = held || (pid_shared && run.holder.is_some_and(is_exiting));
        // the same for a container in the pid namespace of another one
        let target = target.filter(|target| run.containers.get(target).is_some_and(|pid| is_exiting(*pid)));
        let message = termination::message(run, uid, container, status);
        if let Some(container) = target {
            self.decide(uid, Fact::Ending { container }, at);
        }
        self.decide(
            uid,
            Fact::Ended { container: container.to_owned(), status, sandbox_ending, oom_killed, message },
            at,
        );
        // the controller did not ask to kill the leftovers
        if let Some(remains) = self.pods.get_mut(uid).and_then(|run| run.remains.remove(container)) {
            self.remove_member_cgroup(uid, &remains);
        }
        if held {
            self.decide(uid, Fact::SandboxEnded { status }, at);
        }
    }

    pub(super) fn remove_member_cgroup(&mut self, uid: &PodUid, remains: &Remains) {
        if let Some(leaf) = &remains.cgroup {
            self.cgroups.remove(uid, leaf);
        }
    }
}

/// Whether a process of the lab has begun to exit.
pub(super) fn is_exiting(pid: i32) -> bool {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok().and_then(|text| Stat::parse(&text));
    stat.is_none_or(|stat| stat.is_exiting())
}
