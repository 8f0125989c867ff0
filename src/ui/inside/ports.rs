//! The port map: a column for each member with its sockets, and arrows from clients to the sockets that listen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::model::inside::{NetContent, NetSocket, Protocol, SocketState, UnixListener};
use crate::model::{Member, PodUid, ProcId, Process, World, names};
use crate::ui::text;

/// How many sockets of a member are drawn.
const MAX_PILLS: usize = 10;

/// A socket as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    pub is_listening: bool,
    /// `LISTEN`, `ESTAB`, `UDP`, `UNIX`.
    pub word: &'static str,
    /// `*:80`, or `127.0.0.1:48122`.
    pub title: String,
    /// Who has it, and who is connected.
    pub detail: String,
    /// A port of the host leads to it.
    pub is_published: bool,
    /// The first process that has it.
    pub owner: Option<ProcId>,
}

impl Pill {
    /// Everything in one line.
    pub fn name(&self) -> String {
        format!("{} {}, {}", self.word, self.title, self.detail)
    }
}

/// The sockets of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub title: String,
    pub pills: Vec<Pill>,
    /// How many more there are.
    pub more: usize,
}

/// The place of a pill: its column and its row.
pub type Place = (usize, usize);

/// A client and the socket that listens to it. The number is how many connections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub from: Place,
    pub to: Place,
    pub count: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortMap {
    pub columns: Vec<Column>,
    pub links: Vec<Link>,
    /// Connections that are closed and that the kernel keeps for a while (`TIME-WAIT`).
    pub waiting: usize,
}

impl PortMap {
    /// `processes` are those in the namespace.
    pub fn of(world: &World, pod: Option<&PodUid>, content: &NetContent, processes: &[&Process]) -> Self {
        let mut builder = Builder::new(world, pod, processes);
        let sockets = content.sockets.known().map_or(&[][..], |all| &all.items);
        let mut places: BTreeMap<usize, Place> = BTreeMap::new();
        for (i, socket) in sockets.iter().enumerate().filter(|(_, socket)| socket.is_listening()) {
            let connected = accepted(sockets, socket).count();
            let pill = builder.pill(socket, connected);
            places.extend(builder.add(&socket.owners, pill).map(|place| (i, place)));
        }
        let is_accepted =
            |socket: &NetSocket| sockets.iter().any(|listener| listener.is_listening() && is_from(listener, socket));
        // connections of one process to one socket are one pill
        let mut same: BTreeMap<(Vec<ProcId>, Option<SocketAddr>, SocketState), Place> = BTreeMap::new();
        let mut counts: BTreeMap<(Place, Place), usize> = BTreeMap::new();
        let connections = content.connections();
        for (i, socket) in sockets.iter().enumerate().filter(|(_, socket)| !socket.is_listening()) {
            if socket.state == SocketState::TimeWait {
                builder.map.waiting += 1;
                continue;
            }
            if is_accepted(socket) {
                continue;
            }
            let key = (socket.owners.clone(), socket.remote, socket.state);
            let known = same.get(&key).copied();
            let Some(place) = known.or_else(|| {
                let pill = builder.pill(socket, 0);
                builder.add(&socket.owners, pill)
            }) else {
                continue;
            };
            same.insert(key, place);
            let listener = connections.iter().find(|c| c.client == i).and_then(|c| places.get(&c.listener?));
            if let Some(listener) = listener {
                *counts.entry((place, *listener)).or_default() += 1;
            }
        }
        for socket in content.unix.known().into_iter().flat_map(|all| &all.items) {
            let pill = builder.unix_pill(socket);
            builder.add(&socket.owners, pill);
        }
        let links = counts.into_iter().map(|((from, to), count)| Link { from, to, count });
        builder.map.links = links.collect();
        builder.map
    }
}

/// Whether a socket came from one that listens.
fn is_from(listener: &NetSocket, socket: &NetSocket) -> bool {
    socket.protocol == listener.protocol
        && socket.local.port() == listener.local.port()
        && (listener.local.ip().is_unspecified() || listener.local.ip() == socket.local.ip())
}

/// The connections that came to a socket that listens.
fn accepted<'a>(all: &'a [NetSocket], listener: &'a NetSocket) -> impl Iterator<Item = &'a NetSocket> {
    all.iter().filter(move |socket| {
        !socket.is_listening() && socket.state != SocketState::TimeWait && is_from(listener, socket)
    })
}

