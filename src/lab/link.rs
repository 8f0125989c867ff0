//! The app's side of the lab: one thread that starts the node, receives its reports and waits for its end.

mod allow;
mod bind;
mod ending;
mod error;
mod exec;
mod members;
mod startup;
mod streams;
mod users;

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use nix::sys::socket::{Shutdown, shutdown};

use super::protocol::{Answer, Call, LogPart, NamespaceStep, Options, Report, Request};
use super::spec::PodSpec;
use super::wire::{self, Inbox, WireError};
use crate::model::{Capability, Delta, Member, OsError, Pod, PodUid, ProcId};
use crate::observe::{Input, InputSender};
use crate::sys::thread;
use ending::LastReport;
pub use error::{Error, Forbidden, Obstacle};
pub use exec::{CancelExec, Exec};
pub use streams::{Attachment, DetachHandle, Streams};

/// The timeout for an answer that the node should give at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// After this time such an answer is overdue, and the window says so.
const OVERDUE_AFTER: Duration = Duration::from_secs(2);

/// A running node and its pods. Dropping it ends the node, and the kernel then kills every pod.
///
/// After the node has ended, for any reason, every method returns [`Error::NodeGone`]. Start a new lab to go on.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
    node: ProcId,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: OwnedFd,
    /// Locked while a message is sent: packets of two messages must not mix.
    sending: Mutex<()>,
    /// Calls that wait for an answer; `None` once the node has ended.
    calls: Mutex<Option<HashMap<Call, Waiting>>>,
    /// The host ports of all manifests that the node was sent.
    host_ports: Mutex<bind::AllowedPorts>,
    /// Whether an answer is overdue. The observer has been answers.
    silent: Mutex<bool>,
    observer: InputSender,
    /// The lab was dropped: what follows is not the node's doing.
    is_closed: AtomicBool,
}

#[derive(Debug)]
struct Waiting {
    answer: Sender<Answer>,
    /// Receives the streams of the call.
    opened: Option<Sender<Streams>>,
}

/// The number of the next call. Calls of all labs have different numbers, because each program that was executed is
/// known by that of its call.
static NEXT_CALL: AtomicU64 = AtomicU64::new(1);

impl Lab {
    /// Starts a node as `exe` (the app's own `/proc/self/exe`) and passes its reports to `observer`.
    ///
    /// # Errors
    /// [`Error::UserNamespaces`] with the obstacle if the machine does not allow user namespaces, else [`Error::Start`].
    pub fn start(exe: &Path, observer: impl Into<InputSender>) -> Result<Self, Error> {
        Self::start_with(exe, Options::default(), observer)
    }

    /// Does the same with other options, such as another range of addresses or another clock.
    pub fn start_with(exe: &Path, options: Options, observer: impl Into<InputSender>) -> Result<Self, Error> {
        let observer = observer.into();
        let (ready, is_ready) = bounded(1);
        let exe = exe.to_owned();
        // PR_SET_PDEATHSIG depends on the thread that forks, so this thread lives as long as the node
        let run = move || match startup::start(&exe, options, &observer) {
            Ok(started) => {
                let shared = started.shared.clone();
                let node = started.node;
                if ready.send(Ok((shared, node))).is_ok() {
                    pass_reports(started, &observer);
                }
            }
            Err(e) => drop(ready.send(Err(e))),
        };
        let thread = thread::spawn("link", run).map_err(|e| Error::Start(e.to_string()))?;
        let (shared, node) = is_ready.recv().map_err(|_| Error::Start("its thread ended".to_owned()))??;
        Ok(Self { shared, node, thread: Some(thread) })
    }

    /// The node's process, in the pid namespace of the app.
    pub fn node(&self) -> ProcId {
        self.node
    }

    /// Starts a pod. Returns as soon as the node has accepted it. Everything after that is reported as Deltas.
    pub fn run(&self, spec: PodSpec) -> Result<PodUid, Error> {
        self.shared.host_ports().allow(&spec);
        match self.shared.call(|call| Request::Run { call, spec: Box::new(spec) }, ANSWER_TIMEOUT)? {
            Answer::Accepted(uid) => Ok(uid),
            other => Err(unexpected_answer(other)),
        }
    }

