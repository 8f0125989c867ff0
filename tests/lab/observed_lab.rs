//! A lab with an observer, which gives the World as a user sees it.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use podscope::lab::{Lab, Options};
use podscope::model::{ContainerState, Delta, PodUid, World};
use podscope::observe::{Observer, Options as ObserverOptions, Scope};

use crate::support::PATIENCE;

pub struct ObservedLab {
    pub lab: Lab,
    pub world: World,
    _observer: Observer,
    deltas: Receiver<Vec<Delta>>,
}

impl ObservedLab {
    pub fn new(options: Options) -> Self {
        let (sink, deltas) = unbounded();
        let sink = Box::new(move |batch| drop(sink.send(batch)));
        let observer = Observer::start(Scope::Lab, ObserverOptions::default(), sink).expect("an observer");
        let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
        let lab = Lab::start_with(exe, options, observer.input()).expect("a lab");
        Self { lab, _observer: observer, deltas, world: World::default() }
    }

    /// Applies Deltas until the condition holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&World) -> bool) {
        self.until_equal(what, |world| (holds(world), true));
    }

    /// Applies Deltas until both values that `of` returns are equal: one from the World, one from /proc.
    pub fn until_equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, of: impl Fn(&World) -> (T, T)) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (shown, there) = of(&self.world);
            if shown == there {
                return;
            }
            let names = || self.world.present().map(|p| (p.id.pid, p.title(), p.signals)).collect::<Vec<_>>();
            assert!(
                Instant::now() < deadline,
                "{what}: shown {shown:#?}, there is {there:#?}; processes {:#?}",
                names()
            );
            // the values may become equal without a Delta, since /proc changes
            let batch = self.deltas.recv_timeout(Duration::from_millis(20)).unwrap_or_default();
            for delta in &batch {
                self.world.apply(delta);
            }
        }
    }

    pub fn until_all_run(&mut self, uid: &PodUid) {
        let runs = |c: &podscope::model::Container| matches!(c.state, ContainerState::Running { .. });
        self.until("all run", |world| world.pod(uid).is_some_and(|p| p.containers.iter().all(runs)));
    }
}
