//! Geometry: nothing overlaps, sharing is one bar, nobody jumps.

use podscope::layout::pod_map::{PodMap, Sharing, lay_out};
use podscope::layout::timeline::lanes;
use podscope::layout::tree::{Column, Query, rows};
use podscope::model::{Delta, MonoNs, NsKind, Parent, Source, WaitStatus, World};

use crate::fixture::{MASTER, PAUSE, SH, SLEEP, WORKERS, at, id, prompt, uid, world, world_with};

fn map(world: &World, now_ms: u64) -> PodMap {
    let pod = world.pod(&uid()).expect("the pod of the fixture");
    lay_out(world, pod, 780.0, MonoNs(now_ms * 1_000_000))
}

fn pill(map: &PodMap, pid: u32) -> Option<podscope::layout::Rect> {
    map.columns.iter().flat_map(|c| &c.pills).find(|p| p.id == id(pid)).map(|p| p.rect)
}

#[test]
fn nothing_overlaps_and_all_lies_within_its_column() {
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
        assert!(map.rails[0].y > map.columns[0].rect.bottom());
    }
}

#[test]
fn a_shared_namespace_is_one_bar_and_a_private_one_a_dash_each() {
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
    let own = map_of_pids(false);
    assert_eq!(own.len(), 3, "pids not shared: one bar a member");
}

fn map_of_pids(share: bool) -> Vec<podscope::layout::pod_map::Segment> {
    let map = map(&world(share), 1000);
    map.rails.into_iter().find(|r| r.kind == NsKind::Pid).map(|r| r.segments).unwrap_or_default()
}

#[test]
fn nobody_jumps_when_a_worker_is_replaced() {
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
        assert_eq!(pill(&after, WORKERS[0]).is_some(), now < 3501, "the reaped one fades by itself");
    }
}

#[test]
fn pause_is_the_hexagon_and_no_pill() {
    let map = map(&world(true), 1000);
    assert!(map.columns[0].hexagon.is_some());
    assert!(pill(&map, PAUSE).is_none());
}

#[test]
fn a_thousand_zombies_end_in_a_row_that_counts_them() {
    let by = Parent::Process(id(SH));
    let extra: Vec<Delta> = (0..1000).map(|n| Delta::Born { id: id(2000 + n), parent: by, at: at(700) }).collect();
    let map = map(&world_with(true, &extra), 1000);
    let busybox = &map.columns[2];
    let (more, _) = busybox.more.expect("not all fit");
    assert_eq!(more + busybox.pills.len(), 1002);
}

#[test]
fn lanes_come_pause_first_then_member_by_member() {
    let lanes = lanes(&world(true), Some(&uid()), MonoNs(0), MonoNs(2_000_000_000));
    let order: Vec<u32> = lanes.iter().map(|l| l.id.pid).collect();
    assert_eq!(order, [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP]);
}

#[test]
fn a_filter_keeps_the_ancestors_of_what_it_finds() {
    let world = world(true);
    let query = Query { filter: "SLEEP 1h", sort: Column::Pid, ..Query::default() };
    let found: Vec<(u32, bool)> = rows(&world, &query).iter().map(|r| (r.id.pid, r.only_ancestor)).collect();
    let tail = &found[found.len() - 2..];
    assert_eq!(tail, [(SH, false), (SLEEP, false)], "sh's own command line has the words too");
    let query = Query { filter: "worker", ..Query::default() };
    let found = rows(&world, &query);
    assert!(found.iter().any(|r| r.id == id(MASTER) && r.only_ancestor));
    assert!(!found.iter().any(|r| r.id == id(SH)));
}

#[test]
fn a_folded_row_hides_its_children_only() {
    let world = world(true);
    let folded = [id(MASTER)].into();
    let query = Query { collapsed: Some(&folded), ..Query::default() };
    let found = rows(&world, &query);
    assert!(found.iter().any(|r| r.id == id(MASTER) && r.has_children));
    assert!(!found.iter().any(|r| WORKERS.contains(&r.id.pid)));
    assert!(found.iter().any(|r| r.id == id(SLEEP)));
}
