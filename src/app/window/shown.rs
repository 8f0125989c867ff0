//! The moment that is shown: live, or past. The engine makes the World of a past moment, so it is shown a little later
//! than it is requested. Until then the last moment stays.

use std::sync::Arc;

use crate::engine::{Handle, Published, Request};
use crate::model::{MonoNs, World};
use crate::observe::now;
use crate::store::Cursor;
use crate::ui::{Latest, WorldVersion};

#[derive(Debug, Default)]
pub(super) struct Shown {
    state: Arc<Published>,
    /// `None` for live.
    past: Option<Past>,
    requested: Cursor,
}

/// The past moment that is shown, and its World.
#[derive(Debug)]
struct Past {
    at: MonoNs,
    world: World,
    version: WorldVersion,
}

impl Shown {
    /// Takes in the latest state.
    pub fn update(&mut self, state: Arc<Published>) {
        if let (Cursor::At(t), Some((made, world))) = (self.requested, &state.shown)
            && t == *made
        {
            // a Delta may come late, but never before those that have come
            let may_change = state.span.1 <= t;
            let version = WorldVersion::Past(t, may_change.then_some(state.revision));
            self.past = Some(Past { at: t, world: world.clone(), version });
        }
        self.state = state;
    }

    pub fn state(&self) -> &Published {
        &self.state
    }

    pub fn live(&self) -> &World {
        &self.state.live
    }

    pub fn world(&self) -> &World {
        self.past.as_ref().map_or(&self.state.live, |past| &past.world)
    }

    /// The newest World, also while a past one is shown.
    pub fn latest(&self) -> Latest<'_> {
        let version = WorldVersion::Live(self.state.revision);
        Latest { world: &self.state.live, history: &self.state.history, version, now: self.newest() }
    }

    pub const fn is_live(&self) -> bool {
        self.past.is_none()
    }

    /// The moment that is shown.
    pub fn at(&self) -> MonoNs {
        self.past.as_ref().map_or_else(|| self.newest(), |past| past.at)
    }

    /// Now, by the clock of the Deltas.
    pub fn newest(&self) -> MonoNs {
        now().max(self.live().now)
    }

    pub fn version(&self) -> WorldVersion {
        self.past.as_ref().map_or(WorldVersion::Live(self.state.revision), |past| past.version)
    }

    pub fn show_live(&mut self, engine: &Handle) {
        self.past = None;
        self.request(Cursor::Live, engine);
    }

    /// Shows a step of a burst, and its World.
    pub fn show_step(&mut self, at: MonoNs, world: World, step: usize, engine: &Handle) {
        self.request(Cursor::Live, engine);
        let version = WorldVersion::Step(at, step);
        self.past = Some(Past { at, world, version });
    }

    /// Shows this moment, or live if it is not past. Returns the past moment.
    pub fn seek(&mut self, t: MonoNs, engine: &Handle) -> Option<MonoNs> {
        if t >= now() {
            self.show_live(engine);
            return None;
        }
        let t = t.max(self.state.span.0);
        self.request(Cursor::At(t), engine);
        Some(t)
    }

    /// The moment that was requested last. Several steps at once add up.
    pub fn requested(&self) -> MonoNs {
        match self.requested {
            Cursor::Live => self.at(),
            Cursor::At(t) => t,
        }
    }

    fn request(&mut self, cursor: Cursor, engine: &Handle) {
        if self.requested != cursor {
            self.requested = cursor;
            engine.send(Request::Show(cursor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delta, Parent, ProcId, Stamp};
    use crate::store::Store;

    #[test]
    fn equal_versions_of_a_past_moment_are_equal_worlds() {
        let moment = MonoNs(50);
        let mut shown = Shown { requested: Cursor::At(moment), ..Shown::default() };
        let mut store = Store::default();
        let mut all = Vec::new();
        // the second and third come late: the moment was already shown
        for (pid, t) in [(1, 10), (2, 20), (3, 50), (4, 60), (5, 70), (6, 50)] {
            let id = ProcId { pid, start: 0 };
            store.push(Delta::Born { id, parent: Parent::Outside, at: Stamp::connector(MonoNs(t)) });
            let past = (moment, store.view(Cursor::At(moment)).clone());
            let live = store.live().clone();
            let (revision, span) = (store.revision(), store.span());
            shown.update(Arc::new(Published { live, revision, span, shown: Some(past), ..Published::default() }));
            all.push((shown.version(), shown.world().processes.len()));
        }
        assert_eq!(all.iter().map(|(_, processes)| *processes).collect::<Vec<_>>(), [1, 2, 3, 3, 3, 3]);
        for (nth, (version, processes)) in all.iter().enumerate() {
            assert!(all.iter().all(|(v, p)| v != version || p == processes), "{nth}");
        }
        assert_eq!(all[3].0, all[5].0, "once a later Delta has come, it does not change");
    }
}
