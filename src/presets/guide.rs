//! The steps of a preset, to be played one by one beside the pods that they are about: what each does, what to watch,
//! and how far they have been played.

use std::collections::BTreeMap;

use super::Preset;
use super::stages::{Stage, stages};
use crate::command::Outcome;
use crate::model::PodUid;
use crate::script::{Script, ScriptPod};

/// How many characters of an output are kept.
const MAX_OUTPUT: usize = 400;

/// A pod that a guide is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuidePod {
    pub pod: ScriptPod,
    /// `None` until its script has created it.
    pub uid: Option<PodUid>,
}

/// How far a guide has been played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was played yet.
    New,
    /// This step is being played.
    Playing(usize),
    /// This step comes next.
    Paused(usize),
    Done,
    /// A step has failed, with the reason.
    Failed(usize, String),
}

/// How a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageState {
    Coming,
    /// It is played when the user wants the next step.
    Next,
    Playing,
    Done,
    Failed,
}

/// The steps of a preset for the pods that were started from it.
#[derive(Clone, Debug)]
pub struct Guide {
    /// Distinguishes guides of one window.
    pub id: u64,
    pub preset: &'static Preset,
    pub pods: Vec<GuidePod>,
    /// Someone has changed the manifest, so the script may not hold.
    pub is_edited: bool,
    script: Script,
    stages: Vec<Stage>,
    progress: Progress,
    /// What steps have written, by step.
    outputs: BTreeMap<usize, String>,
}

impl Guide {
    /// The steps of a preset for these pods. `None` if its script cannot be read, which a test excludes.
    pub fn new(id: u64, preset: &'static Preset, pods: Vec<GuidePod>, is_edited: bool) -> Option<Self> {
        let named: Vec<ScriptPod> = pods.iter().map(|pod| pod.pod.clone()).collect();
        let script = preset.script().ok()?.for_pods(&named);
        let stages = stages(preset.steps, &script);
        Some(Self { id, preset, pods, is_edited, script, stages, progress: Progress::New, outputs: BTreeMap::new() })
    }

    /// The script for these pods.
    pub const fn script(&self) -> &Script {
        &self.script
    }

    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    pub fn output(&self, step: usize) -> Option<&str> {
        self.outputs.get(&step).map(String::as_str)
    }

    pub fn is_about(&self, pod: &PodUid) -> bool {
        self.pods.iter().any(|of| of.uid.as_ref() == Some(pod))
    }

    pub const fn is_playing(&self) -> bool {
        matches!(self.progress, Progress::Playing(_))
    }

    /// Whether it was begun and is not over.
    pub const fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Playing(_) | Progress::Paused(_))
    }

    fn stage_at(&self, step: usize) -> usize {
        self.stages.iter().position(|stage| stage.steps.contains(&step)).unwrap_or(self.stages.len())
    }

    /// The stage that is played next; `None` at the end.
    pub fn next_stage(&self) -> Option<usize> {
        let stage = match &self.progress {
            Progress::New => 0,
            Progress::Paused(step) => self.stage_at(*step),
            Progress::Playing(_) | Progress::Done | Progress::Failed(..) => return None,
        };
        (stage < self.stages.len()).then_some(stage)
    }

    pub fn stage_state(&self, stage: usize) -> StageState {
        let order = |now: usize, there: StageState| match stage.cmp(&now) {
            std::cmp::Ordering::Less => StageState::Done,
            std::cmp::Ordering::Equal => there,
            std::cmp::Ordering::Greater => StageState::Coming,
        };
        match &self.progress {
            Progress::New => order(0, StageState::Next),
            Progress::Playing(step) => order(self.stage_at(*step), StageState::Playing),
            Progress::Paused(step) => order(self.stage_at(*step), StageState::Next),
            Progress::Failed(step, _) => order(self.stage_at(*step), StageState::Failed),
            Progress::Done => StageState::Done,
        }
    }

    /// Begins or goes on. `next`: plays the next stage alone. Returns the step to pause before; `None` at the end of the
    /// script. After the end it begins again.
    pub fn play(&mut self, next: bool) -> Option<usize> {
        let stage = self.next_stage();
        let from = match &self.progress {
            Progress::Paused(step) | Progress::Playing(step) => *step,
            Progress::New | Progress::Done | Progress::Failed(..) => {
                self.outputs.clear();
                0
            }
        };
        self.progress = Progress::Playing(from);
        if !next {
            return None;
        }
        let end = self.stages.get(stage.unwrap_or(0))?.steps.end;
        (end < self.script.steps.len()).then_some(end)
    }

    /// So many steps were begun, the last of which is being played.
    pub fn note_begun(&mut self, steps: usize) {
        if self.is_playing() {
            self.progress = Progress::Playing(steps.saturating_sub(1));
        }
    }

    /// The step that is being played has ended.
    pub fn note_outcome(&mut self, outcome: &Outcome) {
        let Progress::Playing(step) = self.progress else { return };
        let output = match outcome {
            Outcome::Exec { output, .. } | Outcome::Output(output) | Outcome::Failed(output) => output.trim_end(),
            Outcome::Done => "",
        };
        if !output.is_empty() {
            let shortened = output
                .char_indices()
                .nth(MAX_OUTPUT)
                .map_or(output.to_owned(), |(end, _)| format!("{}…", &output[..end]));
            self.outputs.insert(step, shortened);
        }
    }

    /// It waits before this step.
    pub fn note_paused(&mut self, step: usize) {
        self.progress = Progress::Paused(step);
    }

    /// It has ended. `Err`: line of the script, and why.
    pub fn note_ended(&mut self, result: Result<(), (usize, String)>) {
        self.progress = match result {
            Ok(()) => Progress::Done,
            Err((line, why)) => {
                let last = match self.progress {
                    Progress::Playing(step) | Progress::Paused(step) => step,
                    _ => 0,
                };
                // steps for several pods have one line
                let is_last = self.script.steps.get(last).is_some_and(|step| step.line == line);
                let at = self.script.steps.iter().position(|step| step.line == line).unwrap_or(last);
                Progress::Failed(if is_last { last } else { at }, why)
            }
        };
    }

    /// The user has stopped it.
    pub fn note_stopped(&mut self) {
        self.progress = Progress::New;
    }
}

