//! What BPF reports, in any order with what the connector reports.

use super::*;
use crate::model::Signal;
use crate::model::{Precision, SignalResult, SignalSender, SignalSent};
use crate::observe::bpf::{Comm, Event as Traced, Happening, Origin, RawSignal, Task, TaskRef};

fn task(pid: u32) -> TaskRef {
    TaskRef { pid, tgid: pid, process_start: Some(START) }
}

fn comm(name: &str) -> Comm {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Comm(bytes)
}

fn raw(from: u32, to: u32, signal: Signal) -> RawSignal {
    RawSignal {
        signal,
        origin: Origin::Process,
        to_process: true,
        result: SignalResult::Delivered,
        current: task(from),
        target: task(to),
        current_comm: comm("sender"),
        target_comm: comm("target"),
    }
}

/// A task as a fork or an exit reports it.
fn whole_task(pid: u32, ppid: u32) -> Box<Task> {
    Box::new(Task {
        pid,
        tgid: pid,
        ppid,
        tracer: None,
        state: State::Running,
        flags: 0,
        exit_status: None,
        uid: 0,
        euid: 0,
        threads: 1,
        start: START,
        process_start: START,
        run_time: 0,
        cgroup: 0,
        blocked: 0,
        blocked_before_wait: 0,
        pending: 0,
        shared_pending: 0,
        actions: None,
        used: None,
        namespaces: [None; 8],
        pid_for_children: None,
        time_for_children: None,
        comm: String::new(),
        pids: vec![pid],
    })
}

impl Scenario {
    fn without_connector() -> Self {
        let mut this = Self::new();
        this.reconciler = Reconciler::new(Scope::Lab, false, 4);
        this.reconciler.input(&mut this.machine, Input::Watch(id(10)));
        this.finish();
        this
    }

    fn trace(&mut self, at: u64, happening: Happening) {
        self.reconciler.traced(&mut self.machine, Traced { at: t(at), happening });
    }

    fn signal(&mut self, at: u64, raw: RawSignal) {
        self.trace(at, Happening::Signal(raw));
        self.finish();
    }

    /// The last thread of this process ends.
    fn trace_exit(&mut self, at: u64, pid: u32, status: i32) {
        let status = WaitStatus(status);
        self.trace(at, Happening::Exit { task: whole_task(pid, 10), status, of_process: Some(status) });
    }

    fn tick(&mut self, at: u64) {
        self.machine.now = at;
        self.reconciler.tick(&mut self.machine);
        self.finish();
    }

    fn exit_of(&self, pid: u32) -> Option<(Stamp, Option<WaitStatus>)> {
        self.world.process(id(pid)).and_then(|p| p.exit).map(|exit| (exit.at, exit.status))
    }
}

fn exact(at: u64) -> Stamp {
    Stamp::new(t(at), Source::Bpf, Precision::Exact)
}

#[test]
fn a_signal_names_who_sent_it_to_whom() {
    let mut scenario = Scenario::new();
    scenario.signal(5, raw(77, 10, Signal::TERM));
    let expected = SignalSent {
        signal: Signal::TERM,
        sender: SignalSender::Process { id: id(77), name: "sender".into() },
        target: id(10),
        target_name: "target".into(),
        result: SignalResult::Delivered,
        skipped: None,
        at: exact(5),
    };
    assert_eq!(scenario.world.signals_to(id(10)).collect::<Vec<_>>(), [&expected]);
    // what a watched process sends to another one
    scenario.signal(6, raw(10, 77, Signal::TERM));
    assert_eq!(scenario.world.signals_to(id(77)).count(), 1);
    // neither is watched
    scenario.signal(7, raw(76, 77, Signal::TERM));
    assert_eq!(scenario.world.signals.len(), 2);
    // an old kernel names no start
    let mut of_old_kernel = raw(77, 10, Signal::HUP);
    of_old_kernel.target.process_start = None;
    scenario.signal(8, of_old_kernel);
    assert_eq!(scenario.world.signals_to(id(10)).count(), 2);
    // another process with the pid of a watched one
    let mut former = raw(77, 10, Signal::TERM);
    former.target.process_start = Some(START - 200);
    scenario.signal(9, former);
    assert_eq!(scenario.world.signals.len(), 3);
}

