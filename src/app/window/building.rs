//! Pods that are built step by step in the window: the dialogs, and what each step has changed.

use std::collections::BTreeMap;

use super::{Dialog, Window};
use crate::lab::PodSpec;
use crate::model::PodUid;
use crate::steps::{Report, Template};
use crate::ui::Selection;
use crate::ui::build::{JoinDialog, SandboxDialog};

/// The number of steps that are kept per pod.
const MAX_STEPS: usize = 64;

/// The reports of the completed steps.
#[derive(Debug, Default)]
pub(super) struct Building {
    reports: BTreeMap<PodUid, Vec<Report>>,
}

impl Building {
    /// The completed steps of a pod, the oldest first.
    pub fn reports(&self, pod: &PodUid) -> &[Report] {
        self.reports.get(pod).map_or(&[], Vec::as_slice)
    }
}

impl Window {
    pub(super) fn ask_sandbox(&mut self) {
        let taken = |name: &str| self.shown.live().pod_named(name).is_some();
        self.open_dialog(Dialog::Sandbox(SandboxDialog::new(Template::free_name("web", taken))));
    }

    pub(super) fn ask_join(&mut self, pod: PodUid, template: Template) {
        let known = self.shown.state().specs.get(&pod).cloned();
        // the spec of a pod that was started elsewhere is read when the container joins
        let by_name = || PodSpec::sandbox(&self.shown.live().pod(&pod)?.name).ok();
        if let Some(spec) = known.or_else(by_name) {
            self.open_dialog(Dialog::Join(Box::new(JoinDialog::new(pod, spec, template))));
        }
    }

    /// A step of building a pod is done: shows the pod.
    pub(super) fn step_done(&mut self, report: Report) {
        self.shown.show_live(&self.engine);
        if self.selection.pod.as_ref() != Some(&report.pod) {
            self.selection = Selection { pod: Some(report.pod.clone()), ..Selection::default() };
        }
        let live = self.shown.live();
        let reports = &mut self.building.reports;
        reports.retain(|uid, _| *uid == report.pod || live.pod(uid).is_some());
        let reports = reports.entry(report.pod.clone()).or_default();
        reports.push(report);
        let excess = reports.len().saturating_sub(MAX_STEPS);
        reports.drain(..excess);
    }
}
