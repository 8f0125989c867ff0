//! A client's connection and the connection into the pod that belongs to it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{setsockopt, sockopt};

use crate::lab::stream::{Flow, Key, Pump, begin, connected};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Target,
}

impl Side {
    pub fn of(token: u8) -> Self {
        if token == Self::Client as u8 { Self::Client } else { Self::Target }
    }
}

pub struct Pair {
    client: TcpStream,
    target: TcpStream,
    is_connected: bool,
    up: Direction,
    down: Direction,
}

/// One direction. When its source ends, only this direction of the sink is shut down.
#[derive(Default)]
struct Direction {
    pump: Pump,
    over: bool,
}

impl Direction {
    fn run(&mut self, mut from: &TcpStream, mut to: &TcpStream, scratch: &mut [u8]) -> io::Result<Flow> {
        if self.over {
            return Ok(Flow::Done);
        }
        let flow = self.pump.run(&mut from, &mut to, scratch)?;
        if flow == Flow::Done {
            self.over = true;
            to.shutdown(Shutdown::Write)?;
        }
        Ok(flow)
    }
}

impl Pair {
    /// Connects to the target without waiting. On failure the client's connection is reset.
    pub fn begin(client: TcpStream, target: SocketAddr) -> io::Result<Self> {
        let connect = || {
            client.set_nonblocking(true)?;
            let target = begin(target)?;
            // small packets are forwarded immediately
            client.set_nodelay(true)?;
            target.set_nodelay(true)?;
            Ok(target)
        };
        let target = match connect() {
            Ok(target) => target,
            Err(e) => {
                reset(client);
                return Err(e);
            }
        };
        Ok(Self { client, target, is_connected: false, up: Direction::default(), down: Direction::default() })
    }

    pub fn watch(&self, epoll: &Epoll, key: Key, edges: EpollFlags) -> nix::Result<()> {
        epoll.add(&self.client, EpollEvent::new(edges, key.token(Side::Client as u8)))?;
        epoll.add(&self.target, EpollEvent::new(edges, key.token(Side::Target as u8)))
    }

    /// # Errors
    /// One of the connections is broken; then the other one must be reset.
    pub fn advance(&mut self, event: Option<(Side, EpollFlags)>, scratch: &mut [u8]) -> io::Result<Flow> {
        if !self.is_connected {
            self.is_connected = connected(&self.target)?;
            if !self.is_connected {
                return Ok(Flow::Blocked);
            }
        }
        if let Some((side, flags)) = event {
            // a side that has ended its direction is not read any more, so only this event shows that it is gone
            let (from_side_over, to_side_over) = match side {
                Side::Client => (self.up.over, self.down.over),
                Side::Target => (self.down.over, self.up.over),
            };
            if from_side_over && !to_side_over && flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        // run both directions before returning an error: a side that receives nothing more may have sent something
        // before
        let up = self.up.run(&self.client, &self.target, scratch);
        let down = self.down.run(&self.target, &self.client, scratch);
        Ok(match (up?, down?) {
            (Flow::Done, Flow::Done) => Flow::Done,
            (Flow::More, _) | (_, Flow::More) => Flow::More,
            _ => Flow::Blocked,
        })
    }

    /// Resets both connections.
    pub fn reset(self) {
        reset(self.client);
        reset(self.target);
    }
}

/// Closes with a reset (`SO_LINGER` of zero, socket(7)).
fn reset(stream: TcpStream) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(&stream, sockopt::Linger, &at_once);
    drop(stream);
}
