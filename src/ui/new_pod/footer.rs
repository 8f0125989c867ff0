//! The buttons of the dialog, and why its pods cannot be started.

use eframe::egui::{self, Role, Ui, vec2};

use super::Page;
use super::draft::{Draft, Obstacle, Origin};
use crate::command::Command;
use crate::lab::spec::edit::Setting;
use crate::model::NodeTrouble;
use crate::ui::guide::GuideAction;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, Latest, text, widgets};

/// The room for the buttons and the words above them.
pub const HEIGHT: f32 = 68.0;

/// What the user wants beyond [`Action`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    None,
    /// Open the manifest on the page YAML.
    Edit,
}

/// Why the pods of a draft cannot be started now.
fn obstacle(latest: Latest<'_>, draft: &Draft) -> Option<Obstacle> {
    let without_lab = match latest.world.node_trouble() {
        Some(NodeTrouble::Ended(_)) => Some("The lab's node is gone. Start the lab again, on the left.".to_owned()),
        Some(NodeTrouble::Stopped(_) | NodeTrouble::Silent(..)) | None => None,
    };
    draft.obstacle(latest.world).or_else(|| without_lab.map(|why| Obstacle { why, rename: None }))
}

/// Starts the pods of a draft if nothing is in the way. `plays`: its steps are played too.
pub fn start(cx: &mut Cx<'_>, latest: Latest<'_>, draft: &Draft, plays: bool) {
    if obstacle(latest, draft).is_some() {
        return;
    }
    cx.act(Action::CancelDialog);
    match &draft.origin {
        Origin::Preset(preset) if plays || draft.is_built_by_script() => {
            cx.act(Action::Guide(GuideAction::Start { preset: preset.name, source: draft.source(), plays }));
        }
        _ => cx.act(Action::Do(Command::Create(draft.source()))),
    }
}

pub fn footer_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, page: Page, draft: &mut Draft) -> Choice {
    let obstacle = obstacle(latest, draft);
    words_ui(ui, cx, latest, draft, obstacle.as_ref());
    let mut choice = Choice::None;
    let row = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let is_ready = obstacle.is_none();
        ui.add_enabled_ui(is_ready, |ui| {
            let button = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Primary, None, "Start", Some(88.0));
            button.widget_info(|| {
                let name = match &obstacle {
                    None => format!("Start {}", what(draft)),
                    Some(Obstacle { why, .. }) => format!("Start {} is not possible: {why}", what(draft)),
                };
                text::labeled(Role::Button, is_ready, name)
            });
            if button.hover_text("Ctrl + Enter").clicked() {
                start(cx, latest, draft, false);
            }
            if matches!(draft.origin, Origin::Preset(_)) {
                let label = "Start and play all";
                let button = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, label, None);
                if button.hover_text("Start its pods, and play its steps when they run").clicked() {
                    start(cx, latest, draft, true);
                }
            }
        });
        if page == Page::Presets && !draft.is_built_by_script() {
            let edit = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Edit YAML…", None);
            if edit.clicked() {
                choice = Choice::Edit;
            }
        }
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Cancel", Some(88.0)).clicked() {
            cx.act(Action::CancelDialog);
        }
    });
    choice
}

fn what(draft: &Draft) -> String {
    let name = draft.origin.file_name();
    name.rsplit('/').next().unwrap_or(&name).trim_end_matches(".yaml").to_owned()
}

/// One line above the buttons: why nothing can be started, or under which names the pods start.
fn words_ui(ui: &mut Ui, cx: &Cx<'_>, latest: Latest<'_>, draft: &mut Draft, obstacle: Option<&Obstacle>) {
    let row = vec2(ui.available_width(), 28.0);
    let mut rename = None;
    ui.allocate_ui_with_layout(row, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        let (words, color) = match obstacle {
            Some(obstacle) => (obstacle.why.clone(), cx.tokens.warn),
            None => (names_in_words(latest, draft), cx.tokens.muted),
        };
        if let Some((pod, name)) = obstacle.and_then(|obstacle| obstacle.rename.clone()) {
            let label = format!("Name it {name}");
            if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, &label, None).clicked() {
                rename = Some((pod, name));
            }
        }
        if !words.is_empty() {
            let label = ui.add(egui::Label::new(text::rich(&words).color(color)).truncate());
            label.widget_info(|| text::labeled(Role::Label, true, &words));
            label.hover_text(&words);
        }
    });
    if let Some((pod, name)) = rename {
        draft.apply(pod, &Setting::Name(name));
    }
}

/// What is not to be seen in the manifest: other names, and whether its file is followed.
fn names_in_words(latest: Latest<'_>, draft: &Draft) -> String {
    let other = draft.other_names(latest.world);
    if !other.is_empty() {
        let names = other.iter().map(|(taken, name)| format!("{taken} is taken, so the new pod is {name}"));
        return names.collect::<Vec<_>>().join("; ");
    }
    match &draft.origin {
        Origin::File(_) if draft.is_changed() => {
            "The pod does not follow the file, since the text was changed".to_owned()
        }
        Origin::File(_) => "The pod follows changes of the file".to_owned(),
        Origin::New | Origin::Preset(_) => String::new(),
    }
}
