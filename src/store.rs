//! A bounded history: every [`Delta`] in the order in which it came, and at intervals a whole [`World`] (a keyframe).
//!
//! Live views, time travel and recordings read the same stream: the World at any moment is the last keyframe before it,
//! with the deltas since then applied.

mod cursor;
mod history;
mod log;
mod size;

use std::ops::RangeInclusive;

pub use cursor::Cursor;
pub use history::{Family, Found, History, Kinds, Life, Moment, Note, PodHistory, Stretch, Told, What};
pub use log::{Bounds, Entry};

use crate::model::{Delta, MonoNs, World};
use cursor::PastWorld;
use log::Log;

/// The live World and its history.
#[derive(Debug, Default)]
pub struct Store {
    live: World,
    log: Log,
    history: History,
    past: PastWorld,
}

impl Store {
    pub fn new(bounds: Bounds) -> Self {
        Self { log: Log::new(bounds), ..Self::default() }
    }

    /// Starts from a World read elsewhere, such as a recording.
    pub fn from_world(world: World, bounds: Bounds) -> Self {
        let history = History::of(&world);
        Self { log: Log::starting_at(bounds, world.now), live: world, history, past: PastWorld::default() }
    }

    pub fn push(&mut self, delta: Delta) {
        self.log.prepare(&self.live);
        self.live.apply(&delta);
        if self.log.keeps_history() {
            self.history.note(&delta, &self.live, self.log.span().0);
        }
        self.log.push(delta);
    }

    pub fn live(&self) -> &World {
        &self.live
    }

    /// The lives of the pods' processes and what happened. Empty where nothing of the past is kept.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The World at `t`: with all deltas that had come by then. For a time before the oldest keyframe it is that
    /// keyframe.
    pub fn at(&self, t: MonoNs) -> World {
        let mut past = PastWorld::default();
        past.seek(&self.log, t);
        past.into_world().unwrap_or_else(|| self.live.clone())
    }

    /// The World that a view shows. A past World is kept between calls: a cursor that does not move costs nothing, and
    /// one that moves forward costs only the deltas in between.
    pub fn view(&mut self, cursor: Cursor) -> &World {
        self.views(cursor).0
    }

    /// The World that a view shows, and the live one.
    pub fn views(&mut self, cursor: Cursor) -> (&World, &World) {
        let shown = match cursor {
            Cursor::Live => &self.live,
            Cursor::At(t) => self.past.seek(&self.log, t).unwrap_or(&self.live),
        };
        (shown, &self.live)
    }

    /// From the oldest moment that can still be shown to the latest.
    pub fn span(&self) -> (MonoNs, MonoNs) {
        self.log.span()
    }

    /// The deltas of a period, both ends included, in order.
    pub fn entries(&self, range: RangeInclusive<MonoNs>) -> impl Iterator<Item = &Entry> {
        self.log.entries(range)
    }

    /// How many deltas were pushed so far. A view that was drawn at this number is up to date.
    pub fn revision(&self) -> u64 {
        self.log.pushed()
    }

    /// How many deltas are kept, and about how many bytes they and their keyframes take.
    pub fn size(&self) -> (usize, usize) {
        self.log.size()
    }
}
