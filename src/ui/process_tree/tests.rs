//! The process tree drawn without a display: which rows are drawn, what keys do, and what stays in its place.

use std::cell::RefCell;

use eframe::egui::{Event, Key, Modifiers};

use super::keys::key_of;
use super::{TreeKey, TreeOptions, TreeState, process_tree_ui};
use crate::layout::tree::{Column, Shape};
use crate::model::{Delta, Facts, MonoNs, Parent, ProcId, Stamp, World};
use crate::ui::tests::View;
use crate::ui::{Action, Selection};

fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

fn add(world: &mut World, pid: u32, parent: u32) {
    let parent = if parent == 0 { Parent::Outside } else { Parent::Process(id(parent)) };
    let at = Stamp::connector(MonoNs(u64::from(pid)));
    world.apply(&Delta::Born { id: id(pid), parent, at });
    world.apply(&Delta::Renamed { id: id(pid), comm: format!("p{pid}"), at });
}

/// A process 1 with these children.
fn world(children: std::ops::Range<u32>) -> World {
    let mut world = World::default();
    add(&mut world, 1, 0);
    children.for_each(|pid| add(&mut world, pid, 1));
    world
}

/// The view of a state that tests can look at between two frames.
struct Scene<'a> {
    state: &'a RefCell<TreeState>,
    view: View<'a>,
}

impl<'a> Scene<'a> {
    fn new(state: &'a RefCell<TreeState>, world: World) -> Self {
        let mut view = View::new(world, move |ui, cx| process_tree_ui(ui, cx, &mut state.borrow_mut()));
        view.selection = Selection::default();
        view.settle();
        Self { state, view }
    }

    /// Presses the keys in one frame, and selects what they select. Returns the texts of the next frame.
    fn press(&mut self, keys: &[TreeKey]) -> Vec<String> {
        self.state.borrow_mut().press(keys.to_vec());
        for action in self.view.frame(vec![]).actions {
            if let Action::SelectProcess(id) = action {
                self.view.selection.process = Some(id);
            }
        }
        self.view.frame(vec![]).texts
    }

    fn selected(&self) -> Option<u32> {
        self.view.selection.process.map(|id| id.pid)
    }

    fn tagged(&self) -> Vec<u32> {
        self.state.borrow().tagged(&self.view.world).map(|id| id.pid).collect()
    }
}

fn shows(texts: &[String], text: &str) -> bool {
    texts.iter().any(|shown| shown == text)
}

#[test]
fn only_the_rows_on_screen_are_drawn() {
    let state = RefCell::default();
    let mut scene = Scene::new(&state, world(2..10_000));
    let top = scene.view.frame(vec![]);
    assert_eq!(top.computed, 0);
    assert!(shows(&top.texts, "p2") && !shows(&top.texts, "p9999") && top.texts.len() < 1_000, "{}", top.texts.len());
    let bottom = scene.press(&[TreeKey::Last]);
    assert_eq!(scene.selected(), Some(9_999));
    assert!(shows(&bottom, "p9999") && !shows(&bottom, "p2"));
    assert!(shows(&bottom, "PID ↑"), "the head stays");
}

#[test]
fn what_is_on_screen_stays_in_its_place_when_rows_above_it_come_and_go() {
    let state = RefCell::default();
    let mut scene = Scene::new(&state, world(1_000..1_500));
    let before = scene.press(&[TreeKey::Last]);
    assert!(shows(&before, "p1499"));
    (100..140).for_each(|pid| add(&mut scene.view.world, pid, 1));
    scene.view.revision += 1;
    let commands = |texts: &[String]| -> Vec<String> {
        texts.iter().filter(|text| text.starts_with('p') && text.len() == 5).cloned().collect()
    };
    assert_eq!(commands(&scene.view.frame(vec![]).texts), commands(&before));
    for pid in 1_000..1_010 {
        let by = Parent::Process(id(1));
        scene.view.world.apply(&Delta::Reaped { id: id(pid), by, at: Stamp::connector(MonoNs(9_000)) });
    }
    scene.view.revision += 1;
    assert_eq!(commands(&scene.view.frame(vec![]).texts), commands(&before));
}

