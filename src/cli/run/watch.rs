//! `--watch`: what changes of manifests do to running pods, in words.

use std::path::Path;

use crate::engine::{PodReplaced, ReadPod, StartedPod, Update};

/// What is left to do about a changed file.
pub struct Rest {
    /// A line for each thing that the user must know.
    pub lines: Vec<String>,
    /// New pods, which are started.
    pub new_pods: Vec<ReadPod>,
}

/// Starts new pods of a changed file, and leaves the rest to the user: nothing here ends a pod.
pub fn decide(path: &Path, updates: Vec<Update>) -> Rest {
    let file = path.display();
    let mut rest = Rest { lines: Vec::new(), new_pods: Vec::new() };
    for update in updates {
        match update {
            Update::AskStart { spec } => {
                let from = StartedPod { path: path.to_owned(), follows_file: true, spec, preset: None };
                rest.new_pods.push(ReadPod { from, warnings: Vec::new() });
            }
            Update::AskRecreate { spec, because, .. } => rest.lines.push(format!(
                "{file}: changed: pod {} would have to be re-created for {}; press Ctrl-C and run it again",
                spec.name,
                because.join(", ")
            )),
            Update::Removed { name, .. } => {
                rest.lines.push(format!("{file}: pod {name} is no longer in it, and keeps running"));
            }
            // the engine has done it
            Update::Replace { .. } => {}
        }
    }
    rest
}

pub fn started_line(from: &StartedPod) -> String {
    format!("{}: pod {} is new and was started", from.path.display(), from.spec.name)
}

pub fn replaced_line(replaced: &PodReplaced) -> String {
    let PodReplaced { path, pod, containers, result } = replaced;
    let (file, name) = (path.display(), &pod.name);
    match result {
        Ok(()) if containers.is_empty() => format!(
            "{file}: changed: files of pod {name} follow its ConfigMaps and Secrets, variables with the next start"
        ),
        Ok(()) => format!("{file}: changed: {} of pod {name} replaced", containers.join(", ")),
        Err(why) => format!("{file}: pod {name}: {why}"),
    }
}
