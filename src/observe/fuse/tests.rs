//! Events in any order, played on a fake machine.

mod failures;

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::model::{Namespace, State};
use crate::observe::proc::{Stat, Status};

/// Start time of every process here; the clock starts in this tick.
const START: u64 = 500;
const T0: u64 = START * 10_000_000 + 1_000;

#[derive(Default)]
struct Fake {
    table: BTreeMap<u32, Reading>,
    now: u64,
    statuses: HashMap<u32, i32>,
    cgroups: HashMap<String, Counted>,
    /// Unique numbers of namespaces, by inode.
    uniques: HashMap<u64, u64>,
    /// The answer to every reading, if set.
    refuses: Option<Unread>,
}

impl Fake {
    fn live(&mut self, pid: u32, ppid: u32, inner: &[u32]) {
        let stat = Stat { comm: format!("p{pid}"), ppid, start: START, ..Stat::default() };
        let mut nspid = vec![pid];
        nspid.extend(inner);
        let status = Status { nspid, ..Status::default() };
        self.table.insert(pid, Reading { stat, status: Some(status), ..Reading::default() });
    }

    fn die(&mut self, pid: u32) {
        self.table.get_mut(&pid).expect("it lived").stat.state = State::Zombie;
    }
}

impl Kernel for Fake {
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
    fn read(&mut self, pid: u32, _: Depth) -> Result<Reading, Unread> {
        match self.refuses {
            Some(why) => Err(why),
            None => self.table.get(&pid).cloned().ok_or(Unread::Gone),
        }
    }
    fn meet(&mut self, pid: u32) -> Result<Reading, Unread> {
        self.read(pid, Depth::All)
    }
    fn prefer(&mut self, _: ProcId) {}
    fn count(&mut self, cgroup: &str) -> Option<Counted> {
        self.cgroups.get(cgroup).copied()
    }
    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus> {
        self.statuses.get(&id.pid).copied().map(WaitStatus)
    }
    fn holds(&self, _: ProcId) -> bool {
        true
    }
    fn release(&mut self, _: ProcId) {}
    fn describe(&mut self, _: u32, _: NsKind, _: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs> {
        Vec::new()
    }
    fn namespace(&mut self, pid: u32, kind: NsKind) -> Option<Nsfs> {
        let ino = self.table.get(&pid)?.links[kind as usize]?;
        Some(Nsfs { ino, unique: self.uniques.get(&ino).copied() })
    }
    fn holders(&mut self, _: NsId, _: &mut dyn Iterator<Item = u32>) -> Vec<Holder> {
        Vec::new()
    }
}

struct Play {
    fuse: Fuse,
    machine: Fake,
    world: World,
    log: Vec<Delta>,
}

fn id(pid: u32) -> ProcId {
    ProcId { pid, start: START }
}

fn t(at: u64) -> MonoNs {
    MonoNs(T0 + at)
}

impl Play {
    /// Process 10 is watched.
    fn new() -> Self {
        let mut machine = Fake::default();
        machine.live(10, 1, &[]);
        let mut this = Self { fuse: Fuse::new(Scope::Lab, true, 4), machine, world: World::default(), log: Vec::new() };
        this.fuse.input(&mut this.machine, Input::Watch(id(10)));
        this.finish();
        this
    }

    fn fork(&mut self, at: u64, parent: u32, pid: u32) {
        self.fuse.event(&mut self.machine, Event::Fork { t: t(at), parent, pid, tgid: pid });
    }

    fn exit(&mut self, at: u64, pid: u32, status: i32, parent: Option<u32>) {
        self.machine.now = self.machine.now.max(at);
        let event = Event::Exit { t: t(at), pid, tgid: pid, status: WaitStatus(status), parent };
        self.fuse.event(&mut self.machine, event);
    }

    fn hup(&mut self, at: u64, pid: u32) {
        self.machine.table.remove(&pid);
        self.machine.now = self.machine.now.max(at);
        self.fuse.pidfd_reaped(id(pid), t(at));
    }

    fn input(&mut self, input: Input) {
        self.fuse.input(&mut self.machine, input);
    }

