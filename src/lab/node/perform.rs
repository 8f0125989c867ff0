//! Requests and the controller's actions, carried out.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::birth::{self, Failure, Program, Start};
use super::engine::{Node, PodRun, Role, Running, Session, Timer, Watch};
use super::{sandbox, volumes, worker};
use crate::lab::controller::{Action, Fact, PodState};
use crate::lab::protocol::{Answer, Call, Report, Request, VERSION};
use crate::model::{Delta, Member, MonoNs, Parent, Pod, PodUid, Program as Kind, Signal, Stamp, WaitStatus};
use crate::sys::fork::Child;

impl Node {
    pub(super) fn request(&mut self, request: Request) {
        match request {
            Request::Hello { version } => self.over |= version != VERSION,
            Request::Run { call, spec } => {
                let at = Self::now();
                let uid = PodUid(new_uid());
                let run = PodRun {
                    state: PodState::new(uid.clone(), *spec, at),
                    pause: None,
                    containers: std::collections::HashMap::new(),
                    logs: std::collections::HashMap::new(),
                    last_mnt: std::collections::HashMap::new(),
                    ip: None,
                    sandbox: None,
                    partial_record: Vec::new(),
                };
                let pod = run.state.pod.clone();
                self.pods.insert(uid.clone(), run);
                self.answer(call, Answer::Accepted(uid.clone()));
                self.fact(Delta::Pod { pod: Box::new(pod), at });
                self.decide(&uid, Fact::Requested { node: "podscope-node".to_owned() }, at);
            }
            Request::Delete { call, pod, grace_ms } => {
                if self.pods.contains_key(&pod) {
                    self.answer(call, Answer::Done);
                    self.decide(&pod, Fact::DeleteRequested { grace_ms }, Self::now());
                } else {
                    self.answer(call, Answer::NoSuchPod);
                }
            }
            Request::Exec { call, member, argv, timeout_ms } => {
                if let Err(answer) = self.exec(call, &member, argv, timeout_ms) {
                    self.answer(call, answer);
                }
            }
            Request::Logs { call, member } => {
                let answer = match self.pods.get(&member.pod) {
                    Some(pod) => Answer::Logs {
                        bytes: pod.logs.get(&member.container).map(super::output::Ring::to_vec).unwrap_or_default(),
                    },
                    None => Answer::NoSuchPod,
                };
                self.answer(call, answer);
            }
        }
    }

