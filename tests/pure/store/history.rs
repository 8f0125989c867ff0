//! The history of lives says of each process what the World says, for any stream of deltas.

use podscope::model::{MonoNs, ProcId, Process, State, World};
use podscope::store::{History, Life, Store};
use proptest::prelude::*;

use crate::store::stream::deltas;

/// What a life and a process have in common.
type Told = (ProcId, MonoNs, Option<MonoNs>, Option<MonoNs>, Option<u32>);

fn of_process(p: &Process) -> Told {
    (p.id, p.born.t, p.exit.map(|exit| exit.at.t), p.reap.map(|reap| reap.at.t), p.pid_inside())
}

fn of_life(life: &Life) -> Told {
    (life.id, life.born, life.exit.map(|(t, _)| t), life.reap, life.pid_inside)
}

fn assert_same(world: &World, history: &History, oldest: MonoNs) {
    for p in world.remembered_of_pods() {
        let is_kept = p.reap.is_none_or(|reap| reap.at.t >= oldest);
        let life = history.life(p.id);
        if let Some(life) = life {
            assert_eq!(of_life(life), of_process(p));
            assert_eq!(Some(&*life.member), p.member.as_ref());
            let ends: Vec<_> = life.stretches().map(|stretch| stretch.to).collect();
            assert!(ends.iter().rev().skip(1).all(Option::is_some), "only the last one goes on");
        }
        assert!(life.is_some() || !is_kept, "{p:?}");
        if p.is_alive() {
            assert_eq!(life.and_then(|life| life.state_at(MonoNs(u64::MAX))), Some(p.state));
        }
        if p.is_gone() && is_kept {
            assert_eq!(life.and_then(|life| life.state_at(MonoNs(u64::MAX))), Some(State::Gone));
        }
    }
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn a_life_says_what_the_world_says(all in deltas()) {
        let mut store = Store::default();
        for delta in &all {
            store.push(delta.clone());
        }
        assert_same(store.live(), store.history(), store.span().0);
        assert_same(store.live(), &History::of(store.live()), MonoNs(0));
        // each process is found once in its pod and in the time of its life
        let everything = (MonoNs(0), MonoNs(u64::MAX));
        for (_, pod) in store.history().pods(None) {
            let families = pod.families().flat_map(|(_, _, family)| family.touching(everything.0, everything.1));
            for found in families {
                let life = store.history().life(found.id).expect("it is kept");
                prop_assert_eq!((life.born, life.reap.is_some()), (found.born, found.is_reaped));
            }
        }
        let steps = store.history().steps(None, everything.0, everything.1);
        prop_assert!(steps.is_sorted() && steps.iter().all(|step| store.history().life(step.process).is_some()));
    }
}
