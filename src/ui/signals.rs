//! The buttons that send signals, the prediction, and the outcome of a signal that was sent.

use eframe::egui::{self, CornerRadius, Margin, Stroke, Ui};

use super::memo::Memo;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, text, tokens, widgets};
use crate::command::Command;
use crate::model::outcome::last_sent;
use crate::model::{MonoNs, ProcId, Process, Sent, SentBy, Signal, World, prediction};
use crate::ui::Action;
use crate::wording;
use crate::wording::terms::Term;

/// The signals that have a button.
pub(super) const FIRST: [(&str, Signal); 5] = [
    ("TERM", Signal::TERM),
    ("KILL", Signal::KILL),
    ("STOP", Signal::STOP),
    ("CONT", Signal::CONT),
    ("HUP", Signal::HUP),
];

/// Those in a menu.
pub(super) const MORE: [&str; 9] = ["INT", "QUIT", "USR1", "USR2", "ABRT", "ALRM", "CHLD", "TSTP", "WINCH"];

/// A prediction in words.
#[derive(Clone, Debug)]
pub struct Predicted {
    pub sentences: Vec<String>,
    is_deadly: bool,
}

/// Keeps the last prediction.
#[derive(Clone, Debug, Default)]
pub struct Predictions {
    last: Memo<(WorldVersion, ProcId, Signal), Option<Predicted>>,
}

impl Predictions {
    /// What the signal will do; `None` if the process is not known.
    pub fn of(&mut self, cx: &Cx<'_>, target: ProcId, signal: Signal) -> Option<&Predicted> {
        let predict = || {
            let predicted = prediction::predict(cx.world, target, signal)?;
            let sentences = wording::prediction::sentences(cx.world, &predicted);
            Some(Predicted { sentences, is_deadly: predicted.is_deadly() })
        };
        self.last.get((cx.version, target, signal), predict).as_ref()
    }
}

/// What has come of a signal, in words.
#[derive(Clone, Debug)]
struct Outcome {
    signal: Signal,
    at: MonoNs,
    was_sent: bool,
    by: SentBy,
    sentences: Vec<String>,
}

impl Outcome {
    fn of(world: &World, sent: &Sent) -> Self {
        let sentences = wording::outcome::sentences(world, sent);
        Self { signal: sent.signal, at: sent.at.t, was_sent: sent.error.is_none(), by: sent.by, sentences }
    }

