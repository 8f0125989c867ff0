//! Zombies: their parents and their reapers.

use podscope::model::{Parent, Precision, Process, Signal, Source, WaitStatus};
use podscope::observe::{Options, identify, signal};

use crate::support::{Helper, Watched, stat};

#[test]
fn an_orphan_is_adopted_and_reaped_by_the_subreaper() {
    let mut helper = Helper::start("subreaper");
    let (middle, orphan) = (helper.answer_number(), helper.answer_number());
    let mut w = Watched::start(Options::default());
    let reaper = w.watch(helper.pid);
    let [middle, orphan] = [middle, orphan].map(|pid| identify(pid).expect("it runs"));
    w.until("both", |w| [middle, orphan].iter().all(|id| w.world.process(*id).is_some()));
    assert_eq!(w.process(orphan).parent, Parent::Process(middle));

    signal::send(middle, Signal::KILL).expect("a descendant");
    w.until("the new parent", |w| w.process(orphan).parent == Parent::Process(reaper));
    assert_eq!(stat(orphan.pid).map(|(_, ppid)| ppid), Some(reaper.pid), "/proc shows the same");
    let p = w.process(orphan);
    let died = w.process(middle).exit.expect("killed").at;
    assert_eq!(p.reparents.len(), 1);
    assert_eq!(p.reparents[0].from, Parent::Process(middle));
    assert!(p.reparents[0].at == died || !w.has_all_events(), "it was reparented when its parent ended");

    signal::send(orphan, Signal::TERM).expect("a descendant");
    w.until("two zombies", |w| [middle, orphan].iter().all(|id| w.process(*id).is_zombie()));
    for id in [middle, orphan] {
        assert_eq!(stat(id.pid), Some(('Z', reaper.pid)));
    }
    for _ in 0..2 {
        helper.tell("reap");
        let line = helper.answer();
        let (pid, status) = line.split_once(' ').expect("two words");
        let id = if pid == middle.to_string() { middle } else { orphan };
        let p = w.until_gone(id);
        assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(status.parse().expect("a status"))));
        assert_eq!(p.reap.map(|r| (r.by, r.at.source)), Some((Parent::Process(reaper), Source::Pidfd)));
    }
}

#[test]
fn a_zombie_stays_until_its_parent_waits() {
    let mut helper = Helper::start("holder");
    let mut w = Watched::start(Options::default());
    let parent = w.watch(helper.pid);
    helper.tell("go");
    let id = identify(helper.answer_number()).expect("a zombie keeps its pid");
    w.until("the zombie", |w| w.world.process(id).is_some_and(Process::is_zombie));
    assert_eq!(stat(id.pid), Some(('Z', parent.pid)));
    helper.tell("reap");
    assert_eq!(helper.answer(), "reaped");
    let p = w.until_gone(id);
    let reap = p.reap.expect("gone");
    assert_eq!((reap.by, reap.at.precision), (Parent::Process(parent), Precision::Prompt));
}

#[test]
fn a_zombie_is_reaped_by_its_new_parent() {
    let mut outer = Helper::start("subreaper");
    let (middle, orphan) = (outer.answer_number(), outer.answer_number());
    let mut w = Watched::start(Options::default());
    let reaper = w.watch(outer.pid);
    let [middle, orphan] = [middle, orphan].map(|pid| identify(pid).expect("it runs"));
    // the child dies first and stays a zombie, since its parent never waits
    signal::send(orphan, Signal::KILL).expect("a descendant");
    w.until("the zombie", |w| w.world.process(orphan).is_some_and(Process::is_zombie));
    assert_eq!(stat(orphan.pid), Some(('Z', middle.pid)));
    signal::send(middle, Signal::KILL).expect("a descendant");
    w.until("its new parent", |w| w.process(orphan).parent == Parent::Process(reaper));
    outer.tell("reap");
    outer.tell("reap");
    assert_eq!(w.until_gone(orphan).reap.map(|r| r.by), Some(Parent::Process(reaper)));
    assert_eq!(w.until_gone(middle).reap.map(|r| r.by), Some(Parent::Process(reaper)));
}

#[test]
fn a_scan_finds_a_zombie_and_its_status() {
    let mut helper = Helper::start("holder");
    helper.tell("go");
    let pid = helper.answer_number();
    let mut w = Watched::start(Options::default());
    w.watch(helper.pid);
    let id = identify(pid).expect("a zombie keeps its pid");
    w.until("the zombie", |w| w.world.process(id).is_some_and(Process::is_zombie));
    // /proc shows the status to processes that may trace it
    assert_eq!(w.process(id).exit.and_then(|e| e.status), Some(WaitStatus(0x500)));
    helper.tell("reap");
    assert_eq!(w.until_gone(id).exit.and_then(|e| e.status), Some(WaitStatus(0x500)));
}
