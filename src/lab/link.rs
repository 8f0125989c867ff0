//! The app's side of the lab: one thread that starts the node, hears it and sees it end.

mod bind;
mod ending;
mod exec;
mod follow;
mod members;
mod startup;
mod streams;

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use nix::sys::socket::{Shutdown, shutdown};

use super::Error;
use super::hand::HandStep;
use super::protocol::{Answer, Call, Options, Report, Request, Which};
use super::spec::PodSpec;
use super::wire::{self, Inbox};
use crate::model::{Aspect, Delta, Member, Pod, PodUid, ProcId};
use crate::observe::{Input, InputSender};
use crate::sys::thread;
pub use exec::{CancelExec, Exec};
pub use follow::Follow;
use follow::HearLog;
pub use streams::{Attachment, DetachHandle, Streams};

/// How long an answer that needs no waiting may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// An answer that needs no waiting and has not come by then is overdue: the window says so.
const OVERDUE: Duration = Duration::from_secs(2);

/// A running node and its pods. Dropping it ends the node, and the kernel every pod with it.
///
/// After the node has ended, by whatever cause, every method says [`Error::NodeGone`]; start a new
/// one to go on.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
    node: ProcId,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: OwnedFd,
    /// Packets of one message must not mix with another's.
    sending: Mutex<()>,
    /// Who waits for which answer; `None` once the node has gone.
    calls: Mutex<Option<HashMap<Call, Waiting>>>,
    /// Who follows the output of a member.
    follows: Follows,
    next: AtomicU64,
    /// Host ports of all manifests that the node was sent.
    host_ports: Mutex<bind::Allowed>,
    /// An answer is overdue, and the observer was told.
    silent: Mutex<bool>,
    observer: InputSender,
}

#[derive(Default)]
struct Follows(Mutex<HashMap<Call, HearLog>>);

impl std::fmt::Debug for Follows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follows")
    }
}

/// Gets output as it is written, with whether it is to stderr.
type Hear = Box<dyn FnMut(bool, &[u8]) + Send>;

struct Waiting {
    answer: Sender<Answer>,
    hear: Option<Hear>,
    /// Gets the streams of the call.
    opened: Option<Sender<Streams>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

impl Lab {
    /// Starts a node as `exe` (the app's own `/proc/self/exe`) and tells `observer` all it reports.
    ///
    /// # Errors
    /// [`Error::UserNamespaces`] with the remedy if the machine does not allow it, else
    /// [`Error::Start`].
    pub fn start(exe: &Path, observer: impl Into<InputSender>) -> Result<Self, Error> {
        Self::start_with(exe, Options::default(), observer)
    }

