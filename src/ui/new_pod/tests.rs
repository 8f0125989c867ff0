//! What the dialog paints, and what keys and clicks request in it.

use std::cell::RefCell;

use eframe::egui::{Event, Key, Modifiers};

use super::{NewPodDialog, Page, new_pod_ui};
use crate::command::{Command, PodSource};
use crate::model::{Delta, World};
use crate::ui::tests::{View, named_pod, stamp};
use crate::ui::{Action, Latest};

fn world(names: &[&str]) -> World {
    let mut world = World::default();
    for name in names {
        world.apply(&Delta::Pod { pod: Box::new(named_pod(name)), at: stamp() });
    }
    world
}

fn view<'a>(dialog: &'a RefCell<NewPodDialog>, names: &[&str]) -> View<'a> {
    View::new(world(names), move |ui, cx| {
        let history = crate::store::History::of(cx.world);
        let latest = Latest { world: cx.world, history: &history, version: cx.version, now: cx.now };
        new_pod_ui(ui, cx, latest, &mut dialog.borrow_mut());
    })
}

fn create(source: PodSource) -> [Action; 2] {
    [Action::CancelDialog, Action::Do(Command::Create(source))]
}

fn preset(name: &str) -> [Action; 2] {
    create(PodSource::Preset(name.to_owned()))
}

#[test]
fn presets_out_of_sight_are_not_painted_and_a_search_brings_them() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Presets));
    let mut view = view(&dialog, &[]);
    let first = view.settle();
    assert!(first.shows("nginx-busybox") && first.shows("same-network"), "{:?}", first.texts);
    assert!(!first.shows("stopped-pause") && !first.shows("build-a-pod"));
    view.frame(vec![Event::Text("zombie".into())]);
    let found = view.settle();
    assert!(found.shows("held-zombies") && found.shows("stopped-pause"), "{:?}", found.texts);
    assert!(!found.texts.iter().any(|text| text == "same-network"));
    view.frame(vec![Event::Text(" vims".into())]);
    assert!(view.settle().shows("No preset matches."));
}

#[test]
fn arrows_choose_a_preset_and_enter_starts_it() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Presets));
    let mut view = view(&dialog, &[]);
    view.settle();
    assert_eq!(view.press(Key::Enter).actions, preset("nginx-busybox"), "the first one is chosen");
    view.press(Key::ArrowRight);
    assert_eq!(view.press(Key::Enter).actions, preset("ghost-blog"));
    view.press(Key::ArrowDown);
    assert_eq!(view.press(Key::Enter).actions, preset("namespaces-side-by-side"), "there are two columns");
    for _ in 0..20 {
        view.press(Key::ArrowDown);
    }
    assert!(view.settle().shows("build-a-pod"), "the list has been scrolled");
}

#[test]
fn a_narrow_dialog_has_one_column_and_nothing_beside_it() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Presets));
    let mut view = view(&dialog, &[]);
    assert!(view.settle().shows("SETTINGS"));
    view.width = 500.0;
    assert!(!view.settle().shows("SETTINGS"));
    view.press(Key::ArrowDown);
    assert_eq!(view.press(Key::Enter).actions, preset("ghost-blog"), "the next one is below");
}

#[test]
fn a_taken_name_is_told_before_the_start() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Presets));
    let mut view = view(&dialog, &["nginx-busybox"]);
    let words = "nginx-busybox is taken, so the new pod is nginx-busybox-2";
    assert!(view.settle().shows(words));
    assert_eq!(view.press(Key::Enter).actions, preset("nginx-busybox"), "the engine chooses the name");
}

#[test]
fn a_switch_changes_the_yaml_and_the_text_is_started() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Yaml));
    let mut view = view(&dialog, &[]);
    view.settle();
    view.click("never reaps");
    let shown = view.settle();
    assert!(shown.shows("Changed in the YAML: 2 lines") && shown.shows("podscope.dev/pause: no-reap"));
    let started = view.click("Start").actions;
    let [Action::CancelDialog, Action::Do(Command::Create(PodSource::Text(text)))] = &started[..] else {
        panic!("{started:?}")
    };
    assert!(text.text.contains("podscope.dev/pause: no-reap"));
    view.click("Undo all");
    assert!(!view.settle().shows("Changed in the YAML"));
}

