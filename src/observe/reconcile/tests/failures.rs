//! Failures to read, and a restart after the observer has failed.

use nix::errno::Errno;

use super::*;
use crate::model::{NsId, Process};
use crate::observe::proc::Unread;

#[test]
fn a_process_that_cannot_be_read_has_not_ended() {
    for why in [Unread::Failed(Errno::EMFILE), Unread::Denied] {
        let mut scenario = Scenario::new();
        scenario.machine.add_process(11, 10, &[]);
        scenario.fork(1, 10, 11);
        scenario.finish();
        assert_eq!(scenario.reconciler.take_unread_change(), None);
        scenario.machine.refuses = Some(why);
        // this one is born while nothing can be read
        scenario.machine.add_process(12, 10, &[]);
        scenario.fork(2, 10, 12);
        scenario.tick_at(2);
        scenario.tick_at(3);
        for pid in [10, 11, 12] {
            assert!(scenario.process(pid).is_alive(), "{pid} with {why:?}");
        }
        let news = scenario.reconciler.take_unread_change().expect("it is reported");
        let all = if why == Unread::Denied { (3, 0) } else { (0, 3) };
        assert_eq!((news.denied, news.failed), all);
        assert_eq!(scenario.reconciler.take_unread_change(), None, "once");

        scenario.machine.refuses = None;
        scenario.machine.table.remove(&11);
        scenario.tick_at(4);
        scenario.tick_at(5);
        assert_eq!(
            scenario.reconciler.take_unread_change(),
            Some(UnreadCount::default()),
            "everything can be read again"
        );
        assert!(scenario.process(11).is_gone(), "it has ended meanwhile");
        assert_eq!(scenario.process(12).comm, "p12", "it is read at last");
        scenario.assert_pids_are_unique();
    }
}

#[test]
fn an_unreadable_process_is_watched_as_soon_as_it_can_be_read() {
    let mut machine = FakeKernel { refuses: Some(Unread::Failed(Errno::ENFILE)), ..FakeKernel::default() };
    machine.add_process(10, 1, &[]);
    let mut scenario = Scenario {
        reconciler: Reconciler::new(Scope::Lab, true, 4),
        machine,
        world: World::default(),
        log: Vec::new(),
    };
    scenario.input(Input::Watch(id(10)));
    scenario.finish();
    assert!(scenario.world.processes.is_empty());
    assert_eq!(scenario.reconciler.take_unread_change().map(|n| (n.failed, n.why)), Some((1, Some(Errno::ENFILE))));
    assert!(scenario.reconciler.deadline().is_some(), "it is tried again");
    scenario.machine.refuses = None;
    scenario.tick_at(1);
    assert!(scenario.process(10).is_alive());
}

#[test]
fn a_failure_to_list_processes_is_reported() {
    let mut scenario = Scenario::new();
    scenario.machine.refuses = Some(Unread::Failed(Errno::EMFILE));
    scenario.reconciler.lost(&mut scenario.machine, Source::Connector, t(2), Some(7));
    scenario.finish();
    assert!(scenario.process(10).is_alive());
    assert_eq!(scenario.reconciler.take_unread_change().and_then(|n| n.list), Some(Errno::EMFILE));
    assert_eq!(scenario.world.lost.get(&Source::Connector), Some(&7));
}

#[test]
fn records_that_wait_are_bounded_and_the_others_are_counted_as_lost() {
    let mut scenario = Scenario::new();
    for n in 0..MAX_RECORDS as u32 + 7 {
        scenario.input(Input::PauseReaped { pause: id(10), pid_in_pod: n, status: WaitStatus(0), at: t(1) });
    }
    assert_eq!(scenario.reconciler.records.len(), MAX_RECORDS);
    scenario.finish();
    assert_eq!(scenario.world.lost.get(&Source::Pause), Some(&7));
    scenario.machine.now = PATIENCE_NS + 10;
    scenario.finish();
    assert_eq!(scenario.world.lost.get(&Source::Pause), Some(&(MAX_RECORDS as u64 + 7)), "no process fits them");
}

