//! The node's only loop. It handles requests, children, pipes and timers, one at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;

use super::attach::{Attached, Input};
use super::cgroups::{Cgroups, MemberCgroup};
use super::hostproc::HostProc;
use super::leftovers::{Ending, Remains};
use super::network::Network;
use super::output::{self, Read, Ring};
use super::passed::Passed;
use super::pause_records::PauseRecords;
use super::process::Failure;
use super::rootfs_template::RootfsTemplate;
use super::seccomp::Filters;
use super::{At, Refused};
use crate::lab::controller::{DemoClock, Fact, PodState};
use crate::lab::protocol::{Answer, Call, ExecOutput, Report, Request, Step, Stream};
use crate::lab::spec::StartFacts;
use crate::lab::wire::{Inbox, Outbox, WireError};
use crate::model::{
    Delta, ExecEnd, ExecId, Member, MonoNs, OutputSource, Parent, PodUid, ProcId, Source, Stamp, State, WaitStatus,
    WaitingReason,
};
use crate::observe;
use crate::sys::fork::SingleThreaded;
use crate::sys::wait::{self, Change};

/// What a child of the node is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Pause(PodUid),
    Container(PodUid, String),
    Exec(Call),
    /// Publishes the pod's host ports.
    Ports(PodUid),
    /// Removes the files of a pod that is gone.
    Removal(PodUid),
}

impl Role {
    fn member(&self) -> Option<Member> {
        match self {
            Self::Pause(uid) => Some(Member::pause(uid)),
            Self::Container(uid, name) => Some(Member::container(uid, name)),
            Self::Exec(_) | Self::Ports(_) | Self::Removal(_) => None,
        }
    }
}

/// A child that has not been reaped.
pub(super) struct Running {
    pub id: ProcId,
    pub role: Role,
    pub pidfd: OwnedFd,
    /// The watch of its error pipe, until its program runs.
    pub starting: Option<u64>,
    /// The mark that identifies its descendants ([`super::leftovers::mark`]).
    pub mark: Option<u64>,
    pub cgroup: Option<MemberCgroup>,
}

/// What the node waits for on a descriptor.
pub(super) enum Watch {
    /// The error pipe of the child with this pid.
    Error(i32),
    PauseReport(PodUid),
    /// The standard output and error of a member.
    Output(PodUid, Option<String>),
    ExecOutput {
        call: Call,
        stderr: bool,
    },
    /// The socket on which this child sends the master of its terminal.
    Console(i32),
    /// The pipe of an attached client. It is written to whenever it has room.
    Attached(Call),
    /// The socket for orders to the child with this pid, and for its answers.
    Hand(i32),
    /// The ending with this number.
    Ending(u64),
}

/// A program that is executed in a running container.
pub(super) struct Session {
    pub pid: i32,
    pub stdout: Ring,
    pub stderr: Ring,
    /// What of them was passed to the app; `None` if the program is not recorded.
    pub passed: Option<[Passed; 2]>,
    pub open: u8,
    pub status: Option<WaitStatus>,
    pub timed_out: bool,
    pub cancelled: bool,
    pub failure: Option<Failure>,
    /// The master of its terminal. The node keeps it so that the terminal hangs up only when the app asks for that.
    pub terminal: Option<OwnedFd>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The controller asked to reconcile the pod again at this time.
    Pod(PodUid),
    Exec(Call),
    /// Host ports are to be published again.
    Ports(PodUid),
    /// A process that the session left behind holds its streams open: answer without waiting for it.
    ExecStreams(Call),
    /// The ending with this number takes too long.
    Ending(u64),
    /// More of this output may be passed to the app.
    Output(OutputSource),
}

