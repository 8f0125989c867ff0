//! Measures how soon a frame shows an exit, and what a frame costs. Written to the log
//! (`PODSCOPE_LOG=podscope::frames=debug`), where the bench reads it.

use std::collections::VecDeque;

use crate::model::{MonoNs, ProcId, World, names};

/// The number of frames whose beginning is kept.
const MAX_FRAMES: usize = 64;

#[derive(Debug, Default)]
pub struct Frames {
    begun: VecDeque<MonoNs>,
    /// Processes that were sent KILL and whose exit has not been shown yet.
    dying: Vec<ProcId>,
    has_logged_first: bool,
}

impl Frames {
    pub fn begin(&mut self, now: MonoNs) {
        self.begun.push_back(now);
        if self.begun.len() > MAX_FRAMES {
            self.begun.pop_front();
        }
    }

    /// The seconds that the last frame took: logic, views, tessellation and drawing.
    pub fn note_cost(seconds: Option<f32>) {
        if let Some(seconds) = seconds {
            tracing::debug!(target: "podscope::frames", cost_us = (seconds * 1e6) as u64, "frame");
        }
    }

    /// Call this for a process that was sent KILL.
    pub fn expect_exit(&mut self, of: ProcId) {
        self.dying.push(of);
    }

    /// Call this at the end of a frame that has shown `world`.
    pub fn end(&mut self, world: &World, now: MonoNs) {
        if !self.has_logged_first {
            self.has_logged_first = true;
            tracing::debug!(target: "podscope::frames", "first frame");
        }
        self.dying.retain(|id| {
            let Some(p) = world.process(*id) else { return false };
            let Some(exit) = p.exit else { return true };
            let frames = self.begun.iter().filter(|t| **t > exit.at.t).count();
            let us = now.since(exit.at.t) / 1_000;
            let name = names::short_name(p);
            tracing::debug!(target: "podscope::frames", frames, us, "end shown of {name}");
            false
        });
    }
}
