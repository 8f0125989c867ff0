//! The numbers by which netlink names network namespaces (`RTM_GETNSID`, `rtnetlink(7)`).

use std::os::fd::{AsRawFd as _, OwnedFd};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::model::NetNsId;

/// Asks for the numbers of network namespaces in our own.
pub struct NetIds(Option<Socket>);

impl NetIds {
    pub fn open() -> Self {
        Self(Socket::new(NETLINK_ROUTE).ok())
    }

    /// The number of a network namespace; `None` if the kernel does not say.
    pub fn ask(&self, ns: &OwnedFd) -> Option<NetNsId> {
        let socket = self.0.as_ref()?;
        let mut request = NsidMessage::default();
        request.attributes.push(NsidAttribute::Fd(u32::try_from(ns.as_raw_fd()).ok()?));
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(RouteNetlinkMessage::GetNsId(request)));
        message.finalize();
        let mut text = vec![0; message.buffer_len()];
        message.serialize(&mut text);
        socket.send(&text, 0).ok()?;
        // it answers at once, with one message
        let (answer, _) = socket.recv_from_full().ok()?;
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNsId(answer)) =
            NetlinkMessage::deserialize(&answer).ok()?.payload
        else {
            return None;
        };
        answer.attributes.iter().find_map(|attribute| match attribute {
            NsidAttribute::Id(id) => Some(u32::try_from(*id).map_or(NetNsId::Unassigned, NetNsId::Number)),
            _ => None,
        })
    }
}
