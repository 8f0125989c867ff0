//! What one sees: views read the [`World`](crate::model::World) at the cursor and return
//! [`Action`](crate::app::Action)s; they never change anything.

pub mod bars;
pub mod build;
pub mod events;
pub mod export_dialog;
pub mod fonts;
pub mod icons;
pub mod inspector;
pub mod logs;
pub mod pod_map;
pub mod pods;
mod presets;
pub mod process_tree;
pub mod report;
mod signals;
pub mod terminal;
pub mod text;
pub mod timeline;
pub mod tokens;
pub mod top_bar;
mod usage;
pub mod widgets;
pub mod words;

use crate::app::{Action, Selection};
use crate::model::{MonoNs, World};
use tokens::Tokens;

/// Which World is shown: the same value, the same World. What a view has made of it can be kept as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The latest, after so many changes.
    Live(u64),
    Past(MonoNs),
}

/// After the last change the picture still moves for this long.
pub const STIR_NS: u64 = 3_000_000_000;

/// What every view is given for one frame.
pub struct Cx<'a> {
    /// The picture at the cursor.
    pub world: &'a World,
    pub tokens: &'a Tokens,
    pub selection: &'a Selection,
    /// The moment that is shown: the clock when live, else the cursor.
    pub now: MonoNs,
    /// Zero of the times that are shown.
    pub epoch: MonoNs,
    pub live: bool,
    pub shown: Shown,
    /// What the user wants done, for the app to do after the frame.
    pub out: &'a mut Vec<Action>,
}

impl Cx<'_> {
    pub fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    /// `00:42.318` since the epoch.
    pub fn clock(&self, t: MonoNs) -> String {
        format!("{}.{:03}", self.whole_seconds(t), t.since(self.epoch) / 1_000_000 % 1000)
    }

    /// `00:42` since the epoch.
    pub fn whole_seconds(&self, t: MonoNs) -> String {
        let s = t.since(self.epoch) / 1_000_000_000;
        let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
        if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m:02}:{s:02}") }
    }
}
