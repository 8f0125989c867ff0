//! Watches the manifests that pods were started from, reads them again when they change, and compares them with the
//! pods that run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossbeam_channel::Sender;

use super::worker::JobResult;
use crate::export::{MAX_FILE, read_limited};
use crate::lab::spec::{Change, PodSpec, Warning, change};
use crate::lab::watch::FileWatch;
use crate::lab::{ManifestFiles, parse_with_files};
use crate::model::PodUid;

/// The files of the pods that run, with the specs last read from them.
#[derive(Default)]
pub(super) struct Manifests {
    files: BTreeMap<PathBuf, Vec<(PodUid, PodSpec)>>,
    /// Ends when dropped. Started again for each new file.
    watch: Option<FileWatch>,
}

/// What to do about a manifest that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Replace only these containers.
    Replace { pod: PodUid, spec: Box<PodSpec>, containers: Vec<String> },
    /// Ask the user to re-create the pod, because of these changes.
    AskRecreate { pod: PodUid, spec: Box<PodSpec>, because: Vec<String> },
    /// Ask the user to start the pod, which is new in the manifest.
    AskStart { spec: Box<PodSpec> },
    /// Tell the user that the manifest no longer has this pod.
    Removed { pod: PodUid, name: String },
}

impl Manifests {
    /// A pod was started from this file.
    pub fn add(&mut self, path: &Path, uid: PodUid, spec: PodSpec, jobs: &Sender<JobResult>) -> Result<(), String> {
        let known = self.files.contains_key(path);
        self.files.entry(path.to_owned()).or_default().push((uid, spec));
        if known { Ok(()) } else { self.watch(jobs) }
    }

    fn watch(&mut self, jobs: &Sender<JobResult>) -> Result<(), String> {
        let jobs = jobs.clone();
        // called by a thread that this one joins when it drops the watch, so the channel must be unbounded
        let on_change = move |path: &Path| drop(jobs.send(JobResult::ManifestChanged(path.to_owned())));
        self.watch = None;
        let started = FileWatch::start(self.files.keys().cloned(), on_change);
        self.watch = Some(started.map_err(|e| format!("Manifests are not watched for changes: {e}"))?);
        Ok(())
    }

    /// Forgets the pods that were deleted.
    pub fn retain(&mut self, is_there: impl Fn(&PodUid) -> bool) {
        for pods in self.files.values_mut() {
            pods.retain(|(uid, _)| is_there(uid));
        }
    }

    /// Sets the spec that the pod has from now on. Returns the last one.
    pub fn set_spec(&mut self, uid: &PodUid, spec: &PodSpec) -> Option<PodSpec> {
        let (_, known) = self.files.values_mut().flatten().find(|(known, _)| known == uid)?;
        Some(std::mem::replace(known, spec.clone()))
    }

    /// Compares the pods that were read with those that run, by name.
    pub fn updates(&self, path: &Path, read: &[(PodSpec, Vec<Warning>)]) -> Vec<Update> {
        let Some(running) = self.files.get(path) else { return Vec::new() };
        let mut updates = Vec::new();
        for (new, _) in read {
            let old = running.iter().find(|(_, old)| old.name == new.name && old.namespace == new.namespace);
            let spec = Box::new(new.clone());
            match old.map(|(uid, old)| (uid.clone(), change(old, new))) {
                None => updates.push(Update::AskStart { spec }),
                Some((_, Change::None)) => {}
                Some((pod, Change::Containers(containers))) => updates.push(Update::Replace { pod, spec, containers }),
                Some((pod, Change::Recreate(because))) => updates.push(Update::AskRecreate { pod, spec, because }),
            }
        }
        for (pod, old) in running {
            if !read.iter().any(|(new, _)| old.name == new.name && old.namespace == new.namespace) {
                updates.push(Update::Removed { pod: pod.clone(), name: old.name.clone() });
            }
        }
        updates
    }
}

/// Reads a manifest; an error names file, line and column.
pub fn read(path: &Path) -> Result<Vec<(PodSpec, Vec<Warning>)>, String> {
    let name = path.display().to_string();
    let text = read_limited(path, MAX_FILE).map_err(|e| e.to_string())?;
    parse_with_files(&name, &text, ManifestFiles::file(path)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::parse;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: a\n    \
                       image: nginx\n  - name: b\n    image: busybox\n    command: [sleep, 1h]\n";

    fn specs(text: &str) -> Vec<(PodSpec, Vec<Warning>)> {
        parse("web.yaml", text).expect("a manifest")
    }

    #[test]
    fn a_changed_manifest_gives_the_smallest_update() {
        let (jobs, _results) = crossbeam_channel::unbounded();
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("web.yaml");
        let mut manifests = Manifests::default();
        let uid = PodUid("1".into());
        let running = specs(POD).remove(0).0;
        manifests.add(&path, uid.clone(), running, &jobs).expect("watched");

        assert_eq!(manifests.updates(&path, &specs(POD)), []);
        let other = specs(&POD.replace("1h", "2h"));
        let Update::Replace { pod, containers, spec } = manifests.updates(&path, &other).remove(0) else {
            panic!("a new command replaces only its container");
        };
        assert_eq!((&pod, containers), (&uid, vec!["b".to_owned()]));
        manifests.set_spec(&pod, &spec);
        assert_eq!(manifests.updates(&path, &other), [], "what was replaced is not replaced again");

        let deep = specs(&POD.replace("1h", "2h").replace("spec:", "spec:\n  hostNetwork: true"));
        let updates = manifests.updates(&path, &deep);
        assert!(
            matches!(&updates[..], [Update::AskRecreate { because, .. }] if because == &["spec.hostNetwork"]),
            "{updates:?}"
        );

        let renamed = manifests.updates(&path, &specs(&POD.replace("name: web", "name: api")));
        assert!(matches!(&renamed[..], [Update::AskStart { .. }, Update::Removed { .. }]), "{renamed:?}");
        manifests.retain(|known| *known != uid);
        assert!(matches!(&manifests.updates(&path, &specs(POD))[..], [Update::AskStart { .. }]));
    }
}
