//! One process from birth to reap.

use std::os::unix::process::ExitStatusExt as _;

use podscope::model::{
    Delta, Parent, Precision, ProcId, Process, SendError, SentBy, Signal, Source, State, WaitStatus,
};
use podscope::observe::signal;
use podscope::observe::{Input, Options, Scope, identify, now};

use crate::support::{Helper, Sentinel, Watched, sleeper, stat, wait_for};

#[test]
fn a_kill_is_reported_with_status_time_and_reaper() {
    let mut w = Watched::start(Options::default());
    let me = w.watch(std::process::id());
    let before = now();
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    w.until("the exec", |w| w.world.process(id).is_some_and(|p| p.cmdline == ["sleep", "1000"]));
    let p = w.process(id);
    assert_eq!(p.parent, Parent::Process(me));
    if w.has_all_events() {
        assert_eq!((p.born.source, p.born.precision), (Source::Connector, Precision::Exact));
        assert!(p.born.t > before && p.execs.len() == 1 && p.execs[0].t > p.born.t);
    }

    let killed = now();
    signal::send(id, Signal::KILL).expect("our own child");
    w.until("its death", |w| w.world.process(id).is_some_and(Process::is_zombie));
    assert_eq!(stat(id.pid), Some(('Z', std::process::id())), "/proc shows the same");
    assert!(w.process(id).exit.expect("a zombie has ended").at.t > killed);

    let status = child.wait().expect("our child");
    let p = w.until_gone(id);
    let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("reaped"));
    assert_eq!(exit.status, Some(WaitStatus(status.into_raw())));
    assert_eq!((reap.by, reap.at.source, reap.at.precision), (Parent::Process(me), Source::Pidfd, Precision::Prompt));
    assert!(reap.at.t <= now());
    if w.has_all_events() {
        assert_eq!(exit.at.precision, Precision::Exact);
        assert!(exit.at.t < reap.at.t);
    }
    assert_eq!(w.all_of(id.pid).len(), 1, "one process, one identity");
}

#[test]
fn a_signal_never_reaches_a_process_that_reuses_the_pid() {
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    let former = ProcId { start: id.start - 1, ..id };
    assert_eq!(signal::send(former, Signal::KILL), Err(SendError::Gone));
    assert_eq!(child.try_wait().expect("our child"), None, "it was not hit");
    assert_eq!(signal::send(id, Signal(99)), Err(SendError::Invalid));
    signal::send(id, Signal::KILL).expect("our own child");
    child.wait().expect("our child");
    assert_eq!(signal::send(id, Signal::TERM), Err(SendError::Gone));
    if !crate::support::is_root() {
        let init = identify(1).expect("there is an init");
        assert_eq!(signal::send(init, Signal::TERM), Err(SendError::Denied));
    }
}

#[test]
fn stop_and_continue_change_the_state() {
    let mut child = sleeper();
    let mut w = Watched::start(Options::default());
    let id = w.watch(child.id());
    w.until("sleep", |w| w.process(id).state == State::Sleeping);
    for (signal, state) in [(Signal::STOP, State::Stopped), (Signal::CONT, State::Sleeping)] {
        signal::send(id, signal).expect("our own child");
        let at = podscope::model::Stamp::prompt(now(), Source::App);
        let (effect, also_end, error, by) = (None, Vec::new(), None, SentBy::User);
        w.send(Input::Delta(Delta::Signalled { target: id, signal, effect, also_end, error, by, at }));
        w.until("its state", |w| w.process(id).state == state);
    }
    assert_eq!(w.world.sent.len(), 2, "a delta from the inbox is passed on");
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

#[test]
fn a_process_whose_leader_ended_before_its_threads_is_alive() {
    let mut helper = Helper::start("leader");
    let mut w = Watched::start(Options::default());
    w.watch(helper.pid);
    helper.tell("go");
    let pid = helper.answer_number();
    // the kernel shows it as a zombie, but its parent cannot reap it yet
    wait_for("the kernel's zombie", || stat(pid).is_some_and(|(state, _)| state == 'Z'));
    let id = identify(pid).expect("it is there");
    w.until("the state that the kernel shows", |w| w.world.process(id).is_some_and(|p| p.state == State::Zombie));
    assert_eq!(threads(pid), 2, "the leader and a thread that runs");
    assert!(w.process(id).is_alive() && !w.process(id).is_zombie(), "it cannot be reaped yet");
    assert_eq!(w.process(id).threads_without_leader(), Some(1));
    // a scan finds the same
    let deltas = podscope::observe::once(Some(&[pid])).expect("/proc is there");
    let found = deltas.iter().fold(podscope::model::World::default(), |mut world, delta| {
        world.apply(delta);
        world
    });
    assert_eq!(found.process(id).and_then(Process::threads_without_leader), Some(1));
    helper.tell("end");
    let status: i32 = helper.answer().parse().expect("a status");
    let p = w.until_gone(id);
    assert_eq!(p.threads_without_leader(), None);
    let reported = p.exit.expect("ended").status;
    // the leader's status is not that of the process; without the last event only PIDFD_GET_INFO tells it after the
    // reap
    assert!(
        reported == Some(WaitStatus(status)) || !w.has_all_events() && reported.is_none(),
        "{reported:?} and not as its parent read"
    );
    assert_eq!(status, 0x300);
}

#[test]
fn a_child_forked_by_a_thread_is_the_child_of_the_process() {
    let mut helper = Helper::start("thread-fork");
    let mut w = Watched::start(Options::default());
    let parent = w.watch(helper.pid);
    helper.tell("go");
    let pid = helper.answer_number();
    assert_eq!(helper.answer(), "reaped");
    w.until("the reap", |w| w.all_of(pid).first().is_some_and(|p| p.is_gone()));
    let p = w.all_of(pid)[0];
    assert_eq!((p.parent, p.reap.map(|r| r.by)), (Parent::Process(parent), Some(Parent::Process(parent))));
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus(0x600)));
}

