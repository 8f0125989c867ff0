//! No view shows hidden characters, nor passes them to a screen reader. Every string of the World here is hostile, and
//! everything that the views paint is checked, also hovers.

use std::sync::Arc;

use eframe::egui::{self, Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, Shape, Ui, pos2, vec2};
use podscope::layout::side_panels::SidePanel;
use podscope::model::burst::Burst;
use podscope::model::inside::{
    Bounded, Content, Interface, IpcContent, MntContent, MountPoint, NetContent, PosixQueue, Route, SystemNames,
    UnixConnection, UnixEnd, UnixListener, UtsContent,
};
use podscope::model::text::escaped_lines;
use podscope::model::{
    Cgroup, Container, ContainerKind, ContainerState, Delta, EventKind, ExecEnd, ExecId, Facts, Finding, Member,
    MonoNs, NodeEnd, NsId, NsKind, NsSet, OomKill, OutputSource, Parent, Phase, Pod, PodEvent, PodMessage, PodUid,
    ProcId, Program, RestartPolicy, Runtime, Sandbox, SandboxKind, Scope, SendError, SentBy, Signal, SignalMasks,
    SignalResult, SignalSender, SignalSent, Source, Stamp, State, WaitStatus, World,
};
use podscope::store::History;
use podscope::ui::bars::{Bar, BarSeverity, bars_ui};
use podscope::ui::notices::{NoticeKind, Notices, notices_ui};
use podscope::ui::slow_motion::SlowMotion;
use podscope::ui::tokens::Tokens;
use podscope::ui::{Action, Selection};
use podscope::ui::{
    Cx, Latest, WorldVersion, drawers, events, fonts, inside, inspector, logs, namespaces, overview, pod_map, pods,
    process_tree, report, slow_motion, timeline, top_bar, zombies,
};

/// Contains ESC, a line feed, a direction override, DEL and a zero-width space.
const HOSTILE: &str = "a\u{1b}[31m\nEVIL\u{202e}b\u{7f}\u{200b}";

fn at(ms: u64) -> Stamp {
    Stamp::prompt(MonoNs(ms * 1_000_000), Source::Node)
}

fn id(pid: u32) -> ProcId {
    ProcId { pid, start: u64::from(pid) }
}

fn uid() -> PodUid {
    PodUid("uid".into())
}

fn container(name: &str, state: ContainerState, process: Option<ProcId>) -> Container {
    Container {
        name: format!("{name}{HOSTILE}"),
        kind: ContainerKind::App,
        image: HOSTILE.into(),
        program: Program::StandIn(HOSTILE.into()),
        command: vec![HOSTILE.into()],
        state,
        process,
        restarts: Some(2),
        last_exit: Some(WaitStatus::killed(9)),
        // a message may have lines
        stdin: false,
        last_message: Some(HOSTILE.replace('\n', " ")),
        last_state: None,
        kill_at: None,
    }
}

/// The end of the processes of the pod.
fn burst(world: &World) -> Burst {
    let exit = |pid| Delta::Exited { id: id(pid), status: None, at: at(4_000 + u64::from(pid)) };
    Burst::new(&uid(), world.clone(), (1..5).map(exit).collect()).expect("enough happens")
}

