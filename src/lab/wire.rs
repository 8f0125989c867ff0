//! Messages as packets on a `SOCK_SEQPACKET` socket.
//!
//! A packet must fit into the send buffer, so a long message is sent as several packets: each starts with a byte that
//! says whether more follow.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::fd_passing;

/// Maximum payload of a packet in bytes, far below the smallest default send buffer.
const PAYLOAD: usize = 32 * 1024;
/// A longer message is refused: no message comes near this size.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;
const MORE: u8 = b'+';
const LAST: u8 = b'.';

/// Why nothing more can be received.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the other side has closed the connection")]
    Closed,
    #[error("{0}")]
    System(#[from] Errno),
    #[error("not understood: {0}")]
    Garbled(String),
}

/// The packets of one message, in order.
pub fn packets<T: Serialize>(message: &T) -> Result<Vec<Vec<u8>>, WireError> {
    let body = serde_json::to_vec(message).map_err(|e| WireError::Garbled(e.to_string()))?;
    let last = body.chunks(PAYLOAD).count().max(1) - 1;
    let packet = |(i, part): (usize, &[u8])| {
        let mut packet = Vec::with_capacity(part.len() + 1);
        packet.push(if i == last { LAST } else { MORE });
        packet.extend_from_slice(part);
        packet
    };
    Ok(body.chunks(PAYLOAD).enumerate().map(packet).collect())
}

/// Sends a whole message, and waits until there is room.
pub fn send_blocking<T: Serialize>(socket: impl AsFd, message: &T) -> Result<(), WireError> {
    send_with(socket, message, &[])
}

/// The same with descriptors, which the other side gets copies of.
pub fn send_with<T: Serialize>(socket: impl AsFd, message: &T, fds: &[OwnedFd]) -> Result<(), WireError> {
    send_packets(socket, message, fds, MsgFlags::MSG_NOSIGNAL)
}

/// As [`send_with`] for a message of one packet, without waiting.
///
/// # Errors
/// `EAGAIN` if there is no room; nothing has been sent then.
pub fn send_now<T: Serialize>(socket: impl AsFd, message: &T, fds: &[OwnedFd]) -> Result<(), WireError> {
    send_packets(socket, message, fds, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT)
}

fn send_packets<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[OwnedFd],
    flags: MsgFlags,
) -> Result<(), WireError> {
    let mut with = fds;
    for packet in packets(message)? {
        loop {
            match fd_passing::send(&socket, &packet, with, flags) {
                Ok(()) => {
                    with = &[];
                    break;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Err(WireError::Closed),
                Err(e) => return Err(e.into()),
            }
        }
    }
    Ok(())
}

/// Joins packets to messages.
#[derive(Debug, Default)]
pub struct Joiner {
    partial: Vec<u8>,
    /// Descriptors that came with the first packet of the last message.
    fds: Vec<OwnedFd>,
}

impl Joiner {
    /// Adds a packet. `None` if more packets of its message follow.
    ///
    /// # Errors
    /// The packet is empty, or its message is too long or is no `T`.
    pub fn add<T: DeserializeOwned>(&mut self, packet: &[u8], fds: Vec<OwnedFd>) -> Result<Option<T>, WireError> {
        let (mark, payload) = packet.split_first().ok_or(WireError::Closed)?;
        // others are closed: the other side must not fill our table of descriptors with a message that never ends
        if self.partial.is_empty() {
            self.fds = fds;
        }
        self.partial.extend_from_slice(payload);
        if self.partial.len() > MAX_MESSAGE {
            return Err(WireError::Garbled(format!("a message of more than {MAX_MESSAGE} bytes")));
        }
        if *mark != LAST {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.partial);
        self.partial.clear();
        message.map(Some).map_err(|e| WireError::Garbled(e.to_string()))
    }
}

/// Receives packets and joins them to messages.
#[derive(Debug)]
pub struct Inbox {
    packet: Vec<u8>,
    joiner: Joiner,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { packet: vec![0; PAYLOAD + 1], joiner: Joiner::default() }
    }
}

impl Inbox {
    /// The next message. `None` if the socket is non-blocking and has none yet.
    pub fn receive<T: DeserializeOwned>(&mut self, socket: impl AsFd, wait: bool) -> Result<Option<T>, WireError> {
        let flags = if wait { MsgFlags::empty() } else { MsgFlags::MSG_DONTWAIT };
        if self.joiner.partial.is_empty() {
            self.joiner.fds.clear();
        }
        loop {
            let (n, fds) = match fd_passing::receive(&socket, &mut self.packet, flags) {
                Ok((0, _)) => return Err(WireError::Closed),
                Ok(got) => got,
                // the other side has closed without reading all of our messages; this error is reported once, and
                // before what the other side has sent and we have not read yet
                Err(Errno::EINTR | Errno::ECONNRESET) => continue,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(e) => return Err(e.into()),
            };
            if let Some(message) = self.joiner.add(&self.packet[..n], fds)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes the descriptors that came with the last message.
    pub fn take_fds(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.joiner.fds)
    }
}

/// Packets that wait for room, so that the sender does not block.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    bytes: usize,
}

