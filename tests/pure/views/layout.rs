//! Geometry: nothing overlaps, a shared namespace is one bar, and rows stay.

use podscope::layout::pod_map::{Arrangement, ColumnShape, Counts, PodMap, Sharing, lay_out};
use podscope::layout::timeline::{Folds, LaneQuery, Lanes, Row};
use podscope::model::{
    ContainerKind, ContainerState, Delta, Member, MonoNs, NsKind, Parent, Source, TerminatedReason, WaitStatus, World,
};
use podscope::store::History;

use crate::views::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, id, prompt, uid, world, world_with};

fn map(world: &World, now_ms: u64) -> PodMap {
    arranged(world, &Arrangement::of_width(712.0), now_ms)
}

fn arranged(world: &World, arrangement: &Arrangement, now_ms: u64) -> PodMap {
    let pod = world.pod(&uid()).expect("the pod of the fixture");
    lay_out(world, pod, arrangement, MonoNs(now_ms * 1_000_000))
}

fn pill(map: &PodMap, pid: u32) -> Option<podscope::layout::Rect> {
    map.columns.iter().flat_map(|c| &c.pills).find(|p| p.id == id(pid)).map(|p| p.rect)
}

#[test]
fn pills_do_not_overlap_and_lie_within_their_columns() {
    for share in [true, false] {
        let map = map(&world(share), 1000);
        let pills: Vec<_> = map.columns.iter().flat_map(|c| c.pills.iter().map(move |p| (c.rect, p.rect))).collect();
        for (i, (column, a)) in pills.iter().enumerate() {
            assert!(
                a.x >= column.x && a.right() <= column.right() && a.bottom() <= column.bottom(),
                "{a:?} in {column:?}"
            );
            for (_, b) in &pills[i + 1..] {
                assert!(!a.overlaps(b), "{a:?} over {b:?}");
            }
        }
        for (a, b) in map.columns.iter().zip(&map.columns[1..]) {
            assert!(!a.rect.overlaps(&b.rect));
        }
    }
}

#[test]
fn a_shared_namespace_is_one_bar_and_private_ones_are_separate() {
    let map = map(&world(true), 1000);
    let rail = |kind| map.rails.iter().find(|r| r.kind == kind).expect("eight rails");
    for kind in [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid, NsKind::User] {
        let segments = &rail(kind).segments;
        assert_eq!(segments.len(), 1, "{kind}");
        assert_eq!((segments[0].sharing, segments[0].stops.len()), (Sharing::Shared, 3), "{kind}");
    }
    assert!(rail(NsKind::Mnt).segments.iter().all(|s| s.sharing == Sharing::Private));
    assert_eq!(rail(NsKind::Mnt).segments.len(), 3);
    assert!(rail(NsKind::Cgroup).segments.iter().all(|s| s.sharing == Sharing::Host));
    let own = pid_segments(false);
    assert_eq!(own.len(), 3, "pids not shared: one bar per member");
}

fn pid_segments(share: bool) -> Vec<podscope::layout::pod_map::Segment> {
    let map = map(&world(share), 1000);
    map.rails.into_iter().find(|r| r.kind == NsKind::Pid).map(|r| r.segments).unwrap_or_default()
}

#[test]
fn pills_stay_in_place_when_a_worker_is_replaced() {
    let before = map(&world(true), 1000);
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(1000) };
    let by = Parent::Process(id(MASTER));
    let reaped = Delta::Reaped { id: id(WORKERS[0]), by, at: prompt(1001, Source::Pidfd) };
    let born = Delta::Born { id: id(600), parent: by, at: at(1002) };
    let world = world_with(true, &[died, reaped, born]);
    for now in [1003, 2500, 9000] {
        let after = map(&world, now);
        for pid in [MASTER, WORKERS[1], SH, SLEEP] {
            assert_eq!(pill(&before, pid), pill(&after, pid), "pid {pid} at {now} ms");
        }
        assert!(pill(&after, 600).is_some());
        assert_eq!(pill(&after, WORKERS[0]).is_some(), now < 3501, "the reaped process disappears after a time");
    }
}

#[test]
fn pause_is_a_hexagon_and_not_a_pill() {
    let map = map(&world(true), 1000);
    assert!(map.columns[0].hexagon.is_some());
    assert!(pill(&map, PAUSE).is_none());
}

