//! The pod map as a screen reader has it: what is where, and what a click does.

use eframe::egui::{Context, Event, Modifiers, PointerButton, RawInput, Rect, Vec2, pos2, vec2};
use podscope::model::{
    BackOff, ContainerState, Delta, Member, MonoNs, Parent, Pod, Signal, Source, WaitStatus, WaitingReason, World,
};
use podscope::ui::pod_map::{MapAction, MapState, pod_map_ui};
use podscope::ui::tokens::Tokens;
use podscope::ui::{Action, Cx, Selection, WorldVersion, fonts, signals};

use crate::views::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, id, pod, prompt, uid, world_with};

/// The view of one pod, drawn without a display.
struct Map {
    ctx: Context,
    state: MapState,
    world: World,
    selection: Selection,
    now: MonoNs,
    size: Vec2,
    time: f64,
    foretold: Option<(u32, Signal)>,
    actions: Vec<Action>,
    nodes: Vec<(String, Rect)>,
}

impl Map {
    fn new(world: World) -> Self {
        let ctx = Context::default();
        ctx.enable_accesskit();
        fonts::install(&ctx);
        Tokens::dark().apply(&ctx);
        let mut map = Self {
            ctx,
            state: MapState::default(),
            world,
            selection: Selection { pod: Some(uid()), ..Selection::default() },
            now: MonoNs(9_000_000_000),
            size: vec2(1000.0, 620.0),
            time: 0.0,
            foretold: None,
            actions: Vec::new(),
            nodes: Vec::new(),
        };
        map.settle();
        map
    }

    fn frame(&mut self, events: Vec<Event>) {
        self.time += 0.1;
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), self.size));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let tokens = Tokens::dark();
        let (state, foretold) = (&mut self.state, self.foretold);
        let mut cx = Cx {
            world: &self.world,
            tokens: &tokens,
            selection: &self.selection,
            now: self.now,
            epoch: MonoNs(0),
            live: true,
            version: WorldVersion::Live(1),
            out: &mut self.actions,
        };
        let mut output = self.ctx.run_ui(input, |ui| {
            if let Some((target, signal)) = foretold {
                signals::foretell(ui.ctx(), id(target), signal);
            }
            pod_map_ui(ui, &mut cx, state);
        });
        // nothing paints the textures
        output.textures_delta.clear();
        let nodes = output.platform_output.accesskit_update.into_iter().flat_map(|update| update.nodes);
        self.nodes = nodes
            .filter_map(|(_, node)| {
                // a text has a value, everything else a label
                let (name, at) = (node.label().or_else(|| node.value())?.to_owned(), node.bounds()?);
                let corners = [pos2(at.x0 as f32, at.y0 as f32), pos2(at.x1 as f32, at.y1 as f32)];
                Some((name, Rect::from_min_max(corners[0], corners[1])))
            })
            .collect();
    }

    /// Draws until all sizes are known and everything has been scrolled to.
    fn settle(&mut self) {
        for _ in 0..4 {
            self.frame(vec![]);
        }
    }

    /// The places of what has this in its name.
    fn places(&self, words: &str) -> Vec<Rect> {
        self.nodes.iter().filter(|(name, _)| name.contains(words)).map(|(_, place)| *place).collect()
    }

    fn place(&self, words: &str) -> Rect {
        let found = self.places(words);
        assert_eq!(found.len(), 1, "{words}: {found:?} of {:#?}", self.names());
        found[0]
    }

    fn shows(&self, words: &str) -> bool {
        !self.places(words).is_empty()
    }

    fn names(&self) -> Vec<&str> {
        self.nodes.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn click(&mut self, words: &str) {
        let at = self.place(words).center();
        let press = |pressed| {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            Event::PointerButton { pos: at, button, pressed, modifiers }
        };
        for event in [Event::PointerMoved(at), press(true), press(false)] {
            self.frame(vec![event]);
        }
        // the pointer must not hover over anything afterwards
        self.frame(vec![Event::PointerGone]);
        self.settle();
    }
}

/// Children of the shell, each with the name that this gives it.
fn children(count: u32, name: impl Fn(u32) -> String) -> Vec<Delta> {
    let born = |n: u32| {
        let (id, at) = (id(3000 + n), at(700));
        let exec = Delta::Exec { id, comm: name(n), cmdline: vec![name(n)], at };
        [Delta::Born { id, parent: Parent::Process(self::id(SH)), at }, exec]
    };
    (0..count).flat_map(born).collect()
}

fn pid(pid: u32) -> String {
    format!("host pid {pid},")
}