/// A pod, and what only the node knows of it.
pub(super) struct PodRun {
    pub state: PodState,
    /// The pid of the holder of the namespaces: pause, or the container in its place.
    pub holder: Option<i32>,
    /// The pid of the process that publishes the host ports.
    pub ports: Option<i32>,
    pub ports_since: MonoNs,
    /// The pid of the previous one, which is ending. Its ports stay in use until it has ended.
    pub ports_ending: Option<i32>,
    /// Whether to ask the app to listen as soon as that one has ended.
    pub ports_wanted: bool,
    /// The listening sockets for the next process that publishes the host ports.
    pub listeners: Vec<OwnedFd>,
    pub containers: HashMap<String, i32>,
    pub logs: HashMap<Option<String>, Ring>,
    /// What of each log was passed to the app.
    pub passed: HashMap<Option<String>, Passed>,
    /// The standard input of each container that has one.
    pub inputs: HashMap<String, Input>,
    /// How to find the leftover processes of containers that have just ended.
    pub remains: HashMap<String, Remains>,
    pub ip: Option<std::net::Ipv4Addr>,
    /// The holder, while its network is up but its program does not run yet.
    pub sandbox: Option<ProcId>,
    pub records: PauseRecords,
}

impl PodRun {
    /// The values that the pod's containers may refer to.
    pub fn at_start(&self, node: std::net::Ipv4Addr) -> StartFacts {
        StartFacts {
            pod_ip: self.ip.map(|ip| ip.to_string()),
            host_ip: Some(node.to_string()),
            pod_uid: Some(self.state.pod.uid.0.clone()),
            secrets: true,
        }
    }

    /// The pod's current ports on the host's loopback.
    pub fn host_ports(&self) -> Vec<u16> {
        self.state.pod.host_ports.iter().map(|(host, _)| *host).collect()
    }

    /// The pid of a container, or of the holder.
    pub fn pid_of(&self, container: Option<&str>) -> Option<i32> {
        match container {
            Some(name) => self.containers.get(name).copied(),
            None => self.holder,
        }
    }
}

/// What a [`Node`] is built from.
pub(super) struct Parts {
    pub socket: OwnedFd,
    pub exe: OwnedFd,
    pub host: HostProc,
    pub own_id: ProcId,
    pub rootfs: RootfsTemplate,
    pub network: Network,
    pub cgroups: Cgroups,
    pub filters: Filters,
    pub alone: SingleThreaded,
    pub clock: DemoClock,
}

pub struct Node {
    pub(super) alone: SingleThreaded,
    pub(super) clock: DemoClock,
    pub(super) rootfs: RootfsTemplate,
    pub(super) network: Network,
    pub(super) cgroups: Cgroups,
    pub(super) filters: Filters,
    pub(super) host: HostProc,
    pub(super) own_id: ProcId,
    pub(super) exe: OwnedFd,
    /// The node's own pid namespace.
    pub(super) own_pid_ns: OwnedFd,
    pub(super) pods: BTreeMap<PodUid, PodRun>,
    pub(super) children: HashMap<i32, Running>,
    pub(super) sessions: HashMap<Call, Session>,
    /// Orders that have not been answered: the child's pid and the call.
    pub(super) pending_orders: VecDeque<(i32, Call)>,
    /// Outputs that are passed to the app once it has read everything.
    pub(super) delayed: BTreeSet<OutputSource>,
    pub(super) attached: BTreeMap<Call, Attached>,
    /// Calls to attach once the member runs; the bool says whether to attach to its standard input as well.
    pub(super) waiting_to_attach: Vec<(Call, Member, bool)>,
    pub(super) endings: HashMap<u64, Ending>,
    /// How many containers have been started. Each gets a mark of its own.
    pub(super) marks: u64,
    pub(super) timers: Vec<(MonoNs, Timer)>,
    socket: OwnedFd,
    inbox: Inbox,
    outbox: Outbox,
    epoll: Epoll,
    signals: SignalFd,
    pub(super) watches: HashMap<u64, (OwnedFd, Watch)>,
    next: u64,
    buffer: Vec<u8>,
    /// Whether to stop: the app is gone, or has another version.
    pub(super) should_stop: bool,
}

