//! The publisher of `hostPort`s: it accepts connections in the host's network and forwards them into the pod's.
//!
//! The node starts it with sockets that already listen in the host's network namespace, as pairs `FD=IP:PORT`. The
//! address is one of the network namespace of this process. No packets cross, only the bytes of accepted connections.
//! It is one process with one thread, sleeps when there is nothing to do, and ends on TERM.

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
use super::stream::{EDGES, Flow, Key, SCRATCH, Table, raise_descriptor_limit};
use crate::model::text::escaped;
use crate::sys::{fork, signals};

/// Maximum number of connections; others wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Nothing reports that descriptors are available again, so the publisher tries this often.
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
    /// Pairs that can continue without an event.
    ready: Vec<Key>,
    /// There are no descriptors left, and no connections are accepted.
    full: bool,
    scratch: Vec<u8>,
}

/// Runs until TERM with listening sockets and their targets. Returns the exit code.
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

/// The hidden mode: the arguments are sockets as `FD=IP:PORT`. Returns the exit code.
pub fn main(args: &[String]) -> i32 {
    match args.iter().map(|arg| parse_port(arg)).collect::<Result<Vec<_>, _>>() {
        Ok(ports) if !ports.is_empty() => run(ports),
        Ok(_) => usage("expected FD=IP:PORT, once for each port"),
        Err(why) => usage(&why),
    }
}

fn usage(why: &str) -> i32 {
    eprintln!("ports: {}", escaped(why));
    64
}

fn parse_port(arg: &str) -> Result<Port, String> {
    let parsed = || {
        let (fd, target) = arg.split_once('=')?;
        Some((fd.parse::<u16>().ok()?, target.parse().ok()?))
    };
    let (fd, target) = parsed().ok_or_else(|| format!("\"{arg}\" is not understood; expected FD=IP:PORT"))?;
    let listener = fork::take_inherited_fd(i32::from(fd)).map(TcpListener::from);
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
        // the parent may have ignored or blocked signals
        signals::reset()?;
        signals::ignore(Signal::SIGPIPE)?;
        let term = SigSet::from_iter([Signal::SIGTERM]);
        term.thread_block()?;
        let signal = SignalFd::with_flags(&term, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        raise_descriptor_limit(MAX_CONNECTIONS)?;
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
        // the name is set last: a process that has this name is ready
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

    /// Accepts one connection; the others follow with the next event.
    fn accept(&mut self, key: Key) {
        if self.full {
            return;
        }
        let Some(port) = self.ports.get_mut(key) else { return };
        let room = self.pairs.len() < MAX_CONNECTIONS;
        let accepted = if room { port.listener.accept() } else { Err(Errno::EMFILE.into()) };
        let target = port.target;
        match accepted {
            Ok((client, _)) => self.start_pair(client, target),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) => {
                self.full = true;
                for (_, port) in self.ports.iter() {
                    let _ = self.epoll.delete(&port.listener);
                }
            }
            // the client has closed it, or another listener on the same socket has accepted it
            Err(_) => {}
        }
    }

    fn start_pair(&mut self, client: TcpStream, target: SocketAddr) {
        // if this fails, `begin` has reset the client's connection
        if let Ok(pair) = Pair::begin(client, target) {
            let key = self.pairs.insert(pair);
            let watched = self.pairs.get_mut(key).map(|pair| pair.watch(&self.epoll, key, EDGES));
            if !matches!(watched, Some(Ok(()))) {
                self.remove_pair(key, true);
            }
        }
    }

    fn advance(&mut self, key: Key, event: Option<(Side, EpollFlags)>) {
        let Some(pair) = self.pairs.get_mut(key) else { return };
        match pair.advance(event, &mut self.scratch) {
            Ok(Flow::More) if !self.ready.contains(&key) => self.ready.push(key),
            Ok(Flow::Blocked | Flow::More) => {}
            Ok(Flow::Done) => self.remove_pair(key, false),
            Err(_) => self.remove_pair(key, true),
        }
    }

    /// Removes a pair. Closing its sockets also removes them from epoll.
    fn remove_pair(&mut self, key: Key, broken: bool) {
        if let Some(pair) = self.pairs.remove(key)
            && broken
        {
            pair.reset();
        }
    }
}
