//! What is asked before a sandbox is made and before a container joins, with what the step is elsewhere as one types.

use eframe::egui::{self, Key, Role, Ui};

use super::equal::{cell, equal_ui};
use crate::app::Action;
use crate::command::Command;
use crate::lab::{ContainerSpec, Join, JoinPid, PodSpec};
use crate::model::{ContainerKind, NsKind, PodUid};
use crate::steps::{Step, Template, equal};
use crate::ui::logs::split;
use crate::ui::{Cx, text, tokens, widgets};

const WIDTH: f32 = 620.0;
/// Of the words before a field.
const LABEL_W: f32 = 84.0;

/// The name of a sandbox while it is asked for.
#[derive(Clone, Debug)]
pub struct SandboxDialog {
    pub name: String,
    /// Set until the field has had the keyboard once.
    fresh: bool,
}

impl SandboxDialog {
    pub const fn new(name: String) -> Self {
        Self { name, fresh: true }
    }
}

pub fn sandbox_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut SandboxDialog) {
    ui.set_width(WIDTH);
    ui.label(text::rich("New sandbox").font(tokens::bold(16.0)));
    let what = "pause alone, with a network: it holds the namespaces that containers then join, one by one.";
    ui.label(text::rich(what).color(cx.tokens.muted));
    ui.add_space(6.0);
    let enter = field_ui(ui, "Name", "Name of the pod", &mut dialog.name, "web", &mut dialog.fresh);
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
        elsewhere_ui(ui, cx, &step, spec);
    }
    end_ui(ui, cx, "Create", problem.as_deref(), enter, step);
}

/// What joins, and what it shares, while it is asked.
#[derive(Clone, Debug)]
pub struct JoinDialog {
    pod: PodUid,
    /// The pod's, as it was when the dialog was opened.
    spec: PodSpec,
    pub name: String,
    pub image: String,
    pub command: String,
    pub join: Join,
    pub ephemeral: bool,
    fresh: bool,
}

impl JoinDialog {
    pub fn new(pod: PodUid, spec: PodSpec, template: Template) -> Self {
        let name = Template::free_name(template.name, |name| spec.container(name).is_some());
        // as the one that joined last, so that a pod is easily built of equals
        let join = spec.containers.last().map_or_else(|| spec.share.into(), |c| spec.join_of(c));
        let (image, command) = (template.image.to_owned(), template.command.to_owned());
        Self { pod, spec, name, image, command, join, ephemeral: false, fresh: true }
    }

    fn container(&self) -> Result<ContainerSpec, String> {
        let command = split(&self.command)?;
        let (name, image) = (self.name.trim().to_owned(), self.image.trim().to_owned());
        Ok(ContainerSpec { name, image, command, join: Some(self.join.clone()), ..ContainerSpec::default() })
    }

    /// The step, and why it cannot be done.
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
    let mut enter = field_ui(ui, "Name", "Name of the container", &mut dialog.name, "nginx", &mut dialog.fresh);
    enter |= field_ui(
        ui,
        "Image",
        "Image of the container",
        &mut dialog.image,
        "none: the command is of this machine",
        &mut false,
    );
    let hint = if dialog.image.is_empty() { "sleep 1d" } else { "what the image starts" };
    enter |= field_ui(ui, "Command", "Command of the container", &mut dialog.command, hint, &mut false);
    ui.add_space(4.0);
    shares_ui(ui, cx, dialog);
    let (step, problem) = dialog.step();
    if let Some(step) = step {
        elsewhere_ui(ui, cx, &step, &dialog.spec);
        end_ui(ui, cx, "Join", problem.as_deref(), enter, step);
    } else {
        // only the command can be so wrong that there is no step
        let why = problem.unwrap_or_default();
        ui.label(text::rich(why).color(cx.tokens.warn));
        cancel_ui(ui, cx);
    }
}