    fn finish(&mut self) {
        for delta in self.fuse.finish(&mut self.machine, true) {
            self.world.apply(&delta);
            self.log.push(delta);
        }
    }

    fn by(&self, pid: u32) -> Option<Parent> {
        self.world.process(id(pid)).and_then(|p| p.reap).map(|r| r.by)
    }

    fn only_one_each(&self) {
        let mut pids: Vec<u32> = self.world.processes.keys().map(|id| id.pid).collect();
        let all = pids.len();
        pids.dedup();
        assert_eq!(pids.len(), all, "no process is known twice");
    }
}

#[test]
fn a_life_with_all_events_in_order() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.machine.die(11);
    play.exit(2, 11, 0x300, Some(10));
    play.hup(3, 11);
    play.finish();
    let p = play.world.process(id(11)).expect("known");
    assert_eq!((p.born, p.exit.map(|e| e.at)), (Stamp::connector(t(1)), Some(Stamp::connector(t(2)))));
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(0x300)));
    assert_eq!(play.by(11), Some(Parent::Process(id(10))));
}

#[test]
fn a_process_too_short_lived_to_be_read() {
    let mut play = Play::new();
    play.fork(1, 10, 11);
    play.exit(2, 11, 9, None);
    play.finish();
    let p = play.world.process(id(11)).expect("known");
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(9)));
    assert_eq!(p.reap.map(|r| r.at.t), Some(t(2)), "reaped before the kernel reported the exit");
    assert_eq!(play.by(11), Some(Parent::Process(id(10))));
}

#[test]
fn the_reap_waits_for_the_exit_event() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.hup(3, 11);
    play.finish();
    assert!(play.world.process(id(11)).is_some_and(crate::model::Process::is_alive));
    play.exit(2, 11, 9, Some(10));
    play.finish();
    assert_eq!(play.world.process(id(11)).and_then(|p| p.exit).and_then(|e| e.status), Some(WaitStatus(9)));
    assert_eq!(play.by(11), Some(Parent::Process(id(10))));
}

#[test]
fn the_pidfd_gives_the_status_when_the_exit_event_never_comes() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.machine.statuses.insert(11, 0x700);
    play.fork(1, 10, 11);
    play.hup(3, 11);
    play.finish();
    play.machine.now = PATIENCE_NS + 4;
    assert!(play.fuse.deadline().is_some_and(|at| at <= play.machine.now()));
    play.finish();
    let p = play.world.process(id(11)).expect("known");
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(0x700)), "from the pidfd");
    assert!(p.is_gone());
}

/// The parent ends at about the time when its child is reaped.
#[test]
fn the_reaper_is_unknown_when_the_parent_died_at_the_same_time() {
    // the reap of the child was seen at 5; the parent ends at these times
    for (parent_ends, expected) in [(20_000_000, Parent::Process(id(11))), (9, Parent::Unknown), (4, Parent::Unknown)] {
        let mut play = Play::new();
        play.machine.live(11, 10, &[]);
        play.machine.live(12, 11, &[]);
        play.fork(1, 10, 11);
        play.fork(2, 11, 12);
        play.machine.die(12);
        play.exit(3, 12, 0, Some(11));
        play.machine.die(11);
        play.hup(5, 12);
        play.finish();
        assert_eq!(play.by(12), None, "the parent is dead, but its exit is not reported yet");
        play.exit(parent_ends, 11, 0, Some(10));
        play.finish();
        assert_eq!(play.by(12), Some(expected));
    }
}

