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
}

#[derive(Debug)]
struct Shown {
    at: MonoNs,
    position: Position,
    world: World,
}

impl PastWorld {
    /// The World at `t`. Starts from the kept World if that is nearer than the keyframe. `None` while the log is empty.
    ///
    /// If `t` is the moment of the kept World, it stays the same even after the log has forgotten it.
    pub fn seek(&mut self, log: &Log, t: MonoNs) -> Option<&World> {
        let to = log.position_at(t)?;
        let from = match self.shown.take() {
            Some(held) if held.at == t && log.has_forgotten(held.position) => {
                return Some(&self.shown.insert(held).world);
            }
            Some(Shown { position, world, .. }) if position.segment == to.segment && position.applied <= to.applied => {
                (position.applied, world)
            }
            _ => (0, log.keyframe(to.segment)?.clone()),
        };
        let (applied, mut world) = from;
        for entry in log.between(to.segment, applied..to.applied) {
            world.apply(&entry.delta);
        }
        Some(&self.shown.insert(Shown { at: t, position: to, world }).world)
    }

    pub fn into_world(self) -> Option<World> {
        self.shown.map(|shown| shown.world)
    }
}
