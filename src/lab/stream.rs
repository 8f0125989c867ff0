//! Byte streams between non-blocking sockets, for the bundled servers and the port publisher.
//!
//! Sockets are watched edge-triggered (`epoll(7)`): each is registered once, and its owner reads and writes until the
//! kernel returns `EAGAIN`.

mod pump;
mod table;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};

pub use pump::{Flow, Pump, SCRATCH, try_io};
pub use table::{Key, Table};

/// All events of a socket, each reported once when it occurs.
pub const EDGES: EpollFlags =
    EpollFlags::EPOLLIN.union(EpollFlags::EPOLLOUT).union(EpollFlags::EPOLLRDHUP).union(EpollFlags::EPOLLET);

/// Starts to connect; [`connected`] returns the result.
///
/// # Errors
/// Errors that the kernel reports immediately: no route, no descriptors.
pub fn begin(to: SocketAddr) -> io::Result<TcpStream> {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    match connect(fd.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(fd)),
        Err(e) => Err(e.into()),
    }
}

/// Whether the connection is established.
///
/// # Errors
/// Why it cannot be established.
pub fn connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(e) = stream.take_error()? {
        return Err(e);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(e) => Err(e),
    }
}

/// Raises the soft limit of descriptors to what this many connections need, two each, as far as the hard limit allows.
/// The usual limit suffices for 500.
pub fn raise_descriptor_limit(connections: usize) -> Result<(), Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(connections as u64 * 2 + 64);
    if soft < wanted { setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) } else { Ok(()) }
}