#[test]
fn children_that_do_not_fit_are_counted_in_a_last_row() {
    let map = map(&world_with(true, &children(1000, |n| format!("job-{n}"))), 1000);
    let busybox = &map.columns[2];
    let (more, _) = busybox.more.expect("not all fit");
    assert_eq!(more + busybox.pills.len(), 1002);
    assert!(busybox.folds.is_empty(), "their names differ");
}

/// Children of the shell, each with the command line that this gives it.
fn children(count: u32, command: impl Fn(u32) -> String) -> Vec<Delta> {
    let born = |n: u32| {
        let (id, at) = (id(2000 + n), at(700));
        let cmdline: Vec<String> = command(n).split(' ').map(str::to_owned).collect();
        let exec = Delta::Exec { id, comm: cmdline[0].clone(), cmdline, at };
        [Delta::Born { id, parent: Parent::Process(self::id(SH)), at }, exec]
    };
    (0..count).flat_map(born).collect()
}

#[test]
fn alike_siblings_are_one_pill_in_a_map_of_the_same_height() {
    let before = map(&world(true), 1000);
    let mut all = children(499, |_| "sleep 1h".into());
    all.push(Delta::Exited { id: id(2000), status: Some(WaitStatus::killed(9)), at: at(800) });
    let world = world_with(true, &all);
    let closed = map(&world, 1000);
    let column = &closed.columns[2];
    assert_eq!(column.pills.iter().map(|p| p.id).collect::<Vec<_>>(), [id(SH)]);
    let [fold] = column.folds.as_slice() else { panic!("one fold: {:?}", column.folds) };
    assert_eq!((fold.key.parent, fold.key.name.as_str(), fold.members.len()), (id(SH), "sleep 1h", 500));
    assert_eq!(fold.counts, Counts { present: 500, zombies: 1, ..Counts::default() });
    assert_eq!((closed.columns_h, pill(&closed, SH)), (before.columns_h, pill(&before, SH)));
    assert_eq!(column.links.len(), 1, "a line leads to it");

    for width in [712.0, 2400.0] {
        let open = Arrangement { open: [fold.key.clone()].into(), ..Arrangement::of_width(width) };
        let selected = Arrangement { selected: Some(id(2100)), ..Arrangement::of_width(width) };
        for (arrangement, is_held) in [(open, false), (selected, true)] {
            let map = arranged(&world, &arrangement, 1000);
            let column = &map.columns[2];
            assert_eq!((column.folds[0].is_open, column.folds[0].is_held_open), (true, is_held));
            assert_eq!((column.pills.len(), column.more), (501, None));
            for (i, a) in column.pills.iter().enumerate() {
                let inside = a.rect.x >= column.rect.x && a.rect.right() <= column.rect.right();
                assert!(inside && a.rect.bottom() <= column.rect.bottom(), "{a:?} in {:?}", column.rect);
                assert!(!a.rect.overlaps(&column.folds[0].rect), "{a:?}");
                assert!(column.pills[i + 1..].iter().all(|b| !a.rect.overlaps(&b.rect)), "{a:?}");
            }
            // side by side where the column is wide
            assert_eq!(column.pills[1].rect.y == column.pills[2].rect.y, width > 1000.0);
        }
    }
}

#[test]
fn a_fold_keeps_its_place_while_its_processes_come_and_go() {
    let mut all = children(6, |_| "sleep 1h".into());
    let later = Delta::Born { id: id(2500), parent: Parent::Process(id(SH)), at: at(750) };
    let exec = Delta::Exec { id: id(2500), comm: "cat".into(), cmdline: vec!["cat".into()], at: at(750) };
    all.extend([later, exec]);
    let place = |all: &[Delta], now| {
        let map = map(&world_with(true, all), now);
        (map.columns[2].folds[0].rect, pill(&map, 2500))
    };
    let before = place(&all, 1000);
    all.extend(ended(&[SLEEP, 2000, 2001], 1000));
    for now in [1100, 3000, 9000] {
        assert_eq!(place(&all, now), before, "at {now} ms");
    }
}

