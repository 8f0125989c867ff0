use super::*;
use crate::model::{
    Container, ContainerKind, ContainerState, Delta, Member, Parent, Phase, Pod, Program, Runtime, Sandbox,
    SandboxKind, Stamp, WaitStatus,
};
use crate::store::Store;

const S: u64 = 1_000_000_000;
const NODE: Parent = Parent::Outside;

fn at(seconds: u64) -> Stamp {
    Stamp::connector(MonoNs(seconds * S))
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 0 }
}

fn uid() -> PodUid {
    PodUid("u".into())
}

fn by(pid: u32) -> Parent {
    Parent::Process(id(pid))
}

fn container(name: &str, process: u32, restarts: u32) -> Container {
    Container {
        name: name.into(),
        kind: ContainerKind::App,
        image: String::new(),
        program: Program::Host,
        command: Vec::new(),
        stdin: false,
        state: ContainerState::Running { since: at(1) },
        process: Some(id(process)),
        restarts: Some(restarts),
        last_exit: None,
        last_message: None,
        last_state: None,
        kill_at: None,
    }
}

fn pod(containers: Vec<Container>) -> Delta {
    let sandbox =
        Sandbox { attempt: Some(0), kind: SandboxKind::Pause, process: Some(id(1)), started: at(1), ended: None };
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
        sandbox: Some(sandbox),
        containers,
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: None,
        created: at(0),
    };
    Delta::Pod { pod: Box::new(pod), at: at(1) }
}

fn born(pid: u32, parent: Parent, t: u64) -> Delta {
    Delta::Born { id: id(pid), parent, at: at(t) }
}

fn joined(pid: u32, name: &str, t: u64) -> Delta {
    Delta::Joined { id: id(pid), member: Member::container(&uid(), name), at: at(t) }
}

fn reaped(pid: u32, t: u64) -> [Delta; 2] {
    let status = Some(WaitStatus::exited(1));
    [Delta::Exited { id: id(pid), status, at: at(t) }, Delta::Reaped { id: id(pid), by: NODE, at: at(t) }]
}

fn store(deltas: impl IntoIterator<Item = Delta>) -> Store {
    let mut store = Store::default();
    deltas.into_iter().for_each(|delta| store.push(delta));
    store
}

/// `web #2`, `▸` before it if it is folded; `pid 7`; `+3 processes`, `-3 runs` when open.
fn told(lanes: &Lanes) -> Vec<String> {
    let row = |row: &Row| match row {
        Row::Group(group) => {
            let fold = if group.is_folded { "▸" } else { "" };
            let number = group.attempt.map_or("?".into(), |n| n.to_string());
            format!("{fold}{} #{number}", group.key.container.as_deref().unwrap_or("pause"))
        }
        Row::Lane(id) => format!("pid {id}"),
        Row::Earlier(earlier) => {
            let sign = if earlier.is_open { '-' } else { '+' };
            let what = if matches!(earlier.key, EarlierKey::Runs(..)) { "runs" } else { "processes" };
            format!("{sign}{} {what}", earlier.count)
        }
    };
    lanes.rows.iter().map(row).collect()
}

struct View<'a> {
    store: &'a Store,
    folds: Folds,
    selected: Option<ProcId>,
    kept: Vec<ProcId>,
}

impl<'a> View<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, folds: Folds::default(), selected: None, kept: Vec::new() }
    }

    fn lanes(&self, from: u64, to: u64) -> Lanes {
        let (pod, from, to) = (uid(), MonoNs(from * S), MonoNs(to * S));
        let (folds, selected, kept) = (&self.folds, self.selected, &self.kept[..]);
        Lanes::of(self.store.history(), &LaneQuery { pod: Some(&pod), from, to, folds, selected, kept })
    }

    fn told(&self, from: u64, to: u64) -> Vec<String> {
        told(&self.lanes(from, to))
    }
}

/// The container web ends every ten seconds and is started again five seconds later, `runs` times. Each run has a first
/// process 10, 20, … and a child 11, 21, …
fn restarting(runs: u32) -> Store {
    let mut all = vec![
        born(1, NODE, 1),
        Delta::Joined { id: id(1), member: Member::pause(&uid()), at: at(1) },
        pod(vec![container("web", 10, 0)]),
    ];
    for nth in 0..runs {
        let (head, t) = (10 * (nth + 1), u64::from(nth) * 15 + 2);
        all.extend([born(head, NODE, t), joined(head, "web", t), pod(vec![container("web", head, nth)])]);
        all.push(born(head + 1, by(head), t + 1));
        if nth + 1 < runs {
            all.extend(reaped(head + 1, t + 9).into_iter().chain(reaped(head, t + 10)));
        }
    }
    store(all)
}