#[test]
fn a_leader_that_has_exited_is_shown_as_the_kernel_shows_it() {
    let mut scenario = Scenario::with_exited_leader();
    let stat = &mut scenario.machine.table.get_mut(&11).expect("it lives").stat;
    (stat.state, stat.threads) = (State::Zombie, 2);
    scenario.tick_at(1);
    let p = scenario.process(11);
    assert_eq!((p.state, p.threads_without_leader()), (State::Zombie, Some(1)));
    assert!(p.is_alive() && !p.is_zombie());
    // the other thread becomes the leader by execve(2)
    scenario.machine.add_process(11, 10, &[]);
    scenario.reconciler.event(&mut scenario.machine, Event::Exec { t: t(4), tgid: 11 });
    scenario.finish();
    assert_eq!((scenario.process(11).state, scenario.process(11).threads_without_leader()), (State::Sleeping, None));
}

/// Puts the process into the network namespace with this inode number.
fn net(scenario: &mut Scenario, pid: u32, ino: u64) {
    scenario.machine.table.get_mut(&pid).expect("there").links[NsKind::Net as usize] = Some(ino);
}

#[test]
fn a_namespace_is_the_same_as_long_as_its_unique_number_is() {
    let visit = |scenario: &mut Scenario, pid: u32| -> NsId {
        scenario.machine.add_process(pid, 10, &[]);
        net(scenario, pid, 77);
        scenario.fork(1, 10, pid);
        scenario.finish();
        let ns = scenario.process(pid).namespaces.get(NsKind::Net).expect("read");
        scenario.exit(2, pid, 0, Some(10));
        scenario.hup(3, pid);
        scenario.finish();
        ns
    };
    let mut scenario = Scenario::new();
    scenario.machine.uniques.insert(77, 1_000);
    let (first, second) = (visit(&mut scenario, 11), visit(&mut scenario, 12));
    assert_eq!(first, second, "the unique number is the same");
    scenario.machine.uniques.insert(77, 1_001);
    let third = visit(&mut scenario, 13);
    assert_eq!((third.ino, third.generation), (77, first.generation + 1), "the inode number was reused");
    let reported = |id: NsId| {
        scenario.log.iter().filter(|d| matches!(d, Delta::Namespace { namespace, .. } if namespace.id == id)).count()
    };
    assert_eq!((reported(first), reported(third)), (1, 1));
}

#[test]
fn a_restart_after_a_failure_keeps_what_was_known() {
    let mut scenario = Scenario::new();
    for (at, pid) in [(1, 11), (2, 12), (3, 13)] {
        scenario.machine.add_process(pid, 10, &[]);
        net(&mut scenario, pid, 77);
        scenario.fork(at, 10, pid);
    }
    scenario.finish();
    let before = scenario.process(11).namespaces;
    scenario.machine.make_zombie(13);
    scenario.exit(4, 13, 0x500, Some(10));
    scenario.finish();
    // during the failure: one ended, one was born, and the zombie was reaped
    scenario.machine.table.remove(&12);
    scenario.machine.table.remove(&13);
    scenario.machine.add_process(14, 11, &[]);
    scenario.machine.statuses.insert(12, 9);
    scenario.reconciler.restart(&mut scenario.machine, true);
    scenario.finish();
    scenario.machine.now = PATIENCE_NS + 10;
    scenario.finish();
    assert!(scenario.process(10).is_alive() && scenario.process(11).is_alive());
    assert_eq!(scenario.process(12).reap.map(|r| r.by), Some(Parent::Process(id(10))));
    assert_eq!(scenario.process(13).exit.and_then(|e| e.status), Some(WaitStatus(0x500)), "what was known is kept");
    assert!(scenario.process(13).is_gone());
    assert_eq!(scenario.process(14).parent, Parent::Process(id(11)));
    assert_eq!(scenario.process(11).namespaces, before, "it is still the same namespace");
    assert_eq!(scenario.world.lost.get(&Source::Connector), Some(&1), "the events meanwhile were lost");
    let alive = scenario.world.present().filter(|p| Process::is_alive(p)).count();
    assert_eq!(alive, 3);
    scenario.assert_pids_are_unique();
}
