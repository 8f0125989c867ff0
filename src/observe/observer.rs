//! Starts, stops and restarts the observer's thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::Error;
use super::options::Options;
use super::sender::InputSender;
use super::worker::{Sink, Worker};
use crate::model::{Coverage, Limitation, ObserverFailure, Scope};
use crate::sys::thread;

/// The pause before the first restart after a failure. It doubles with every further failure in a row.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Observes until it is dropped.
#[derive(Debug)]
pub struct Observer {
    input: InputSender,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Calls `sink` on the observer's thread, with one batch for every wake-up that changed something. The first batch
    /// describes the host and what can be observed of it.
    ///
    /// When the observer fails later, even by a panic, `sink` gets [`Capability::Observer`](crate::model::Capability) as
    /// missing, with the reason. The observer then starts again and reports what has changed meanwhile. A batch on
    /// which `sink` itself panics is not sent again.
    ///
    /// # Errors
    /// It cannot start at all.
    pub fn start(scope: Scope, options: Options, sink: Sink) -> Result<Self, Error> {
        super::proc::pids().map_err(Error::Proc)?;
        let (input, inbox, bell) = InputSender::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // the worker is created in its thread, since it cannot be moved; a failure to start is returned here
        let (started, answer) = crossbeam_channel::bounded(1);
        let run = move || match Worker::new(scope, options, inbox, bell, Arc::clone(&stopped), sink) {
            Ok(mut worker) => {
                let _ = started.send(Ok(()));
                keep_running(&mut worker, &stopped);
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
            thread.thread().unpark();
            // a panic was already reported to the sink
            let _ = thread.join();
        }
    }
}

/// Runs the worker until `stop` is set, and restarts it whenever it fails.
fn keep_running(worker: &mut Worker, stop: &AtomicBool) {
    let mut failures: u32 = 0;
    // failures in a row: less than a minute after the last start
    let mut in_a_row: u32 = 0;
    let mut started = Instant::now();
    let mut done = attempt(|| worker.run());
    while let Err(why) = done {
        failures += 1;
        in_a_row = if started.elapsed() > Duration::from_mins(1) { 1 } else { in_a_row + 1 };
        tracing::error!("the observer failed: {why:?}");
        let missing = Coverage::Missing(Limitation::ObserverFailed(why.clone()));
        // the sink itself may have failed: the next start reports it again
        let _ = attempt(|| {
            worker.report(missing);
            Ok(())
        });
        wait_unless_stopped(pause_before(in_a_row), stop);
        if stop.load(Ordering::Acquire) {
            return;
        }
        started = Instant::now();
        done = attempt(|| {
            worker.restart()?;
            worker.report(Coverage::Partial(vec![Limitation::ObserverRestarted { failures, last: why }]));
            worker.run()
        });
    }
}

fn pause_before(failures: u32) -> Duration {
    PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

/// Sleeps until the time is over or `stop` is set.
fn wait_unless_stopped(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while !stop.load(Ordering::Acquire)
        && let Some(left) = until.checked_duration_since(Instant::now())
    {
        std::thread::park_timeout(left);
    }
}

/// Runs it, and returns how it failed, by an error or by a panic.
fn attempt(run: impl FnOnce() -> Result<(), Error>) -> Result<(), ObserverFailure> {
    // a panic may leave the worker inconsistent; `Worker::restart` repairs it
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => done.map_err(|e| e.failure()),
        Err(panic) => Err(ObserverFailure::Panic(message(panic.as_ref()).to_owned())),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OsError;

    #[test]
    fn the_pause_before_a_restart_doubles_up_to_a_limit() {
        assert_eq!(pause_before(1), PAUSE);
        assert_eq!(pause_before(2), 2 * PAUSE);
        assert_eq!(pause_before(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn panics_and_errors_are_told_apart() {
        assert_eq!(attempt(|| panic!("no {}", "luck")), Err(ObserverFailure::Panic("no luck".to_owned())));
        let failed = attempt(|| Err(Error::Wait("x", nix::errno::Errno::EBADF)));
        let error = OsError(nix::errno::Errno::EBADF as i32);
        assert_eq!(failed, Err(ObserverFailure::Failed { what: "x".to_owned(), error }));
    }
}