fn world() -> World {
    let mut namespaces = NsSet::default();
    for (ino, kind) in NsKind::ALL.into_iter().enumerate() {
        namespaces.set(NsId { kind, dev: 4, ino: ino as u64 + 7, generation: 0 });
    }
    let mut world = World::default();
    let pod = Pod {
        uid: uid(),
        name: HOSTILE.into(),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: Some(HOSTILE.into()),
        message: Some(PodMessage::Runtime(HOSTILE.into())),
        ip: Some([10, 0, 0, 2].into()),
        share_pid: true,
        restart: Some(RestartPolicy::Always),
        sandbox: Some(Sandbox {
            attempt: Some(0),
            kind: SandboxKind::Pause,
            process: Some(id(1)),
            started: at(1),
            ended: None,
        }),
        containers: vec![
            container("one", ContainerState::Running { since: at(1) }, Some(id(2))),
            container("two", ContainerState::waiting(HOSTILE.into(), Some(HOSTILE.into())), None),
        ],
        host_network: false,
        host_ports: vec![(8080, 80)],
        volumes: vec![HOSTILE.into()],
        manifest: None,
        created: at(1),
    };
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at(1) });
    world.apply(&Delta::NodeStarted { id: id(9), at: at(1) });
    let one = Member::container(&uid(), &format!("one{HOSTILE}"));
    // an output may have lines
    let text = HOSTILE.replace('\n', " ");
    let lines = format!("{text}\n{text}\n");
    let exec = ExecId(1);
    for delta in [
        Delta::Output { from: OutputSource::Member(one.clone()), text: lines.clone(), skipped: None, at: at(2) },
        Delta::ExecStarted { exec, member: one.clone(), argv: vec![HOSTILE.into()], at: at(2) },
        Delta::Output { from: OutputSource::Exec { exec, stderr: true }, text: lines, skipped: None, at: at(2) },
        Delta::ExecEnded { exec, end: ExecEnd::NotStarted(HOSTILE.into()), at: at(3) },
    ] {
        world.apply(&delta);
    }
    for (pid, parent, inside, member) in [
        (1, Parent::Outside, 1, Member::pause(&uid())),
        (2, Parent::Outside, 2, one.clone()),
        (3, Parent::Process(id(2)), 3, one.clone()),
        (4, Parent::Process(id(2)), 4, one.clone()),
    ] {
        world.apply(&Delta::Born { id: id(pid), parent, at: at(2) });
        world.apply(&Delta::Joined { id: id(pid), member, at: at(2) });
        let facts = Facts {
            id: id(pid),
            parent,
            comm: HOSTILE.into(),
            cmdline: vec![HOSTILE.into(), HOSTILE.into()],
            state: State::Sleeping,
            uid: 0,
            nspid: vec![pid, inside],
            threads: 1,
            rss_bytes: 4096,
            cpu: podscope::model::Cpu::default(),
            waited_cpu: podscope::model::Cpu::default(),
            signals: SignalMasks::default(),
            namespaces,
        };
        world.apply(&Delta::Facts { facts: Box::new(facts), at: at(3) });
    }
    world.apply(&Delta::Exited { id: id(3), status: None, at: at(4) });
    world.apply(&Delta::Exited { id: id(4), status: Some(WaitStatus::killed(9)), at: at(4_000) });
    world.apply(&Delta::Reaped { id: id(4), by: Parent::Process(id(2)), at: at(4_000) });
    world.cgroups.insert(one, Cgroup { path: HOSTILE.into(), usage: podscope::model::CgroupUsage::default() });
    let (signal, effect, also_end) = (Signal::KILL, None, vec![]);
    for error in [None, Some(SendError::Denied)] {
        let (also_end, by) = (also_end.clone(), SentBy::User);
        world.apply(&Delta::Signalled { target: id(2), signal, effect, also_end, error, by, at: at(5) });
    }
    let (name, target) = (HOSTILE.to_owned(), id(2));
    let kill = OomKill {
        victim: target,
        victim_name: Some(name.clone()),
        caused_by: id(3),
        caused_by_name: name.clone(),
        at: at(5),
    };
    world.apply(&Delta::OomKill { kill: Box::new(kill) });
    let sent = SignalSent {
        signal,
        sender: SignalSender::Process { id: id(3), name: name.clone() },
        target,
        target_name: name,
        result: SignalResult::Delivered,
        skipped: None,
        at: at(5),
    };
    world.apply(&Delta::SignalSent { sent: Box::new(sent) });
    for kind in [EventKind::Normal, EventKind::Warning] {
        let (reason, message) = (HOSTILE.into(), HOSTILE.to_owned());
        world.apply(&Delta::Event { event: PodEvent { pod: uid(), kind, reason, message, at: at(5) } });
    }
    for (ns, content) in contents() {
        world.apply(&Delta::Inside { ns, content: Arc::new(content), at: at(5) });
    }
    world.apply(&Delta::NodeEnded { end: NodeEnd::Ended(WaitStatus::killed(9)), at: at(4_100) });
    world
}

