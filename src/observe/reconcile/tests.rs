//! Events in any order, played on a fake machine.

mod changes;
mod failures;
mod scope;
mod traced;

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::model::{Namespace, State};
use crate::observe::proc::Status;
use crate::procfs::Stat;

/// Start time of every process here; the clock starts in this tick.
const START: u64 = 500;
const T0: u64 = START * 10_000_000 + 1_000;

#[derive(Default)]
struct FakeKernel {
    table: BTreeMap<u32, Reading>,
    now: u64,
    statuses: HashMap<u32, i32>,
    cgroups: HashMap<String, CgroupFigures>,
    /// Unique numbers of namespaces, by inode.
    uniques: HashMap<u64, u64>,
    /// The answer to every reading, if set.
    refuses: Option<Unread>,
}

impl FakeKernel {
    fn add_process(&mut self, pid: u32, ppid: u32, inner: &[u32]) {
        let stat = Stat { comm: format!("p{pid}"), ppid, start: START, ..Stat::default() };
        let mut nspid = vec![pid];
        nspid.extend(inner);
        let status = Status { nspid, ..Status::default() };
        self.table.insert(pid, Reading { stat, status: Some(status), ..Reading::default() });
    }

    fn make_zombie(&mut self, pid: u32) {
        self.table.get_mut(&pid).expect("it lived").stat.state = State::Zombie;
    }
}

impl Kernel for FakeKernel {
    fn now(&mut self) -> MonoNs {
        MonoNs(T0 + self.now)
    }
    fn ticks(&mut self) -> Ticks {
        Ticks::default()
    }
    fn pids(&mut self) -> Result<Vec<u32>, Unread> {
        match self.refuses {
            Some(why) => Err(why),
            None => Ok(self.table.keys().copied().collect()),
        }
    }
    fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread> {
        if let Some(why) = self.refuses {
            return Err(why);
        }
        let mut reading = self.table.get(&pid).cloned().ok_or(Unread::Gone)?;
        if depth == Depth::Program {
            reading.links = Default::default();
        }
        Ok(reading)
    }
    fn open_and_read(&mut self, pid: u32) -> Result<Reading, Unread> {
        self.read(pid, Depth::All)
    }
    fn prefer(&mut self, _: ProcId) {}
    fn read_cgroup(&mut self, cgroup: &str) -> Option<CgroupFigures> {
        self.cgroups.get(cgroup).copied()
    }
    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus> {
        self.statuses.get(&id.pid).copied().map(WaitStatus)
    }
    fn holds(&self, _: ProcId) -> bool {
        true
    }
    fn follow(&mut self, _: ProcId) {}
    fn follow_everything(&mut self, _: bool) {}
    fn release(&mut self, _: ProcId) {}
    fn describe(&mut self, _: u32, _: NsKind, _: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs> {
        Vec::new()
    }
    fn namespace(&mut self, pid: u32, kind: NsKind) -> Option<Nsfs> {
        let ino = self.table.get(&pid)?.links[kind as usize]?;
        Some(Nsfs { ino, unique: self.uniques.get(&ino).copied() })
    }
    fn holders(&mut self, _: NsId, _: &mut dyn Iterator<Item = ProcId>) -> Vec<Holder> {
        Vec::new()
    }
}

struct Scenario {
    reconciler: Reconciler,
    machine: FakeKernel,
    world: World,
    log: Vec<Delta>,
}

fn id(pid: u32) -> ProcId {
    ProcId { pid, start: START }
}

fn t(at: u64) -> MonoNs {
    MonoNs(T0 + at)
}

impl Scenario {
    /// Process 10 is watched.
    fn new() -> Self {
        let mut machine = FakeKernel::default();
        machine.add_process(10, 1, &[]);
        let mut this = Self {
            reconciler: Reconciler::new(Scope::Lab, true, 4),
            machine,
            world: World::default(),
            log: Vec::new(),
        };
        this.reconciler.input(&mut this.machine, Input::Watch(id(10)));
        this.finish();
        this
    }