#[test]
fn an_error_is_shown_in_place_and_nothing_can_be_started() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Yaml));
    let mut view = view(&dialog, &[]);
    let right = view.settle();
    assert!(right.shows("1") && right.shows("new.yaml"), "{:?}", right.texts);
    view.frame(vec![Event::Text("wrong: [".into())]);
    let wrong = view.settle();
    let (place, why) = {
        let dialog = dialog.borrow();
        let problem = &dialog.drafts[dialog.edited].checked().problems[0];
        assert!(problem.is_error);
        (format!("{}:{}", problem.line, problem.column), problem.text.clone())
    };
    assert!(wrong.shows(&place) && wrong.shows(&why), "{place} {why}: {:?}", wrong.texts);
    assert!(wrong.shows("Line "), "the reason is beside the button: {:?}", wrong.texts);
    assert!(view.click("Start").actions.is_empty());
    view.modifiers = Modifiers::CTRL | Modifiers::COMMAND;
    assert!(view.press(Key::Enter).actions.is_empty());
}

#[test]
fn ctrl_and_enter_start_what_is_in_the_editor() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Yaml));
    let mut view = view(&dialog, &[]);
    view.settle();
    let before = dialog.borrow().drafts[0].text.clone();
    view.modifiers = Modifiers::CTRL | Modifiers::COMMAND;
    assert_eq!(view.press(Key::Enter).actions.len(), 2);
    assert_eq!(dialog.borrow().drafts[0].text, before, "no line feed is written");
}

#[test]
fn a_text_is_read_when_it_changes_and_not_in_every_frame() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Yaml));
    let version = || dialog.borrow().drafts[0].version();
    let mut view = view(&dialog, &[]);
    view.settle();
    let before = version();
    view.settle();
    assert_eq!(version(), before);
    view.frame(vec![Event::Text("# a comment".into())]);
    assert_eq!(version(), before + 1);
    view.settle();
    assert_eq!(version(), before + 1);
}

#[test]
fn a_name_that_is_taken_can_be_changed_by_a_click() {
    let dialog = RefCell::new(NewPodDialog::new(Page::Yaml));
    let mut view = view(&dialog, &["my-pod"]);
    let taken = view.settle();
    assert!(taken.shows("pods \"my-pod\" already exists"));
    view.click("Name it my-pod-2");
    assert!(!view.settle().shows("already exists"));
    assert!(dialog.borrow().drafts[0].text.contains("name: my-pod-2"));
    assert_eq!(view.click("Start").actions.len(), 2);
}

#[test]
fn a_file_is_shown_and_what_was_changed_outlives_the_dialog() {
    let mut dialog = NewPodDialog::new(Page::Presets);
    let path = std::path::Path::new("/tmp/some/pod.yaml");
    dialog.show_file(path, Err("/tmp/some/pod.yaml: No such file or directory".to_owned()));
    assert!(dialog.problem.is_some() && dialog.page == Page::Yaml);
    let text = dialog.drafts[0].text.replace("my-pod", "of-file");
    dialog.show_file(path, Ok(text));
    assert_eq!((dialog.problem.as_ref(), dialog.edited), (None, 1));
    dialog.drafts[1].text.push_str("# mine\n");
    dialog.drafts[1].check();
    let dialog = RefCell::new(dialog.reopened(Page::Yaml));
    let mut view = view(&dialog, &[]);
    let shown = view.settle();
    assert!(shown.shows("pod.yaml (changed)") && shown.shows("# mine"), "{:?}", shown.texts);
    assert!(shown.shows("The pod does not follow the file, since the text was changed"));
}
