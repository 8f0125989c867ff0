//! The loop of the observer's thread: one `epoll_wait`, then everything that is ready, then one batch.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::eventfd::EventFd;

use super::bpf;
use super::decode::{Event, decode};
use super::error::Error;
use super::hierarchy::nsfs_device;
use super::live::LiveKernel;
use super::losses::Losses;
use super::options::Options;
use super::proc::Depth;
use super::reconcile::{Kernel as _, Reconciler};
use super::sender::Inbox;
use super::sources::{BELL, BPF, CONNECTOR, Sources, TIMER};
use super::tracer::Tracer;
use super::{clock, host};
use crate::model::{Capability, Coverage, Delta, Limitation, MonoNs, NsSet, ProcId, Scope, Source, Stamp};
use crate::sys::connector::Connector;

/// A batch is sent when it holds this many deltas, even if more events are ready.
const BATCH: usize = 2_048;
/// How many events are kept in our own queue. More stay in the kernel's buffer; what does not fit there is lost and
/// counted.
const QUEUE: usize = 65_536;

/// Receives the batches.
pub type Sink = Box<dyn FnMut(Vec<Delta>) + Send>;

pub struct Worker {
    options: Options,
    sources: Sources,
    tracer: Tracer,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    reconciler: Reconciler,
    live: LiveKernel,
    sink: Sink,
    queue: VecDeque<Event>,
    losses: Losses,
    /// What BPF has reported.
    traced: VecDeque<bpf::Event>,
    traced_losses: Losses,
    /// How many events BPF has lost so far. It wraps.
    traced_lost: u32,
    buf: Vec<u8>,
}

impl Worker {
    pub fn new(
        scope: Scope,
        options: Options,
        inbox: Inbox,
        bell: Arc<EventFd>,
        stop: Arc<AtomicBool>,
        sink: Sink,
    ) -> Result<Self, Error> {
        let sources = Sources::open(&options, bell)?;
        let mut live = live_kernel(&sources, &options);
        let mut reconciler = Reconciler::new(scope, sources.connector.is_some(), nsfs_device());

        let pid = std::process::id();
        let own = live.read(pid, Depth::All);
        let own = own.map_or_else(|_| NsSet::default(), |r| reconciler.own_namespaces(&mut live, pid, &r));
        let mut first = vec![host::host(own)];
        first.extend(
            sources.coverage.iter().map(|(capability, coverage)| host::visibility(*capability, coverage.clone())),
        );
        for (capability, coverage) in [
            (Capability::Processes, host::processes()),
            (Capability::Namespaces, Coverage::Full),
            (Capability::Holders, host::holders()),
        ] {
            first.push(host::visibility(capability, coverage));
        }
        if scope == Scope::Host {
            let at = Stamp::prompt(clock::now(), Source::App);
            first.push(Delta::Scope { scope, forgotten: Vec::new(), at });
            reconciler.start_host(&mut live);
        }
        for id in &options.watch {
            reconciler.watch(&mut live, *id);
        }
        if !options.bpf {
            first.push(host::visibility(Capability::Signals, Coverage::Missing(Limitation::SwitchedOff)));
        }
        let tracer = Tracer::new(options.bpf, sources.connector.is_some());
        let mut this = Self {
            options,
            sources,
            tracer,
            inbox,
            stop,
            reconciler,
            live,
            sink,
            queue: VecDeque::new(),
            losses: Losses::default(),
            traced: VecDeque::new(),
            traced_losses: Losses::default(),
            traced_lost: 0,
            buf: vec![0; 4096],
        };
        first.extend(this.finish());
        (this.sink)(first);
        Ok(this)
    }

    /// Runs until `stop` is set.
    ///
    /// # Errors
    /// It can no longer wait for events.
    pub fn run(&mut self) -> Result<(), Error> {
        let mut ready = [EpollEvent::empty(); 256];
        let mut ended: Vec<(ProcId, EpollFlags)> = Vec::new();
        self.arm()?;
        while !self.stop.load(Ordering::Acquire) {
            // do not sleep while events of the last round are still queued
            let is_busy = !self.queue.is_empty() || !self.traced.is_empty();
            let woken = self.sources.wait(&mut ready, is_busy)?;
            let now = clock::now();
            for event in &ready[..woken] {
                match event.data() {
                    BELL => drop(self.sources.bell.read()),
                    TIMER => self.sources.timer_went_off(),
                    CONNECTOR | BPF => {}
                    token => ended.extend(self.live.held.process_of(token).map(|id| (id, event.events()))),
                }
            }
            // first receive the events, then read the inbox, then handle the events: a request to watch a process was
            // sent before the forks that are in the queue now
            // what BPF reports of a process comes after the fork that the connector reports of it
            self.receive_traced(now)?;
            self.receive()?;
            self.read_inbox(now);
            while self.reconciler.pending() < BATCH
                && let Some(event) = self.queue.pop_front()
            {
                let known = self.reconciler.pending();
                self.reconciler.event(&mut self.live, event);
                // the kernel's buffer is small and our queue is large: empty the buffer after each event that took
                // time. Events of processes that are not watched, most of them on a busy machine, take none
                if self.reconciler.pending() != known {
                    self.receive()?;
                }
            }
            while self.queue.is_empty()
                && self.reconciler.pending() < BATCH
                && let Some(event) = self.traced.pop_front()
            {
                self.reconciler.traced(&mut self.live, event);
            }
            self.rescan_for_losses();
            for (id, what) in ended.drain(..) {
                self.reconciler.pidfd_exit(&mut self.live, id, now);
                if what.contains(EpollFlags::EPOLLHUP) {
                    self.reconciler.pidfd_reaped(id, now);
                }
            }
            self.reconciler.tick(&mut self.live);
            let batch = self.finish();
            if !batch.is_empty() {
                (self.sink)(batch);
            }
            self.load_tracer()?;
            self.arm()?;
        }
        Ok(())
    }