    /// Process 11, a child of 10, has two threads, and the first one has exited.
    fn with_exited_leader() -> Self {
        let mut this = Self::new();
        this.machine.add_process(11, 10, &[]);
        this.fork(1, 10, 11);
        this.reconciler.event(&mut this.machine, Event::Fork { t: t(2), parent: 10, pid: 12, tgid: 11 });
        this.exit(3, 11, 0x700, Some(10));
        this
    }

    fn fork(&mut self, at: u64, parent: u32, pid: u32) {
        self.reconciler.event(&mut self.machine, Event::Fork { t: t(at), parent, pid, tgid: pid });
    }

    fn exit(&mut self, at: u64, pid: u32, status: i32, parent: Option<u32>) {
        self.machine.now = self.machine.now.max(at);
        let event = Event::Exit { t: t(at), pid, tgid: pid, status: WaitStatus(status), parent };
        self.reconciler.event(&mut self.machine, event);
    }

    fn hup(&mut self, at: u64, pid: u32) {
        self.machine.table.remove(&pid);
        self.machine.now = self.machine.now.max(at);
        self.reconciler.pidfd_reaped(id(pid), t(at));
    }

    fn input(&mut self, input: Input) {
        self.reconciler.input(&mut self.machine, input);
    }

    fn finish(&mut self) {
        for delta in self.reconciler.finish(&mut self.machine, true) {
            self.world.apply(&delta);
            self.log.push(delta);
        }
    }

    fn reaper_of(&self, pid: u32) -> Option<Parent> {
        self.world.process(id(pid)).and_then(|p| p.reap).map(|r| r.by)
    }

    fn assert_pids_are_unique(&self) {
        let mut pids: Vec<u32> = self.world.processes.keys().map(|id| id.pid).collect();
        let all = pids.len();
        pids.dedup();
        assert_eq!(pids.len(), all, "no process is known twice");
    }
}

#[test]
fn a_life_with_all_events_in_order() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.machine.make_zombie(11);
    scenario.exit(2, 11, 0x300, Some(10));
    scenario.hup(3, 11);
    scenario.finish();
    let p = scenario.world.process(id(11)).expect("known");
    assert_eq!((p.born, p.exit.map(|e| e.at)), (Stamp::connector(t(1)), Some(Stamp::connector(t(2)))));
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(0x300)));
    assert_eq!(scenario.reaper_of(11), Some(Parent::Process(id(10))));
}

#[test]
fn a_process_too_short_lived_to_be_read() {
    let mut scenario = Scenario::new();
    scenario.fork(1, 10, 11);
    scenario.exit(2, 11, 9, None);
    scenario.finish();
    let p = scenario.world.process(id(11)).expect("known");
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(9)));
    assert_eq!(p.reap.map(|r| r.at.t), Some(t(2)), "reaped before the kernel reported the exit");
    assert_eq!(scenario.reaper_of(11), Some(Parent::Process(id(10))));
}

#[test]
fn the_reap_waits_for_the_exit_event() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.hup(3, 11);
    scenario.finish();
    assert!(scenario.world.process(id(11)).is_some_and(crate::model::Process::is_alive));
    scenario.exit(2, 11, 9, Some(10));
    scenario.finish();
    assert_eq!(scenario.world.process(id(11)).and_then(|p| p.exit).and_then(|e| e.status), Some(WaitStatus(9)));
    assert_eq!(scenario.reaper_of(11), Some(Parent::Process(id(10))));
}

#[test]
fn the_pidfd_gives_the_status_when_the_exit_event_never_comes() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.machine.statuses.insert(11, 0x700);
    scenario.fork(1, 10, 11);
    scenario.hup(3, 11);
    scenario.finish();
    scenario.machine.now = PATIENCE_NS + 4;
    assert!(scenario.reconciler.deadline().is_some_and(|at| at <= scenario.machine.now()));
    scenario.finish();
    let p = scenario.world.process(id(11)).expect("known");
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(0x700)), "from the pidfd");
    assert!(p.is_gone());
}