#[test]
fn the_arrows_move_the_selection_from_row_to_row() {
    let state = RefCell::default();
    let mut scene = Scene::new(&state, world(2..6));
    let steps = [
        (TreeKey::Down, 1),
        (TreeKey::Down, 2),
        (TreeKey::Down, 3),
        (TreeKey::Up, 2),
        (TreeKey::Last, 5),
        (TreeKey::Down, 5),
        (TreeKey::First, 1),
        (TreeKey::Up, 1),
        (TreeKey::PageDown, 5),
        (TreeKey::Fold, 1),
    ];
    for (key, expected) in steps {
        scene.press(&[key]);
        assert_eq!(scene.selected(), Some(expected), "{key:?}");
    }
    scene.press(&[TreeKey::Down, TreeKey::Down, TreeKey::Down]);
    assert_eq!(scene.selected(), Some(4), "three in one frame");
}

#[test]
fn a_tag_stays_with_its_process_until_that_is_reaped() {
    let state = RefCell::default();
    let mut scene = Scene::new(&state, world(2..6));
    scene.press(&[TreeKey::First, TreeKey::Down, TreeKey::Tag, TreeKey::Tag]);
    assert_eq!((scene.tagged(), scene.selected()), (vec![2, 3], Some(4)));
    let texts = scene.press(&[TreeKey::Up, TreeKey::Tag]);
    assert_eq!(scene.tagged(), [2], "a second time takes the tag away");
    assert!(shows(&texts, "1 tagged"));
    scene.press(&[TreeKey::Tag]);
    let by = Parent::Process(id(1));
    scene.view.world.apply(&Delta::Reaped { id: id(2), by, at: Stamp::connector(MonoNs(9_000)) });
    scene.view.revision += 1;
    scene.view.frame(vec![]);
    assert_eq!(scene.tagged(), [4]);
    let texts = scene.press(&[TreeKey::UntagAll]);
    assert!(scene.tagged().is_empty() && !texts.iter().any(|text| text.ends_with("tagged")));
}

#[test]
fn a_folded_row_says_how_many_are_below_it() {
    let state = RefCell::default();
    let mut all = world(2..4);
    (10..15).for_each(|pid| add(&mut all, pid, 3));
    let mut scene = Scene::new(&state, all);
    let folded = scene.press(&[TreeKey::First, TreeKey::Down, TreeKey::Down, TreeKey::Fold]);
    assert_eq!(scene.selected(), Some(3));
    assert!(shows(&folded, "+5") && !shows(&folded, "p10"));
    assert!(shows(&scene.press(&[TreeKey::Unfold]), "p10"));
    let all = scene.press(&[TreeKey::FoldAll]);
    assert!(shows(&all, "p3") && shows(&all, "+5") && !shows(&all, "p10"), "the topmost stays open");
    assert!(shows(&scene.press(&[TreeKey::FoldAll]), "p10"));
}

#[test]
fn following_opens_what_is_folded_above_the_selected_process() {
    let state = RefCell::default();
    let mut all = world(2..400);
    add(&mut all, 1_000, 300);
    let mut scene = Scene::new(&state, all);
    scene.press(&[TreeKey::FoldAll]);
    // selected in another view
    scene.view.selection.process = Some(id(1_000));
    assert!(!shows(&scene.view.frame(vec![]).texts, "p1000"));
    assert!(shows(&scene.press(&[TreeKey::Follow]), "p1000"));
}

#[test]
fn a_column_sorts_the_other_way_round_the_second_time() {
    let mut options = TreeOptions::default();
    let mut steps = Vec::new();
    for column in [Column::Cpu, Column::Cpu, Column::User, Column::Pid] {
        options.sort_by(column);
        steps.push((options.sort, options.descending));
    }
    let expected = [(Column::Cpu, true), (Column::Cpu, false), (Column::User, false), (Column::Pid, false)];
    assert_eq!(steps, expected);
}

