//! The views. They read the [`World`](crate::model::World) at the cursor and return
//! [`Action`]s; they never change the World.

mod action;
pub mod bars;
pub mod build;
pub mod drawers;
pub mod events;
pub mod export_dialog;
pub mod fonts;
pub mod guide;
pub mod icons;
pub mod inside;
pub mod inspector;
pub mod logs;
pub mod memo;
pub mod motion;
pub mod namespaces;
pub mod new_pod;
pub mod notices;
pub mod overview;
pub mod palette;
pub mod pod_map;
pub mod pods;
pub mod process_tree;
pub mod report;
pub mod settings_menu;
pub mod shortcuts;
pub mod signals;
pub mod slow_motion;
pub mod terminal;
pub mod terms;
pub mod text;
pub mod timeline;
pub mod tokens;
pub mod top_bar;
mod usage;
pub mod widgets;
pub mod words;
pub mod zombies;

use crate::model::{MonoNs, World};
use crate::store::History;
pub use action::{Action, Selection, TextScaleStep};
use tokens::Tokens;

/// The version of the World that is shown. Equal versions are equal Worlds, so a view can keep what it computed until
/// the version changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldVersion {
    /// The newest World, with the number of changes so far.
    Live(u64),
    /// The World at a past moment. While Deltas of that moment may still come, with the number of changes so far.
    Past(MonoNs, Option<u64>),
    /// The World after a step of a burst: when it happened, and its number.
    Step(MonoNs, usize),
}

/// The newest World, also while a past moment is shown.
#[derive(Clone, Copy, Debug)]
pub struct Latest<'a> {
    pub world: &'a World,
    /// What happened until then.
    pub history: &'a History,
    pub version: WorldVersion,
    /// The present by the clock of the Deltas.
    pub now: MonoNs,
}

/// How long animations go on after the last change of the World.
pub const ANIMATION_NS: u64 = 3_000_000_000;

/// The context that every view gets for one frame.
pub struct Cx<'a> {
    /// The World at the cursor.
    pub world: &'a World,
    pub tokens: &'a Tokens,
    pub selection: &'a Selection,
    /// The moment that is shown: the present when live, otherwise the cursor's.
    pub now: MonoNs,
    /// The moment at which the shown clock is zero.
    pub epoch: MonoNs,
    pub live: bool,
    pub version: WorldVersion,
    /// The user's actions, which the app carries out after the frame.
    pub out: &'a mut Vec<Action>,
}

impl Cx<'_> {
    pub fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    /// `00:42.318` since the epoch, `−00:42.318` before it.
    pub fn clock(&self, t: MonoNs) -> String {
        format!("{}.{:03}", self.whole_seconds(t), self.distance_from_epoch(t) / 1_000_000 % 1000)
    }

    /// `00:42` since the epoch, `−00:42` before it.
    pub fn whole_seconds(&self, t: MonoNs) -> String {
        let s = self.distance_from_epoch(t) / 1_000_000_000;
        let sign = if t < self.epoch { "−" } else { "" };
        let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
        if h > 0 { format!("{sign}{h}:{m:02}:{s:02}") } else { format!("{sign}{m:02}:{s:02}") }
    }

    const fn distance_from_epoch(&self, t: MonoNs) -> u64 {
        t.0.abs_diff(self.epoch.0)
    }
}

#[cfg(test)]
mod tests;
