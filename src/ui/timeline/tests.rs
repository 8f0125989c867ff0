//! The timeline as a user finds it: by the names that it gives to a screen reader, and by the texts that it paints.

mod screen;

use eframe::egui::Key;

use super::*;
use crate::layout::timeline::GroupKey;
use crate::model::{
    BackOff, Container, ContainerKind, ContainerState, Delta, EventKind, EventReason, Member, Parent, Phase, Pod,
    PodEvent, Program, Runtime, SentBy, Signal, Stamp, TerminatedReason, WaitStatus, WaitingReason,
};
use screen::Screen;

const S: u64 = 1_000_000_000;

fn at(ms: u64) -> Stamp {
    Stamp::connector(MonoNs(ms * 1_000_000))
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 0 }
}

fn uid() -> PodUid {
    PodUid("u".into())
}

fn pod(process: u32, restarts: u32, state: ContainerState, kill_at: Option<MonoNs>) -> Delta {
    let exit = WaitStatus::exited(1);
    let last = ContainerState::Terminated {
        status: exit,
        reason: TerminatedReason::Error,
        message: None,
        started: None,
        at: at(8_000),
    };
    let web = Container {
        name: "web".into(),
        kind: ContainerKind::App,
        image: String::new(),
        program: Program::Host,
        command: Vec::new(),
        stdin: false,
        state,
        process: Some(id(process)),
        restarts: Some(restarts),
        last_exit: None,
        last_message: None,
        last_state: Some(last),
        kill_at,
    };
    let pod = Pod {
        uid: uid(),
        name: "p".into(),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: None,
        message: None,
        ip: None,
        share_pid: true,
        restart: None,
        sandbox: None,
        containers: vec![web],
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: None,
        created: at(0),
    };
    Delta::Pod { pod: Box::new(pod), at: at(1_000) }
}

const RUNNING: ContainerState = ContainerState::Running { since: Stamp::connector(MonoNs(S)) };

fn exec(pid: u32, name: &str, ms: u64) -> Delta {
    Delta::Exec { id: id(pid), comm: name.into(), cmdline: vec![name.into()], at: at(ms) }
}

fn forked(pid: u32, name: &str, ms: u64) -> [Delta; 2] {
    [Delta::Born { id: id(pid), parent: Parent::Process(id(10)), at: at(ms) }, exec(pid, name, ms)]
}

fn sent(pid: u32, signal: Signal, ms: u64) -> Delta {
    let (target, by) = (id(pid), SentBy::User);
    Delta::Signalled { target, signal, effect: None, also_end: Vec::new(), error: None, by, at: at(ms) }
}

fn event(reason: EventReason, message: &str, ms: u64) -> Delta {
    let event = PodEvent { pod: uid(), kind: EventKind::Normal, reason, message: message.into(), at: at(ms) };
    Delta::Event { event }
}

/// The second run of web, with a master (pid 10) from 1 s on and a worker (pid 11).
fn web() -> Vec<Delta> {
    let mut all = vec![
        Delta::Born { id: id(10), parent: Parent::Outside, at: at(1_000) },
        Delta::Joined { id: id(10), member: Member::container(&uid(), "web"), at: at(1_000) },
        exec(10, "master", 1_000),
        pod(10, 1, RUNNING, None),
    ];
    all.extend(forked(11, "worker", 2_000));
    all
}

#[test]
fn a_group_is_named_by_container_and_attempt_and_folds_by_click_and_by_key() {
    let mut screen = Screen::new(web());
    let shown = screen.settle();
    assert_eq!(shown.lanes(), ["master, running", "worker, running"]);
    assert!(shown.has("Fold web · attempt 2, 2 processes"), "{:?}", shown.names());
    screen.click("Fold web");
    let folded = screen.settle();
    assert!(folded.lanes().is_empty() && folded.has("Unfold web · attempt 2, 2 processes"));
    // it stays folded when more happens
    screen.push(forked(12, "worker", 3_000));
    assert!(screen.settle().has("Unfold web · attempt 2, 3 processes"));
    screen.focus("Unfold web");
    assert_eq!(screen.press(Key::ArrowLeft).lanes().len(), 0, "it is folded");
    assert_eq!(screen.press(Key::ArrowRight).lanes().len(), 3);
    assert_eq!(screen.press(Key::ArrowLeft).lanes().len(), 0);
    assert_eq!(screen.press(Key::Enter).lanes().len(), 3);
}

