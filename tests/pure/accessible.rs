//! Everything that can be used has a role and a name for a screen reader, and every term of the inspector a meaning.

use std::collections::BTreeMap;

use eframe::egui::accesskit::{Action, Node, Role};
use eframe::egui::{self, Context, RawInput, Rect, Ui, pos2, vec2};
use podscope::layout::side_panels::SidePanel;
use podscope::model::{MonoNs, NsKind, Scope, World};
use podscope::ui::notices::{NoticeKind, Notices, notices_ui};
use podscope::ui::palette::{PaletteState, palette_ui};
use podscope::ui::settings_menu::{SettingsShown, settings_button_ui};
use podscope::ui::tokens::Tokens;
use podscope::ui::{
    Cx, Latest, Selection, WorldVersion, build, drawers, events, fonts, inside, inspector, logs, namespaces, overview,
    pod_map, pods, process_tree, report, terms, timeline, top_bar, zombies,
};
use podscope::wording::terms::Term;

use crate::fixture::{self, NGINX, PAUSE, WORKER, ns, proc, uid};

/// Draws until all sizes are known. Returns the nodes of the last frame.
fn nodes(mut view: impl FnMut(&mut Ui)) -> Vec<Node> {
    let ctx = Context::default();
    ctx.enable_accesskit();
    fonts::install(&ctx);
    Tokens::dark().apply(&ctx);
    let mut last = Vec::new();
    for frame in 0..4 {
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1100.0, 800.0)));
        let input = RawInput { screen_rect, time: Some(f64::from(frame) * 0.1), ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| view(ui));
        output.textures_delta.clear();
        let update = output.platform_output.accesskit_update.expect("the tree of the frame");
        last = update.nodes.into_iter().map(|(_, node)| node).collect();
    }
    last
}

fn name(node: &Node) -> &str {
    node.label().or_else(|| node.value()).unwrap_or_default()
}

/// What cannot be used with a screen reader.
fn unusable(nodes: &[Node]) -> Vec<String> {
    let can_be_used = |node: &&Node| node.supports_action(Action::Focus) || node.supports_action(Action::Click);
    let is_named = |node: &Node| {
        // the value of a text field is what was typed, and says nothing about the field
        let is_field = matches!(node.role(), Role::TextInput | Role::MultilineTextInput | Role::SearchInput);
        let own = if is_field { node.label().unwrap_or_default() } else { name(node) };
        !own.trim().is_empty() || !node.labelled_by().is_empty()
    };
    let has_role = |node: &Node| !matches!(node.role(), Role::Unknown | Role::GenericContainer);
    let wrong = nodes.iter().filter(can_be_used).filter(|node| !is_named(node) || !has_role(node));
    wrong.map(|node| format!("{:?} \"{}\" at {:?}", node.role(), name(node), node.bounds())).collect()
}

/// The world of the fixture, with a zombie.
fn world() -> World {
    use podscope::model::Delta;
    let mut world = fixture::world();
    world.apply(&Delta::Exited { id: proc(WORKER), status: None, at: fixture::at(3_000) });
    world
}

fn selected(process: Option<u32>, namespace: Option<podscope::model::NsId>) -> Selection {
    Selection { pod: Some(uid()), process: process.map(proc), namespace }
}

