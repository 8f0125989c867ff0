//! The pods to run: from manifest files, or from bundled presets by name.

use std::path::{Path, PathBuf};

use crate::cli::output::{Failure, note};
use crate::engine::{ReadPod, read_manifest};
use crate::lab::spec::{PodSpec, Warning};
use crate::presets::{self, Preset};

/// What a word of the command line means.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    Preset(&'static Preset),
    File(&'a Path),
}

impl<'a> Source<'a> {
    /// The name of a preset means the preset; `./NAME` means a file of that name.
    pub fn of(word: &'a Path) -> Self {
        word.to_str().and_then(presets::find).map_or(Self::File(word), Self::Preset)
    }

    pub fn name(self) -> String {
        match self {
            Self::Preset(preset) => format!("{}.yaml", preset.name),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Whether it is a preset without a manifest, which its script builds.
    pub fn is_built_by_script(self) -> bool {
        matches!(self, Self::Preset(Preset { yaml: None, .. }))
    }

    fn pods(self) -> Result<Vec<(PodSpec, Vec<Warning>)>, Failure> {
        match self {
            Self::Preset(preset) => preset.pods().map_err(Failure::failed),
            Self::File(path) => read_manifest(path).map_err(|why| Failure::Failed(format!("{why}{}", hint(path)))),
        }
    }
}

/// Prints what has no effect in a manifest.
pub fn print_warnings(file: &str, warnings: &[Warning]) {
    for warning in warnings {
        note(format_args!("podscope: warning: {file}:{warning}"));
    }
}

/// What else a word may have meant that names no file.
fn hint(path: &Path) -> &'static str {
    let bare = path.components().count() == 1 && path.extension().is_none() && !path.exists();
    if bare { "; it is not a preset either, see `podscope run --list`" } else { "" }
}

/// Reads the pods of all words. Prints warnings. `watch`: pods follow changes of their file.
pub fn read(words: &[PathBuf], watch: bool) -> Result<Vec<ReadPod>, Failure> {
    let mut pods: Vec<ReadPod> = Vec::new();
    for word in words {
        let source = Source::of(word);
        let name = source.name();
        let follows_file = watch && matches!(source, Source::File(_));
        for pod in ReadPod::all(word, follows_file, source.pods()?) {
            print_warnings(&name, &pod.warnings);
            if pods.iter().any(|known| known.from.spec.name == pod.from.spec.name) {
                let pod = &pod.from.spec.name;
                return Err(Failure::Failed(format!("{name}: a second pod is named {pod}; rename one of them")));
            }
            pods.push(pod);
        }
    }
    Ok(pods)
}

/// `--list`.
pub fn list() -> String {
    let width = presets::ALL.iter().map(|p| p.name.len()).max().unwrap_or_default();
    let line = |p: &Preset| format!("{:>2}  {:width$}  {}\n", p.number, p.name, p.about);
    presets::ALL.iter().map(line).collect()
}