/// The namespaces to tick: those that are the pod's, and whose pid namespace.
fn shares_ui(ui: &mut Ui, cx: &Cx<'_>, dialog: &mut JoinDialog) {
    let word = |ui: &mut Ui, word: &str| {
        cell(ui, LABEL_W, |ui| ui.label(text::rich(word)));
    };
    let of_pod: Join = dialog.spec.share.into();
    ui.horizontal(|ui| {
        word(ui, "Shares");
        ui.add_enabled_ui(!dialog.ephemeral, |ui| {
            let Join { net, ipc, uts, .. } = &mut dialog.join;
            for (kind, on, usual) in
                [(NsKind::Net, net, of_pod.net), (NsKind::Ipc, ipc, of_pod.ipc), (NsKind::Uts, uts, of_pod.uts)]
            {
                if dialog.ephemeral {
                    *on = usual;
                }
                let name = text::rich(kind.name()).font(tokens::mono_bold(12.5)).color(cx.tokens.ns(kind));
                ui.checkbox(on, name);
            }
        });
        let rest = "mnt and cgroup are its own, user and time the node's";
        ui.label(text::rich(rest).font(tokens::sans(11.5)).color(cx.tokens.muted));
    });
    ui.horizontal_wrapped(|ui| {
        let pid = text::rich("pid").font(tokens::mono_bold(12.5)).color(cx.tokens.ns(NsKind::Pid));
        cell(ui, LABEL_W, |ui| ui.label(pid));
        // without a target an ephemeral container does as the pod's containers
        if dialog.ephemeral && dialog.join.target().is_none() {
            dialog.join.pid = of_pod.pid.clone();
        }
        for (choice, words) in [(JoinPid::Pod, "that of pause"), (JoinPid::Own, "its own")] {
            let offered = !dialog.ephemeral || choice == of_pod.pid;
            ui.add_enabled_ui(offered, |ui| ui.radio_value(&mut dialog.join.pid, choice, words));
        }
        for container in dialog.spec.init_containers.iter().chain(&dialog.spec.containers) {
            let choice = JoinPid::Container(container.name.clone());
            ui.radio_value(&mut dialog.join.pid, choice, text::rich(format!("that of {}", container.name)));
        }
    });
    ui.horizontal(|ui| {
        word(ui, "");
        ui.checkbox(
            &mut dialog.ephemeral,
            "Ephemeral, as by kubectl debug: never restarted, and it cannot be taken out",
        );
    });
}

fn elsewhere_ui(ui: &mut Ui, cx: &Cx<'_>, step: &Step, spec: &PodSpec) {
    ui.add_space(8.0);
    widgets::section(ui, cx.tokens, "The same elsewhere");
    equal_ui(ui, cx, &equal(step, spec));
}

/// Whether Enter was pressed in it.
fn field_ui(ui: &mut Ui, label: &str, name: &str, value: &mut String, hint: &str, fresh: &mut bool) -> bool {
    ui.horizontal(|ui| {
        cell(ui, LABEL_W, |ui| ui.label(text::rich(label)));
        let edit = egui::TextEdit::singleline(value).font(tokens::mono(12.0)).hint_text(hint);
        let edit = ui.add(edit.id_salt(name).desired_width(f32::INFINITY));
        edit.widget_info(|| text::labeled(Role::TextInput, true, name));
        if std::mem::take(fresh) {
            edit.request_focus();
        }
        edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter))
    })
    .inner
}

/// Why it cannot be done, and the buttons.
fn end_ui(ui: &mut Ui, cx: &mut Cx<'_>, act: &str, problem: Option<&str>, enter: bool, step: Step) {
    if let Some(why) = problem {
        ui.add_space(4.0);
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.warn)).wrap());
    }
    ui.add_space(8.0);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let ready = problem.is_none();
        let button = ui
            .add_enabled_ui(ready, |ui| widgets::button(ui, cx.tokens, widgets::Look::Primary, None, act, Some(88.0)));
        if ready && (button.inner.clicked() || enter) {
            cx.act(Action::CancelDialog);
            cx.act(Action::Do(Command::Build(step)));
        }
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}

fn cancel_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if widgets::button(ui, cx.tokens, widgets::Look::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
}
