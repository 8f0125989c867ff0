//! The overview: all pods as cards, in groups that fold.
//!
//! ```text
//! 5 pods   lab 3 · docker 2 · 17 processes
//! 🔍 Search…                         Group by  State  Engine
//! ▾ Running  4
//! ┌ ● web        Running ┐ ┌ ● blog       Running ┐
//! │ 10.244.0.2 · 3m5s    │ │ …                    │
//! │ ● nginx ● busybox    │ │                      │
//! │ 6 processes    ▁▁▃█▁ │ │                      │
//! └──────────────────────┘ └──────────────────────┘
//! ```

mod activity;
mod card;
mod cards;
mod grid;

use std::collections::BTreeSet;

use eframe::egui::{self, Align2, CornerRadius, Rect, Role, Sense, Ui, vec2};

use super::icons::Icon;
use super::memo::Memo;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, text, tokens, widgets};
use cards::{Cards, Group, Grouping, Query};
use grid::{Grid, Size};

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct OverviewState {
    query: Query,
    folded: BTreeSet<Group>,
    cards: Memo<(WorldVersion, Query), Cards>,
}

pub fn overview_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut OverviewState) {
    if cx.world.pods.is_empty() {
        return widgets::empty(ui, cx.tokens, "No pods", "Start one with New pod.");
    }
    egui::Frame::new().inner_margin(egui::Margin { left: 16, right: 4, top: 12, bottom: 0 }).show(ui, |ui| {
        let OverviewState { query, folded, cards } = state;
        controls_ui(ui, cx, query);
        ui.add_space(4.0);
        // cards stay where they are while the pointer is over them; the past does not change by itself
        let is_over = cx.live && ui.rect_contains_pointer(ui.available_rect_before_wrap());
        let held = cards.last().filter(|_| is_over).map(Cards::held);
        let (world, now) = (cx.world, cx.now);
        let key = (cx.version, query.clone());
        let of_world = || Cards::of(world, query, now, held.as_ref());
        let cards = cards.get_while(key, |cards| cards.are_valid(now, is_over), of_world);
        summary_ui(ui, cx, cards);
        ui.add_space(4.0);
        if cards.groups.is_empty() {
            return widgets::empty(ui, cx.tokens, "No pod matches", "Search for another name.");
        }
        egui::ScrollArea::vertical().auto_shrink(false).show_viewport(ui, |ui, viewport| {
            // the ring of the focus is around a card, and the scroll bar beside it
            let width = ui.available_width() - 16.0;
            let sizes = cards.groups.iter().map(|(group, cards)| (group, cards.len()));
            let grid = Grid::new(width, sizes.map(|(group, cards)| Size { cards, is_folded: folded.contains(group) }));
            let (whole, _) = ui.allocate_exact_size(vec2(width, grid.height), Sense::hover());
            for (nth, (group, of_group)) in cards.groups.iter().enumerate() {
                let head = grid.head(nth).translate(whole.min.to_vec2());
                if ui.is_rect_visible(head) {
                    head_ui(ui, cx, head, *group, of_group.len(), folded);
                }
                for at in grid.near(nth, viewport.y_range()) {
                    let place = grid.card(nth, at).translate(whole.min.to_vec2());
                    card::card_ui(ui, cx, place, &of_group[at]);
                }
            }
        });
    });
}

/// What to search for, and by what to group.
fn controls_ui(ui: &mut Ui, cx: &Cx<'_>, query: &mut Query) {
    ui.horizontal(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        Icon::Search.paint(ui, at, cx.tokens.muted);
        let hint = text::rich("Search pods by name, container or engine").color(cx.tokens.faint);
        let width = (ui.available_width() - 230.0).clamp(80.0, 320.0);
        let edit = ui.add(egui::TextEdit::singleline(&mut query.search).hint_text(hint).desired_width(width));
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Search pods"));
        if !query.search.is_empty() && ui.button("Clear").clicked() {
            query.search.clear();
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(12.0);
            ui.selectable_value(&mut query.grouping, Grouping::Engine, "Engine").hover_text("Group by engine");
            ui.selectable_value(&mut query.grouping, Grouping::State, "State").hover_text("Group by state");
            ui.label(text::rich("Group by").color(cx.tokens.muted));
        });
    });
}

fn summary_ui(ui: &mut Ui, cx: &Cx<'_>, cards: &Cards) {
    let pods = text::count(cx.world.pods.len(), "pod", "pods");
    let shown: usize = cards.groups.iter().map(|(_, cards)| cards.len()).sum();
    let engines: Vec<String> = cards.engines.iter().map(|(engine, n)| format!("{} {n}", engine.name())).collect();
    ui.horizontal(|ui| {
        ui.label(text::rich(&pods).font(tokens::bold(15.0)));
        let mut words = engines.join(" · ");
        if shown != cx.world.pods.len() {
            words = format!("{words} · {shown} shown");
        }
        ui.add(egui::Label::new(text::rich(words).color(cx.tokens.muted)).truncate());
    });
}

fn head_ui(ui: &Ui, cx: &Cx<'_>, rect: Rect, group: Group, count: usize, folded: &mut BTreeSet<Group>) {
    let tokens = cx.tokens;
    let response = ui.interact(rect, ui.scope_id().with(("group", group.title())), Sense::click());
    let is_folded = folded.contains(&group);
    let ink = match group {
        _ if response.hovered() => tokens.text,
        Group::Attention => tokens.bad,
        _ => tokens.muted,
    };
    let icon = if is_folded { Icon::ChevronRight } else { Icon::ChevronDown };
    icon.paint(ui, Rect::from_center_size(rect.left_center() + vec2(7.0, 0.0), vec2(14.0, 14.0)), ink);
    let at = rect.left_center() + vec2(20.0, 0.0);
    let title = text::put(ui, at, Align2::LEFT_CENTER, group.title(), tokens::semibold(13.0), ink, rect.width() - 80.0);
    let at = title.right_center() + vec2(8.0, 0.0);
    let number = text::thousands(count as u64);
    text::put(ui, at, Align2::LEFT_CENTER, &number, tokens::sans(12.5), tokens.muted, 60.0);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let verb = if is_folded { "Unfold" } else { "Fold" };
    let pods = text::count(count, "pod", "pods");
    response.widget_info(|| text::labeled(Role::Button, true, format!("{verb} {}, {pods}", group.title())));
    if response.clicked() && !folded.remove(&group) {
        folded.insert(group);
    }
}

/// The outline of what is painted as a card.
const RADIUS: CornerRadius = CornerRadius::same(10);

#[cfg(test)]
mod tests;