    /// Gives some containers of a pod other commands. Only these containers are restarted.
    pub fn replace(&self, pod: &PodUid, spec: PodSpec, containers: Vec<String>) -> Result<(), Error> {
        self.shared.host_ports().allow(&spec);
        let request = |call| Request::Replace { call, pod: pod.clone(), spec: Box::new(spec), containers };
        match self.shared.call(request, ANSWER_TIMEOUT)? {
            Answer::Done => Ok(()),
            Answer::NoSuchPod => Err(Error::NoSuchPod(pod.clone())),
            other => Err(unexpected_answer(other)),
        }
    }

    /// Ends a pod: TERM, the grace period of its spec, KILL, then pause. Returns at once. The pod's end is reported as
    /// [`Delta::PodRemoved`].
    pub fn delete(&self, pod: &PodUid) -> Result<(), Error> {
        self.delete_within(pod, None)
    }

    /// Does the same as [`Lab::delete`] with another grace period; a kubelet gives at least two seconds.
    pub fn delete_within(&self, pod: &PodUid, grace: Option<Duration>) -> Result<(), Error> {
        let grace_ms = grace.map(|g| g.as_millis() as u64);
        match self.shared.call(|call| Request::Delete { call, pod: pod.clone(), grace_ms }, ANSWER_TIMEOUT)? {
            Answer::Done => Ok(()),
            Answer::NoSuchPod => Err(Error::NoSuchPod(pod.clone())),
            other => Err(unexpected_answer(other)),
        }
    }

    /// Tells a container of the image `podscope/hand` what to do with its namespaces, and waits until it is done.
    pub fn change_namespaces(&self, member: &Member, step: NamespaceStep) -> Result<(), Error> {
        match self
            .shared
            .call(|call| Request::ChangeNamespaces { call, member: member.clone(), step }, ANSWER_TIMEOUT)?
        {
            Answer::Done => Ok(()),
            other => Err(member_error(other, member)),
        }
    }

    /// The kept output (stdout and stderr) of all runs of a member.
    pub fn logs(&self, member: &Member) -> Result<Vec<u8>, Error> {
        self.logs_of(member, LogPart::All)
    }