/// The parent ends at about the time when its child is reaped.
#[test]
fn the_reaper_is_unknown_when_the_parent_died_at_the_same_time() {
    // the reap of the child was seen at 5; the parent ends at these times
    for (parent_ends, expected) in [(20_000_000, Parent::Process(id(11))), (9, Parent::Unknown), (4, Parent::Unknown)] {
        let mut scenario = Scenario::new();
        scenario.machine.add_process(11, 10, &[]);
        scenario.machine.add_process(12, 11, &[]);
        scenario.fork(1, 10, 11);
        scenario.fork(2, 11, 12);
        scenario.machine.make_zombie(12);
        scenario.exit(3, 12, 0, Some(11));
        scenario.machine.make_zombie(11);
        scenario.hup(5, 12);
        scenario.finish();
        assert_eq!(scenario.reaper_of(12), None, "the parent is dead, but its exit is not reported yet");
        scenario.exit(parent_ends, 11, 0, Some(10));
        scenario.finish();
        assert_eq!(scenario.reaper_of(12), Some(expected));
    }
}

#[test]
fn a_record_of_pause_tells_the_reaper() {
    for by_pause in [true, false] {
        let mut scenario = Scenario::new();
        scenario.machine.add_process(20, 10, &[1]);
        scenario.fork(1, 10, 20);
        scenario.machine.add_process(21, 20, &[2]);
        scenario.fork(2, 20, 21);
        scenario.machine.add_process(22, 21, &[3]);
        scenario.fork(3, 21, 22);
        scenario.machine.add_process(23, 20, &[4]);
        scenario.fork(3, 20, 23);
        scenario.machine.make_zombie(22);
        scenario.exit(4, 22, 0, Some(21));
        scenario.machine.make_zombie(21);
        scenario.machine.make_zombie(23);
        scenario.hup(8, 22);
        scenario.exit(5, 21, 0, Some(20));
        scenario.exit(6, 23, 0, Some(20));
        scenario.finish();
        assert_eq!(scenario.reaper_of(22), Some(Parent::Unknown));
        let record = |pid, at| Input::PauseReaped { pause: id(20), pid_in_pod: pid, status: WaitStatus(0), at: t(at) };
        if by_pause {
            scenario.input(record(3, 7));
            scenario.finish();
            assert_eq!(scenario.reaper_of(22), Some(Parent::Process(id(20))));
            assert_eq!(scenario.world.process(id(22)).and_then(|p| p.reap).map(|r| r.at.source), Some(Source::Pause));
        } else {
            // a later record without an earlier one of the child
            scenario.input(record(4, 9));
            scenario.finish();
            assert_eq!(scenario.reaper_of(22), Some(Parent::Process(id(21))));
        }
    }
}

#[test]
fn records_of_unread_processes_match_by_order_and_status() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(20, 10, &[1]);
    scenario.fork(1, 10, 20);
    scenario.machine.add_process(21, 20, &[2]);
    scenario.fork(2, 20, 21);
    // orphans of 21 that could not be read: pids 3, 4 and 5 inside; the last two fork events come in the wrong order,
    // and all of them only after the processes have ended
    scenario.machine.now = 7;
    for (at, pid) in [(3, 22), (4, 24), (5, 23)] {
        scenario.fork(at, 21, pid);
    }
    for (pid, status) in [(22, 0x100), (23, 0x200), (24, 0x300)] {
        scenario.exit(6, pid, status, None);
    }
    scenario.machine.make_zombie(21);
    scenario.exit(5, 21, 0, Some(20));
    for (inner, status) in [(3, 0x100), (4, 0x200), (5, 0x300)] {
        scenario.input(Input::PauseReaped {
            pause: id(20),
            pid_in_pod: inner,
            status: WaitStatus(status),
            at: t(10 + u64::from(inner)),
        });
    }
    scenario.finish();
    assert_eq!(scenario.reaper_of(22), Some(Parent::Unknown), "a match by prediction waits for more events");
    scenario.machine.now = GRACE_NS + 20;
    assert!(scenario.reconciler.deadline().is_some_and(|at| at <= scenario.machine.now()));
    scenario.finish();
    for pid in [22, 23, 24] {
        assert_eq!(scenario.reaper_of(pid), Some(Parent::Process(id(20))), "{pid}");
        assert!(scenario.world.process(id(pid)).is_some_and(|p| p.parent == Parent::Process(id(20))));
    }
    assert!(scenario.world.lost.is_empty());
    scenario.assert_pids_are_unique();
}

