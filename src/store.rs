//! The past, bounded: every [`Delta`] in the order it came, with a whole [`World`] every so often.
//!
//! Live views, time travel and recordings read the same stream: the World at any moment is the last
//! keyframe before it and the deltas since.

mod cursor;
mod keyframes;
mod log;

use std::ops::RangeInclusive;

pub use cursor::Cursor;
pub use log::{Bounds, Entry};

use crate::model::{Delta, MonoNs, World};
use cursor::Past;
use log::Log;

/// The live World, and what led to it.
#[derive(Debug, Default)]
pub struct Store {
    live: World,
    log: Log,
    past: Past,
}

impl Store {
    pub fn new(bounds: Bounds) -> Self {
        Self { log: Log::new(bounds), ..Self::default() }
    }

    /// Starts from a World read elsewhere, such as a recording.
    pub fn from_world(world: World, bounds: Bounds) -> Self {
        Self { log: Log::starting_at(bounds, world.now), live: world, past: Past::default() }
    }

    pub fn push(&mut self, delta: Delta) {
        self.log.prepare(&self.live);
        self.live.apply(&delta);
        self.log.push(delta);
    }

    pub fn live(&self) -> &World {
        &self.live
    }

    /// The World as it was at `t`: all that had come by then. Before the oldest keyframe there is
    /// only that keyframe.
    pub fn at(&self, t: MonoNs) -> World {
        let mut past = Past::default();
        past.seek(&self.log, t);
        past.into_world().unwrap_or_else(|| self.live.clone())
    }

    /// What a view shows. A past World is kept between calls: holding the cursor still costs nothing,
    /// moving it forward only the deltas in between.
    pub fn view(&mut self, cursor: Cursor) -> &World {
        self.views(cursor).0
    }

    /// What a view shows, and the latest beside it.
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

    /// What came in a stretch of time, both ends included, in order.
    pub fn entries(&self, range: RangeInclusive<MonoNs>) -> impl Iterator<Item = &Entry> {
        self.log.entries(range)
    }

    /// How many deltas were ever pushed: a view that has seen this number is up to date.
    pub fn revision(&self) -> u64 {
        self.log.pushed()
    }

    /// Deltas kept, and about how many bytes they and their keyframes take.
    pub fn held(&self) -> (usize, usize) {
        self.log.held()
    }
}
