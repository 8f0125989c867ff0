//! The text of a manifest that may be changed before its pods are started, and what it means. It is read again only when
//! it has changed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use super::changes::{LineChange, changes};
use crate::command::{ManifestText, PodSource, TextOrigin};
use crate::lab::spec::edit::{Setting, set};
use crate::lab::spec::parse_with_program;
use crate::lab::{PodSpec, SpecError, Warning};
use crate::layout::pod_picture::PodPicture;
use crate::model::World;
use crate::model::text::escaped;
use crate::presets::Preset;
use crate::steps::Template;

/// What a new manifest begins with.
const NEW: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: my-pod\nspec:\n  shareProcessNamespace: true\n  \
                   containers:\n  - name: web\n    image: nginx\n  - name: shell\n    image: busybox\n    command: \
                   [\"sh\", \"-c\", \"while true; do sleep 1h; done\"]\n";

/// Where the text of a draft comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    New,
    Preset(&'static Preset),
    File(PathBuf),
}

impl Origin {
    pub fn is_preset(&self, preset: &Preset) -> bool {
        matches!(self, Self::Preset(own) if own.name == preset.name)
    }

    /// The name of the file, or what stands for it.
    pub fn file_name(&self) -> String {
        match self {
            Self::New => "new.yaml".to_owned(),
            Self::Preset(preset) => preset.file_name(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// A line of a manifest that deserves attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub is_error: bool,
    /// Line and column count from 1.
    pub line: u64,
    pub column: u64,
    pub text: String,
}

/// What a text means.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The pods; empty if there is an error.
    pub pods: Vec<PodSpec>,
    pub pictures: Vec<PodPicture>,
    /// The error, if there is one, then the warnings.
    pub problems: Vec<Problem>,
    /// What differs from the original.
    pub changes: Vec<LineChange>,
}

#[derive(Clone, Debug)]
pub struct Draft {
    pub origin: Origin,
    /// Call [`Self::check`] after a change.
    pub text: String,
    original: String,
    /// The pod that the switches change, counted from 0.
    pub pod: usize,
    /// Why the last switch has changed nothing.
    pub refused: Option<String>,
    checked: Checked,
    /// Counts the changes of the text.
    version: u64,
}

/// Why the pods of a draft cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    pub why: String,
    /// A pod and another name for it, which would help.
    pub rename: Option<(usize, String)>,
}

impl Draft {
    pub fn new(origin: Origin, text: String) -> Self {
        let mut draft = Self {
            origin,
            original: text.clone(),
            text,
            pod: 0,
            refused: None,
            checked: Checked::default(),
            version: 0,
        };
        draft.check();
        draft
    }

    /// A manifest to begin with.
    pub fn empty() -> Self {
        Self::new(Origin::New, NEW.to_owned())
    }

    pub fn of_preset(preset: &'static Preset) -> Self {
        Self::new(Origin::Preset(preset), preset.yaml.unwrap_or_default().to_owned())
    }

    pub const fn checked(&self) -> &Checked {
        &self.checked
    }

    pub const fn version(&self) -> u64 {
        self.version
    }

    pub fn is_changed(&self) -> bool {
        self.text != self.original
    }

    /// A preset that its script builds has no manifest.
    pub const fn is_built_by_script(&self) -> bool {
        matches!(self.origin, Origin::Preset(Preset { yaml: None, .. }))
    }

    pub fn reset(&mut self) {
        self.text.clone_from(&self.original);
        self.check();
    }

    /// Reads the text again.
    pub fn check(&mut self) {
        self.version += 1;
        self.refused = None;
        if let Origin::Preset(preset @ Preset { yaml: None, .. }) = &self.origin {
            let pods = preset.drawn_pods();
            let pictures = pods.iter().map(PodPicture::of).collect();
            self.checked = Checked { pods, pictures, ..Checked::default() };
            return;
        }
        self.checked = check(&self.origin.file_name(), &self.text);
        self.checked.changes = changes(&self.original, &self.text);
        self.pod = self.pod.min(self.checked.pods.len().saturating_sub(1));
    }

    /// The pod that the switches show; `None` while the text has an error.
    pub fn spec(&self) -> Option<&PodSpec> {
        self.checked.pods.get(self.pod)
    }

    /// Changes one setting in the text.
    pub fn apply(&mut self, pod: usize, setting: &Setting) {
        match set(&self.text, pod, setting) {
            Ok(text) => {
                self.text = text;
                self.check();
            }
            Err(why) => self.refused = Some(why.to_string()),
        }
    }

    /// What to start.
    pub fn source(&self) -> PodSource {
        let text = |from| PodSource::Text(ManifestText { text: self.text.clone(), from });
        match &self.origin {
            Origin::Preset(preset) if !self.is_changed() => PodSource::Preset(preset.name.to_owned()),
            Origin::Preset(preset) => text(TextOrigin::Preset(preset.name.to_owned())),
            Origin::New => text(TextOrigin::New),
            Origin::File(path) => text(TextOrigin::File { path: path.clone(), is_changed: self.is_changed() }),
        }
    }

    /// Whether the engine chooses another name if one is taken.
    fn is_renamed_by_itself(&self) -> bool {
        matches!(self.origin, Origin::Preset(_)) && !self.is_changed()
    }

    /// The names of its pods that are not those of the manifest: the old and the new name of each.
    pub fn other_names(&self, world: &World) -> Vec<(String, String)> {
        if !self.is_renamed_by_itself() {
            return Vec::new();
        }
        let mut given: BTreeSet<String> = BTreeSet::new();
        let mut names = Vec::new();
        for pod in &self.checked.pods {
            let name = Template::free_name(&pod.name, |name| world.pod_named(name).is_some() || given.contains(name));
            given.insert(name.clone());
            if name != pod.name {
                names.push((pod.name.clone(), name));
            }
        }
        names
    }

    /// Why its pods cannot be started in this World.
    pub fn obstacle(&self, world: &World) -> Option<Obstacle> {
        if let Some(error) = self.checked.problems.iter().find(|problem| problem.is_error) {
            let why = format!("Line {}, column {}: {}", error.line, error.column, error.text);
            return Some(Obstacle { why, rename: None });
        }
        if self.is_renamed_by_itself() {
            return None;
        }
        let pods = &self.checked.pods;
        let (nth, taken) = pods.iter().enumerate().find(|(_, pod)| world.pod_named(&pod.name).is_some())?;
        let is_used = |name: &str| world.pod_named(name).is_some() || pods.iter().any(|pod| pod.name == name);
        let free = Template::free_name(&taken.name, is_used);
        Some(Obstacle { why: format!("pods \"{}\" already exists", taken.name), rename: Some((nth, free)) })
    }
}

/// Reads a manifest without the files that it may name: the engine reads these when the pods start.
fn check(file: &str, text: &str) -> Checked {
    let named_files = Mutex::new(Vec::new());
    let note_file = |path: &str| -> Result<Vec<u8>, String> {
        if let Ok(mut files) = named_files.lock() {
            files.push(path.to_owned());
        }
        Ok(Vec::new())
    };
    let mut problems: Vec<Problem> = Vec::new();
    let mut pods = Vec::new();
    match parse_with_program(file, text, &note_file) {
        Ok(read) => {
            for (spec, warnings) in read {
                problems.extend(warnings.into_iter().map(of_warning));
                pods.push(spec);
            }
        }
        Err(SpecError { line, column, message, .. }) => {
            problems.push(Problem { is_error: true, line, column, text: message });
        }
    }
    for path in named_files.into_inner().unwrap_or_default() {
        let (line, column) = place_of(text, &path);
        let text = format!("{path} is read when the pod starts; an error in it is told then");
        problems.push(Problem { is_error: false, line, column, text });
    }
    problems.extend(hidden_characters(text));
    problems.sort_by_key(|problem| (!problem.is_error, problem.line, problem.column));
    let pictures = pods.iter().map(PodPicture::of).collect();
    Checked { pods, pictures, problems, changes: Vec::new() }
}

fn of_warning(Warning { path, line, column, message }: Warning) -> Problem {
    Problem { is_error: false, line, column, text: format!("{path} {message}") }
}

/// Where a text is first, as line and column.
fn place_of(text: &str, part: &str) -> (u64, u64) {
    let found = text.lines().enumerate().find_map(|(nth, line)| Some((nth, line[..line.find(part)?].chars().count())));
    found.map_or((1, 1), |(line, column)| (line as u64 + 1, column as u64 + 1))
}

/// The editor shows a text as it is, so it says where something is that cannot be seen.
fn hidden_characters(text: &str) -> Vec<Problem> {
    let is_hidden = |c: char| c != '\t' && escaped(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8();
    let found = text.lines().enumerate().filter_map(|(nth, line)| {
        let column = line.chars().position(is_hidden)?;
        let shown = line.chars().nth(column).map(|c| escaped(c.encode_utf8(&mut [0; 4])).into_owned())?;
        let text = format!("has a hidden character, {shown}");
        Some(Problem { is_error: false, line: nth as u64 + 1, column: column as u64 + 1, text })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::{Draft, Obstacle, Origin};
    use crate::command::{PodSource, TextOrigin};
    use crate::lab::spec::edit::Setting;
    use crate::model::{Delta, SandboxKind, World};
    use crate::presets::{ALL, find};
    use crate::ui::tests::{named_pod, stamp};

    fn world(names: &[&str]) -> World {
        let mut world = World::default();
        for name in names {
            world.apply(&Delta::Pod { pod: Box::new(named_pod(name)), at: stamp() });
        }
        world
    }

    fn draft(name: &str) -> Draft {
        Draft::of_preset(find(name).expect("a preset"))
    }

    #[test]
    fn every_preset_and_the_new_manifest_can_be_started_as_they_are() {
        for draft in ALL.iter().map(Draft::of_preset).chain([Draft::empty()]) {
            assert_eq!(draft.obstacle(&World::default()), None, "{:?}", draft.origin);
            assert!(!draft.checked().pictures.is_empty() && draft.checked().changes.is_empty());
        }
    }

    #[test]
    fn an_error_is_at_its_line_and_column_with_the_parsers_words() {
        let mut draft = Draft::empty();
        draft.text = draft.text.replace("shareProcessNamespace: true", "shareProcessNamespace: 7");
        draft.check();
        let error = &draft.checked().problems[0];
        assert!(error.is_error);
        assert_eq!((error.line, error.column), (6, 26));
        assert_eq!(error.text, "spec.shareProcessNamespace is 7; expected true or false");
        let obstacle = draft.obstacle(&World::default()).expect("an error");
        assert_eq!(obstacle.why, "Line 6, column 26: spec.shareProcessNamespace is 7; expected true or false");
        assert!(draft.spec().is_none() && draft.checked().pictures.is_empty());
        draft.apply(0, &Setting::SharePid(true));
        assert!(draft.refused.is_some(), "a switch does not change what is wrong");
        draft.reset();
        assert!(!draft.is_changed() && draft.refused.is_none() && draft.spec().is_some());
    }

    #[test]
    fn warnings_and_hidden_characters_are_listed_and_stop_nothing() {
        let mut draft = Draft::empty();
        draft.text = draft.text.replace("spec:\n", "spec:\n  nodeName: a # \u{202e}x\n");
        draft.check();
        let problems = &draft.checked().problems;
        assert!(problems.iter().all(|problem| !problem.is_error && problem.line == 6), "{problems:?}");
        assert!(problems[0].text.starts_with("spec.nodeName is not supported"), "{problems:?}");
        assert_eq!((problems[1].column, problems[1].text.as_str()), (17, r"has a hidden character, \u{202e}"));
        assert_eq!(draft.obstacle(&World::default()), None);
    }

    #[test]
    fn a_switch_changes_the_text_and_says_what_it_changed() {
        let mut draft = draft("held-zombies");
        draft.apply(0, &Setting::Pause(SandboxKind::PauseNoReap));
        assert_eq!(draft.spec().expect("a pod").sandbox, SandboxKind::PauseNoReap);
        let changes: Vec<String> = draft.checked().changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, ["+ 7    annotations:", "+ 8      podscope.dev/pause: no-reap"]);
        let PodSource::Text(text) = draft.source() else { panic!("it is changed") };
        assert_eq!(text.from, TextOrigin::Preset("held-zombies".to_owned()));
        draft.reset();
        assert_eq!(draft.source(), PodSource::Preset("held-zombies".to_owned()));
    }

    #[test]
    fn an_unchanged_preset_gets_another_name_and_a_changed_one_must_be_renamed() {
        let mut draft = draft("deaf");
        let world = world(&["polite"]);
        assert_eq!(draft.obstacle(&world), None);
        assert_eq!(draft.other_names(&world), [("polite".to_owned(), "polite-2".to_owned())]);
        draft.apply(0, &Setting::SharePid(true));
        assert!(draft.other_names(&world).is_empty());
        let obstacle = draft.obstacle(&world).expect("the name is taken");
        let rename = Some((1, "polite-2".to_owned()));
        assert_eq!(obstacle, Obstacle { why: "pods \"polite\" already exists".to_owned(), rename });
        draft.apply(1, &Setting::Name("polite-2".to_owned()));
        assert_eq!(draft.obstacle(&world), None);
    }

    #[test]
    fn a_file_is_followed_until_its_text_is_changed() {
        let path = std::path::PathBuf::from("/tmp/pod.yaml");
        let mut draft = Draft::new(Origin::File(path.clone()), Draft::empty().text);
        let is_changed = |draft: &Draft| match draft.source() {
            PodSource::Text(text) => text.from == TextOrigin::File { path: path.clone(), is_changed: true },
            other => panic!("{other:?}"),
        };
        assert!(!is_changed(&draft));
        draft.apply(0, &Setting::SharePid(false));
        assert!(is_changed(&draft));
    }

    #[test]
    fn a_file_that_a_manifest_names_is_not_read_but_told() {
        let own = draft("own-pause");
        let told: Vec<&str> = own.checked().problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("reaping-pause.c is read when the pod starts"), "{told:?}");
    }
}