    /// The same with another range of addresses, or another clock.
    pub fn start_with(exe: &Path, options: Options, observer: impl Into<InputSender>) -> Result<Self, Error> {
        let observer = observer.into();
        let (ready, is_ready) = bounded(1);
        let exe = exe.to_owned();
        // PR_SET_PDEATHSIG is bound to the thread that forks, so that one stays for the node's life
        let run = move || match startup::start(&exe, options, &observer) {
            Ok(started) => {
                let shared = started.shared.clone();
                let node = started.node;
                if ready.send(Ok((shared, node))).is_ok() {
                    listen(started, &observer);
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

    /// Starts a pod. Returns as soon as the node has taken it; what follows comes as Deltas.
    pub fn run(&self, spec: PodSpec) -> Result<PodUid, Error> {
        self.shared.host_ports().name(&spec);
        match self.shared.call(|call| Request::Run { call, spec: Box::new(spec) }, PATIENCE)? {
            Answer::Accepted(uid) => Ok(uid),
            other => Err(unexpected(other)),
        }
    }

    /// Gives some containers of a pod other commands: these alone are replaced, and the pod goes on.
    pub fn replace(&self, pod: &PodUid, spec: PodSpec, containers: Vec<String>) -> Result<(), Error> {
        self.shared.host_ports().name(&spec);
        let request = |call| Request::Replace { call, pod: pod.clone(), spec: Box::new(spec), containers };
        match self.shared.call(request, PATIENCE)? {
            Answer::Done => Ok(()),
            Answer::NoSuchPod => Err(Error::NoSuchPod(pod.clone())),
            other => Err(unexpected(other)),
        }
    }

    /// Ends a pod: TERM, the grace period of its spec, KILL, then pause. Returns at once; the end
    /// is [`Delta::PodRemoved`].
    pub fn delete(&self, pod: &PodUid) -> Result<(), Error> {
        self.delete_within(pod, None)
    }

    /// As [`Lab::delete`], with another grace period; a kubelet gives two seconds at least.
    pub fn delete_within(&self, pod: &PodUid, grace: Option<Duration>) -> Result<(), Error> {
        let grace_ms = grace.map(|g| g.as_millis() as u64);
        match self.shared.call(|call| Request::Delete { call, pod: pod.clone(), grace_ms }, PATIENCE)? {
            Answer::Done => Ok(()),
            Answer::NoSuchPod => Err(Error::NoSuchPod(pod.clone())),
            other => Err(unexpected(other)),
        }
    }

    /// Tells a container of the image `podscope/hand` what to do with its namespaces, and waits until it is done.
    pub fn hand(&self, member: &Member, step: HandStep) -> Result<(), Error> {
        match self.shared.call(|call| Request::Hand { call, member: member.clone(), step }, PATIENCE)? {
            Answer::Done => Ok(()),
            other => Err(of_member(other, member)),
        }
    }

    /// The last of what the member has written to stdout and stderr, in all its runs.
    pub fn logs(&self, member: &Member) -> Result<Vec<u8>, Error> {
        self.logs_of(member, Which::All)
    }

    /// The same of one run.
    ///
    /// # Errors
    /// Also [`Error::Refused`] where there was no such run.
    pub fn logs_of(&self, member: &Member, which: Which) -> Result<Vec<u8>, Error> {
        match self.shared.call(|call| Request::Logs { call, member: member.clone(), which }, PATIENCE)? {
            Answer::Logs { bytes } => Ok(bytes),
            other => Err(of_member(other, member)),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // the link thread sees the end of the stream, kills the node and waits for it
        let _ = shutdown(self.shared.socket.as_raw_fd(), Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn call(&self, request: impl FnOnce(Call) -> Request, patience: Duration) -> Result<Answer, Error> {
        let (call, told) = self.ask(request, None)?;
        self.wait(call, &told, OVERDUE, patience)
    }

    /// Sends a request; its answer comes on the channel.
    fn ask(
        &self,
        request: impl FnOnce(Call) -> Request,
        hear: Option<Hear>,
    ) -> Result<(Call, Receiver<Answer>), Error> {
        let call = self.fresh_call();
        let (answer, told) = bounded(1);
        let waiting = Waiting { answer, hear, opened: None };
        self.locked().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        self.send(&request(call), &[])?;
        Ok((call, told))
    }

    fn fresh_call(&self) -> Call {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits for an answer; tells the observer when it is overdue.
    fn wait(
        &self,
        call: Call,
        told: &Receiver<Answer>,
        overdue: Duration,
        patience: Duration,
    ) -> Result<Answer, Error> {
        let mut answer = told.recv_timeout(overdue);
        if answer == Err(RecvTimeoutError::Timeout) && overdue < patience {
            self.set_silent(true);
            answer = told.recv_timeout(patience.saturating_sub(overdue));
        }
        answer.map_err(|e| match e {
            RecvTimeoutError::Disconnected => Error::NodeGone,
            RecvTimeoutError::Timeout => {
                if let Some(calls) = self.locked().as_mut() {
                    calls.remove(&call);
                }
                Error::NoAnswer(patience)
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
        let waiting = self.locked().as_mut().and_then(|calls| calls.remove(&call));
        if let Some(waiting) = waiting {
            let _ = waiting.answer.send(answer);
        }
    }

    fn output(&self, call: Call, stderr: bool, bytes: &[u8]) {
        if let Some(hear) = self.locked().as_mut().and_then(|calls| calls.get_mut(&call)?.hear.as_mut()) {
            hear(stderr, bytes);
        }
    }

    fn log(&self, call: Call, anew: bool, bytes: &[u8]) {
        if let Some(hear) = self.follows().get_mut(&call) {
            hear(anew, bytes);
        }
    }

    fn host_ports(&self) -> std::sync::MutexGuard<'_, bind::Allowed> {
        self.host_ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follows(&self) -> std::sync::MutexGuard<'_, HashMap<Call, HearLog>> {
        self.follows.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: &Request, fds: &[OwnedFd]) -> Result<(), Error> {
        let _whole = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        wire::send_with(&self.socket, request, fds).map_err(|_| Error::NodeGone)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<HashMap<Call, Waiting>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever waits for an answer learns that none will come.
    fn close(&self) {
        self.locked().take();
        self.follows().clear();
    }
}

/// Passes the node's reports on until it ends, then tells of its end.
fn listen(started: startup::Started, observer: &InputSender) {
    // the observer may go before the lab does: then nobody wants to hear
    let tell = |input| observer.send(input);
    tell(Input::Watch(started.node));
    tell(Input::Delta(Delta::NodeStarted { id: started.node, at: ending::now() }));
    let sight = started.sight.clone();
    tell(Input::Delta(Delta::Visibility { aspect: Aspect::Cgroups, sight, at: ending::now() }));
    let mut pods: HashMap<PodUid, Pod> = HashMap::new();
    let mut inbox: Inbox = started.inbox;
    while let Ok(Some(report)) = inbox.receive::<Report>(&started.shared.socket, true) {
        match report {
            Report::Fact(delta) => {
                match &*delta {
                    Delta::Pod { pod, .. } => drop(pods.insert(pod.uid.clone(), (**pod).clone())),
                    Delta::PodRemoved { uid, .. } => drop(pods.remove(uid)),
                    _ => {}
                }
                tell(Input::Delta(*delta));
            }
            Report::PauseReaped { pause, pid_in_pod, status, at } => {
                tell(Input::PauseReaped { pause, pid_in_pod, status, at });
            }
            Report::PauseDropped { pause, count, at } => tell(Input::PauseDropped { pause, count, at }),
            Report::Look { id } => tell(Input::Look(id)),
            Report::ExecOutput { call, stderr, bytes } => started.shared.output(call, stderr, &bytes),
            Report::Log { call, anew, bytes } => started.shared.log(call, anew, &bytes),
            Report::Streams { call, streams } => started.shared.opened(call, &streams, inbox.take_fds()),
            Report::Bind { pod, ports, may_move } => {
                let (result, sockets) = started.shared.host_ports().bind(&ports, may_move);
                // a node that is gone is heard of by the next receive
                let _ = started.shared.send(&Request::Bound { pod, result }, &sockets);
            }
            Report::Answer { call, answer } => started.shared.answer(call, answer),
            Report::Unshared | Report::Launched { .. } | Report::Refused { .. } | Report::Hello { .. } => {}
        }
    }
    let status = startup::end(started.pid);
    // empty by now
    drop(started.cgroups);
    started.shared.close();
    for delta in ending::of_node(started.node, status, pods.into_values()) {
        tell(Input::Delta(delta));
    }
}

fn of_member(answer: Answer, member: &Member) -> Error {
    match answer {
        Answer::NoSuchPod => Error::NoSuchPod(member.pod.clone()),
        Answer::NotRunning => Error::NotRunning(member.clone()),
        other => unexpected(other),
    }
}

fn unexpected(answer: Answer) -> Error {
    match answer {
        Answer::Failed(why) => Error::Refused(why),
        other => Error::Refused(format!("an answer that makes no sense here: {other:?}")),
    }
}