#[test]
fn the_selected_lane_and_a_new_one_are_scrolled_into_view() {
    let workers = (20..60).flat_map(|pid| forked(pid, &format!("worker-{pid}"), u64::from(pid) * 100));
    let mut screen = Screen::new(web().into_iter().chain(workers));
    screen.height = 180.0;
    let shown = screen.settle();
    assert!(shown.lanes().len() < 10 && shown.has("Lane of master"), "{:?}", shown.lanes());
    screen.push(forked(70, "newcomer", 8_500));
    assert!(screen.settle().has("Lane of newcomer"));
    screen.selection.process = Some(id(30));
    assert!(screen.settle().has("Lane of worker-30"));
    assert!(!screen.settle().has("Lane of newcomer"));
    let group = GroupKey { pod: uid(), container: Some("web".into()), head: id(10) };
    screen.state.folds.fold(&group, true);
    screen.state.folded += 1;
    assert_eq!(screen.settle().lanes(), ["worker-30, running"], "it is shown also where it is folded");
}

#[test]
fn signals_are_named_and_bundled_when_they_are_dense() {
    let mut all = web();
    all.push(sent(11, Signal::TERM, 4_000));
    all.extend((0..5).map(|n| sent(11, Signal::USR1, 6_000 + n)));
    let mut screen = Screen::new(all);
    let shown = screen.settle();
    assert!(shown.has("SIGTERM → worker at 00:04.000"), "{:?}", shown.names());
    assert!(shown.has("SIGUSR1 ×5 → worker at 00:06.000"), "{:?}", shown.names());
    assert!(shown.paints("SIGTERM → worker") && shown.paints("SIGUSR1 ×5 → worker"));
    let actions = screen.click("SIGTERM → worker");
    assert_eq!(actions, [Action::Seek(Some(MonoNs(4 * S))), Action::SelectProcess(id(11))]);
    // zoomed in, each is for itself
    screen.state.view.show_range(MonoNs(6 * S), MonoNs(6 * S + 10_000_000));
    screen.look_back(6_001);
    let near = screen.settle();
    let signals = near.names().into_iter().filter(|name| name.starts_with("SIGUSR1 → worker at"));
    assert_eq!(signals.count(), 5, "{:?}", near.names());
}

#[test]
fn names_are_those_of_the_moment() {
    let mut all = web();
    all.extend([sent(11, Signal::HUP, 3_000), exec(11, "renamed", 5_000), sent(11, Signal::HUP, 7_000)]);
    let mut screen = Screen::new(all);
    let shown = screen.settle();
    assert_eq!(shown.lanes(), ["master, running", "renamed, running"]);
    assert!(shown.has("SIGHUP → worker at 00:03") && shown.has("SIGHUP → renamed at 00:07"));
    assert!(shown.texts.iter().any(|text| text == "worker"), "the former name is on the bar: {:?}", shown.texts);
    screen.look_back(4_000);
    assert_eq!(screen.settle().lanes(), ["master, running", "worker, running"]);
}

#[test]
fn pod_events_are_diamonds_with_their_words() {
    let mut all = web();
    all.push(event(EventReason::Started, "Started container web", 3_000));
    all.push(event(EventReason::BackOff, "Back-off restarting failed container web", 6_000));
    let mut screen = Screen::new(all);
    assert!(screen.settle().has("Started: Started container web at 00:03.000"));
    let actions = screen.click("Started: Started container web");
    assert_eq!(actions, [Action::Seek(Some(MonoNs(3 * S)))]);
    screen.click("Show Pod events");
    let shown = screen.settle();
    assert!(shown.has("Started, 1 event") && shown.has("BackOff, 1 event"), "{:?}", shown.names());
    assert!(shown.paints("Back-off restarting failed container web") && shown.lanes().is_empty());
    screen.click("Show Kernel events");
    let shown = screen.settle();
    assert!(shown.has("Fork, 2 events") && shown.has("Exec, 2 events"), "{:?}", shown.names());
    assert!(shown.has("Fork: worker (pid 11) is forked at 00:02.000"), "{:?}", shown.names());
}