    /// Lets the controller decide, tells what has changed and does what follows.
    pub(super) fn decide(&mut self, uid: &PodUid, fact: Fact, at: Stamp) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        let before: Pod = run.state.pod.clone();
        let decision = run.state.decide(fact, at);
        let changed = (run.state.pod != before).then(|| run.state.pod.clone());
        for event in decision.events {
            self.fact(Delta::Event { event });
        }
        if let Some(pod) = changed {
            self.fact(Delta::Pod { pod: Box::new(pod), at });
        }
        for action in decision.actions {
            self.perform(uid, action);
        }
    }

    pub(super) fn decide_ended(
        &mut self,
        uid: &PodUid,
        container: String,
        status: WaitStatus,
        mnt: Option<u64>,
        at: Stamp,
    ) {
        if let Some(run) = self.pods.get_mut(uid)
            && let Some(mnt) = mnt
        {
            run.last_mnt.insert(container.clone(), mnt);
        }
        self.decide(uid, Fact::Ended { container, status }, at);
    }

    fn perform(&mut self, uid: &PodUid, action: Action) {
        match action {
            Action::StartSandbox => {
                if let Err(message) = self.start_sandbox(uid) {
                    self.decide(uid, Fact::SandboxFailed { message }, Self::now());
                }
            }
            Action::StartContainer(container) => {
                if let Err(Failure { reason, message }) = self.start_container(uid, &container) {
                    self.decide(uid, Fact::Unstartable { container, reason, message }, Self::now());
                }
            }
            Action::Signal { container, signal } => {
                let pid = self.pods.get(uid).and_then(|run| match &container {
                    Some(name) => run.containers.get(name).copied(),
                    None => run.pause,
                });
                if let Some(pid) = pid {
                    self.signal_child(pid, signal);
                }
            }
            Action::ArmGrace { ms } => {
                self.timers.retain(|(_, t)| *t != Timer::Grace(uid.clone()));
                self.after(ms, Timer::Grace(uid.clone()));
            }
            Action::KillLeftovers(container) => self.kill_leftovers(uid, &container),
            Action::ReleaseSandbox => self.release(uid),
            Action::Remove => {
                self.timers.retain(|(_, t)| *t != Timer::Grace(uid.clone()));
                // deleted before its sandbox was up
                if let Some(pause) = self.pods.get(uid).and_then(|run| run.pause) {
                    self.signal_child(pause, Signal::KILL);
                }
                self.release(uid);
                self.unwatch_pod(uid);
                self.pods.remove(uid);
                volumes::remove(uid);
                self.fact(Delta::PodRemoved { uid: uid.clone(), at: Self::now() });
            }
        }
    }

    fn release(&mut self, uid: &PodUid) {
        if let Some(ip) = self.pods.get_mut(uid).and_then(|run| run.ip.take()) {
            self.network.release(ip);
        }
    }

    /// Our own child and not reaped yet, so the pid cannot be anybody else's.
    pub(super) fn signal_child(&self, pid: i32, signal: Signal) {
        if self.children.contains_key(&pid)
            && let Ok(signal) = nix::sys::signal::Signal::try_from(signal.0)
        {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Starts pause, and sets up the network while it gets ready; [`Node::started`] goes on from there.
    fn start_sandbox(&mut self, uid: &PodUid) -> Result<(), String> {
        let run = self.pods.get(uid).ok_or("the pod is gone")?;
        let spec = run.state.spec.clone();
        volumes::create(uid, &spec).map_err(|e| format!("make its directories: {e}"))?;
        let started = sandbox::start(&self.alone, &spec.hostname, &spec.pause)
            .map_err(|e| format!("start pause: {}", e.desc()))?;
        let sandbox::Started { child, report, output, error } = started;
        let pid = child.pid;
        let process = self
            .adopt(child, Role::Pause(uid.clone()), Some(Member::pause(uid)))
            .map_err(|e| format!("identify pause: {e}"))?;
        self.watch(report, Watch::PauseReport(uid.clone()));
        self.watch(output, Watch::Output(uid.clone(), None));
        let token = self.watch(error, Watch::Error(pid));
        if let Some(child) = self.children.get_mut(&pid) {
            child.starting = Some(token);
        }
        if let Some(run) = self.pods.get_mut(uid) {
            run.pause = Some(pid);
        }
        // while pause gets ready, its network: the pod's interfaces live as long as it does
        let pidfd = self.children.get(&pid).map(|c| &c.pidfd).ok_or("pause is gone")?;
        let connected = self.network.connect(pidfd, pid);
        match connected {
            Ok(ip) => {
                if let Some(run) = self.pods.get_mut(uid) {
                    run.ip = Some(ip);
                    run.sandbox = Some(process);
                }
                let _ = volumes::write_hosts(uid, &spec.hostname, IpAddr::V4(ip));
                Ok(())
            }
            Err(e) => {
                self.signal_child(pid, Signal::KILL);
                Err(format!("set up its network: {e}"))
            }
        }
    }

    fn start_container(&mut self, uid: &PodUid, name: &str) -> Result<(), Failure> {
        let lost = || Failure::create("start the container", Errno::ESRCH);
        let run = self.pods.get(uid).ok_or_else(lost)?;
        let spec = &run.state.spec;
        let container = spec.containers.iter().find(|c| c.name == name).ok_or_else(lost)?;
        let pause = run.pause.and_then(|pid| self.children.get(&pid)).ok_or_else(lost)?;
        let mut argv = container.argv();
        let program = match container.program() {
            Some(Kind::StandIn(applet)) => {
                argv.splice(0..0, ["podscope".to_owned(), crate::lab::hidden::APPLET.to_owned(), applet]);
                Program::Ourselves(&self.exe)
            }
            _ => Program::Host,
        };
        let start = Start {
            program,
            argv,
            env: birth::environment(&spec.hostname, container.environment()),
            working_dir: container.working_dir.clone(),
        };
        let place = worker::Place {
            pause: &pause.pidfd,
            share_pid: spec.share_pid,
            home: &self.home,
            parts: &self.ground.parts,
            pod_files: &volumes::pod_files(uid),
            mounts: &volumes::of_container(spec, container),
        };
        let started = worker::start(&self.alone, &place, &start).map_err(|e| Failure::create("start a process", e))?;
        let worker::Started { child, stdout, stderr, error } = started;
        let pid = child.pid;
        let process = self
            .adopt(child, Role::Container(uid.clone(), name.to_owned()), Some(Member::container(uid, name)))
            .map_err(|_| lost())?;
        for stream in [stdout, stderr] {
            self.watch(stream, Watch::Output(uid.clone(), Some(name.to_owned())));
        }
        let token = self.watch(error, Watch::Error(pid));
        if let Some(child) = self.children.get_mut(&pid) {
            child.starting = Some(token);
        }
        if let Some(run) = self.pods.get_mut(uid) {
            run.containers.insert(name.to_owned(), pid);
        }
        self.decide(uid, Fact::Created { container: name.to_owned(), process }, Self::now());
        Ok(())
    }

    fn exec(&mut self, call: Call, member: &Member, argv: Vec<String>, timeout_ms: u64) -> Result<(), Answer> {
        let run = self.pods.get(&member.pod).ok_or(Answer::NoSuchPod)?;
        let name = member.container.as_ref().ok_or_else(|| {
            Answer::Failed("pause's root holds nothing but pause: there is no program to run".to_owned())
        })?;
        let spec = &run.state.spec;
        let container = spec.containers.iter().find(|c| &c.name == name).ok_or(Answer::NotRunning)?;
        let target = run.containers.get(name).and_then(|pid| self.children.get(pid)).ok_or(Answer::NotRunning)?;
        if target.starting.is_some() {
            return Err(Answer::NotRunning);
        }
        let start = Start {
            program: Program::Host,
            argv,
            env: birth::environment(&spec.hostname, container.environment()),
            working_dir: container.working_dir.clone(),
        };
        let started = worker::exec(&self.alone, &target.pidfd, &self.home, &start).map_err(|e| match e {
            // its pid namespace's init is dead
            Errno::ENOMEM | Errno::ESRCH => Answer::NotRunning,
            e => Answer::Failed(format!("start a process: {}", e.desc())),
        })?;
        let worker::Started { child, stdout, stderr, error } = started;
        let pid = child.pid;
        self.adopt(child, Role::Exec(call), Some(member.clone()))
            .map_err(|e| Answer::Failed(format!("identify the process: {e}")))?;
        let session = Session {
            pid,
            stdout: super::output::Ring::default(),
            stderr: super::output::Ring::default(),
            open: 2,
            status: None,
            timed_out: false,
            failure: None,
        };
        self.sessions.insert(call, session);
        self.watch(stdout, Watch::ExecOutput { call, stderr: false });
        self.watch(stderr, Watch::ExecOutput { call, stderr: true });
        let token = self.watch(error, Watch::Error(pid));
        if let Some(child) = self.children.get_mut(&pid) {
            child.starting = Some(token);
        }
        self.after(timeout_ms, Timer::Exec(call));
        Ok(())
    }

    /// Takes a new child on and tells of its birth, before any wait can have reaped it.
    fn adopt(&mut self, child: Child, role: Role, member: Option<Member>) -> std::io::Result<crate::model::ProcId> {
        let at = Self::now();
        let id = self.host.of_pidfd(&child.pidfd).inspect_err(|_| {
            // nothing may run that is not known
            let _ = kill(Pid::from_raw(child.pid), nix::sys::signal::Signal::SIGKILL);
        })?;
        self.fact(Delta::Born { id, parent: Parent::Process(self.me), at });
        if let Some(member) = member {
            self.fact(Delta::Joined { id, member, at });
        }
        self.children.insert(child.pid, Running { id, role, pidfd: child.pidfd, starting: None, mnt: None });
        Ok(id)
    }

    /// Its program runs: exec has closed the error pipe.
    pub(super) fn started(&mut self, pid: i32) {
        let at = Self::now();
        let Some(child) = self.children.get_mut(&pid) else { return };
        child.starting = None;
        child.mnt = fs::metadata(format!("/proc/{pid}/ns/mnt")).ok().map(|m| m.ino());
        match child.role.clone() {
            Role::Container(uid, container) => self.decide(&uid, Fact::Started { container }, at),
            Role::Pause(uid) => {
                let up = self.pods.get_mut(&uid).and_then(|run| Some((run.sandbox.take()?, run.ip?)));
                if let Some((process, ip)) = up {
                    self.decide(&uid, Fact::SandboxStarted { process, ip: IpAddr::V4(ip) }, at);
                }
            }
            Role::Exec(_) => {}
        }
    }

    pub(super) fn not_started(&mut self, pid: i32, failure: Failure) {
        let at = Self::now();
        let Some(child) = self.children.get_mut(&pid) else { return };
        child.starting = None;
        match child.role.clone() {
            Role::Container(uid, container) => {
                let Failure { reason, message } = failure;
                self.decide(&uid, Fact::Unstartable { container, reason, message }, at);
            }
            Role::Exec(call) => {
                if let Some(session) = self.sessions.get_mut(&call) {
                    session.failure = Some(failure);
                }
            }
            Role::Pause(uid) => {
                self.release(&uid);
                self.decide(&uid, Fact::SandboxFailed { message: failure.message }, at);
            }
        }
    }

    /// Records of pause's report pipe; a reading may end within one only if the pipe was written by
    /// somebody else, since pause writes them whole.
    pub(super) fn pause_report(&mut self, uid: &PodUid, bytes: &[u8]) {
        use pause_init::Record;
        let Some(run) = self.pods.get_mut(uid) else { return };
        let Some(pause) = run.state.pod.sandbox.as_ref().and_then(|s| s.process) else { return };
        run.partial_record.extend_from_slice(bytes);
        let whole = run.partial_record.len() / Record::SIZE * Record::SIZE;
        let records: Vec<u8> = run.partial_record.drain(..whole).collect();
        for wire in records.chunks_exact(Record::SIZE) {
            let Ok(wire) = wire.try_into() else { continue };
            let record = Record::decode(wire);
            let at = MonoNs(record.monotonic_ns);
            if record.dropped > 0 {
                self.report(&Report::PauseDropped { pause, count: record.dropped, at });
            }
            let (pid_in_pod, status) = (record.pid as u32, WaitStatus(record.status));
            self.report(&Report::PauseReaped { pause, pid_in_pod, status, at });
        }
    }

    /// A container's orphans are pause's children now; its own mount namespace tells which they are.
    fn kill_leftovers(&mut self, uid: &PodUid, container: &str) {
        let Some(mnt) = self.pods.get_mut(uid).and_then(|run| run.last_mnt.remove(container)) else { return };
        let Ok(entries) = fs::read_dir("/proc") else { return };
        for entry in entries.filter_map(Result::ok) {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
            let same = || fs::metadata(format!("/proc/{pid}/ns/mnt")).is_ok_and(|m| m.ino() == mnt);
            if pid != 1 && same() {
                let _ = kill(Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
        }
    }
}

/// A random uid in the form Kubernetes gives (RFC 9562, version 4).
fn new_uid() -> String {
    let hex: String = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    hex.trim().to_owned()
}
