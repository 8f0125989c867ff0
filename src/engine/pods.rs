//! The pods that were started from manifests: how they start, follow their manifest, and start again.

use std::path::PathBuf;
use std::sync::Arc;

use super::Event;
use super::event::PodReplaced;
use super::manifests::{self, Update};
use super::names::renamed;
use super::request::Origin;
use super::worker::{JobResult, Worker};
use crate::command::{ManifestText, Outcome, PodSource, TextOrigin};
use crate::lab::spec::{PodSpec, Warning};
use crate::lab::{Lab, ManifestFiles, parse_with_files};
use crate::model::{PodUid, World};
use crate::presets::{self, Preset};
use crate::script::Requested;

/// A pod of a manifest that was read.
#[derive(Clone, Debug)]
pub struct ReadPod {
    pub from: StartedPod,
    /// The parts of the manifest that have no effect.
    pub warnings: Vec<Warning>,
}

/// What a pod is started from.
#[derive(Clone, Debug)]
pub struct StartedPod {
    pub path: PathBuf,
    /// Whether the pod follows changes of the file. A preset has no file.
    pub follows_file: bool,
    pub spec: Box<PodSpec>,
    /// The preset that it is a pod of.
    pub preset: Option<PresetPod>,
}

/// A pod of a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetPod {
    /// The name of the preset.
    pub preset: String,
    /// Which of the preset's pods it is, counted from 0 in the order of the manifest.
    pub nth: usize,
    /// The user has changed the manifest.
    pub is_changed: bool,
}

impl ReadPod {
    /// The pods of one manifest.
    pub fn all(path: &std::path::Path, follows_file: bool, pods: Vec<(PodSpec, Vec<Warning>)>) -> Vec<Self> {
        let read = |(spec, warnings)| Self {
            from: StartedPod { path: path.to_owned(), follows_file, spec: Box::new(spec), preset: None },
            warnings,
        };
        pods.into_iter().map(read).collect()
    }

    /// The pods of a preset.
    fn all_of_preset(name: &str, is_changed: bool, pods: Vec<(PodSpec, Vec<Warning>)>) -> Vec<Self> {
        let mut all = Self::all(&PathBuf::from(format!("{name}.yaml")), false, pods);
        for (nth, pod) in all.iter_mut().enumerate() {
            pod.from.preset = Some(PresetPod { preset: name.to_owned(), nth, is_changed });
        }
        all
    }
}

impl Worker {
    /// Starts the pods of a file, a preset or a text. A preset without a manifest is built by its script.
    pub(super) fn create(&mut self, source: PodSource, origin: Origin) -> Option<Outcome> {
        let preset = match &source {
            PodSource::Preset(name) => presets::find(name),
            PodSource::File(_) | PodSource::Text(_) => None,
        };
        match preset {
            Some(preset) if preset.yaml.is_none() => Some(self.play_preset(preset.name)),
            // its names are chosen here, since the World and what is being started may have them
            Some(preset) => {
                let names = self.names.choose(self.starts + 1, preset, self.store.live());
                self.start_in_background(origin, true, move || read_preset(preset, &names))
            }
            None => self.start_in_background(origin, true, move || read(&source)),
        }
    }

    /// The number of a new request to start pods.
    pub(super) const fn next_start(&mut self) -> u64 {
        self.starts += 1;
        self.starts
    }

    /// Starts pods that were read before. `awaited`: `wait ready` of a script waits for them.
    pub(super) fn start(&mut self, pods: Vec<ReadPod>, awaited: bool) {
        if let Some(outcome) = self.start_in_background(Origin::User, awaited, move || Ok(pods)) {
            self.finish(outcome, Origin::User);
        }
    }

