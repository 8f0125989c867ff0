//! The pod network: a bridge in the node's network namespace, and an address and a veth pair for each pod. It has no
//! connection to the outside.

mod netlink;

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Message};
use nix::fcntl::{OFlag, open};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;

use self::netlink::Route;
use super::namespace::within;
use super::{Refused, errno_of};
use crate::lab::protocol::{PodCidr, Step};

/// The bridge, with the name that CNI's bridge plugin uses.
const BRIDGE: &str = "cni0";
/// Loopback is the first interface of every network namespace (`net/core/net_namespace.c`).
const LO: u32 = 1;

#[derive(Debug)]
pub struct Network {
    route: Route,
    /// Our own network namespace, to return to.
    home: OwnedFd,
    bridge: u32,
    range: PodCidr,
    /// Free addresses, those that were released first in front, so that an address is not soon used again.
    free: VecDeque<Ipv4Addr>,
    pods: u32,
}

impl Network {
    pub(super) fn start(range: PodCidr) -> Result<Self, Refused> {
        let mut route = Route::open().map_err(|e| refused(Step::Loopback, &e))?;
        route.change(&[(up(LO), 0)]).map_err(|e| refused(Step::Loopback, &e))?;
        let bridge = bridge(&mut route, range).map_err(|e| refused(Step::Bridge, &e))?;
        let home = open("/proc/self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| Refused { step: Step::Bridge, errno })?;
        Ok(Self { route, home, bridge, range, free: range.addresses().collect(), pods: 0 })
    }

    /// The node's own address, which is also that of pods with `hostNetwork`.
    pub fn gateway(&self) -> Ipv4Addr {
        self.range.gateway()
    }

    /// Adds `eth0`, with an address and connected to the bridge, to the network namespace of `process`.
    ///
    /// `pid` is the process in the caller's pid namespace.
    pub fn connect(&mut self, process: &OwnedFd, pid: i32) -> io::Result<Ipv4Addr> {
        let ip = self.free.pop_front().ok_or_else(|| io::Error::other(self.out_of_addresses()))?;
        let result = self.add_veth_pair(process, pid, ip);
        if result.is_err() {
            self.free.push_back(ip);
        }
        result.map(|()| ip)
    }

    fn out_of_addresses(&self) -> String {
        let (n, range) = (self.range.addresses().count(), self.range);
        format!("all {n} addresses of {range} are in use; delete a pod, or choose a larger range (--pod-cidr)")
    }

    /// Makes the address free again. The interfaces were removed with the pod's namespace.
    pub fn release(&mut self, ip: Ipv4Addr) {
        self.free.push_back(ip);
    }

    fn add_veth_pair(&mut self, process: &OwnedFd, pid: i32, ip: Ipv4Addr) -> io::Result<()> {
        // an interface is removed with its namespace, but not immediately, so names are not used twice
        self.pods += 1;
        let mut peer = LinkMessage::default();
        peer.attributes = vec![LinkAttribute::IfName("eth0".to_owned()), LinkAttribute::NetNsPid(pid as u32)];
        let mut pair = LinkMessage::default();
        pair.header.flags = LinkFlags::Up;
        pair.header.change_mask = LinkFlags::Up;
        pair.attributes = vec![
            LinkAttribute::IfName(format!("veth{}", self.pods)),
            LinkAttribute::Controller(self.bridge),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        // both ends get their namespace and name when they are created: moving or renaming costs more
        self.route.change(&[(Message::NewLink(pair), NLM_F_CREATE | NLM_F_EXCL)])?;

        // the rest is done inside the pod's namespace; we have one thread, so no other thread changes its namespace
        within(process, &self.home, CloneFlags::CLONE_NEWNET, || configure_inside(ip, self.range))?
    }
}

/// Brings loopback up in the caller's network namespace, which no other process uses yet.
pub(super) fn loopback() -> io::Result<()> {
    Route::open()?.change(&[(up(LO), 0)])
}

/// Sets up a pod's network from inside its namespace.
fn configure_inside(ip: Ipv4Addr, range: PodCidr) -> io::Result<()> {
    let mut route = Route::open()?;
    let eth0 = route.index_of("eth0")?;
    route.change(&[
        (up(LO), 0),
        (address(eth0, ip, range), NLM_F_CREATE | NLM_F_EXCL),
        (up(eth0), 0),
        (default_route(range.gateway()), NLM_F_CREATE | NLM_F_EXCL),
    ])
}

fn bridge(route: &mut Route, range: PodCidr) -> io::Result<u32> {
    let mut link = LinkMessage::default();
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link.attributes = vec![
        LinkAttribute::IfName(BRIDGE.to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            // no forward delay, since there are no loops
            LinkInfo::Data(InfoData::Bridge(vec![
                InfoBridge::ForwardDelay(0),
                InfoBridge::StpState(netlink_packet_route::link::BridgeStpState::Disabled),
            ])),
        ]),
    ];
    route.change(&[(Message::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)])?;
    let index = route.index_of(BRIDGE)?;
    route.change(&[(address(index, range.gateway(), range), NLM_F_CREATE | NLM_F_EXCL)])?;
    Ok(index)
}

fn up(index: u32) -> Message {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    Message::SetLink(link)
}

fn address(index: u32, ip: Ipv4Addr, range: PodCidr) -> Message {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = range.prefix();
    message.header.index = index;
    message.attributes = vec![
        AddressAttribute::Local(ip.into()),
        AddressAttribute::Address(ip.into()),
        AddressAttribute::Broadcast(range.broadcast()),
    ];
    Message::NewAddress(message)
}

fn default_route(gateway: Ipv4Addr) -> Message {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = netlink_packet_route::route::RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Boot;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway))];
    Message::NewRoute(message)
}

fn refused(step: Step, e: &io::Error) -> Refused {
    Refused { step, errno: errno_of(e) }
}
