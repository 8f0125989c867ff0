//! The tagged processes, and the signals that all of them can get at once.

use eframe::egui::{self, Ui};

use super::TreeState;
use crate::command::{Command, SignalRule, signal_rule};
use crate::model::{ProcId, Signal, World};
use crate::ui::signals::{FIRST, MORE};
use crate::ui::text::HoverText as _;
use crate::ui::widgets::{self, ButtonStyle};
use crate::ui::{Action, Cx, text, tokens};

/// `…` if a signal to these processes is sent only after a question.
pub(super) fn question_mark(world: &World, targets: &[ProcId]) -> &'static str {
    let asks = match targets {
        [one] => matches!(signal_rule(world, *one), SignalRule::NeedsConfirmation { .. }),
        _ => true,
    };
    if asks { "…" } else { "" }
}

pub(super) fn send(cx: &mut Cx<'_>, targets: &[ProcId], signal: Signal) {
    let command = match targets {
        [one] => Command::Signal { target: *one, signal },
        all => Command::SignalAll { targets: all.to_vec(), signal },
    };
    cx.act(Action::Do(command));
}

pub(super) fn tags_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TreeState) {
    let targets: Vec<ProcId> = state.tagged(cx.world).collect();
    let mark = question_mark(cx.world, &targets);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let count = format!("{} tagged", text::thousands(targets.len() as u64));
        ui.label(text::rich(&count).font(tokens::semibold(12.5)).color(cx.tokens.accent));
        ui.add_enabled_ui(cx.live && !targets.is_empty(), |ui| {
            for (name, signal) in FIRST {
                let style = match signal {
                    Signal::KILL => ButtonStyle::Outline(cx.tokens.bad),
                    Signal::TERM => ButtonStyle::Outline(cx.tokens.warn),
                    _ => ButtonStyle::Plain,
                };
                let button = widgets::button(ui, cx.tokens, style, None, &format!("{name} tagged{mark}"), None);
                if button.clicked() {
                    send(cx, &targets, signal);
                }
                let past = "You are viewing the past. Return to live to send a signal.";
                button.hover_text(if cx.live { "Sends it to all tagged processes" } else { past });
            }
            let more = widgets::button(ui, cx.tokens, ButtonStyle::Plain, None, "More…", None);
            egui::Popup::menu(&more).show(|ui| {
                for name in MORE {
                    let Some(signal) = Signal::parse(name) else { continue };
                    if ui.button(format!("SIG{name} to all tagged{mark}")).clicked() {
                        send(cx, &targets, signal);
                        ui.close();
                    }
                }
            });
            more.hover_text("Other signals to all tagged processes");
        });
        let untag = widgets::button(ui, cx.tokens, ButtonStyle::Plain, None, "Untag all", None);
        if untag.clicked() {
            state.tagged.clear();
        }
        untag.hover_text("Removes the tags, and sends nothing (U)");
    });
}
