//! The menu of the settings, at the right of the top bar.

use eframe::egui::{self, Role, Ui};

use super::drawers::key;
use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::layout::side_panels::SidePanel;
use crate::ui::slow_motion::SlowMotionAction;
use crate::ui::{Action, TextScaleStep};

/// The settings as they are.
#[derive(Clone, Copy, Debug)]
pub struct SettingsShown {
    pub dark: bool,
    /// The size of text in percent.
    pub text_percent: u16,
    pub plays_slowly: bool,
    /// The panels that can be seen, in the order of [`SidePanel::ALL`].
    pub shown_panels: [bool; 3],
}

/// The button that opens the menu.
pub fn settings_button_ui(ui: &mut Ui, cx: &mut Cx<'_>, shown: SettingsShown) {
    let button = widgets::icon_button(ui, cx.tokens, Icon::Settings, "Settings");
    let popup = egui::Popup::menu(&button).gap(6.0).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_width(widgets::dialog_width(ui, 270.0));
        settings_ui(ui, cx, shown);
    });
}

fn settings_ui(ui: &mut Ui, cx: &mut Cx<'_>, shown: SettingsShown) {
    widgets::section(ui, cx.tokens, "Appearance");
    row_ui(ui, cx, "Text size", |ui, cx| {
        // from right to left
        for (name, sign, key, step) in [
            ("Larger text", "+", "Ctrl + +", TextScaleStep::Larger),
            ("Text size 100 %", "", "Ctrl + 0", TextScaleStep::Usual),
            ("Smaller text", "−", "Ctrl + −", TextScaleStep::Smaller),
        ] {
            let percent = format!("{} %", shown.text_percent);
            let label = if sign.is_empty() { percent.as_str() } else { sign };
            let width = if sign.is_empty() { 64.0 } else { 30.0 };
            let style = widgets::ButtonStyle::Plain;
            let button = widgets::button(ui, cx.tokens, style, None, label, Some(width));
            let name = if sign.is_empty() { format!("{name}, now {percent}") } else { name.to_owned() };
            button.widget_info(|| text::labeled(Role::Button, true, &name));
            if button.hover_text(format!("{name} ({key})")).clicked() {
                cx.act(Action::ChangeTextScale(step));
            }
        }
    });
    let mut is_light = !shown.dark;
    if ui.checkbox(&mut is_light, "Light theme").changed() {
        cx.act(Action::ToggleTheme);
    }
    ui.add_space(6.0);
    widgets::section(ui, cx.tokens, "Panels");
    for (panel, is_shown) in SidePanel::ALL.into_iter().zip(shown.shown_panels) {
        row_ui(ui, cx, "", |ui, cx| {
            ui.label(text::rich(key(panel)).font(tokens::mono(11.5)).color(cx.tokens.muted));
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let mut is_checked = is_shown;
                if ui.checkbox(&mut is_checked, panel.name()).changed() {
                    cx.act(Action::TogglePanel(panel));
                }
            });
        });
    }
    ui.add_space(6.0);
    widgets::section(ui, cx.tokens, "Slow motion");
    let mut plays = shown.plays_slowly;
    if ui.checkbox(&mut plays, "Play by itself after a signal of mine").changed() {
        cx.act(Action::SlowMotion(SlowMotionAction::ToggleByItself));
    }
    ui.separator();
    for (label, key, action) in [
        ("All commands…", "Ctrl + K", Action::OpenPalette),
        ("Keyboard shortcuts", "F1", Action::ShowKeys),
        ("What the terms mean", "", Action::ShowTerms),
    ] {
        let width = egui::vec2(ui.available_width(), 0.0);
        if ui.add(egui::Button::new(label).shortcut_text(key).min_size(width)).clicked() {
            cx.act(action);
            ui.close();
        }
    }
}

/// A row with a name on the left and widgets from right to left.
fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, name: &str, widgets: impl FnOnce(&mut Ui, &mut Cx<'_>)) {
    let size = egui::vec2(ui.available_width(), 28.0);
    ui.allocate_ui_with_layout(size, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        widgets(ui, cx);
        if !name.is_empty() {
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| ui.label(name));
        }
    });
}
