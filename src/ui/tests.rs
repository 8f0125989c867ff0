//! What the views compute again, and when.

use std::sync::Arc;
use std::time::Instant;

use eframe::egui::epaint::Shape;
use eframe::egui::{self, Event, Modifiers, PointerButton, RawInput, Rect, Ui, pos2, vec2};

use super::memo::take_computed;
use super::tokens::Tokens;
use super::{
    Cx, Latest, Selection, WorldVersion, events, fonts, inside, inspector, namespaces, overview, pod_map, pods,
    process_tree, report, timeline, zombies,
};
use crate::model::{
    Container, ContainerKind, ContainerState, Cpu, Delta, Facts, Member, MonoNs, NsId, NsKind, NsSet, Parent, Phase,
    Pod, PodUid, ProcId, Program, RestartPolicy, Runtime, Sandbox, SandboxKind, SignalMasks, Stamp, State, World,
};

const PAUSE: ProcId = id(10);
const SHELL: ProcId = id(11);
const NET: NsId = NsId { kind: NsKind::Net, dev: 4, ino: 4_026_532_328, generation: 0 };

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

fn ms(ms: u64) -> MonoNs {
    MonoNs(ms * 1_000_000)
}

fn uid(n: u32) -> PodUid {
    PodUid(format!("0c0ffee0-{n}"))
}

fn process(world: &mut World, of: ProcId, parent: Parent, name: &str, member: Member) {
    let at = Stamp::connector(ms(2));
    let mut namespaces = NsSet::default();
    namespaces.set(NET);
    namespaces.set(NsId { kind: NsKind::Pid, ..NET });
    let facts = Facts {
        id: of,
        parent,
        comm: name.into(),
        cmdline: vec![name.into()],
        state: State::Sleeping,
        uid: 1000,
        nspid: vec![of.pid, of.pid - 9],
        threads: 1,
        rss_bytes: 4096,
        cpu: Cpu::default(),
        waited_cpu: Cpu::default(),
        signals: SignalMasks::default(),
        namespaces,
    };
    world.apply(&Delta::Born { id: of, parent, at });
    world.apply(&Delta::Joined { id: of, member, at });
    world.apply(&Delta::Facts { facts: Box::new(facts), at });
}

pub(super) fn pod(n: u32) -> Pod {
    let started = Stamp::connector(ms(1));
    Pod {
        uid: uid(n),
        name: format!("pod-{n}"),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: None,
        message: None,
        ip: Some([10, 244, 0, 2].into()),
        share_pid: true,
        restart: Some(RestartPolicy::Always),
        sandbox: Some(Sandbox {
            attempt: Some(0),
            kind: SandboxKind::Pause,
            process: Some(PAUSE),
            started,
            ended: None,
        }),
        containers: vec![Container {
            name: "shell".into(),
            image: "busybox".into(),
            kind: ContainerKind::App,
            program: Program::StandIn("sh".into()),
            command: vec!["sh".into()],
            stdin: false,
            state: ContainerState::Running { since: started },
            process: Some(SHELL),
            restarts: Some(0),
            last_exit: None,
            last_message: None,
            last_state: None,
        }],
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: Some(Arc::default()),
        created: Stamp::connector(ms(u64::from(n))),
    }
}

/// So many pods, of which the first has a pause and a shell.
fn world(pods: u32) -> World {
    let mut world = World::default();
    for n in 0..pods {
        world.apply(&Delta::Pod { pod: Box::new(pod(n)), at: Stamp::connector(ms(1)) });
    }
    process(&mut world, PAUSE, Parent::Outside, "pause", Member::pause(&uid(0)));
    process(&mut world, SHELL, Parent::Outside, "sh", Member::container(&uid(0), "shell"));
    world
}

/// The shell has started a program, and does not reap another one.
fn change(world: &mut World) {
    let member = Member::container(&uid(0), "shell");
    process(world, id(12), Parent::Process(SHELL), "newcomer", member.clone());
    process(world, id(13), Parent::Process(SHELL), "undead", member);
    world.apply(&Delta::Exited { id: id(13), status: None, at: Stamp::connector(ms(3)) });
}

/// What a frame has painted, and how many models were computed for it.
struct Frame {
    texts: Vec<String>,
    computed: u32,
}

impl Frame {
    fn shows(&self, text: &str) -> bool {
        self.texts.iter().any(|shown| shown.contains(text))
    }
}

type Draw<'a> = Box<dyn FnMut(&mut Ui, &mut Cx<'_>) + 'a>;