    /// That of the last signal to the process, and of a later one that could not be sent.
    fn of_last(world: &World, target: ProcId) -> Vec<Self> {
        let (sent, failed) = last_sent(world, target);
        sent.into_iter().chain(failed).map(|sent| Self::of(world, sent)).collect()
    }
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct SignalsState {
    predictions: Predictions,
    outcomes: Memo<(WorldVersion, ProcId), Vec<Outcome>>,
}

/// The signal whose prediction the user looks at, and the pass in which that was so.
#[derive(Clone, Copy)]
struct Foretold {
    target: ProcId,
    signal: Signal,
    pass: u64,
}

fn foretold_key() -> egui::Id {
    egui::Id::unique("foretold signal")
}

/// Call this while the pointer or the keyboard focus is on what sends this signal, and while a question asks for it. The
/// map then marks what it would hit, in the same frame if it is drawn later.
pub fn foretell(ctx: &egui::Context, target: ProcId, signal: Signal) {
    let pass = ctx.cumulative_pass_nr();
    ctx.data_mut(|data| data.insert_temp(foretold_key(), Foretold { target, signal, pass }));
}

/// The signal that was foretold in this frame.
pub fn foretold(ctx: &egui::Context) -> Option<(ProcId, Signal)> {
    let pass = ctx.cumulative_pass_nr();
    let last: Foretold = ctx.data(|data| data.get_temp(foretold_key()))?;
    (last.pass == pass).then_some((last.target, last.signal))
}

pub fn signals_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut SignalsState, p: &Process) {
    let heading = widgets::section(ui, cx.tokens, Term::SendSignal.name());
    heading.hover_text(Term::SendSignal.meaning());
    if !cx.live {
        ui.label(text::rich("You are viewing the past. Return to live to send a signal.").color(cx.tokens.muted));
        return;
    }
    if p.is_gone() {
        ui.label(text::rich("The process is gone; it cannot be signalled.").color(cx.tokens.muted));
        outcomes_ui(ui, cx, state, p);
        return;
    }
    let shown_key = ui.scope_id().with(("signal shown", p.id));
    let mut shown = ui.data(|d| d.get_temp(shown_key)).unwrap_or(Signal::KILL);
    let gap = 6.0;
    // in one line, or in two where the names would be cut
    let width = ((ui.available_width() - gap * 5.0 - 30.0) / FIRST.len() as f32).floor().max(44.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(gap, gap);
        for (name, signal) in FIRST {
            let style = match signal {
                Signal::KILL => widgets::ButtonStyle::Filled(cx.tokens.bad, cx.tokens.on_bad),
                Signal::TERM => widgets::ButtonStyle::Outline(cx.tokens.warn),
                _ => widgets::ButtonStyle::Plain,
            };
            let button = widgets::button(ui, cx.tokens, style, None, name, Some(width));
            if button.hovered() || button.has_focus() {
                shown = signal;
                foretell(ui.ctx(), p.id, signal);
            }
            if button.clicked() {
                cx.act(Action::Do(Command::Signal { target: p.id, signal }));
            }
        }
        let more = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "…", Some(30.0));
        egui::Popup::menu(&more).show(|ui| {
            for name in MORE {
                let Some(signal) = Signal::parse(name) else { continue };
                let item = ui.button(format!("SIG{name}"));
                if item.hovered() || item.has_focus() {
                    shown = signal;
                    foretell(ui.ctx(), p.id, signal);
                }
                if item.clicked() {
                    cx.act(Action::Do(Command::Signal { target: p.id, signal }));
                    ui.close();
                }
            }
        });
        more.widget_info(|| text::labeled(egui::Role::Button, ui.is_enabled(), "Other signals"));
        more.hover_text("Other signals");
    });
    ui.data_mut(|d| d.insert_temp(shown_key, shown));
    ui.add_space(4.0);
    if let Some(predicted) = state.predictions.of(cx, p.id, shown) {
        let name = shown.to_string();
        let title = format!("If you send {}", name.strip_prefix("SIG").unwrap_or(&name));
        card(ui, cx, &title, &predicted.sentences, predicted.is_deadly);
    }
    outcomes_ui(ui, cx, state, p);
}

/// What the last signal to this process did, beside the prediction. Also a later signal that could not be sent.
fn outcomes_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut SignalsState, p: &Process) {
    for outcome in state.outcomes.get((cx.version, p.id), || Outcome::of_last(cx.world, p.id)) {
        let who = if outcome.by == SentBy::User { "You" } else { "A script" };
        let what = if outcome.was_sent { "sent" } else { "tried to send" };
        let title = format!("{who} {what} {} at {}", outcome.signal, cx.clock(outcome.at));
        card(ui, cx, &title, &outcome.sentences, false);
    }
}

fn card(ui: &mut Ui, cx: &Cx<'_>, title: &str, lines: &[String], deadly: bool) {
    let tokens = cx.tokens;
    let (fill, line) = if deadly { (tokens.bad_fill, tokens.bad) } else { (tokens.inset, tokens.line_strong) };
    egui::Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 4.0;
            let ink = if deadly { tokens.bad } else { tokens.text };
            ui.label(text::rich(title).font(tokens::semibold(12.5)).color(ink));
            for line in lines {
                ui.add(egui::Label::new(text::rich(line).font(tokens::sans(12.0))).wrap());
            }
        });
}