#[cfg(test)]
mod tests {
    use super::{Guide, GuidePod, Progress, StageState};
    use crate::command::Outcome;
    use crate::model::PodUid;
    use crate::presets::stages::Watch;
    use crate::presets::{ALL, find};
    use crate::script::ScriptPod;

    fn guide(name: &str) -> Guide {
        let preset = find(name).expect("a preset");
        let pods = preset.drawn_pods().into_iter().map(|spec| {
            let containers = spec.all_containers().map(|c| c.name.clone()).collect();
            let pod = ScriptPod { named: spec.name.clone(), now: spec.name.clone(), containers };
            GuidePod { pod, uid: Some(PodUid(spec.name)) }
        });
        Guide::new(1, preset, pods.collect(), false).expect("a guide")
    }

    #[test]
    fn the_stages_of_every_preset_have_all_its_steps_in_order() {
        for preset in &ALL {
            let guide = guide(preset.name);
            let mut next = 0;
            for stage in guide.stages() {
                assert_eq!(stage.steps.start, next, "{}", preset.name);
                assert!(!stage.steps.is_empty() && !stage.about.is_empty(), "{}: {stage:?}", preset.name);
                next = stage.steps.end;
            }
            assert_eq!(next, guide.script().steps.len(), "{}", preset.name);
            assert!(guide.stages().iter().any(|stage| !stage.watch.is_empty()), "{}: nothing to watch", preset.name);
        }
    }

    #[test]
    fn a_stage_is_a_change_with_its_checks_and_says_what_to_watch() {
        let guide = guide("held-zombies");
        let about: Vec<&str> = guide.stages().iter().map(|stage| stage.about.as_str()).collect();
        assert_eq!(
            about,
            [
                "All containers of held-zombies run or have succeeded",
                "KILL has no effect on them: they are dead already",
                "Their parent can be killed: then pause adopts the zombies and reaps them",
            ]
        );
        assert_eq!(guide.stages()[0].watch, [Watch::Zombies, Watch::PodMap]);
    }

    #[test]
    fn the_next_step_plays_one_stage_and_play_all_the_rest() {
        let mut guide = guide("held-zombies");
        assert_eq!(guide.next_stage(), Some(0));
        let until = guide.play(true).expect("there are more stages");
        assert_eq!(until, guide.stages()[0].steps.end);
        assert_eq!(guide.stage_state(0), StageState::Playing);
        assert_eq!(guide.next_stage(), None, "while it plays");
        guide.note_begun(until);
        guide.note_paused(until);
        assert_eq!((guide.stage_state(0), guide.stage_state(1)), (StageState::Done, StageState::Next));
        assert_eq!(guide.next_stage(), Some(1));
        guide.play(true);
        guide.note_outcome(&Outcome::Exec { code: 0, output: "seen\n".to_owned() });
        assert_eq!(guide.output(until), Some("seen"));
        assert_eq!(guide.play(false), None, "to the end");
        guide.note_ended(Ok(()));
        assert!((0..3).all(|stage| guide.stage_state(stage) == StageState::Done));
        assert_eq!(guide.play(true), Some(guide.stages()[0].steps.end), "again from the beginning");
        assert_eq!(guide.output(until), None);
    }

    #[test]
    fn a_failure_is_at_the_step_that_failed() {
        let mut guide = guide("held-zombies");
        guide.play(false);
        guide.note_begun(2);
        let line = guide.script().steps[1].line;
        guide.note_ended(Err((line, "it did not hold".to_owned())));
        assert_eq!(guide.progress(), &Progress::Failed(1, "it did not hold".to_owned()));
        assert_eq!(guide.stage_state(0), StageState::Failed);
        assert_eq!(guide.stage_state(1), StageState::Coming);
        guide.note_stopped();
        assert_eq!(guide.progress(), &Progress::New);
    }
}
