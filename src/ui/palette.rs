//! The command palette: every command by its name, with its key.

use eframe::egui::{self, Align2, CornerRadius, Key, Modifiers, Role, Sense, Ui, vec2};

use super::guide::GuideAction;
use super::icons::Icon;
use super::new_pod::Page;
use super::{Cx, drawers, pods, text, tokens, widgets};
use crate::command::{Command, PodSource};
use crate::layout::side_panels::SidePanel;
use crate::layout::timeline::Subject;
use crate::model::{PodReason, Scope, Signal, names};
use crate::presets;
use crate::ui::pod_map::MapAction;
use crate::ui::slow_motion::SlowMotionAction;
use crate::ui::timeline::TimelineAction;
use crate::ui::{Action, TextScaleStep};

const WIDTH: f32 = 560.0;
const ROW_H: f32 = 28.0;
/// The height of the list, which scrolls.
const HEIGHT: f32 = 12.0 * ROW_H;

/// The state of the open palette.
#[derive(Debug, Default)]
pub struct PaletteState {
    search: String,
    /// The row that Enter chooses.
    marked: usize,
    was_shown: bool,
}

/// A command that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub label: String,
    /// More about it, on the right. It is searched too.
    pub about: String,
    /// The key that does the same.
    pub key: &'static str,
    pub action: Action,
}

impl Entry {
    fn new(label: impl Into<String>, key: &'static str, action: Action) -> Self {
        Self { label: label.into(), about: String::new(), key, action }
    }

    fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }
}

/// All commands that make sense now, in the order in which they are listed. `views` are the titles of the views.
pub fn entries(cx: &Cx<'_>, views: &[&'static str]) -> Vec<Entry> {
    let mut all = signals(cx);
    let hold = if cx.live {
        Entry::new("Hold this moment", "space", Action::Seek(Some(cx.now)))
    } else {
        Entry::new("Back to live", "L", Action::Seek(None))
    };
    all.push(hold);
    all.extend(views.iter().map(|title| {
        Entry::new(format!("Show {title}"), "", Action::Do(Command::Show(title.to_lowercase()))).about("view")
    }));
    all.extend(cx.world.pods.values().filter(|pod| cx.selection.pod.as_ref() != Some(&pod.uid)).map(|pod| {
        let of = if pod.is_of_lab() { "pod".to_owned() } else { format!("pod of {}", pod.runtime.name()) };
        Entry::new(format!("Go to {}", pod.name), "", Action::SelectPod(pod.uid.clone())).about(of)
    }));
    all.push(match cx.world.scope {
        Scope::Lab => Entry::new("Observe this machine", "", Action::Observe(Scope::Host)).about("all processes"),
        Scope::Host => Entry::new("Observe the lab", "", Action::Observe(Scope::Lab)).about("pods only"),
    });
    all.push(Entry::new("Export snapshot…", "Ctrl + E", Action::AskExport));
    all.push(Entry::new("Keyboard shortcuts", "F1", Action::ShowKeys));
    all.push(Entry::new("Switch between dark and light", "", Action::ToggleTheme));
    all.extend(SidePanel::ALL.map(|panel| {
        let label = format!("Show or hide the panel {}", panel.name());
        Entry::new(label, drawers::key(panel), Action::TogglePanel(panel))
    }));
    for (label, key, step) in [
        ("Larger text", "Ctrl + +", TextScaleStep::Larger),
        ("Smaller text", "Ctrl + −", TextScaleStep::Smaller),
        ("Text size 100 %", "Ctrl + 0", TextScaleStep::Usual),
    ] {
        all.push(Entry::new(label, key, Action::ChangeTextScale(step)).about("zoom"));
    }
    all.push(Entry::new("What the terms mean", "", Action::ShowTerms).about("glossary, help"));
    for (label, key, action) in [
        ("Go to the previous event", "Ctrl + ←", TimelineAction::PreviousEvent),
        ("Go to the next event", "Ctrl + →", TimelineAction::NextEvent),
        ("Zoom the timeline in", "+", TimelineAction::ZoomIn),
        ("Zoom the timeline out", "−", TimelineAction::ZoomOut),
    ] {
        all.push(Entry::new(label, key, Action::Timeline(action)));
    }
    all.extend(Subject::ALL.map(|subject| {
        let show = Action::Timeline(TimelineAction::Show(subject));
        Entry::new(format!("Show {} in the timeline", subject.name().to_lowercase()), "", show)
    }));
    for (label, key, action) in [
        ("Show all of the pod on the map", "0", MapAction::Fit),
        ("Zoom in on the map", "+", MapAction::ZoomIn),
        ("Zoom out on the map", "−", MapAction::ZoomOut),
        ("Show or hide the legend of the map", "?", MapAction::ToggleLegend),
    ] {
        all.push(Entry::new(label, key, Action::Map(action)));
    }
    all.push(Entry::new("Switch motion on or off", "", Action::ToggleMotion).about("what changes its place glides"));
    let by_itself = Action::SlowMotion(SlowMotionAction::ToggleByItself);
    let about = "what a signal of yours causes is shown step by step";
    all.push(Entry::new("Switch slow motion by itself on or off", "", by_itself).about(about));
    all.push(Entry::new("New sandbox…", "", Action::AskSandbox).about("build a pod step by step"));
    all.push(Entry::new("New pod…", "Ctrl + N", Action::NewPod(Page::Presets)).about("presets, switches and YAML"));
    all.push(Entry::new("New pod from a manifest…", "", Action::NewPod(Page::Yaml)));
    all.extend(presets::ALL.iter().map(|preset| {
        let source = PodSource::Preset(preset.name.to_owned());
        // a preset without a manifest is built by its steps
        let plays = preset.yaml.is_none();
        let start = Action::Guide(GuideAction::Start { preset: preset.name, source, plays });
        Entry::new(format!("New pod {}", preset.name), "", start).about(preset.about)
    }));
    let deletable = pods::deletable(cx.world);
    if cx.live && deletable.len() > 1 {
        let count = text::count(deletable.len(), "pod", "pods");
        all.push(Entry::new("Delete all pods…", "", Action::AskDelete(deletable)).about(count));
    }
    if let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| cx.world.pod(uid)).filter(|pod| pod.is_of_lab()) {
        let yaml = Action::AskManifest(pod.uid.clone());
        all.push(Entry::new(format!("Save {} as YAML…", pod.name), "", yaml));
        // only a live node can delete it
        if cx.live && pod.reason != Some(PodReason::NodeLost) {
            let delete = Action::Do(Command::Delete(pod.uid.clone()));
            all.push(Entry::new(format!("Delete {}", pod.name), "", delete).about("pod"));
        }
    }
    all
}

