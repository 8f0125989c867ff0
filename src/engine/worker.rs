//! The engine's thread: its state and its loop. It waits only for the next message.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select, unbounded};

use super::attention::{Attention, Watched, is_of_pods};
use super::building::AcceptedStep;
use super::bursts::Bursts;
use super::containers::Containers;
use super::event::PodReplaced;
use super::export::{Export, ExportError};
use super::holders::HolderSearch;
use super::inside::InsideReader;
use super::manifests::Manifests;
use super::names::Names;
use super::pods::{ReadPod, StartedPod};
use super::question::OpenQuestion;
use super::request::{Origin, Request};
use super::script::Playing;
use super::{Event, EventSink, FrontEnd, Handle, Options, Published, Slot};
use crate::command::Outcome;
use crate::control::{Server, StateSender};
use crate::engines::{Appeared, FoundPods, Report};
use crate::inside::Reading;
use crate::lab::spec::{PodSpec, Warning};
use crate::lab::{self, Lab};
use crate::model::{Delta, MonoNs, NsId, PodUid, World};
use crate::observe::{Observer, now};
use crate::script::Requested;
use crate::steps::Pending;
use crate::store::{Bounds, Cursor, Store};
use crate::sys::thread;

/// How many batches of Deltas may wait while the engine is busy. Beyond that the observer waits.
const MAX_BATCHES: usize = 4_096;
/// How many batches are taken in before they are published. A storm is published in steps, so that requests still act.
const BATCHES_AT_ONCE: usize = 256;

/// The result of a job that ran on a thread of its own.
#[derive(Debug)]
pub(super) enum JobResult {
    Ended {
        outcome: Outcome,
        origin: Origin,
    },
    /// The lab has started, or cannot. `origin`: who has asked to start it again.
    LabStarted {
        result: Result<Lab, lab::Error>,
        origin: Option<Origin>,
    },
    PodStarted {
        pod: PodUid,
        from: StartedPod,
        warnings: Vec<Warning>,
        /// The number of the request to start pods.
        start: u64,
    },
    StartFailed {
        name: String,
        why: String,
    },
    /// All pods of a manifest were started, or one could not be.
    Created {
        result: Result<(), String>,
        /// `wait ready` of a script waits for them.
        awaited: bool,
        origin: Origin,
        start: u64,
    },
    Built {
        result: Result<Box<AcceptedStep>, String>,
        origin: Origin,
    },
    ManifestChanged(PathBuf),
    ManifestRead {
        path: PathBuf,
        result: Result<Vec<(PodSpec, Vec<Warning>)>, String>,
    },
    Replaced {
        uid: PodUid,
        replaced: PodReplaced,
        before: Box<PodSpec>,
    },
    /// Everything in a changed manifest was replaced.
    ManifestFollowed(PathBuf),
    Exported {
        export: Export,
        world: Box<World>,
        written: Result<(), ExportError>,
        origin: Origin,
    },
    /// A command in another terminal asks for the World and the lab.
    StateRequest(StateSender),
    /// A container engine has answered, or does not.
    EngineReport(Report),
    /// A container engine or a container may have started.
    EngineAppeared(Appeared),
    EnginePodsFound(Result<FoundPods, String>),
    InsideRead(Vec<Reading>),
    /// What a search of the machine has found, which began at this time for this namespace.
    HoldersFound {
        found: Result<Vec<Delta>, String>,
        wanted: NsId,
        at: MonoNs,
    },
}

/// The engine's state. Each part of it is changed by the file that is named after it.
pub(super) struct Worker {
    pub front_end: FrontEnd,
    pub lab_options: lab::Options,
    pub events: EventSink,
    requests: Receiver<Request>,
    published: Slot,
    pub batches: Sender<Vec<Delta>>,
    deltas: Receiver<Vec<Delta>>,
    pub jobs: (Sender<JobResult>, Receiver<JobResult>),
    pub store: Store,
    cursor: Cursor,
    pub control: Option<Server>,
    pub lab: Option<Arc<Lab>>,
    pub is_lab_starting: bool,
    pub observer: Option<Observer>,
    /// What each pod was started from.
    pub started: BTreeMap<PodUid, StartedPod>,
    pub names: Names,
    /// How many requests to start pods there were.
    pub starts: u64,
    pub specs: Arc<BTreeMap<PodUid, PodSpec>>,
    pub manifests: Manifests,
    /// The manifests that are being read and followed, and whether they have changed again meanwhile.
    pub reading: BTreeMap<PathBuf, bool>,
    /// Pods that are being deleted and are started again once they are gone.
    pub recreating: BTreeMap<PodUid, ReadPod>,
    pub pending_steps: Vec<(Pending, Origin)>,
    pub questions: Vec<OpenQuestion>,
    pub next_question: u64,
    pub playing: Option<Playing>,
    pub runs: u64,
    pub requested: Requested,
    /// Something was not published yet.
    is_changed: bool,
    /// Some of it is on screen.
    is_visible: bool,
    watched: Watched,
    pods_changed: MonoNs,
    bursts: Bursts,
    pub containers: Containers,
    pub inside: InsideReader,
    pub holders: HolderSearch,
    pub attention: Attention,
    /// When the front end was woken last.
    woken: MonoNs,
}

