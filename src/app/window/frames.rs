//! How soon a frame shows what the kernel did. Written to the log (`PODSCOPE_LOG=podscope::frames=debug`),
//! where the bench reads it.

use std::collections::VecDeque;

use crate::model::{MonoNs, ProcId, World, forecast};

/// Beginnings of frames that are remembered.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub struct Frames {
    begun: VecDeque<MonoNs>,
    /// Who was sent a deadly signal and has not been shown dead yet.
    awaited: Vec<ProcId>,
    first_told: bool,
}

impl Frames {
    pub fn begin(&mut self, now: MonoNs) {
        self.begun.push_back(now);
        if self.begun.len() > REMEMBERED {
            self.begun.pop_front();
        }
    }

    pub fn await_end(&mut self, of: ProcId) {
        self.awaited.push(of);
    }

    /// `world` is what this frame has shown.
    pub fn end(&mut self, world: &World, now: MonoNs) {
        if !self.first_told {
            self.first_told = true;
            tracing::debug!(target: "podscope::frames", "first frame");
        }
        self.awaited.retain(|id| {
            let Some(p) = world.process(*id) else { return false };
            let Some(exit) = p.exit else { return true };
            let frames = self.begun.iter().filter(|t| **t > exit.at.t).count();
            let us = now.since(exit.at.t) / 1_000;
            let name = forecast::short_name(p);
            tracing::debug!(target: "podscope::frames", frames, us, "end shown of {name}");
            false
        });
    }
}
