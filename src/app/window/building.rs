//! Pods that are built step by step in the window: steps under way, and what each has changed.

use std::collections::BTreeMap;

use super::{Window, now};
use crate::command::Outcome;
use crate::model::PodUid;
use crate::steps::{Pending, Report, Step};
use crate::store::Cursor;

/// Steps that are kept of a pod.
const KEPT: usize = 64;

/// What was built.
#[derive(Debug, Default)]
pub(super) struct Building {
    /// With whether a script waits for it.
    pending: Vec<(Pending, bool)>,
    reports: BTreeMap<PodUid, Vec<Report>>,
}

impl Building {
    /// The steps of a pod, the first one first.
    pub fn reports(&self, pod: &PodUid) -> &[Report] {
        self.reports.get(pod).map_or(&[], Vec::as_slice)
    }

    /// Those that are to be seen by now, and how they went.
    fn settled(&mut self, world: &crate::model::World) -> Vec<(Result<Report, String>, bool)> {
        let mut settled = Vec::new();
        self.pending.retain(|(pending, scripted)| match pending.look(world, now()) {
            None => true,
            Some(how) => {
                settled.push((how, *scripted));
                false
            }
        });
        self.reports.retain(|uid, _| world.pod(uid).is_some());
        for report in settled.iter().filter_map(|(how, _)| how.as_ref().ok()) {
            let reports = self.reports.entry(report.pod.clone()).or_default();
            reports.push(report.clone());
            let excess = reports.len().saturating_sub(KEPT);
            reports.drain(..excess);
        }
        settled
    }
}

impl Window {
    pub(super) fn build(&mut self, step: Step, scripted: bool) {
        let world = self.store.live().clone();
        self.errand(scripted, |session| session.build(step, world, scripted));
    }

    /// The lab has taken a step; what it changes comes with the World.
    pub(super) fn step_taken(&mut self, pending: Pending, scripted: bool) {
        self.building.pending.push((pending, scripted));
    }

    /// Looks for what the steps under way have changed.
    pub(super) fn settle_steps(&mut self) {
        if self.building.pending.is_empty() && self.building.reports.is_empty() {
            return;
        }
        for (how, scripted) in self.building.settled(self.store.live()) {
            let outcome = match how {
                Ok(report) => {
                    // who builds a pod wants to see it
                    self.cursor = Cursor::Live;
                    if self.selection.pod.as_ref() != Some(&report.pod) {
                        self.selection = crate::app::Selection { pod: Some(report.pod.clone()), ..Default::default() };
                    }
                    Outcome::Output(report.text())
                }
                Err(why) => Outcome::Failed(why),
            };
            self.ended(outcome, scripted);
        }
    }
}
