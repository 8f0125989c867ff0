//! The observer's thread, from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::error::Error;
use super::options::{Options, Scope};
use super::sender::InputSender;
use super::worker::Worker;
use crate::model::Delta;
use crate::sys::thread;

/// Watches until dropped.
///
/// ```no_run
/// use podscope::observe::{Input, Observer, Options, Scope, identify};
///
/// let (deltas, stream) = crossbeam_channel::unbounded();
/// let sink = Box::new(move |batch| drop(deltas.send(batch)));
/// let observer = Observer::start(Scope::Lab, Options::default(), sink)?;
/// observer.input().send(Input::Watch(identify(std::process::id()).expect("we are here")));
/// # drop(stream);
/// # Ok::<(), podscope::observe::Error>(())
/// ```
#[derive(Debug)]
pub struct Observer {
    input: InputSender,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// `sink` gets one batch for every wake-up that brought news, on the observer's thread. The first batch,
    /// with the host and what can be seen of it, comes before anything else.
    pub fn start(scope: Scope, options: Options, sink: Box<dyn FnMut(Vec<Delta>) + Send>) -> Result<Self, Error> {
        super::proc::pids().map_err(Error::Proc)?;
        let (input, inbox, bell) = InputSender::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // made in the thread, since it is bound to it; its first failure comes back here
        let (started, answer) = crossbeam_channel::bounded(1);
        let run = move || match Worker::new(scope, &options, inbox, bell, stopped, sink) {
            Ok(mut worker) => {
                let _ = started.send(Ok(()));
                worker.run();
            }
            Err(e) => drop(started.send(Err(e))),
        };
        let thread = thread::spawn("observer", run)?;
        let this = Self { input, stop, thread: Some(thread) };
        match answer.recv() {
            Ok(Err(e)) => Err(e),
            _ => Ok(this),
        }
    }

    pub fn input(&self) -> InputSender {
        self.input.clone()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.input.wake();
        if let Some(thread) = self.thread.take() {
            // a sink that panicked has said so already
            let _ = thread.join();
        }
    }
}