#[test]
fn a_record_waits_for_its_events_and_is_counted_as_lost_without_them() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(20, 10, &[1]);
    scenario.fork(1, 10, 20);
    let record = |pid| Input::PauseReaped { pause: id(20), pid_in_pod: pid, status: WaitStatus(0), at: t(9) };
    scenario.input(record(2));
    scenario.input(record(77));
    scenario.finish();
    scenario.machine.add_process(21, 20, &[2]);
    scenario.fork(2, 20, 21);
    scenario.machine.table.remove(&21);
    scenario.exit(3, 21, 0, Some(20));
    scenario.finish();
    assert_eq!(scenario.reaper_of(21), Some(Parent::Process(id(20))));
    assert!(scenario.world.lost.is_empty());
    scenario.machine.now = PATIENCE_NS + 10;
    scenario.finish();
    assert_eq!(scenario.world.lost.get(&Source::Pause), Some(&1));
}

#[test]
fn the_node_and_the_connector_report_one_process() {
    let node = |pid, start, at| {
        let id = ProcId { pid, start };
        Input::Delta(Delta::Born {
            id,
            parent: Parent::Process(super::tests::id(10)),
            at: Stamp::prompt(t(at), Source::Node),
        })
    };
    // the node reports first or last, and the process can be read or not
    for readable in [true, false] {
        for node_first in [true, false] {
            let mut scenario = Scenario::new();
            if readable {
                scenario.machine.add_process(11, 10, &[]);
            }
            // the start derived from the event may be a tick late
            let start = if readable { START } else { START - 1 };
            if node_first {
                scenario.input(node(11, start, 2));
                scenario.fork(1, 10, 11);
            } else {
                scenario.fork(1, 10, 11);
                scenario.input(node(11, start, 2));
            }
            let reported = ProcId { pid: 11, start };
            let at = Stamp::prompt(t(5), Source::Node);
            if readable {
                scenario.machine.make_zombie(11);
            }
            scenario.exit(4, 11, 0, Some(10));
            scenario.input(Input::Delta(Delta::Exited { id: reported, status: Some(WaitStatus(0)), at }));
            scenario.input(Input::Delta(Delta::Reaped { id: reported, by: Parent::Process(id(10)), at }));
            scenario.machine.table.remove(&11);
            scenario.finish();
            scenario.assert_pids_are_unique();
            let p = scenario.world.processes.values().find(|p| p.id.pid == 11).expect("known");
            assert_eq!(p.born, Stamp::connector(t(1)), "readable {readable}, node first {node_first}");
            assert_eq!(p.exit.map(|e| e.at), Some(Stamp::connector(t(4))));
            assert_eq!(p.reap.map(|r| r.by), Some(Parent::Process(id(10))));
        }
    }
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.finish();
    // its end was lost; a thousand ticks later the pid is reused
    let later = 10_000_000_000;
    scenario.machine.add_process(11, 10, &[]);
    scenario.machine.table.get_mut(&11).expect("there").stat.start = START + 1_000;
    scenario.machine.now = later;
    scenario.fork(later, 10, 11);
    scenario.finish();
    assert!(scenario.world.process(id(11)).is_some_and(crate::model::Process::is_gone));
    let second = ProcId { pid: 11, start: START + 1_000 };
    assert_eq!(scenario.world.by_pid(11), Some(second));
}

