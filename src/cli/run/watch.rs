//! `--watch`: applies changes of manifests while their pods run.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::manifests::Source;
use super::session::Session;
use crate::cli::output::Failure;
use crate::lab::watch::FileWatch;
use crate::lab::{Change, PodSpec, change};

/// Reports changed files.
pub struct Watch {
    changed: (Sender<PathBuf>, Receiver<PathBuf>),
    /// Watches until it is dropped.
    _files: Option<FileWatch>,
}

impl Watch {
    /// Watches the files among `words`, or nothing if `on` is false. Presets do not change.
    pub fn start(words: &[PathBuf], on: bool) -> Result<Self, Failure> {
        let changed = unbounded();
        let files: Vec<PathBuf> =
            words.iter().filter(|w| on && matches!(Source::of(w), Source::File(_))).cloned().collect();
        if files.is_empty() {
            return Ok(Self { changed, _files: None });
        }
        let sender = changed.0.clone();
        // nobody receives it once the run is over
        let files = FileWatch::start(files, move |path| drop(sender.send(path.to_owned()))).map_err(Failure::failed)?;
        Ok(Self { changed, _files: Some(files) })
    }

    pub fn changed(&self) -> &Receiver<PathBuf> {
        &self.changed.1
    }
}

/// Applies a changed file to the running pods, as far as possible without ending a pod. Returns a line for each thing
/// that was done or is left to do.
pub fn follow(session: &mut Session, path: &Path) -> Vec<String> {
    let file = path.display();
    let specs = match Source::of(path).pods() {
        Ok(specs) => specs,
        // the file may be half-written: the next change is reported too
        Err(why) => return vec![format!("{why}; running pods stay as they are")],
    };
    let mut lines: Vec<String> = specs.iter().filter_map(|spec| follow_pod(session, path, spec)).collect();
    let gone = |name: &&String| !specs.iter().any(|s| s.name == **name);
    lines.extend(
        session
            .names_from(path)
            .iter()
            .filter(gone)
            .map(|name| format!("{file}: pod {name} is no longer in it, and keeps running")),
    );
    lines
}

fn follow_pod(session: &mut Session, path: &Path, spec: &PodSpec) -> Option<String> {
    let (file, name) = (path.display(), &spec.name);
    let Some((uid, old)) = session.running(name) else {
        return Some(match session.run(spec.clone(), path) {
            Ok(()) => format!("{file}: pod {name} is new and was started"),
            Err(why) => why.to_string(),
        });
    };
    match change(&old, spec) {
        Change::None => None,
        Change::Containers(containers) => Some(match session.replace(&uid, spec.clone(), containers.clone()) {
            Ok(()) if containers.is_empty() => {
                format!(
                    "{file}: changed: files of pod {name} follow its ConfigMaps and Secrets, variables with the next start"
                )
            }
            Ok(()) => format!("{file}: changed: {} of pod {name} replaced", containers.join(", ")),
            Err(why) => format!("{file}: pod {name}: {why}"),
        }),
        Change::Recreate(paths) => Some(format!(
            "{file}: changed: pod {name} would have to be re-created for {}; press Ctrl-C and run it again",
            paths.join(", ")
        )),
    }
}
