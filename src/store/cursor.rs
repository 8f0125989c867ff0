//! The moment that the views show.

use crate::model::{MonoNs, World};

use super::log::{Log, Position};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursor {
    /// The latest moment; it advances by itself.
    #[default]
    Live,
    /// A fixed moment in the past.
    At(MonoNs),
}

impl Cursor {
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }
}

/// The past World that was requested last, and its position in the log.
#[derive(Debug, Default)]
pub(super) struct PastWorld {
    shown: Option<Shown>,
    /// Worlds of the segment of the one shown: that after 0 deltas, after [`STEP`], after twice `STEP`, as far as a
    /// seek has come. So a step back applies few deltas. They share what does not differ, so all of them together take
    /// no more than what the deltas of one segment change.
    passed: Vec<World>,
}

/// How many deltas lie between two Worlds of `passed`.
const STEP: usize = 32;

#[derive(Debug)]
struct Shown {
    at: MonoNs,
    position: Position,
    world: World,
}

impl PastWorld {
    /// The World at `t`. Starts from the nearest World before it: the kept ones and the keyframe. `None` while the log
    /// is empty.
    ///
    /// If `t` is the moment of the kept World, it stays the same even after the log has forgotten it.
    pub fn seek(&mut self, log: &Log, t: MonoNs) -> Option<&World> {
        let to = log.position_at(t)?;
        let mut held = self.shown.take();
        if let Some(held) = held.take_if(|held| held.at == t && log.has_forgotten(held.position)) {
            return Some(&self.shown.insert(held).world);
        }
        let held = held.filter(|held| held.position.segment == to.segment);
        let (from, mut world) = if let Some(nearest) = held.and_then(|held| self.nearest(held, to.applied)) {
            nearest
        } else {
            let keyframe = log.keyframe(to.segment)?;
            self.passed = vec![keyframe.clone()];
            (0, keyframe.clone())
        };
        for (before, entry) in (from..).zip(log.between(to.segment, from..to.applied)) {
            world.apply(&entry.delta);
            if before + 1 == self.passed.len() * STEP {
                self.passed.push(world.clone());
            }
        }
        Some(&self.shown.insert(Shown { at: t, position: to, world }).world)
    }

    /// The nearest World of the segment of the one shown that has `to` deltas at most, and how many it has.
    fn nearest(&self, held: Shown, to: usize) -> Option<(usize, World)> {
        let (nth, passed) = self.passed.iter().enumerate().take(to / STEP + 1).next_back()?;
        let has = nth * STEP;
        let held_is_nearer = (has..=to).contains(&held.position.applied);
        Some(if held_is_nearer { (held.position.applied, held.world) } else { (has, passed.clone()) })
    }

    pub fn into_world(self) -> Option<World> {
        self.shown.map(|shown| shown.world)
    }
}