#[test]
fn a_record_of_pause_tells_the_reaper() {
    for by_pause in [true, false] {
        let mut play = Play::new();
        play.machine.live(20, 10, &[1]);
        play.fork(1, 10, 20);
        play.machine.live(21, 20, &[2]);
        play.fork(2, 20, 21);
        play.machine.live(22, 21, &[3]);
        play.fork(3, 21, 22);
        play.machine.live(23, 20, &[4]);
        play.fork(3, 20, 23);
        play.machine.die(22);
        play.exit(4, 22, 0, Some(21));
        play.machine.die(21);
        play.machine.die(23);
        play.hup(8, 22);
        play.exit(5, 21, 0, Some(20));
        play.exit(6, 23, 0, Some(20));
        play.finish();
        assert_eq!(play.by(22), Some(Parent::Unknown));
        let record = |pid, at| Input::PauseReaped { pause: id(20), pid_in_pod: pid, status: WaitStatus(0), at: t(at) };
        if by_pause {
            play.input(record(3, 7));
            play.finish();
            assert_eq!(play.by(22), Some(Parent::Process(id(20))));
            assert_eq!(play.world.process(id(22)).and_then(|p| p.reap).map(|r| r.at.source), Some(Source::Pause));
        } else {
            // a later record without an earlier one of the child
            play.input(record(4, 9));
            play.finish();
            assert_eq!(play.by(22), Some(Parent::Process(id(21))));
        }
    }
}

#[test]
fn records_of_unread_processes_match_by_order_and_status() {
    let mut play = Play::new();
    play.machine.live(20, 10, &[1]);
    play.fork(1, 10, 20);
    play.machine.live(21, 20, &[2]);
    play.fork(2, 20, 21);
    // orphans of 21 that could not be read: pids 3, 4 and 5 inside; the last two fork events come in the wrong order,
    // and all of them only after the processes have ended
    play.machine.now = 7;
    for (at, pid) in [(3, 22), (4, 24), (5, 23)] {
        play.fork(at, 21, pid);
    }
    for (pid, status) in [(22, 0x100), (23, 0x200), (24, 0x300)] {
        play.exit(6, pid, status, None);
    }
    play.machine.die(21);
    play.exit(5, 21, 0, Some(20));
    for (inner, status) in [(3, 0x100), (4, 0x200), (5, 0x300)] {
        play.input(Input::PauseReaped {
            pause: id(20),
            pid_in_pod: inner,
            status: WaitStatus(status),
            at: t(10 + u64::from(inner)),
        });
    }
    play.finish();
    assert_eq!(play.by(22), Some(Parent::Unknown), "a match by prediction waits for more events");
    play.machine.now = GRACE_NS + 20;
    assert!(play.fuse.deadline().is_some_and(|at| at <= play.machine.now()));
    play.finish();
    for pid in [22, 23, 24] {
        assert_eq!(play.by(pid), Some(Parent::Process(id(20))), "{pid}");
        assert!(play.world.process(id(pid)).is_some_and(|p| p.parent == Parent::Process(id(20))));
    }
    assert!(play.world.lost.is_empty());
    play.only_one_each();
}

#[test]
fn a_record_waits_for_its_events_and_is_counted_as_lost_without_them() {
    let mut play = Play::new();
    play.machine.live(20, 10, &[1]);
    play.fork(1, 10, 20);
    let record = |pid| Input::PauseReaped { pause: id(20), pid_in_pod: pid, status: WaitStatus(0), at: t(9) };
    play.input(record(2));
    play.input(record(77));
    play.finish();
    play.machine.live(21, 20, &[2]);
    play.fork(2, 20, 21);
    play.machine.table.remove(&21);
    play.exit(3, 21, 0, Some(20));
    play.finish();
    assert_eq!(play.by(21), Some(Parent::Process(id(20))));
    assert!(play.world.lost.is_empty());
    play.machine.now = PATIENCE_NS + 10;
    play.finish();
    assert_eq!(play.world.lost.get(&Source::Pause), Some(&1));
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
            let mut play = Play::new();
            if readable {
                play.machine.live(11, 10, &[]);
            }
            // the start derived from the event may be a tick late
            let start = if readable { START } else { START - 1 };
            if node_first {
                play.input(node(11, start, 2));
                play.fork(1, 10, 11);
            } else {
                play.fork(1, 10, 11);
                play.input(node(11, start, 2));
            }
            let told = ProcId { pid: 11, start };
            let at = Stamp::prompt(t(5), Source::Node);
            if readable {
                play.machine.die(11);
            }
            play.exit(4, 11, 0, Some(10));
            play.input(Input::Delta(Delta::Exited { id: told, status: Some(WaitStatus(0)), at }));
            play.input(Input::Delta(Delta::Reaped { id: told, by: Parent::Process(id(10)), at }));
            play.machine.table.remove(&11);
            play.finish();
            play.only_one_each();
            let p = play.world.processes.values().find(|p| p.id.pid == 11).expect("known");
            assert_eq!(p.born, Stamp::connector(t(1)), "readable {readable}, node first {node_first}");
            assert_eq!(p.exit.map(|e| e.at), Some(Stamp::connector(t(4))));
            assert_eq!(p.reap.map(|r| r.by), Some(Parent::Process(id(10))));
        }
    }
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.finish();
    // its end was lost; a thousand ticks later the pid is reused
    let later = 10_000_000_000;
    play.machine.live(11, 10, &[]);
    play.machine.table.get_mut(&11).expect("there").stat.start = START + 1_000;
    play.machine.now = later;
    play.fork(later, 10, 11);
    play.finish();
    assert!(play.world.process(id(11)).is_some_and(crate::model::Process::is_gone));
    let second = ProcId { pid: 11, start: START + 1_000 };
    assert_eq!(play.world.by_pid(11), Some(second));
}

