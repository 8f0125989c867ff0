//! The list of the bundled pods, with a search field.

use eframe::egui::{self, Align2, CornerRadius, Key, Role, Sense, Ui, vec2};

use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::command::{Command, PodSource};
use crate::presets::{self, Preset};
use crate::ui::Action;

const ROW_H: f32 = 40.0;
const WIDTH: f32 = 560.0;
/// The height of the list, which scrolls.
const HEIGHT: f32 = 420.0;

/// The presets that have every word of the search in their number, name or description.
pub fn matching(search: &str) -> Vec<&'static Preset> {
    let search = search.to_lowercase();
    let has = |p: &&Preset| {
        let hay = format!("{} {} {}", p.number, p.name, p.about).to_lowercase();
        search.split_whitespace().all(|word| hay.contains(word))
    };
    presets::ALL.iter().filter(has).collect()
}

/// The button that opens the list.
pub fn new_pod_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let button = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Primary, Some(Icon::Plus), "New pod", None);
    let is_new = button.clicked();
    let popup = egui::Popup::menu(&button).gap(6.0).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_width(WIDTH);
        let key = egui::Id::unique("preset search");
        let mut search = if is_new { String::new() } else { ui.data(|d| d.get_temp(key)).unwrap_or_default() };
        let edit = search_ui(ui, cx, &mut search);
        if is_new {
            edit.request_focus();
        }
        let enter = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        ui.data_mut(|d| d.insert_temp(key, search.clone()));
        let found = matching(&search);
        if enter && let Some(first) = found.first() {
            start(ui, cx, first.name);
        }
        ui.add_space(4.0);
        if found.is_empty() {
            ui.label(text::rich("No preset matches.").color(cx.tokens.muted));
        }
        egui::ScrollArea::vertical().max_height(HEIGHT).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (nth, preset) in found.iter().enumerate() {
                // the preset that Enter would start is marked
                row_ui(ui, cx, preset, nth == 0 && !search.is_empty());
            }
        });
        ui.separator();
        if ui.button("From a manifest…").clicked() {
            cx.act(Action::OpenManifest);
            ui.close();
        }
    });
}

fn search_ui(ui: &mut Ui, cx: &Cx<'_>, search: &mut String) -> egui::Response {
    ui.horizontal(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        Icon::Search.paint(ui, at, cx.tokens.muted);
        let edit = egui::TextEdit::singleline(search)
            .margin(egui::Margin::symmetric(6, 5))
            .hint_text("Search presets")
            .desired_width(WIDTH - 44.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Search presets"));
        edit
    })
    .inner
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, preset: &Preset, marked: bool) {
    let (tokens, name, about) = (cx.tokens, preset.name, preset.about);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::click());
    if response.hovered() || response.has_focus() || marked {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens.accent_fill);
    }
    if response.has_focus() {
        response.scroll_to_me(None);
    }
    let number = rect.left_top() + vec2(26.0, 6.0);
    text::put(ui, number, Align2::RIGHT_TOP, &preset.number.to_string(), tokens::mono(11.5), tokens.muted, 24.0);
    let left = rect.left_top() + vec2(36.0, 4.0);
    let room = rect.right() - left.x - 8.0;
    text::put(ui, left, Align2::LEFT_TOP, name, tokens::semibold(13.0), tokens.text, room);
    text::put(ui, left + vec2(0.0, 17.0), Align2::LEFT_TOP, about, tokens::sans(11.5), tokens.muted, room);
    response.widget_info(|| text::labeled(Role::MenuItem, true, format!("Start {name}")));
    if response.clicked() {
        start(ui, cx, name);
    }
    response.hover_text(about);
}

fn start(ui: &mut Ui, cx: &mut Cx<'_>, name: &str) {
    cx.act(Action::Do(Command::Create(PodSource::Preset(name.to_owned()))));
    ui.close();
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn a_search_finds_by_number_name_or_description_in_any_case() {
        let table: [(&str, &[&str]); 5] = [
            ("GHOST", &["ghost-blog"]),
            ("18", &["by-hand"]),
            ("10", &["held-zombies", "no-reap"]),
            ("vims hup", &[]),
            ("workers HUP", &["reload"]),
        ];
        for (search, expected) in table {
            let found: Vec<&str> = matching(search).iter().map(|p| p.name).collect();
            assert_eq!(found, expected, "{search}");
        }
        assert_eq!(matching("").len(), crate::presets::ALL.len());
    }
}