#[test]
fn a_back_off_and_a_grace_period_count_down() {
    let mut all = web();
    let status = Some(WaitStatus::exited(1));
    for pid in [11, 10] {
        all.push(Delta::Exited { id: id(pid), status, at: at(8_000) });
        all.push(Delta::Reaped { id: id(pid), by: Parent::Outside, at: at(8_000) });
    }
    let back_off = Some(BackOff { kubelet_ms: 40_000, clock: 1 });
    let waiting = ContainerState::Waiting { reason: WaitingReason::CrashLoopBackOff, message: None, back_off };
    all.push(pod(10, 1, waiting, None));
    let mut screen = Screen::new(all);
    assert!(screen.settle().has("web: restarts in 39 s"));
    // the run that ended is not on screen any more, but its container still waits
    screen.now = MonoNs(30 * S + 1);
    let later = screen.settle();
    assert!(later.has("web: restarts in 18 s") && later.has("Fold web · attempt 2"), "{:?}", later.names());
    screen.now = MonoNs(48 * S);
    assert!(screen.settle().has("web: restarts now"));
    let mut stopping = Screen::new(web());
    assert!(!stopping.settle().has("web: "));
    stopping.push([pod(10, 1, RUNNING, Some(MonoNs(32 * S)))]);
    let shown = stopping.settle();
    assert!(shown.has("web: KILL in 23 s") && shown.paints("KILL in 23 s"));
}

#[test]
fn a_past_moment_says_how_much_has_happened_since() {
    let mut screen = Screen::new(web());
    assert!(screen.settle().has("The timeline follows the present"));
    screen.look_back(3_000);
    assert!(screen.settle().has("Let the timeline follow the present"));
    assert!(!screen.settle().paints("new"), "nothing has happened since");
    screen.push(forked(12, "worker", 5_000));
    screen.push([sent(12, Signal::HUP, 6_000)]);
    let shown = screen.settle();
    assert!(shown.has("Let the timeline follow the present, 3 new") && shown.paints("Live · 3 new"));
    assert_eq!(shown.lanes().len(), 3, "what happens meanwhile has its lane");
    assert_eq!(screen.click("Let the timeline"), [Action::Seek(None)]);
    assert_eq!(screen.click("Previous event"), [Action::Timeline(TimelineAction::PreviousEvent)]);
    let pod = uid();
    let beside = |from: u64, is_next| {
        let t = screen.state.event_beside(screen.store.history(), Some(&pod), MonoNs(from * S), is_next);
        t.map(|t| t.0 / S)
    };
    assert_eq!([beside(3, true), beside(5, true), beside(6, true)], [Some(5), Some(6), None]);
    assert_eq!([beside(3, false), beside(2, false), beside(1, false)], [Some(2), Some(1), None]);
}

#[test]
fn states_have_a_letter_and_a_word() {
    use crate::model::State;
    let mut all = web();
    let state = |pid, state, ms| Delta::State { id: id(pid), state, at: at(ms) };
    all.extend([state(10, State::Sleeping, 2_500), state(11, State::Stopped, 4_000)]);
    all.extend(forked(12, "dead", 3_000));
    all.push(Delta::Exited { id: id(12), status: None, at: at(5_000) });
    let mut screen = Screen::new(all);
    let shown = screen.settle();
    assert_eq!(shown.lanes(), ["master, sleeping", "worker, stopped", "dead, zombie"]);
    assert!(["S", "T", "Z"].iter().all(|letter| shown.texts.iter().any(|text| text == letter)), "{:?}", shown.texts);
    screen.look_back(3_500);
    let past = ["master, sleeping", "worker, running", "dead, running"];
    assert_eq!(screen.settle().lanes(), past, "the state of that moment");
}