/// One view, drawn without a display.
struct View<'a> {
    ctx: egui::Context,
    draw: Draw<'a>,
    world: World,
    revision: u64,
    selection: Selection,
    now: MonoNs,
    width: f32,
    time: f64,
}

impl<'a> View<'a> {
    fn new(world: World, draw: impl FnMut(&mut Ui, &mut Cx<'_>) + 'a) -> Self {
        let ctx = egui::Context::default();
        fonts::install(&ctx);
        let selection = Selection { pod: Some(uid(0)), ..Selection::default() };
        let (now, width) = (ms(20_000), 1000.0);
        Self { ctx, draw: Box::new(draw), world, revision: 1, selection, now, width, time: 0.0 }
    }

    fn frame(&mut self, events: Vec<Event>) -> Frame {
        self.time += 0.1;
        take_computed();
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(self.width, 700.0)));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let tokens = Tokens::dark();
        let mut out = Vec::new();
        let mut cx = Cx {
            world: &self.world,
            tokens: &tokens,
            selection: &self.selection,
            now: self.now,
            epoch: MonoNs(0),
            live: true,
            version: WorldVersion::Live(self.revision),
            out: &mut out,
        };
        let mut full = self.ctx.run_ui(input, |ui| (self.draw)(ui, &mut cx));
        // nothing paints the textures
        full.textures_delta.clear();
        let mut texts = Vec::new();
        full.shapes.iter().for_each(|shape| find_texts(&shape.shape, &mut texts));
        Frame { texts, computed: take_computed() }
    }

    /// Draws until all sizes are known.
    fn settle(&mut self) -> Frame {
        for _ in 0..4 {
            self.frame(vec![]);
        }
        self.frame(vec![])
    }
}

fn find_texts(shape: &Shape, found: &mut Vec<String>) {
    match shape {
        Shape::Text(text) => found.push(text.galley.text().to_owned()),
        Shape::Vec(all) => all.iter().for_each(|shape| find_texts(shape, found)),
        _ => {}
    }
}

/// Each view with what is selected in it, and a text that it shows only after [`change`].
fn views() -> Vec<(&'static str, Selection, &'static str, Draw<'static>)> {
    let selected = |process, namespace| Selection { pod: Some(uid(0)), process, namespace };
    let nothing = || selected(None, None);
    let mut pods = pods::PodsState::default();
    let mut cards = overview::OverviewState::default();
    let mut matrix = namespaces::NamespacesState::default();
    let mut map = pod_map::MapState::default();
    let mut tree = process_tree::TreeState::default();
    let mut list = events::EventsState::default();
    let mut dead = zombies::ZombiesState::default();
    let mut sides = report::ReportState::default();
    let mut content = inside::InsideState::default();
    let mut lanes = timeline::TimelineState::default();
    let inspector = || -> Draw<'static> {
        let mut state = inspector::InspectorState::default();
        Box::new(move |ui, cx| inspector::inspector_ui(ui, cx, &mut state))
    };
    vec![
        ("pods", nothing(), "1 zombie", Box::new(move |ui, cx| pods::pods_ui(ui, cx, None, &mut pods))),
        ("overview", nothing(), "1 zombie", Box::new(move |ui, cx| overview::overview_ui(ui, cx, &mut cards))),
        (
            "namespaces",
            nothing(),
            "3 processes",
            Box::new(move |ui, cx| namespaces::namespaces_ui(ui, cx, &mut matrix)),
        ),
        ("map", nothing(), "newcomer", Box::new(move |ui, cx| pod_map::pod_map_ui(ui, cx, &mut map))),
        ("tree", nothing(), "newcomer", Box::new(move |ui, cx| process_tree::process_tree_ui(ui, cx, &mut tree))),
        ("zombies", nothing(), "undead", Box::new(move |ui, cx| zombies::zombies_ui(ui, cx, &mut dead))),
        ("events", nothing(), "Zombie", Box::new(move |ui, cx| events::events_ui(ui, cx, &mut list))),
        (
            "inside",
            selected(None, Some(NET)),
            "shell ×2",
            Box::new(move |ui, cx| inside::inside_ui(ui, cx, &mut content)),
        ),
        ("report", nothing(), "newcomer", Box::new(move |ui, cx| report::report_ui(ui, cx, &mut sides))),
        (
            "timeline",
            nothing(),
            "newcomer",
            Box::new(move |ui, cx| {
                let latest = Latest { world: cx.world, version: cx.version, now: cx.now };
                timeline::timeline_ui(ui, cx, latest, &mut lanes);
            }),
        ),
        ("pod", nothing(), "newcomer", inspector()),
        ("process", selected(Some(PAUSE), None), "shell ×2", inspector()),
        ("namespace", selected(None, Some(NET)), "newcomer", inspector()),
    ]
}

