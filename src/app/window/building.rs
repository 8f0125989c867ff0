//! Pods that are built step by step in the window: steps under way, and what each has changed.

use std::collections::BTreeMap;

use super::{Dialog, Window, now};
use crate::app::script::Player;
use crate::command::Outcome;
use crate::lab::PodSpec;
use crate::model::PodUid;
use crate::script::Engine;
use crate::steps::{Pending, Report, Step, Template};
use crate::store::Cursor;
use crate::ui::build::{JoinDialog, SandboxDialog};

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

    pub(super) fn ask_sandbox(&mut self) {
        let taken = |name: &str| self.store.live().pod_named(name).is_some();
        self.dialog = Some(Dialog::Sandbox(SandboxDialog::new(Template::free_name("web", taken))));
    }

    pub(super) fn ask_join(&mut self, pod: PodUid, template: Template) {
        let known = self.session.as_ref().and_then(|session| session.spec(&pod));
        // one that was started elsewhere is asked about when the container joins
        let named = || PodSpec::sandbox(&self.store.live().pod(&pod)?.name).ok();
        if let Some(spec) = known.or_else(named) {
            self.dialog = Some(Dialog::Join(Box::new(JoinDialog::new(pod, spec, template))));
        }
    }

    /// A preset that its script builds: it is played here, as a user would do it.
    pub(super) fn play_preset(&mut self, name: &str) -> Outcome {
        if self.player.is_some() {
            return Outcome::Failed(format!("{name} is built by a script, and another script is being played"));
        }
        let script = crate::presets::find(name).ok_or_else(|| format!("no preset is named {name}"));
        match script.and_then(|preset| preset.script().map_err(|e| e.to_string())) {
            Ok(script) => {
                self.player = Some(Player::new(Engine::new(script), None, false));
                Outcome::Done
            }
            Err(why) => Outcome::Failed(why),
        }
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
