//! Runs a program in a container from the window.

use std::time::Duration;

use eframe::egui::{self, Role, Ui, vec2};

use super::command;
use super::lines::lines_ui;
use crate::command::Command;
use crate::model::{ContainerState, ExecEnd, ExecRun, Member, Pod};
use crate::ui::Action;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording;

/// How long a program may run.
const EXEC_LIMIT: Duration = Duration::from_secs(30);

/// An example of a command.
const HINT: &str = "ps -ef";

/// Height of the prompt, the line below it and the margins.
pub const PROMPT_H: f32 = 68.0;

pub fn prompt_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, member: &Member, command: &mut String) {
    let container = member.container.as_deref().and_then(|name| pod.container(name));
    let Some(container) = container else {
        let why = "The root of pause contains only pause: there is no other program to run.";
        ui.label(text::rich(why).color(cx.tokens.muted));
        return;
    };
    let can_run = cx.live && matches!(container.state, ContainerState::Running { .. });
    let argv = command::split(command);
    let row = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(row, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.label(text::rich(format!("Run in {}", container.name)).font(tokens::semibold(12.5)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let pid = container.process.filter(|_| can_run);
            copy_ui(ui, cx, pid, argv.as_ref().ok());
            let ready = can_run && argv.as_ref().is_ok_and(|argv| !argv.is_empty());
            let run = ui.add_enabled_ui(ready, |ui| {
                widgets::button(ui, cx.tokens, widgets::ButtonStyle::Primary, None, "Run", Some(64.0))
            });
            let run = run.inner.hover_text("Run it (Enter)");
            let terminal = ui.add_enabled_ui(can_run && argv.is_ok(), |ui| {
                widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Terminal", None)
            });
            let terminal = terminal.inner.hover_text("Run it (or sh) in a terminal that you can type in");
            if terminal.clicked()
                && let Ok(typed) = &argv
            {
                let argv = if typed.is_empty() { vec!["sh".to_owned()] } else { typed.clone() };
                cx.act(Action::OpenTerminal { member: member.clone(), argv: Some(argv) });
            }
            if container.stdin {
                let attach = ui.add_enabled_ui(can_run, |ui| {
                    widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Attach", None)
                });
                if attach.inner.hover_text("Connect to the container's standard input").clicked() {
                    cx.act(Action::OpenTerminal { member: member.clone(), argv: None });
                }
            }
            let edit = egui::TextEdit::singleline(command)
                .id_salt("command")
                .font(tokens::mono(12.0))
                .hint_text(HINT)
                .desired_width(ui.available_width() - 8.0);
            let edit = ui.add(edit);
            edit.widget_info(|| text::labeled(Role::TextInput, true, "Command to run in the container"));
            let enter = edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
            if enter {
                // for the next command
                edit.request_focus();
            }
            // split again: text typed in this frame belongs to it, also if Enter came in the same frame
            if can_run
                && (run.clicked() || enter)
                && let Ok(argv) = command::split(command)
                && !argv.is_empty()
            {
                cx.act(Action::Do(Command::Exec { member: member.clone(), argv, limit: EXEC_LIMIT }));
            }
        });
    });
    let (line, ink) = match &argv {
        Err(why) => (why.clone(), cx.tokens.warn),
        _ if !cx.live => ("You are viewing the past. Return to live to run a program.".to_owned(), cx.tokens.muted),
        _ if !can_run => (format!("{} is not running.", container.name), cx.tokens.muted),
        _ => {
            let limit = EXEC_LIMIT.as_secs();
            (format!("Runs in the container's namespaces and root, for at most {limit} s."), cx.tokens.faint)
        }
    };
    ui.label(text::rich(line).font(tokens::sans(11.5)).color(ink));
}

/// The button that copies the `nsenter` line.
fn copy_ui(ui: &mut Ui, cx: &Cx<'_>, pid: Option<crate::model::ProcId>, argv: Option<&Vec<String>>) {
    let fallback = vec!["sh".to_owned()];
    let argv = argv.filter(|a| !a.is_empty()).unwrap_or(&fallback);
    let owner = pid.and_then(|id| cx.world.process(id)).and_then(|p| p.uid);
    // a lab that root started belongs to another user: root switches to that user first, to be root in the pod as well
    let as_owner = owner.filter(|uid| *uid != cx.world.host.uid && cx.world.host.uid == 0);
    let button = ui.add_enabled_ui(pid.is_some(), |ui| {
        widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Copy nsenter line", None)
    });
    let Some(id) = pid else { return };
    let line = command::nsenter(id.pid, argv, as_owner);
    if button.inner.clicked() {
        ui.ctx().copy_text(line.clone());
    }
    let needs = match as_owner {
        Some(uid) => format!(
            "For a shell of root on this machine: the lab was started by root and belongs to uid {uid}, so the line \
             switches to that uid first."
        ),
        None => {
            "For a shell of the same user on this machine: the owner of the pod's user namespace may enter it and, \
             from there, the others. Needs no root. nsenter is part of util-linux."
                .to_owned()
        }
    };
    button.inner.on_hover_ui(|ui| {
        ui.set_max_width(460.0);
        ui.label(text::rich(line).font(tokens::mono(11.5)));
        ui.label(text::rich(needs));
    });
}

/// A program that was executed, how it ended, and its output.
pub fn output_ui(ui: &mut Ui, cx: &mut Cx<'_>, run: &ExecRun) {
    let tokens = cx.tokens;
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if run.ended.is_none() && cx.live {
                let cancel = widgets::button(ui, tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(72.0));
                if cancel.hover_text("Kill the program (KILL)").clicked() {
                    cx.act(Action::Do(Command::CancelExec(run.id)));
                }
            }
            let is_good = matches!(&run.ended, Some((ExecEnd::Exited(status), _)) if status.success());
            let color = match &run.ended {
                None => tokens.accent,
                Some(_) if is_good => tokens.good,
                Some(_) => tokens.bad,
            };
            let words = text::rich(wording::exec::state(run)).font(tokens::semibold(12.0)).color(color);
            ui.add(egui::Label::new(words).truncate());
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let what = format!("{} $ {}", run.member.name(), run.argv.join(" "));
                let what = text::rich(what).font(tokens::mono(12.0)).color(tokens.muted);
                ui.add(egui::Label::new(what).truncate());
            });
        });
    });
    lines_ui(ui, cx, "exec", &run.output, true);
}
