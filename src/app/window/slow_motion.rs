//! Slow motion: the burst that is offered, and the one that is played.

use super::Window;
use crate::layout::side_panels::SidePanel;
use crate::layout::timeline::Viewport;
use crate::model::MonoNs;
use crate::model::burst::Burst;
use crate::observe::now;
use crate::ui::Selection;
use crate::ui::slow_motion::{SlowMotion, SlowMotionAction};

/// How long a burst is offered.
const OFFER_NS: u64 = 60_000_000_000;

#[derive(Debug, Default)]
pub(super) struct SlowMotions {
    /// The burst that came last, and when.
    offered: Option<(Burst, MonoNs)>,
    playing: Option<SlowMotion>,
    /// What to return to: the span of the timeline and the selection.
    before: Option<(Viewport, Selection)>,
}

impl SlowMotions {
    /// The burst to offer at this time.
    pub fn offered(&self, now: MonoNs) -> Option<&Burst> {
        let (burst, at) = self.offered.as_ref()?;
        (self.playing.is_none() && now.since(*at) < OFFER_NS).then_some(burst)
    }

    pub const fn playing(&self) -> Option<&SlowMotion> {
        self.playing.as_ref()
    }
}

impl Window {
    pub(super) fn offer_slow_motion(&mut self, burst: Burst) {
        // not while the user follows another one
        if self.slow_motions.playing.is_none() {
            let plays = self.settings.plays_slowly && self.shown.is_live() && burst.is_by_user();
            self.slow_motions.offered = Some((burst, now()));
            if plays {
                self.act_in_slow_motion(SlowMotionAction::Play);
            }
        }
    }

    /// Shows the next step if it is due.
    pub(super) fn tick_slow_motion(&mut self) {
        if self.slow_motions.playing.as_mut().is_some_and(|slow| slow.tick(now())) {
            self.show_slow_step();
        }
    }

    pub(super) fn act_in_slow_motion(&mut self, action: SlowMotionAction) {
        if action == SlowMotionAction::ToggleByItself {
            self.settings.plays_slowly = !self.settings.plays_slowly;
            return;
        }
        if action == SlowMotionAction::Play {
            let Some((burst, _)) = self.slow_motions.offered.take() else { return };
            let view = &mut self.views.timeline.view;
            self.slow_motions.before = Some((*view, self.selection.clone()));
            self.selection.pod = Some(burst.pod.clone());
            view.show_range(burst.start(), burst.start().plus(burst.length()));
            self.slow_motions.playing = Some(SlowMotion::new(burst, now()));
            // the steps are in place of the inspector
            self.drawers.show(SidePanel::Inspector);
            return self.show_slow_step();
        }
        let Some(slow) = &mut self.slow_motions.playing else { return };
        match action {
            SlowMotionAction::Toggle => slow.toggle(now()),
            SlowMotionAction::Step(steps) => slow.move_by(steps),
            SlowMotionAction::GoTo(step) => slow.go_to(step),
            SlowMotionAction::NextSpeed => slow.next_speed(now()),
            SlowMotionAction::Play | SlowMotionAction::ToggleByItself => {}
        }
        self.show_slow_step();
    }

    /// The user goes to another moment, or back to live. The burst can be played again.
    pub(super) fn end_slow_motion(&mut self) {
        let Some(slow) = self.slow_motions.playing.take() else { return };
        self.slow_motions.offered = Some((slow.burst().clone(), now()));
        if let Some((viewport, selection)) = self.slow_motions.before.take() {
            self.views.timeline.view = viewport;
            self.selection = selection;
        }
    }

    fn show_slow_step(&mut self) {
        if let Some(slow) = &self.slow_motions.playing {
            self.shown.show_step(slow.at(), slow.world(), slow.step(), &self.engine);
            // the views mark the process that the step is about
            (self.selection.process, self.selection.namespace) = (slow.process(), None);
        }
    }
}
