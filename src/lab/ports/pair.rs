//! A client's connection and the one into the pod that belongs to it.

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
    joined: bool,
    up: Half,
    down: Half,
}

/// One direction; its end is passed on as an end of that direction only.
#[derive(Default)]
struct Half {
    pump: Pump,
    over: bool,
}

impl Half {
    fn run(&mut self, mut from: &TcpStream, mut to: &TcpStream, scratch: &mut [u8]) -> io::Result<Flow> {
        if self.over {
            return Ok(Flow::Over);
        }
        let flow = self.pump.run(&mut from, &mut to, scratch)?;
        if flow == Flow::Over {
            self.over = true;
            to.shutdown(Shutdown::Write)?;
        }
        Ok(flow)
    }
}

impl Pair {
    /// The target's network is known to be there, so this does not wait. If it cannot be reached, the
    /// client is reset.
    pub fn begin(client: TcpStream, target: SocketAddr) -> io::Result<Self> {
        let target = match client.set_nonblocking(true).and_then(|()| begin(target)) {
            Ok(target) => target,
            Err(e) => {
                reset(client);
                return Err(e);
            }
        };
        // what comes in small pieces goes on in small pieces
        client.set_nodelay(true)?;
        target.set_nodelay(true)?;
        Ok(Self { client, target, joined: false, up: Half::default(), down: Half::default() })
    }

    pub fn watch(&self, epoll: &Epoll, key: Key, edges: EpollFlags) -> nix::Result<()> {
        epoll.add(&self.client, EpollEvent::new(edges, key.token(Side::Client as u8)))?;
        epoll.add(&self.target, EpollEvent::new(edges, key.token(Side::Target as u8)))
    }

    /// # Errors
    /// An end is broken: so is the other one, then.
    pub fn advance(&mut self, event: Option<(Side, EpollFlags)>, scratch: &mut [u8]) -> io::Result<Flow> {
        if !self.joined {
            self.joined = connected(&self.target)?;
            if !self.joined {
                return Ok(Flow::Waits);
            }
        }
        if let Some((side, flags)) = event {
            // nobody reads from a side that has ended its direction, so only this tells that it is gone
            let (heard, said) = match side {
                Side::Client => (self.up.over, self.down.over),
                Side::Target => (self.down.over, self.up.over),
            };
            if heard && !said && flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        // both before either's error: who will hear no more may have said something before
        let up = self.up.run(&self.client, &self.target, scratch);
        let down = self.down.run(&self.target, &self.client, scratch);
        Ok(match (up?, down?) {
            (Flow::Over, Flow::Over) => Flow::Over,
            (Flow::More, _) | (_, Flow::More) => Flow::More,
            _ => Flow::Waits,
        })
    }

    /// Both learn that the other is gone.
    pub fn reset(self) {
        reset(self.client);
        reset(self.target);
    }
}

/// Closes without the usual good-bye (`SO_LINGER` of zero, socket(7)).
fn reset(stream: TcpStream) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(&stream, sockopt::Linger, &at_once);
    drop(stream);
}