#[test]
fn columns_share_the_width_until_they_are_narrow() {
    let containers = |count: usize, width: f32| {
        let mut pod = crate::views::fixture::pod(true);
        let one = pod.containers[1].clone();
        let named = |n: usize| podscope::model::Container { name: format!("c{n}"), process: None, ..one.clone() };
        pod.containers = (0..count).map(named).collect();
        let world = world_with(true, &[Delta::Pod { pod: Box::new(pod), at: at(700) }]);
        arranged(&world, &Arrangement::of_width(width), 1000)
    };
    for count in [1, 2, 12] {
        let map = containers(count, 2400.0);
        assert!((map.width - 2400.0).abs() < 0.5, "{count} containers use {} of 2400", map.width);
    }
    let map = containers(12, 712.0);
    let widths: Vec<f32> = map.columns[1..].iter().map(|c| c.rect.w).collect();
    assert!(widths.iter().all(|w| *w == widths[0] && *w > 140.0), "{widths:?}");
    assert!(map.width > 712.0, "the rest is scrolled");
}

#[test]
fn a_folded_column_is_a_strip_with_the_number_of_its_processes() {
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(900) };
    let world = world_with(true, &[died]);
    let folded = [Member::container(&uid(), "nginx")].into();
    let strip = Arrangement { folded, ..Arrangement::of_width(712.0) };
    let map = arranged(&world, &strip, 1000);
    assert_eq!(map.columns[1].shape, ColumnShape::Folded { processes: 3, zombies: 1 });
    assert!(map.columns[1].rect.w < 60.0 && map.columns[2].rect.w > 400.0 && map.columns[1].pills.is_empty());
    let net = map.rails.iter().find(|r| r.kind == NsKind::Net).expect("eight rails");
    assert_eq!(net.segments[0].stops.len(), 3, "its members are in their namespaces all the same");
    let selected = Arrangement { selected: Some(id(WORKERS[1])), ..strip };
    assert_eq!(arranged(&world, &selected, 1000).columns[1].shape, ColumnShape::Open);
}

#[test]
fn pause_holds_the_namespaces_of_containers_that_do_not_run() {
    let stopped = ended(&[MASTER, WORKERS[0], WORKERS[1], SH, SLEEP], 1000);
    for share in [true, false] {
        let map = map(&world_with(share, &stopped), 9000);
        let of = |kind| map.rails.iter().find(|r| r.kind == kind).map(|r| r.segments.as_slice()).unwrap_or_default();
        let whole = (map.columns[0].rect.x, map.columns[2].rect.right());
        for kind in [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::User] {
            let [one] = of(kind) else { panic!("one bar of {kind}: {:?}", of(kind)) };
            assert_eq!((one.sharing, one.stops.len(), (one.x, one.right())), (Sharing::Held, 1, whole), "{kind}");
        }
        let pid = of(NsKind::Pid)[0].sharing;
        assert_eq!(pid, if share { Sharing::Held } else { Sharing::Private }, "pids shared: {share}");
        let mnt = of(NsKind::Mnt);
        assert_eq!((mnt.len(), mnt[0].sharing), (1, Sharing::Private), "dashed is private and nothing else: {mnt:?}");
    }
    let empty = |pod: &mut podscope::model::Pod| pod.containers.clear();
    let map = map_with_pod(empty, &stopped, 9000);
    let net = map.rails.iter().find(|r| r.kind == NsKind::Net).expect("eight rails");
    assert_eq!(net.segments[0].sharing, Sharing::Held, "for the containers that will join");
}

#[test]
fn lanes_are_ordered_by_member_with_pause_first() {
    let (history, folds, pod) = (History::of(&world(true)), Folds::default(), uid());
    let to = MonoNs(2_000_000_000);
    let query = LaneQuery { pod: Some(&pod), from: MonoNs(0), to, folds: &folds, selected: None, kept: &[] };
    let lanes = Lanes::of(&history, &query);
    let of_row = |row: &Row| match row {
        Row::Group(group) => (group.key.container.clone().unwrap_or("pause".into()), group.attempt),
        Row::Lane(id) => (id.pid.to_string(), None),
        Row::Earlier(_) => ("earlier".into(), None),
    };
    let order: Vec<(String, Option<u32>)> = lanes.rows.iter().map(of_row).collect();
    let group = |name: &str, attempt| (name.to_owned(), Some(attempt));
    let lane = |pid: u32| (pid.to_string(), None);
    let expected = [
        group("pause", 2),
        lane(PAUSE),
        group("nginx", 1),
        lane(MASTER),
        lane(WORKERS[0]),
        lane(WORKERS[1]),
        group("busybox", 1),
        lane(SH),
        lane(SLEEP),
    ];
    assert_eq!(order, expected);
}

