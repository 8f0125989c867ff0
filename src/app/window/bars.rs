//! The bars with questions and warnings about manifests, and what the answers do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Window, now};
use crate::app::manifests::{Manifests, Update};
use crate::app::session::Started;
use crate::lab::spec::{PodSpec, Warning};
use crate::model::{Delta, PodUid, Source, Stamp};
use crate::store::Cursor;
use crate::ui::bars::{Bar, BarSeverity};

/// What the first button of a bar does.
#[derive(Clone, Debug)]
enum BarAction {
    Nothing,
    Recreate {
        pod: PodUid,
        spec: Box<PodSpec>,
    },
    Start {
        spec: Box<PodSpec>,
    },
    /// The pods that were lost with the last node.
    Restore(Vec<Origin>),
}

/// The manifest that a pod is started from.
#[derive(Clone, Debug)]
struct Origin {
    path: PathBuf,
    /// Whether the path is that of a file; a preset has none.
    is_file: bool,
    spec: PodSpec,
}

struct OpenBar {
    bar: Bar,
    /// The file that it is about. The next change of the file closes the bar.
    path: PathBuf,
    action: BarAction,
}

/// The open bars, and the pods that are being re-created.
#[derive(Default)]
pub struct Bars {
    open: Vec<OpenBar>,
    next_id: u64,
    pub manifests: Manifests,
    /// Pods that are being deleted and are started again once they are gone.
    recreating: BTreeMap<PodUid, (PathBuf, Box<PodSpec>)>,
    /// The path that each pod was started from, and whether it is that of a file.
    origins: BTreeMap<PodUid, (PathBuf, bool)>,
}

impl Bars {
    pub fn shown(&self) -> Vec<Bar> {
        self.open.iter().map(|o| o.bar.clone()).collect()
    }

    fn open(
        &mut self,
        path: &Path,
        severity: BarSeverity,
        title: String,
        lines: Vec<String>,
        button: Option<&'static str>,
        action: BarAction,
    ) {
        self.next_id += 1;
        let bar = Bar { id: self.next_id, severity, title, lines, button };
        self.open.push(OpenBar { bar, path: path.to_owned(), action });
    }

    pub fn warn(&mut self, path: &Path, warnings: &[Warning]) {
        if warnings.is_empty() {
            return;
        }
        let n = warnings.len();
        let title = format!("{}: {} without effect", name(path), crate::ui::text::count(n, "part", "parts"));
        let lines = warnings.iter().map(ToString::to_string).collect();
        self.open(path, BarSeverity::Warning, title, lines, None, BarAction::Nothing);
    }

    fn show_update(&mut self, path: &Path, update: Update) {
        let file = name(path);
        match update {
            Update::AskRecreate { pod, spec, because } => {
                let (parts, lines) = match &because[..] {
                    [first, _, _, ..] => (format!("{first} and {} more", because.len() - 1), vec![because.join(", ")]),
                    few => (few.join(", "), Vec::new()),
                };
                let title = format!("{file} changed ({parts}): re-create the pod {}?", spec.name);
                self.open(
                    path,
                    BarSeverity::Question,
                    title,
                    lines,
                    Some("Re-create"),
                    BarAction::Recreate { pod, spec },
                );
            }
            Update::AskStart { spec } => {
                let title = format!("{file} has a pod that is not running: {}", spec.name);
                self.open(path, BarSeverity::Question, title, Vec::new(), Some("Start"), BarAction::Start { spec });
            }
            Update::Removed { name: pod, .. } => {
                let title = format!("{file} no longer has the pod {pod}; it keeps running until you delete it");
                self.open(path, BarSeverity::Warning, title, Vec::new(), None, BarAction::Nothing);
            }
            Update::Replace { .. } => {}
        }
    }
}