#[test]
fn a_process_lives_until_its_last_thread_ends() {
    let mut scenario = Scenario::with_exited_leader();
    scenario.finish();
    assert!(scenario.world.process(id(11)).is_some_and(crate::model::Process::is_alive));
    let last = Event::Exit { t: t(4), pid: 12, tgid: 11, status: WaitStatus(0x300), parent: Some(10) };
    scenario.reconciler.event(&mut scenario.machine, last);
    scenario.machine.statuses.insert(11, 0x300);
    scenario.finish();
    let exit = scenario.world.process(id(11)).and_then(|p| p.exit).expect("ended");
    assert_eq!((exit.at.t, exit.status), (t(4), None), "which of the two counts is not known yet");
    scenario.hup(5, 11);
    scenario.finish();
    assert_eq!(scenario.world.process(id(11)).and_then(|p| p.exit).and_then(|e| e.status), Some(WaitStatus(0x300)));
    assert!(scenario.world.process(ProcId { pid: 12, start: START }).is_none(), "a thread is no process");
}

#[test]
fn a_namespace_that_cannot_be_opened_is_still_reported() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.machine.table.get_mut(&11).expect("there").links[NsKind::Net as usize] = Some(77);
    scenario.fork(1, 10, 11);
    scenario.finish();
    let id = crate::model::NsId { kind: NsKind::Net, dev: 4, ino: 77, generation: 0 };
    assert_eq!(scenario.world.namespaces.get(&id), Some(&Namespace::new(id)));
    assert_eq!(scenario.world.process(super::tests::id(11)).map(|p| p.namespaces.get(NsKind::Net)), Some(Some(id)));
}

#[test]
fn an_orphan_found_by_a_scan_belongs_to_the_member_whose_mounts_it_has() {
    use crate::model::{Member, PodUid};
    let mut scenario = Scenario::new();
    let mounts = |scenario: &mut Scenario, pid: u32, ino: u64| {
        let links = &mut scenario.machine.table.get_mut(&pid).expect("it lives").links;
        (links[NsKind::Mnt as usize], links[NsKind::Pid as usize]) = (Some(ino), Some(7));
    };
    let (pause, web) = (Member::pause(&PodUid("u".into())), Member::container(&PodUid("u".into()), "web"));
    for (pid, inside, ino, member) in [(11, 1, 1, &pause), (12, 2, 2, &web)] {
        scenario.machine.add_process(pid, 10, &[inside]);
        mounts(&mut scenario, pid, ino);
        scenario.input(Input::Delta(Delta::Joined { id: id(pid), member: member.clone(), at: Stamp::connector(t(1)) }));
    }
    // the parent of 13 was gone before the scan; 14 is a child of pause itself
    scenario.machine.add_process(13, 11, &[4]);
    mounts(&mut scenario, 13, 2);
    scenario.machine.add_process(14, 11, &[5]);
    mounts(&mut scenario, 14, 1);
    scenario.reconciler.lost(&mut scenario.machine, Source::Connector, t(2), None);
    scenario.finish();
    let moves = |pid| scenario.process(pid).reparents.iter().map(|r| (r.from, r.to)).collect::<Vec<_>>();
    assert_eq!(
        (scenario.process(13).member.as_ref(), scenario.process(14).member.as_ref()),
        (Some(&web), Some(&pause))
    );
    assert_eq!(moves(13), [(Parent::Unknown, Parent::Process(id(11)))]);
    assert_eq!((moves(12), moves(14)), (vec![], vec![]));
    assert_eq!(scenario.process(13).parent, Parent::Process(id(11)));
}

#[test]
fn unrelated_processes_are_not_reported() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(99, 1, &[]);
    scenario.fork(1, 98, 99);
    scenario.exit(2, 99, 0, Some(98));
    scenario.finish();
    assert!(scenario.log.iter().all(|d| !matches!(d, Delta::Born { id, .. } if id.pid == 99)));
}

const S: u64 = 1_000_000_000;