#[test]
fn a_view_computes_its_model_once_for_each_version_of_the_world() {
    for (name, selection, news, draw) in views() {
        let mut view = View::new(world(2), draw);
        view.selection = selection;
        assert!(view.frame(vec![]).computed > 0, "{name}: the first frame");
        let settled = view.settle();
        assert!(!settled.shows(news) && settled.computed == 0, "{name}: {news} in {:?}", settled.texts);
        for x in [300.0, 500.0, 510.0] {
            view.now = view.now.plus(150_000_000);
            let again = view.frame(vec![Event::PointerMoved(pos2(x, 640.0))]);
            assert_eq!(again.computed, 0, "{name}: the pointer moves, and some time passes");
        }
        change(&mut view.world);
        assert!(!view.settle().shows(news), "{name}: the same version is the same World");
        view.revision += 1;
        let changed = view.frame(vec![]);
        assert!(changed.computed > 0 && changed.shows(news), "{name}: {news} in {:?}", changed.texts);
        assert_eq!(view.frame(vec![]).computed, 0, "{name}: not again");
    }
}

#[test]
fn what_a_view_shows_of_the_selection_is_computed_again_with_another_one() {
    for (name, mut selection, _, draw) in views() {
        let mut view = View::new(world(2), draw);
        view.selection = selection.clone();
        view.settle();
        match name {
            "process" => selection.process = Some(SHELL),
            "namespace" => selection.namespace = Some(NsId { kind: NsKind::Pid, ..NET }),
            _ => selection.pod = Some(uid(1)),
        }
        view.selection = selection;
        let is_of_selection = !matches!(name, "pods" | "overview" | "tree" | "zombies" | "events");
        assert_eq!(view.frame(vec![]).computed > 0, is_of_selection, "{name}");
    }
}

#[test]
fn the_rows_of_the_tree_follow_the_filter() {
    let mut state = process_tree::TreeState::default();
    let mut world = world(1);
    change(&mut world);
    let mut view = View::new(world, |ui, cx| process_tree::process_tree_ui(ui, cx, &mut state));
    assert!(view.settle().shows("/shell") && view.settle().shows("pause"));
    let place = pos2(120.0, 22.0);
    let press = |pressed| Event::PointerButton {
        pos: place,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    for event in [Event::PointerMoved(place), press(true), press(false)] {
        view.frame(vec![event]);
    }
    let typed = view.frame(vec![Event::Text("newcomer".into())]);
    assert!(typed.computed > 0 && typed.shows("newcomer") && !typed.shows("pause"), "{:?}", typed.texts);
    assert_eq!(view.frame(vec![]).computed, 0);
}

#[test]
fn the_map_follows_its_width_and_forgets_what_has_faded() {
    let mut state = pod_map::MapState::default();
    let mut world = world(1);
    change(&mut world);
    let reaped = ms(20_000);
    world.apply(&Delta::Reaped { id: id(13), by: Parent::Process(SHELL), at: Stamp::connector(reaped) });
    let mut view = View::new(world, |ui, cx| pod_map::pod_map_ui(ui, cx, &mut state));
    assert!(view.settle().shows("undead"));
    view.width = 1300.0;
    assert!(view.frame(vec![]).computed > 0, "wider");
    view.settle();
    view.now = reaped.plus(2_000_000_000);
    assert!(view.frame(vec![]).computed == 0, "it fades");
    view.now = reaped.plus(3_000_000_000);
    let faded = view.frame(vec![]);
    assert!(faded.computed > 0 && !faded.shows("undead"), "{:?}", faded.texts);
    view.now = reaped.plus(60_000_000_000);
    assert_eq!(view.frame(vec![]).computed, 0, "nothing else fades");
}

#[test]
fn cards_out_of_sight_are_not_painted() {
    let paint = |pods: u32| {
        let mut state = pods::PodsState::default();
        let mut view = View::new(world(pods), |ui, cx| pods::pods_ui(ui, cx, None, &mut state));
        view.width = 256.0;
        let frame = view.settle();
        let began = Instant::now();
        (0..50).for_each(|_| drop(view.frame(vec![])));
        println!("{pods} pods: a frame {:?}", began.elapsed() / 50);
        frame.texts
    };
    let (few, many) = (paint(30), paint(200));
    assert!(few.iter().any(|text| text == "pod-0") && few.len() > 20, "{few:?}");
    assert_eq!(few, many);
}
