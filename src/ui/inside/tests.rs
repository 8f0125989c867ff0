//! The models of the view, on values.

use std::sync::Arc;

use super::ports::{Link, PortMap};
use super::subject::{Sharing, Subject};
use super::tables::tables;
use crate::model::inside::{
    Bounded, Content, MntContent, MountPoint, NetContent, NetSocket, Protocol, SocketState, UnixListener,
};
use crate::model::{
    Cpu, Delta, Facts, Finding, Member, MonoNs, NsId, NsKind, NsSet, Parent, PodUid, ProcId, Process, SignalMasks,
    Source, Stamp, State, World,
};
use crate::ui::Selection;

const AT: Stamp = Stamp::prompt(MonoNs(1), Source::Scan);

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

const fn ns(kind: NsKind, ino: u64) -> NsId {
    NsId { kind, dev: 4, ino, generation: 0 }
}

const NET: NsId = ns(NsKind::Net, 100);

fn pod() -> PodUid {
    PodUid("p".into())
}

fn add(world: &mut World, pid: u32, name: &str, container: Option<&str>) {
    let mut namespaces = NsSet::default();
    namespaces.set(NET);
    // each container has mounts of its own
    namespaces.set(ns(NsKind::Mnt, 200 + container.map_or(0, str::len) as u64));
    namespaces.set(ns(NsKind::Pid, 300));
    let facts = Facts {
        id: id(pid),
        parent: Parent::Outside,
        comm: name.into(),
        cmdline: vec![name.into()],
        state: State::Sleeping,
        uid: 0,
        nspid: vec![pid, pid - 9],
        threads: 1,
        rss_bytes: 0,
        cpu: Cpu::default(),
        waited_cpu: Cpu::default(),
        signals: SignalMasks::default(),
        namespaces,
    };
    world.apply(&Delta::Facts { facts: Box::new(facts), at: AT });
    let member = Member { pod: pod(), container: container.map(str::to_owned) };
    world.apply(&Delta::Joined { id: id(pid), member, at: AT });
}

/// A pod with pause, a server with two processes, and a client.
fn world() -> World {
    let mut world = World::default();
    add(&mut world, 10, "pause", None);
    add(&mut world, 11, "web", Some("nginx"));
    add(&mut world, 12, "web", Some("nginx"));
    add(&mut world, 13, "wget", Some("busybox"));
    world
}

fn socket(state: SocketState, local: &str, remote: Option<&str>, inode: u64, owners: &[u32]) -> NetSocket {
    NetSocket {
        protocol: Protocol::Tcp,
        state,
        local: local.parse().expect("an address"),
        remote: remote.map(|text| text.parse().expect("an address")),
        inode,
        owners: owners.iter().map(|pid| id(*pid)).collect(),
    }
}

fn map(sockets: Vec<NetSocket>) -> PortMap {
    let world = world();
    let unix = vec![UnixListener { path: "/run/x.sock".into(), inode: 9, owners: vec![id(11)] }];
    let content = NetContent {
        interfaces: Finding::NotPermitted,
        routes: Finding::NotPermitted,
        sockets: Finding::Known(Bounded { items: sockets, left_out: 0 }),
        unix: Finding::Known(Bounded { items: unix, left_out: 0 }),
        unix_connections: Finding::NotPermitted,
        closed_processes: Vec::new(),
    };
    let processes: Vec<&Process> = world.ns_members_of_pods(NET);
    PortMap::of(&world, Some(&pod()), &content, &processes)
}

fn titles(map: &PortMap) -> Vec<(&str, Vec<String>)> {
    map.columns.iter().map(|c| (c.title.as_str(), c.pills.iter().map(super::ports::Pill::name).collect())).collect()
}

#[test]
fn an_arrow_leads_from_a_client_to_the_socket_that_listens() {
    let (client, server) = ("127.0.0.1:48122", "127.0.0.1:80");
    let map = map(vec![
        socket(SocketState::Listen, "0.0.0.0:80", None, 1, &[11, 12]),
        socket(SocketState::Established, client, Some(server), 2, &[13]),
        socket(SocketState::Established, server, Some(client), 3, &[12]),
        socket(SocketState::TimeWait, "127.0.0.1:48100", Some(server), 0, &[]),
    ]);
    let expected = [
        ("pause", vec![]),
        ("busybox", vec!["ESTAB 127.0.0.1:48122, wget → 127.0.0.1:80".to_owned()]),
        ("nginx", vec!["LISTEN *:80, web ×2 · 1 connection".to_owned(), "UNIX /run/x.sock, web".to_owned()]),
    ];
    assert_eq!(titles(&map), expected);
    assert_eq!(map.links, [Link { from: (1, 0), to: (2, 0), count: 1 }]);
    assert_eq!(map.waiting, 1);
}

