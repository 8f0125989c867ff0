//! The steps of presets: which pods they are about, and how far the engine has played them.

use eframe::egui;

use super::Window;
use crate::command::{Command, Outcome, PodSource};
use crate::engine::{PresetPod, Request, ScriptFailure, StartedPod};
use crate::model::PodUid;
use crate::presets::guide::{Guide, GuidePod};
use crate::presets::{self, Preset};
use crate::script::ScriptPod;
use crate::steps::Template;
use crate::ui::guide::GuideAction;

/// How many guides are kept.
const MAX_GUIDES: usize = 32;
/// How many requests later one that is still incomplete is forgotten.
const MAX_STARTING: u64 = 32;

/// The pods of a preset that have been started so far.
#[derive(Debug)]
struct Starting {
    /// The number of the request.
    start: u64,
    preset: &'static Preset,
    pods: Vec<GuidePod>,
    is_changed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Guides {
    all: Vec<Guide>,
    next_id: u64,
    starting: Vec<Starting>,
    /// The guide that the engine plays, or has paused.
    current: Option<u64>,
    /// How many steps of it have begun.
    begun: usize,
    /// The preset whose steps are played once its pods have started.
    plays: Option<&'static str>,
    /// All steps are shown on the right.
    pub is_list_shown: bool,
}

impl Guides {
    /// The guide that is being played, or else the newest one that is about the selected pod.
    pub fn shown(&self, pod: Option<&PodUid>) -> Option<&Guide> {
        let current = self.current.and_then(|id| self.all.iter().find(|guide| guide.id == id));
        let of_pod = || self.all.iter().rev().find(|guide| pod.is_some_and(|pod| guide.is_about(pod)));
        current.filter(|guide| guide.is_playing()).or_else(of_pod).or(current)
    }

    fn find(&mut self, id: u64) -> Option<&mut Guide> {
        self.all.iter_mut().find(|guide| guide.id == id)
    }

    fn current(&mut self) -> Option<&mut Guide> {
        let id = self.current?;
        self.find(id)
    }

    fn add(&mut self, preset: &'static Preset, pods: Vec<GuidePod>, is_changed: bool) -> Option<u64> {
        self.next_id += 1;
        let id = self.next_id;
        self.all.push(Guide::new(id, preset, pods, is_changed)?);
        if self.all.len() > MAX_GUIDES {
            let current = self.current;
            if let Some(oldest) = self.all.iter().position(|guide| Some(guide.id) != current) {
                self.all.remove(oldest);
            }
        }
        Some(id)
    }

    /// A pod was started. Returns the guide that is complete with it.
    fn pod_started(&mut self, uid: &PodUid, from: &StartedPod, start: u64) -> Option<u64> {
        // a pod that the script of a guide has made
        if let Some(guide) = self.current()
            && let Some(pod) = guide.pods.iter_mut().find(|pod| pod.uid.is_none() && pod.pod.now == from.spec.name)
        {
            pod.uid = Some(uid.clone());
        }
        let PresetPod { preset, nth, is_changed } = from.preset.as_ref()?;
        let preset = presets::find(preset)?;
        let names: Vec<String> = preset.drawn_pods().into_iter().map(|spec| spec.name).collect();
        let containers = from.spec.all_containers().map(|c| c.name.clone()).collect();
        let pod = ScriptPod { named: names.get(*nth)?.clone(), now: from.spec.name.clone(), containers };
        if !self.starting.iter().any(|starting| starting.start == start) {
            self.starting.push(Starting { start, preset, pods: Vec::new(), is_changed: *is_changed });
        }
        let at = self.starting.iter().position(|starting| starting.start == start)?;
        self.starting[at].pods.push(GuidePod { pod, uid: Some(uid.clone()) });
        if self.starting[at].pods.len() < names.len() {
            return None;
        }
        let Starting { preset, pods, is_changed, .. } = self.starting.remove(at);
        // requests that have failed leave pods behind
        self.starting.retain(|other| other.start + MAX_STARTING > start);
        self.add(preset, pods, is_changed)
    }
}

impl Window {
    /// A pod was started: if it is the last one of a preset, the preset's steps can be played.
    pub(super) fn guide_pod(&mut self, uid: &PodUid, from: &StartedPod, start: u64) {
        let Some(id) = self.guides.pod_started(uid, from, start) else { return };
        let preset = from.preset.as_ref().map(|pod| pod.preset.as_str());
        if preset.is_some() && self.guides.plays.take_if(|plays| Some(*plays) == preset).is_some() {
            self.play_guide(id, false);
        }
    }

    pub(super) fn act_on_guide(&mut self, action: GuideAction) {
        match action {
            GuideAction::Start { preset, source, plays } => self.start_preset(preset, source, plays),
            GuideAction::Play { id, next } => self.play_guide(id, next),
            GuideAction::Stop => self.engine.send(Request::StopGuide),
            GuideAction::ShowSteps(shown) => self.guides.is_list_shown = shown,
            GuideAction::Dismiss(id) => {
                if self.guides.current == Some(id) {
                    self.guides.current = None;
                    self.engine.send(Request::StopGuide);
                }
                self.guides.all.retain(|guide| guide.id != id);
                self.guides.is_list_shown = false;
            }
        }
    }

    fn start_preset(&mut self, name: &'static str, source: PodSource, plays: bool) {
        let Some(preset) = presets::find(name) else { return };
        if preset.yaml.is_some() {
            self.guides.plays = plays.then_some(preset.name);
            return self.engine.send(Request::Execute(Command::Create(source)));
        }
        // its script makes the pods
        let live = self.shown.live();
        let pods = preset.drawn_pods().into_iter().map(|spec| {
            let now = Template::free_name(&spec.name, |name| live.pod_named(name).is_some());
            let containers = spec.all_containers().map(|c| c.name.clone()).collect();
            GuidePod { pod: ScriptPod { named: spec.name, now, containers }, uid: None }
        });
        let pods = pods.collect();
        if let Some(id) = self.guides.add(preset, pods, false) {
            self.play_guide(id, !plays);
        }
    }

