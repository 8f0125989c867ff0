//! What is in a network namespace.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bounded, Finding};
use crate::model::ProcId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetContent {
    /// By index.
    pub interfaces: Finding<Bounded<Interface>>,
    /// Those of the main table, as `ip route` lists them.
    pub routes: Finding<Bounded<Route>>,
    /// TCP and UDP, as `ss -tuan` lists them: those that listen first, by port.
    pub sockets: Finding<Bounded<NetSocket>>,
    /// Unix sockets that listen, by path.
    pub unix: Finding<Bounded<UnixListener>>,
    /// Unix sockets that are connected, those with a path first. A process's pairs of its own are left out.
    pub unix_connections: Finding<Bounded<UnixConnection>>,
    /// Processes in it whose open files may not be read. A socket without an owner may be theirs.
    pub closed_processes: Vec<ProcId>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    /// As the kernel names it, such as `veth`; null for an interface without a kind, such as `lo`.
    pub kind: Option<String>,
    /// `aa:c4:09:01:00:02`; null if it has none.
    pub mac: Option<String>,
    pub mtu: u32,
    pub is_loopback: bool,
    /// It was set up (`IFF_UP`).
    pub is_up: bool,
    /// It can carry packets (`IFF_RUNNING`): it is up, and so is its other end.
    pub is_running: bool,
    /// The other end of a veth, or what it is built on.
    pub peer: Option<PeerInterface>,
    pub addresses: Vec<Address>,
    pub received_bytes: u64,
    pub sent_bytes: u64,
}

/// An interface that another one is linked to (`IFLA_LINK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerInterface {
    /// Its index, in its own network namespace.
    pub index: u32,
    /// The number by which this namespace names that of the other end (`IFLA_LINK_NETNSID`); null if it is the same.
    pub netnsid: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    pub ip: IpAddr,
    /// The length of the prefix in bits.
    pub prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// Null for the default route.
    pub to: Option<Address>,
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The name of the interface.
    pub interface: Option<String>,
    pub is_ipv6: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The state of a socket (`include/net/tcp_states.h`). One of UDP is established if it is connected, else closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SocketState {
    Listen,
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    CloseWait,
    LastAck,
    Closing,
    Closed,
}

