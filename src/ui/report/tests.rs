use std::sync::Arc;

use eframe::egui::{self, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2, vec2};

use super::{ReportState, report_ui};
use crate::command::Command;
use crate::model::{
    Delta, Facts, Member, MonoNs, NsId, NsKind, NsSet, Parent, Phase, Pod, PodUid, ProcId, RestartPolicy, Runtime,
    Sandbox, SandboxKind, SignalMasks, Source, Stamp, State, World,
};
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Selection};
use crate::ui::{Cx, WorldVersion, fonts};

const SIZE: (f32, f32) = (1100.0, 700.0);
const PAUSE: ProcId = ProcId { pid: 4711, start: 1 };
const NET: NsId = NsId { kind: NsKind::Net, dev: 4, ino: 4_026_532_328, generation: 0 };

fn uid() -> PodUid {
    PodUid("0c0ffee0-1111".into())
}

fn at(s: u64) -> Stamp {
    Stamp::prompt(MonoNs(s * 1_000_000_000), Source::Node)
}

/// A pod with only its pause.
fn world() -> World {
    let mut world = World::default();
    let sandbox =
        Sandbox { attempt: Some(0), kind: SandboxKind::Pause, process: Some(PAUSE), started: at(1), ended: None };
    let pod = Pod {
        uid: uid(),
        name: "web".into(),
        runtime: Runtime::Lab,
        phase: Phase::Pending,
        reason: None,
        message: None,
        ip: Some([10, 244, 0, 2].into()),
        share_pid: true,
        restart: Some(RestartPolicy::Always),
        sandbox: Some(sandbox),
        containers: Vec::new(),
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: Some(Arc::default()),
        created: at(1),
    };
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at(1) });
    world.apply(&Delta::Born { id: PAUSE, parent: Parent::Outside, at: at(1) });
    world.apply(&Delta::Joined { id: PAUSE, member: Member::pause(&uid()), at: at(1) });
    let mut namespaces = NsSet::default();
    namespaces.set(NET);
    let facts = Facts {
        id: PAUSE,
        parent: Parent::Outside,
        comm: "pause".into(),
        cmdline: vec!["/pause".into()],
        state: State::Sleeping,
        uid: 1000,
        nspid: vec![4711, 1],
        threads: 1,
        rss_bytes: 4096,
        cpu: crate::model::Cpu::default(),
        waited_cpu: crate::model::Cpu::default(),
        signals: SignalMasks::default(),
        namespaces,
    };
    world.apply(&Delta::Facts { facts: Box::new(facts), at: at(2) });
    world
}

/// The view, drawn without a display, and the names that a screen reader gets.
struct View {
    ctx: egui::Context,
    state: ReportState,
    world: World,
    tokens: Tokens,
    selection: Selection,
    time: f64,
    /// The names and their places.
    names: Vec<(String, Rect)>,
}

impl View {
    fn new(tokens: Tokens) -> Self {
        let ctx = egui::Context::default();
        ctx.enable_accesskit();
        fonts::install(&ctx);
        tokens.apply(&ctx);
        let selection = Selection { pod: Some(uid()), ..Selection::default() };
        let state = ReportState::default();
        let mut view = Self { ctx, state, world: world(), tokens, selection, time: 0.0, names: Vec::new() };
        for _ in 0..3 {
            view.frame(0, vec![]);
        }
        view
    }

