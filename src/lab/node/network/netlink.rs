//! Requests to the kernel's routing tables (`rtnetlink(7)`), each with its acknowledgement.

use std::io;

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

#[derive(Debug)]
pub struct Route {
    socket: Socket,
    sequence: u32,
}

impl Route {
    /// Opens a socket to the network namespace of the caller.
    ///
    /// It never waits for an answer: the kernel has handled a request, and queued the answer, when `send` returns
    /// (`rtnetlink_rcv` in net/core/rtnetlink.c). An answer that is missing is an error and does not stop the caller.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_non_blocking(true)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Sends changes together; the kernel makes them in order. The error is the first one that failed; those after it
    /// are tried nevertheless.
    pub fn change(&mut self, changes: &[(Message, u16)]) -> io::Result<()> {
        let first = self.sequence + 1;
        let mut out = Vec::new();
        for (message, flags) in changes {
            self.add(&mut out, message.clone(), *flags);
        }
        self.socket.send(&out, 0)?;
        let mut failed = Ok(());
        let mut open = changes.len();
        while open > 0 {
            self.receive(|message| {
                if message.header.sequence_number < first {
                    return;
                }
                if let NetlinkPayload::Error(e) = message.payload {
                    open = open.saturating_sub(1);
                    if e.code.is_some() && failed.is_ok() {
                        failed = Err(e.to_io());
                    }
                }
            })?;
        }
        failed
    }

    /// The index of the interface of this name.
    pub fn index_of(&mut self, name: &str) -> io::Result<u32> {
        let mut link = LinkMessage::default();
        link.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        let mut out = Vec::new();
        self.add(&mut out, Message::GetLink(link), 0);
        self.socket.send(&out, 0)?;
        let (mut index, mut result) = (None, None);
        while result.is_none() {
            self.receive(|message| match message.payload {
                NetlinkPayload::InnerMessage(Message::NewLink(link)) => index = Some(link.header.index),
                NetlinkPayload::Error(e) => result = Some(if e.code.is_some() { Err(e.to_io()) } else { Ok(()) }),
                _ => {}
            })?;
        }
        result.unwrap_or(Ok(()))?;
        index.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn add(&mut self, out: &mut Vec<u8>, message: Message, flags: u16) {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let start = out.len();
        // messages are aligned to four bytes (NLMSG_ALIGN)
        out.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut out[start..]);
    }

    fn receive(&mut self, mut take: impl FnMut(NetlinkMessage<Message>)) -> io::Result<()> {
        let (bytes, _) = self.socket.recv_from_full()?;
        let mut rest = &bytes[..];
        while rest.len() >= 16 {
            let message = NetlinkMessage::<Message>::deserialize(rest).map_err(io::Error::other)?;
            let length = (message.header.length as usize).next_multiple_of(4).clamp(16, rest.len());
            rest = &rest[length..];
            take(message);
        }
        Ok(())
    }
}
