//! The presets as cards, each with its picture, its name and a line. Cards out of sight are not looked at.

use std::collections::BTreeMap;

use eframe::egui::{
    self, Align2, CornerRadius, Event, Key, Modifiers, Rect, Role, Sense, Stroke, StrokeKind, Ui, vec2,
};

use super::grid::Grid;
use super::picture;
use crate::layout::pod_picture::PodPicture;
use crate::presets::Preset;
use crate::presets::search::matching;
use crate::ui::icons::Icon;
use crate::ui::memo::Memo;
use crate::ui::{Cx, text, tokens, widgets};

const PICTURE_H: f32 = 84.0;

/// What the gallery keeps between frames.
#[derive(Debug)]
pub struct GalleryState {
    pub search: String,
    found: Memo<String, Vec<&'static Preset>>,
    /// The preset that is shown beside the cards, and that Enter starts.
    pub chosen: &'static Preset,
    /// Of presets that have been on screen.
    pictures: BTreeMap<&'static str, Vec<PodPicture>>,
    /// The search field gets the keyboard focus.
    pub focus: bool,
    /// The chosen card is brought on screen.
    pub reveal: bool,
}

impl Default for GalleryState {
    fn default() -> Self {
        Self {
            search: String::new(),
            found: Memo::default(),
            chosen: &crate::presets::ALL[0],
            pictures: BTreeMap::new(),
            focus: true,
            reveal: false,
        }
    }
}

/// The search field and the cards. Returns whether the chosen preset is to be started.
pub fn gallery_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut GalleryState) -> bool {
    let field = egui::Id::unique("search of presets");
    let grid_w = (ui.available_width() - 14.0).max(120.0);
    let pressed = pressed_key(ui, field);
    // egui itself moves the focus between cards by arrows; one mark is enough
    state.focus |= pressed.is_some_and(|key| key != Key::Enter);
    if search_ui(ui, cx, state, field) {
        // the best match is the chosen one
        if let Some(first) = matching(&state.search).first() {
            state.chosen = first;
        }
        state.reveal = true;
    }
    let found = state.found.get(state.search.clone(), || matching(&state.search)).clone();
    let grid = Grid::new(grid_w, found.len());
    let at = found.iter().position(|preset| preset.name == state.chosen.name);
    if let Some(key) = pressed.filter(|key| *key != Key::Enter) {
        if let Some(next) = found.get(at.map_or(0, |at| grid.neighbour(at, key))) {
            state.chosen = next;
        }
        state.reveal = true;
    }
    ui.add_space(6.0);
    if found.is_empty() {
        ui.label(text::rich("No preset matches.").color(cx.tokens.muted));
    }
    let mut starts = pressed == Some(Key::Enter) && at.is_some();
    let area = egui::ScrollArea::vertical().id_salt("presets").auto_shrink([false, false]);
    area.show_viewport(ui, |ui, viewport| {
        let (whole, _) = ui.allocate_exact_size(vec2(grid_w, grid.height()), Sense::hover());
        let place = |nth: usize| grid.card(nth).translate(whole.min.to_vec2());
        let chosen = found.iter().position(|preset| preset.name == state.chosen.name);
        if let Some(nth) = chosen.filter(|_| std::mem::take(&mut state.reveal)) {
            ui.scroll_to_rect(place(nth).expand(4.0), None);
        }
        for nth in grid.near(viewport.y_range()) {
            starts |= card_ui(ui, cx, place(nth), found[nth], state);
        }
    });
    starts
}

/// An arrow or Enter for the cards: while the search field, a card or nothing has the keyboard focus. A button keeps its
/// keys.
fn pressed_key(ui: &Ui, field: egui::Id) -> Option<Key> {
    let focused = ui.ctx().memory(egui::Memory::focused);
    let is_card = |id: egui::Id| ui.data(|data| data.get_temp::<egui::Id>(focused_card())) == Some(id);
    if !focused.is_none_or(|id| id == field || is_card(id)) {
        return None;
    }
    let keys = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight, Key::Enter];
    let is_held = |event: &Event| matches!(event, Event::Key { key: Key::Enter, pressed: true, repeat: true, .. });
    ui.input_mut(|input| {
        // Enter may still be down from the button that opened the dialog
        let is_held = input.events.iter().any(is_held);
        let pressed = keys.into_iter().find(|key| input.consume_key(Modifiers::NONE, *key));
        pressed.filter(|key| *key != Key::Enter || !is_held)
    })
}

fn focused_card() -> egui::Id {
    egui::Id::unique("preset with the keyboard focus")
}

/// Returns whether the search was changed.
fn search_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut GalleryState, field: egui::Id) -> bool {
    ui.horizontal(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        Icon::Search.paint(ui, at, cx.tokens.muted);
        let edit = egui::TextEdit::singleline(&mut state.search)
            .id(field)
            .margin(egui::Margin::symmetric(6, 5))
            .hint_text("Search by what a preset shows, such as zombie")
            .desired_width(ui.available_width() - 8.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Search presets"));
        if std::mem::take(&mut state.focus) {
            edit.request_focus();
        }
        edit.changed()
    })
    .inner
}

/// Returns whether the preset is to be started.
fn card_ui(ui: &Ui, cx: &Cx<'_>, place: Rect, preset: &'static Preset, state: &mut GalleryState) -> bool {
    let tokens = cx.tokens;
    let response = ui.interact(place, ui.scope_id().with(("preset", preset.name)), Sense::click());
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(focused_card(), response.id));
    }
    if response.gained_focus() || response.clicked() {
        state.chosen = preset;
    }
    let is_chosen = state.chosen.name == preset.name;
    let is_visible = ui.is_rect_visible(place.expand(4.0));
    let pictures = if is_visible || response.has_focus() {
        let draw = || preset.drawn_pods().iter().map(PodPicture::of).collect();
        state.pictures.entry(preset.name).or_insert_with(draw).as_slice()
    } else {
        &[]
    };
    response.widget_info(|| {
        let name = format!("Preset {}: {}. {}", preset.name, preset.about, picture::description(pictures));
        text::selected(Role::Button, true, is_chosen, name)
    });
    if !is_visible {
        return false;
    }
    let (fill, line) = match (is_chosen, response.hovered()) {
        (true, _) => (tokens.accent_fill, tokens.accent),
        (false, true) => (tokens.inset, tokens.line_strong),
        (false, false) => (tokens.card, tokens.line),
    };
    let stroke = Stroke::new(if is_chosen { 1.5 } else { 1.0 }, line);
    ui.painter().rect(place, CornerRadius::same(8), fill, stroke, StrokeKind::Inside);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, place, 8);
    }
    let inner = place.shrink2(vec2(12.0, 10.0));
    picture::paint(ui, tokens, inner.with_max_y(inner.top() + PICTURE_H), pictures);
    let at = inner.left_top() + vec2(0.0, PICTURE_H + 6.0);
    let number = preset.number.to_string();
    let right = egui::pos2(inner.right(), at.y + 1.0);
    text::put(ui, right, Align2::RIGHT_TOP, &number, tokens::mono(11.0), tokens.muted, 24.0);
    text::put(ui, at, Align2::LEFT_TOP, preset.name, tokens::semibold(13.0), tokens.text, inner.width() - 28.0);
    let about = text::wrapped(ui, preset.about, tokens::sans(11.5), tokens.muted, inner.width(), 2);
    ui.painter().galley(at + vec2(0.0, 18.0), about, tokens.muted);
    response.double_clicked()
}