/// The signals that can be sent to the selected process now.
fn signals(cx: &Cx<'_>) -> Vec<Entry> {
    const KEYS: [(Signal, &str); 5] =
        [(Signal::KILL, "K"), (Signal::TERM, "T"), (Signal::STOP, "S"), (Signal::CONT, "C"), (Signal::HUP, "H")];
    let selected = cx.selection.process.and_then(|id| cx.world.process(id));
    let Some(process) = selected.filter(|p| cx.live && !p.is_gone()) else { return Vec::new() };
    let name = names::short_name(process);
    let entry = |(signal, key): (Signal, &'static str)| {
        let send = Command::Signal { target: process.id, signal };
        Entry::new(format!("Send {signal} to {name}"), key, Action::Do(send)).about(format!("pid {}", process.id.pid))
    };
    KEYS.into_iter().map(entry).collect()
}

/// The entries that have every word of the search, those first whose label has all of them at the beginning of a word.
fn matching<'a>(all: &'a [Entry], search: &str) -> Vec<&'a Entry> {
    let search = search.to_lowercase();
    let words: Vec<&str> = search.split_whitespace().collect();
    let rank = |entry: &Entry| {
        let label = entry.label.to_lowercase();
        let begins = |word: &&str| label.split_whitespace().any(|of_label| of_label.starts_with(word));
        let hay = format!("{label} {}", entry.about.to_lowercase());
        match (words.iter().all(|word| hay.contains(word)), words.iter().all(begins)) {
            (false, _) => None,
            (true, begins) => Some(u8::from(!begins)),
        }
    };
    let mut found: Vec<(u8, &Entry)> = all.iter().filter_map(|entry| Some((rank(entry)?, entry))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// The search field and the list. Enter or a click chooses.
pub fn palette_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut PaletteState, views: &[&'static str]) {
    ui.set_width(widgets::dialog_width(ui, WIDTH));
    let all = entries(cx, views);
    let (up, down) = ui.input_mut(|input| {
        let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key);
        (pressed(Key::ArrowUp), pressed(Key::ArrowDown))
    });
    if search_ui(ui, cx, state) {
        state.marked = 0;
    }
    let found = matching(&all, &state.search);
    state.marked = (state.marked + down).saturating_sub(up).min(found.len().saturating_sub(1));
    if ui.input(|input| input.key_pressed(Key::Enter))
        && let Some(entry) = found.get(state.marked)
    {
        return choose(cx, entry);
    }
    ui.add_space(4.0);
    if found.is_empty() {
        ui.label(text::rich("No command matches.").color(cx.tokens.muted));
    }
    let moved = up + down > 0;
    let list = egui::ScrollArea::vertical().max_height(HEIGHT).min_scrolled_height(HEIGHT).auto_shrink([false, true]);
    list.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (nth, entry) in found.iter().enumerate() {
            row_ui(ui, cx, entry, nth == state.marked, moved);
        }
    });
}

