//! The sources of events that the observer waits for. Opens them and probes what this kernel supports.

use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::clock;
use super::decode::{Event, decode};
use super::error::Error;
use super::live::probe_pidfd;
use super::options::Options;
use crate::model::{Capability, ConnectorProblem, Coverage, Limitation, MonoNs, OsError};
use crate::sys::connector::Connector;

pub const CONNECTOR: u64 = 0;
pub const BELL: u64 = 1;
pub const TIMER: u64 = 2;
pub const BPF: u64 = 3;

pub struct Sources {
    pub epoll: Rc<Epoll>,
    pub connector: Option<Connector>,
    pub bell: Arc<EventFd>,
    timer: TimerFd,
    armed: Option<MonoNs>,
    pub pidfd: bool,
    pub pidfd_info: bool,
    /// What each source covers on this machine.
    pub coverage: [(Capability, Coverage); 3],
}

impl Sources {
    pub fn open(options: &Options, bell: Arc<EventFd>) -> Result<Self, Error> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|e| Error::Wait("epoll", e))?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)
            .map_err(|e| Error::Wait("timerfd", e))?;
        add(&epoll, &bell, BELL)?;
        add(&epoll, &timer, TIMER)?;

        let off = || Coverage::Missing(Limitation::SwitchedOff);
        let (connector, connector_coverage) = match options.connector.then(|| open_connector(options.buffer)) {
            Some(Ok(connector)) => {
                add(&epoll, &connector, CONNECTOR)?;
                (Some(connector), Coverage::Full)
            }
            Some(Err(why)) => (None, Coverage::Missing(Limitation::Connector(why))),
            None => (None, off()),
        };
        let (mut pidfd, mut info) = probe_pidfd();
        if !options.pidfd {
            pidfd = off();
        }
        if !options.pidfd_info || !options.pidfd {
            info = off();
        }
        Ok(Self {
            epoll: Rc::new(epoll),
            connector,
            bell,
            timer,
            armed: None,
            pidfd: pidfd.is_full(),
            pidfd_info: info.is_full(),
            coverage: [
                (Capability::ProcConnector, connector_coverage),
                (Capability::Pidfd, pidfd),
                (Capability::PidfdExitInfo, info),
            ],
        })
    }

    /// Sleeps until something is ready. With `at_once` it does not sleep.
    pub fn wait(&self, ready: &mut [EpollEvent], at_once: bool) -> Result<usize, Error> {
        match self.epoll.wait(ready, if at_once { EpollTimeout::ZERO } else { EpollTimeout::NONE }) {
            Err(Errno::EINTR) => Ok(0),
            woken => woken.map_err(|e| Error::Wait("epoll_wait", e)),
        }
    }

    /// Waits for the events of BPF too.
    pub fn add_bpf(&self, readable: impl AsFd) -> Result<(), Error> {
        add(&self.epoll, readable, BPF)
    }

    /// Handles the timer's expiration. It would wake us again until it is read.
    pub fn timer_went_off(&mut self) {
        // EAGAIN: it was set again meanwhile
        let _ = self.timer.wait();
        self.armed = None;
    }

    /// Sets the timer to this time, or stops it.
    pub fn arm(&mut self, deadline: Option<MonoNs>) -> Result<(), Error> {
        if deadline == self.armed {
            return Ok(());
        }
        let done = match deadline {
            None => self.timer.unset(),
            Some(at) => {
                let wait = at.since(clock::now()).max(1_000);
                let expiration = Expiration::OneShot(Duration::from_nanos(wait).into());
                self.timer.set(expiration, TimerSetTimeFlags::empty())
            }
        };
        self.armed = deadline;
        done.map_err(|e| Error::Wait("timerfd", e))
    }
}

fn add(epoll: &Epoll, fd: impl AsFd, token: u64) -> Result<(), Error> {
    epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token)).map_err(|e| Error::Wait("epoll", e))
}

/// Opens the connector and waits for the kernel's acknowledgement.
fn open_connector(buffer: usize) -> Result<Connector, ConnectorProblem> {
    let failed = |e: &io::Error| ConnectorProblem::Failed(OsError::from(e));
    let connector = Connector::open(buffer).map_err(|e| match e.raw_os_error() {
        Some(libc::EPERM) => ConnectorProblem::NotPermitted,
        Some(libc::EPROTONOSUPPORT) => ConnectorProblem::NotBuilt,
        Some(libc::ECONNREFUSED) => ConnectorProblem::OtherNetworkNamespace,
        _ => failed(&e),
    })?;
    let mut buf = [0; 4096];
    let deadline = clock::now().plus(100_000_000);
    while clock::now() < deadline {
        match connector.receive(&mut buf) {
            Ok(n) => match buf.get(..n).and_then(decode) {
                Some(Event::Ack { error: 0 }) => return Ok(connector),
                Some(Event::Ack { error }) => {
                    return Err(ConnectorProblem::Failed(OsError(error as i32)));
                }
                // an event of some process: the connector works
                Some(_) => return Ok(connector),
                None => {}
            },
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let _ = poll(&mut [PollFd::new(connector.as_fd(), PollFlags::POLLIN)], 20_u8);
            }
            // events were already lost, so it works; the observer scans everything at its start anyway
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => return Ok(connector),
            Err(e) => return Err(failed(&e)),
        }
    }
    Err(ConnectorProblem::NoAnswer)
}
