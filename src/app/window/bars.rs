//! What manifests ask or complain about, and what is done when they are answered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Window, now};
use crate::app::manifests::{Manifests, Step};
use crate::app::session::Started;
use crate::lab::spec::{PodSpec, Warning};
use crate::model::{Delta, PodUid, Source, Stamp};
use crate::store::Cursor;
use crate::ui::bars::{Bar, BarMood};

/// What a bar's first button does.
#[derive(Clone, Debug)]
enum Ask {
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

/// What a pod is started from.
#[derive(Clone, Debug)]
struct Origin {
    path: PathBuf,
    /// The path is a file's, not a preset's.
    file: bool,
    spec: PodSpec,
}

struct Open {
    bar: Bar,
    /// The file it is about; its next change makes it void.
    path: PathBuf,
    ask: Ask,
}

/// Open questions, and pods on their way from one manifest to the next.
#[derive(Default)]
pub struct Bars {
    open: Vec<Open>,
    next: u64,
    pub manifests: Manifests,
    /// Started again once they are gone.
    awaited: BTreeMap<PodUid, (PathBuf, Box<PodSpec>)>,
    /// Where each pod comes from, and whether that is a file.
    origins: BTreeMap<PodUid, (PathBuf, bool)>,
}

impl Bars {
    pub fn shown(&self) -> Vec<Bar> {
        self.open.iter().map(|o| o.bar.clone()).collect()
    }

    fn open(
        &mut self,
        path: &Path,
        mood: BarMood,
        title: String,
        lines: Vec<String>,
        act: Option<&'static str>,
        ask: Ask,
    ) {
        self.next += 1;
        let bar = Bar { id: self.next, mood, title, lines, act };
        self.open.push(Open { bar, path: path.to_owned(), ask });
    }

    pub fn warn(&mut self, path: &Path, warnings: &[Warning]) {
        if warnings.is_empty() {
            return;
        }
        let n = warnings.len();
        let title = format!("{}: {} without effect", name(path), crate::ui::text::count(n, "part", "parts"));
        let lines = warnings.iter().map(ToString::to_string).collect();
        self.open(path, BarMood::Warning, title, lines, None, Ask::Nothing);
    }

    fn ask(&mut self, path: &Path, step: Step) {
        let file = name(path);
        match step {
            Step::Ask { pod, spec, because } => {
                let (parts, lines) = match &because[..] {
                    [first, _, _, ..] => (format!("{first} and {} more", because.len() - 1), vec![because.join(", ")]),
                    few => (few.join(", "), Vec::new()),
                };
                let title = format!("{file} changed ({parts}): re-create the pod {}?", spec.name);
                self.open(path, BarMood::Ask, title, lines, Some("Re-create"), Ask::Recreate { pod, spec });
            }
            Step::Start { spec } => {
                let title = format!("{file} has a pod that does not run: {}", spec.name);
                self.open(path, BarMood::Ask, title, Vec::new(), Some("Start"), Ask::Start { spec });
            }
            Step::Orphan { name: pod, .. } => {
                let title = format!("{file} has no pod {pod} any more; it runs on until you delete it");
                self.open(path, BarMood::Warning, title, Vec::new(), None, Ask::Nothing);
            }
            Step::Replace { .. } => {}
        }
    }
}

/// The file's own name: the directory is long and the same for all.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl Window {
    /// Starts a node after the last one has ended, and offers to start its pods again. `None` if nothing is observed
    /// yet.
    pub(super) fn start_node(&mut self) -> Option<Result<(), crate::lab::Error>> {
        let session = self.session.as_mut()?;
        if let Err(e) = session.start_node() {
            return Some(Err(e));
        }
        // the pods went with the last node: questions about them mean nothing any more
        let Bars { origins, next, .. } = std::mem::take(&mut self.bars);
        self.bars.next = next;
        let mut lost = Vec::new();
        for (uid, pod) in &self.store.live().pods {
            let at = Stamp::prompt(now(), Source::App);
            session.tell(Delta::PodRemoved { uid: uid.clone(), at });
            let Some((path, file)) = origins.get(uid) else { continue };
            if let Some(spec) = session.spec(uid) {
                lost.push((pod.created.t, Origin { path: path.clone(), file: *file, spec }));
            }
        }
        lost.sort_by_key(|(created, _)| *created);
        let lost: Vec<Origin> = lost.into_iter().map(|(_, origin)| origin).collect();
        if !lost.is_empty() {
            let count = crate::ui::text::count(lost.len(), "pod", "pods");
            let title = format!("The lab runs again. Start the same {count} as before?");
            let names: Vec<&str> = lost.iter().map(|origin| origin.spec.name.as_str()).collect();
            let lines = vec![names.join(", ")];
            self.bars.open(Path::new(""), BarMood::Ask, title, lines, Some("Start them"), Ask::Restore(lost));
        }
        Some(Ok(()))
    }