impl Outbox {
    /// With more waiting bytes than this the reader has not read for so long that it is considered dead.
    pub const LIMIT: usize = 256 * 1024 * 1024;

    pub fn push<T: Serialize>(&mut self, message: &T) -> Result<(), WireError> {
        self.push_with(message, Vec::new())
    }

    /// The same with descriptors, which the other side gets copies of.
    pub fn push_with<T: Serialize>(&mut self, message: &T, mut fds: Vec<OwnedFd>) -> Result<(), WireError> {
        for packet in packets(message)? {
            self.bytes += packet.len();
            self.queue.push_back((packet, std::mem::take(&mut fds)));
        }
        if self.bytes > Self::LIMIT { Err(WireError::Closed) } else { Ok(()) }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The number of waiting bytes.
    pub fn waiting(&self) -> usize {
        self.bytes
    }

    /// Sends as many packets as there is room for.
    pub fn flush(&mut self, socket: impl AsFd) -> Result<(), WireError> {
        while let Some((packet, fds)) = self.queue.front() {
            match fd_passing::send(&socket, packet, fds, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT) {
                Ok(()) => {
                    self.bytes -= packet.len();
                    self.queue.pop_front();
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => return Ok(()),
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Err(WireError::Closed),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::{Inbox, Outbox, WireError, packets};

    #[test]
    fn long_and_short_messages_arrive_whole_and_in_order() {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("pair");
        let long = "ü".repeat(3_000_000);
        let (mut out, mut inbox) = (Outbox::default(), Inbox::default());
        for message in ["short", &long, "", "after"] {
            out.push(&message).expect("pushed");
        }
        let mut got: Vec<String> = Vec::new();
        while got.len() < 4 {
            out.flush(&a).expect("sent");
            while let Some(message) = inbox.receive(&b, false).expect("received") {
                got.push(message);
            }
        }
        assert!(out.is_empty());
        assert_eq!(got, ["short", long.as_str(), "", "after"]);
        drop(a);
        assert!(matches!(inbox.receive::<String>(&b, true), Err(WireError::Closed)));
    }

    #[test]
    fn a_message_sent_before_closing_is_received_although_ours_was_not_read() {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("pair");
        super::send_blocking(&a, &"never read").expect("sent");
        super::send_blocking(&b, &"last words").expect("sent");
        drop(b);
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive::<String>(&a, true).expect("received").as_deref(), Some("last words"));
        assert!(matches!(inbox.receive::<String>(&a, true), Err(WireError::Closed)));
    }

    #[test]
    fn descriptors_arrive_with_their_message() {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("pair");
        let (read, write) = nix::unistd::pipe().expect("pipe");
        super::send_with(&a, &"x".repeat(super::PAYLOAD * 2), &[write]).expect("sent");
        super::send_blocking(&a, &"none").expect("sent");
        let mut inbox = Inbox::default();
        inbox.receive::<String>(&b, true).expect("received");
        let mut got = inbox.take_fds();
        nix::unistd::write(got.pop().expect("a descriptor"), b"through").expect("written");
        let mut buffer = [0; 16];
        assert_eq!(nix::unistd::read(&read, &mut buffer), Ok(7));
        // every copy was closed
        assert_eq!(nix::unistd::read(&read, &mut buffer), Ok(0));
        inbox.receive::<String>(&b, true).expect("received");
        assert!(inbox.take_fds().is_empty());
    }

    #[test]
    fn descriptors_of_a_message_that_never_ends_are_closed() {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("pair");
        let (read, write) = nix::unistd::pipe().expect("pipe");
        let mut inbox = Inbox::default();
        for packet in [&b"+"[..], b"+\"", b"+x"] {
            let copy = [write.try_clone().expect("a copy")];
            crate::sys::fd_passing::send(&a, packet, &copy, nix::sys::socket::MsgFlags::empty()).expect("sent");
            assert!(matches!(inbox.receive::<String>(&b, false), Ok(None)));
            assert!(inbox.joiner.fds.len() <= 1, "{inbox:?}");
        }
        drop(write);
        drop(inbox);
        assert_eq!(nix::unistd::read(&read, &mut [0; 1]), Ok(0), "every copy was closed");
    }

    #[test]
    fn every_message_has_exactly_one_last_packet() {
        let lasts = |n: usize| {
            let p = packets(&"x".repeat(n)).expect("packets");
            (p.iter().filter(|p| p[0] == super::LAST).count(), p.last().map(|p| p[0]))
        };
        for n in [0, 1, super::PAYLOAD - 3, super::PAYLOAD - 2, super::PAYLOAD - 1, super::PAYLOAD * 2] {
            assert_eq!(lasts(n), (1, Some(super::LAST)), "{n}");
        }
    }
}