    fn start_in_background(
        &mut self,
        origin: Origin,
        awaited: bool,
        read: impl FnOnce() -> Result<Vec<ReadPod>, String> + Send + 'static,
    ) -> Option<Outcome> {
        let start = self.next_start();
        let lab = match self.lab() {
            Ok(lab) => lab,
            Err(why) => {
                self.names.started(start);
                return Some(Outcome::Failed(why));
            }
        };
        if awaited {
            self.note_requested(Requested::expect_manifest);
        }
        let jobs = self.jobs.0.clone();
        let started = self.spawn("create", move || {
            let result = read().and_then(|pods| {
                let mut first_failure = Ok(());
                for ReadPod { from, warnings } in pods {
                    match lab.run((*from.spec).clone()) {
                        Ok(pod) => drop(jobs.send(JobResult::PodStarted { pod, from, warnings, start })),
                        Err(e) => {
                            let (name, why) = (from.spec.name, e.to_string());
                            let _ = jobs.send(JobResult::StartFailed { name, why: why.clone() });
                            first_failure = first_failure.and(Err(why));
                        }
                    }
                }
                first_failure
            });
            drop(lab);
            JobResult::Created { result, awaited, origin, start }
        });
        started.err().map(|why| {
            self.names.started(start);
            if awaited {
                self.note_requested(|requested| requested.manifest_done(Err(why.clone())));
            }
            Outcome::Failed(why)
        })
    }

    /// `start`: the number of the request.
    pub(super) fn pod_started(&mut self, pod: PodUid, from: StartedPod, warnings: Vec<Warning>, start: u64) {
        self.names.add(pod.clone(), from.spec.name.clone());
        self.note_requested(|requested| requested.add_pod(pod.clone(), from.spec.name.clone()));
        Arc::make_mut(&mut self.specs).insert(pod.clone(), (*from.spec).clone());
        if from.follows_file
            && let Err(why) = self.manifests.add(&from.path, pod.clone(), (*from.spec).clone(), &self.jobs.0)
        {
            self.send(Event::WatchFailed(why));
        }
        self.started.insert(pod.clone(), from.clone());
        self.send(Event::PodStarted { pod, from, warnings, start });
    }

    pub(super) fn created(&mut self, result: Result<(), String>, awaited: bool, origin: Origin, start: u64) {
        self.names.started(start);
        if awaited {
            self.note_requested(|requested| requested.manifest_done(result.clone()));
        }
        self.finish(result.map_or_else(Outcome::Failed, |()| Outcome::Done), origin);
    }

    /// Deletes a pod. It is started again once it is gone.
    pub(super) fn recreate(&mut self, pod: PodUid, from: ReadPod) {
        self.recreating.insert(pod.clone(), from);
        if let Some(outcome) = self.delete(pod, Origin::User) {
            self.finish(outcome, Origin::User);
        }
    }

    /// Starts the pods again that were deleted in order to be re-created and are gone now.
    pub(super) fn start_recreated_pods(&mut self) {
        if self.recreating.is_empty() {
            return;
        }
        let world = self.store.live();
        let gone: Vec<PodUid> = self.recreating.keys().filter(|uid| world.pod(uid).is_none()).cloned().collect();
        for uid in gone {
            self.manifests.retain(|known| *known != uid);
            if let Some(from) = self.recreating.remove(&uid) {
                self.start(vec![from], false);
            }
        }
    }

    /// Reads a manifest again that has changed. One that is being followed is read again afterwards.
    pub(super) fn manifest_changed(&mut self, path: PathBuf) {
        if let Some(again) = self.reading.get_mut(&path) {
            *again = true;
            return;
        }
        self.reading.insert(path.clone(), false);
        let (reading, unread) = (path.clone(), path.clone());
        let job = move || JobResult::ManifestRead { result: manifests::read(&reading), path };
        if let Err(why) = self.spawn("read manifest", job) {
            self.reading.remove(&unread);
            self.send(Event::ManifestUnreadable { path: unread, why });
        }
    }

    /// A manifest was read again: what can be replaced in its pods is replaced at once.
    pub(super) fn manifest_read(&mut self, path: PathBuf, result: Result<Vec<(PodSpec, Vec<Warning>)>, String>) {
        let read = match result {
            Ok(read) => read,
            Err(why) => {
                self.send(Event::ManifestUnreadable { path: path.clone(), why });
                return self.manifest_followed(path);
            }
        };
        let world: &World = self.store.live();
        self.manifests.retain(|uid| world.pod(uid).is_some());
        let (replacements, updates): (Vec<_>, Vec<_>) = self
            .manifests
            .updates(&path, &read)
            .into_iter()
            .partition(|update| matches!(update, Update::Replace { .. }));
        let warnings = read.into_iter().flat_map(|(_, warnings)| warnings).collect();
        self.send(Event::ManifestRead { path: path.clone(), updates, warnings });
        self.replace_all(path, replacements);
    }

