use eframe::egui::{self, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2, vec2};

use super::{NamespacesState, namespaces_ui};
use crate::command::Command;
use crate::model::{
    Cpu, Delta, Facts, Holder, Host, Member, MonoNs, Namespace, NsId, NsKind, NsSet, Parent, Phase, Pod, PodUid,
    ProcId, Runtime, Sandbox, SandboxKind, SignalMasks, Source, Stamp, State, World,
};
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Cx, Selection, WorldVersion, fonts};

const PAUSE: ProcId = ProcId { pid: 4711, start: 1 };
const GUEST: ProcId = ProcId { pid: 4712, start: 1 };
const NET: NsId = NsId { kind: NsKind::Net, dev: 4, ino: 4_026_532_328, generation: 0 };
const HOST_NET: NsId = NsId { ino: 4_026_531_840, ..NET };

fn at() -> Stamp {
    Stamp::connector(MonoNs(1))
}

fn uid() -> PodUid {
    PodUid("0c0ffee0".into())
}

/// A pod with only its pause, and a guest of no pod in its network.
fn world() -> World {
    let mut world = World::default();
    let mut namespaces = NsSet::default();
    namespaces.set(HOST_NET);
    world.apply(&Delta::Host { host: Box::new(Host { namespaces, ..Host::default() }), at: at() });
    let (kind, process) = (SandboxKind::Pause, Some(PAUSE));
    let pod = Pod {
        uid: uid(),
        name: "web".into(),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: None,
        message: None,
        ip: None,
        share_pid: true,
        restart: None,
        sandbox: Some(Sandbox { attempt: Some(0), kind, process, started: at(), ended: None }),
        containers: Vec::new(),
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: None,
        created: at(),
    };
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at() });
    namespaces.set(NET);
    for (id, comm, inside) in [(PAUSE, "pause", 1), (GUEST, "nsenter", 2)] {
        let facts = Facts {
            id,
            parent: Parent::Outside,
            comm: comm.into(),
            cmdline: vec![comm.into()],
            state: State::Sleeping,
            uid: 1000,
            nspid: vec![id.pid, inside],
            threads: 1,
            rss_bytes: 4096,
            cpu: Cpu::default(),
            waited_cpu: Cpu::default(),
            signals: SignalMasks::default(),
            namespaces,
        };
        world.apply(&Delta::Facts { facts: Box::new(facts), at: at() });
    }
    world.apply(&Delta::Joined { id: PAUSE, member: Member::pause(&uid()), at: at() });
    world
}

/// The view, drawn without a display, and the names that a screen reader gets.
struct View {
    ctx: egui::Context,
    state: NamespacesState,
    world: World,
    selection: Selection,
    time: f64,
    names: Vec<(String, Rect)>,
}

impl View {
    fn new() -> Self {
        let ctx = egui::Context::default();
        ctx.enable_accesskit();
        fonts::install(&ctx);
        let selection = Selection { pod: Some(uid()), ..Selection::default() };
        let state = NamespacesState::default();
        let mut view = Self { ctx, state, world: world(), selection, time: 0.0, names: Vec::new() };
        (0..3).for_each(|_| drop(view.frame(vec![])));
        view
    }