impl Worker {
    pub fn new(options: Options, requests: Receiver<Request>, handle: &Handle, events: EventSink) -> Self {
        let Options { front_end, lab } = options;
        let (batches, deltas) = bounded(MAX_BATCHES);
        let bounds = match front_end {
            FrontEnd::Window => Bounds::default(),
            FrontEnd::Terminal => Bounds::NO_HISTORY,
        };
        Self {
            front_end,
            lab_options: lab,
            events,
            requests,
            published: Arc::clone(&handle.published),
            batches,
            deltas,
            jobs: unbounded(),
            store: Store::new(bounds),
            cursor: Cursor::Live,
            control: None,
            lab: None,
            is_lab_starting: false,
            observer: None,
            started: BTreeMap::new(),
            names: Names::default(),
            starts: 0,
            specs: Arc::default(),
            manifests: Manifests::default(),
            reading: BTreeMap::new(),
            recreating: BTreeMap::new(),
            pending_steps: Vec::new(),
            questions: Vec::new(),
            next_question: 0,
            playing: None,
            runs: 0,
            requested: Requested::default(),
            is_changed: true,
            is_visible: true,
            watched: Watched::default(),
            pods_changed: MonoNs(0),
            bursts: Bursts::default(),
            containers: Containers::default(),
            inside: InsideReader::default(),
            holders: HolderSearch::default(),
            attention: handle.attention.clone(),
            woken: MonoNs(0),
        }
    }

    pub fn run(mut self) {
        self.start_all(None);
        let mut wake_at = self.advance();
        loop {
            // until the lab has started there is nothing that could act on a request
            let requests = if self.is_lab_starting { never() } else { self.requests.clone() };
            let timer = wake_at.map_or_else(never, |t| at(Instant::now() + Duration::from_nanos(t.since(now()))));
            select! {
                recv(self.deltas) -> batch => if let Ok(batch) = batch { self.take_batches(batch) },
                recv(self.jobs.1) -> result => if let Ok(result) = result { self.handle_result(result) },
                recv(requests) -> request => match request {
                    Ok(Request::Quit) | Err(_) => break,
                    Ok(request) => self.handle_request(request),
                },
                recv(timer) -> _ => {}
            }
            wake_at = self.advance();
        }
        self.end();
    }

    /// Ends all in order: no new commands from other terminals, then the node and its pods while the observer still
    /// sees them.
    fn end(&mut self) {
        // the observer must not wait for room in the queue
        self.deltas = never();
        self.control = None;
        self.containers = Containers::default();
        self.lab = None;
        self.observer = None;
    }

    pub fn send(&mut self, event: Event) {
        // the front end must not see an event before the state that it is about
        if self.is_changed && self.front_end == FrontEnd::Window {
            self.publish();
        }
        (self.events)(event);
    }

    /// Runs a job on a thread of its own. Its result comes to [`Worker::handle_result`].
    ///
    /// # Errors
    /// No thread can be started.
    pub fn spawn(&self, name: &str, job: impl FnOnce() -> JobResult + Send + 'static) -> Result<(), String> {
        let jobs = self.jobs.0.clone();
        thread::spawn(name, move || drop(jobs.send(job()))).map(drop).map_err(|e| e.to_string())
    }

    fn take_batches(&mut self, first: Vec<Delta>) {
        let more: Vec<_> = self.deltas.try_iter().take(BATCHES_AT_ONCE).collect();
        for batch in std::iter::once(first).chain(more) {
            let before = self.store.live().clone();
            for delta in &batch {
                self.store.push(delta.clone());
                self.is_visible = self.is_visible || self.watched.shows(delta, self.store.live());
                if is_of_pods(delta, self.store.live()) {
                    self.pods_changed = self.pods_changed.max(delta.time());
                }
                self.note_process(delta, &before);
                self.inside.note(delta, self.store.live());
            }
            self.holders.note(&before, self.store.live());
            if self.front_end == FrontEnd::Terminal {
                let world = Box::new(self.store.live().clone());
                self.send(Event::Deltas(batch, world));
            } else if let Some(burst) = self.bursts.push(before, batch, self.store.live(), now()) {
                self.send(Event::Burst(Box::new(burst)));
            }
        }
        self.is_changed = true;
    }

