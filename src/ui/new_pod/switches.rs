//! Switches for what a lesson about pods is mostly about. Each changes the manifest's text, and the lines that differ
//! from the original are shown below them.

use eframe::egui::{self, Ui};

use super::draft::Draft;
use crate::lab::PodSpec;
use crate::lab::spec::RestartPolicy;
use crate::lab::spec::edit::Setting;
use crate::model::SandboxKind;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};

/// The width of the labels before the choices.
const LABEL_W: f32 = 112.0;
/// How many changed lines are shown.
const MAX_CHANGES: usize = 6;

/// What the switches of a pod show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switches {
    pub share_pid: bool,
    /// Why `share_pid` cannot be switched.
    pub share_is_fixed: Option<&'static str>,
    pub pause: SandboxKind,
    /// The choices for pause; empty if a container holds the namespaces.
    pub pauses: Vec<SandboxKind>,
    pub infra: Option<String>,
    /// The containers that could hold the namespaces.
    pub containers: Vec<String>,
    pub restart: RestartPolicy,
}

impl Switches {
    pub fn of(spec: &PodSpec) -> Self {
        let infra = match &spec.sandbox {
            SandboxKind::Infra(name) => Some(name.clone()),
            _ => None,
        };
        let mut pauses = vec![SandboxKind::Pause, SandboxKind::PauseNoReap];
        // what the manifest has stays among the choices
        if !pauses.contains(&spec.sandbox) {
            pauses.push(spec.sandbox.clone());
        }
        if infra.is_some() {
            pauses.clear();
        }
        Self {
            share_pid: spec.share.pid,
            share_is_fixed: spec.host.pid.then_some("hostPID: true, so all are in the node's pid namespace"),
            pause: spec.sandbox.clone(),
            pauses,
            infra,
            containers: spec.containers.iter().map(|c| c.name.clone()).collect(),
            restart: spec.restart,
        }
    }
}

/// A pause in a few words.
fn pause_words(kind: &SandboxKind) -> String {
    match kind {
        SandboxKind::Pause => "reaps".to_owned(),
        SandboxKind::PauseNoReap => "never reaps".to_owned(),
        SandboxKind::PauseDelay(ms) => format!("reaps after {ms} ms"),
        SandboxKind::Missing => "is missing".to_owned(),
        SandboxKind::Own(name) | SandboxKind::Infra(name) => format!("is {name}"),
    }
}

/// The switches of one pod of a draft, and what they have changed.
pub fn switches_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut Draft) {
    if draft.is_built_by_script() {
        return;
    }
    pods_ui(ui, cx, draft);
    let Some(spec) = draft.spec() else {
        let why = "The switches work again once the error in the YAML is gone.";
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.muted)).wrap());
        return;
    };
    let switches = Switches::of(spec);
    if let Some(setting) = choices_ui(ui, cx, &switches) {
        draft.apply(draft.pod, &setting);
    }
    if let Some(why) = &draft.refused {
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.warn)).wrap());
    }
    changes_ui(ui, cx, draft);
}

/// Which pod of the manifest the switches are about.
fn pods_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut Draft) {
    let names: Vec<String> = draft.checked().pods.iter().map(|pod| pod.name.clone()).collect();
    if names.len() < 2 {
        return;
    }
    row_ui(ui, cx, "Pod", "The manifest has several pods. The switches change this one.", |ui| {
        for (nth, name) in names.iter().enumerate() {
            if ui.selectable_label(draft.pod == nth, text::rich(name)).clicked() {
                draft.pod = nth;
            }
        }
    });
}

