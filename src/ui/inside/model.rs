//! What the view shows, computed once for each version of the World.

use super::ports::PortMap;
use super::subject::{Sharing, Subject};
use super::tables::{Table, tables};
use super::words;
use crate::model::inside::{Content, NetContent};
use crate::model::{MonoNs, NsId, NsKind, Process, World};
use crate::ui::inspector::holders;
use crate::ui::{Selection, text};
use crate::wording::inside::why_not;

/// The kinds in the order in which they are shown.
pub const KINDS: [NsKind; 8] =
    [NsKind::Net, NsKind::Mnt, NsKind::Pid, NsKind::Ipc, NsKind::Uts, NsKind::User, NsKind::Cgroup, NsKind::Time];

#[derive(Debug)]
pub struct Model {
    /// Who is in it, in words.
    pub sharing: String,
    pub siblings: Vec<(NsId, String)>,
    /// The processes that keep it alive, in words.
    pub holders: String,
    pub owner: Option<NsId>,
    /// When it was read; `None` if it was not, or if there is nothing to be read.
    pub read: Option<MonoNs>,
    /// Whether its content still has to be read.
    pub is_unread: bool,
    pub net: Option<NetModel>,
    pub tables: Vec<Table>,
    /// All namespaces of the process that leads to them, one of each kind.
    pub kinds: Vec<KindModel>,
}

/// The namespace of one kind.
#[derive(Debug)]
pub struct KindModel {
    pub kind: NsKind,
    /// `None` if it is not known.
    pub ns: Option<NsId>,
    pub summary: (String, String),
}

#[derive(Debug)]
pub struct NetModel {
    pub interfaces: Vec<InterfaceModel>,
    /// Why there are none, or how many more there are.
    pub interfaces_note: Option<String>,
    pub routes: Vec<String>,
    pub routes_note: Option<String>,
    pub ports: PortMap,
    /// What is missing in the port map, and why.
    pub ports_note: Option<String>,
}

#[derive(Debug)]
pub struct InterfaceModel {
    pub name: String,
    pub detail: String,
    pub addresses: Vec<String>,
    pub mac: Option<String>,
    pub traffic: String,
}

impl Model {
    pub fn of(world: &World, selection: &Selection, subject: Subject) -> Self {
        let ns = subject.ns;
        let Sharing { words: sharing, siblings } = Sharing::of(world, selection, ns);
        let inside = world.inside.get(&ns);
        let content = inside.map(|inside| &*inside.content);
        let pod = selection.pod.as_ref();
        let anchor = subject.anchor.and_then(|id| world.process(id));
        let kinds = KINDS.into_iter().map(|kind| {
            let of_kind = if kind == ns.kind { Some(ns) } else { anchor.and_then(|p| p.namespaces.get(kind)) };
            let summary = |ns| words::summary(world, ns, world.inside.get(&ns).map(|inside| &*inside.content));
            let summary = of_kind.map_or_else(|| ("not visible".to_owned(), String::new()), summary);
            KindModel { kind, ns: of_kind, summary }
        });
        let is_unread = content.is_none() && ns.kind != NsKind::Pid;
        Self {
            sharing,
            siblings,
            holders: holders(world, ns),
            owner: world.namespaces.get(&ns).and_then(|known| known.owner),
            read: inside.map(|inside| inside.at.t),
            is_unread,
            net: content.and_then(|content| match content {
                Content::Net(net) => Some(NetModel::of(world, selection, ns, net)),
                _ => None,
            }),
            tables: tables(world, pod, ns, content),
            kinds: kinds.collect(),
        }
    }
}

impl NetModel {
    fn of(world: &World, selection: &Selection, ns: NsId, net: &NetContent) -> Self {
        let interfaces = net.interfaces.known().map_or(&[][..], |all| &all.items);
        let interfaces = interfaces.iter().map(|interface| InterfaceModel {
            name: interface.name.clone(),
            detail: words::interface(interface),
            addresses: interface.addresses.iter().map(|a| format!("{}/{}", a.ip, a.prefix)).collect(),
            mac: interface.mac.clone(),
            traffic: format!(
                "received {} · sent {}",
                text::bytes(interface.received_bytes),
                text::bytes(interface.sent_bytes)
            ),
        });
        let routes = net.routes.known().map_or(&[][..], |all| &all.items);
        let processes: Vec<&Process> = world.ns_members_of_pods(ns);
        let more = |n: u32| (n > 0).then(|| format!("and {n} more"));
        let left_out = |found: Option<u32>, why: Option<String>| found.map_or(why, more);
        Self {
            interfaces: interfaces.collect(),
            interfaces_note: left_out(net.interfaces.known().map(|all| all.left_out), why_not(&net.interfaces)),
            routes: routes.iter().map(words::route).collect(),
            routes_note: match net.routes.known() {
                Some(all) if all.items.is_empty() => Some("None: nothing outside can be reached.".to_owned()),
                Some(all) => more(all.left_out),
                None => why_not(&net.routes),
            },
            ports: PortMap::of(world, selection.pod.as_ref(), net, &processes),
            ports_note: ports_note(net),
        }
    }
}

fn ports_note(net: &NetContent) -> Option<String> {
    let mut notes: Vec<String> = [why_not(&net.sockets), why_not(&net.unix)].into_iter().flatten().collect();
    notes.dedup();
    let left_out = net.sockets.known().map_or(0, |all| all.left_out);
    if left_out > 0 {
        notes.push(format!("{left_out} more sockets are not shown."));
    }
    let closed = net.closed_processes.len();
    if closed > 0 {
        let of = text::count(closed, "process", "processes");
        notes.push(format!("The open files of {of} may not be read: a socket without an owner may be theirs."));
    }
    (!notes.is_empty()).then(|| notes.join(" "))
}
