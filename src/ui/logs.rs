//! The output of a container at the moment shown, and a prompt to run a program in it.
//!
//! ```text
//! [nginx] [busybox] [pause]                    ☑ Follow the tail  Copy
//! 127.0.0.1 - - "GET / HTTP/1.1" 200 10
//! …
//! ──────────────────────────────────────────────────────────────
//! busybox $ ps -ef                                   exit 0 · 12 ms      (while it runs: running… [Cancel])
//! PID 1 …
//! ──────────────────────────────────────────────────────────────
//! Run in busybox  [ ps -ef                 ] [Run] [Copy nsenter line]
//! ```

mod command;
mod exec;
mod lines;

use std::sync::PoisonError;

use eframe::egui::{self, Margin, Role, Ui};

pub use command::split;

use super::terminal::{Terminal, terminal_ui};
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::model::{Member, Output, Pod, ProcId};
use crate::ui::Action;

/// Kept by the window between frames.
#[derive(Debug)]
pub struct LogsState {
    /// The member whose output is shown. Set to that of the selected process when the selection changes.
    chosen: Option<Member>,
    selected: Option<ProcId>,
    follow_tail: bool,
    command: String,
    /// Shown instead of the output if there is one.
    pub terminal: Option<Terminal>,
    /// The terminal gets the focus in the next frame.
    pub focus_terminal: bool,
}

impl Default for LogsState {
    fn default() -> Self {
        Self {
            chosen: None,
            selected: None,
            follow_tail: true,
            command: String::new(),
            terminal: None,
            focus_terminal: false,
        }
    }
}

impl LogsState {
    /// The member whose output to show: that of the selected process, else the one chosen here, else the first.
    fn choose_member(&mut self, cx: &Cx<'_>, pod: &Pod) -> Member {
        if self.selected != cx.selection.process {
            self.selected = cx.selection.process;
            let process = cx.selection.process.and_then(|id| cx.world.process(id));
            // pause writes little: selecting it does not change the choice
            let member = process.and_then(|p| p.member.clone()).filter(|m| m.container.is_some());
            self.chosen = member.or(self.chosen.take());
        }
        let known = |m: &Member| m.pod == pod.uid && m.container.as_deref().is_none_or(|c| pod.container(c).is_some());
        let first = || match pod.containers.iter().find(|c| c.kind == crate::model::ContainerKind::App) {
            Some(c) => Member::container(&pod.uid, &c.name),
            None => Member::pause(&pod.uid),
        };
        self.chosen.clone().filter(known).unwrap_or_else(first)
    }
}

pub fn logs_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut LogsState) {
    let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| cx.world.pod(uid)) else {
        return widgets::empty(ui, cx.tokens, "No pod selected", "Select one on the left.");
    };
    if !pod.is_of_lab() {
        return widgets::empty(ui, cx.tokens, "Not a pod of the lab", "Its output is with its container engine.");
    }
    let member = state.choose_member(cx, pod);
    if let Some(terminal) = state.terminal.clone() {
        let focus = std::mem::take(&mut state.focus_terminal);
        return terminal_pane(ui, cx, pod, &terminal, focus);
    }
    let margin = Margin { left: 16, right: 16, top: 8, bottom: 8 };
    let frame = egui::Frame::new().fill(cx.tokens.panel).inner_margin(margin);
    // the prompt has its own panel at the bottom, so that arriving output does not move it
    let prompt = egui::Panel::bottom("exec prompt").frame(frame).resizable(false).exact_size(exec::PROMPT_H);
    prompt.show(ui, |ui| exec::prompt_ui(ui, cx, pod, &member, &mut state.command));
    if let Some(last) = cx.world.last_exec(&pod.uid) {
        let output = egui::Panel::bottom("exec output").frame(frame).resizable(true);
        let output = output.default_size(200.0).size_range(70.0..=400.0);
        output.show(ui, |ui| exec::output_ui(ui, cx, last));
    }
    egui::Frame::new().inner_margin(Margin::symmetric(16, 10)).show(ui, |ui| {
        let log = cx.world.output.get(&member);
        header(ui, pod, &member, log, state);
        ui.add_space(6.0);
        if let Some(log) = log.filter(|log| !log.is_empty()) {
            return lines::lines_ui(ui, cx, "log", log, state.follow_tail);
        }
        let hint = if cx.live { "Its stdout and stderr will appear here." } else { "The view shows a past moment." };
        widgets::empty(ui, cx.tokens, &format!("{} has written nothing yet", member.name()), hint);
    });
}

/// A terminal; above it the program that runs in it, and how it ended.
fn terminal_pane(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, terminal: &Terminal, focus: bool) {
    egui::Frame::new().inner_margin(Margin::symmetric(16, 10)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let close = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Close terminal", None);
                if close.hover_text("The program gets SIGHUP").clicked() {
                    cx.act(Action::CloseTerminal);
                }
                let ended = terminal.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (words, ink) = match ended {
                    None => ("running".to_owned(), cx.tokens.accent),
                    Some(Ok(how)) => (how, cx.tokens.muted),
                    Some(Err(why)) => (why, cx.tokens.bad),
                };
                let words = text::rich(words).font(tokens::semibold(12.0)).color(ink);
                ui.add(egui::Label::new(words).truncate());
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let elsewhere = if terminal.member.pod == pod.uid { "" } else { " of another pod" };
                    let what = format!("{}{elsewhere} $ {}", terminal.member.name(), terminal.title);
                    ui.add(
                        egui::Label::new(text::rich(what).font(tokens::mono(12.0)).color(cx.tokens.muted)).truncate(),
                    );
                });
            });
        });
        ui.add_space(6.0);
        terminal_ui(ui, cx, terminal, focus);
    });
}

/// One tab per member; on the right the actions for the output.
fn header(ui: &mut Ui, pod: &Pod, shown: &Member, log: Option<&Output>, state: &mut LogsState) {
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("Copy").hover_text("Copy all lines that are kept").clicked() {
                ui.ctx().copy_text(log.map(lines::text).unwrap_or_default());
            }
            ui.checkbox(&mut state.follow_tail, "Follow output");
            let area = egui::ScrollArea::horizontal()
                .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                area.show(ui, |ui| {
                    let names = pod.containers.iter().map(|c| Member::container(&pod.uid, &c.name));
                    for member in names.chain([Member::pause(&pod.uid)]) {
                        let chosen = member == *shown;
                        let button = ui.selectable_label(chosen, text::rich(member.name()));
                        let name = format!("Output of {}", member.name());
                        button.widget_info(|| text::selected(Role::Tab, true, chosen, &name));
                        if button.clicked() {
                            state.chosen = Some(member);
                        }
                    }
                });
            });
        });
    });
}
