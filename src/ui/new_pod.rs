//! The dialog for a new pod: the presets as cards, and a manifest to write, change or open.
//!
//! ```text
//! ┌ New pod ────────────────────── [Presets] [YAML] ┐
//! │ ⌕ zombie                     │ held-zombies     │
//! │ ┌──────────┐ ┌──────────┐    │ ⬡ [zombies] [sh] │
//! │ │ ⬡ ▭ ▭    │ │ ⬡ ▭ ▭    │    │ pid ◉ shared …   │
//! │ │ name     │ │ name     │    │ 3 steps          │
//! │ └──────────┘ └──────────┘    │ 1 All run        │
//! │                  [Start] [Start and play all] … │
//! └─────────────────────────────────────────────────┘
//! ```

mod changes;
mod details;
mod draft;
mod editor;
mod footer;
mod gallery;
mod grid;
mod picture;
mod switches;

use std::path::{Path, PathBuf};

use eframe::egui::{self, Key, Modifiers, Role, Ui, vec2};

use self::details::DetailsState;
use self::draft::{Draft, Origin};
use self::editor::EditorState;
use self::gallery::GalleryState;
use super::{Cx, Latest, text, tokens, widgets};
use crate::presets::Preset;
use crate::ui::Action;

/// The size of the dialog where there is room.
const WIDTH: f32 = 1_100.0;
const HEIGHT: f32 = 700.0;
/// From this width on the chosen preset is shown beside the cards.
const WIDE: f32 = 700.0;
/// From this width on the switches are beside the text.
const WIDE_EDITOR: f32 = 760.0;
/// The width of what is beside the cards or the text.
const SIDE_W: f32 = 340.0;

/// What the dialog shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    Presets,
    Yaml,
}

/// The dialog while it is open.
#[derive(Debug)]
pub struct NewPodDialog {
    page: Page,
    gallery: GalleryState,
    details: DetailsState,
    editor: EditorState,
    /// What has been opened or changed since the dialog was opened. Nothing is lost by looking at another preset.
    drafts: Vec<Draft>,
    /// The one on the page YAML.
    edited: usize,
    /// The path of a file to open.
    path: String,
    /// Why a file was not opened, or why there is no file dialog.
    problem: Option<String>,
}

impl NewPodDialog {
    pub fn new(page: Page) -> Self {
        let mut dialog = Self {
            page,
            gallery: GalleryState::default(),
            details: DetailsState::default(),
            editor: EditorState::default(),
            drafts: vec![Draft::empty()],
            edited: 0,
            path: String::new(),
            problem: None,
        };
        dialog.editor.focus = page == Page::Yaml;
        dialog
    }

    /// The dialog again after it was closed: what was changed is still there.
    #[must_use]
    pub fn reopened(self, page: Page) -> Self {
        let mut dialog = Self::new(page);
        // the first one is that of a new manifest
        if self.drafts[0].is_changed() {
            dialog.drafts.clear();
        }
        dialog.drafts.extend(self.drafts.into_iter().filter(Draft::is_changed));
        if page == Page::Yaml {
            dialog.edited = dialog.drafts.len() - 1;
        }
        dialog
    }

    /// Shows the text of a file, or why it cannot be read.
    pub fn show_file(&mut self, path: &Path, read: Result<String, String>) {
        self.page = Page::Yaml;
        match read {
            Ok(text) => {
                let is_same = |draft: &Draft| matches!(&draft.origin, Origin::File(known) if known == path);
                // what the user has changed in it stays as a draft of its own
                self.drafts.retain(|draft| !is_same(draft) || draft.is_changed());
                self.drafts.push(Draft::new(Origin::File(path.to_owned()), text));
                self.edited = self.drafts.len() - 1;
                self.path = path.display().to_string();
                self.problem = None;
                self.editor = EditorState::focused();
            }
            Err(why) => self.problem = Some(why),
        }
    }

    /// The desktop has no file dialog.
    pub fn show_problem(&mut self, why: String) {
        self.page = Page::Yaml;
        self.problem = Some(why);
    }

    /// The draft of a preset, which is made when it is first looked at.
    fn draft_of(&mut self, preset: &'static Preset) -> usize {
        let known = self.drafts.iter().position(|draft| draft.origin.is_preset(preset));
        known.unwrap_or_else(|| {
            self.drafts.push(Draft::of_preset(preset));
            self.drafts.len() - 1
        })
    }
}

/// `latest` has the names that are taken now, also while the past is shown.
pub fn new_pod_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, dialog: &mut NewPodDialog) {
    let screen = ui.ctx().content_rect().size();
    let size = vec2(WIDTH.min(screen.x - 48.0), HEIGHT.min(screen.y - 64.0)).max(vec2(240.0, 200.0));
    ui.set_min_size(size);
    ui.set_max_size(size);
    // before the editor, which would take it for a line feed
    let starts = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
    head_ui(ui, dialog);
    ui.add_space(6.0);
    let body = vec2(size.x, ui.available_height() - footer::HEIGHT);
    ui.allocate_ui_with_layout(body, egui::Layout::top_down(egui::Align::Min), |ui| {
        ui.set_min_size(body);
        match dialog.page {
            Page::Presets => presets_ui(ui, cx, latest, dialog),
            Page::Yaml => yaml_ui(ui, cx, dialog),
        }
    });
    let shown = match dialog.page {
        Page::Presets => dialog.draft_of(dialog.gallery.chosen),
        Page::Yaml => dialog.edited,
    };
    if starts {
        footer::start(cx, latest, &dialog.drafts[shown], false);
    }
    match footer::footer_ui(ui, cx, latest, dialog.page, &mut dialog.drafts[shown]) {
        footer::Choice::None => {}
        footer::Choice::Edit => edit(dialog, shown),
    }
}

