//! Failures to read, and a restart after the observer has failed.

use nix::errno::Errno;

use super::*;
use crate::model::{NsId, Process};
use crate::observe::proc::Unread;

#[test]
fn a_process_that_cannot_be_read_has_not_ended() {
    for why in [Unread::Failed(Errno::EMFILE), Unread::Denied] {
        let mut play = Play::new();
        play.machine.live(11, 10, &[]);
        play.fork(1, 10, 11);
        play.finish();
        assert_eq!(play.fuse.unread_news(), None);
        play.machine.refuses = Some(why);
        // this one is born while nothing can be read
        play.machine.live(12, 10, &[]);
        play.fork(2, 10, 12);
        play.look(2);
        play.look(3);
        for pid in [10, 11, 12] {
            assert!(play.process(pid).is_alive(), "{pid} with {why:?}");
        }
        let news = play.fuse.unread_news().expect("it is reported");
        let all = if why == Unread::Denied { (3, 0) } else { (0, 3) };
        assert_eq!((news.denied, news.failed), all);
        assert_eq!(play.fuse.unread_news(), None, "once");

        play.machine.refuses = None;
        play.machine.table.remove(&11);
        play.look(4);
        play.look(5);
        assert_eq!(play.fuse.unread_news(), Some(UnreadCount::default()), "everything can be read again");
        assert!(play.process(11).is_gone(), "it has ended meanwhile");
        assert_eq!(play.process(12).comm, "p12", "it is read at last");
        play.only_one_each();
    }
}

#[test]
fn an_unreadable_process_is_watched_as_soon_as_it_can_be_read() {
    let mut machine = Fake { refuses: Some(Unread::Failed(Errno::ENFILE)), ..Fake::default() };
    machine.live(10, 1, &[]);
    let mut play = Play { fuse: Fuse::new(Scope::Lab, true, 4), machine, world: World::default(), log: Vec::new() };
    play.input(Input::Watch(id(10)));
    play.finish();
    assert!(play.world.processes.is_empty());
    assert_eq!(play.fuse.unread_news().map(|n| (n.failed, n.why)), Some((1, Some(Errno::ENFILE))));
    assert!(play.fuse.deadline().is_some(), "it is tried again");
    play.machine.refuses = None;
    play.look(1);
    assert!(play.process(10).is_alive());
}

#[test]
fn a_failure_to_list_processes_is_reported() {
    let mut play = Play::new();
    play.machine.refuses = Some(Unread::Failed(Errno::EMFILE));
    play.fuse.lost(&mut play.machine, t(2), Some(7));
    play.finish();
    assert!(play.process(10).is_alive());
    assert_eq!(play.fuse.unread_news().and_then(|n| n.list), Some(Errno::EMFILE));
    assert_eq!(play.world.lost.get(&Source::Connector), Some(&7));
}

#[test]
fn a_leader_that_has_exited_is_shown_as_the_kernel_shows_it() {
    let mut play = Play::new();
    play.machine.live(11, 10, &[]);
    play.fork(1, 10, 11);
    play.fuse.event(&mut play.machine, Event::Fork { t: t(2), parent: 10, pid: 12, tgid: 11 });
    play.exit(3, 11, 0x700, Some(10));
    let stat = &mut play.machine.table.get_mut(&11).expect("it lives").stat;
    (stat.state, stat.threads) = (State::Zombie, 2);
    play.look(1);
    let p = play.process(11);
    assert_eq!((p.state, p.threads_without_leader()), (State::Zombie, Some(1)));
    assert!(p.is_alive() && !p.is_zombie());
    // the other thread becomes the leader by execve(2)
    play.machine.live(11, 10, &[]);
    play.fuse.event(&mut play.machine, Event::Exec { t: t(4), tgid: 11 });
    play.finish();
    assert_eq!((play.process(11).state, play.process(11).threads_without_leader()), (State::Sleeping, None));
}

/// Puts the process into the network namespace with this inode number.
fn net(play: &mut Play, pid: u32, ino: u64) {
    play.machine.table.get_mut(&pid).expect("there").links[NsKind::Net as usize] = Some(ino);
}

#[test]
fn a_namespace_is_the_same_as_long_as_its_unique_number_is() {
    let visit = |play: &mut Play, pid: u32| -> NsId {
        play.machine.live(pid, 10, &[]);
        net(play, pid, 77);
        play.fork(1, 10, pid);
        play.finish();
        let ns = play.process(pid).namespaces.get(NsKind::Net).expect("read");
        play.exit(2, pid, 0, Some(10));
        play.hup(3, pid);
        play.finish();
        ns
    };
    let mut play = Play::new();
    play.machine.uniques.insert(77, 1_000);
    let (first, second) = (visit(&mut play, 11), visit(&mut play, 12));
    assert_eq!(first, second, "the unique number is the same");
    play.machine.uniques.insert(77, 1_001);
    let third = visit(&mut play, 13);
    assert_eq!((third.ino, third.generation), (77, first.generation + 1), "the inode number was reused");
    let told = |id: NsId| {
        play.log.iter().filter(|d| matches!(d, Delta::Namespace { namespace, .. } if namespace.id == id)).count()
    };
    assert_eq!((told(first), told(third)), (1, 1));
}

#[test]
fn a_restart_after_a_failure_keeps_what_was_known() {
    let mut play = Play::new();
    for (at, pid) in [(1, 11), (2, 12), (3, 13)] {
        play.machine.live(pid, 10, &[]);
        net(&mut play, pid, 77);
        play.fork(at, 10, pid);
    }
    play.finish();
    let before = play.process(11).namespaces;
    play.machine.die(13);
    play.exit(4, 13, 0x500, Some(10));
    play.finish();
    // during the failure: one ended, one was born, and the zombie was reaped
    play.machine.table.remove(&12);
    play.machine.table.remove(&13);
    play.machine.live(14, 11, &[]);
    play.machine.statuses.insert(12, 9);
    play.fuse.start_again(&mut play.machine, true);
    play.finish();
    play.machine.now = PATIENCE_NS + 10;
    play.finish();
    assert!(play.process(10).is_alive() && play.process(11).is_alive());
    assert_eq!(play.process(12).reap.map(|r| r.by), Some(Parent::Process(id(10))));
    assert_eq!(play.process(13).exit.and_then(|e| e.status), Some(WaitStatus(0x500)), "what was known is kept");
    assert!(play.process(13).is_gone());
    assert_eq!(play.process(14).parent, Parent::Process(id(11)));
    assert_eq!(play.process(11).namespaces, before, "it is still the same namespace");
    assert_eq!(play.world.lost.get(&Source::Connector), Some(&1), "the events meanwhile were lost");
    let alive = play.world.present().filter(|p| Process::is_alive(p)).count();
    assert_eq!(alive, 3);
    play.only_one_each();
}