    fn frame(&mut self, revision: u64, events: Vec<Event>) -> Vec<Action> {
        self.time += 0.1;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE.0, SIZE.1)));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let mut out = Vec::new();
        let (world, tokens, selection, state) = (&self.world, &self.tokens, &self.selection, &mut self.state);
        let version = WorldVersion::Live(revision);
        let mut full = self.ctx.run_ui(input, |ui| {
            let mut cx =
                Cx { world, tokens, selection, now: at(60).t, epoch: MonoNs(0), live: true, version, out: &mut out };
            report_ui(ui, &mut cx, state);
        });
        full.textures_delta.clear();
        let nodes = full.platform_output.accesskit_update.into_iter().flat_map(|update| update.nodes);
        self.names = nodes
            .filter_map(|(_, node)| {
                let bounds = node.bounds()?;
                let rect = Rect::from_min_max(
                    pos2(bounds.x0 as f32, bounds.y0 as f32),
                    pos2(bounds.x1 as f32, bounds.y1 as f32),
                );
                // a label is its own value
                Some((node.label().or(node.value())?.to_owned(), rect))
            })
            .collect();
        out
    }

    fn place(&self, name: &str) -> Rect {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} in {:#?}", self.names.iter().map(|n| &n.0).collect::<Vec<_>>())).1
    }

    fn click(&mut self, name: &str) -> Vec<Action> {
        // long enough after the last click that the two are not a double click
        self.time += 2.0;
        let pos = self.place(name).center();
        let button =
            |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        self.frame(0, vec![Event::PointerMoved(pos)]);
        self.frame(0, vec![button(true)]);
        self.frame(0, vec![button(false)])
    }
}

#[test]
fn a_click_on_a_value_selects_its_process_namespace_or_pod() {
    for tokens in [Tokens::dark(), Tokens::light()] {
        let mut view = View::new(tokens);
        let process = "process pause, pid 4711 on the host";
        for (name, action) in [
            (format!("4711, {process}"), Action::SelectProcess(PAUSE)),
            (format!("/pause, {process}"), Action::SelectProcess(PAUSE)),
            ("net:[4026532328], net namespace net:[4026532328]".to_owned(), Action::SelectNamespace(NET)),
            ("10.244.0.2, net namespace net:[4026532328]".to_owned(), Action::SelectNamespace(NET)),
            ("0c0ffee0-1111, pod web".to_owned(), Action::SelectPod(uid())),
        ] {
            assert_eq!(view.click(&name), [action], "{name}");
        }
        assert!(view.click("$ kubectl describe pod web").is_empty(), "a command is no link");
    }
}

#[test]
fn a_double_click_shows_the_map() {
    let mut view = View::new(Tokens::dark());
    let pos = view.place("net:[4026532328], net namespace net:[4026532328]").center();
    let button =
        |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    let out = view.frame(0, vec![Event::PointerMoved(pos), button(true), button(false), button(true), button(false)]);
    assert!(out.contains(&Action::Do(Command::Show("pod map".into()))), "{out:?}");
}

#[test]
fn the_text_is_rebuilt_only_when_the_world_version_changes() {
    let mut view = View::new(Tokens::dark());
    assert!(view.names.iter().any(|(name, _)| name.starts_with("4711, ")));
    // the version is still the same
    view.world.apply(&Delta::Reaped { id: PAUSE, by: Parent::Outside, at: at(3) });
    view.frame(0, vec![]);
    assert!(view.names.iter().any(|(name, _)| name.starts_with("4711, ")), "it is kept");
    view.frame(1, vec![]);
    assert!(!view.names.iter().any(|(name, _)| name.starts_with("4711, ")), "{:?}", view.names);
}

#[test]
fn the_divider_starts_in_the_middle_and_can_be_dragged() {
    const GRIP: &str = "Resize the two sides";
    let mut view = View::new(Tokens::dark());
    let from = view.place(GRIP).center();
    assert_eq!(from.x, SIZE.0 / 2.0);
    let press = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let to = from + vec2(-200.0, 0.0);
    for event in [
        Event::PointerMoved(from),
        press(from, true),
        Event::PointerMoved(from + vec2(-100.0, 0.0)),
        Event::PointerMoved(to),
        press(to, false),
    ] {
        view.frame(0, vec![event]);
    }
    view.frame(0, vec![]);
    assert!((view.place(GRIP).center().x - to.x).abs() <= 1.0, "{:?}", view.place(GRIP));
}