/// Opens a draft on the page YAML.
fn edit(dialog: &mut NewPodDialog, draft: usize) {
    (dialog.page, dialog.edited) = (Page::Yaml, draft);
    dialog.editor = EditorState::focused();
}

fn head_ui(ui: &mut Ui, dialog: &mut NewPodDialog) {
    ui.horizontal(|ui| {
        ui.label(text::rich("New pod").font(tokens::bold(16.0)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            for (page, title) in [(Page::Yaml, "YAML"), (Page::Presets, "Presets")] {
                let is_on = dialog.page == page;
                let label = ui.selectable_label(is_on, text::rich(title).font(tokens::semibold(13.0)));
                label.widget_info(|| text::selected(Role::Tab, true, is_on, title));
                if label.clicked() {
                    dialog.page = page;
                    dialog.editor.focus = page == Page::Yaml;
                    dialog.gallery.focus = page == Page::Presets;
                }
            }
        });
    });
}

fn presets_ui(ui: &mut Ui, cx: &mut Cx<'_>, latest: Latest<'_>, dialog: &mut NewPodDialog) {
    let area = ui.max_rect();
    let starts = if area.width() < WIDE {
        gallery::gallery_ui(ui, cx, &mut dialog.gallery)
    } else {
        let (left, right) = area.split_left_right_at_x(area.right() - SIDE_W);
        let left = egui::UiBuilder::new().max_rect(left.with_max_x(left.right() - 12.0));
        let starts = ui.scope_builder(left, |ui| gallery::gallery_ui(ui, cx, &mut dialog.gallery)).inner;
        let preset = dialog.gallery.chosen;
        let draft = dialog.draft_of(preset);
        ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
            details::details_ui(ui, cx, preset, &mut dialog.drafts[draft], &mut dialog.details);
        });
        starts
    };
    if starts {
        let draft = dialog.draft_of(dialog.gallery.chosen);
        footer::start(cx, latest, &dialog.drafts[draft], false);
    }
}

fn yaml_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut NewPodDialog) {
    file_ui(ui, cx, dialog);
    drafts_ui(ui, dialog);
    ui.add_space(2.0);
    let draft = &mut dialog.drafts[dialog.edited];
    if draft.is_built_by_script() {
        let why = "Its script builds this pod step by step, so it has no manifest.";
        ui.label(text::rich(why).color(cx.tokens.muted));
        return;
    }
    let area = ui.available_rect_before_wrap();
    if area.width() < WIDE_EDITOR {
        egui::CollapsingHeader::new("Settings").id_salt("settings").show(ui, |ui| switches::switches_ui(ui, cx, draft));
        return editor::editor_ui(ui, cx, draft, &mut dialog.editor);
    }
    let (left, right) = area.split_left_right_at_x(area.right() - SIDE_W);
    let left = egui::UiBuilder::new().max_rect(left.with_max_x(left.right() - 12.0));
    ui.scope_builder(left, |ui| editor::editor_ui(ui, cx, draft, &mut dialog.editor));
    ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
        egui::ScrollArea::vertical().id_salt("settings").auto_shrink([false, false]).show(ui, |ui| {
            ui.set_width(ui.available_width() - 10.0);
            details::picture_ui(ui, cx, draft, 110.0);
            widgets::section(ui, cx.tokens, "Settings");
            switches::switches_ui(ui, cx, draft);
        });
    });
}

/// The path of a file to open, the desktop's file dialog, and why neither has worked.
fn file_ui(ui: &mut Ui, cx: &mut Cx<'_>, dialog: &mut NewPodDialog) {
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 190.0).max(80.0);
        let edit = egui::TextEdit::singleline(&mut dialog.path)
            .id_salt("path of the manifest")
            .font(tokens::mono(12.0))
            .hint_text("Path of a manifest, or drop the file here")
            .desired_width(room);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Path of the manifest"));
        let enter = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        let path = dialog.path.trim();
        ui.add_enabled_ui(!path.is_empty(), |ui| {
            let open = widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Open", None);
            if (open.clicked() || enter) && !path.is_empty() {
                cx.act(Action::ReadManifest(PathBuf::from(path)));
            }
        });
        if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "Browse…", None).clicked() {
            cx.act(Action::BrowseManifest);
        }
    });
    if let Some(why) = &dialog.problem {
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.warn)).wrap());
    }
}

/// The drafts that have been opened, to change between them.
fn drafts_ui(ui: &mut Ui, dialog: &mut NewPodDialog) {
    // presets that were only looked at are not listed
    let is_listed = |nth: usize, draft: &Draft| {
        nth == dialog.edited || !matches!(draft.origin, Origin::Preset(_)) || draft.is_changed()
    };
    let listed: Vec<(usize, String)> = dialog
        .drafts
        .iter()
        .enumerate()
        .filter(|(nth, draft)| is_listed(*nth, draft))
        .map(|(nth, draft)| {
            let name = draft.origin.file_name();
            let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
            (nth, if draft.is_changed() { format!("{name} (changed)") } else { name })
        })
        .collect();
    ui.horizontal_wrapped(|ui| {
        for (nth, name) in listed {
            if ui.selectable_label(dialog.edited == nth, text::rich(name)).clicked() && dialog.edited != nth {
                dialog.edited = nth;
                dialog.editor = EditorState::focused();
            }
        }
    });
}

#[cfg(test)]
mod tests;
