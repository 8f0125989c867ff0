//! Asks the kernel for the Unix sockets of its own network namespace and the other end of each (`sock_diag(7)`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;

use super::UNEXPECTED;
use crate::model::inside::{Bounded, UnixConnection, UnixEnd};
use crate::observe::Unread;

const MAX_CONNECTIONS: usize = 256;
/// How many sockets are looked at.
const MAX_SOCKETS: usize = 65_536;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct unix_diag_msg`.
const MESSAGE: usize = 16;
/// `SOCK_DIAG_BY_FAMILY` of include/uapi/linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_REQUEST` and `NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `UDIAG_SHOW_NAME` and `UDIAG_SHOW_PEER` of include/uapi/linux/unix_diag.h.
const SHOW: u32 = 1 | 4;
/// `UNIX_DIAG_NAME` and `UNIX_DIAG_PEER`.
const NAME: u16 = 0;
const PEER: u16 = 2;
/// `TCP_LISTEN` of include/net/tcp_states.h.
const LISTEN: u8 = 10;

/// A Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    pub inode: u64,
    pub is_listening: bool,
    /// The path that it is bound to; an abstract name begins with `@`. An accepted socket has that of the one that listens.
    pub name: Option<String>,
    /// The inode number of the other end; 0 if no process has accepted it yet.
    pub peer: Option<u64>,
}

/// The connections in our network namespace, without the processes.
pub fn read() -> Result<Bounded<UnixConnection>, Unread> {
    let mut all = Vec::new();
    let socket = ask()?;
    while !take(&socket.recv_from_full()?.0, &mut all)? {}
    Ok(Bounded::of(connections(&all), MAX_CONNECTIONS))
}

fn ask() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.send(&request(), 0)?;
    Ok(socket)
}

/// `struct nlmsghdr` and `struct unix_diag_req`: all Unix sockets, in any state.
fn request() -> Vec<u8> {
    const LENGTH: u32 = HEADER as u32 + 24;
    let mut bytes = LENGTH.to_ne_bytes().to_vec();
    bytes.extend([BY_FAMILY.to_ne_bytes(), DUMP.to_ne_bytes()].concat());
    bytes.extend([0; 8]);
    bytes.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    for word in [u32::MAX, 0, SHOW, 0, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

/// Takes the sockets of a datagram. Returns whether the answer ends with it.
pub fn take(datagram: &[u8], all: &mut Vec<UnixSocket>) -> Result<bool, Unread> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (length, kind) = (u32_at(rest, 0).ok_or(UNEXPECTED)? as usize, u16_at(rest, 4).ok_or(UNEXPECTED)?);
        let message = rest.get(HEADER..length).ok_or(UNEXPECTED)?;
        match kind {
            DONE => return Ok(true),
            ERROR => match u32_at(message, 0).ok_or(UNEXPECTED)?.cast_signed() {
                0 => {}
                code => return Err(Errno::from_raw(code.saturating_neg()).into()),
            },
            BY_FAMILY if all.len() < MAX_SOCKETS => all.extend(socket(message)),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn socket(message: &[u8]) -> Option<UnixSocket> {
    let state = *message.get(2)?;
    let mut found =
        UnixSocket { inode: u32_at(message, 4)?.into(), is_listening: state == LISTEN, name: None, peer: None };
    let mut rest = message.get(MESSAGE..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let value = rest.get(4..length.into())?;
        match kind {
            NAME => found.name = name(value),
            PEER => found.peer = Some(u32_at(value, 0)?.into()),
            _ => {}
        }
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(found)
}

/// An abstract name begins with a zero and may have more of them; a path may end with one. As `/proc/net/unix` shows them.
fn name(bytes: &[u8]) -> Option<String> {
    let bytes = match bytes {
        [0, rest @ ..] => [b"@", rest].concat(),
        path => path.strip_suffix(b"\0").unwrap_or(path).to_vec(),
    };
    let text = String::from_utf8_lossy(&bytes).replace('\0', "@");
    (!text.is_empty()).then_some(text)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

/// Each pair once, those with a path first.
pub fn connections(all: &[UnixSocket]) -> Vec<UnixConnection> {
    let by_inode: BTreeMap<u64, &UnixSocket> = all.iter().map(|socket| (socket.inode, socket)).collect();
    let listening: BTreeSet<&str> =
        all.iter().filter(|socket| socket.is_listening).filter_map(|socket| socket.name.as_deref()).collect();
    // how likely it is the server's end
    let rank = |socket: &UnixSocket| match socket.name.as_deref() {
        Some(name) if listening.contains(name) => 2,
        Some(_) => 1,
        None => 0,
    };
    let connection = |socket: &UnixSocket| {
        let peer = socket.peer?;
        let other = by_inode.get(&peer).filter(|_| peer != socket.inode);
        let is_mutual = other.is_some_and(|other| other.peer == Some(socket.inode));
        if is_mutual && socket.inode > peer {
            return None;
        }
        // a sender of datagrams is the client, whatever its name
        let is_server = rank(socket) > other.map_or(0, |other| rank(other)) && (is_mutual || other.is_none());
        let (client, server) = if is_server { (peer, socket.inode) } else { (socket.inode, peer) };
        let end = |inode| UnixEnd { inode, owners: Vec::new() };
        let path = by_inode.get(&server).and_then(|server| server.name.clone());
        Some(UnixConnection { path, client: end(client), server: end(server) })
    };
    let mut found: Vec<UnixConnection> = all.iter().filter_map(connection).collect();
    found.sort_by(|a, b| (a.path.is_none(), &a.path, a.client.inode).cmp(&(b.path.is_none(), &b.path, b.client.inode)));
    found
}

/// The first datagram of an answer, as a sample.
#[cfg(test)]
pub fn datagram() -> Vec<u8> {
    ask().and_then(|socket| Ok(socket.recv_from_full()?.0)).expect("an answer")
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    fn inode(socket: &impl std::os::fd::AsFd) -> u64 {
        let path = format!("/proc/self/fd/{}", socket.as_fd().as_raw_fd());
        std::fs::metadata(path).expect("it is open").ino()
    }

    #[test]
    fn the_kernel_tells_both_ends() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("talk");
        let listener = UnixListener::bind(&path).expect("a socket");
        let client = UnixStream::connect(&path).expect("connected");
        let (server, _) = listener.accept().expect("accepted");
        let waiting = UnixStream::connect(&path).expect("connected");
        let (one, other) = UnixStream::pair().expect("a pair");
        let receiver = UnixDatagram::bind(dir.path().join("log")).expect("a socket");
        let sender = UnixDatagram::unbound().expect("a socket");
        sender.connect(dir.path().join("log")).expect("connected");
        let mut all = Vec::new();
        let socket = ask().expect("sock_diag");
        while !take(&socket.recv_from_full().expect("an answer").0, &mut all).expect("as expected") {}
        let found = connections(&all);
        let of = |client: u64| {
            let connection = found.iter().find(|c| c.client.inode == client).expect("a connection");
            (connection.path.clone(), connection.server.inode)
        };
        let text = |name: &str| Some(dir.path().join(name).display().to_string());
        assert_eq!(of(inode(&client)), (text("talk"), inode(&server)));
        assert_eq!(of(inode(&sender)), (text("log"), inode(&receiver)));
        assert_eq!(of(inode(&waiting)).1, 0, "it is not accepted");
        let (first, second) = (inode(&one).min(inode(&other)), inode(&one).max(inode(&other)));
        assert_eq!(of(first), (None, second));
        let ends = [inode(&client), inode(&server)];
        let mentions = |c: &&UnixConnection| ends.contains(&c.client.inode) || ends.contains(&c.server.inode);
        assert_eq!(found.iter().filter(mentions).count(), 1, "each pair once");
    }

    #[test]
    fn names_are_shown_as_proc_shows_them() {
        assert_eq!(name(b"/run/x y\0").as_deref(), Some("/run/x y"));
        assert_eq!(name(b"/run/x").as_deref(), Some("/run/x"));
        assert_eq!(name(b"\0abs\0tract").as_deref(), Some("@abs@tract"));
        assert_eq!(name(b""), None);
    }

    #[test]
    fn the_end_that_listens_is_the_server_and_a_far_end_has_no_name() {
        let socket = |inode, name: Option<&str>, peer: Option<u64>| UnixSocket {
            inode,
            is_listening: peer.is_none(),
            name: name.map(str::to_owned),
            peer,
        };
        let all = [
            socket(1, Some("/s"), None),
            // the client is bound too
            socket(2, Some("/c"), Some(3)),
            socket(3, Some("/s"), Some(2)),
            socket(4, None, Some(99)),
            socket(5, Some("/s"), Some(98)),
        ];
        let found: Vec<_> = connections(&all).into_iter().map(|c| (c.path, c.client.inode, c.server.inode)).collect();
        let s = || Some("/s".to_owned());
        assert_eq!(found, [(s(), 2, 3), (s(), 98, 5), (None, 4, 99)]);
    }
}
