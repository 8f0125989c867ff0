//! The ring: a keyframe with the deltas after it gives the World at any moment, within the limits of the ring.

use podscope::model::{Delta, MonoNs, Signal, World};
use podscope::store::{Bounds, Cursor, Store};
use proptest::prelude::*;

use crate::store::stream::{deltas, stamp};

fn replay(deltas: &[Delta]) -> World {
    deltas.iter().fold(World::default(), |mut world, delta| {
        world.apply(delta);
        world
    })
}

fn store_of(deltas: &[Delta], bounds: Bounds) -> Store {
    let mut store = Store::new(bounds);
    for delta in deltas {
        store.push(delta.clone());
    }
    store
}

/// Small rings, and large ones with long segments.
fn bounds() -> impl Strategy<Value = Bounds> {
    let small = (4_usize..60, 1_usize..9);
    let large = (400_usize..600, 60_usize..120);
    prop_oneof![small, large].prop_map(|(entries, stride)| Bounds { entries, bytes: 1 << 20, stride })
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn a_keyframe_and_its_deltas_equal_the_whole_stream(all in deltas(), stride in 1_usize..9, t in 0_u64..1_100) {
        let store = store_of(&all, Bounds { entries: 100_000, bytes: 1 << 30, stride });
        prop_assert_eq!(store.live(), &replay(&all));
        let t = MonoNs(t);
        let mut entry_time = MonoNs(0);
        let so_far = all.iter().take_while(|d| { entry_time = entry_time.max(d.time()); entry_time <= t }).count();
        prop_assert_eq!(store.at(t), replay(&all[..so_far]));
        prop_assert_eq!(&store.at(MonoNs(u64::MAX)), store.live());
    }

    #[test]
    fn the_cached_view_is_the_world_at_the_cursor(all in deltas(), bounds in bounds(), seeks in prop::collection::vec(0_u64..1_100, 1..12)) {
        let mut store = Store::new(bounds);
        let mut seeks = seeks.into_iter().cycle();
        let mut held = None;
        for delta in all {
            store.push(delta);
            let t = MonoNs(seeks.next().unwrap());
            let shown = store.view(Cursor::At(t)).clone();
            prop_assert_eq!(store.view(Cursor::At(t)), &shown);
            // a kept moment may be older than the ring
            let shown = Some((t, shown));
            prop_assert!(shown == held || shown == Some((t, store.at(t))));
            held = shown;
        }
        let live = store.live().clone();
        prop_assert_eq!(store.view(Cursor::Live), &live);
    }

    #[test]
    fn a_shown_moment_stays_when_the_ring_forgets_it(all in deltas(), cut in 1_usize..20) {
        let mut store = Store::new(Bounds { entries: 8, bytes: 1 << 20, stride: 2 });
        let cut = cut.min(all.len());
        let (before, after) = all.split_at(cut);
        for delta in before {
            store.push(delta.clone());
        }
        let cursor = Cursor::At(store.span().1);
        let held = store.view(cursor).clone();
        let later = store.span().1;
        for delta in after.iter().filter(|d| d.time() > later) {
            store.push(delta.clone());
            prop_assert_eq!(store.view(cursor), &held);
        }
    }

    #[test]
    fn the_ring_stays_within_its_limit_of_entries(all in deltas(), bounds in bounds()) {
        let mut store = Store::new(bounds);
        for delta in all {
            store.push(delta);
            let (entries, _) = store.size();
            prop_assert!(entries <= bounds.entries, "{entries} entries in a ring of {}", bounds.entries);
            let (from, to) = store.span();
            prop_assert!(from <= to);
            prop_assert_eq!(store.entries(MonoNs(0)..=MonoNs(u64::MAX)).count(), entries);
        }
    }

    #[test]
    fn entries_are_in_order_and_within_the_range(all in deltas(), bounds in bounds(), a in 0_u64..1_100, b in 0_u64..1_100) {
        let store = store_of(&all, bounds);
        let range = MonoNs(a)..=MonoNs(b);
        let times: Vec<MonoNs> = store.entries(range.clone()).map(|e| e.t).collect();
        prop_assert!(times.is_sorted());
        prop_assert!(times.iter().all(|t| range.contains(t)));
        let all = store.entries(MonoNs(0)..=MonoNs(u64::MAX)).filter(|e| range.contains(&e.t)).count();
        prop_assert_eq!(times.len(), all);
    }

    #[test]
    fn a_world_survives_json(all in deltas()) {
        let world = replay(&all);
        let text = serde_json::to_string(&world).unwrap();
        prop_assert_eq!(serde_json::from_str::<World>(&text).unwrap(), world);
    }

    #[test]
    fn a_delta_survives_json(all in deltas()) {
        for delta in all {
            let text = serde_json::to_string(&delta).unwrap();
            prop_assert_eq!(serde_json::from_str::<Delta>(&text).unwrap(), delta);
        }
    }

    #[test]
    fn any_signal_and_time_is_accepted(n in any::<i32>(), at in stamp(), anchor in any::<(u64, i64)>()) {
        let masks = podscope::model::SignalMasks { blocked: u64::MAX, caught: 1, awaiting: true, ..Default::default() };
        prop_assert_eq!(masks.blocks(Signal(n)), (1..=64).contains(&n));
        let _ = Signal(n).to_string();
        let _ = podscope::model::WallAnchor { mono: MonoNs(anchor.0), unix_ns: anchor.1 }.unix_ns_at(at.t);
    }
}

#[test]
fn each_step_through_the_past_shows_the_world_of_that_moment() {
    let mut store = Store::default();
    let mut worlds = Vec::new();
    for n in 0..1_300 {
        store.push(crate::store::world::renamed(n % 7, &format!("name-{n}"), u64::from(n)));
        worlds.push(store.live().clone());
    }
    let there = 0..worlds.len();
    for n in there.clone().rev().chain(there.clone()).chain(there.rev().step_by(45)) {
        assert_eq!(store.view(Cursor::At(MonoNs(n as u64))), &worlds[n], "{n}");
    }
}

#[test]
fn an_empty_store_shows_an_empty_world() {
    let mut store = Store::default();
    assert_eq!(store.view(Cursor::At(MonoNs(5))), &World::default());
    assert_eq!(store.at(MonoNs(5)), World::default());
    assert_eq!(store.span(), (MonoNs(0), MonoNs(0)));
}

#[test]
fn the_ring_stays_within_its_limit_of_bytes() {
    let bounds = Bounds { entries: usize::MAX, bytes: 64 << 10, stride: 16 };
    let mut store = Store::new(bounds);
    for n in 0..20_000 {
        store.push(crate::store::world::renamed(n % 7, &format!("name-{n}"), u64::from(n)));
        assert!(store.size().1 <= bounds.bytes, "{} bytes", store.size().1);
    }
    assert!(store.span().0 > MonoNs(0));
    assert_eq!(store.span().1, MonoNs(19_999));
}
