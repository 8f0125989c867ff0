//! A card for each process that must reap zombies: who it is, why it does not reap them, and the signal that helps.

use eframe::egui::{self, Align, CornerRadius, Layout, Margin, Role, Stroke, Ui};

use crate::command::{Command, SignalRule, signal_rule};
use crate::model::zombies::{Remedy, groups, without_leader};
use crate::model::{MonoNs, ProcId, Signal, World, names};
use crate::ui::signals::foretell;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};
use crate::wording::{duration, zombies};

/// How many cards there are at most. The list below has all zombies.
const MAX_CARDS: usize = 50;
/// How many zombies a card names.
const MAX_NAMED: usize = 6;
/// A younger zombie is mostly about to be reaped, and needs no remedy.
const YOUNG_NS: u64 = 1_000_000_000;

/// The cards, in words.
#[derive(Clone, Debug)]
pub struct Groups {
    pub zombies: usize,
    cards: Vec<Card>,
    /// How many groups have no card.
    more: usize,
}

#[derive(Clone, Debug)]
struct Card {
    title: String,
    /// The process that must reap them; without one the card selects nothing.
    reaper: Option<ProcId>,
    why: String,
    remedy: Option<Help>,
    named: Vec<ProcId>,
    /// How many are not named.
    more: usize,
    /// When the first of them ended.
    since: MonoNs,
}

/// A remedy in words.
#[derive(Clone, Debug)]
struct Help {
    target: ProcId,
    signal: Signal,
    label: String,
    what: String,
}

impl Help {
    fn of(world: &World, remedy: &Remedy) -> Self {
        let mut label = zombies::remedy_label(world, remedy);
        if matches!(signal_rule(world, remedy.target), SignalRule::NeedsConfirmation { .. }) {
            label.push('…');
        }
        Self { target: remedy.target, signal: remedy.signal, label, what: zombies::remedy(world, remedy) }
    }
}

impl Groups {
    pub fn of(world: &World) -> Self {
        let all = groups(world);
        let zombies = all.iter().map(|group| group.zombies.len()).sum();
        let more = all.len().saturating_sub(MAX_CARDS);
        let mut cards: Vec<Card> = all
            .iter()
            .take(MAX_CARDS)
            .map(|group| {
                let n = group.zombies.len();
                let who =
                    group.reaper.map_or_else(|| "A process that is not known".to_owned(), |id| with_pid(world, id));
                let oldest = group.zombies.first().and_then(|id| world.process(*id)?.exit);
                Card {
                    title: format!("{who} must reap {}", text::count(n, "zombie", "zombies")),
                    reaper: group.reaper,
                    why: zombies::holdup(world, group.reaper, group.holdup, n),
                    remedy: group.remedy(world).map(|remedy| Help::of(world, &remedy)),
                    named: group.zombies.iter().take(MAX_NAMED).copied().collect(),
                    more: n.saturating_sub(MAX_NAMED),
                    since: oldest.map_or(world.now, |exit| exit.at.t),
                }
            })
            .collect();
        cards.extend(without_leader(world).into_iter().take(MAX_CARDS).filter_map(|id| {
            let threads = world.process(id)?.threads_without_leader()?;
            Some(Card {
                title: format!("{} looks like a zombie and lives", with_pid(world, id)),
                reaper: Some(id),
                why: zombies::threads_live(threads),
                remedy: None,
                named: Vec::new(),
                more: 0,
                since: world.now,
            })
        }));
        Self { zombies, cards, more }
    }

    pub const fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }
}

/// `zombies · pid 4711`
fn with_pid(world: &World, id: ProcId) -> String {
    world.process(id).map_or_else(|| format!("pid {id}"), |p| format!("{} · pid {id}", names::member_name(p)))
}

pub fn groups_ui(ui: &mut Ui, cx: &mut Cx<'_>, groups: &Groups) {
    for card in &groups.cards {
        card_ui(ui, cx, card);
    }
    if groups.more > 0 {
        let more = format!("{} more processes must reap zombies. All zombies are listed below.", groups.more);
        ui.label(text::rich(more).color(cx.tokens.muted));
    }
}

fn card_ui(ui: &mut Ui, cx: &mut Cx<'_>, card: &Card) {
    let tokens = cx.tokens;
    egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.line_strong))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let is_young = cx.now.since(card.since) < YOUNG_NS;
            let help = card.remedy.as_ref().filter(|_| !is_young);
            ui.horizontal(|ui| {
                ui.set_min_height(28.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if let Some(help) = help {
                        help_ui(ui, cx, help);
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| title_ui(ui, cx, card));
                });
            });
            let why = match help {
                Some(help) => format!("{}. {}", card.why, help.what),
                None => format!("{}.", card.why),
            };
            ui.add(egui::Label::new(text::rich(why).font(tokens::sans(12.5)).color(tokens.muted)).wrap());
            named_ui(ui, cx, card);
        });
}

fn title_ui(ui: &mut Ui, cx: &mut Cx<'_>, card: &Card) {
    let title = text::rich(&card.title).font(tokens::semibold(13.0)).color(cx.tokens.text);
    let sense = if card.reaper.is_some() { egui::Sense::click() } else { egui::Sense::hover() };
    let label = ui.add(egui::Label::new(title).truncate().sense(sense));
    label.widget_info(|| text::labeled(Role::Button, true, &card.title));
    if label.clicked()
        && let Some(id) = card.reaper
    {
        cx.act(Action::SelectProcess(id));
    }
}

fn help_ui(ui: &mut Ui, cx: &mut Cx<'_>, help: &Help) {
    let tokens = cx.tokens;
    let style = match help.signal {
        Signal::KILL => widgets::ButtonStyle::Outline(tokens.bad),
        _ => widgets::ButtonStyle::Primary,
    };
    let live = cx.live;
    ui.add_enabled_ui(live, |ui| {
        let button = widgets::button(ui, tokens, style, None, &help.label, None);
        if button.hovered() || button.has_focus() {
            foretell(ui.ctx(), help.target, help.signal);
        }
        if button.clicked() {
            cx.act(Action::Do(Command::Signal { target: help.target, signal: help.signal }));
        }
        let past = "You are viewing the past. Return to live to send a signal.";
        button.hover_text(if live { &help.what } else { past });
    });
}

fn named_ui(ui: &mut Ui, cx: &mut Cx<'_>, card: &Card) {
    if card.named.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for id in &card.named {
            let Some(p) = cx.world.process(*id) else { continue };
            let age = cx.now.since(p.exit.map_or(cx.now, |exit| exit.at.t));
            let age = duration::format_like_kubectl(age);
            let chip = format!("{} {id} · {age}", names::short_name(p));
            if widgets::link_chip(ui, cx.tokens, &chip, cx.tokens.zombie).clicked() {
                cx.act(Action::SelectProcess(*id));
            }
        }
        if card.more > 0 {
            let more = format!("and {} more, in the list below", text::thousands(card.more as u64));
            ui.label(text::rich(more).font(tokens::sans(12.0)).color(cx.tokens.muted));
        }
    });
}
