//! The pods to run: from manifest files, or from bundled presets by name.

use std::path::{Path, PathBuf};

use crate::cli::output::{Failure, note};
use crate::export::{MAX_FILE, read_limited};
use crate::lab::{ManifestFiles, PodSpec, parse_with_files};
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

    /// Reads its pods. Prints warnings.
    pub fn pods(self) -> Result<Vec<PodSpec>, Failure> {
        let name = self.name();
        let pods = match self {
            Self::Preset(preset) => preset.pods(),
            Self::File(path) => parse_with_files(&name, &text_of(path)?, ManifestFiles::file(path)),
        };
        let pods = pods.map_err(Failure::failed)?;
        for warning in pods.iter().flat_map(|(_, warnings)| warnings) {
            note(format_args!("podscope: warning: {name}:{warning}"));
        }
        Ok(pods.into_iter().map(|(spec, _)| spec).collect())
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    read_limited(path, MAX_FILE).map_err(|e| {
        let bare = path.components().count() == 1 && path.extension().is_none() && !path.exists();
        let hint = if bare { "; it is not a preset either, see `podscope run --list`" } else { "" };
        Failure::Failed(format!("{e}{hint}"))
    })
}

/// Reads the pods of all words, each with the word that it comes from.
pub fn read(words: &[PathBuf]) -> Result<Vec<(PodSpec, &Path)>, Failure> {
    let mut specs: Vec<(PodSpec, &Path)> = Vec::new();
    for word in words {
        let source = Source::of(word);
        for spec in source.pods()? {
            if specs.iter().any(|(s, _)| s.name == spec.name) {
                let (file, name) = (source.name(), &spec.name);
                return Err(Failure::Failed(format!("{file}: a second pod is named {name}; rename one of them")));
            }
            specs.push((spec, word));
        }
    }
    Ok(specs)
}

/// `--list`.
pub fn list() -> String {
    let width = presets::ALL.iter().map(|p| p.name.len()).max().unwrap_or_default();
    let line = |p: &Preset| format!("{:>2}  {:width$}  {}\n", p.number, p.name, p.about);
    presets::ALL.iter().map(line).collect()
}
