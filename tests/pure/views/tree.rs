//! The rows of the process tree.

use std::collections::BTreeSet;

use podscope::layout::tree::{Column, Query, Row, Rows, Shape, rows};
use podscope::model::{Delta, NsKind, Parent, ProcId, World};

use crate::views::fixture::{MASTER, PAUSE, SH, SLEEP, WORKERS, at, id, uid, world, world_with};

fn pids(rows: &Rows) -> Vec<u32> {
    rows.rows.iter().map(|row| row.id.pid).collect()
}

fn row(rows: &Rows, pid: u32) -> &Row {
    rows.rows.iter().find(|row| row.id == id(pid)).expect("it has a row")
}

fn born(pid: u32, parent: u32) -> Delta {
    let parent = if parent == 0 { Parent::Outside } else { Parent::Process(id(parent)) };
    Delta::Born { id: id(pid), parent, at: at(u64::from(pid)) }
}

fn list(filter: &str) -> Query<'_> {
    Query { filter, shape: Shape::List, ..Query::default() }
}

#[test]
fn a_filter_keeps_the_ancestors_of_its_matches() {
    let world = world(true);
    let found = rows(&world, &Query { filter: "SLEEP 1h", ..Query::default() });
    let kept: Vec<(u32, bool)> = found.rows.iter().map(|r| (r.id.pid, r.is_only_ancestor)).collect();
    assert_eq!(kept, [(SH, false), (SLEEP, false)], "the command line of sh also has the words");
    assert_eq!((found.matching, found.total), (2, 6));
    let found = rows(&world, &Query { filter: "worker", ..Query::default() });
    assert!(row(&found, MASTER).is_only_ancestor && !pids(&found).contains(&SH));
    assert_eq!((found.matching, found.rows.len()), (2, 3));
}

#[test]
fn a_folded_row_hides_what_is_below_it_and_counts_it() {
    let world = world_with(true, &[born(600, WORKERS[0])]);
    let folded: BTreeSet<ProcId> = [id(MASTER)].into();
    let found = rows(&world, &Query { collapsed: Some(&folded), ..Query::default() });
    assert_eq!(pids(&found), [PAUSE, MASTER, SH, SLEEP]);
    assert!(row(&found, MASTER).has_children);
    assert_eq!((row(&found, MASTER).hidden, row(&found, SH).hidden), (3, 0));
    // the user looks for its descendants
    let found = rows(&world, &Query { filter: "worker", collapsed: Some(&folded), ..Query::default() });
    assert_eq!(pids(&found)[..3], [MASTER, WORKERS[0], 600]);
}

#[test]
fn siblings_are_sorted_in_a_tree_and_everything_in_a_list() {
    let world = world(true);
    let by_memory = Query { sort: Column::Memory, descending: true, ..Query::default() };
    assert_eq!(pids(&rows(&world, &by_memory)), [SH, SLEEP, MASTER, WORKERS[1], WORKERS[0], PAUSE]);
    let found = rows(&world, &Query { shape: Shape::List, ..by_memory });
    assert_eq!(pids(&found), [SLEEP, SH, WORKERS[1], WORKERS[0], MASTER, PAUSE]);
    assert!(found.rows.iter().all(|row| row.depth == 0 && !row.has_children));
}

#[test]
fn equal_rows_are_in_the_order_of_their_pids_both_ways() {
    let world = world(true);
    for descending in [false, true] {
        let query = Query { sort: Column::Threads, descending, ..list("") };
        assert_eq!(pids(&rows(&world, &query)), [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP]);
    }
}

#[test]
fn what_is_not_known_is_at_the_end_both_ways() {
    let world = world_with(true, &[born(400, 0)]);
    for descending in [false, true] {
        let query = Query { sort: Column::User, descending, ..list("") };
        assert_eq!(pids(&rows(&world, &query)).last(), Some(&400), "its user was not read");
    }
}

#[test]
fn the_youngest_has_the_smallest_age() {
    let world = world(true);
    let first = |sort| pids(&rows(&world, &Query { sort, ..list("") }))[0];
    assert_eq!((first(Column::Age), first(Column::Start)), (SLEEP, PAUSE));
}

#[test]
fn rows_keep_an_order_and_new_ones_come_last() {
    let before = world(true);
    let by_memory = Query { sort: Column::Memory, descending: true, ..list("") };
    let places = rows(&before, &by_memory).places();
    let after = world_with(true, &[born(400, 0)]);
    let kept = rows(&after, &Query { keep: Some(&places), ..by_memory });
    assert_eq!(pids(&kept), [SLEEP, SH, WORKERS[1], WORKERS[0], MASTER, PAUSE, 400]);
}