#[test]
fn a_signal_of_the_kernel_has_no_process_as_its_sender() {
    let mut scenario = Scenario::new();
    let table = [
        (Origin::Kernel, Signal::KILL, SignalSender::Kernel),
        (Origin::Other(1), Signal::CHLD, SignalSender::Child),
        (Origin::Other(1), Signal(11), SignalSender::Fault),
        (Origin::Other(-2), Signal(14), SignalSender::Timer),
        (Origin::Other(-5), Signal(29), SignalSender::Other { code: -5 }),
    ];
    for (at, (origin, signal, sender)) in table.into_iter().enumerate() {
        scenario.signal(at as u64, RawSignal { origin, ..raw(77, 10, signal) });
        assert_eq!(scenario.world.signals.last().map(|sent| &sent.sender), Some(&sender), "{origin:?}");
    }
    let seen = scenario.world.signals.len();
    // it is sent while a watched process runs, which has nothing to do with it
    scenario.signal(10, RawSignal { origin: Origin::Kernel, ..raw(10, 77, Signal::KILL) });
    // a parent that does not care for the ends of its children
    let (origin, result) = (Origin::Other(1), SignalResult::Ignored);
    scenario.signal(11, RawSignal { origin, result, ..raw(77, 10, Signal::CHLD) });
    assert_eq!(scenario.world.signals.len(), seen);
}

#[test]
fn a_signal_of_the_user_is_told_apart_from_those_of_others() {
    let mut scenario = Scenario::new();
    scenario.reconciler.own_namespaces(&mut scenario.machine, 77, &Reading::default());
    scenario.signal(5, raw(77, 10, Signal::TERM));
    assert_eq!(scenario.world.signals.last().map(|sent| &sent.sender), Some(&SignalSender::App));
}

#[test]
fn a_signal_that_is_known_after_the_exit_and_the_reap_is_still_of_that_process() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.exit(3, 11, 9, Some(10));
    scenario.hup(4, 11);
    scenario.finish();
    scenario.signal(2, raw(77, 11, Signal::KILL));
    let by = scenario.world.signal_that_ended(id(11)).expect("known");
    assert_eq!((by.at, by.signal), (exact(2), Signal::KILL));
    // and one that came later did not end it
    let ignored = RawSignal { result: SignalResult::Ignored, ..raw(76, 11, Signal::KILL) };
    scenario.signal(3, ignored);
    assert_eq!(scenario.world.signal_that_ended(id(11)).map(|sent| sent.at), Some(exact(2)));
    assert!(scenario.world.process(id(11)).is_some_and(crate::model::Process::is_gone));
}

#[test]
fn a_process_whose_start_is_derived_from_its_fork_is_recognised() {
    let mut scenario = Scenario::new();
    // it cannot be read; its fork is reported ten ticks late
    scenario.fork(100_000_000, 10, 11);
    scenario.exit(100_000_001, 11, 9, Some(10));
    scenario.finish();
    let known = scenario.world.processes.keys().find(|id| id.pid == 11).copied().expect("known");
    assert_ne!(known.start, START);
    scenario.signal(100_000_000, raw(77, 11, Signal::KILL));
    assert_eq!(scenario.world.signals_to(known).count(), 1);
    scenario.assert_pids_are_unique();
}

#[test]
fn a_storm_of_signals_is_bounded_and_counted() {
    let mut scenario = Scenario::new();
    for at in 0..10_000 {
        scenario.signal(at, raw(77, 10, Signal::USR1));
    }
    let at_once = scenario.world.signals.len();
    assert!((1..100).contains(&at_once), "{at_once}");
    let at = scenario.reconciler.deadline().expect("the last one waits");
    scenario.tick(at.since(MonoNs(T0)).max(1_000_000_000));
    assert_eq!(scenario.world.signals.len(), at_once + 1);
    let last = scenario.world.signals.last().expect("seen");
    let skipped = last.skipped.map_or(0, std::num::NonZeroU64::get);
    assert_eq!((last.at.t, at_once as u64 + skipped + 1), (t(9_999), 10_000), "each is there or counted");
}

#[test]
fn a_process_that_is_stopped_by_others_is_read_again() {
    let mut scenario = Scenario::new();
    scenario.machine.table.get_mut(&10).expect("it lives").stat.state = State::Stopped;
    scenario.signal(1, raw(77, 10, Signal::STOP));
    scenario.tick(RECHECK_NS + 1);
    assert_eq!(scenario.world.process(id(10)).map(|p| p.state), Some(State::Stopped));
}

