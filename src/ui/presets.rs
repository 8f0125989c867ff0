//! The bundled pods to choose from: a list that can be searched.

use eframe::egui::{self, Align2, CornerRadius, Key, Role, Sense, Ui, WidgetInfo, vec2};

use super::icons::Icon;
use super::{Cx, text, tokens, widgets};
use crate::app::Action;
use crate::command::{Command, PodSource};

const ROW_H: f32 = 40.0;
const WIDTH: f32 = 360.0;
/// Of the list; more is scrolled to.
const HEIGHT: f32 = 420.0;

/// A bundled pod: name, and what it shows in a line.
pub type Preset<'a> = (&'a str, &'a str);

/// Places of those that have every word of the search in number, name or line.
pub fn matching(presets: &[Preset<'_>], search: &str) -> Vec<usize> {
    let search = search.to_lowercase();
    let has = |at: usize, (name, about): &Preset<'_>| {
        let hay = format!("{} {name} {about}", at + 1).to_lowercase();
        search.split_whitespace().all(|word| hay.contains(word))
    };
    presets.iter().enumerate().filter(|(at, preset)| has(*at, preset)).map(|(at, _)| at).collect()
}

/// The button, and below it the list.
pub fn new_pod_ui(ui: &mut Ui, cx: &mut Cx<'_>, presets: &[Preset<'_>]) {
    let button = widgets::button(ui, cx.tokens, widgets::Look::Primary, Some(Icon::Plus), "New pod", None);
    let fresh = button.clicked();
    let popup = egui::Popup::menu(&button).gap(6.0).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_width(WIDTH);
        let key = egui::Id::unique("preset search");
        let mut search = if fresh { String::new() } else { ui.data(|d| d.get_temp(key)).unwrap_or_default() };
        let edit = search_ui(ui, cx, &mut search);
        if fresh {
            edit.request_focus();
        }
        let enter = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        ui.data_mut(|d| d.insert_temp(key, search.clone()));
        let found = matching(presets, &search);
        if enter && let Some(first) = found.first() {
            start(ui, cx, presets[*first].0);
        }
        ui.add_space(4.0);
        if found.is_empty() {
            ui.label(egui::RichText::new("No preset has these words.").color(cx.tokens.muted));
        }
        egui::ScrollArea::vertical().max_height(HEIGHT).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (nth, at) in found.iter().enumerate() {
                // what Enter would start is marked
                row_ui(ui, cx, *at, presets[*at], nth == 0 && !search.is_empty());
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
        edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search presets"));
        edit
    })
    .inner
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, at: usize, (name, about): Preset<'_>, marked: bool) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::click());
    if response.hovered() || response.has_focus() || marked {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens.accent_fill);
    }
    if response.has_focus() {
        response.scroll_to_me(None);
    }
    let number = rect.left_top() + vec2(26.0, 6.0);
    text::put(ui, number, Align2::RIGHT_TOP, &(at + 1).to_string(), tokens::mono(11.5), tokens.muted, 24.0);
    let left = rect.left_top() + vec2(36.0, 4.0);
    let room = rect.right() - left.x - 8.0;
    text::put(ui, left, Align2::LEFT_TOP, name, tokens::semibold(13.0), tokens.text, room);
    text::put(ui, left + vec2(0.0, 17.0), Align2::LEFT_TOP, about, tokens::sans(11.5), tokens.muted, room);
    response.widget_info(|| WidgetInfo::labeled(Role::MenuItem, true, format!("Start {name}")));
    if response.clicked() {
        start(ui, cx, name);
    }
    response.on_hover_text(about);
}

fn start(ui: &mut Ui, cx: &mut Cx<'_>, name: &str) {
    cx.act(Action::Do(Command::Create(PodSource::Preset(name.to_owned()))));
    ui.close();
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn a_search_finds_by_number_name_or_line_in_any_case() {
        let presets =
            [("nginx-busybox", "Two members share net"), ("no-reap", "Zombies stay"), ("crash", "Ends at once")];
        let table: [(&str, &[usize]); 6] = [
            ("", &[0, 1, 2]),
            ("ZOMBIES", &[1]),
            ("2", &[1]),
            ("share nginx", &[0]),
            ("s", &[0, 1, 2]),
            ("nothing", &[]),
        ];
        for (search, expected) in table {
            assert_eq!(matching(&presets, search), expected, "{search}");
        }
    }
}
