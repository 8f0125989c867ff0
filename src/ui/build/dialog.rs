//! The dialogs for creating a sandbox and for joining a container. They show the equivalent commands while one types.

use eframe::egui::{self, Key, Role, Ui};

use super::equivalents::{cell, equivalents_ui};
use crate::command::Command;
use crate::lab::{ContainerSpec, Join, JoinPid, PodSpec};
use crate::model::{ContainerKind, NsKind, PodUid};
use crate::steps::{Step, Template, equivalents};
use crate::ui::Action;
use crate::ui::logs::split;
use crate::ui::{Cx, text, tokens, widgets};

const WIDTH: f32 = 620.0;
/// The width of the labels before the fields.
const LABEL_W: f32 = 84.0;

/// The dialog for a new sandbox while it is open.
#[derive(Clone, Debug)]
pub struct SandboxDialog {
    pub name: String,
    /// Set until the field has had the keyboard focus once.
    is_new: bool,
}

impl SandboxDialog {
    pub const fn new(name: String) -> Self {
        Self { name, is_new: true }
    }
}

pub fn sandbox_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut SandboxDialog) {
    ui.set_width(WIDTH);
    ui.label(text::rich("New sandbox").font(tokens::bold(16.0)));
    let what = "Only pause, with a network. It holds the namespaces that containers then join.";
    ui.label(text::rich(what).color(cx.tokens.muted));
    ui.add_space(6.0);
    let enter = field_ui(ui, "Name", "Name of the pod", &mut dialog.name, "web", &mut dialog.is_new);
    let name = dialog.name.trim().to_owned();
    let spec = PodSpec::sandbox(&name);
    let taken = cx.world.pod_named(&name).is_some();
    let problem = match &spec {
        Err(why) => Some(why.clone()),
        Ok(_) if taken => Some(format!("pods \"{name}\" already exists")),
        Ok(_) => None,
    };
    let step = Step::Sandbox { name };
    if let Ok(spec) = &spec {
        equivalents_section(ui, cx, &step, spec);
    }
    finish_ui(ui, cx, "Create", problem.as_deref(), enter, step);
}

/// The dialog for a container that joins, and what it shares, while it is open.
#[derive(Clone, Debug)]
pub struct JoinDialog {
    pod: PodUid,
    /// The pod's spec when the dialog was opened.
    spec: PodSpec,
    pub name: String,
    pub image: String,
    pub command: String,
    pub join: Join,
    pub ephemeral: bool,
    is_new: bool,
}

impl JoinDialog {
    pub fn new(pod: PodUid, spec: PodSpec, template: Template) -> Self {
        let name = Template::free_name(template.name, |name| spec.container(name).is_some());
        // like the container that joined last, so that a pod of equal containers is easily built
        let join = spec.containers.last().map_or_else(|| spec.share.into(), |c| spec.join_of(c));
        let (image, command) = (template.image.to_owned(), template.command.to_owned());
        Self { pod, spec, name, image, command, join, ephemeral: false, is_new: true }
    }

    fn container(&self) -> Result<ContainerSpec, String> {
        let command = split(&self.command)?;
        let (name, image) = (self.name.trim().to_owned(), self.image.trim().to_owned());
        Ok(ContainerSpec { name, image, command, join: Some(self.join.clone()), ..ContainerSpec::default() })
    }

    /// The step, and the reason if it cannot be done.
    fn step(&self) -> (Option<Step>, Option<String>) {
        let container = match self.container() {
            Ok(container) => container,
            Err(why) => return (None, Some(why)),
        };
        let kind = if self.ephemeral { ContainerKind::Ephemeral } else { ContainerKind::App };
        let problem = self.spec.admit(container.clone(), kind).err();
        let (pod, container) = (self.pod.clone(), Box::new(container));
        (Some(Step::Join { pod, container, ephemeral: self.ephemeral }), problem)
    }
}

pub fn join_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut JoinDialog) {
    ui.set_width(WIDTH);
    ui.label(text::rich(format!("Join a container to {}", dialog.spec.name)).font(tokens::bold(16.0)));
    ui.add_space(4.0);
    let mut enter = field_ui(ui, "Name", "Name of the container", &mut dialog.name, "nginx", &mut dialog.is_new);
    enter |= field_ui(
        ui,
        "Image",
        "Image of the container",
        &mut dialog.image,
        "none: runs a program of this machine",
        &mut false,
    );
    let hint = if dialog.image.is_empty() { "sleep 1d" } else { "the image's default command" };
    enter |= field_ui(ui, "Command", "Command of the container", &mut dialog.command, hint, &mut false);
    ui.add_space(4.0);
    shares_ui(ui, cx, dialog);
    let (step, problem) = dialog.step();
    if let Some(step) = step {
        equivalents_section(ui, cx, &step, &dialog.spec);
        finish_ui(ui, cx, "Join", problem.as_deref(), enter, step);
    } else {
        // only a malformed command gives no step at all
        let why = problem.unwrap_or_default();
        ui.label(text::rich(why).color(cx.tokens.warn));
        cancel_ui(ui, cx);
    }
}

