//! Who shares which namespace: the matrix, the trees, and two processes side by side.

use podscope::layout::hierarchy::hierarchy;
use podscope::layout::matrix::{Cell, KINDS, Matrix, Role, Row, Same, letters};
use podscope::layout::pod_map::Sharing;
use podscope::model::{
    Cpu, Delta, FactChanges, Facts, Link, Member, Namespace, NsId, NsKind, Parent, ProcId, SignalMasks, State, World,
};

use crate::views::fixture::{MASTER, PAUSE, SH, SLEEP, WORKERS, at, id, uid, world, world_with};

fn namespace(kind: NsKind, ino: u64) -> NsId {
    NsId { kind, dev: 4, ino, generation: 0 }
}

/// The rows in words: `nginx A A A A B host A host`.
fn words(matrix: &Matrix) -> Vec<String> {
    let name = |row: &Row| match row {
        Row::Host(_) => "this host".to_owned(),
        Row::Pod(uid) => format!("pod {uid}"),
        Row::Process(row) => match (&row.role, row.process, row.others) {
            (Role::First(member), _, 0) => member.name().to_owned(),
            (Role::First(member), _, n) => format!("{} +{n}", member.name()),
            (Role::Differing(_), Some(p), n) => format!("differs {p} +{n}"),
            (Role::Visitor, Some(p), _) => format!("visitor {p}"),
            (Role::Alike, Some(p), n) => format!("{p} +{n}"),
            (role, None, _) => panic!("{role:?} without a process"),
        },
    };
    let cell = |cell: &Cell| match cell {
        Cell::Empty => "-".to_owned(),
        Cell::Left => "left".into(),
        Cell::NotVisible => "?".into(),
        Cell::In(place) => match place.sharing {
            Sharing::Host => "host".into(),
            Sharing::Node => "node".into(),
            Sharing::Shared => letters(place.number.expect("a number")),
            Sharing::Private => letters(place.number.expect("a number")).to_lowercase(),
            Sharing::Held | Sharing::Unknown => panic!("a known namespace of members that run"),
        },
    };
    let line = |row: &Row| {
        let cells = row.cells().into_iter().flatten().map(cell);
        std::iter::once(name(row)).chain(cells).collect::<Vec<_>>().join(" ")
    };
    matrix.rows.iter().map(line).collect()
}

fn moved(pid: u32, to: &[NsId]) -> Delta {
    let changes = Box::new(FactChanges { namespaces: to.to_vec(), ..FactChanges::default() });
    Delta::Changed { id: id(pid), changes, at: at(700) }
}

#[test]
fn the_kinds_are_in_the_order_of_the_map() {
    assert_eq!(KINDS.map(NsKind::name), ["net", "ipc", "uts", "pid", "mnt", "cgroup", "user", "time"]);
}

#[test]
fn a_cell_says_whether_the_namespace_is_shared_private_or_the_hosts() {
    let shared = words(&Matrix::of(&world(true), Some(&uid())));
    assert_eq!(
        shared,
        [
            "this host host host host host host host host host",
            "pod 0c0ffee0",
            "pause A A A A a host A host",
            "nginx +2 A A A A b host A host",
            "busybox +1 A A A A c host A host",
        ]
    );
    let own = words(&Matrix::of(&world(false), Some(&uid())));
    assert_eq!(
        own[2..],
        ["pause A A A a a host A host", "nginx +2 A A A b b host A host", "busybox +1 A A A c c host A host",]
    );
    assert_eq!(words(&Matrix::of(&world(true), None)), shared, "there is no other pod");
}

#[test]
fn processes_that_are_elsewhere_have_a_row_for_each_set_of_namespaces() {
    let (net, ipc) = (namespace(NsKind::Net, 77), namespace(NsKind::Ipc, 78));
    let world = world_with(true, &[moved(WORKERS[0], &[net]), moved(WORKERS[1], &[net]), moved(SLEEP, &[net, ipc])]);
    assert_eq!(
        words(&Matrix::of(&world, Some(&uid())))[2..],
        [
            "pause A A A A a host A host".to_owned(),
            "nginx A A A A b host A host".into(),
            format!("differs {} +1 B A A A b host A host", WORKERS[0]),
            "busybox A A A A c host A host".into(),
            format!("differs {SLEEP} +0 B b A A c host A host"),
        ]
    );
}

#[test]
fn a_member_without_a_process_keeps_its_row_and_a_zombie_has_left() {
    let end = |pid| Delta::Exited { id: id(pid), status: None, at: at(700) };
    let reap = |pid| Delta::Reaped { id: id(pid), by: Parent::Process(id(PAUSE)), at: at(701) };
    let world = world_with(true, &[end(MASTER), end(SH), end(SLEEP), reap(SLEEP), reap(SH)]);
    assert_eq!(
        words(&Matrix::of(&world, Some(&uid())))[2..],
        ["pause A A A A a host A host", "nginx +2 left left left A left left A left", "busybox - - - - - - - -",]
    );
}