#[test]
fn each_run_of_a_container_is_a_group_with_its_number() {
    let store = restarting(3);
    let mut view = View::new(&store);
    assert_eq!(
        view.told(0, 60),
        ["pause #1", "pid 1", "web #3", "pid 30", "pid 31", "▸web #2", "▸web #1"],
        "the last run is first, and the others are folded"
    );
    // a run that is not in the span is not shown
    assert_eq!(view.told(0, 10), ["pause #1", "pid 1", "▸web #1"]);
    let rows = view.lanes(0, 60).rows.into_iter();
    let groups: Vec<GroupRow> = rows
        .filter_map(|row| match row {
            Row::Group(group) => Some(*group),
            _ => None,
        })
        .collect();
    let second = &groups[2];
    assert_eq!((second.from, second.to, second.processes), (MonoNs(17 * S), Some(MonoNs(27 * S)), 2));
    assert_eq!((groups[1].to, groups[1].is_newest, second.is_newest), (None, true, false));
    view.folds.fold(&groups[1].key, true);
    view.folds.fold(&second.key, false);
    let expected = ["pause #1", "pid 1", "▸web #3", "web #2", "pid 20", "pid 21", "▸web #1"];
    assert_eq!(view.told(0, 60), expected);
    // what the user has folded stays so, also when more happens
    let more = restarting(4);
    view.store = &more;
    assert_eq!(view.told(0, 70)[2..5], ["web #4", "pid 40", "pid 41"]);
    assert_eq!(view.told(0, 70)[5..], ["▸web #3", "web #2", "pid 20", "pid 21", "▸web #1"]);
}

#[test]
fn the_selected_process_has_a_lane_also_where_it_is_folded() {
    let store = restarting(9);
    let mut view = View::new(&store);
    let head = ["pause #1", "pid 1", "web #9", "pid 90", "pid 91", "▸web #8", "▸web #7"];
    assert_eq!(view.told(0, 200)[..7], head);
    assert_eq!(view.told(0, 200)[7..], ["+6 runs"]);
    view.selected = Some(id(21));
    assert_eq!(view.told(0, 200)[7..], ["+6 runs", "▸web #2", "pid 21"]);
    assert_eq!(view.lanes(0, 200).position(id(21)), Some(9));
    view.folds.open(&EarlierKey::Runs(uid(), Some("web".into())), true);
    assert_eq!(view.told(0, 200)[7..9], ["-6 runs", "▸web #6"]);
}

#[test]
fn a_run_that_waits_is_kept_in_view() {
    let store = restarting(2);
    let mut view = View::new(&store);
    assert_eq!(view.told(14, 15), ["pause #1", "pid 1"], "between the two runs");
    view.kept = vec![id(10)];
    assert_eq!(view.told(14, 15), ["pause #1", "pid 1", "▸web #1"]);
}

#[test]
fn reaped_processes_are_one_row_but_for_the_last_ones() {
    let forks = 20..40_u32;
    let mut all = vec![born(10, NODE, 1), joined(10, "sh", 1), pod(vec![container("sh", 10, 0)])];
    for pid in forks {
        let t = u64::from(pid);
        all.push(born(pid, by(10), t));
        // one of the first lives on
        if pid != 21 {
            all.extend(reaped(pid, t + 1));
        }
    }
    let store = store(all);
    let mut view = View::new(&store);
    let recent: Vec<String> = (34..40).map(|pid| format!("pid {pid}")).collect();
    let rows = |middle: &[&str]| -> Vec<String> {
        let first = ["sh #1", "pid 10"].iter().chain(middle).map(|row| (*row).to_owned());
        first.chain(recent.clone()).collect()
    };
    assert_eq!(view.told(0, 50), rows(&["+13 processes", "pid 21"]));
    view.selected = Some(id(25));
    assert_eq!(view.told(0, 50), rows(&["+13 processes", "pid 21", "pid 25"]));
    assert_eq!(view.lanes(0, 50).newest, Some((MonoNs(39 * S), id(39))));
    let key = GroupKey { pod: uid(), container: Some("sh".into()), head: id(10) };
    view.folds.open(&EarlierKey::Processes(key), true);
    assert_eq!(view.told(0, 50).len(), 2 + 20 + 1);
    // few are not worth a row
    assert_eq!(view.told(34, 50).len(), 2 + 1 + 7, "{:?}", view.told(34, 50));
}

#[test]
fn what_is_executed_in_a_container_belongs_to_its_run() {
    let debug = [born(50, NODE, 5), joined(50, "web", 5), born(51, by(50), 6)];
    let mut all: Vec<Delta> = vec![born(10, NODE, 1), joined(10, "web", 1), pod(vec![container("web", 10, 0)])];
    all.extend(debug);
    let running = store(all.clone());
    assert_eq!(View::new(&running).told(0, 9), ["web #1", "pid 10", "pid 50", "pid 51"]);
    // the next first process begins a run as soon as the last one has ended, before the pod tells of it
    all.extend(reaped(10, 7));
    all.extend([born(60, NODE, 8), joined(60, "web", 8)]);
    let restarted = store(all);
    assert_eq!(View::new(&restarted).told(0, 9), ["web #2", "pid 60", "▸web #1"]);
}

#[test]
fn a_removed_pod_keeps_its_lanes_and_numbers() {
    let mut store = restarting(2);
    let before = View::new(&store).told(0, 40);
    store.push(Delta::PodRemoved { uid: uid(), at: at(41) });
    assert_eq!(View::new(&store).told(0, 40), before);
    let folds = Folds::default();
    let to = MonoNs(60 * S);
    let all = LaneQuery { pod: None, from: MonoNs(0), to, folds: &folds, selected: None, kept: &[] };
    let lanes = Lanes::of(store.history(), &all);
    assert!(matches!(&lanes.rows[0], Row::Group(group) if group.pod.as_deref() == Some("p")), "its name is known");
}