    /// Loads BPF once there is something to observe, which has been reported by then.
    fn load_tracer(&mut self) -> Result<(), Error> {
        let begun = if self.reconciler.watched() > 0 { self.tracer.start(&self.sources.bell) } else { None };
        let Some(coverage) = begun.or_else(|| self.tracer.take_loaded()) else { return Ok(()) };
        if let Some(events) = self.tracer.events() {
            self.sources.add_bpf(events)?;
            self.live.traced = events.watched().inspect_err(|e| tracing::warn!("BPF: {e}")).ok();
            self.reconciler.follow_all(&mut self.live);
        }
        (self.sink)(vec![host::visibility(Capability::Signals, coverage)]);
        Ok(())
    }

    /// Takes what BPF has reported while our own queue has room.
    fn receive_traced(&mut self, now: MonoNs) -> Result<(), Error> {
        if self.tracer.events().is_none() || self.traced.len() >= QUEUE {
            return Ok(());
        }
        let failed = |e: io::Error| Error::Wait("BPF", Errno::from_raw(e.raw_os_error().unwrap_or_default()));
        let drained = self.tracer.drain().map_err(failed)?;
        self.traced.extend(drained.events);
        let lost = drained.lost + drained.damaged;
        if lost > 0 {
            self.traced_lost = self.traced_lost.wrapping_add(lost as u32);
            self.traced_losses.note(now);
        }
        Ok(())
    }

    /// Opens all sources again after a failure, and compares what was known with the machine.
    ///
    /// # Errors
    /// A source cannot be opened; the caller may try again.
    pub fn restart(&mut self) -> Result<(), Error> {
        let bell = Arc::clone(&self.sources.bell);
        self.sources = Sources::open(&self.options, bell)?;
        self.live = live_kernel(&self.sources, &self.options);
        self.tracer = Tracer::new(self.options.bpf, self.sources.connector.is_some());
        (self.losses, self.traced_losses, self.traced_lost) = (Losses::default(), Losses::default(), 0);
        self.queue.clear();
        self.traced.clear();
        self.reconciler.restart(&mut self.live, self.sources.connector.is_some());
        let coverage = self.sources.coverage.clone().into_iter();
        let mut batch: Vec<Delta> =
            coverage.map(|(capability, coverage)| host::visibility(capability, coverage)).collect();
        batch.extend(self.finish());
        (self.sink)(batch);
        Ok(())
    }

    /// Reports the state of the observer itself.
    pub fn report(&mut self, coverage: Coverage) {
        (self.sink)(vec![host::visibility(Capability::Observer, coverage)]);
    }

    /// The batch of this round.
    fn finish(&mut self) -> Vec<Delta> {
        let mut batch = self.reconciler.finish(&mut self.live, self.queue.is_empty());
        if let Some(coverage) = self.live.held.take_change(self.reconciler.watched()) {
            batch.push(host::visibility(Capability::Pidfd, coverage));
        }
        if let Some(unread) = self.reconciler.take_unread_change() {
            batch.push(host::visibility(Capability::Processes, host::less_unread(unread)));
        }
        batch
    }

    /// Moves events from the kernel's buffer into our own queue while it has room.
    fn receive(&mut self) -> Result<(), Error> {
        let Some(connector) = &self.sources.connector else { return Ok(()) };
        while self.queue.len() < QUEUE {
            match connector.receive(&mut self.buf) {
                Ok(n) => self.queue.extend(self.buf.get(..n).and_then(decode)),
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.losses.note(clock::now());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => {
                    return Err(Error::Wait(
                        "the proc connector",
                        Errno::from_raw(e.raw_os_error().unwrap_or_default()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Rescans for what the connector and BPF have lost, once all events that did arrive are handled.
    fn rescan_for_losses(&mut self) {
        if !self.queue.is_empty() {
            return;
        }
        let started = clock::now();
        let dropped = || self.sources.connector.as_ref().and_then(Connector::dropped);
        if let Some(loss) = self.losses.due(started, dropped) {
            self.reconciler.lost(&mut self.live, Source::Connector, loss.since, loss.count);
            self.losses.done(started, clock::now());
        }
        let started = clock::now();
        if let Some(loss) = self.traced_losses.due(started, || Some(self.traced_lost)) {
            self.reconciler.lost(&mut self.live, Source::Bpf, loss.since, loss.count);
            self.traced_losses.done(started, clock::now());
        }
    }

    fn read_inbox(&mut self, now: MonoNs) {
        while let Some(input) = self.inbox.next() {
            self.reconciler.input(&mut self.live, input);
        }
        for (source, count) in self.inbox.take_refused() {
            self.reconciler.refused(source, count, now);
        }
    }

    fn arm(&mut self) -> Result<(), Error> {
        let losses = self.losses.deadline().into_iter().chain(self.traced_losses.deadline());
        let deadline = self.reconciler.deadline().into_iter().chain(losses).min();
        self.sources.arm(deadline)
    }
}

fn live_kernel(sources: &Sources, options: &Options) -> LiveKernel {
    let mut live = LiveKernel::new(sources.pidfd.then(|| Rc::clone(&sources.epoll)), sources.pidfd_info);
    if !options.namespace_ids {
        live.without_namespace_ids();
    }
    live
}
