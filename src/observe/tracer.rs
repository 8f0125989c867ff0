//! Loads the tracepoints on a thread of its own, since that takes some milliseconds, and receives their events.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, TryRecvError};
use nix::sys::eventfd::EventFd;

use super::bpf::{Drained, Events, Loader, Subject, Tracepoint, Unavailable};
use crate::model::{BpfProblem, Coverage, Limitation, OsError};
use crate::sys::thread;

/// Room in the kernel for events that wait: about 10,000 signals. It is mapped twice, and counts as resident memory.
const ROOM: u32 = 1 << 20;
/// `Tracepoint::Namespaces` is not among them: it makes every system call of the machine slower, by a tenth of a
/// microsecond and more. Scans find the changes that it would report.
const TRACEPOINTS: [Tracepoint; 3] = [Tracepoint::Signal, Tracepoint::OomKill, Tracepoint::Exit];
/// Also needed where there is no connector.
const BIRTHS: [Tracepoint; 2] = [Tracepoint::Fork, Tracepoint::Exec];

type Loaded = Result<Events, Unavailable>;

#[derive(Debug)]
enum State {
    /// It is switched off, or cannot be had.
    Off,
    NotStarted,
    Loading {
        thread: Option<JoinHandle<()>>,
        loaded: Receiver<Loaded>,
    },
    Running(Events),
}

#[derive(Debug)]
pub struct Tracer {
    state: State,
    has_connector: bool,
}

impl Tracer {
    pub const fn new(wanted: bool, has_connector: bool) -> Self {
        Self { state: if wanted { State::NotStarted } else { State::Off }, has_connector }
    }

    /// Begins to load, unless it has begun before. `bell` is rung when that is done. Returns what is covered if nothing
    /// could be begun.
    pub fn start(&mut self, bell: &Arc<EventFd>) -> Option<Coverage> {
        if !matches!(self.state, State::NotStarted) {
            return None;
        }
        let has_connector = self.has_connector;
        let (answer, loaded) = crossbeam_channel::bounded(1);
        let bell = Bell(Arc::clone(bell));
        let load = move || {
            let _bell = bell;
            // dropped before the bell rings, also by a panic
            let answer = answer;
            // nobody waits if the observer has ended meanwhile
            let _ = answer.send(load(has_connector));
        };
        let (state, coverage) = match thread::spawn("bpf", load) {
            Ok(thread) => (State::Loading { thread: Some(thread), loaded }, None),
            Err(e) => {
                let problem = BpfProblem::Failed { what: "pthread_create".into(), error: OsError(e.errno() as i32) };
                (State::Off, Some(Coverage::Missing(Limitation::Bpf(problem))))
            }
        };
        self.state = state;
        coverage
    }

    /// What is covered, once it has been loaded. Returns it once.
    pub fn take_loaded(&mut self) -> Option<Coverage> {
        let State::Loading { loaded, .. } = &self.state else { return None };
        let loaded = match loaded.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                self.state = State::Off;
                return Some(Coverage::Missing(Limitation::Bpf(BpfProblem::NotLoaded)));
            }
            Ok(loaded) => loaded,
        };
        let coverage = coverage(&loaded);
        self.state = loaded.map_or(State::Off, State::Running);
        Some(coverage)
    }

    /// The events, if they are there.
    pub const fn events(&self) -> Option<&Events> {
        match &self.state {
            State::Running(events) => Some(events),
            _ => None,
        }
    }

    pub fn drain(&mut self) -> io::Result<Drained> {
        match &mut self.state {
            State::Running(events) => events.drain(),
            _ => Ok(Drained::default()),
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if let State::Loading { thread, .. } = &mut self.state
            && let Some(thread) = thread.take()
        {
            // a panic was printed, and nothing of it is used any more
            let _ = thread.join();
        }
    }
}

/// Rings when it is dropped, also by a panic.
struct Bell(Arc<EventFd>);

impl Drop for Bell {
    fn drop(&mut self) {
        // a full counter means that it was rung already
        let _ = self.0.write(1);
    }
}

/// What of signals and kills for lack of memory can be seen here. Loads the programs and lets them go.
pub fn probe() -> Coverage {
    coverage(&load(true))
}

fn load(has_connector: bool) -> Loaded {
    let mut tracepoints = Vec::from(TRACEPOINTS);
    if !has_connector {
        tracepoints.extend(BIRTHS);
    }
    // whether all are watched changes with the scope (`Watched::set_all`)
    Events::load(&Loader::new()?, &tracepoints, Subject::Watched, ROOM)
}

fn coverage(loaded: &Loaded) -> Coverage {
    match loaded {
        Ok(events) if events.missing().is_empty() => Coverage::Full,
        Ok(events) => Coverage::Partial(events.missing().iter().map(|(_, reason)| reason.limitation()).collect()),
        Err(reason) => Coverage::Missing(reason.limitation()),
    }
}