/// What is in namespaces, as far as a pod chooses it.
fn contents() -> Vec<(NsId, Content)> {
    let ns = |kind: NsKind| NsId { kind, dev: 4, ino: kind as u64 + 7, generation: 0 };
    fn known<T>(item: T) -> Finding<Bounded<T>> {
        Finding::Known(Bounded { items: vec![item], left_out: 1 })
    }
    let text = || HOSTILE.to_owned();
    let interface = Interface {
        index: 1,
        name: text(),
        kind: Some(text()),
        mac: Some(text()),
        mtu: 1500,
        is_loopback: false,
        is_up: true,
        is_running: true,
        peer: None,
        addresses: Vec::new(),
        received_bytes: 0,
        sent_bytes: 0,
    };
    let net = NetContent {
        interfaces: known(interface),
        routes: known(Route { to: None, via: None, interface: Some(text()), is_ipv6: false }),
        sockets: Finding::NotPermitted,
        unix: known(UnixListener { path: text(), inode: 1, owners: vec![id(2)] }),
        unix_connections: known(UnixConnection {
            path: Some(text()),
            client: UnixEnd::default(),
            server: UnixEnd { inode: 1, owners: vec![id(2)] },
        }),
        closed_processes: vec![id(3)],
    };
    let mount = MountPoint {
        id: 1,
        device: "0:1".into(),
        root: text(),
        point: text(),
        fs_type: text(),
        source: text(),
        is_read_only: false,
    };
    let ipc = IpcContent {
        shared_memory: Finding::NotThere,
        semaphores: Finding::NotThere,
        queues: Finding::NotThere,
        posix_queues: known(PosixQueue { name: text(), bytes: None }),
    };
    let names = Finding::Known(SystemNames { host_name: text(), domain_name: text() });
    let mut all = vec![
        (ns(NsKind::Net), Content::Net(net)),
        (ns(NsKind::Mnt), Content::Mnt(MntContent { mounts: known(mount) })),
        (ns(NsKind::Ipc), Content::Ipc(ipc)),
        (ns(NsKind::Uts), Content::Uts(UtsContent { names })),
    ];
    for kind in [NsKind::Cgroup, NsKind::Time, NsKind::User] {
        all.extend(Content::missing(kind, &Finding::NotPermitted).map(|content| (ns(kind), content)));
    }
    all
}

fn texts(shape: &Shape, found: &mut Vec<String>) {
    match shape {
        Shape::Text(text) => found.push(text.galley.text().to_owned()),
        Shape::Vec(all) => all.iter().for_each(|s| texts(s, found)),
        _ => {}
    }
}

/// Draws a view with the pointer at each point of a grid, then clicks once. Returns all texts that were painted or
/// passed to a screen reader.
fn painted(mut view: impl FnMut(&mut Ui)) -> Vec<String> {
    const SIZE: (f32, f32) = (1100.0, 800.0);
    let ctx = Context::default();
    ctx.enable_accesskit();
    fonts::install(&ctx);
    Tokens::dark().apply(&ctx);
    ctx.all_styles_mut(|style| {
        style.interaction.tooltip_delay = 0.0;
        style.interaction.show_tooltips_only_when_still = false;
        style.animation_time = 0.0;
    });
    let mut found = Vec::new();
    let mut time = 0.0;
    let mut frame = |events: Vec<Event>, found: &mut Vec<String>| {
        time += 0.1;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE.0, SIZE.1)));
        let input = RawInput { screen_rect, time: Some(time), events, ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| view(ui));
        output.textures_delta.clear();
        output.shapes.iter().for_each(|s| texts(&s.shape, found));
        let nodes = output.platform_output.accesskit_update.into_iter().flat_map(|update| update.nodes);
        for (_, node) in nodes {
            found.extend([node.label(), node.description(), node.value()].into_iter().flatten().map(str::to_owned));
        }
    };
    for _ in 0..3 {
        frame(vec![], &mut found);
    }
    for y in (10..SIZE.1 as usize).step_by(22) {
        for x in (30..SIZE.0 as usize).step_by(90) {
            let pos = pos2(x as f32, y as f32);
            frame(vec![Event::PointerMoved(pos)], &mut found);
        }
    }
    // open a menu by a click
    let press = |pressed| Event::PointerButton {
        pos: pos2(200.0, 20.0),
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    for event in [Event::PointerMoved(pos2(200.0, 20.0)), press(true), press(false)] {
        frame(vec![event], &mut found);
    }
    frame(vec![], &mut found);
    found.sort();
    found.dedup();
    found
}