struct Builder<'a> {
    world: &'a World,
    pod: Option<&'a PodUid>,
    /// `None` for what no process is seen to have.
    members: Vec<Option<Member>>,
    map: PortMap,
}

impl<'a> Builder<'a> {
    fn new(world: &'a World, pod: Option<&'a PodUid>, processes: &[&Process]) -> Self {
        let mut members: Vec<Member> = processes.iter().filter_map(|p| p.member.clone()).collect();
        let order = |member: &Member| {
            let containers = world.pod(&member.pod).map_or(&[][..], |pod| &pod.containers);
            let place = member.container.as_ref().map(|name| containers.iter().position(|c| c.name == *name));
            (Some(&member.pod) != pod, member.pod.clone(), place, member.container.clone())
        };
        members.sort_by_key(order);
        members.dedup();
        let several = members.iter().any(|member| Some(&member.pod) != pod);
        let column = |member: &Member| Column {
            title: match world.pod(&member.pod).filter(|_| several) {
                Some(pod) => format!("{}/{}", pod.name, member.name()),
                None => member.name().to_owned(),
            },
            pills: Vec::new(),
            more: 0,
        };
        let map = PortMap { columns: members.iter().map(column).collect(), ..PortMap::default() };
        Self { world, pod, members: members.into_iter().map(Some).collect(), map }
    }

    /// Adds a socket to the column of its first owner. `None` if the column is full.
    fn add(&mut self, owners: &[ProcId], pill: Pill) -> Option<Place> {
        let member = owners.iter().find_map(|id| self.world.process(*id)?.member.clone());
        let at = self.members.iter().position(|known| *known == member).unwrap_or_else(|| {
            let title = member.as_ref().map_or("no owner seen", Member::name).to_owned();
            self.map.columns.push(Column { title, pills: Vec::new(), more: 0 });
            self.members.push(member);
            self.members.len() - 1
        });
        let column = &mut self.map.columns[at];
        if column.pills.len() == MAX_PILLS {
            column.more += 1;
            return None;
        }
        column.pills.push(pill);
        Some((at, column.pills.len() - 1))
    }

    fn pill(&self, socket: &NetSocket, connected: usize) -> Pill {
        let is_listening = socket.is_listening();
        let published = self.host_port(socket).filter(|_| is_listening);
        let mut detail = self.owners(&socket.owners);
        if let Some(remote) = socket.remote {
            let _ = write!(detail, " → {remote}");
        }
        if connected > 0 {
            let _ = write!(detail, " · {}", text::count(connected, "connection", "connections"));
        }
        if let Some(port) = published {
            let _ = write!(detail, " · host port {port}");
        }
        let word = match socket.protocol {
            Protocol::Udp => "UDP",
            Protocol::Tcp => socket.state.name(),
        };
        Pill {
            is_listening,
            word,
            title: end(socket.local),
            detail,
            is_published: published.is_some(),
            owner: socket.owners.first().copied(),
        }
    }

    fn unix_pill(&self, socket: &UnixListener) -> Pill {
        let path = if socket.path.is_empty() { "without a path".to_owned() } else { socket.path.clone() };
        Pill {
            is_listening: true,
            word: "UNIX",
            title: path,
            detail: self.owners(&socket.owners),
            is_published: false,
            owner: socket.owners.first().copied(),
        }
    }

    /// The port of the host that leads to a socket.
    fn host_port(&self, socket: &NetSocket) -> Option<u16> {
        let pod = self.world.pod(self.pod?)?;
        pod.host_ports.iter().find(|(_, inside)| *inside == socket.local.port()).map(|(host, _)| *host)
    }

    /// `web: master, web: worker ×2`
    fn owners(&self, owners: &[ProcId]) -> String {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for id in owners {
            let name = self.world.process(*id).map_or_else(|| format!("pid {id}"), names::short_name);
            match counts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
        let one = |(name, count): (String, usize)| if count > 1 { format!("{name} ×{count}") } else { name };
        if counts.is_empty() {
            return "no owner seen".to_owned();
        }
        counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// One end: `*:80` where it is any address.
pub fn end(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("*:{}", v4.port()),
        address => address.to_string(),
    }
}