    /// Replaces containers, one pod after the other.
    fn replace_all(&mut self, path: PathBuf, replacements: Vec<Update>) {
        let mut asked = Vec::new();
        for update in replacements {
            let Update::Replace { pod, spec, containers } = update else { continue };
            // not replaced again when the file changes meanwhile
            if let Some(before) = self.manifests.set_spec(&pod, &spec) {
                asked.push((pod, before, spec, containers));
            }
        }
        if asked.is_empty() {
            return self.manifest_followed(path);
        }
        let (lab, jobs, file) = (self.lab(), self.jobs.0.clone(), path.clone());
        let job = move || {
            for (uid, before, pod, containers) in asked {
                let replace = |lab: &Arc<Lab>| lab.replace(&uid, (*pod).clone(), containers.clone());
                let result = match &lab {
                    Ok(lab) => replace(lab).map_err(|e| e.to_string()),
                    Err(why) => Err(why.clone()),
                };
                let replaced = PodReplaced { path: file.clone(), pod, containers, result };
                let _ = jobs.send(JobResult::Replaced { uid, replaced, before: Box::new(before) });
            }
            drop(lab);
            JobResult::ManifestFollowed(file)
        };
        if let Err(why) = self.spawn("replace", job) {
            self.send(Event::CommandFailed(why));
            self.manifest_followed(path);
        }
    }

    /// A changed manifest was followed. It may have changed again meanwhile.
    pub(super) fn manifest_followed(&mut self, path: PathBuf) {
        if self.reading.remove(&path) == Some(true) {
            self.manifest_changed(path);
        }
    }

    /// `before` is the spec that the pod keeps if it could not be replaced.
    pub(super) fn replaced(&mut self, uid: PodUid, replaced: PodReplaced, before: &PodSpec) {
        if replaced.result.is_ok() {
            Arc::make_mut(&mut self.specs).insert(uid, (*replaced.pod).clone());
        } else {
            self.manifests.set_spec(&uid, before);
        }
        self.send(Event::Replaced(replaced));
    }

    /// Stores the present spec of a pod, to start it again after the node is lost.
    pub(super) fn store_spec(&mut self, pod: &PodUid, mut spec: PodSpec) {
        // a pod cannot start with ephemeral containers
        spec.ephemeral_containers.clear();
        Arc::make_mut(&mut self.specs).insert(pod.clone(), spec);
    }
}

fn read_preset(preset: &'static Preset, names: &[String]) -> Result<Vec<ReadPod>, String> {
    let pods = preset.pods_of(&renamed(preset, names)?).map_err(|e| e.to_string())?;
    Ok(ReadPod::all_of_preset(preset.name, false, pods))
}

fn read(source: &PodSource) -> Result<Vec<ReadPod>, String> {
    match source {
        PodSource::Preset(name) => Err(format!("no preset is named {name}")),
        PodSource::File(path) => Ok(ReadPod::all(path, true, manifests::read(path)?)),
        PodSource::Text(text) => read_text(text),
    }
}

fn read_text(ManifestText { text, from }: &ManifestText) -> Result<Vec<ReadPod>, String> {
    match from {
        TextOrigin::New => {
            let path = PathBuf::from("new.yaml");
            let pods = parse_with_files("new.yaml", text, ManifestFiles::Bundled(&[])).map_err(|e| e.to_string())?;
            Ok(ReadPod::all(&path, false, pods))
        }
        TextOrigin::Preset(name) => {
            let preset = presets::find(name).ok_or_else(|| format!("no preset is named {name}"))?;
            let pods = preset.pods_of(text).map_err(|e| e.to_string())?;
            Ok(ReadPod::all_of_preset(name, true, pods))
        }
        TextOrigin::File { path, is_changed } => {
            let name = path.display().to_string();
            let pods = parse_with_files(&name, text, ManifestFiles::file(path)).map_err(|e| e.to_string())?;
            Ok(ReadPod::all(path, !is_changed, pods))
        }
    }
}