/// The choice of namespaces: which of the pod's to share, and whose pid namespace.
fn shares_ui(ui: &mut Ui, cx: &Cx<'_>, dialog: &mut JoinDialog) {
    let label = |ui: &mut Ui, label: &str| {
        cell(ui, LABEL_W, |ui| ui.label(text::rich(label)));
    };
    let of_pod: Join = dialog.spec.share.into();
    ui.horizontal(|ui| {
        label(ui, "Shares");
        ui.add_enabled_ui(!dialog.ephemeral, |ui| {
            let Join { net, ipc, uts, .. } = &mut dialog.join;
            for (kind, on, default) in
                [(NsKind::Net, net, of_pod.net), (NsKind::Ipc, ipc, of_pod.ipc), (NsKind::Uts, uts, of_pod.uts)]
            {
                if dialog.ephemeral {
                    *on = default;
                }
                let name = text::rich(kind.name()).font(tokens::mono_bold(12.5)).color(cx.tokens.ns(kind));
                ui.checkbox(on, name);
            }
        });
        let rest = "mnt and cgroup are its own; user is the node's, time is this machine's";
        ui.label(text::rich(rest).font(tokens::sans(11.5)).color(cx.tokens.muted));
    });
    ui.horizontal_wrapped(|ui| {
        let pid = text::rich("pid").font(tokens::mono_bold(12.5)).color(cx.tokens.ns(NsKind::Pid));
        cell(ui, LABEL_W, |ui| ui.label(pid));
        // without a target, an ephemeral container has the pod's default pid namespace
        if dialog.ephemeral && dialog.join.target().is_none() {
            dialog.join.pid = of_pod.pid.clone();
        }
        for (choice, words) in [(JoinPid::Pod, "shared with pause"), (JoinPid::Own, "its own")] {
            let is_allowed = !dialog.ephemeral || choice == of_pod.pid;
            ui.add_enabled_ui(is_allowed, |ui| ui.radio_value(&mut dialog.join.pid, choice, words));
        }
        for container in dialog.spec.init_containers.iter().chain(&dialog.spec.containers) {
            let choice = JoinPid::Container(container.name.clone());
            ui.radio_value(&mut dialog.join.pid, choice, text::rich(format!("shared with {}", container.name)));
        }
    });
    ui.horizontal(|ui| {
        label(ui, "");
        let words = "Ephemeral, as with kubectl debug (never restarted, cannot be taken out)";
        ui.checkbox(&mut dialog.ephemeral, words);
    });
}

fn equivalents_section(ui: &mut Ui, cx: &Cx<'_>, step: &Step, spec: &PodSpec) {
    ui.add_space(8.0);
    widgets::section(ui, cx.tokens, "Equivalent commands");
    equivalents_ui(ui, cx, &equivalents(step, spec));
}

/// A text field with a label. Returns whether Enter was pressed in it.
fn field_ui(ui: &mut Ui, label: &str, name: &str, value: &mut String, hint: &str, is_new: &mut bool) -> bool {
    ui.horizontal(|ui| {
        cell(ui, LABEL_W, |ui| ui.label(text::rich(label)));
        let edit = egui::TextEdit::singleline(value).font(tokens::mono(12.0)).hint_text(hint);
        let edit = ui.add(edit.id_salt(name).desired_width(f32::INFINITY));
        edit.widget_info(|| text::labeled(Role::TextInput, true, name));
        if std::mem::take(is_new) {
            edit.request_focus();
        }
        edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter))
    })
    .inner
}

/// The reason if the step cannot be done, and the buttons.
fn finish_ui(ui: &mut Ui, cx: &mut Cx<'_>, label: &str, problem: Option<&str>, enter: bool, step: Step) {
    if let Some(why) = problem {
        ui.add_space(4.0);
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.warn)).wrap());
    }
    ui.add_space(8.0);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let ready = problem.is_none();
        let button = ui.add_enabled_ui(ready, |ui| {
            widgets::button(ui, cx.tokens, widgets::ButtonStyle::Primary, None, label, Some(88.0))
        });
        if ready && (button.inner.clicked() || enter) {
            cx.act(Action::CancelDialog);
            cx.act(Action::Do(Command::Build(step)));
        }
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}

fn cancel_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}