const SOCKET: u64 = 0;
const SIGNALS: u64 = 1;
const FIRST: u64 = 2;
/// How long an ended session's streams may be held open by what it left behind.
const STREAMS_MS: u64 = 200;

impl Node {
    pub(super) fn new(parts: Parts) -> Result<Self, Refused> {
        let Parts { socket, exe, host, own_id, rootfs, network, cgroups, filters, alone, clock } = parts;
        let mut chld = SigSet::empty();
        chld.add(Signal::SIGCHLD);
        chld.thread_block().at(Step::Loop)?;
        let signals = SignalFd::with_flags(&chld, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).at(Step::Loop)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).at(Step::Loop)?;
        epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, SOCKET)).at(Step::Loop)?;
        epoll.add(&signals, EpollEvent::new(EpollFlags::EPOLLIN, SIGNALS)).at(Step::Loop)?;
        let own_pid_ns = open("/proc/self/ns/pid", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Loop)?;
        Ok(Self {
            alone,
            clock,
            rootfs,
            network,
            cgroups,
            filters,
            host,
            own_id,
            exe,
            own_pid_ns,
            pods: BTreeMap::new(),
            children: HashMap::new(),
            sessions: HashMap::new(),
            pending_orders: VecDeque::new(),
            delayed: BTreeSet::new(),
            attached: BTreeMap::new(),
            waiting_to_attach: Vec::new(),
            endings: HashMap::new(),
            marks: 0,
            timers: Vec::new(),
            socket,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            epoll,
            signals,
            watches: HashMap::new(),
            next: FIRST,
            buffer: vec![0; 64 * 1024],
            should_stop: false,
        })
    }

    /// Runs the loop until the app closes its end.
    pub fn serve(&mut self) {
        let mut events = [EpollEvent::empty(); 32];
        // send the reports that were queued before the loop began
        self.flush();
        while !self.should_stop {
            let n = match self.epoll.wait(&mut events, self.time_to_next_timer()) {
                Ok(n) => n,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            // exits before the ends of pipes, and those before new requests: a report must not
            // mention a process that has already been reported as ended
            let mut tokens: Vec<u64> = events[..n].iter().map(EpollEvent::data).collect();
            tokens.sort_by_key(|t| match *t {
                SIGNALS => 0,
                SOCKET => 2,
                _ => 1,
            });
            for token in tokens {
                match token {
                    SOCKET => self.receive_requests(),
                    SIGNALS => {
                        while let Ok(Some(_)) = self.signals.read_signal() {}
                        self.reap();
                    }
                    token if self.is_hand(token) => self.receive_hand_answer(token),
                    token if self.is_console(token) => self.receive_terminal(token),
                    token if self.is_attached(token) => self.feed_token(token),
                    token if self.is_ending(token) => self.ending_changed(token),
                    token => self.read_ready(token),
                }
            }
            self.run_due_timers();
            self.flush();
            if self.pass_delayed_output() {
                self.flush();
            }
        }
    }

    /// How many bytes the app has not read yet.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.outbox.waiting()
    }

    pub(super) fn now() -> Stamp {
        Stamp::prompt(observe::now(), Source::Node)
    }

    pub(super) fn report(&mut self, report: &Report) {
        self.should_stop |= self.outbox.push(report).is_err();
    }

    pub(super) fn send_streams(&mut self, call: Call, streams: Vec<(Stream, OwnedFd)>) {
        let (streams, fds) = streams.into_iter().unzip();
        self.should_stop |= self.outbox.push_with(&Report::Streams { call, streams }, fds).is_err();
    }

    pub(super) fn report_delta(&mut self, delta: Delta) {
        self.report(&Report::Delta(Box::new(delta)));
    }

    pub(super) fn answer(&mut self, call: Call, answer: Answer) {
        self.report(&Report::Answer { call, answer });
    }

    fn flush(&mut self) {
        if self.outbox.flush(&self.socket).is_err() {
            self.should_stop = true;
            return;
        }
        let mut flags = EpollFlags::EPOLLIN;
        flags.set(EpollFlags::EPOLLOUT, !self.outbox.is_empty());
        let _ = self.epoll.modify(&self.socket, &mut EpollEvent::new(flags, SOCKET));
    }

    pub(super) fn watch(&mut self, fd: OwnedFd, what: Watch) -> u64 {
        self.watch_for(EpollFlags::EPOLLIN, fd, what)
    }

    pub(super) fn watch_for(&mut self, event: EpollFlags, fd: OwnedFd, what: Watch) -> u64 {
        let token = self.new_token();
        let _ = self.epoll.add(&fd, EpollEvent::new(event, token));
        self.watches.insert(token, (fd, what));
        token
    }

    pub(super) fn new_token(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn unwatch(&mut self, token: u64) -> Option<Watch> {
        let (fd, what) = self.watches.remove(&token)?;
        let _ = self.epoll.delete(&fd);
        Some(what)
    }

    /// Forgets the pipes of a pod that is gone.
    pub(super) fn unwatch_pod(&mut self, uid: &PodUid) {
        let of_pod = |w: &Watch| matches!(w, Watch::PauseReport(u) | Watch::Output(u, _) if u == uid);
        let tokens: Vec<u64> = self.watches.iter().filter(|(_, (_, w))| of_pod(w)).map(|(t, _)| *t).collect();
        for token in tokens {
            self.unwatch(token);
        }
    }

    fn receive_requests(&mut self) {
        loop {
            match self.inbox.receive::<Request>(&self.socket, false) {
                Ok(Some(request)) => {
                    let fds = self.inbox.take_fds();
                    self.handle_request(request, fds);
                }
                Ok(None) => return,
                Err(WireError::Garbled(_)) => {}
                Err(_) => {
                    self.should_stop = true;
                    return;
                }
            }
        }
    }

    /// Handles every child that has ended, stopped or continued.
    fn reap(&mut self) {
        while let Ok(Some((pid, change))) = wait::next() {
            let at = Self::now();
            match change {
                Change::Ended(status) => self.child_ended(pid, WaitStatus(status), at),
                Change::Stopped | Change::Continued => {
                    let state = if change == Change::Stopped { State::Stopped } else { State::Sleeping };
                    if let Some(id) = self.children.get(&pid).map(|c| c.id) {
                        self.report_delta(Delta::State { id, state, at });
                    }
                }
            }
        }
    }

    fn child_ended(&mut self, pid: i32, status: WaitStatus, at: Stamp) {
        // read its last reports before it is removed: why it could not be started, what pause reaped
        if let Some(token) = self.children.get(&pid).and_then(|c| c.starting) {
            self.read_ready(token);
        }
        self.receive_terminal_of(pid);
        let Some(child) = self.children.remove(&pid) else { return };
        self.fail_pending_orders(pid);
        if let Role::Pause(uid) | Role::Container(uid, _) = &child.role {
            self.drain_member(&uid.clone(), &child.role);
        }
        self.report_delta(Delta::Exited { id: child.id, status: Some(status), at });
        self.report_delta(Delta::Reaped { id: child.id, by: Parent::Process(self.own_id), at });
        let remains = Remains { mark: child.mark, cgroup: child.cgroup };
        if let (Some(_), Some(member)) = (&remains.cgroup, child.role.member()) {
            self.report_delta(Delta::Cgroup { member, path: None, at });
        }
        match child.role {
            Role::Pause(uid) => {
                self.remove_member_cgroup(&uid, &remains);
                if self.forget_holder(&uid, pid) {
                    self.decide(&uid, Fact::SandboxEnded { status }, at);
                }
            }
            Role::Container(uid, container) => self.container_ended(&uid, &container, pid, status, remains, at),
            Role::Ports(uid) => self.ports_ended(&uid, pid),
            Role::Removal(uid) => Self::removal_ended(&uid, status.success()),
            Role::Exec(call) => {
                if let Some(session) = self.sessions.get_mut(&call) {
                    session.status = Some(status);
                }
                self.add_timer(STREAMS_MS, Timer::ExecStreams(call));
                self.finish_session(call, false);
            }
        }
    }

    /// Reads the remaining output of an ended member.
    fn drain_member(&mut self, uid: &PodUid, role: &Role) {
        let wanted = |w: &Watch| match (w, role) {
            (Watch::PauseReport(u) | Watch::Output(u, None), Role::Pause(_)) => u == uid,
            (Watch::Output(u, Some(name)), Role::Container(_, container)) => u == uid && name == container,
            _ => false,
        };
        let tokens: Vec<u64> = self.watches.iter().filter(|(_, (_, w))| wanted(w)).map(|(t, _)| *t).collect();
        for token in tokens {
            self.read_ready(token);
        }
        match role {
            Role::Container(_, name) => self.pass_rest_of_member(uid, Some(name)),
            _ => self.pass_rest_of_member(uid, None),
        }
    }

    /// Reads a bounded part of what is available. epoll reports the rest again.
    fn read_ready(&mut self, token: u64) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = match self.watches.get(&token) {
            Some((fd, _)) => output::read_some(fd.as_fd(), &mut buffer),
            None => Read::Nothing,
        };
        match read {
            Read::Bytes(n) => self.handle_bytes(token, &buffer[..n]),
            Read::Nothing => {}
            Read::End => {
                if let Some(watch) = self.unwatch(token) {
                    self.handle_end_of_file(&watch);
                }
            }
        }
        self.buffer = buffer;
    }

    fn handle_bytes(&mut self, token: u64, bytes: &[u8]) {
        match self.watches.get(&token).map(|(_, w)| w) {
            Some(Watch::Error(pid)) => {
                let pid = *pid;
                let failure = serde_json::from_slice(bytes).unwrap_or_else(|_| Failure {
                    reason: WaitingReason::CreateContainerError,
                    message: String::from_utf8_lossy(bytes).into_owned(),
                });
                self.unwatch(token);
                self.child_not_started(pid, failure);
            }
            Some(Watch::PauseReport(uid)) => {
                let uid = uid.clone();
                self.pause_report(&uid, bytes);
            }
            Some(Watch::Output(uid, container)) => {
                let (uid, container) = (uid.clone(), container.clone());
                if let Some(pod) = self.pods.get_mut(&uid) {
                    pod.logs.entry(container.clone()).or_default().push(bytes);
                }
                self.feed(&uid, container.as_deref());
                self.pass_output(OutputSource::Member(Member { pod: uid, container }), false);
            }
            Some(Watch::ExecOutput { call, stderr }) => {
                let (call, stderr) = (*call, *stderr);
                if let Some(session) = self.sessions.get_mut(&call) {
                    let ring = if stderr { &mut session.stderr } else { &mut session.stdout };
                    ring.push(bytes);
                    self.pass_output(OutputSource::Exec { exec: ExecId(call), stderr }, false);
                }
            }
            Some(Watch::Hand(_) | Watch::Ending(_) | Watch::Console(_) | Watch::Attached(_)) | None => {}
        }
    }

    fn handle_end_of_file(&mut self, watch: &Watch) {
        match *watch {
            // exec closed the pipe: the program runs
            Watch::Error(pid) => self.child_started(pid),
            Watch::ExecOutput { call, .. } => {
                if let Some(session) = self.sessions.get_mut(&call) {
                    session.open -= 1;
                }
                self.finish_session(call, false);
            }
            Watch::PauseReport(_)
            | Watch::Output(..)
            | Watch::Hand(_)
            | Watch::Ending(_)
            | Watch::Console(_)
            | Watch::Attached(_) => {}
        }
    }

    /// Answers once the program has ended and, unless `now`, all its output is read.
    fn finish_session(&mut self, call: Call, now: bool) {
        let done = |s: &Session| s.status.is_some() && (s.open == 0 || now);
        let Some(session) = self.sessions.get(&call).filter(|s| done(s)) else { return };
        let answer = match (&session.failure, session.status) {
            (Some(failure), _) => Answer::Failed(failure.message.clone()),
            (None, status) => Answer::Output(ExecOutput {
                stdout: session.stdout.to_vec(),
                stderr: session.stderr.to_vec(),
                status: status.unwrap_or(WaitStatus(0)),
                timed_out: session.timed_out,
                cancelled: session.cancelled,
                truncated: session.stdout.lost || session.stderr.lost,
            }),
        };
        let end = match (&session.failure, session.status) {
            (Some(failure), _) => ExecEnd::NotStarted(failure.message.clone()),
            _ if session.cancelled => ExecEnd::Cancelled,
            _ if session.timed_out => ExecEnd::TimedOut,
            (None, status) => ExecEnd::Exited(status.unwrap_or(WaitStatus(0))),
        };
        if session.passed.is_some() {
            self.record_exec_end(call, end);
        }
        self.sessions.remove(&call);
        let of_session = |w: &Watch| matches!(w, Watch::ExecOutput { call: c, .. } if *c == call);
        let tokens: Vec<u64> = self.watches.iter().filter(|(_, (_, w))| of_session(w)).map(|(t, _)| *t).collect();
        for token in tokens {
            self.unwatch(token);
        }
        let exec = ExecId(call);
        self.timers.retain(|(_, t)| match t {
            Timer::Exec(c) | Timer::ExecStreams(c) => *c != call,
            Timer::Output(OutputSource::Exec { exec: e, .. }) => *e != exec,
            _ => true,
        });
        self.answer(call, answer);
    }

    /// Sets, replaces or (with `None`) removes a timer.
    pub(super) fn set_timer(&mut self, at: Option<MonoNs>, timer: Timer) {
        self.timers.retain(|(_, t)| *t != timer);
        self.timers.extend(at.map(|at| (at, timer)));
    }

    /// Adds a timer that is due in `ms`.
    pub(super) fn add_timer(&mut self, ms: u64, timer: Timer) {
        self.timers.push((observe::now().plus(ms.saturating_mul(1_000_000)), timer));
    }

    /// How long to wait for events: until the next timer, or for ever if there is none.
    fn time_to_next_timer(&self) -> EpollTimeout {
        let Some(next) = self.timers.iter().map(|(at, _)| *at).min() else { return EpollTimeout::NONE };
        let ms = next.since(observe::now()).div_ceil(1_000_000).min(60_000);
        EpollTimeout::try_from(ms as i32).unwrap_or(EpollTimeout::ZERO)
    }

    fn run_due_timers(&mut self) {
        let now = observe::now();
        let (due, rest) = std::mem::take(&mut self.timers).into_iter().partition(|(at, _)| *at <= now);
        self.timers = rest;
        for (_, timer) in Vec::<(MonoNs, Timer)>::from_iter::<Vec<_>>(due) {
            match timer {
                Timer::Ports(uid) => self.retry_ports(&uid),
                Timer::Pod(uid) => self.decide(&uid, Fact::Tick, Self::now()),
                Timer::Exec(call) => {
                    if let Some(session) = self.sessions.get_mut(&call) {
                        session.timed_out = true;
                        self.kill_session(call);
                    }
                }
                Timer::ExecStreams(call) => self.finish_session(call, true),
                Timer::Ending(id) => self.ending_timed_out(id),
                Timer::Output(from) => self.pass_output(from, false),
            }
        }
    }
}