#[test]
fn sockets_without_an_owner_have_a_column_and_many_are_counted() {
    let listening = |port: u16| socket(SocketState::Listen, &format!("0.0.0.0:{port}"), None, u64::from(port), &[13]);
    let mut sockets: Vec<NetSocket> = (1000..1030).map(listening).collect();
    sockets.push(socket(SocketState::Listen, "[::]:22", None, 5, &[]));
    let map = map(sockets);
    let counts: Vec<_> = map.columns.iter().map(|c| (c.title.as_str(), c.pills.len(), c.more)).collect();
    assert_eq!(counts, [("pause", 0, 0), ("busybox", 10, 20), ("nginx", 1, 0), ("no owner seen", 1, 0)]);
    assert_eq!(map.columns[3].pills[0].title, "[::]:22");
}

#[test]
fn what_is_shown_follows_the_selection() {
    let world = world();
    let of = |process, namespace, kind| {
        let selection = Selection { pod: Some(pod()), process, namespace };
        Subject::of(&world, &selection, kind).map(|subject| (subject.ns, subject.anchor))
    };
    assert_eq!(of(None, None, NsKind::Net), Some((NET, Some(id(10)))), "the pod's first process");
    assert_eq!(of(Some(id(13)), None, NsKind::Mnt), Some((ns(NsKind::Mnt, 207), Some(id(13)))));
    assert_eq!(of(Some(id(13)), Some(NET), NsKind::Mnt), Some((NET, Some(id(10)))));
    let released = ns(NsKind::Net, 999);
    assert_eq!(of(None, Some(released), NsKind::Net), Some((released, None)));
    assert_eq!(of(None, None, NsKind::User), None, "it is not known");
}

#[test]
fn who_shares_it_is_said_in_words() {
    let world = world();
    let selection = Selection { pod: Some(pod()), ..Selection::default() };
    let of = |ns| Sharing::of(&world, &selection, ns);
    assert!(of(NET).words.starts_with("shared by all 3 members"), "{}", of(NET).words);
    assert_eq!(of(NET).siblings, []);
    let mnt = of(ns(NsKind::Mnt, 205));
    assert_eq!(mnt.words, "private to nginx");
    let names: Vec<&str> = mnt.siblings.iter().map(|(_, members)| members.as_str()).collect();
    assert_eq!(names, ["pause", "busybox", "nginx"]);
    assert_eq!(of(ns(NsKind::Net, 999)).words, "no process is in it");
}

#[test]
fn a_mount_says_who_else_sees_its_files() {
    let mut world = world();
    let mount = |point: &str, root: &str| MountPoint {
        id: 1,
        device: "0:61".into(),
        root: root.into(),
        point: point.into(),
        fs_type: "tmpfs".into(),
        source: "none".into(),
        is_read_only: false,
    };
    for (ino, mounts) in [
        (205, vec![mount("/html", "/html"), mount("/own", "/nginx")]),
        (207, vec![mount("/pages", "/html"), mount("/own", "/busybox")]),
    ] {
        let mounts = Finding::Known(Bounded { items: mounts, left_out: 0 });
        let content = Arc::new(Content::Mnt(MntContent { mounts }));
        world.apply(&Delta::Inside { ns: ns(NsKind::Mnt, ino), content, at: AT });
    }
    let shown = ns(NsKind::Mnt, 205);
    let tables = tables(&world, Some(&pod()), shown, Some(&*world.inside[&shown].content));
    let seen: Vec<&str> = tables[1].rows.iter().map(|row| row.cells[3].as_str()).collect();
    assert_eq!(seen, ["busybox at /pages", ""]);
}

#[test]
fn what_is_not_permitted_is_said_and_not_shown_as_empty() {
    let world = world();
    for kind in NsKind::ALL.into_iter().filter(|kind| ![NsKind::Pid, NsKind::Net].contains(kind)) {
        let content = Content::missing(kind, &Finding::NotPermitted).expect("a content");
        let tables = tables(&world, Some(&pod()), ns(kind, 1), Some(&content));
        let says_so = |note: &Option<String>| note.as_ref().is_some_and(|words| words.contains("Not permitted"));
        assert!(tables.iter().all(|table| table.rows.is_empty()), "{kind}: {tables:?}");
        assert!(tables.iter().any(|table| says_so(&table.note)), "{kind}: {tables:?}");
    }
}
