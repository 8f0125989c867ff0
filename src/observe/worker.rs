//! The observer's thread, from inside: one `epoll_wait`, then everything that is ready, then one batch.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::decode::{Event, decode};
use super::error::Error;
use super::fuse::{Fuse, Kernel as _};
use super::live::{Live, nsfs_device, probe_pidfd};
use super::options::{Options, Scope};
use super::proc::Depth;
use super::{Input, clock, host};
use crate::model::{Aspect, Delta, MonoNs, NsSet, ProcId, Sight};
use crate::sys::connector::Connector;

const CONNECTOR: u64 = 0;
const BELL: u64 = 1;
const TIMER: u64 = 2;

/// A batch is handed over when it holds so many, even if more is ready.
const BATCH: usize = 2_048;

pub struct Worker {
    epoll: Rc<Epoll>,
    connector: Option<Connector>,
    bell: Arc<EventFd>,
    timer: TimerFd,
    armed: Option<MonoNs>,
    inbox: Receiver<Input>,
    stop: Arc<AtomicBool>,
    fuse: Fuse,
    live: Live,
    sink: Box<dyn FnMut(Vec<Delta>) + Send>,
    queue: VecDeque<Event>,
    overrun: bool,
    buf: Vec<u8>,
}

impl Worker {
    pub fn new(
        scope: Scope,
        options: &Options,
        inbox: Receiver<Input>,
        bell: Arc<EventFd>,
        stop: Arc<AtomicBool>,
        mut sink: Box<dyn FnMut(Vec<Delta>) + Send>,
    ) -> Result<Self, Error> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|e| Error::Wait("epoll", e))?;
        let epoll = Rc::new(epoll);
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)
            .map_err(|e| Error::Wait("timerfd", e))?;
        let on = |fd: &dyn AsRawEpoll, token| fd.add(&epoll, token).map_err(|e| Error::Wait("epoll", e));
        on(&bell, BELL)?;
        on(&timer, TIMER)?;

        let (connector, connector_sight) = match options.connector.then(|| open_connector(options.buffer)) {
            Some(Ok(connector)) => {
                on(&connector, CONNECTOR)?;
                (Some(connector), Sight::Full)
            }
            Some(Err(reason)) => (None, Sight::Missing(reason)),
            None => (None, Sight::Missing("switched off".to_owned())),
        };
        let (mut pidfd_sight, mut info_sight) = probe_pidfd();
        if !options.pidfd {
            pidfd_sight = Sight::Missing("switched off".to_owned());
        }
        if !options.pidfd_info || !options.pidfd {
            info_sight = Sight::Missing("switched off".to_owned());
        }
        let pidfd = pidfd_sight.is_full();
        let mut live = Live::new(pidfd.then(|| Rc::clone(&epoll)), info_sight.is_full());
        let mut fuse = Fuse::new(scope, connector.is_some(), nsfs_device());

        let pid = std::process::id();
        let own = live.read(pid, Depth::All);
        let own = own.map_or_else(NsSet::default, |r| fuse.own_namespaces(&mut live, pid, &r));
        let mut first = vec![host::host(own)];
        for (aspect, sight) in [
            (Aspect::ProcConnector, connector_sight),
            (Aspect::Pidfd, pidfd_sight),
            (Aspect::PidfdExitInfo, info_sight),
            (Aspect::Processes, host::processes()),
            (Aspect::Namespaces, Sight::Full),
            (Aspect::Holders, host::holders()),
        ] {
            first.push(host::visibility(aspect, sight));
        }
        if scope == Scope::Host {
            fuse.start_host(&mut live);
        }
        for id in &options.watch {
            fuse.watch(&mut live, *id);
        }
        first.extend(fuse.finish(&mut live, true));
        sink(first);

        Ok(Self {
            epoll,
            connector,
            bell,
            timer,
            armed: None,
            inbox,
            stop,
            fuse,
            live,
            sink,
            queue: VecDeque::new(),
            overrun: false,
            buf: vec![0; 4096],
        })
    }

    /// Until told to stop.
    pub fn run(&mut self) {
        let mut ready = [EpollEvent::empty(); 256];
        let mut ended: Vec<(ProcId, EpollFlags)> = Vec::new();
        self.arm();
        while !self.stop.load(Ordering::Acquire) {
            // what is left over from the last round is not waited for
            let wait = if self.queue.is_empty() { EpollTimeout::NONE } else { EpollTimeout::ZERO };
            let woken = match self.epoll.wait(&mut ready, wait) {
                Ok(n) => n,
                Err(Errno::EINTR) => continue,
                Err(e) => {
                    tracing::error!("the observer cannot wait for events any more: {e}");
                    return;
                }
            };
            let now = clock::now();
            for event in &ready[..woken] {
                match event.data() {
                    BELL => drop(self.bell.read()),
                    TIMER => self.armed = None,
                    CONNECTOR => {}
                    token => ended.extend(self.live.whom(token).map(|id| (id, event.events()))),
                }
            }
            // first the events, then what others said: whoever told us to watch a process did so before the
            // forks that are in the queue by now
            self.receive();
            self.read_inbox();
            while self.fuse.pending() < BATCH
                && let Some(event) = self.queue.pop_front()
            {
                let known = self.fuse.pending();
                self.fuse.event(&mut self.live, event);
                // the kernel's buffer is small, ours is not: empty it after each that took time. Those of
                // processes that are not watched, most on a busy machine, take none
                if self.fuse.pending() != known {
                    self.receive();
                }
            }
            if self.overrun && self.queue.is_empty() {
                self.overrun = false;
                self.fuse.lost(&mut self.live, now);
            }
            for (id, what) in ended.drain(..) {
                self.fuse.pidfd_exit(&mut self.live, id, now);
                if what.contains(EpollFlags::EPOLLHUP) {
                    self.fuse.pidfd_reaped(id, now);
                }
            }
            self.fuse.tick(&mut self.live);
            let mut batch = self.fuse.finish(&mut self.live, self.queue.is_empty());
            if let Some(why) = self.live.take_unheld() {
                batch.push(host::visibility(Aspect::Pidfd, unheld(why)));
            }
            if !batch.is_empty() {
                (self.sink)(batch);
            }
            self.arm();
        }
    }

    /// Moves what the kernel has for us into our own queue.
    fn receive(&mut self) {
        let Some(connector) = &self.connector else { return };
        loop {
            match connector.receive(&mut self.buf) {
                Ok(n) => self.queue.extend(self.buf.get(..n).and_then(decode)),
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => self.overrun = true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn read_inbox(&mut self) {
        while let Ok(input) = self.inbox.try_recv() {
            self.fuse.input(&mut self.live, input);
        }
    }

    fn arm(&mut self) {
        let deadline = self.fuse.deadline();
        if deadline == self.armed {
            return;
        }
        self.armed = deadline;
        let done = match deadline {
            None => self.timer.unset(),
            Some(at) => {
                let wait = at.since(clock::now()).max(1_000);
                let expiration = Expiration::OneShot(Duration::from_nanos(wait).into());
                self.timer.set(expiration, TimerSetTimeFlags::empty())
            }
        };
        if let Err(e) = done {
            tracing::error!("the observer's timer cannot be set: {e}");
        }
    }
}

fn unheld(why: Errno) -> Sight {
    let remedy = if why == Errno::EMFILE { "; raise the limit of open files (ulimit -n)" } else { "" };
    Sight::Partial(format!("some processes could not be held: {why}{remedy}; their reaps are found by looking"))
}

trait AsRawEpoll {
    fn add(&self, epoll: &Epoll, token: u64) -> nix::Result<()>;
}

impl<T: std::os::fd::AsFd> AsRawEpoll for T {
    fn add(&self, epoll: &Epoll, token: u64) -> nix::Result<()> {
        epoll.add(self, EpollEvent::new(EpollFlags::EPOLLIN, token))
    }
}

/// Opens it and waits for the kernel's word that it will tell.
fn open_connector(buffer: usize) -> Result<Connector, String> {
    let consequence = "births, execs and exits are found by looking every 100 ms";
    let connector = Connector::open(buffer).map_err(|e| match e.raw_os_error() {
        Some(libc::EPERM) => format!("not permitted (before Linux 6.6 it needs root or CAP_NET_ADMIN); {consequence}"),
        Some(libc::EPROTONOSUPPORT) => format!("this kernel has none (CONFIG_PROC_EVENTS); {consequence}"),
        Some(libc::ECONNREFUSED) => format!("refused outside the initial network namespace; {consequence}"),
        _ => format!("{e}; {consequence}"),
    })?;
    let mut buf = [0; 4096];
    let patience = clock::now().plus(100_000_000);
    while clock::now() < patience {
        match connector.receive(&mut buf) {
            Ok(n) => match buf.get(..n).and_then(decode) {
                Some(Event::Ack { error: 0 }) => return Ok(connector),
                Some(Event::Ack { error }) => {
                    return Err(format!("{}; {consequence}", Errno::from_raw(error as i32)));
                }
                // an event of another process: it does tell
                Some(_) => return Ok(connector),
                None => {}
            },
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                use nix::poll::{PollFd, PollFlags, poll};
                use std::os::fd::AsFd as _;
                let _ = poll(&mut [PollFd::new(connector.as_fd(), PollFlags::POLLIN)], 20_u8);
            }
            Err(e) => return Err(format!("{e}; {consequence}")),
        }
    }
    Err(format!("the kernel does not answer outside the initial pid and user namespaces; {consequence}"))
}