#[test]
fn a_process_lives_until_its_last_thread_ends() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.fuse.event(&mut play.machine, Event::Fork { t: t(2), parent: 10, pid: 12, tgid: 11 });
    play.exit(3, 11, 0x700, Some(10));
    play.finish();
    assert!(play.world.process(id(11)).is_some_and(crate::model::Process::is_alive));
    let last = Event::Exit { t: t(4), pid: 12, tgid: 11, status: WaitStatus(0x300), parent: Some(10) };
    play.fuse.event(&mut play.machine, last);
    play.machine.statuses.insert(11, 0x300);
    play.finish();
    let exit = play.world.process(id(11)).and_then(|p| p.exit).expect("ended");
    assert_eq!((exit.at.t, exit.status), (t(4), None), "which of the two counts is not known yet");
    play.hup(5, 11);
    play.finish();
    assert_eq!(play.world.process(id(11)).and_then(|p| p.exit).and_then(|e| e.status), Some(WaitStatus(0x300)));
    assert!(play.world.process(ProcId { pid: 12, start: START }).is_none(), "a thread is no process");
}

#[test]
fn a_namespace_that_cannot_be_opened_is_still_reported() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.machine.table.get_mut(&11).expect("there").links[NsKind::Net as usize] = Some(77);
    play.fork(1, 10, 11);
    play.finish();
    let id = crate::model::NsId { kind: NsKind::Net, dev: 4, ino: 77, generation: 0 };
    assert_eq!(play.world.namespaces.get(&id), Some(&Namespace::new(id)));
    assert_eq!(play.world.process(super::tests::id(11)).map(|p| p.namespaces.get(NsKind::Net)), Some(Some(id)));
}

#[test]
fn an_orphan_found_by_a_scan_belongs_to_the_member_whose_mounts_it_has() {
    use crate::model::{Member, PodUid};
    let mut play = Play::new();
    let mounts = |play: &mut Play, pid: u32, ino: u64| {
        let links = &mut play.machine.table.get_mut(&pid).expect("it lives").links;
        (links[NsKind::Mnt as usize], links[NsKind::Pid as usize]) = (Some(ino), Some(7));
    };
    let (pause, web) = (Member::pause(&PodUid("u".into())), Member::container(&PodUid("u".into()), "web"));
    for (pid, inside, ino, member) in [(11, 1, 1, &pause), (12, 2, 2, &web)] {
        play.machine.live(pid, 10, &[inside]);
        mounts(&mut play, pid, ino);
        play.input(Input::Delta(Delta::Joined { id: id(pid), member: member.clone(), at: Stamp::connector(t(1)) }));
    }
    // the parent of 13 was gone before the scan; 14 is a child of pause itself
    play.machine.live(13, 11, &[4]);
    mounts(&mut play, 13, 2);
    play.machine.live(14, 11, &[5]);
    mounts(&mut play, 14, 1);
    play.fuse.lost(&mut play.machine, t(2), None);
    play.finish();
    let moves = |pid| play.process(pid).reparents.iter().map(|r| (r.from, r.to)).collect::<Vec<_>>();
    assert_eq!((play.process(13).member.as_ref(), play.process(14).member.as_ref()), (Some(&web), Some(&pause)));
    assert_eq!(moves(13), [(Parent::Unknown, Parent::Process(id(11)))]);
    assert_eq!((moves(12), moves(14)), (vec![], vec![]));
    assert_eq!(play.process(13).parent, Parent::Process(id(11)));
}