#[test]
fn the_order_is_held_while_the_pointer_is_over_rows_that_change_all_the_time() {
    let state = RefCell::default();
    let mut world = world(2..6);
    let memory = |world: &mut World, pid: u32, rss_bytes: u64| {
        let at = Stamp::connector(MonoNs(8_000));
        let p = world.process(id(pid)).expect("known").clone();
        let facts = Facts {
            id: p.id,
            parent: p.parent,
            comm: p.comm,
            cmdline: Vec::new(),
            state: p.state,
            uid: 0,
            nspid: vec![pid],
            threads: 1,
            rss_bytes,
            cpu: p.cpu,
            waited_cpu: p.waited_cpu,
            signals: p.signals,
            namespaces: p.namespaces,
        };
        world.apply(&Delta::Facts { facts: Box::new(facts), at });
    };
    (2..6).for_each(|pid| memory(&mut world, pid, u64::from(pid) << 20));
    let mut scene = Scene::new(&state, world);
    let order = |texts: &[String]| -> Vec<String> {
        texts.iter().filter(|text| text.starts_with('p') && text.len() == 2 && *text != "p1").cloned().collect()
    };
    let sorted = scene.press(&[TreeKey::Sort(Column::Memory)]);
    assert_eq!(order(&sorted), ["p5", "p4", "p3", "p2"]);
    let over_rows = eframe::egui::pos2(300.0, 120.0);
    scene.view.frame(vec![Event::PointerMoved(over_rows)]);
    scene.view.frame(vec![]);
    memory(&mut scene.view.world, 2, 100 << 20);
    scene.view.revision += 1;
    assert_eq!(order(&scene.view.frame(vec![]).texts), ["p5", "p4", "p3", "p2"]);
    scene.view.frame(vec![Event::PointerGone]);
    scene.view.frame(vec![]);
    assert_eq!(order(&scene.view.frame(vec![]).texts), ["p2", "p5", "p4", "p3"]);
}

#[test]
fn each_key_has_its_meaning() {
    let key = |key, modifiers| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
    let table = [
        (Event::Text("+".into()), Some(TreeKey::Unfold)),
        (Event::Text("-".into()), Some(TreeKey::Fold)),
        (Event::Text("*".into()), Some(TreeKey::FoldAll)),
        (Event::Text("/".into()), Some(TreeKey::Filter)),
        (Event::Text("k".into()), None),
        (key(Key::Space, Modifiers::NONE), Some(TreeKey::Tag)),
        (key(Key::Space, Modifiers::CTRL), None),
        (key(Key::U, Modifiers::NONE), Some(TreeKey::UntagAll)),
        (key(Key::F5, Modifiers::NONE), Some(TreeKey::Shape)),
        (key(Key::M, Modifiers::SHIFT), Some(TreeKey::Sort(Column::Memory))),
        (key(Key::M, Modifiers::NONE), None),
        // these send signals, and move in time
        (key(Key::K, Modifiers::NONE), None),
        (key(Key::T, Modifiers::NONE), None),
        (key(Key::ArrowLeft, Modifiers::NONE), None),
        (key(Key::L, Modifiers::NONE), None),
    ];
    for (event, expected) in table {
        assert_eq!(key_of(&event), expected, "{event:?}");
    }
}

#[test]
fn options_survive_the_settings_file() {
    let mut options = TreeOptions { shape: Shape::List, descending: true, ..TreeOptions::default() };
    options.columns.insert(Column::Namespace(crate::model::NsKind::Net));
    options.sort = Column::Namespace(crate::model::NsKind::Net);
    let text = serde_json::to_string(&options).expect("plain data");
    assert_eq!(serde_json::from_str::<TreeOptions>(&text).expect("the same"), options);
    let old = serde_json::from_str::<TreeOptions>("{}").expect("a file without them");
    assert_eq!(old, TreeOptions::default());
}