    fn frame(&mut self, events: Vec<Event>) -> Vec<Action> {
        self.time += 0.1;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1100.0, 700.0)));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let (tokens, mut out) = (Tokens::dark(), Vec::new());
        let (world, selection, state) = (&self.world, &self.selection, &mut self.state);
        let (now, version) = (MonoNs(2), WorldVersion::Live(0));
        let mut full = self.ctx.run_ui(input, |ui| {
            let tokens = &tokens;
            let out = &mut out;
            let mut cx = Cx { world, tokens, selection, now, epoch: MonoNs(0), live: true, version, out };
            namespaces_ui(ui, &mut cx, state);
        });
        full.textures_delta.clear();
        let nodes = full.platform_output.accesskit_update.into_iter().flat_map(|update| update.nodes);
        let named = |node: &egui::accesskit::Node| {
            let (name, b) = (node.label().or(node.value())?.to_owned(), node.bounds()?);
            Some((name, Rect::from_min_max(pos2(b.x0 as f32, b.y0 as f32), pos2(b.x1 as f32, b.y1 as f32))))
        };
        self.names = nodes.filter_map(|(_, node)| named(&node)).collect();
        out
    }

    fn shows(&self, name: &str) -> bool {
        self.names.iter().any(|(known, _)| known.contains(name))
    }

    fn click(&mut self, modifiers: Modifiers, name: &str) -> Vec<Action> {
        // long enough after the last click that the two are not a double click
        self.time += 2.0;
        let found = self.names.iter().find(|(known, _)| known == name);
        let pos = found.unwrap_or_else(|| panic!("{name} in {:#?}", self.names)).1.center();
        let button = |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
        self.frame(vec![Event::ModifiersChanged(modifiers), Event::PointerMoved(pos)]);
        self.frame(vec![button(true)]);
        let mut out = self.frame(vec![button(false)]);
        // the next frame shows what has changed
        out.extend(self.frame(vec![Event::ModifiersChanged(Modifiers::NONE)]));
        out
    }
}

#[test]
fn a_cell_selects_its_namespace_and_the_head_of_a_row_its_process() {
    let mut view = View::new();
    let net = "net of pause (4711): net:[4026532328], private";
    assert_eq!(view.click(Modifiers::NONE, net), [Action::SelectNamespace(NET)]);
    assert_eq!(view.click(Modifiers::NONE, "pause (4711)"), [Action::SelectProcess(PAUSE)]);
    let host = "net of this host: net:[4026531840], the host's";
    assert_eq!(view.click(Modifiers::NONE, host), [Action::SelectNamespace(HOST_NET)]);
    assert_eq!(view.click(Modifiers::NONE, "Members of web, lab"), [Action::SelectPod(uid())]);
    assert!(view.shows("nsenter (4712, of no pod)") && view.shows("ipc of pause (4711): not visible"));
}

#[test]
fn ctrl_and_a_click_compares_with_the_selected_process() {
    let mut view = View::new();
    let guest = "nsenter (4712, of no pod)";
    // without a selected process it selects
    assert_eq!(view.click(Modifiers::COMMAND, guest), [Action::SelectProcess(GUEST)]);
    view.selection.process = Some(PAUSE);
    assert!(view.click(Modifiers::COMMAND, guest).is_empty());
    assert!(view.shows("net: same, 4026532328"), "{:#?}", view.names);
    assert!(view.shows("pause 4711 and nsenter 4712: 1 of 8 are the same, 7 not known"));
    assert!(view.click(Modifiers::NONE, "this host").is_empty());
    assert!(view.shows("net: different, 4026532328 and 4026531840"));
    view.click(Modifiers::NONE, "Clear");
    assert!(!view.shows("net: different"));
}

#[test]
fn holders_that_were_not_searched_for_are_not_shown_as_missing() {
    let mut view = View::new();
    view.selection.namespace = Some(NET);
    view.frame(vec![]);
    assert!(view.shows("Processes pause, nsenter") && view.shows("Others not searched for"), "{:#?}", view.names);
}

#[test]
fn what_holds_a_namespace_is_searched_for_on_request() {
    let mut view = View::new();
    view.selection.namespace = Some(NET);
    view.frame(vec![]);
    let search = Action::Do(Command::FindHolders(NET));
    assert_eq!(view.click(Modifiers::NONE, "Search the machine"), [search]);
    let holders = Some([Holder::File { process: PAUSE, fd: 3 }].into());
    let at = Stamp::prompt(MonoNs(2), Source::Scan);
    let namespace = Namespace { holders, ..Namespace::new(NET) };
    view.world.apply(&Delta::Namespace { namespace, at });
    view.world.apply(&Delta::Searched { search: Box::default(), at });
    // the view keeps what it has computed for a version of the World
    view.state = NamespacesState::default();
    view.frame(vec![]);
    assert!(view.shows("Open file /proc/4711/fd/3 of pause"), "{:#?}", view.names);
    assert!(view.shows("Searched 0s ago") && view.shows("Search again"), "{:#?}", view.names);
}
