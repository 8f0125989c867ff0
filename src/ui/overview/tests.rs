use std::time::Instant;

use eframe::egui::{Rangef, Rect};

use super::activity::{BARS, of_pods};
use super::cards::{Cards, Group, Grouping, Query};
use super::grid::{Grid, Size};
use crate::model::{
    Container, ContainerState, Delta, EventKind, Member, MonoNs, Parent, Phase, Pod, PodEvent, PodReason, PodUid,
    ProcId, Program, Runtime, Stamp, TerminatedReason, WaitStatus, World,
};
use crate::ui::tests;

fn at(s: u64) -> Stamp {
    Stamp::connector(MonoNs(s * 1_000_000_000))
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

fn uid(n: u32) -> PodUid {
    PodUid(format!("{n:04}"))
}

fn pod(n: u32) -> Pod {
    let base = tests::pod(n);
    let shell = Container {
        name: format!("shell-{n}"),
        program: Program::Host,
        state: ContainerState::Running { since: at(1) },
        process: None,
        ..base.containers[0].clone()
    };
    Pod {
        uid: uid(n),
        ip: Some([10, 244, 0, n as u8].into()),
        sandbox: None,
        containers: vec![shell],
        // in the reverse order of the numbers
        created: at(2_000 - u64::from(n)),
        ..base
    }
}

fn world(pods: impl IntoIterator<Item = Pod>) -> World {
    let mut world = World::default();
    for pod in pods {
        world.apply(&Delta::Pod { pod: Box::new(pod), at: at(2_000) });
    }
    world
}

fn failed(seconds: u64) -> ContainerState {
    ContainerState::Terminated {
        status: WaitStatus::exited(1),
        reason: TerminatedReason::Error,
        message: None,
        started: None,
        at: at(seconds),
    }
}

const NOW: MonoNs = MonoNs(2_000_000_000_000);

fn query(search: &str) -> Query {
    Query { search: search.into(), ..Query::default() }
}

/// The groups with the names of their pods. A removed one has a cross.
fn names(cards: &Cards) -> Vec<(Group, Vec<String>)> {
    let name = |card: &super::cards::Card| format!("{}{}", card.pod.name, if card.is_removed { " ×" } else { "" });
    cards.groups.iter().map(|(group, cards)| (*group, cards.iter().map(name).collect())).collect()
}

fn group(group: Group, names: &[&str]) -> (Group, Vec<String>) {
    (group, names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn pods_are_grouped_by_state_and_the_oldest_is_first() {
    let failing = Pod { reason: Some(PodReason::from("CrashLoopBackOff")), ..pod(1) };
    let pending = Pod { phase: Phase::Pending, ..pod(2) };
    let ended = [(3, Phase::Succeeded), (4, Phase::Failed)].map(|(n, phase)| Pod { phase, ..pod(n) });
    let docker = Pod { runtime: Runtime::Docker, created: at(1), ..pod(9) };
    let world = world([failing, pending, pod(5), pod(6), docker].into_iter().chain(ended));
    let cards = Cards::of(&world, &query(""), NOW, None);
    let expected = [
        group(Group::Attention, &["pod-1"]),
        group(Group::Running, &["pod-6", "pod-5", "pod-2", "pod-9"]),
        group(Group::Ended, &["pod-4", "pod-3"]),
    ];
    assert_eq!(names(&cards), expected);
    let by_engine = Cards::of(&world, &Query { grouping: Grouping::Engine, ..query("") }, NOW, None);
    let engines: Vec<Group> = by_engine.groups.iter().map(|(group, _)| *group).collect();
    assert_eq!(engines, [Group::Engine(Runtime::Lab), Group::Engine(Runtime::Docker)]);
}

#[test]
fn a_pod_whose_container_has_failed_needs_attention_for_a_minute() {
    let mut restarted = pod(1);
    restarted.containers[0].last_state = Some(failed(1_990));
    let mut long_ago = pod(2);
    long_ago.containers[0].last_state = Some(failed(1_900));
    let mut deleted = pod(3);
    deleted.containers[0].state = failed(1_999);
    deleted.reason = Some(PodReason::Terminating);
    let world = world([restarted, long_ago, deleted]);
    let cards = Cards::of(&world, &query(""), NOW, None);
    let expected = [group(Group::Attention, &["pod-1"]), group(Group::Running, &["pod-3", "pod-2"])];
    assert_eq!(names(&cards), expected);
    let (before, after) = (NOW.plus(49_999_999_999), NOW.plus(50_000_000_000));
    assert!(cards.are_valid(before, false) && !cards.are_valid(after, false));
    let later = Cards::of(&world, &query(""), after, None);
    assert_eq!(names(&later), [group(Group::Running, &["pod-3", "pod-2", "pod-1"])]);
    assert!(later.are_valid(NOW.plus(u64::MAX), false));
}

#[test]
fn a_search_finds_every_word_in_the_name_a_container_the_engine_or_the_ip() {
    let docker = Pod { runtime: Runtime::Docker, ip: None, ..pod(12) };
    let world = world([pod(1), pod(2), docker]);
    for (search, expected) in [
        ("", &["pod-2", "pod-1", "pod-12"][..]),
        ("POD-1", &["pod-1", "pod-12"]),
        ("docker", &["pod-12"]),
        ("shell-2", &["pod-2"]),
        ("244.0.1", &["pod-1"]),
        ("pod lab 2", &["pod-2", "pod-1"]),
        ("nothing", &[]),
    ] {
        let cards = Cards::of(&world, &query(search), NOW, None);
        let found: Vec<String> = names(&cards).into_iter().flat_map(|(_, names)| names).collect();
        assert_eq!(found, expected, "{search}");
        assert_eq!(cards.engines.values().sum::<usize>(), 3);
    }
}

#[test]
fn cards_under_the_pointer_stay_where_they_are() {
    let mut before = world([pod(1), pod(2), pod(3)]);
    let first = Cards::of(&before, &query(""), NOW, None);
    assert!(first.are_valid(NOW, false) && first.are_valid(NOW, true));
    before.apply(&Delta::Pod { pod: Box::new(Pod { phase: Phase::Succeeded, ..pod(2) }), at: at(2_001) });
    before.apply(&Delta::PodRemoved { uid: uid(3), at: at(2_001) });
    before.apply(&Delta::Pod { pod: Box::new(pod(0)), at: at(2_001) });
    let held = Cards::of(&before, &query(""), NOW, Some(&first.held()));
    assert_eq!(names(&held), [group(Group::Running, &["pod-3 ×", "pod-2", "pod-1", "pod-0"])]);
    // further changes do not move them either
    let again = Cards::of(&before, &query(""), NOW, Some(&held.held()));
    assert_eq!(names(&again), names(&held));
    assert!(again.are_valid(NOW, true) && !again.are_valid(NOW, false));
    let free = Cards::of(&before, &query(""), NOW, None);
    assert_eq!(names(&free), [group(Group::Running, &["pod-1", "pod-0"]), group(Group::Ended, &["pod-2"])]);
    // another grouping holds nothing
    let engine = Query { grouping: Grouping::Engine, ..query("") };
    let regrouped = Cards::of(&before, &engine, NOW, Some(&held.held()));
    assert_eq!(names(&regrouped), [group(Group::Engine(Runtime::Lab), &["pod-2", "pod-1", "pod-0"])]);
}

#[test]
fn the_bars_count_what_happened_in_a_pod_during_the_last_minute() {
    let mut world = world([pod(1), pod(2)]);
    let born = |pid, s| Delta::Born { id: id(pid), parent: Parent::Outside, at: at(s) };
    let joined = |pid, s| Delta::Joined { id: id(pid), member: Member::container(&uid(1), "shell-1"), at: at(s) };
    let event = |kind, s| {
        let (reason, message) = ("BackOff".into(), String::new());
        Delta::Event { event: PodEvent { pod: uid(1), kind, reason, message, at: at(s) } }
    };
    for delta in [
        // before the minute
        born(10, 1_900),
        joined(10, 1_900),
        born(11, 1_942),
        joined(11, 1_942),
        Delta::Exited { id: id(11), status: None, at: at(1_990) },
        Delta::Reaped { id: id(11), by: Parent::Process(id(10)), at: at(1_991) },
        event(EventKind::Warning, 1_991),
        event(EventKind::Normal, 2_000),
        event(EventKind::Normal, 1_930),
    ] {
        world.apply(&delta);
    }
    let activity = of_pods(&world);
    let bars = |now: u64| activity[&uid(1)].bars(MonoNs(now * 1_000_000_000)).map(|bar| (bar.all, bar.warnings));
    let mut expected = [(0, 0); BARS];
    (expected[0], expected[24], expected[29]) = ((1, 0), (3, 1), (1, 0));
    assert_eq!(bars(2_000), expected);
    // the same until the next bar begins
    assert_eq!(bars(2_001), expected);
    assert_eq!(bars(2_002)[23], (3, 1));
    assert!(bars(2_200).iter().all(|bar| *bar == (0, 0)));
    assert!(activity[&uid(2)].bars(NOW).iter().all(|bar| bar.all == 0));
}

#[test]
fn cards_do_not_overlap_and_only_those_near_the_screen_are_drawn() {
    for width in [100.0, 388.0, 520.0, 832.0, 1_900.0] {
        let size = |cards, is_folded| Size { cards, is_folded };
        let grid = Grid::new(width, [size(7, false), size(5, true), size(1_000, false)]);
        let mut places: Vec<Rect> = (0..3).map(|group| grid.head(group)).collect();
        for (group, cards) in [(0, 7), (2, 1_000)] {
            places.extend((0..cards).map(|nth| grid.card(group, nth)));
        }
        for (i, a) in places.iter().enumerate() {
            assert!(a.left() >= 0.0 && a.right() <= width.max(256.0) && a.bottom() <= grid.height, "{width}: {a:?}");
            assert!(!places[i + 1..].iter().any(|b| a.shrink(0.5).intersects(b.shrink(0.5))), "{width}: {a:?}");
        }
        let screen = Rangef::new(5_000.0, 5_600.0);
        let near = grid.near(2, screen);
        assert!(near.len() < 60 && grid.near(1, screen).is_empty() && grid.near(0, Rangef::new(0.0, 50.0)).start == 0);
        for nth in 0..1_000 {
            let card = grid.card(2, nth);
            let is_on_screen = card.top() < screen.max && card.bottom() > screen.min;
            assert!(!is_on_screen || near.contains(&nth), "{width}: {nth} of {near:?}");
        }
    }
}

#[test]
fn a_thousand_pods_are_counted_once_for_a_version_of_the_world() {
    let mut world = world((0..1_000).map(pod));
    for pid in 0..4_000 {
        let member = Member::container(&uid(pid % 1_000), "shell");
        world.apply(&Delta::Born { id: id(pid + 1), parent: Parent::Outside, at: at(1_999) });
        world.apply(&Delta::Joined { id: id(pid + 1), member, at: at(1_999) });
    }
    let began = Instant::now();
    let cards = Cards::of(&world, &query(""), NOW, None);
    println!("1,000 pods with 4,000 processes: {:?}", began.elapsed());
    assert_eq!(cards.groups[0].1.len(), 1_000);
    assert!(cards.groups[0].1.iter().all(|card| card.processes == 4));
}
