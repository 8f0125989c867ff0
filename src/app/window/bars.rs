//! The bars with questions and warnings about manifests, and what the answers do.

use std::path::{Path, PathBuf};

use super::Window;
use crate::engine::{PodReplaced, ReadPod, Request, StartedPod, Update};
use crate::lab::spec::{PodSpec, Warning};
use crate::model::PodUid;
use crate::ui::Selection;
use crate::ui::bars::{Bar, BarSeverity};

/// What the first button of a bar does.
#[derive(Clone, Debug)]
enum BarAction {
    Nothing,
    Recreate {
        pod: PodUid,
        from: Box<ReadPod>,
    },
    /// Start these pods; for example those that were lost with the last node.
    Start(Vec<ReadPod>),
}

struct OpenBar {
    bar: Bar,
    /// The file that it is about. The next change of the file closes the bar.
    path: PathBuf,
    action: BarAction,
}

/// The open bars.
#[derive(Default)]
pub struct Bars {
    open: Vec<OpenBar>,
    next_id: u64,
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
                    BarAction::Recreate { pod, from: Box::new(pod_of(path, spec)) },
                );
            }
            Update::AskStart { spec } => {
                let title = format!("{file} has a pod that is not running: {}", spec.name);
                self.open(
                    path,
                    BarSeverity::Question,
                    title,
                    Vec::new(),
                    Some("Start"),
                    BarAction::Start(vec![pod_of(path, spec)]),
                );
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

/// A pod of a file, whose warnings were shown already.
fn pod_of(path: &Path, spec: Box<PodSpec>) -> ReadPod {
    ReadPod { from: StartedPod { path: path.to_owned(), follows_file: true, spec, preset: None }, warnings: Vec::new() }
}

impl Window {
    /// The lab runs again after its node has ended: offers to start its pods again.
    pub(super) fn lab_restarted(&mut self, lost: Vec<StartedPod>) {
        // the pods ended with the last node, so questions about them are closed
        self.bars.open.clear();
        if lost.is_empty() {
            return;
        }
        let count = crate::ui::text::count(lost.len(), "pod", "pods");
        let title = format!("The lab is running again. Start the same {count} as before?");
        let names: Vec<&str> = lost.iter().map(|from| from.spec.name.as_str()).collect();
        let lines = vec![names.join(", ")];
        let pods = lost.into_iter().map(|from| ReadPod { from, warnings: Vec::new() }).collect();
        self.bars.open(Path::new(""), BarSeverity::Question, title, lines, Some("Start them"), BarAction::Start(pods));
    }

    /// A pod was started: shows it. Of several pods of one manifest it selects the first.
    pub(super) fn pod_started(&mut self, pod: &PodUid, from: &StartedPod, warnings: &[Warning], start: u64) {
        self.shown.show_live(&self.engine);
        if self.new_pod.1 != start {
            self.new_pod = (Some(pod.clone()), start);
        }
        self.guide_pod(pod, from, start);
        self.bars.warn(&from.path, warnings);
    }

    /// Selects the pod that was started last, once the World has it.
    pub(super) fn select_new_pod(&mut self) {
        let live = self.shown.live();
        if let Some(uid) = self.new_pod.0.take_if(|uid| live.pod(uid).is_some()) {
            self.selection = Selection { pod: Some(uid), ..Selection::default() };
            self.is_selection_automatic = false;
        }
    }

    /// A manifest was read again after it had changed.
    pub(super) fn manifest_read(&mut self, path: &Path, updates: Vec<Update>, warnings: &[Warning]) {
        self.close_bars_of(path);
        for update in updates {
            self.bars.show_update(path, update);
        }
        self.bars.warn(path, warnings);
    }

    pub(super) fn manifest_unreadable(&mut self, path: &Path, why: String) {
        self.close_bars_of(path);
        let title = format!("{} cannot be read; its pods keep running unchanged", name(path));
        self.bars.open(path, BarSeverity::Error, title, vec![why], None, BarAction::Nothing);
    }

    /// Closes the questions about the last version of a file.
    fn close_bars_of(&mut self, path: &Path) {
        self.bars.open.retain(|o| o.path != path);
    }

    pub(super) fn pod_replaced(&mut self, replaced: PodReplaced) {
        let PodReplaced { path, containers, result, .. } = replaced;
        if let Err(why) = result {
            return self.notify_lasting(why);
        }
        let what = if containers.is_empty() {
            "files from ConfigMaps and Secrets change now, variables at the next start".to_owned()
        } else {
            format!("{} replaced", containers.join(", "))
        };
        self.notify(format!("{} changed: {what}", name(&path)));
    }

    pub(super) fn answer_bar(&mut self, id: u64, yes: bool) {
        let Some(at) = self.bars.open.iter().position(|o| o.bar.id == id) else { return };
        let OpenBar { action, .. } = self.bars.open.remove(at);
        match action {
            BarAction::Recreate { pod, from } if yes => self.engine.send(Request::Recreate { pod, from }),
            BarAction::Start(pods) if yes => self.engine.send(Request::Start(pods)),
            _ => {}
        }
    }
}