    /// A pod runs that was read from a file, or from a preset, which has none.
    pub(super) fn started(&mut self, started: Started) {
        let Started { path, uid, spec, warnings, file } = started;
        // who starts a pod wants to see it
        self.cursor = Cursor::Live;
        self.bars.warn(&path, &warnings);
        self.bars.origins.insert(uid.clone(), (path.clone(), file));
        if let (true, Some(session)) = (file, &self.session) {
            let (tell, ctx) = session.answer_sender();
            if let Err(why) = self.bars.manifests.add(&path, uid, *spec, &tell, &ctx) {
                self.complain(why);
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
        // what was asked about the last version is void
        self.bars.open.retain(|o| o.path != path);
        let read = match read {
            Ok(read) => read,
            Err(why) => {
                let title = format!("{} cannot be read; its pods run on as they are", name(path));
                return self.bars.open(path, BarMood::Error, title, vec![why], None, Ask::Nothing);
            }
        };
        let world = self.store.live();
        self.bars.manifests.retain(|uid| world.pod(uid).is_some());
        for step in self.bars.manifests.steps(path, &read) {
            if let Step::Replace { pod, spec, containers } = step {
                self.bars.manifests.settle(&pod, &spec);
                let what = if containers.is_empty() {
                    "files follow ConfigMaps and Secrets, variables with the next start".to_owned()
                } else {
                    format!("{} replaced", containers.join(", "))
                };
                self.tell(format!("{} changed: {what}", name(path)));
                if let Some(session) = &self.session {
                    session.replace(pod, *spec, containers);
                }
            } else {
                self.bars.ask(path, step);
            }
        }
        let warnings: Vec<Warning> = read.into_iter().flat_map(|(_, warnings)| warnings).collect();
        self.bars.warn(path, &warnings);
    }

    pub(super) fn answer_bar(&mut self, id: u64, yes: bool) {
        let Some(at) = self.bars.open.iter().position(|o| o.bar.id == id) else { return };
        let Open { path, ask, .. } = self.bars.open.remove(at);
        let Some(session) = self.session.as_ref().filter(|_| yes) else { return };
        match ask {
            Ask::Nothing => {}
            Ask::Recreate { pod, spec } => {
                session.delete(pod.clone(), false);
                self.bars.awaited.insert(pod, (path, spec));
            }
            Ask::Restore(lost) => {
                for Origin { path, file, spec } in lost {
                    session.start_from(path, spec, file);
                }
            }
            Ask::Start { spec } => session.start_from(path, *spec, true),
        }
    }

    /// Pods that were deleted to be made anew, and are gone by now; and files of pods that are no more.
    pub(super) fn make_anew(&mut self) {
        let world = self.store.live();
        let gone: Vec<PodUid> = self.bars.awaited.keys().filter(|uid| world.pod(uid).is_none()).cloned().collect();
        for uid in gone {
            self.bars.manifests.retain(|known| *known != uid);
            if let (Some((path, spec)), Some(session)) = (self.bars.awaited.remove(&uid), &self.session) {
                session.start_from(path, *spec, true);
            }
        }
    }
}