/// The map of the pod after a change of its description.
fn map_with_pod(change: impl Fn(&mut podscope::model::Pod), extra: &[Delta], now_ms: u64) -> PodMap {
    let mut pod = crate::views::fixture::pod(true);
    change(&mut pod);
    let mut all = extra.to_vec();
    all.push(Delta::Pod { pod: Box::new(pod), at: at(700) });
    map(&world_with(true, &all), now_ms)
}

fn ended(pids: &[u32], ms: u64) -> Vec<Delta> {
    let by = Parent::Process(id(NODE));
    let exits = pids.iter().map(|p| Delta::Exited { id: id(*p), status: Some(WaitStatus::killed(9)), at: at(ms) });
    let reaps = pids.iter().map(|p| Delta::Reaped { id: id(*p), by, at: prompt(ms + 1, Source::Node) });
    exits.chain(reaps).collect()
}

#[test]
fn a_new_sandbox_starts_at_the_top_and_the_old_processes_fade() {
    let old = [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP];
    let mut extra = ended(&old, 1000);
    for (pid, member) in [(700, None), (701, Some("nginx")), (702, Some("nginx"))] {
        let parent = if pid == 702 { Parent::Process(id(701)) } else { Parent::Process(id(NODE)) };
        extra.push(Delta::Born { id: id(pid), parent, at: at(1100 + u64::from(pid)) });
        let member = Member { pod: uid(), container: member.map(str::to_owned) };
        extra.push(Delta::Joined { id: id(pid), member, at: at(1100 + u64::from(pid)) });
    }
    let again = |pod: &mut podscope::model::Pod| {
        let sandbox = pod.sandbox.as_mut().expect("a sandbox");
        (sandbox.attempt, sandbox.process) = (Some(2), Some(id(700)));
        pod.containers[0].process = Some(id(701));
    };
    let before = map(&world(true), 900);
    let fading = map_with_pod(again, &extra, 2000);
    assert_eq!(pill(&fading, 701).map(|r| r.y), pill(&before, MASTER).map(|r| r.y), "the new master takes the place");
    let (last, dead) = (pill(&fading, 702).expect("shown"), pill(&fading, MASTER).expect("fades"));
    assert!(dead.y > last.y, "{dead:?} below {last:?}");
    for pid in [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP] {
        assert!(pill(&fading, pid).is_some(), "{pid} died with the pause and is still shown");
    }
    assert_eq!(fading.columns[1].rect.h, before.columns[1].rect.h, "the map does not grow for the dead processes");
    let after = map_with_pod(again, &extra, 9000);
    assert!(old.iter().all(|p| pill(&after, *p).is_none()));
    assert_eq!((pill(&after, 701), pill(&after, 702)), (pill(&fading, 701), pill(&fading, 702)), "no pill has moved");
}

/// As many processes die as live afterwards: the usual case when pause is killed.
#[test]
fn all_processes_that_died_with_pause_fade_within_the_existing_space() {
    let mut extra = ended(&[MASTER, WORKERS[0], WORKERS[1], SH, SLEEP, PAUSE], 1000);
    let node = Parent::Process(id(NODE));
    let master = Parent::Process(id(701));
    for (pid, parent, member) in [
        (700, node, Member::pause(&uid())),
        (701, node, Member::container(&uid(), "nginx")),
        (702, master, Member::container(&uid(), "nginx")),
        (703, master, Member::container(&uid(), "nginx")),
        (704, node, Member::container(&uid(), "busybox")),
    ] {
        extra.push(Delta::Born { id: id(pid), parent, at: at(1010) });
        extra.push(Delta::Joined { id: id(pid), member, at: at(1010) });
    }
    let again = |pod: &mut podscope::model::Pod| {
        let sandbox = pod.sandbox.as_mut().expect("a sandbox");
        (sandbox.attempt, sandbox.process) = (Some(2), Some(id(700)));
        (pod.containers[0].process, pod.containers[1].process) = (Some(id(701)), Some(id(704)));
    };
    let map = map_with_pod(again, &extra, 2000);
    let all: Vec<_> = map.columns.iter().flat_map(|c| c.pills.iter().map(move |p| (c.rect, p))).collect();
    for pid in [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP, 701, 702, 703, 704] {
        assert!(all.iter().any(|(_, p)| p.id == id(pid)), "{pid} is not shown");
    }
    for (i, (column, a)) in all.iter().enumerate() {
        let (r, c) = (a.rect, column);
        assert!(r.x >= c.x && r.right() <= c.right() && r.bottom() <= c.bottom(), "{a:?} in {c:?}");
        for (_, b) in &all[i + 1..] {
            let apart =
                r.right() <= b.rect.x || b.rect.right() <= r.x || r.bottom() <= b.rect.y || b.rect.bottom() <= r.y;
            assert!(apart, "{a:?} {b:?}");
        }
    }
    let before = self::map(&world(true), 900);
    assert_eq!(map.columns[1].rect.h, before.columns[1].rect.h, "nothing below moves");
}

