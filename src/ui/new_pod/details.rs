//! The chosen preset beside the cards: its picture, what it teaches, its switches and its steps.

use eframe::egui::{self, Role, Sense, Ui, vec2};

use super::draft::Draft;
use super::picture;
use super::switches::switches_ui;
use crate::presets::Preset;
use crate::presets::search::shows;
use crate::presets::stages::{Stage, Watch, stages};
use crate::ui::memo::Memo;
use crate::ui::{Cx, text, tokens, widgets};

const PICTURE_H: f32 = 110.0;

/// What is shown of a preset's script.
#[derive(Debug)]
struct Script {
    stages: Vec<Stage>,
    shows: Vec<&'static str>,
}

#[derive(Debug, Default)]
pub struct DetailsState {
    script: Memo<&'static str, Script>,
}

pub fn details_ui(ui: &mut Ui, cx: &Cx<'_>, preset: &'static Preset, draft: &mut Draft, state: &mut DetailsState) {
    egui::ScrollArea::vertical().id_salt(("details", preset.name)).auto_shrink([false, false]).show(ui, |ui| {
        ui.set_width(ui.available_width() - 10.0);
        ui.label(text::rich(preset.name).font(tokens::bold(16.0)));
        picture_ui(ui, cx, draft, PICTURE_H);
        ui.add(egui::Label::new(text::rich(preset.lesson()).color(cx.tokens.text)).wrap());
        let script = state.script.get(preset.name, || {
            let stages = preset.script().map_or_else(|_| Vec::new(), |script| stages(preset.steps, &script));
            Script { stages, shows: shows(preset) }
        });
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
            for words in &script.shows {
                widgets::chip(ui, cx.tokens, words, cx.tokens.accent);
            }
        });
        ui.add_space(8.0);
        if !draft.is_built_by_script() {
            widgets::section(ui, cx.tokens, "Settings");
            switches_ui(ui, cx, draft);
            ui.add_space(8.0);
        }
        widgets::section(ui, cx.tokens, &text::count(script.stages.len(), "step", "steps"));
        for (nth, stage) in script.stages.iter().enumerate() {
            stage_ui(ui, cx, nth, stage);
        }
    });
}

/// The pods as the manifest describes them now.
pub fn picture_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &Draft, height: f32) {
    let pictures = &draft.checked().pictures;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    if pictures.is_empty() {
        let why = "No picture while the YAML has an error";
        let at = rect.center();
        text::put(ui, at, egui::Align2::CENTER_CENTER, why, tokens::sans(12.0), cx.tokens.muted, rect.width());
    }
    picture::paint(ui, cx.tokens, rect.shrink2(vec2(0.0, 4.0)), pictures);
    let words = picture::description(pictures);
    response.widget_info(|| text::labeled(Role::Image, true, &words));
    text::HoverText::hover_text(response, words);
}

fn stage_ui(ui: &mut Ui, cx: &Cx<'_>, nth: usize, stage: &Stage) {
    ui.horizontal_top(|ui| {
        let number = text::rich((nth + 1).to_string()).font(tokens::mono(11.5)).color(cx.tokens.muted);
        ui.add_sized(vec2(20.0, 16.0), egui::Label::new(number));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add(egui::Label::new(text::rich(&stage.about).font(tokens::sans(12.0))).wrap());
            let watch: Vec<&str> = stage.watch.iter().map(|watch| Watch::title(*watch)).collect();
            if !watch.is_empty() {
                let watch = format!("Watch {}", watch.join(", "));
                ui.add(egui::Label::new(text::rich(watch).font(tokens::sans(11.0)).color(cx.tokens.muted)).wrap());
            }
        });
    });
}
