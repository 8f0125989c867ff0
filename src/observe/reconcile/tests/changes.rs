//! The World has what the last reading showed, though only what changed is sent.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{Facts, SignalMasks};
use crate::observe::reconcile::usage::memory_is_news;

const PID: u32 = 11;

/// What happens to the process.
#[derive(Clone, Debug)]
enum Step {
    /// It runs another program, with or without the event.
    Exec {
        name: String,
        event: bool,
    },
    Rename {
        name: String,
        event: bool,
    },
    User(u32),
    Signals(u64),
    Namespace(NsKind, u64),
    Cgroup(u32),
    State(State),
    /// The node reports a state, which may be over.
    NodeReports(State),
    Threads(u32),
    /// Uses CPU time, in clock ticks.
    Work(u64),
    Memory(u64),
    Scan,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || "[a-c]{1,3}";
    let state = || prop_oneof![Just(State::Running), Just(State::Sleeping), Just(State::Stopped), Just(State::Disk)];
    prop_oneof![
        (name(), any::<bool>()).prop_map(|(name, event)| Step::Exec { name, event }),
        (name(), any::<bool>()).prop_map(|(name, event)| Step::Rename { name, event }),
        (0..3_u32).prop_map(Step::User),
        (0..4_u64).prop_map(Step::Signals),
        (0..8_usize, 1..4_u64).prop_map(|(kind, ino)| Step::Namespace(NsKind::ALL[kind], 10 * kind as u64 + ino)),
        (0..3_u32).prop_map(Step::Cgroup),
        state().prop_map(Step::State),
        state().prop_map(Step::NodeReports),
        (1..4_u32).prop_map(Step::Threads),
        (0..200_u64).prop_map(Step::Work),
        (0..2_000_u64).prop_map(Step::Memory),
        Just(Step::Scan),
    ]
}

impl Scenario {
    /// Process 11 is a child of 10.
    fn with_child() -> Self {
        let mut this = Self::new();
        this.machine.add_process(PID, 10, &[]);
        this.machine.table.get_mut(&PID).expect("there").cmdline = vec!["x".into()];
        this.fork(1, 10, PID);
        this.finish();
        this
    }

