//! The publisher of `hostPort`s: takes connections in the host's network and carries them into the
//! pod's.
//!
//! The node starts it with sockets that already listen in the host's network namespace, as pairs
//! `FD=IP:PORT`, where the address is one of the network namespace that this process is in. No
//! packet crosses: only bytes of accepted connections do. It is one process with one thread,
//! without work it sleeps, and TERM ends it.

mod pair;

use std::ffi::CString;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use self::pair::{Pair, Side};
use super::stream::{EDGES, Flow, Key, SCRATCH, Table, make_room};
use crate::model::text::escaped;
use crate::sys::{fork, signals};

/// Connections at a time; more wait in the kernel's queue until one ends.
const MOST: usize = 4096;
/// Whether descriptors are there again is not told by anything, so it is tried this often.
const RETRY_MS: u16 = 500;

/// Token kinds beside [`Side`]'s.
const LISTENER: u8 = 2;
const SIGNAL: u64 = u64::MAX;

struct Port {
    listener: TcpListener,
    target: SocketAddr,
}

struct Publisher {
    epoll: Epoll,
    ports: Table<Port>,
    pairs: Table<Pair>,
    /// Those that could go on without an event.
    ready: Vec<Key>,
    /// No more connections are taken for now.
    full: bool,
    scratch: Vec<u8>,
}

/// Runs until TERM with listening sockets and where each leads to; its exit code.
pub fn serve(ports: impl IntoIterator<Item = (OwnedFd, SocketAddr)>) -> i32 {
    let ports = ports.into_iter().map(|(fd, target)| Port { listener: TcpListener::from(fd), target }).collect();
    run(ports)
}

fn run(ports: Vec<Port>) -> i32 {
    match Publisher::new(ports).and_then(|(mut it, signal)| it.serve(&signal)) {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("ports: {e}");
            1
        }
    }
}

/// The hidden mode: sockets as `FD=IP:PORT`.
pub fn main(args: &[String]) -> i32 {
    match args.iter().map(|arg| port(arg)).collect::<Result<Vec<_>, _>>() {
        Ok(ports) if !ports.is_empty() => run(ports),
        Ok(_) => usage("expected FD=IP:PORT, once for each port"),
        Err(why) => usage(&why),
    }
}

fn usage(why: &str) -> i32 {
    eprintln!("ports: {}", escaped(why));
    64
}

fn port(arg: &str) -> Result<Port, String> {
    let parsed = || {
        let (fd, target) = arg.split_once('=')?;
        Some((fd.parse::<u16>().ok()?, target.parse().ok()?))
    };
    let (fd, target) = parsed().ok_or_else(|| format!("\"{arg}\" is not understood; expected FD=IP:PORT"))?;
    let listener = fork::inherited(i32::from(fd)).map(TcpListener::from);
    let listener = listener.map_err(|e| format!("descriptor {fd} of \"{arg}\": {}", e.desc()))?;
    listener.local_addr().map_err(|e| format!("descriptor {fd} of \"{arg}\" is no socket: {e}"))?;
    Ok(Port { listener, target })
}

impl Publisher {
    fn new(ports: Vec<Port>) -> io::Result<(Self, SignalFd)> {
        let name = match ports.as_slice() {
            [one] => format!("port {}", one.listener.local_addr()?.port()),
            _ => "ports".to_owned(),
        };
        // whatever whoever started this has ignored or blocked
        signals::reset()?;
        signals::ignore(Signal::SIGPIPE)?;
        let term = SigSet::from_iter([Signal::SIGTERM]);
        term.thread_block()?;
        let signal = SignalFd::with_flags(&term, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        make_room(MOST)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&signal, EpollEvent::new(EpollFlags::EPOLLIN, SIGNAL))?;
        let mut table = Table::default();
        for port in ports {
            port.listener.set_nonblocking(true)?;
            table.insert(port);
        }
        let publisher = Self {
            epoll,
            ports: table,
            pairs: Table::default(),
            ready: Vec::new(),
            full: false,
            scratch: vec![0; SCRATCH],
        };
        publisher.listen()?;
        // only now: who sees it by its name sees it ready
        prctl::set_name(&CString::new(name)?)?;
        Ok((publisher, signal))
    }

    fn listen(&self) -> Result<(), Errno> {
        self.ports.iter().try_for_each(|(key, port)| {
            self.epoll.add(&port.listener, EpollEvent::new(EpollFlags::EPOLLIN, key.token(LISTENER)))
        })
    }

    fn serve(&mut self, signal: &SignalFd) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 256];
        loop {
            let timeout = match (self.ready.is_empty(), self.full) {
                (false, _) => EpollTimeout::ZERO,
                (true, true) => EpollTimeout::from(RETRY_MS),
                (true, false) => EpollTimeout::NONE,
            };
            let n = match self.epoll.wait(&mut events, timeout) {
                Ok(n) => n,
                Err(Errno::EINTR) => 0,
                Err(e) => return Err(e.into()),
            };
            if std::mem::take(&mut self.full) {
                self.listen()?;
            }
            for key in std::mem::take(&mut self.ready) {
                self.advance(key, None);
            }
            for event in &events[..n] {
                if event.data() == SIGNAL {
                    if signal.read_signal()?.is_some() {
                        return Ok(());
                    }
                    continue;
                }
                match Key::of_token(event.data()) {
                    (key, LISTENER) => self.accept(key),
                    (key, side) => self.advance(key, Some((Side::of(side), event.events()))),
                }
            }
        }
    }

    /// One at a time: the others have their turn with the next event.
    fn accept(&mut self, key: Key) {
        if self.full {
            return;
        }
        let Some(port) = self.ports.get_mut(key) else { return };
        let room = self.pairs.len() < MOST;
        let accepted = if room { port.listener.accept() } else { Err(Errno::EMFILE.into()) };
        let target = port.target;
        match accepted {
            Ok((client, _)) => self.join(client, target),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) => {
                self.full = true;
                for (_, port) in self.ports.iter() {
                    let _ = self.epoll.delete(&port.listener);
                }
            }
            // taken back by the client, or by another listener on the same socket
            Err(_) => {}
        }
    }

    fn join(&mut self, client: TcpStream, target: SocketAddr) {
        // otherwise the client has been told, and in the only way there is
        if let Ok(pair) = Pair::begin(client, target) {
            let key = self.pairs.insert(pair);
            let watched = self.pairs.get_mut(key).map(|pair| pair.watch(&self.epoll, key, EDGES));
            if !matches!(watched, Some(Ok(()))) {
                self.end(key, true);
            }
        }
    }

    fn advance(&mut self, key: Key, event: Option<(Side, EpollFlags)>) {
        let Some(pair) = self.pairs.get_mut(key) else { return };
        match pair.advance(event, &mut self.scratch) {
            Ok(Flow::More) if !self.ready.contains(&key) => self.ready.push(key),
            Ok(Flow::Waits | Flow::More) => {}
            Ok(Flow::Over) => self.end(key, false),
            Err(_) => self.end(key, true),
        }
    }

    /// Closing removes the sockets from epoll.
    fn end(&mut self, key: Key, broken: bool) {
        if let Some(pair) = self.pairs.remove(key)
            && broken
        {
            pair.reset();
        }
    }
}