    /// Plays the next step of a guide, or all that are left.
    fn play_guide(&mut self, id: u64, next: bool) {
        let is_current = self.guides.current == Some(id);
        if let Some(other) = self.guides.current().filter(|_| !is_current) {
            if other.is_playing() {
                let name = other.preset.name;
                return self.notify_failed(format!("The steps of {name} are being played; stop them first"));
            }
            // the engine replaces a script that is paused
            other.note_stopped();
        }
        let Some(guide) = self.guides.find(id) else { return };
        let continues = is_current && guide.is_open();
        let until = guide.play(next);
        let request = if continues {
            Request::ContinueGuide { until }
        } else {
            Request::PlayGuide { script: Box::new(guide.script().clone()), until }
        };
        if !continues {
            self.guides.begun = 0;
        }
        self.guides.current = Some(id);
        self.end_slow_motion();
        self.shown.show_live(&self.engine);
        self.engine.send(request);
    }

    pub(super) fn guide_step(&mut self) {
        self.guides.begun += 1;
        let begun = self.guides.begun;
        if let Some(guide) = self.guides.current() {
            guide.note_begun(begun);
        }
    }

    pub(super) fn guide_output(&mut self, outcome: &Outcome) {
        if let Some(guide) = self.guides.current() {
            guide.note_outcome(outcome);
        }
    }

    pub(super) fn guide_paused(&mut self, step: usize) {
        if let Some(guide) = self.guides.current() {
            guide.note_paused(step);
        }
    }

    pub(super) fn guide_stopped(&mut self) {
        if let Some(guide) = self.guides.current() {
            guide.note_stopped();
        }
        self.guides.current = None;
    }

    /// A script has ended: that of a guide, of the command line, or of a preset that was named there.
    pub(super) fn script_ended(&mut self, ctx: &egui::Context, result: Result<(), ScriptFailure>, was_requested: bool) {
        if !was_requested && self.guide_ended(&result) {
            return;
        }
        match result {
            Ok(()) => self.notify("The script has ended; all its expectations were met.".into()),
            Err(failure) => {
                self.notify_failed(failure.to_string());
                if let Ok(mut slot) = self.failure.lock() {
                    *slot = Some(failure);
                }
            }
        }
        if was_requested && self.exit_after_script {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// A script has ended. Returns whether it is that of a guide.
    fn guide_ended(&mut self, result: &Result<(), ScriptFailure>) -> bool {
        let Some(guide) = self.guides.current() else { return false };
        let name = guide.preset.name;
        guide.note_ended(result.clone().map_err(|failure| (failure.line, failure.why)));
        self.guides.current = None;
        match result {
            Ok(()) => self.notify(format!("All steps of {name} were played, and all that they claim was true.")),
            Err(failure) => self.notify_failed(format!("A step of {name} failed: {}", failure.why)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pane;
    use super::Guides;
    use crate::engine::{PresetPod, StartedPod};
    use crate::lab::PodSpec;
    use crate::model::PodUid;
    use crate::presets::stages::Watch;

    fn started(preset: &str, nth: usize, name: &str) -> StartedPod {
        StartedPod {
            path: format!("{preset}.yaml").into(),
            follows_file: false,
            spec: Box::new(PodSpec::sandbox(name).expect("a name")),
            preset: Some(PresetPod { preset: preset.to_owned(), nth, is_changed: false }),
        }
    }

    #[test]
    fn a_guide_is_complete_when_all_pods_of_one_request_have_started() {
        let mut guides = Guides::default();
        let uid = |n: u32| PodUid(format!("{n}"));
        assert_eq!(guides.pod_started(&uid(1), &started("deaf", 0, "deaf"), 1), None);
        assert_eq!(guides.pod_started(&uid(3), &started("deaf", 0, "deaf-2"), 2), None, "another request");
        assert_eq!(guides.pod_started(&uid(2), &started("deaf", 1, "polite"), 1), Some(1));
        assert_eq!(guides.pod_started(&uid(4), &started("deaf", 1, "polite-2"), 2), Some(2));
        let of = |pod: &PodUid| guides.shown(Some(pod)).map(|guide| guide.id);
        assert_eq!([of(&uid(1)), of(&uid(2)), of(&uid(3)), of(&uid(4))], [Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(of(&uid(9)), None);
        let second = guides.shown(Some(&uid(4))).expect("a guide");
        let text = format!("{:?}", second.script().steps);
        let is_about =
            |name: &str| text.contains(&format!("pod: Some(\"{name}\")")) || text.contains(&format!("pod: \"{name}\""));
        assert!(is_about("polite-2") && !is_about("polite"), "its script is about its own pods");
    }

    #[test]
    fn every_view_that_a_step_names_is_there() {
        let titles = Pane::ALL.map(Pane::title);
        assert!(Watch::ALL.iter().all(|watch| titles.contains(&watch.title())), "{titles:?}");
    }

    #[test]
    fn only_so_many_guides_are_kept() {
        let mut guides = Guides::default();
        for n in 0..40 {
            let pod = started("held-zombies", 0, &format!("p-{n}"));
            guides.pod_started(&PodUid(n.to_string()), &pod, n);
        }
        assert_eq!(guides.all.len(), super::MAX_GUIDES);
        assert!(guides.shown(Some(&PodUid("39".to_owned()))).is_some());
    }
}