    fn handle_result(&mut self, result: JobResult) {
        (self.is_changed, self.is_visible) = (true, true);
        match result {
            JobResult::Ended { outcome, origin } => self.finish(outcome, origin),
            JobResult::LabStarted { result, origin } => self.lab_started(result, origin),
            JobResult::PodStarted { pod, from, warnings, start } => self.pod_started(pod, from, warnings, start),
            JobResult::StartFailed { name, why } => self.send(Event::StartFailed { name, why }),
            JobResult::Created { result, awaited, origin, start } => self.created(result, awaited, origin, start),
            JobResult::Built { result, origin } => self.built(result, origin),
            JobResult::ManifestChanged(path) => self.manifest_changed(path),
            JobResult::ManifestRead { path, result } => self.manifest_read(path, result),
            JobResult::Replaced { uid, replaced, before } => self.replaced(uid, replaced, &before),
            JobResult::ManifestFollowed(path) => self.manifest_followed(path),
            JobResult::Exported { export, world, written, origin } => self.exported(export, world, written, origin),
            JobResult::EngineReport(report) => self.engine_reported(report),
            JobResult::EngineAppeared(appeared) => self.engine_appeared(appeared),
            JobResult::EnginePodsFound(found) => self.engine_pods_found(found),
            JobResult::InsideRead(found) => self.inside_read(found),
            JobResult::HoldersFound { found, wanted, at } => self.holders_found(found, wanted, at),
            // the command may have ended
            JobResult::StateRequest(answer) => drop(answer.send((self.store.live().clone(), self.lab.clone()))),
        }
    }

    fn handle_request(&mut self, request: Request) {
        (self.is_changed, self.is_visible) = (true, true);
        match request {
            Request::Execute(command) => self.execute(command, Origin::User),
            Request::Answer { question, confirmed } => self.answer_question(question, confirmed),
            Request::Start(pods) => {
                // in a terminal the first are those of the command line, for which its script waits
                let awaited = self.front_end == FrontEnd::Terminal && self.started.is_empty();
                self.start(pods, awaited);
            }
            Request::Recreate { pod, from } => self.recreate(pod, *from),
            Request::Export(export) => {
                if let Some(outcome) = self.export(export, Origin::User) {
                    self.finish(outcome, Origin::User);
                }
            }
            Request::Watch(watched) => {
                self.inside.show(watched.inside.clone());
                self.holders.show(watched.holders);
                self.watched = watched;
            }
            Request::Observe(scope) => self.observe(scope),
            Request::Show(cursor) => self.cursor = cursor,
            Request::Play { script, out_dir } => self.play_requested(*script, out_dir),
            Request::PlayGuide { script, until } => self.play_guide(*script, until),
            Request::ContinueGuide { until } => self.continue_guide(until),
            Request::StopGuide => self.stop_guide(),
            Request::Completed { origin, outcome } => self.finish(outcome, origin),
            Request::Quit => {}
        }
    }

    /// Does what the new state allows, and publishes it. Returns when to do so again at the latest.
    fn advance(&mut self) -> Option<MonoNs> {
        self.names.forget_seen(self.store.live());
        self.start_recreated_pods();
        self.finish_steps();
        let script = self.advance_script();
        if let Some(burst) = self.bursts.take_if_over(now()) {
            self.send(Event::Burst(Box::new(burst)));
        }
        let look = self.look_again_if_due();
        let inside = self.read_inside_if_due();
        let holders = self.search_holders_if_due();
        let wake = self.publish_and_wake();
        [script, look, inside, holders, self.steps_deadline(), self.bursts.deadline(), wake].into_iter().flatten().min()
    }

    /// Publishes what has changed, and wakes the window if it shows some of it. Returns when to wake it if that is not
    /// due yet.
    fn publish_and_wake(&mut self) -> Option<MonoNs> {
        if self.front_end == FrontEnd::Terminal {
            return None;
        }
        // a frame that is drawn for another reason shows it
        if std::mem::take(&mut self.is_changed) {
            self.publish();
        }
        if !self.is_visible {
            return None;
        }
        let at = now();
        let due = self.attention.next_wake(self.woken, at, self.store.live().scope);
        if due > at {
            return Some(due);
        }
        (self.is_visible, self.woken) = (false, at);
        self.send(Event::Changed);
        None
    }

    /// The World at the cursor.
    pub fn shown_world(&mut self) -> &World {
        self.store.view(self.cursor)
    }

    fn publish(&mut self) {
        let shown = match self.cursor {
            Cursor::Live => None,
            Cursor::At(t) => Some((t, self.shown_world().clone())),
        };
        let published = Published {
            live: self.store.live().clone(),
            history: self.store.history().clone(),
            revision: self.store.revision(),
            pods_changed: self.pods_changed,
            span: self.store.span(),
            shown,
            is_observing: self.observer.is_some(),
            lab: self.lab.as_ref().map_or_else(Weak::new, Arc::downgrade),
            specs: Arc::clone(&self.specs),
        };
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(published);
    }
}