#[test]
fn the_rails_stay_in_view_however_many_processes_there_are() {
    for count in [2, 300] {
        let map = Map::new(world_with(true, &children(count, |n| format!("job-{n}"))));
        for kind in ["net:[", "time:["] {
            for rail in map.places(kind) {
                assert!(rail.bottom() <= map.size.y && rail.top() > 200.0, "{kind} {rail:?} with {count}");
            }
            assert!(map.shows(kind));
        }
    }
}

#[test]
fn a_process_that_a_key_selects_is_scrolled_into_view_and_the_heads_stay() {
    let mut map = Map::new(world_with(true, &children(300, |n| format!("job-{n}"))));
    let rail = map.place("net:[");
    let (pause, head) = (map.place("pause, PID 1"), map.place("busybox · Running"));
    assert!(map.place(&pid(3299)).top() > map.size.y, "far below");
    map.selection.process = Some(id(3299));
    map.settle();
    let last = map.place(&pid(3299));
    assert!(last.top() > head.bottom() && last.bottom() < rail.top(), "{last:?}");
    assert_eq!((map.place("net:["), map.place("pause, PID 1"), map.place("busybox · Running")), (rail, pause, head));
}

#[test]
fn alike_processes_are_one_pill_that_opens_and_closes() {
    let died = Delta::Exited { id: id(3007), status: Some(WaitStatus::killed(9)), at: at(900) };
    let mut all = children(40, |_| "worker".into());
    all.push(died);
    let mut map = Map::new(world_with(true, &all));
    let shell = map.place(&pid(SH));
    assert!(map.shows("Unfold 40 alike processes worker, 40 processes, 1 zombie"), "{:#?}", map.names());
    assert!(!map.shows(&pid(3007)) && map.shows(&pid(SLEEP)));
    map.click("Unfold 40 alike processes");
    assert!(map.shows("Fold 40 alike processes") && map.shows(&pid(3007)));
    assert_eq!(map.place(&pid(SH)), shell, "nothing above it moves");
    map.click("Fold 40 alike processes");
    assert!(map.shows("Unfold 40 alike processes") && !map.shows(&pid(3007)));
}

#[test]
fn a_fold_is_open_while_one_of_its_processes_is_selected() {
    let mut map = Map::new(world_with(true, &children(40, |_| "worker".into())));
    map.selection.process = Some(id(3030));
    map.settle();
    assert!(map.shows("Fold 40 alike processes") && map.shows(&pid(3030)));
    map.selection.process = Some(id(SH));
    map.settle();
    assert!(map.shows("Unfold 40 alike processes") && !map.shows(&pid(3030)));
}

#[test]
fn a_column_is_folded_by_its_button_and_opens_for_a_selected_process() {
    let mut map = Map::new(world_with(true, &[]));
    let before = map.place(&pid(SH));
    map.click("Fold column nginx");
    assert!(map.shows("Unfold column nginx, Running, 3 processes") && !map.shows(&pid(MASTER)));
    assert!(map.place(&pid(SH)).width() > before.width(), "the other column uses the room");
    map.selection.process = Some(id(WORKERS[0]));
    map.settle();
    assert!(map.shows(&pid(MASTER)) && map.shows("Fold column nginx"));
    map.selection.process = None;
    map.settle();
    map.click("Unfold column nginx");
    assert_eq!(map.place(&pid(SH)), before);
}

#[test]
fn what_a_signal_would_hit_is_marked_with_words() {
    let mut map = Map::new(world_with(true, &[]));
    assert!(!map.shows("would"));
    map.foretold = Some((PAUSE, Signal::KILL));
    map.frame(vec![]);
    for p in [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP] {
        assert!(map.place(&pid(p)).is_positive());
    }
    assert_eq!(map.places("would end").len(), 6, "{:#?}", map.names());
    assert!(map.places("would be released").len() >= 4);
    map.foretold = Some((WORKERS[0], Signal::STOP));
    map.frame(vec![]);
    assert_eq!((map.places("would stop").len(), map.places("would end").len()), (1, 0));
    map.foretold = None;
    map.frame(vec![]);
    assert!(!map.shows("would"), "only while the pointer is there");
}

#[test]
fn a_closed_fold_says_how_many_of_it_would_be_hit() {
    let mut map = Map::new(world_with(true, &children(40, |_| "worker".into())));
    map.foretold = Some((SH, Signal::KILL));
    map.frame(vec![]);
    assert!(map.shows("worker, 40 processes, 40 would end"), "{:#?}", map.names());
}