    fn play(&mut self, step: Step, seconds: &mut u64) {
        let at = self.machine.now();
        let reading = self.machine.table.get_mut(&PID).expect("it lives");
        let status = reading.status.as_mut().expect("it can be read");
        match step {
            Step::Exec { name, event } => {
                reading.stat.comm.clone_from(&name);
                reading.cmdline = vec![name, "-x".into()];
                status.signals = SignalMasks { caught: 0, ..status.signals };
                if event {
                    self.reconciler.event(&mut self.machine, Event::Exec { t: at, tgid: PID });
                }
            }
            Step::Rename { name, event } => {
                reading.stat.comm.clone_from(&name);
                if event {
                    let renamed = Event::Comm { t: at, pid: PID, tgid: PID, comm: name };
                    self.reconciler.event(&mut self.machine, renamed);
                }
            }
            Step::User(uid) => status.uid = uid,
            Step::Signals(mask) => {
                status.signals = SignalMasks { blocked: mask & 1, caught: mask & 2, ..SignalMasks::default() };
            }
            Step::Namespace(kind, ino) => reading.links[kind as usize] = Some(ino),
            Step::Cgroup(n) => reading.cgroup = Some(format!("/{n}")),
            Step::State(state) => reading.stat.state = state,
            Step::NodeReports(state) => {
                self.input(Input::Delta(Delta::State { id: id(PID), state, at: Stamp::prompt(at, Source::Node) }));
            }
            Step::Threads(threads) => reading.stat.threads = threads,
            Step::Work(ticks) => reading.stat.cpu_ticks += ticks,
            Step::Memory(pages) => status.rss_bytes = Some(pages * 4096),
            Step::Scan => {
                *seconds += 1;
                self.tick_at(*seconds);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_two_scans_the_world_has_what_the_machine_shows(steps in prop::collection::vec(step(), 0..30)) {
        let mut scenario = Scenario::with_child();
        let mut seconds = 0;
        // a state is news once it was seen twice
        for step in steps.into_iter().chain([Step::Scan, Step::Scan]) {
            scenario.play(step, &mut seconds);
        }
        let (shown, machine) = (scenario.process(PID), &scenario.machine.table[&PID]);
        let status = machine.status.as_ref().expect("it can be read");
        prop_assert_eq!((&shown.comm, &shown.cmdline), (&machine.stat.comm, &machine.cmdline));
        prop_assert_eq!((shown.uid, &shown.nspid, shown.signals), (Some(status.uid), &status.nspid, status.signals));
        prop_assert_eq!((shown.state, shown.threads), (machine.stat.state, machine.stat.threads));
        prop_assert_eq!(shown.cgroup.as_deref(), machine.cgroup.as_deref());
        for kind in NsKind::ALL {
            let ino = shown.namespaces.get(kind).map(|ns| ns.ino);
            prop_assert_eq!(ino, machine.links[kind as usize], "{}", kind);
        }
        prop_assert!(!memory_is_news(shown.rss_bytes, status.rss_bytes.unwrap_or(0)));
        prop_assert!(shown.cpu.time_ns.abs_diff(machine.stat.cpu_ticks * 10_000_000) < S / 10);

        let reported = scenario.log.len();
        scenario.tick_at(seconds + 1);
        scenario.tick_at(seconds + 2);
        let idle: Vec<_> = scenario.log[reported..].iter().filter(|d| !matches!(d, Delta::ProcessUsage { .. })).collect();
        prop_assert!(idle.is_empty(), "nothing has changed: {:?}", idle);
    }
}

#[test]
fn a_child_is_reported_to_be_in_a_cgroup_only_if_it_is_not_that_of_its_parent() {
    let mut scenario = Scenario::new();
    let move_to = |scenario: &mut Scenario, pid: u32, path: &str| {
        scenario.machine.table.get_mut(&pid).expect("it lives").cgroup = Some(path.to_owned());
    };
    let moves = |scenario: &Scenario| -> Vec<(ProcId, String)> {
        let of = |delta: &Delta| match delta {
            Delta::InCgroup { id, path, .. } => Some((*id, path.to_string())),
            _ => None,
        };
        scenario.log.iter().filter_map(of).collect()
    };
    move_to(&mut scenario, 10, "/a");
    scenario.tick_at(1);
    assert_eq!(moves(&scenario), [(id(10), "/a".to_owned())]);
    for (pid, path) in [(PID, "/a"), (PID + 1, "/b")] {
        scenario.machine.add_process(pid, 10, &[]);
        move_to(&mut scenario, pid, path);
        scenario.fork(1, 10, pid);
        scenario.finish();
        assert_eq!(scenario.process(pid).cgroup.as_deref(), Some(path));
    }
    assert_eq!(moves(&scenario)[1..], [(id(PID + 1), "/b".to_owned())], "the other one has inherited it");
    // somebody moves it, and it does not run
    move_to(&mut scenario, PID, "/b");
    scenario.tick_at(4);
    assert_eq!(scenario.process(PID).cgroup.as_deref(), Some("/b"));
}

#[test]
fn a_child_that_was_read_before_its_birth_was_reported_keeps_its_signals() {
    let mut scenario = Scenario::new();
    let parent = scenario.machine.table.get_mut(&10).and_then(|r| r.status.as_mut()).expect("it can be read");
    parent.signals = SignalMasks { blocked: 1, ignored: 2, caught: 4, ..SignalMasks::default() };
    scenario.tick_at(1);
    scenario.machine.add_process(PID, 10, &[]);
    let at = Stamp::prompt(t(2), Source::Node);
    scenario.input(Input::Delta(Delta::Born { id: id(PID), parent: Parent::Process(id(10)), at }));
    scenario.fork(1, 10, PID);
    scenario.finish();
    assert_eq!(scenario.process(10).signals.caught, 4);
    assert_eq!(scenario.process(PID).signals, SignalMasks::default());
}

/// Three processes of a pod, as `/proc` shows real ones.
fn pod() -> Scenario {
    let mut scenario = Scenario::new();
    for (pid, command) in
        [(11, "/pause"), (12, "nginx: master process nginx -g daemon off;"), (13, "nginx: worker process")]
    {
        scenario.machine.add_process(pid, 10, &[pid - 10]);
        let reading = scenario.machine.table.get_mut(&pid).expect("there");
        reading.cmdline = vec![command.to_owned()];
        reading.links = std::array::from_fn(|kind| Some(4_026_531_835 + kind as u64));
        scenario.fork(1, 10, pid);
    }
    scenario.tick_at(2);
    scenario
}

fn json(delta: &Delta) -> usize {
    serde_json::to_string(delta).expect("a delta is JSON").len()
}

#[test]
fn cpu_time_alone_travels_without_the_other_facts() {
    let mut scenario = pod();
    let (from, seconds) = (scenario.log.len(), 60);
    let mut whole = 0;
    for second in 3..3 + seconds {
        // two of them work, more and less, and one of them grows
        scenario.ticks(12, second * 20 + second % 7, 0);
        scenario.ticks(13, second * 4 + second % 3, 0);
        let status = scenario.machine.table.get_mut(&13).and_then(|r| r.status.as_mut()).expect("it can be read");
        status.rss_bytes = Some((8 << 20) + (second / 20) * (4 << 20));
        let before = scenario.log.len();
        scenario.tick_at(second);
        let changed: BTreeSet<ProcId> = scenario.log[before..]
            .iter()
            .map(|delta| match delta {
                Delta::ProcessUsage { id, .. } => *id,
                other => panic!("only the usage has changed: {other:?}"),
            })
            .collect();
        let at = Stamp::by_then(scenario.machine.now(), Source::Scan);
        let facts = changed.iter().filter_map(|id| scenario.reconciler.entries.get(id)?.facts.clone());
        whole += facts.map(|facts: Facts| json(&Delta::Facts { facts: Box::new(facts), at })).sum::<usize>();
    }
    let sent: usize = scenario.log[from..].iter().map(json).sum();
    println!(
        "{} deltas in {seconds} s: {sent} B of JSON, {whole} B with all facts each time",
        scenario.log.len() - from
    );
    assert!(sent > 0 && 3 * sent < whole, "{sent} B instead of {whole} B");
    assert_eq!(scenario.process(12).cpu.time_ns / S, 62 * 20 / 100);
}