#[test]
fn each_kind_of_filter_finds_its_processes() {
    let world = world(true);
    let all = [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP];
    let table: [(&str, &[u32]); 25] = [
        ("", &all),
        ("state:s", &all),
        ("state:SZ", &all),
        ("state:Z", &[]),
        ("!state:Z", &all),
        ("pod:NGINX", &all),
        ("pod:other", &[]),
        ("pod:-", &[]),
        ("!pod:-", &all),
        ("container:busy", &[SH, SLEEP]),
        ("container:pause", &[PAUSE]),
        ("user:ana", &all),
        ("user:1000", &all),
        ("user:root", &[]),
        ("pid:506", &[SLEEP]),
        ("pid:1", &[PAUSE]),
        ("ns:4026532328", &all),
        ("net:[4026532328]", &all),
        ("ipc:4026532328", &[]),
        ("mnt:4026532332", &[SH, SLEEP]),
        ("user:[4026532177]", &all),
        ("pid:[4026532327]", &all),
        ("worker !503", &[WORKERS[1]]),
        // not complete yet
        ("pod: ! state:", &all),
        // no key of the filter
        ("web:", &[MASTER, WORKERS[0], WORKERS[1]]),
    ];
    for (filter, expected) in table {
        let found = rows(&world, &list(filter));
        assert_eq!((pids(&found).as_slice(), found.problem), (expected, None), "{filter}");
    }
}

#[test]
fn what_a_filter_does_not_understand_is_said_and_left_out() {
    let world = world(true);
    for (filter, problem) in [
        ("state:Q sleep", "state: knows R S D T t I Z"),
        ("pid:x sleep", "pid: needs a number"),
        ("user:bob sleep", "user: needs a number, root or ana"),
        ("net:x sleep", "net: needs the inode number of a namespace"),
    ] {
        let found = rows(&world, &list(filter));
        assert_eq!(found.problem.as_deref(), Some(problem), "{filter}");
        assert_eq!(pids(&found), [SH, SLEEP], "{filter}");
    }
}

#[test]
fn a_line_goes_on_beside_what_is_between_two_siblings() {
    let world = world_with(true, &[born(600, WORKERS[0]), born(601, WORKERS[1])]);
    let found = rows(&world, &Query::default());
    assert_eq!(found.lines(row(&found, 600)), [true], "its parent has a sibling below");
    assert_eq!(found.lines(row(&found, 601)), [false]);
    assert_eq!(found.lines(row(&found, WORKERS[0])), [false; 0]);
    assert!(!row(&found, WORKERS[0]).is_last && row(&found, WORKERS[1]).is_last);
}

#[test]
fn the_rows_of_a_pod_are_its_processes() {
    let world = world_with(true, &[born(400, 0)]);
    let pod = uid();
    let found = rows(&world, &Query { pod: Some(&pod), ..Query::default() });
    assert_eq!((pids(&found).contains(&400), found.total), (false, 6));
    assert_eq!(rows(&world, &Query::default()).total, 7);
}

/// A reused pid can make a circle for a moment.
#[test]
fn a_circle_of_parents_has_rows() {
    let mut world = World::default();
    world.apply(&born(1, 2));
    world.apply(&born(2, 1));
    assert_eq!(rows(&world, &Query::default()).rows.len(), 2);
}

#[test]
fn a_long_chain_of_parents_has_a_row_for_each() {
    let mut world = World::default();
    for pid in 1..=10_000 {
        world.apply(&born(pid, pid - 1));
    }
    let found = rows(&world, &Query::default());
    assert_eq!((found.rows.len(), found.rows[9_999].depth), (10_000, 9_999));
    let folded: BTreeSet<ProcId> = [id(1)].into();
    let found = rows(&world, &Query { collapsed: Some(&folded), ..Query::default() });
    assert_eq!((found.rows.len(), found.rows[0].hidden), (1, 9_999));
}

#[test]
fn every_column_sorts() {
    let world = world_with(true, &[born(400, 0)]);
    let all: BTreeSet<u32> = pids(&rows(&world, &list(""))).into_iter().collect();
    for sort in Column::OPTIONAL.into_iter().chain([Column::Command]) {
        let found = rows(&world, &Query { sort, descending: true, ..list("") });
        assert_eq!(pids(&found).into_iter().collect::<BTreeSet<u32>>(), all, "{sort:?}");
    }
    let by_mount = rows(&world, &Query { sort: Column::Namespace(NsKind::Mnt), ..list("") });
    assert_eq!(pids(&by_mount)[..2], [PAUSE, MASTER]);
    let set: BTreeSet<Column> = Column::OPTIONAL.into_iter().collect();
    assert_eq!(set.into_iter().collect::<Vec<_>>(), Column::OPTIONAL, "a set of columns is in their order");
}