#[test]
fn a_finished_init_container_has_a_narrow_column() {
    let status = WaitStatus::exited(0);
    let done = |pod: &mut podscope::model::Pod| {
        let first = &mut pod.containers[0];
        first.kind = ContainerKind::Init;
        let (reason, at) = (TerminatedReason::Completed, at(1001));
        first.state = ContainerState::Terminated { status, reason, message: None, started: None, at };
    };
    let nginx = ended(&[WORKERS[0], WORKERS[1], MASTER], 1000);
    let fading = map_with_pod(done, &nginx, 2000);
    assert!(fading.columns[1].shape == ColumnShape::Open, "its processes are still shown");
    let map = map_with_pod(done, &nginx, 9000);
    assert!(map.columns[1].shape == ColumnShape::Finished && map.columns[1].rect.w < 60.0);
    let net = map.rails.iter().find(|r| r.kind == NsKind::Net).expect("eight rails");
    assert_eq!(net.segments.len(), 1, "one bar from pause to busybox: {:?}", net.segments);
    assert_eq!(net.segments[0].stops.len(), 2);
}

#[test]
fn an_ephemeral_container_that_has_ended_has_a_narrow_column() {
    for (kind, narrow) in [(ContainerKind::Ephemeral, true), (ContainerKind::App, false)] {
        let killed = |pod: &mut podscope::model::Pod| {
            let (first, status) = (&mut pod.containers[0], WaitStatus::killed(9));
            first.kind = kind;
            first.state = ContainerState::Terminated {
                status,
                reason: TerminatedReason::Error,
                message: None,
                started: None,
                at: at(1001),
            };
        };
        let map = map_with_pod(killed, &ended(&[WORKERS[0], WORKERS[1], MASTER], 1000), 9000);
        assert_eq!(map.columns[1].shape == ColumnShape::Finished, narrow, "{kind:?}");
    }
}

#[test]
fn a_bar_continues_behind_a_member_between_two_runs() {
    let map = map(&world_with(true, &ended(&[WORKERS[0], WORKERS[1], MASTER], 1000)), 9000);
    let net = map.rails.iter().find(|r| r.kind == NsKind::Net).expect("eight rails");
    assert_eq!((net.segments.len(), net.segments[0].stops.len()), (1, 2));
}

#[test]
fn a_network_of_the_node_is_marked_as_such() {
    let net = world(true).process(id(PAUSE)).and_then(|p| p.namespaces.get(NsKind::Net)).expect("known");
    let mut namespaces = podscope::model::NsSet::default();
    namespaces.set(net);
    let facts = podscope::model::Facts {
        id: id(NODE),
        parent: Parent::Outside,
        comm: "podscope-node".into(),
        cmdline: Vec::new(),
        state: podscope::model::State::Sleeping,
        uid: 1000,
        nspid: vec![NODE, 1],
        threads: 1,
        rss_bytes: 0,
        cpu: podscope::model::Cpu::default(),
        waited_cpu: podscope::model::Cpu::default(),
        signals: podscope::model::SignalMasks::default(),
        namespaces,
    };
    let map = map(&world_with(true, &[Delta::Facts { facts: Box::new(facts), at: at(800) }]), 1000);
    let net = map.rails.iter().find(|r| r.kind == NsKind::Net).expect("eight rails");
    assert!(net.segments.iter().all(|s| s.sharing == Sharing::Node), "{:?}", net.segments);
}

#[test]
fn a_pod_without_a_sandbox_has_columns_but_no_rails() {
    let mut world = World::default();
    let mut pod = crate::views::fixture::pod(true);
    pod.sandbox = None;
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at(1) });
    let map = map(&world, 10);
    assert!(!map.has_namespaces);
    assert_eq!(map.columns.len(), 3, "the members to come are shown");
}