#[test]
fn a_process_of_no_pod_in_a_namespace_of_the_pod_is_a_visitor() {
    let guest = ProcId { pid: 900, start: 1 };
    let mut namespaces = world(true).host.namespaces;
    namespaces.set(namespace(NsKind::Net, 4_026_532_328));
    let facts = Facts {
        id: guest,
        parent: Parent::Outside,
        comm: "nsenter".into(),
        cmdline: vec!["nsenter".into()],
        state: State::Sleeping,
        uid: 0,
        nspid: vec![900],
        threads: 1,
        rss_bytes: 0,
        cpu: Cpu::default(),
        waited_cpu: Cpu::default(),
        signals: SignalMasks::default(),
        namespaces,
    };
    let world = world_with(true, &[Delta::Facts { facts: Box::new(facts), at: at(800) }]);
    let rows = words(&Matrix::of(&world, Some(&uid())));
    assert_eq!(rows.last().expect("rows"), "visitor 900 A host host host host host host host");
    assert_eq!(rows.len(), 6);
}

#[test]
fn a_namespace_that_cannot_be_read_is_not_visible() {
    let mut world = world(true);
    let stranger = ProcId { pid: 950, start: 1 };
    let hidden = Facts {
        id: stranger,
        parent: Parent::Outside,
        comm: "web".into(),
        cmdline: Vec::new(),
        state: State::Sleeping,
        uid: 0,
        nspid: Vec::new(),
        threads: 1,
        rss_bytes: 0,
        cpu: Cpu::default(),
        waited_cpu: Cpu::default(),
        signals: SignalMasks::default(),
        namespaces: podscope::model::NsSet::default(),
    };
    let mut pod = crate::views::fixture::pod(true);
    pod.containers.truncate(1);
    pod.containers[0].process = Some(stranger);
    world.apply(&Delta::Facts { facts: Box::new(hidden), at: at(800) });
    world.apply(&Delta::Joined { id: stranger, member: Member::container(&uid(), "nginx"), at: at(800) });
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at(800) });
    let rows = words(&Matrix::of(&world, Some(&uid())));
    assert!(rows.iter().any(|row| row.starts_with("nginx") && row.ends_with("? ? ? ? ? ? ? ?")), "{rows:?}");
}

#[test]
fn a_letter_follows_z_with_aa() {
    assert_eq!([0, 25, 26, 27, 701, 702].map(letters), ["A", "Z", "AA", "AB", "ZZ", "AAA"]);
}

/// The fixture's World with what the kernel tells about its namespaces.
fn nested() -> World {
    let host = world(true).host.namespaces;
    let host = |kind| host.get(kind).expect("it is there");
    let known = |id: NsId, parent, owner| Delta::Namespace {
        namespace: Namespace { parent, owner, ..Namespace::new(id) },
        at: at(900),
    };
    let user = namespace(NsKind::User, 4_026_532_177);
    let (node, pod) = (namespace(NsKind::Pid, 4_026_532_300), namespace(NsKind::Pid, 4_026_532_327));
    world_with(
        true,
        &[
            known(user, Some(host(NsKind::User)), Some(host(NsKind::User))),
            known(node, Some(host(NsKind::Pid)), Some(user)),
            known(pod, Some(node), Some(user)),
            known(namespace(NsKind::Net, 4_026_532_328), None, Some(user)),
        ],
    )
}

#[test]
fn nested_namespaces_are_below_their_parents_with_their_processes_and_pods() {
    let rows = hierarchy(&nested());
    let words: Vec<String> = rows
        .iter()
        .map(|row| {
            let NsId { kind, ino, .. } = row.ns;
            format!(
                "{}{kind} {ino}: {} in {} pods, owns {}",
                "-".repeat(row.continues.len()),
                row.processes,
                row.pod_count,
                row.owned
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "user 4026531836: 0 in 0 pods, owns 1",
            "-user 4026532177: 6 in 1 pods, owns 2",
            "pid 4026531834: 0 in 0 pods, owns 0",
            "-pid 4026532300: 0 in 0 pods, owns 0",
            "--pid 4026532327: 6 in 1 pods, owns 0",
        ]
    );
    assert!(rows.iter().all(|row| !row.has_unknown_parent));
}

#[test]
fn a_namespace_whose_parent_cannot_be_read_says_so() {
    let rows = hierarchy(&world(true));
    let unknown: Vec<NsKind> = rows.iter().filter(|row| row.has_unknown_parent).map(|row| row.ns.kind).collect();
    assert_eq!(unknown, [NsKind::User, NsKind::Pid]);
    assert!(rows.iter().all(|row| row.continues.is_empty()));
}

#[test]
fn two_links_are_the_same_different_or_not_known() {
    let (a, b) = (Link::In(namespace(NsKind::Net, 1)), Link::In(namespace(NsKind::Net, 2)));
    for (first, second, same) in [
        (a, a, Same::Yes),
        (a, b, Same::No),
        (a, Link::Left, Same::No),
        (a, Link::NotVisible, Same::NotKnown),
        (Link::Left, Link::Left, Same::NotKnown),
        (Link::Left, Link::NotVisible, Same::NotKnown),
    ] {
        assert_eq!((Same::of(first, second), Same::of(second, first)), (same, same), "{first:?} {second:?}");
    }
}

#[test]
fn the_matrix_of_the_machine_has_a_row_for_those_in_the_same_namespaces() {
    assert_eq!(
        words(&Matrix::of_machine(&world(true))),
        [
            "this host host host host host host host host host",
            "501 +0 A A A A a host A host",
            "502 +2 A A A A b host A host",
            "505 +1 A A A A c host A host",
        ]
    );
}