#[test]
fn a_kill_for_lack_of_memory_is_kept() {
    let mut scenario = Scenario::new();
    let kill = |victim| Happening::OomKill {
        victim: task(victim),
        caused_by: task(77),
        victim_comm: comm("target"),
        caused_by_comm: comm("other"),
    };
    scenario.trace(1, kill(10));
    scenario.trace(2, kill(78));
    scenario.finish();
    assert_eq!(scenario.world.oom_kills.len(), 1, "of two that are not watched nothing is kept");
    let kill = scenario.world.oom_kill_of(id(10)).expect("known");
    assert_eq!((kill.victim_name.as_deref(), kill.caused_by, kill.at), (Some("target"), id(77), exact(1)));
}

#[test]
fn the_exit_of_the_connector_stays_as_it_is() {
    for bpf_first in [true, false] {
        let mut scenario = Scenario::new();
        scenario.machine.add_process(11, 10, &[]);
        scenario.fork(1, 10, 11);
        if bpf_first {
            scenario.trace_exit(2, 11, 0x300);
            scenario.finish();
            assert_eq!(scenario.exit_of(11), None, "it is not a zombie yet");
        }
        scenario.exit(3, 11, 0x300, Some(10));
        if !bpf_first {
            scenario.trace_exit(2, 11, 0x300);
        }
        scenario.finish();
        let expected = (Stamp::connector(t(3)), Some(WaitStatus(0x300)));
        assert_eq!(scenario.exit_of(11), Some(expected), "{bpf_first}");
        let reports = scenario.log.iter().filter(|delta| matches!(delta, Delta::Exited { .. })).count();
        assert_eq!(reports, 1, "{bpf_first}");
    }
}

#[test]
fn the_status_that_the_connector_cannot_tell_is_known() {
    for bpf_first in [true, false] {
        let mut scenario = Scenario::with_exited_leader();
        // the last thread ends with another status than the leader, and the leader's counts
        if bpf_first {
            scenario.trace_exit(4, 11, 0x700);
        }
        let last = Event::Exit { t: t(5), pid: 12, tgid: 11, status: WaitStatus(0x100), parent: Some(10) };
        scenario.reconciler.event(&mut scenario.machine, last);
        if !bpf_first {
            scenario.trace_exit(4, 11, 0x700);
        }
        scenario.finish();
        assert_eq!(scenario.exit_of(11).map(|(_, status)| status), Some(Some(WaitStatus(0x700))), "{bpf_first}");
    }
}

#[test]
fn an_exit_that_the_connector_has_lost_has_its_time_and_its_status() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.trace_exit(2, 11, 0x300);
    scenario.hup(3, 11);
    scenario.finish();
    scenario.machine.now = PATIENCE_NS + 4;
    scenario.finish();
    assert_eq!(scenario.exit_of(11), Some((exact(2), Some(WaitStatus(0x300)))));
    assert!(scenario.reaper_of(11).is_some());
}

#[test]
fn without_the_connector_a_life_is_known_from_birth_to_exit() {
    let mut scenario = Scenario::without_connector();
    // it is too short to be read
    scenario.trace(1, Happening::Fork(whole_task(11, 10)));
    scenario.trace_exit(2, 11, 0x300);
    scenario.finish();
    let p = scenario.world.process(id(11)).expect("known");
    assert_eq!((p.born, p.parent), (exact(1), Parent::Process(id(10))));
    assert_eq!(scenario.exit_of(11), Some((exact(2), Some(WaitStatus(0x300)))));
    // and this one is not a child of a watched process
    scenario.trace(3, Happening::Fork(whole_task(12, 77)));
    scenario.finish();
    assert!(scenario.world.process(id(12)).is_none());

    // a longer one is a zombie before it is reaped
    scenario.machine.add_process(13, 10, &[]);
    scenario.trace(4, Happening::Fork(whole_task(13, 10)));
    scenario.machine.make_zombie(13);
    scenario.trace_exit(5, 13, 9);
    scenario.machine.now = 6;
    scenario.reconciler.pidfd_exit(&mut scenario.machine, id(13), t(6));
    scenario.finish();
    assert_eq!(scenario.exit_of(13), Some((exact(5), Some(WaitStatus(9)))));
    assert!(scenario.world.process(id(13)).is_some_and(crate::model::Process::is_zombie));
}