    /// The kept output of one run.
    ///
    /// # Errors
    /// Also [`Error::Refused`] if there was no such run.
    pub fn logs_of(&self, member: &Member, which: LogPart) -> Result<Vec<u8>, Error> {
        match self.shared.call(|call| Request::Logs { call, member: member.clone(), which }, ANSWER_TIMEOUT)? {
            Answer::Logs { bytes } => Ok(bytes),
            other => Err(member_error(other, member)),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // the link thread sees the end of the stream, kills the node and waits for it
        self.shared.is_closed.store(true, Ordering::Release);
        let _ = shutdown(self.shared.socket.as_raw_fd(), Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn call(&self, request: impl FnOnce(Call) -> Request, timeout: Duration) -> Result<Answer, Error> {
        let (call, answers) = self.ask(request)?;
        self.wait(call, &answers, OVERDUE_AFTER, timeout)
    }

    /// Sends a request. The returned channel receives the answer.
    fn ask(&self, request: impl FnOnce(Call) -> Request) -> Result<(Call, Receiver<Answer>), Error> {
        let call = new_call();
        let (answer, answers) = bounded(1);
        let waiting = Waiting { answer, opened: None };
        self.calls().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        self.send(&request(call), &[])?;
        Ok((call, answers))
    }

    /// Waits for an answer, and tells the observer when it is overdue.
    fn wait(
        &self,
        call: Call,
        answers: &Receiver<Answer>,
        overdue: Duration,
        timeout: Duration,
    ) -> Result<Answer, Error> {
        let mut answer = answers.recv_timeout(overdue);
        if answer == Err(RecvTimeoutError::Timeout) && overdue < timeout {
            self.set_silent(true);
            answer = answers.recv_timeout(timeout.saturating_sub(overdue));
        }
        answer.map_err(|e| match e {
            RecvTimeoutError::Disconnected => Error::NodeGone,
            RecvTimeoutError::Timeout => {
                if let Some(calls) = self.calls().as_mut() {
                    calls.remove(&call);
                }
                Error::NoAnswer(timeout)
            }
        })
    }

    fn set_silent(&self, silent: bool) {
        let mut known = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != silent {
            *known = silent;
            self.observer.send(Input::Delta(Delta::NodeSilent { silent, at: ending::now() }));
        }
    }

    fn answer(&self, call: Call, answer: Answer) {
        self.set_silent(false);
        let waiting = self.calls().as_mut().and_then(|calls| calls.remove(&call));
        if let Some(waiting) = waiting {
            let _ = waiting.answer.send(answer);
        }
    }

    fn host_ports(&self) -> std::sync::MutexGuard<'_, bind::AllowedPorts> {
        self.host_ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: &Request, fds: &[OwnedFd]) -> Result<(), Error> {
        let _whole = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        wire::send_with(&self.socket, request, fds).map_err(|_| Error::NodeGone)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Option<HashMap<Call, Waiting>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all calls: those that wait for an answer get [`Error::NodeGone`].
    fn close(&self) {
        self.calls().take();
    }
}

fn new_call() -> Call {
    NEXT_CALL.fetch_add(1, Ordering::Relaxed)
}

/// Passes the node's reports on until the node ends, then reports its end.
fn pass_reports(started: startup::Started, observer: &InputSender) {
    // sending may fail: the observer may end before the lab
    let send = |input| observer.send(input);
    send(Input::Watch(started.node));
    send(Input::Delta(Delta::NodeStarted { id: started.node, at: ending::now() }));
    let coverage = started.coverage.clone();
    send(Input::Delta(Delta::Visibility { capability: Capability::Cgroups, coverage, at: ending::now() }));
    let mut pods: HashMap<PodUid, Pod> = HashMap::new();
    let mut inbox: Inbox = started.inbox;
    let last = loop {
        let report = match inbox.receive::<Report>(&started.shared.socket, true) {
            Ok(Some(report)) => report,
            // a socket that blocks has no time limit now
            Ok(None) => continue,
            Err(WireError::Closed) if started.shared.is_closed.load(Ordering::Acquire) => {
                break LastReport::ClosedByApp;
            }
            Err(WireError::Closed) => break LastReport::ClosedByNode,
            Err(WireError::System(e)) => break LastReport::SocketFailed(OsError(e as i32)),
            Err(WireError::Garbled(_)) => break LastReport::Garbled,
        };
        match report {
            Report::Delta(delta) => {
                match &*delta {
                    Delta::Pod { pod, .. } => drop(pods.insert(pod.uid.clone(), (**pod).clone())),
                    Delta::PodRemoved { uid, .. } => drop(pods.remove(uid)),
                    _ => {}
                }
                send(Input::Delta(*delta));
            }
            Report::PauseReaped { pause, pid_in_pod, status, at } => {
                send(Input::PauseReaped { pause, pid_in_pod, status, at });
            }
            Report::PauseDropped { pause, count, at } => send(Input::PauseDropped { pause, count, at }),
            Report::Reread { id } => send(Input::Reread(id)),
            Report::Streams { call, streams } => started.shared.opened(call, &streams, inbox.take_fds()),
            Report::Bind { pod, ports, may_move } => {
                let (result, sockets) = started.shared.host_ports().bind(&ports, may_move);
                // if the node is gone, the next receive tells
                let _ = started.shared.send(&Request::Bound { pod, result }, &sockets);
            }
            Report::Answer { call, answer } => started.shared.answer(call, answer),
            Report::Unshared | Report::Launched { .. } | Report::Refused { .. } | Report::Hello { .. } => {}
        }
    };
    let status = startup::kill_and_reap(started.pid);
    // the cgroups are empty now
    drop(started.cgroups);
    started.shared.close();
    for delta in ending::deltas_of_end(started.node, last, status, pods.into_values()) {
        send(Input::Delta(delta));
    }
}

fn member_error(answer: Answer, member: &Member) -> Error {
    match answer {
        Answer::NoSuchPod => Error::NoSuchPod(member.pod.clone()),
        Answer::NotRunning => Error::NotRunning(member.clone()),
        other => unexpected_answer(other),
    }
}

fn unexpected_answer(answer: Answer) -> Error {
    match answer {
        Answer::Failed(why) => Error::Refused(why),
        other => Error::Refused(format!("unexpected answer: {other:?}")),
    }
}