#[test]
fn hidden_characters_in_names_are_not_drawn() {
    let world = world();
    let tokens = Tokens::dark();
    let now = MonoNs(4_500_000_000);
    let namespace = Some(NsId { kind: NsKind::Net, dev: 4, ino: 10, generation: 0 });
    let selected = |process, namespace| Selection { pod: Some(uid()), process, namespace };
    let mut out: Vec<Action> = Vec::new();
    let mut check = |name: &str, selection: Selection, live: bool, view: &mut dyn FnMut(&mut Ui, &mut Cx<'_>)| {
        let all = painted(|ui| {
            let version = if live { WorldVersion::Live(1) } else { WorldVersion::Past(now, None) };
            let (world, tokens, selection, out) = (&world, &tokens, &selection, &mut out);
            view(ui, &mut Cx { world, tokens, selection, now, epoch: MonoNs(0), live, version, out });
        });
        for text in &all {
            assert_eq!(escaped_lines(text), text.as_str(), "{name}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("EVIL")), "{name}: {text}");
        }
        assert!(all.iter().any(|text| text.contains(r"\u{202e}")), "{name} shows no escaped name: {all:#?}");
    };

    let nothing = || selected(None, None);
    let mut map = pod_map::MapState::default();
    check("map", nothing(), true, &mut |ui, cx| pod_map::pod_map_ui(ui, cx, &mut map));
    let mut cards = overview::OverviewState::default();
    check("overview", nothing(), true, &mut |ui, cx| overview::overview_ui(ui, cx, &mut cards));
    let mut matrix = namespaces::NamespacesState::default();
    let mut matrix = |ui: &mut Ui, cx: &mut Cx<'_>| namespaces::namespaces_ui(ui, cx, &mut matrix);
    check("namespaces", nothing(), true, &mut matrix);
    check("namespaces", selected(Some(id(2)), None), true, &mut matrix);
    check("holders", selected(None, namespace), true, &mut matrix);
    let mut list = pods::PodsState::default();
    check("pods", nothing(), true, &mut |ui, cx| pods::pods_ui(ui, cx, world.node_trouble(), &mut list));
    let dialog = pods::DeleteDialog::new(&world, &[uid()]).expect("a pod");
    check("delete", nothing(), true, &mut |ui, cx| {
        let history = podscope::store::History::of(&world);
        let latest = Latest { world: &world, history: &history, version: WorldVersion::Live(1), now };
        pods::delete_ui(ui, cx, latest, &dialog);
    });
    let mut tree = process_tree::TreeState::default();
    check("tree", nothing(), true, &mut |ui, cx| process_tree::process_tree_ui(ui, cx, &mut tree));
    let mut state = events::EventsState::default();
    check("events", nothing(), true, &mut |ui, cx| events::events_ui(ui, cx, &mut state));
    let mut state = zombies::ZombiesState::default();
    check("zombies", nothing(), true, &mut |ui, cx| zombies::zombies_ui(ui, cx, &mut state));
    for live in [true, false] {
        let mut state = timeline::TimelineState::default();
        let history = History::of(&world);
        let latest = Latest { world: &world, history: &history, version: WorldVersion::Live(1), now };
        check("timeline", nothing(), live, &mut |ui, cx| timeline::timeline_ui(ui, cx, latest, &mut state));
    }
    let mut state = inspector::InspectorState::default();
    let mut inspector = |ui: &mut Ui, cx: &mut Cx<'_>| inspector::inspector_ui(ui, cx, &mut state);
    for pid in 1..5 {
        check("process", selected(Some(id(pid)), None), true, &mut inspector);
    }
    check("pod", nothing(), true, &mut inspector);
    check("namespace", selected(None, namespace), true, &mut inspector);
    for selection in [nothing(), selected(Some(id(2)), None)] {
        check("strip", selection, true, &mut |ui, cx| drawers::strip_ui(ui, cx, SidePanel::Inspector, false));
    }
    let mut notices = Notices::default();
    notices.add(NoticeKind::Lasting, HOSTILE.to_owned(), now);
    check("notices", nothing(), true, &mut |ui, cx| notices_ui(ui, cx.tokens, &mut notices, cx.now));
    let mut written = logs::LogsState::default();
    check("logs", nothing(), true, &mut |ui, cx| logs::logs_ui(ui, cx, &mut written));
    let slow = SlowMotion::new(burst(&world), now);
    check("slow motion", nothing(), false, &mut |ui, cx| slow_motion::steps_ui(ui, cx, &slow, false));
    let mut state = report::ReportState::default();
    check("report", nothing(), true, &mut |ui, cx| report::report_ui(ui, cx, &mut state));
    for ns in contents().iter().map(|(ns, _)| *ns).chain(namespace) {
        let mut state = inside::InsideState::default();
        check("inside", selected(None, Some(ns)), true, &mut |ui, cx| inside::inside_ui(ui, cx, &mut state));
    }
    let bar =
        Bar { id: 1, severity: BarSeverity::Error, title: HOSTILE.into(), lines: vec![HOSTILE.into()], button: None };
    check("bars", nothing(), true, &mut |ui, cx| {
        egui::CentralPanel::default().show(ui, |ui| bars_ui(ui, cx, std::slice::from_ref(&bar)));
    });
    // the top bar has no names, so it needs no escapes
    let bar = painted(|ui| {
        let selection = nothing();
        let (world, tokens, selection, out) = (&world, &tokens, &selection, &mut Vec::new());
        let version = WorldVersion::Live(1);
        let burst = burst(world);
        let cx = &mut Cx { world, tokens, selection, now, epoch: MonoNs(0), live: true, version, out };
        top_bar::top_bar_ui(ui, cx, Some(&burst), Scope::Lab);
    });
    assert!(!bar.is_empty() && bar.iter().all(|text| escaped_lines(text) == text.as_str()), "{bar:?}");
}