/// All containers have ended and wait for their back-off.
fn resting(pod: &mut Pod) {
    for c in &mut pod.containers {
        let back_off = Some(BackOff { kubelet_ms: 10_000, clock: 1 });
        let reason = WaitingReason::CrashLoopBackOff;
        c.state = ContainerState::Waiting { reason, message: Some("back-off 10s".into()), back_off };
        (c.process, c.last_exit) = (None, Some(WaitStatus::exited(0)));
    }
}

#[test]
fn a_sandbox_without_running_containers_is_pause_that_holds_namespaces() {
    let mut all = Vec::new();
    for p in [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP] {
        all.push(Delta::Exited { id: id(p), status: Some(WaitStatus::exited(0)), at: at(800) });
        let (by, at) = (Parent::Process(id(NODE)), prompt(801, Source::Node));
        all.push(Delta::Reaped { id: id(p), by, at });
    }
    let mut stopped = pod(true);
    resting(&mut stopped);
    all.push(Delta::Pod { pod: Box::new(stopped), at: at(900) });
    let map = Map::new(world_with(true, &all));
    for kind in ["net", "ipc", "uts", "pid", "user"] {
        assert!(map.shows(&format!("{kind}:[")), "{kind}");
    }
    let held: Vec<&str> = map.names().into_iter().filter(|name| name.contains("held by pause")).collect();
    assert_eq!(held.len(), 5, "{:#?}", map.names());
    assert!(map.shows("No container runs now; pause holds 5 namespaces"));
    assert!(map.names().iter().filter(|name| name.contains("private")).all(|name| name.starts_with("mnt")));
}

#[test]
fn the_legend_is_shown_on_demand() {
    let mut map = Map::new(world_with(true, &[]));
    assert!(!map.shows("In the map"));
    map.state.act(MapAction::ToggleLegend);
    map.settle();
    assert!(map.shows("In the map: a namespace of one member alone"));
    map.click("Close");
    assert!(!map.shows("In the map"));
    map.click("Show the legend");
    assert!(map.shows("In the map"));
}

#[test]
fn zoom_makes_pills_larger_and_fit_brings_all_of_them_into_view() {
    let mut map = Map::new(world_with(true, &children(9, |n| format!("job-{n}"))));
    let (natural, label) = (map.place(&pid(MASTER)), map.place("net:["));
    map.state.act(MapAction::ZoomIn);
    map.settle();
    assert!(map.place(&pid(MASTER)).height() > natural.height());
    assert_eq!(map.place("net:[").left(), label.left(), "the names of the rails stay beside them");
    map.state.act(MapAction::Fit);
    map.settle();
    let rail = map.place("net:[");
    for n in 0..9 {
        let pill = map.place(&pid(3000 + n));
        assert!(pill.bottom() < rail.top(), "{n}: {pill:?} above {rail:?}");
    }
    assert!(map.place(&pid(MASTER)).height() < natural.height());
}

#[test]
fn twelve_containers_are_scrolled_below_pause() {
    let mut many = pod(true);
    let one = many.containers[1].clone();
    many.containers =
        (0..12).map(|n| podscope::model::Container { name: format!("c{n}"), process: None, ..one.clone() }).collect();
    let mut all = vec![Delta::Pod { pod: Box::new(many), at: at(600) }];
    for n in 0..12 {
        let (id, at) = (id(4000 + n), at(700));
        all.push(Delta::Born { id, parent: Parent::Process(self::id(NODE)), at });
        all.push(Delta::Joined { id, member: Member::container(&uid(), &format!("c{n}")), at });
    }
    let mut map = Map::new(world_with(true, &all));
    let (pause, net) = (map.place("pause, PID 1"), map.place("net:["));
    let last = map.place(&pid(4011));
    assert!(last.left() > map.size.x && last.width() > 100.0, "{last:?}");
    map.selection.process = Some(id(4011));
    map.settle();
    let last = map.place(&pid(4011));
    assert!(last.left() > pause.right() && last.right() < map.size.x, "{last:?}");
    assert_eq!((map.place("pause, PID 1"), map.place("net:[").left()), (pause, net.left()));

    map.size.x = 2560.0;
    map.settle();
    let (first, last) = (map.place(&pid(4000)), map.place(&pid(4011)));
    assert!(first.left() > pause.right() && last.right() > 2560.0 - 80.0, "{last:?} uses the whole width");
}

#[test]
fn a_click_on_a_pill_selects_its_process_and_a_head_says_its_container() {
    let mut map = Map::new(world_with(true, &[]));
    map.click(&pid(WORKERS[1]));
    assert_eq!(map.actions, [Action::SelectProcess(id(WORKERS[1]))]);
    assert!(map.shows("nginx · Running") && map.shows("busybox · Running"));
}