fn choices_ui(ui: &mut Ui, cx: &Cx<'_>, switches: &Switches) -> Option<Setting> {
    let mut chosen = None;
    let hover =
        "spec.shareProcessNamespace: all containers are in pause's pid namespace, and pause reaps their orphans";
    row_ui(ui, cx, "pid namespace", hover, |ui| {
        ui.add_enabled_ui(switches.share_is_fixed.is_none(), |ui| {
            for (on, words) in [(true, "shared"), (false, "one each")] {
                if ui.radio(switches.share_pid == on, words).clicked() && switches.share_pid != on {
                    chosen = Some(Setting::SharePid(on));
                }
            }
        });
        if let Some(why) = switches.share_is_fixed {
            ui.label(text::rich(why).color(cx.tokens.muted));
        }
    });
    let hover = "podscope.dev/pause: what pause does with zombies whose parent is gone";
    row_ui(ui, cx, "pause", hover, |ui| {
        for kind in &switches.pauses {
            if ui.radio(switches.pause == *kind, text::rich(pause_words(kind))).clicked() && switches.pause != *kind {
                chosen = Some(Setting::Pause(kind.clone()));
            }
        }
        if let Some(name) = &switches.infra {
            ui.label(text::rich(format!("There is none: {name} holds the namespaces")).color(cx.tokens.muted));
        }
    });
    let hover = "podscope.dev/infra: a container that holds the namespaces in place of pause";
    row_ui(ui, cx, "Held by", hover, |ui| {
        if ui.radio(switches.infra.is_none(), "pause").clicked() && switches.infra.is_some() {
            chosen = Some(Setting::Infra(None));
        }
        for name in &switches.containers {
            let is_on = switches.infra.as_ref() == Some(name);
            if ui.radio(is_on, text::rich(name)).clicked() && !is_on {
                chosen = Some(Setting::Infra(Some(name.clone())));
            }
        }
    });
    let hover = "spec.restartPolicy: after which ends a container is started again";
    row_ui(ui, cx, "Restart policy", hover, |ui| {
        for (policy, words) in [
            (RestartPolicy::Always, "Always"),
            (RestartPolicy::OnFailure, "OnFailure"),
            (RestartPolicy::Never, "Never"),
        ] {
            if ui.radio(switches.restart == policy, words).clicked() && switches.restart != policy {
                chosen = Some(Setting::Restart(policy));
            }
        }
    });
    chosen
}

fn row_ui(ui: &mut Ui, cx: &Cx<'_>, label: &str, hover: &str, choices: impl FnOnce(&mut Ui)) {
    ui.horizontal_wrapped(|ui| {
        let size = egui::vec2(LABEL_W, 20.0);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        let label = text::rich(label).font(tokens::medium(12.5)).color(cx.tokens.muted);
        let label = ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_width(LABEL_W);
            ui.label(label)
        });
        label.inner.hover_text(hover);
        choices(ui);
    });
}

/// The lines of the manifest that differ from the original.
fn changes_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut Draft) {
    let changes = &draft.checked().changes;
    if changes.is_empty() {
        return;
    }
    ui.add_space(4.0);
    let mut reset = false;
    ui.horizontal(|ui| {
        let title = format!("Changed in the YAML: {}", text::count(changes.len(), "line", "lines"));
        ui.label(text::rich(title).font(tokens::semibold(12.0)));
        let button = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Undo all", None);
        reset = button.hover_text("Go back to the original text").clicked();
    });
    for change in changes.iter().take(MAX_CHANGES) {
        let color = if change.is_added { cx.tokens.good } else { cx.tokens.bad };
        let line = text::rich(change.to_string()).font(tokens::mono(11.5)).color(color);
        ui.add(egui::Label::new(line).truncate());
    }
    if changes.len() > MAX_CHANGES {
        let more = format!("and {} more", changes.len() - MAX_CHANGES);
        ui.label(text::rich(more).color(cx.tokens.muted));
    }
    if reset {
        draft.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::Switches;
    use crate::lab::spec::RestartPolicy;
    use crate::model::SandboxKind;
    use crate::ui::new_pod::draft::Draft;

    fn switches(preset: &str) -> Switches {
        let draft = Draft::of_preset(crate::presets::find(preset).expect("a preset"));
        Switches::of(draft.spec().expect("a pod"))
    }

    #[test]
    fn the_switches_show_what_the_manifest_says() {
        let lazy = switches("no-reap");
        assert!(lazy.share_pid && lazy.restart == RestartPolicy::Never && lazy.infra.is_none());
        assert_eq!(lazy.pause, SandboxKind::PauseNoReap);
        assert_eq!(lazy.pauses, [SandboxKind::Pause, SandboxKind::PauseNoReap]);
        let late = switches("orphans");
        assert_eq!(late.pauses, [SandboxKind::Pause, SandboxKind::PauseNoReap, SandboxKind::PauseDelay(300)]);
        let infra = switches("app-as-infra");
        assert_eq!((infra.infra.as_deref(), infra.pauses.len()), (Some("nginx"), 0));
        assert_eq!(infra.containers, ["nginx", "busybox"]);
        assert!(!switches("private-pid").share_pid);
    }
}