#[test]
fn unrelated_processes_are_not_reported() {
    let mut play = Play::new();
    play.machine.live(99, 1, &[]);
    play.fork(1, 98, 99);
    play.exit(2, 99, 0, Some(98));
    play.finish();
    assert!(play.log.iter().all(|d| !matches!(d, Delta::Born { id, .. } if id.pid == 99)));
}

const S: u64 = 1_000_000_000;

impl Play {
    /// Runs what is due `seconds` after the start, among it the next scan.
    fn look(&mut self, seconds: u64) {
        self.machine.now = seconds * S;
        self.fuse.tick(&mut self.machine);
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
    let mut play = Play::new();
    play.look(2);
    play.ticks(10, 25, 0);
    play.look(3);
    assert_eq!((play.process(10).cpu.permille, play.process(10).cpu.time_ns), (250, S / 4));
    play.look(4);
    assert_eq!(play.process(10).cpu.permille, 0, "it used nothing");
}

#[test]
fn cpu_time_of_a_child_is_not_counted_again_for_its_parent() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.finish();
    play.look(2);
    play.ticks(11, 100, 0);
    play.look(3);
    assert_eq!(play.process(11).cpu.permille, 1_000);
    // it used 20 ms more after the last scan, then ended
    play.exit(3 * S + 1, 11, 0, Some(10));
    play.ticks(10, 0, 102);
    play.hup(3 * S + 2, 11);
    play.finish();
    play.look(4);
    assert_eq!(play.process(10).waited_cpu, crate::model::Cpu { time_ns: 102 * S / 100, permille: 20 });
    assert_eq!(play.process(11).cpu, crate::model::Cpu { time_ns: S, permille: 0 }, "its last figure stays");
}

#[test]
fn a_cgroup_is_read_as_long_as_the_member_has_it() {
    use crate::model::{Cpu, Member, Origin, PodUid};
    let mut play = Play::new();
    let member = Member::container(&PodUid("u".into()), "web");
    let tell = |path: Option<&str>| {
        let at = Stamp::prompt(t(1), Source::Node);
        Input::Delta(Delta::Cgroup { member: member.clone(), path: path.map(str::to_owned), at })
    };
    play.input(Input::Delta(Delta::Joined {
        id: id(10),
        member: member.clone(),
        at: Stamp::prompt(t(1), Source::Node),
    }));
    let counted = |cpu_ns| Counted { cpu_ns: Some(cpu_ns), memory_bytes: None, tasks: Some(3) };
    play.machine.cgroups.insert("/pod/web".into(), counted(S));
    play.input(tell(Some("/pod/web")));
    play.finish();
    let usage = play.usage(&member);
    assert_eq!(usage.cpu.value, Cpu { time_ns: S, permille: 0 });
    assert_eq!((usage.tasks.value, usage.tasks.origin), (3, Origin::Cgroup));
    assert_eq!((usage.memory_bytes.origin, usage.origin()), (Origin::Proc, None), "it has no memory controller");

    play.look(2);
    play.machine.cgroups.insert("/pod/web".into(), counted(S + S / 2));
    play.look(3);
    assert_eq!(play.usage(&member).cpu.value.permille, 500);
    let told = play.log.len();
    play.look(4);
    assert_eq!(play.log.len(), told + 1, "that it uses nothing any more");
    play.look(5);
    assert_eq!(play.log.len(), told + 1, "nothing new");

    play.input(tell(None));
    play.finish();
    play.look(6);
    assert_eq!(play.usage(&member).origin(), Some(Origin::Proc));
}
