//! Which moment the views show.

use crate::model::{MonoNs, World};

use super::log::{Log, Place};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursor {
    /// The latest, moving on by itself.
    #[default]
    Live,
    /// A past moment, standing still.
    At(MonoNs),
}

impl Cursor {
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }
}

/// The last past World that was asked for, and where in the log it stands.
#[derive(Debug, Default)]
pub(super) struct Past {
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    at: MonoNs,
    place: Place,
    world: World,
}

impl Past {
    /// The World at `t`, from the one at hand where that is nearer than the keyframe. `None` while the
    /// log is empty.
    ///
    /// A moment that is held stays as it is when the log forgets it.
    pub fn seek(&mut self, log: &Log, t: MonoNs) -> Option<&World> {
        let to = log.place(t)?;
        let from = match self.shown.take() {
            Some(held) if held.at == t && log.has_forgotten(held.place) => {
                return Some(&self.shown.insert(held).world);
            }
            Some(Shown { place, world, .. }) if place.segment == to.segment && place.applied <= to.applied => {
                (place.applied, world)
            }
            _ => (0, log.keyframe(to.segment)?.clone()),
        };
        let (applied, mut world) = from;
        for entry in log.between(to.segment, applied..to.applied) {
            world.apply(&entry.delta);
        }
        Some(&self.shown.insert(Shown { at: t, place: to, world }).world)
    }

    pub fn into_world(self) -> Option<World> {
        self.shown.map(|shown| shown.world)
    }
}
