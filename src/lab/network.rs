//! The pod network: a bridge in the node's network namespace, an address and a veth pair a pod.
//! Nothing leads out of it.

mod netlink;
mod range;

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
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;

pub use self::range::Range;

use self::netlink::Route;
use super::node::Refused;
use super::protocol::Step;

/// The bridge, by the name CNI's bridge plugin gives it.
const BRIDGE: &str = "cni0";
/// Loopback is the first interface of every network namespace (`net/core/net_namespace.c`).
const LO: u32 = 1;

#[derive(Debug)]
pub struct Network {
    route: Route,
    /// Our own network namespace, to come back to.
    home: OwnedFd,
    bridge: u32,
    range: Range,
    /// The longest free first, so that an address is not soon another pod's.
    free: VecDeque<Ipv4Addr>,
    pods: u32,
}

impl Network {
    pub(super) fn start(range: Range) -> Result<Self, Refused> {
        let mut route = Route::open().map_err(|e| refused(Step::Loopback, &e))?;
        route.change(&[(up(LO), 0)]).map_err(|e| refused(Step::Loopback, &e))?;
        let bridge = bridge(&mut route, range).map_err(|e| refused(Step::Bridge, &e))?;
        let home = open("/proc/self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| Refused { step: Step::Bridge, errno })?;
        Ok(Self { route, home, bridge, range, free: range.addresses().collect(), pods: 0 })
    }

    /// The node's own address, which pods on its network have too.
    pub fn gateway(&self) -> Ipv4Addr {
        self.range.gateway()
    }

    /// Gives the network namespace of `process` an address, and `eth0` that leads to the bridge.
    ///
    /// `pid` is the process in the caller's pid namespace.
    pub fn connect(&mut self, process: &OwnedFd, pid: i32) -> io::Result<Ipv4Addr> {
        let ip = self.free.pop_front().ok_or_else(|| io::Error::other(self.no_address()))?;
        let result = self.wire(process, pid, ip);
        if result.is_err() {
            self.free.push_back(ip);
        }
        result.map(|()| ip)
    }

    fn no_address(&self) -> String {
        let (n, range) = (self.range.addresses().count(), self.range);
        format!("all {n} addresses of {range} are in use; delete a pod, or choose a larger range (--pod-cidr)")
    }

    /// The address may be given away again. The interfaces went with the pod's namespace.
    pub fn release(&mut self, ip: Ipv4Addr) {
        self.free.push_back(ip);
    }

    fn wire(&mut self, process: &OwnedFd, pid: i32, ip: Ipv4Addr) -> io::Result<()> {
        // an interface goes with its namespace, but not at once: names are not used twice
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
        // both ends in their places and named from the start: moving or renaming costs more
        self.route.change(&[(Message::NewLink(pair), NLM_F_CREATE | NLM_F_EXCL)])?;

        // the rest from within the pod; we have one thread, so nobody is taken along
        setns(process, CloneFlags::CLONE_NEWNET)?;
        let inside = inside(ip, self.range);
        setns(&self.home, CloneFlags::CLONE_NEWNET)?;
        inside
    }
}

/// Brings loopback up in the caller's network namespace, which nobody else is in.
pub(super) fn loopback() -> io::Result<()> {
    Route::open()?.change(&[(up(LO), 0)])
}

/// Sets up a pod's network from inside its namespace.
fn inside(ip: Ipv4Addr, range: Range) -> io::Result<()> {
    let mut route = Route::open()?;
    let eth0 = route.index_of("eth0")?;
    route.change(&[
        (up(LO), 0),
        (address(eth0, ip, range), NLM_F_CREATE | NLM_F_EXCL),
        (up(eth0), 0),
        (default_route(range.gateway()), NLM_F_CREATE | NLM_F_EXCL),
    ])
}

fn bridge(route: &mut Route, range: Range) -> io::Result<u32> {
    let mut link = LinkMessage::default();
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link.attributes = vec![
        LinkAttribute::IfName(BRIDGE.to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            // ports forward at once, there are no loops
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

fn address(index: u32, ip: Ipv4Addr, range: Range) -> Message {
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
    Refused { step, errno: super::node::errno_of(e) }
}
