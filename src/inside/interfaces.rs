//! Asks the kernel for interfaces, addresses and routes of its own network namespace (`rtnetlink(7)`).

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::model::inside::{Address, Bounded, Interface, PeerInterface, Route};
use crate::observe::Unread;

const MAX_INTERFACES: usize = 256;
const MAX_ADDRESSES: usize = 64;
const MAX_ROUTES: usize = 256;

pub struct Found {
    pub interfaces: Result<Bounded<Interface>, Unread>,
    pub routes: Result<Bounded<Route>, Unread>,
}

pub fn read() -> Found {
    let links = dump(Message::GetLink(LinkMessage::default()));
    let addresses = dump(Message::GetAddress(AddressMessage::default()));
    let routes = dump(Message::GetRoute(RouteMessage::default()));
    found(links, addresses, routes)
}

/// From the messages of the three answers.
pub fn found(
    links: io::Result<Vec<Message>>,
    addresses: io::Result<Vec<Message>>,
    routes: io::Result<Vec<Message>>,
) -> Found {
    let mut names = BTreeMap::new();
    let interfaces = links.and_then(|links| {
        let mut by_index = addresses_by_interface(addresses?);
        let mut all: Vec<Interface> = links
            .into_iter()
            .filter_map(|message| if let Message::NewLink(link) = message { Some(interface(link)) } else { None })
            .collect();
        for interface in &mut all {
            interface.addresses = by_index.remove(&interface.index).unwrap_or_default();
        }
        names.extend(all.iter().map(|interface| (interface.index, interface.name.clone())));
        all.sort_by_key(|interface| interface.index);
        Ok(Bounded::of(all, MAX_INTERFACES))
    });
    let routes = routes.map(|routes| {
        let all = routes.into_iter().filter_map(|message| match message {
            Message::NewRoute(message) => route(message, &names),
            _ => None,
        });
        Bounded::of(all, MAX_ROUTES)
    });
    Found { interfaces: interfaces.map_err(Unread::from), routes: routes.map_err(Unread::from) }
}

/// All that the kernel answers.
fn dump(request: Message) -> io::Result<Vec<Message>> {
    let mut all = Vec::new();
    let socket = ask(request)?;
    while !take(&socket.recv_from_full()?.0, &mut all)? {}
    Ok(all)
}

/// A socket that has sent a request for a list.
fn ask(request: Message) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut text = vec![0; message.buffer_len()];
    message.serialize(&mut text);
    socket.send(&text, 0)?;
    Ok(socket)
}

/// Takes the messages of a datagram. Returns whether the answer ends with it.
pub fn take(datagram: &[u8], all: &mut Vec<Message>) -> io::Result<bool> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkMessage::<Message>::deserialize(rest).map_err(io::Error::other)?;
        // messages are aligned to four bytes (NLMSG_ALIGN); one is at least its header
        let length = (message.header.length as usize).next_multiple_of(4).max(16).min(rest.len());
        rest = &rest[length..];
        match message.payload {
            NetlinkPayload::InnerMessage(inner) => all.push(inner),
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(e) if e.code.is_some() => return Err(e.to_io()),
            _ => {}
        }
    }
    Ok(false)
}

/// The first datagram of each answer, as samples.
#[cfg(test)]
pub fn datagrams() -> Vec<Vec<u8>> {
    let requests = [
        Message::GetLink(LinkMessage::default()),
        Message::GetAddress(AddressMessage::default()),
        Message::GetRoute(RouteMessage::default()),
    ];
    requests.map(|request| ask(request).and_then(|socket| Ok(socket.recv_from_full()?.0)).expect("an answer")).into()
}

fn interface(link: LinkMessage) -> Interface {
    let flags = link.header.flags;
    let mut found = Interface {
        index: link.header.index,
        name: String::new(),
        kind: None,
        mac: None,
        mtu: 0,
        is_loopback: flags.contains(LinkFlags::Loopback),
        is_up: flags.contains(LinkFlags::Up),
        is_running: flags.contains(LinkFlags::Running),
        peer: None,
        addresses: Vec::new(),
        received_bytes: 0,
        sent_bytes: 0,
    };
    let (mut peer, mut netnsid) = (None, None);
    for attribute in link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => found.name = name,
            LinkAttribute::Mtu(mtu) => found.mtu = mtu,
            LinkAttribute::Address(mac) if mac.iter().any(|byte| *byte != 0) => {
                let bytes: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                found.mac = Some(bytes.join(":"));
            }
            LinkAttribute::Link(index) => peer = Some(index),
            LinkAttribute::LinkNetNsId(id) => netnsid = u32::try_from(id).ok(),
            LinkAttribute::Stats64(stats) => {
                (found.received_bytes, found.sent_bytes) = (stats.rx_bytes, stats.tx_bytes);
            }
            LinkAttribute::LinkInfo(infos) => {
                found.kind = infos.into_iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    // 0: it is linked to nothing, as a tunnel may be
    found.peer = peer.filter(|index| *index != 0).map(|index| PeerInterface { index, netnsid });
    found
}

fn addresses_by_interface(messages: Vec<Message>) -> BTreeMap<u32, Vec<Address>> {
    let mut by_index: BTreeMap<u32, Vec<Address>> = BTreeMap::new();
    for message in messages {
        let Message::NewAddress(AddressMessage { header, attributes, .. }) = message else { continue };
        let local = attributes.iter().find_map(|a| if let AddressAttribute::Local(ip) = a { Some(*ip) } else { None });
        // of a point-to-point interface this is the other end, and IPv6 has only this
        let address =
            attributes.iter().find_map(|a| if let AddressAttribute::Address(ip) = a { Some(*ip) } else { None });
        let all = by_index.entry(header.index).or_default();
        if let Some(ip) = local.or(address).filter(|_| all.len() < MAX_ADDRESSES) {
            all.push(Address { ip, prefix: header.prefix_len });
        }
    }
    for all in by_index.values_mut() {
        all.sort_unstable();
    }
    by_index
}

/// A route to other machines in the main table.
fn route(message: RouteMessage, names: &BTreeMap<u32, String>) -> Option<Route> {
    let header = &message.header;
    let mut table = u32::from(header.table);
    let mut found =
        Route { to: None, via: None, interface: None, is_ipv6: header.address_family == AddressFamily::Inet6 };
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = number,
            RouteAttribute::Destination(to) => {
                found.to = ip(&to).map(|ip| Address { ip, prefix: header.destination_prefix_length });
            }
            RouteAttribute::Gateway(via) => found.via = ip(&via),
            RouteAttribute::Oif(index) => found.interface = names.get(&index).cloned(),
            _ => {}
        }
    }
    (table == u32::from(RouteHeader::RT_TABLE_MAIN) && header.kind == RouteType::Unicast).then_some(found)
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}
