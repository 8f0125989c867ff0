//! The engine: a thread that owns the observer, the lab, the history and the script that plays. Only the engine carries
//! out [`Command`]s, so that the window, `podscope run` and scripts follow the same rules.
//!
//! ```text
//! front end ── Request ──► engine ── Event ──► front end
//!                            │
//!                            └── Published: the latest World, and the World at the cursor
//! ```
//!
//! A front end never waits: what takes time runs on a thread of its own, and its result comes as an [`Event`].

mod attention;
mod building;
mod bursts;
mod commands;
mod containers;
mod event;
mod export;
mod holders;
mod inside;
mod manifests;
mod names;
mod pods;
mod question;
mod request;
mod script;
mod startup;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::lab::spec::PodSpec;
use crate::lab::{self, Lab};
use crate::model::{MonoNs, PodUid, World};
use crate::observe::now;
use crate::store::History;
use crate::sys::thread;

pub use attention::Watched;
pub use event::{Event, FrontEndCommand, PodReplaced, ScriptFailure};
pub use export::{Export, ExportContent, ExportError};
pub use manifests::{Update, read as read_manifest};
pub use pods::{PresetPod, ReadPod, StartedPod};
pub use question::{Question, QuestionSubject, SignalTarget};
pub use request::{Origin, Request};

/// Whom the engine works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// It can ask the user, and it shows the past.
    Window,
    /// It cannot ask the user, so what needs an answer is refused. It prints every Delta, and has no use for the past.
    Terminal,
}

/// How the engine works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub front_end: FrontEnd,
    pub lab: lab::Options,
}

/// Receives the events, on the engine's thread. It must not wait for the engine.
pub type EventSink = Box<dyn FnMut(Event) + Send>;

/// What the engine knows now. A value: it does not change while a frame is drawn.
#[derive(Clone, Debug, Default)]
pub struct Published {
    pub live: World,
    pub history: History,
    /// The number of Deltas so far.
    pub revision: u64,
    /// The time of the last change of a pod or of one of its processes: views move for a while after it.
    pub pods_changed: MonoNs,
    /// From the oldest moment that can still be shown to the latest.
    pub span: (MonoNs, MonoNs),
    /// The World at the moment of the last [`Request::Show`]; `None` if that is live.
    pub shown: Option<(MonoNs, World)>,
    /// Whether there is an observer. Without one nothing can be done.
    pub is_observing: bool,
    /// The lab, to open streams to its programs. It is the engine's, and ends with it.
    pub lab: Weak<Lab>,
    /// The spec of each pod as it was requested last. It differs from the manifest if, for example, a command was
    /// replaced.
    pub specs: Arc<BTreeMap<PodUid, PodSpec>>,
}

impl Published {
    /// # Errors
    /// The lab is not running; the text says what to do.
    pub fn lab(&self) -> Result<Arc<Lab>, String> {
        if !self.is_observing {
            return Err(commands::NO_OBSERVER.to_owned());
        }
        self.lab.upgrade().ok_or_else(|| commands::NO_LAB.to_owned())
    }
}

type Slot = Arc<Mutex<Arc<Published>>>;

/// Sends requests to the engine, and reads what it publishes.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: Sender<Request>,
    published: Slot,
    attention: attention::Attention,
}

impl Handle {
    pub fn send(&self, request: Request) {
        // an error means that the engine has ended, and the front end with it
        let _ = self.requests.send(request);
    }

    /// The user has done something: for a while everything is on screen as soon as possible.
    pub fn note_input(&self) {
        self.attention.note(now());
    }

    /// The latest state.
    pub fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The running engine. Dropping it ends the lab and everything in it, and waits for that.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine. It starts the observer and the lab, and reports how that went as events.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(options: Options, events: EventSink) -> Result<Self, thread::SpawnError> {
        let (requests, inbox): (Sender<Request>, Receiver<Request>) = unbounded();
        let published = Slot::default();
        let handle = Handle { requests, published, attention: attention::Attention::default() };
        let worker = worker::Worker::new(options, inbox, &handle, events);
        let thread = thread::spawn("engine", move || worker.run())?;
        Ok(Self { handle, thread: Some(thread) })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.send(Request::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