impl SocketState {
    /// From the number in `/proc/net/tcp`.
    pub const fn from_number(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::Established,
            2 => Self::SynSent,
            // TCP_NEW_SYN_RECV is a request that no socket exists for yet
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// As `ss` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::Established => "ESTAB",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECV",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Closing => "CLOSING",
            Self::Closed => "UNCONN",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetSocket {
    pub protocol: Protocol,
    pub state: SocketState,
    /// An IPv4 address that is mapped to IPv6 is given as IPv4.
    pub local: SocketAddr,
    /// Null if it is not connected.
    pub remote: Option<SocketAddr>,
    /// In sockfs; 0 for a socket that no process has any more.
    pub inode: u64,
    /// The processes in the namespace that have it open, by pid. Others may have it too.
    pub owners: Vec<ProcId>,
}

impl NetSocket {
    /// Whether it waits for connections or packets: a TCP socket that listens, or a UDP socket that is not connected.
    pub fn is_listening(&self) -> bool {
        match self.protocol {
            Protocol::Tcp => self.state == SocketState::Listen,
            Protocol::Udp => self.remote.is_none(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnixListener {
    /// Its path, as its process has bound it; an abstract name begins with `@`.
    pub path: String,
    pub inode: u64,
    pub owners: Vec<ProcId>,
}

/// Two Unix sockets that are connected to each other, or one that sends datagrams to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnixConnection {
    /// The path or abstract name of the server; null for a pair without a name (`socketpair(2)`), or if the server is in
    /// another network namespace.
    pub path: Option<String>,
    pub client: UnixEnd,
    pub server: UnixEnd,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnixEnd {
    /// In sockfs; 0 for a connection that is not accepted yet.
    pub inode: u64,
    /// The processes in the namespace that have it open. None if it is in another network namespace.
    pub owners: Vec<ProcId>,
}

/// Two sockets of the same namespace that are connected to each other. Each is an index in `sockets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The one that has connected, or the first one if that is not known.
    pub client: usize,
    pub server: usize,
    /// The socket that listens on the server's port; `None` if none does any more.
    pub listener: Option<usize>,
}

impl NetContent {
    /// Who talks to whom inside: each pair of connected sockets whose addresses are each other's.
    pub fn connections(&self) -> Vec<Connection> {
        let sockets = self.sockets.known().map_or(&[][..], |all| &all.items);
        let key = |socket: &NetSocket| Some((socket.protocol, socket.local, socket.remote?));
        let by_ends: BTreeMap<_, usize> = sockets.iter().enumerate().filter_map(|(i, s)| Some((key(s)?, i))).collect();
        let listener = |socket: &NetSocket| {
            sockets.iter().position(|other| {
                other.is_listening()
                    && other.protocol == socket.protocol
                    && other.local.port() == socket.local.port()
                    && (other.local.ip().is_unspecified() || other.local.ip() == socket.local.ip())
            })
        };
        let pair = |(one, socket): (usize, &NetSocket)| {
            let other = *by_ends.get(&(socket.protocol, socket.remote?, socket.local))?;
            if one >= other {
                return None;
            }
            Some(match (listener(socket), listener(&sockets[other])) {
                (Some(at), None) => Connection { client: other, server: one, listener: Some(at) },
                (_, at) => Connection { client: one, server: other, listener: at },
            })
        };
        sockets.iter().enumerate().filter_map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(state: SocketState, local: &str, remote: Option<&str>) -> NetSocket {
        NetSocket {
            protocol: Protocol::Tcp,
            state,
            local: local.parse().expect("an address"),
            remote: remote.map(|text| text.parse().expect("an address")),
            inode: 1,
            owners: Vec::new(),
        }
    }

    fn connections(sockets: Vec<NetSocket>) -> Vec<(usize, usize, Option<usize>)> {
        let sockets = Finding::Known(Bounded { items: sockets, left_out: 0 });
        let content = NetContent {
            interfaces: Finding::NotThere,
            routes: Finding::NotThere,
            sockets,
            unix: Finding::NotThere,
            unix_connections: Finding::NotThere,
            closed_processes: Vec::new(),
        };
        content.connections().iter().map(|c| (c.client, c.server, c.listener)).collect()
    }

    #[test]
    fn the_server_of_a_connection_is_the_end_whose_port_is_listened_on() {
        let listen = socket(SocketState::Listen, "0.0.0.0:80", None);
        let client = socket(SocketState::Established, "127.0.0.1:48122", Some("127.0.0.1:80"));
        let server = socket(SocketState::Established, "127.0.0.1:80", Some("127.0.0.1:48122"));
        assert_eq!(connections(vec![listen.clone(), client.clone(), server.clone()]), [(1, 2, Some(0))]);
        assert_eq!(connections(vec![server.clone(), listen.clone(), client.clone()]), [(2, 0, Some(1))]);
        assert_eq!(connections(vec![client.clone(), server]), [(0, 1, None)], "nobody listens any more");
        assert_eq!(connections(vec![listen, client]), [], "the other end is elsewhere");
    }

    #[test]
    fn a_listener_of_another_address_is_not_that_of_the_connection() {
        let other = socket(SocketState::Listen, "10.244.0.2:80", None);
        let all = socket(SocketState::Listen, "[::]:80", None);
        let client = socket(SocketState::Established, "127.0.0.1:48122", Some("127.0.0.1:80"));
        let server = socket(SocketState::Established, "127.0.0.1:80", Some("127.0.0.1:48122"));
        assert_eq!(connections(vec![other.clone(), client.clone(), server.clone()]), [(1, 2, None)]);
        assert_eq!(connections(vec![other, all, client, server]), [(2, 3, Some(1))]);
    }
}