#[test]
fn the_host_scope_shows_every_process() {
    let mut child = sleeper();
    let w = Watched::start_scope(Scope::Host, Options::default());
    let id = identify(child.id()).expect("it runs");
    assert_eq!(w.process(id).parent.process().map(|p| p.pid), Some(std::process::id()));
    assert!(w.world.by_pid(1).is_some() && w.world.by_pid(2).is_some());
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

#[test]
fn the_lab_scope_shows_only_watched_processes() {
    let mut w = Watched::start(Options::default());
    let mut watched = sleeper();
    w.watch(watched.id());
    let mut other = sleeper();
    other.kill().and_then(|()| other.wait().map(drop)).expect("our child");
    watched.kill().and_then(|()| watched.wait().map(drop)).expect("our child");
    let id = w.world.by_pid(watched.id()).expect("known");
    w.until_gone(id);
    assert!(w.all_of(other.id()).is_empty());
}

#[test]
fn the_scope_changes_and_watched_processes_stay() {
    let mut w = Watched::start(Options::default());
    let (mut watched, mut other) = (sleeper(), sleeper());
    let id = w.watch(watched.id());
    let unwatched = identify(other.id()).expect("it runs");
    assert!(w.world.process(unwatched).is_none());
    w.send(Input::Observe(Scope::Host));
    w.until("the whole machine", |w| w.world.process(unwatched).is_some() && w.world.by_pid(1).is_some());
    assert_eq!((w.world.scope, w.process(id).reparents.len()), (Scope::Host, 0));
    w.send(Input::Observe(Scope::Lab));
    w.until("only what is watched", |w| w.world.scope == Scope::Lab);
    assert_eq!(w.world.present().map(|p| p.id).collect::<Vec<_>>(), [id]);
    watched.kill().and_then(|()| watched.wait().map(drop)).expect("our child");
    w.until_gone(id);
    other.kill().and_then(|()| other.wait().map(drop)).expect("our child");
}

#[test]
fn dropping_the_observer_ends_its_thread() {
    let mut helper = Helper::start("dropper");
    assert_eq!(helper.answer(), "1 observer, then 0");
}

#[test]
fn a_watched_process_has_its_real_parent() {
    let helper = Helper::start("holder");
    let mut w = Watched::start(Options::without("bpf"));
    let id = w.watch(helper.pid);
    let us = identify(std::process::id()).expect("we are here");
    assert_eq!(stat(id.pid).map(|(_, ppid)| ppid), Some(us.pid));
    assert_eq!(w.process(id).parent, Parent::Process(us));
    // a scan keeps the parent, although we are not watched
    let sentinel = Sentinel::start(&mut w);
    sentinel.wait_for_scan(&mut w);
    sentinel.wait_for_scan(&mut w);
    assert_eq!((w.process(id).parent, w.process(id).reparents.len()), (Parent::Process(us), 0));
    assert!(w.world.process(us).is_none(), "we are not watched");
    drop(helper);
    assert_eq!(w.until_gone(id).reap.map(|r| r.by), Some(Parent::Process(us)));
}

/// The number of threads in /proc.
fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).expect("it is there").count()
}