/// Returns whether the search was changed.
fn search_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut PaletteState) -> bool {
    ui.horizontal(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        Icon::Search.paint(ui, at, cx.tokens.muted);
        let edit = egui::TextEdit::singleline(&mut state.search)
            .margin(egui::Margin::symmetric(6, 6))
            .hint_text("Search commands, views, pods and presets")
            .desired_width(ui.available_width() - 12.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Search commands"));
        if !std::mem::replace(&mut state.was_shown, true) {
            edit.request_focus();
        }
        edit.changed()
    })
    .inner
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, entry: &Entry, marked: bool, moved: bool) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::click());
    if marked && moved {
        response.scroll_to_me(None);
    }
    response.widget_info(|| text::selected(Role::MenuItem, true, marked, &entry.label));
    if ui.is_rect_visible(rect) {
        if marked || response.hovered() {
            ui.painter().rect_filled(rect, CornerRadius::same(6), tokens.accent_fill);
        }
        let at = |x: f32| egui::pos2(rect.left() + x, rect.center().y);
        let put = |x: f32, anchor, words: &str, font, color, room: f32| {
            text::put(ui, at(x), anchor, words, font, color, room)
        };
        let label = put(8.0, Align2::LEFT_CENTER, &entry.label, tokens::medium(13.0), tokens.text, rect.width() * 0.6);
        let key = put(rect.width() - 8.0, Align2::RIGHT_CENTER, entry.key, tokens::mono(11.5), tokens.muted, 90.0);
        let from = label.right() - rect.left() + 12.0;
        let room = key.left() - rect.left() - 12.0 - from;
        put(from, Align2::LEFT_CENTER, &entry.about, tokens::sans(11.5), tokens.muted, room);
    }
    if response.clicked() {
        choose(cx, entry);
    }
}

fn choose(cx: &mut Cx<'_>, entry: &Entry) {
    cx.act(Action::CancelDialog);
    cx.act(entry.action.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str, about: &str) -> Entry {
        Entry::new(label, "", Action::ToggleTheme).about(about)
    }

    #[test]
    fn a_search_finds_all_its_words_and_lists_beginnings_first() {
        let all = [
            entry("Show Events", "view"),
            entry("New pod held-zombies", "nobody reaps"),
            entry("Go to pod-events", "pod"),
            entry("Export snapshot…", ""),
        ];
        let table: [(&str, &[&str]); 6] = [
            ("events", &["Show Events", "Go to pod-events"]),
            ("EV", &["Show Events", "Go to pod-events"]),
            ("zombies", &["New pod held-zombies"]),
            ("reaps pod", &["New pod held-zombies"]),
            ("pod", &["New pod held-zombies", "Go to pod-events"]),
            ("nothing", &[]),
        ];
        for (search, expected) in table {
            let found: Vec<&str> = matching(&all, search).into_iter().map(|entry| entry.label.as_str()).collect();
            assert_eq!(found, expected, "{search}");
        }
        assert_eq!(matching(&all, "").len(), all.len());
    }
}