/// The file name alone, since the directory is long.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl Window {
    /// Starts a node after the last one has ended, and offers to start its pods again. `None` if there is no session.
    pub(super) fn start_node(&mut self) -> Option<Result<(), crate::lab::Error>> {
        let session = self.session.as_mut()?;
        if let Err(e) = session.start_node() {
            return Some(Err(e));
        }
        // the pods ended with the last node, so questions about them are closed
        let Bars { origins, next_id, .. } = std::mem::take(&mut self.bars);
        self.bars.next_id = next_id;
        let mut lost = Vec::new();
        for (uid, pod) in &self.store.live().pods {
            let at = Stamp::prompt(now(), Source::App);
            session.send_delta(Delta::PodRemoved { uid: uid.clone(), at });
            let Some((path, is_file)) = origins.get(uid) else { continue };
            if let Some(spec) = session.spec(uid) {
                lost.push((pod.created.t, Origin { path: path.clone(), is_file: *is_file, spec }));
            }
        }
        lost.sort_by_key(|(created, _)| *created);
        let lost: Vec<Origin> = lost.into_iter().map(|(_, origin)| origin).collect();
        if !lost.is_empty() {
            let count = crate::ui::text::count(lost.len(), "pod", "pods");
            let title = format!("The lab is running again. Start the same {count} as before?");
            let names: Vec<&str> = lost.iter().map(|origin| origin.spec.name.as_str()).collect();
            let lines = vec![names.join(", ")];
            self.bars.open(
                Path::new(""),
                BarSeverity::Question,
                title,
                lines,
                Some("Start them"),
                BarAction::Restore(lost),
            );
        }
        Some(Ok(()))
    }

    /// A pod was started from a file or a preset.
    pub(super) fn pod_started(&mut self, started: Started) {
        let Started { path, uid, spec, warnings, is_file } = started;
        // show the new pod
        self.cursor = Cursor::Live;
        self.bars.warn(&path, &warnings);
        self.bars.origins.insert(uid.clone(), (path.clone(), is_file));
        if let (true, Some(session)) = (is_file, &self.session) {
            let (answers, ctx) = session.answer_sender();
            if let Err(why) = self.bars.manifests.add(&path, uid, *spec, &answers, &ctx) {
                self.notify_error(why);
            }
        }
    }

    pub(super) fn manifest_changed(&mut self, path: PathBuf) {
        if let Some(session) = &self.session {
            session.read_manifest(path);
        }
    }

    /// A manifest was read again after it had changed.
    pub(super) fn manifest_read(&mut self, path: &Path, read: Result<Vec<(PodSpec, Vec<Warning>)>, String>) {
        // questions about the last version are closed
        self.bars.open.retain(|o| o.path != path);
        let read = match read {
            Ok(read) => read,
            Err(why) => {
                let title = format!("{} cannot be read; its pods keep running unchanged", name(path));
                return self.bars.open(path, BarSeverity::Error, title, vec![why], None, BarAction::Nothing);
            }
        };
        let world = self.store.live();
        self.bars.manifests.retain(|uid| world.pod(uid).is_some());
        for update in self.bars.manifests.updates(path, &read) {
            if let Update::Replace { pod, spec, containers } = update {
                self.bars.manifests.set_spec(&pod, &spec);
                let what = if containers.is_empty() {
                    "files from ConfigMaps and Secrets change now, variables at the next start".to_owned()
                } else {
                    format!("{} replaced", containers.join(", "))
                };
                self.notify(format!("{} changed: {what}", name(path)));
                if let Some(session) = &self.session {
                    session.replace(pod, *spec, containers);
                }
            } else {
                self.bars.show_update(path, update);
            }
        }
        let warnings: Vec<Warning> = read.into_iter().flat_map(|(_, warnings)| warnings).collect();
        self.bars.warn(path, &warnings);
    }

    pub(super) fn answer_bar(&mut self, id: u64, yes: bool) {
        let Some(at) = self.bars.open.iter().position(|o| o.bar.id == id) else { return };
        let OpenBar { path, action, .. } = self.bars.open.remove(at);
        let Some(session) = self.session.as_ref().filter(|_| yes) else { return };
        match action {
            BarAction::Nothing => {}
            BarAction::Recreate { pod, spec } => {
                session.delete(pod.clone(), false);
                self.bars.recreating.insert(pod, (path, spec));
            }
            BarAction::Restore(lost) => {
                for Origin { path, is_file, spec } in lost {
                    session.start_from(path, spec, is_file);
                }
            }
            BarAction::Start { spec } => session.start_from(path, *spec, true),
        }
    }

    /// Starts the pods again that were deleted in order to be re-created and are gone now.
    pub(super) fn recreate_deleted_pods(&mut self) {
        let world = self.store.live();
        let gone: Vec<PodUid> = self.bars.recreating.keys().filter(|uid| world.pod(uid).is_none()).cloned().collect();
        for uid in gone {
            self.bars.manifests.retain(|known| *known != uid);
            if let (Some((path, spec)), Some(session)) = (self.bars.recreating.remove(&uid), &self.session) {
                session.start_from(path, *spec, true);
            }
        }
    }
}
