//! A server with many connections in one thread. It sleeps while it is idle.

use std::io;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::connection::{Connection, Next};
use super::reply::{SignalAction, Site};
use crate::lab::stream::{EDGES, Key, SCRATCH, Table, raise_descriptor_limit};

const LISTENER: u64 = u64::MAX;
const SIGNAL: u64 = u64::MAX - 1;
/// How long to wait when there are no free descriptors.
const NO_DESCRIPTORS_DELAY: Duration = Duration::from_millis(100);
const CLIENT: u8 = 0;
const UPSTREAM: u8 = 1;

struct Server<'a, S> {
    epoll: Epoll,
    /// `None` once no new connections are accepted.
    listener: Option<&'a TcpListener>,
    /// Whether the listener is watched. It is not while there are `max_connections` connections.
    is_listening: bool,
    max_connections: usize,
    connections: Table<Connection>,
    /// Connections that can continue without an event.
    ready: Vec<Key>,
    site: &'a mut S,
    scratch: Vec<u8>,
}

/// Serves connections from `listener`, at most `max_connections` at a time, until a signal on which the site stops.
/// `signals` must already be blocked.
pub fn serve<S: Site>(
    listener: &TcpListener,
    signals: &SigSet,
    max_connections: usize,
    site: &mut S,
) -> io::Result<()> {
    let signal = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    // another process that shares it may accept first: then accept must not block
    listener.set_nonblocking(true)?;
    raise_descriptor_limit(max_connections)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&signal, EpollEvent::new(EpollFlags::EPOLLIN, SIGNAL))?;
    let mut server = Server {
        epoll,
        listener: Some(listener),
        is_listening: false,
        max_connections,
        connections: Table::default(),
        ready: Vec::new(),
        site,
        scratch: vec![0; SCRATCH],
    };
    server.run(&signal)
}

impl<S: Site> Server<'_, S> {
    fn run(&mut self, signal: &SignalFd) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        loop {
            self.update_listening()?;
            let n = match self.epoll.wait(&mut events, self.timeout()) {
                Ok(n) => n,
                Err(Errno::EINTR) => 0,
                Err(e) => return Err(e.into()),
            };
            for key in std::mem::take(&mut self.ready) {
                self.advance(key);
            }
            for event in &events[..n] {
                match event.data() {
                    LISTENER => self.accept(),
                    SIGNAL => {
                        while let Some(info) = signal.read_signal()? {
                            if self.handle_signal(info.ssi_signo as i32) == SignalAction::Stop {
                                return Ok(());
                            }
                        }
                    }
                    token => self.handle_event(token, event.events()),
                }
            }
            self.time_out_connections();
            if self.listener.is_none() && self.connections.is_empty() {
                return Ok(());
            }
        }
    }

    fn handle_signal(&mut self, signal: i32) -> SignalAction {
        let Ok(signal) = Signal::try_from(signal) else { return SignalAction::Continue };
        let action = self.site.handle_signal(signal);
        if action == SignalAction::Finish
            && let Some(listener) = self.listener.take()
        {
            if std::mem::take(&mut self.is_listening) {
                let _ = self.epoll.delete(listener);
            }
            let idle: Vec<Key> = self.connections.iter().filter(|(_, c)| c.is_idle()).map(|(key, _)| key).collect();
            for key in idle {
                // a request may have arrived just now
                self.advance(key);
                if self.connections.get_mut(key).is_some_and(|c| c.is_idle()) {
                    self.connections.remove(key);
                }
            }
        }
        action
    }

    /// Watches the listener if and only if there is room for another connection.
    fn update_listening(&mut self) -> io::Result<()> {
        let Some(listener) = self.listener else { return Ok(()) };
        let room = self.connections.len() < self.max_connections;
        match (room, self.is_listening) {
            // a connection wakes only one of the processes that share the listener
            (true, false) => {
                self.epoll
                    .add(listener, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLEXCLUSIVE, LISTENER))?;
            }
            (false, true) => self.epoll.delete(listener)?,
            _ => {}
        }
        self.is_listening = room;
        Ok(())
    }

    fn timeout(&self) -> EpollTimeout {
        if !self.ready.is_empty() {
            return EpollTimeout::ZERO;
        }
        let finishing = self.listener.is_none();
        let Some(first) = self.connections.iter().map(|(_, c)| c.deadline(finishing)).min() else {
            return EpollTimeout::NONE;
        };
        // rounded up, so that it does not wake too early
        let ms = first.saturating_duration_since(Instant::now()).as_millis() + 1;
        EpollTimeout::try_from(i32::try_from(ms).unwrap_or(i32::MAX)).unwrap_or(EpollTimeout::MAX)
    }

    fn time_out_connections(&mut self) {
        let (now, finishing) = (Instant::now(), self.listener.is_none());
        let late: Vec<Key> =
            self.connections.iter().filter(|(_, c)| c.deadline(finishing) <= now).map(|(key, _)| key).collect();
        for key in late {
            if let Some(connection) = self.connections.get_mut(key) {
                let next = connection.time_out(self.site);
                self.apply_next(key, &next);
            }
        }
    }

    /// Accepts one connection, so that other processes on the same listener get some too.
    fn accept(&mut self) {
        let Some(listener) = self.listener else { return };
        let (client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) => {
                // out of descriptors or memory: the connection stays queued, and epoll would report it again at once
                if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) {
                    sleep(NO_DESCRIPTORS_DELAY);
                }
                return;
            }
        };
        if client.set_nonblocking(true).and_then(|()| client.set_nodelay(true)).is_err() {
            return;
        }
        let key = self.connections.insert(Connection::new(client, peer.ip()));
        let client = self.connections.get_mut(key).map(|c| &c.client);
        let watched = client.map(|it| self.epoll.add(it, EpollEvent::new(EDGES, key.token(CLIENT))));
        if !matches!(watched, Some(Ok(()))) {
            self.connections.remove(key);
        }
    }

    fn handle_event(&mut self, token: u64, flags: EpollFlags) {
        let (key, side) = Key::of_token(token);
        if side == CLIENT
            && flags.contains(EpollFlags::EPOLLHUP)
            && self.connections.get_mut(key).is_some_and(|c| c.hung_up(self.site))
        {
            self.connections.remove(key);
        } else {
            self.advance(key);
        }
    }

    fn advance(&mut self, key: Key) {
        let finishing = self.listener.is_none();
        if let Some(connection) = self.connections.get_mut(key) {
            let next = connection.advance(self.site, finishing, &mut self.scratch);
            self.apply_next(key, &next);
        }
    }

    fn apply_next(&mut self, key: Key, next: &Next) {
        match next {
            Next::Waits => {}
            Next::More if self.ready.contains(&key) => {}
            Next::More => self.ready.push(key),
            Next::Watch => {
                let upstream = self.connections.get_mut(key).and_then(|c| c.upstream());
                let watched = upstream.map(|it| self.epoll.add(it, EpollEvent::new(EDGES, key.token(UPSTREAM))));
                if !matches!(watched, Some(Ok(()))) {
                    self.connections.remove(key);
                }
            }
            // the kernel removes closed sockets from epoll
            Next::Close => drop(self.connections.remove(key)),
        }
    }
}