fn with_cx(world: &World, selection: &Selection, live: bool, draw: impl FnOnce(&mut Cx<'_>)) {
    let (tokens, now) = (Tokens::dark(), MonoNs(5_000));
    let version = if live { WorldVersion::Live(1) } else { WorldVersion::Past(now, None) };
    let out = &mut Vec::new();
    draw(&mut Cx { world, tokens: &tokens, selection, now, epoch: MonoNs(0), live, version, out });
}

#[test]
fn everything_that_can_be_used_has_a_role_and_a_name() {
    let world = world();
    let net = ns(NsKind::Net, 104);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut check = |view: &str, selection: &Selection, draw: &mut dyn FnMut(&mut Ui, &mut Cx<'_>)| {
        for live in [true, false] {
            let nodes = nodes(|ui| with_cx(&world, selection, live, |cx| draw(ui, cx)));
            assert!(nodes.len() > 1, "{view} draws nothing");
            let found = unusable(&nodes);
            if !found.is_empty() {
                wrong.insert(format!("{view}, live {live}"), found);
            }
        }
    };
    let pod = selected(None, None);
    let mut map = pod_map::MapState::default();
    check("pod map", &pod, &mut |ui, cx| pod_map::pod_map_ui(ui, cx, &mut map));
    let mut cards = overview::OverviewState::default();
    check("overview", &pod, &mut |ui, cx| overview::overview_ui(ui, cx, &mut cards));
    let mut matrix = namespaces::NamespacesState::default();
    check("namespaces", &pod, &mut |ui, cx| namespaces::namespaces_ui(ui, cx, &mut matrix));
    check("holders", &selected(None, Some(net)), &mut |ui, cx| namespaces::namespaces_ui(ui, cx, &mut matrix));
    let mut list = pods::PodsState::default();
    check("pods", &pod, &mut |ui, cx| pods::pods_ui(ui, cx, None, &mut list));
    let mut tree = process_tree::TreeState::default();
    check("process tree", &pod, &mut |ui, cx| process_tree::process_tree_ui(ui, cx, &mut tree));
    let mut happened = events::EventsState::default();
    check("events", &pod, &mut |ui, cx| events::events_ui(ui, cx, &mut happened));
    let mut dead = zombies::ZombiesState::default();
    check("zombies", &pod, &mut |ui, cx| zombies::zombies_ui(ui, cx, &mut dead));
    let mut lanes = timeline::TimelineState::default();
    check("timeline", &pod, &mut |ui, cx| {
        let history = podscope::store::History::of(cx.world);
        let latest = Latest { world: cx.world, history: &history, version: cx.version, now: cx.now };
        timeline::timeline_ui(ui, cx, latest, &mut lanes);
    });
    let mut written = logs::LogsState::default();
    check("logs", &pod, &mut |ui, cx| logs::logs_ui(ui, cx, &mut written));
    let mut sides = report::ReportState::default();
    check("report", &pod, &mut |ui, cx| report::report_ui(ui, cx, &mut sides));
    check("build", &pod, &mut |ui, cx| build::build_ui(ui, cx, &[]));
    let mut content = inside::InsideState::default();
    for kind in NsKind::ALL {
        let of = fixture::namespaces(NGINX).get(kind);
        check(&format!("inside {kind}"), &selected(None, of), &mut |ui, cx| inside::inside_ui(ui, cx, &mut content));
    }
    let mut facts = inspector::InspectorState::default();
    for (what, selection) in inspected() {
        check(what, &selection, &mut |ui, cx| inspector::inspector_ui(ui, cx, &mut facts));
    }
    check("top bar", &pod, &mut |ui, cx| top_bar::top_bar_ui(ui, cx, None, Scope::Lab));
    let mut palette = PaletteState::default();
    check("commands", &pod, &mut |ui, cx| palette_ui(ui, cx, &mut palette, &["Pod map"]));
    check("terms", &pod, &mut |ui, cx| terms::terms_ui(ui, cx));
    let shown = SettingsShown { dark: true, text_percent: 100, plays_slowly: false, shown_panels: [true; 3] };
    check("settings", &pod, &mut |ui, cx| settings_button_ui(ui, cx, shown));
    for panel in SidePanel::ALL {
        check("strip", &pod, &mut |ui, cx| drawers::strip_ui(ui, cx, panel, false));
        check("drawer", &pod, &mut |ui, cx| {
            let place = Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 300.0));
            drawers::drawer_ui(ui.ctx(), cx.tokens, panel, place, |ui| drop(ui.label("content")));
        });
    }
    check("notices", &pod, &mut |ui, cx| {
        let mut notices = Notices::default();
        for kind in [NoticeKind::Done, NoticeKind::Failed, NoticeKind::Lasting] {
            notices.add(kind, "it happened".to_owned(), cx.now);
        }
        egui::CentralPanel::default().show(ui, |ui| notices_ui(ui, cx.tokens, &mut notices, cx.now));
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the inspector describes.
fn inspected() -> Vec<(&'static str, Selection)> {
    vec![
        ("pause", selected(Some(PAUSE), None)),
        ("a process", selected(Some(NGINX), None)),
        ("a zombie", selected(Some(WORKER), None)),
        ("a namespace", selected(None, Some(ns(NsKind::Pid, 105)))),
        ("a pod", selected(None, None)),
        ("nothing", Selection::default()),
    ]
}

#[test]
fn every_term_of_the_inspector_has_its_meaning() {
    let world = world();
    let mut seen = Vec::new();
    for (what, selection) in inspected() {
        let mut state = inspector::InspectorState::default();
        let nodes = nodes(|ui| with_cx(&world, &selection, true, |cx| inspector::inspector_ui(ui, cx, &mut state)));
        let labels = nodes.iter().filter(|node| node.role() == Role::Label);
        for node in labels {
            // a fact is its term and its value; a section is in capitals
            let text = name(node);
            // a row of the table of usage begins with the name of a member
            if text.contains(" uses ") {
                continue;
            }
            let begins = |term: &Term| text.strip_prefix(term.name()).is_some_and(|rest| rest.starts_with(' '));
            // predictions also begin with pause
            let begins = |term: &Term| *term != Term::OwnPause && begins(term);
            let Some(term) = Term::ALL.into_iter().filter(begins).max_by_key(|term| term.name().len()) else {
                continue;
            };
            assert_eq!(node.description(), Some(term.meaning()), "{what}: {text}");
            seen.push(term);
        }
    }
    for term in [
        Term::HostPid,
        Term::PidInPod,
        Term::Parent,
        Term::State,
        Term::Command,
        Term::Handles,
        Term::OrphansGoTo,
        Term::Started,
        Term::ZombieFor,
        Term::Link,
        Term::Isolates,
        Term::Phase,
        Term::Ip,
        Term::Sandbox,
        Term::Restarts,
        Term::Created,
    ] {
        assert!(seen.contains(&term), "{} is not on screen", term.name());
    }
}

#[test]
fn no_value_of_the_inspector_is_cut() {
    let mut world = world();
    let signals = podscope::model::SignalMasks { caught: 0x7fff_ffff, ..podscope::model::SignalMasks::default() };
    let changes = podscope::model::FactChanges { signals: Some(signals), ..podscope::model::FactChanges::default() };
    let id = proc(NGINX);
    world.apply(&podscope::model::Delta::Changed { id, changes: Box::new(changes), at: fixture::at(4_000) });
    let ctx = Context::default();
    fonts::install(&ctx);
    let mut state = inspector::InspectorState::default();
    let selection = selected(Some(NGINX), None);
    let mut painted = Vec::new();
    for frame in 0..4 {
        // as narrow as the inspector can be
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(248.0, 900.0)));
        let input = RawInput { screen_rect, time: Some(f64::from(frame) * 0.1), ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| {
            with_cx(&world, &selection, true, |cx| inspector::inspector_ui(ui, cx, &mut state));
        });
        output.textures_delta.clear();
        painted.clear();
        output.shapes.iter().for_each(|shape| galleys(&shape.shape, &mut painted));
    }
    let handles = painted.iter().find(|(text, _)| text.starts_with("HUP INT QUIT")).expect("the signals it handles");
    assert!(handles.0.ends_with("SYS") && !handles.1, "{handles:?}");
    for term in [Term::Handles, Term::OrphansGoTo, Term::PidInPod] {
        let whole = painted.iter().find(|(text, _)| text == term.name());
        assert!(whole.is_some_and(|(_, is_cut)| !is_cut), "{} is cut", term.name());
    }
}

/// The texts that are painted, and whether each is cut.
fn galleys(shape: &egui::Shape, found: &mut Vec<(String, bool)>) {
    match shape {
        egui::Shape::Text(text) => found.push((text.galley.text().to_owned(), text.galley.elided)),
        egui::Shape::Vec(all) => all.iter().for_each(|shape| galleys(shape, found)),
        _ => {}
    }
}