impl Scenario {
    /// Runs what is due `seconds` after the start, among it the next scan.
    fn tick_at(&mut self, seconds: u64) {
        self.machine.now = seconds * S;
        self.reconciler.tick(&mut self.machine);
        self.finish();
    }

    fn ticks(&mut self, pid: u32, own: u64, waited: u64) {
        let stat = &mut self.machine.table.get_mut(&pid).expect("it lives").stat;
        (stat.cpu_ticks, stat.waited_ticks) = (own, waited);
    }

    fn usage(&self, member: &crate::model::Member) -> crate::model::Usage {
        self.world.usage(member).expect("it lives")
    }

    fn process(&self, pid: u32) -> &crate::model::Process {
        self.world.process(id(pid)).expect("it is known")
    }
}

#[test]
fn cpu_usage_is_the_time_used_since_the_last_scan() {
    let mut scenario = Scenario::new();
    scenario.tick_at(2);
    scenario.ticks(10, 25, 0);
    scenario.tick_at(3);
    assert_eq!((scenario.process(10).cpu.permille, scenario.process(10).cpu.time_ns), (250, S / 4));
    scenario.tick_at(4);
    assert_eq!(scenario.process(10).cpu.permille, 0, "it used nothing");
}

#[test]
fn cpu_time_of_a_child_is_not_counted_again_for_its_parent() {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.finish();
    scenario.tick_at(2);
    scenario.ticks(11, 100, 0);
    scenario.tick_at(3);
    assert_eq!(scenario.process(11).cpu.permille, 1_000);
    // it used 20 ms more after the last scan, then ended
    scenario.exit(3 * S + 1, 11, 0, Some(10));
    scenario.ticks(10, 0, 102);
    scenario.hup(3 * S + 2, 11);
    scenario.finish();
    scenario.tick_at(4);
    assert_eq!(scenario.process(10).waited_cpu, crate::model::Cpu { time_ns: 102 * S / 100, permille: 20 });
    assert_eq!(scenario.process(11).cpu, crate::model::Cpu { time_ns: S, permille: 0 }, "its last figure stays");
}

#[test]
fn a_cgroup_is_read_as_long_as_the_member_has_it() {
    use crate::model::{Cpu, Member, Origin, PodUid};
    let mut scenario = Scenario::new();
    let member = Member::container(&PodUid("u".into()), "web");
    let tell = |path: Option<&str>| {
        let at = Stamp::prompt(t(1), Source::Node);
        Input::Delta(Delta::Cgroup { member: member.clone(), path: path.map(str::to_owned), at })
    };
    scenario.input(Input::Delta(Delta::Joined {
        id: id(10),
        member: member.clone(),
        at: Stamp::prompt(t(1), Source::Node),
    }));
    let counted = |cpu_ns| CgroupFigures { cpu_ns: Some(cpu_ns), memory_bytes: None, tasks: Some(3) };
    scenario.machine.cgroups.insert("/pod/web".into(), counted(S));
    scenario.input(tell(Some("/pod/web")));
    scenario.finish();
    let usage = scenario.usage(&member);
    assert_eq!(usage.cpu.value, Cpu { time_ns: S, permille: 0 });
    assert_eq!((usage.tasks.value, usage.tasks.origin), (3, Origin::Cgroup));
    assert_eq!((usage.memory_bytes.origin, usage.origin()), (Origin::Proc, None), "it has no memory controller");

    scenario.tick_at(2);
    scenario.machine.cgroups.insert("/pod/web".into(), counted(S + S / 2));
    scenario.tick_at(3);
    assert_eq!(scenario.usage(&member).cpu.value.permille, 500);
    let reported = scenario.log.len();
    scenario.tick_at(4);
    assert_eq!(scenario.log.len(), reported + 1, "that it uses nothing any more");
    scenario.tick_at(5);
    assert_eq!(scenario.log.len(), reported + 1, "nothing new");

    scenario.input(tell(None));
    scenario.finish();
    scenario.tick_at(6);
    assert_eq!(scenario.usage(&member).origin(), Some(Origin::Proc));
}
