//! Pods that are built step by step in the window: the pending steps, and what each step has changed.

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

/// The number of steps that are kept per pod.
const MAX_STEPS: usize = 64;

/// The pending steps, and the reports of the completed ones.
#[derive(Debug, Default)]
pub(super) struct Building {
    /// Each with whether a script waits for it.
    pending: Vec<(Pending, bool)>,
    reports: BTreeMap<PodUid, Vec<Report>>,
}

impl Building {
    /// The completed steps of a pod, the oldest first.
    pub fn reports(&self, pod: &PodUid) -> &[Report] {
        self.reports.get(pod).map_or(&[], Vec::as_slice)
    }

    /// Removes and returns the steps whose result is known now, each with whether a script waits for it.
    fn take_completed(&mut self, world: &crate::model::World) -> Vec<(Result<Report, String>, bool)> {
        let mut completed = Vec::new();
        self.pending.retain(|(pending, scripted)| match pending.poll(world, now()) {
            None => true,
            Some(result) => {
                completed.push((result, *scripted));
                false
            }
        });
        self.reports.retain(|uid, _| world.pod(uid).is_some());
        for report in completed.iter().filter_map(|(result, _)| result.as_ref().ok()) {
            let reports = self.reports.entry(report.pod.clone()).or_default();
            reports.push(report.clone());
            let excess = reports.len().saturating_sub(MAX_STEPS);
            reports.drain(..excess);
        }
        completed
    }
}

impl Window {
    pub(super) fn build(&mut self, step: Step, scripted: bool) {
        let world = self.store.live().clone();
        self.with_session(scripted, |session| session.build(step, world, scripted));
    }

    pub(super) fn ask_sandbox(&mut self) {
        let taken = |name: &str| self.store.live().pod_named(name).is_some();
        self.dialog = Some(Dialog::Sandbox(SandboxDialog::new(Template::free_name("web", taken))));
    }

    pub(super) fn ask_join(&mut self, pod: PodUid, template: Template) {
        let known = self.session.as_ref().and_then(|session| session.spec(&pod));
        // the spec of a pod that was started elsewhere is read when the container joins
        let by_name = || PodSpec::sandbox(&self.store.live().pod(&pod)?.name).ok();
        if let Some(spec) = known.or_else(by_name) {
            self.dialog = Some(Dialog::Join(Box::new(JoinDialog::new(pod, spec, template))));
        }
    }

    /// Starts a preset that is built by its script: plays the script in the window.
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

    /// The lab has accepted a step. Its changes appear in the World later.
    pub(super) fn step_accepted(&mut self, pending: Pending, scripted: bool) {
        self.building.pending.push((pending, scripted));
    }

    /// Reports the pending steps whose changes have appeared in the World.
    pub(super) fn finish_steps(&mut self) {
        if self.building.pending.is_empty() && self.building.reports.is_empty() {
            return;
        }
        for (result, scripted) in self.building.take_completed(self.store.live()) {
            let outcome = match result {
                Ok(report) => {
                    // show the pod that is being built
                    self.cursor = Cursor::Live;
                    if self.selection.pod.as_ref() != Some(&report.pod) {
                        self.selection = crate::ui::Selection { pod: Some(report.pod.clone()), ..Default::default() };
                    }
                    Outcome::Output(report.text())
                }
                Err(why) => Outcome::Failed(why),
            };
            self.command_ended(outcome, scripted);
        }
    }
}
