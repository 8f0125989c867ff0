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
    /// The past moment that is shown, and its World; `None` for live.
    past: Option<(MonoNs, World)>,
    requested: Cursor,
}

impl Shown {
    /// Takes in the latest state.
    pub fn update(&mut self, state: Arc<Published>) {
        if let (Cursor::At(t), Some((made, world))) = (self.requested, &state.shown)
            && t == *made
        {
            self.past = Some((t, world.clone()));
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
        self.past.as_ref().map_or(&self.state.live, |(_, world)| world)
    }

    /// The newest World, also while a past one is shown.
    pub fn latest(&self) -> Latest<'_> {
        let version = WorldVersion::Live(self.state.revision);
        Latest { world: &self.state.live, version, now: self.newest() }
    }

    pub const fn is_live(&self) -> bool {
        self.past.is_none()
    }

    /// The moment that is shown.
    pub fn at(&self) -> MonoNs {
        self.past.as_ref().map_or_else(|| self.newest(), |(t, _)| *t)
    }

    /// Now, by the clock of the Deltas.
    pub fn newest(&self) -> MonoNs {
        now().max(self.live().now)
    }

    pub fn version(&self) -> WorldVersion {
        match self.past {
            None => WorldVersion::Live(self.state.revision),
            Some((t, _)) => WorldVersion::Past(t),
        }
    }

    pub fn show_live(&mut self, engine: &Handle) {
        self.past = None;
        self.request(Cursor::Live, engine);
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
