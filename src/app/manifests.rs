//! Manifests that pods were started from: watched, read again when they change, and compared with what runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossbeam_channel::Sender;
use eframe::egui::{Context, ViewportId};

use super::session::Answer;
use crate::export::{MAX_FILE, read_limited};
use crate::lab::Beside;
use crate::lab::spec::{Change, PodSpec, Warning, change, parse_beside};
use crate::lab::watch::FileWatch;
use crate::model::PodUid;

/// The files of the pods that run, and what was last read of them.
#[derive(Default)]
pub struct Manifests {
    files: BTreeMap<PathBuf, Vec<(PodUid, PodSpec)>>,
    /// Ends when dropped; started anew with each file.
    watch: Option<FileWatch>,
}

/// What follows from a manifest that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These containers alone.
    Replace { pod: PodUid, spec: Box<PodSpec>, containers: Vec<String> },
    /// The user is asked: the pod must be made anew because of these.
    Ask { pod: PodUid, spec: Box<PodSpec>, because: Vec<String> },
    /// The user is asked: the manifest has a pod more.
    Start { spec: Box<PodSpec> },
    /// The manifest has no such pod any more.
    Orphan { pod: PodUid, name: String },
}

impl Manifests {
    /// A pod was started from this file.
    pub fn add(
        &mut self,
        path: &Path,
        uid: PodUid,
        spec: PodSpec,
        tell: &Sender<Answer>,
        ctx: &Context,
    ) -> Result<(), String> {
        let known = self.files.contains_key(path);
        self.files.entry(path.to_owned()).or_default().push((uid, spec));
        if known { Ok(()) } else { self.watch(tell, ctx) }
    }

    fn watch(&mut self, tell: &Sender<Answer>, ctx: &Context) -> Result<(), String> {
        let (tell, ctx) = (tell.clone(), ctx.clone());
        // called by a thread that this one waits for when it drops the watch: the channel has no bound
        let on_change = move |path: &Path| {
            let _ = tell.send(Answer::ManifestChanged(path.to_owned()));
            ctx.request_repaint_of(ViewportId::ROOT);
        };
        self.watch = None;
        let started = FileWatch::start(self.files.keys().cloned(), on_change);
        self.watch = Some(started.map_err(|e| format!("Manifests are not watched for changes: {e}"))?);
        Ok(())
    }

    /// Pods that were deleted are no more of a file's concern.
    pub fn retain(&mut self, is_there: impl Fn(&PodUid) -> bool) {
        for pods in self.files.values_mut() {
            pods.retain(|(uid, _)| is_there(uid));
        }
    }

    /// What the pod is to be like from now on.
    pub fn settle(&mut self, uid: &PodUid, spec: &PodSpec) {
        for (known, old) in self.files.values_mut().flatten() {
            if known == uid {
                old.clone_from(spec);
            }
        }
    }

    /// Compares what was read with what runs, pod by pod by name.
    pub fn steps(&self, path: &Path, read: &[(PodSpec, Vec<Warning>)]) -> Vec<Step> {
        let Some(running) = self.files.get(path) else { return Vec::new() };
        let mut steps = Vec::new();
        for (new, _) in read {
            let old = running.iter().find(|(_, old)| old.name == new.name && old.namespace == new.namespace);
            let spec = Box::new(new.clone());
            match old.map(|(uid, old)| (uid.clone(), change(old, new))) {
                None => steps.push(Step::Start { spec }),
                Some((_, Change::None)) => {}
                Some((pod, Change::Containers(containers))) => steps.push(Step::Replace { pod, spec, containers }),
                Some((pod, Change::Recreate(because))) => steps.push(Step::Ask { pod, spec, because }),
            }
        }
        for (pod, old) in running {
            if !read.iter().any(|(new, _)| old.name == new.name && old.namespace == new.namespace) {
                steps.push(Step::Orphan { pod: pod.clone(), name: old.name.clone() });
            }
        }
        steps
    }
}

/// Reads a manifest; an error names file, line and column.
pub fn read(path: &Path) -> Result<Vec<(PodSpec, Vec<Warning>)>, String> {
    let name = path.display().to_string();
    let text = read_limited(path, MAX_FILE).map_err(|e| e.to_string())?;
    parse_beside(&name, &text, Beside::file(path)).map_err(|e| e.to_string())
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
    fn a_changed_manifest_leads_to_the_least_that_it_takes() {
        let (tell, _told) = crossbeam_channel::unbounded();
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("web.yaml");
        let mut manifests = Manifests::default();
        let uid = PodUid("1".into());
        let running = specs(POD).remove(0).0;
        manifests.add(&path, uid.clone(), running, &tell, &Context::default()).expect("watched");

        assert_eq!(manifests.steps(&path, &specs(POD)), []);
        let other = specs(&POD.replace("1h", "2h"));
        let Step::Replace { pod, containers, spec } = manifests.steps(&path, &other).remove(0) else {
            panic!("a command alone replaces its container");
        };
        assert_eq!((&pod, containers), (&uid, vec!["b".to_owned()]));
        manifests.settle(&pod, &spec);
        assert_eq!(manifests.steps(&path, &other), [], "what was replaced is not replaced again");

        let deep = specs(&POD.replace("1h", "2h").replace("spec:", "spec:\n  hostNetwork: true"));
        let steps = manifests.steps(&path, &deep);
        assert!(matches!(&steps[..], [Step::Ask { because, .. }] if because == &["spec.hostNetwork"]), "{steps:?}");

        let renamed = manifests.steps(&path, &specs(&POD.replace("name: web", "name: api")));
        assert!(matches!(&renamed[..], [Step::Start { .. }, Step::Orphan { .. }]), "{renamed:?}");
        manifests.retain(|known| *known != uid);
        assert!(matches!(&manifests.steps(&path, &specs(POD))[..], [Step::Start { .. }]));
    }
}
