//! One process from birth to reap.

use std::os::unix::process::ExitStatusExt as _;

use podscope::model::{Delta, Parent, Precision, ProcId, Process, Signal, Source, State, WaitStatus};
use podscope::observe::signal::{self, SendError};
use podscope::observe::{Input, Options, Scope, identify, now};

use crate::support::{Helper, Watched, sleeper, stat, unless_lost};

#[test]
fn a_kill_is_told_with_status_time_and_reaper() {
    unless_lost(a_kill_is_told_with_status_time_and_reaper_once);
}

fn a_kill_is_told_with_status_time_and_reaper_once() {
    let mut w = Watched::start(Options::default());
    let me = w.watch(std::process::id());
    let before = now();
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    w.until("the exec", |w| w.world.process(id).is_some_and(|p| p.cmdline == ["sleep", "1000"]));
    let p = w.process(id);
    assert_eq!((p.parent, p.born.source, p.born.precision), (Parent::Process(me), Source::Connector, Precision::Exact));
    assert!(p.born.t > before && p.execs.len() == 1 && p.execs[0].t > p.born.t);

    let killed = now();
    signal::send(id, Signal::KILL).expect("our own child");
    w.until("its death", |w| w.world.process(id).is_some_and(Process::is_zombie));
    assert_eq!(stat(id.pid), Some(('Z', std::process::id())), "/proc says the same");
    assert!(w.process(id).exit.expect("a zombie has ended").at.t > killed);

    let status = child.wait().expect("our child");
    let p = w.until_gone(id);
    let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("reaped"));
    assert_eq!(exit.status, Some(WaitStatus(status.into_raw())));
    assert_eq!(exit.at.precision, Precision::Exact);
    assert_eq!((reap.by, reap.at.source, reap.at.precision), (Parent::Process(me), Source::Pidfd, Precision::Prompt));
    assert!(exit.at.t < reap.at.t && reap.at.t <= now());
    assert_eq!(w.all_of(id.pid).len(), 1, "one process, one identity");
}

#[test]
fn a_signal_never_hits_a_pid_given_anew() {
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
fn stop_and_continue_are_seen() {
    let mut child = sleeper();
    let mut w = Watched::start(Options::default());
    let id = w.watch(child.id());
    w.until("sleep", |w| w.process(id).state == State::Sleeping);
    for (signal, state) in [(Signal::STOP, State::Stopped), (Signal::CONT, State::Sleeping)] {
        signal::send(id, signal).expect("our own child");
        let at = podscope::model::Stamp::prompt(now(), Source::App);
        let (effect, also_end, error) = (None, Vec::new(), None);
        w.send(Input::Delta(Delta::Signalled { target: id, signal, effect, also_end, error, at }));
        w.until("its state", |w| w.process(id).state == state);
    }
    assert_eq!(w.world.sent.len(), 2, "what others tell is passed on");
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

#[test]
fn a_leader_that_ends_before_its_threads_has_not_ended() {
    unless_lost(a_leader_that_ends_before_its_threads_has_not_ended_once);
}

fn a_leader_that_ends_before_its_threads_has_not_ended_once() {
    let mut helper = Helper::start("leader");
    let mut w = Watched::start(Options::default());
    w.watch(helper.pid);
    helper.tell("go");
    let pid = helper.answer_number();
    // the kernel calls it a zombie: its parent cannot reap it yet
    while stat(pid).is_none_or(|(state, _)| state != 'Z') {
        std::thread::yield_now();
    }
    let id = identify(pid).expect("it is there");
    w.until("its birth", |w| w.world.process(id).is_some_and(|p| p.threads == 2 || !p.nspid.is_empty()));
    assert!(w.process(id).is_alive());
    helper.tell("end");
    let status: i32 = helper.answer().parse().expect("a status");
    let p = w.until_gone(id);
    assert_eq!(p.exit.expect("ended").status, Some(WaitStatus(status)), "as its parent read it");
    assert_eq!(status, 0x300);
}

#[test]
fn a_fork_by_a_thread_is_the_processes_child() {
    unless_lost(a_fork_by_a_thread_is_the_processes_child_once);
}

fn a_fork_by_a_thread_is_the_processes_child_once() {
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
fn the_host_scope_knows_everyone() {
    let mut child = sleeper();
    let w = Watched::start_scope(Scope::Host, Options::default());
    let id = identify(child.id()).expect("it runs");
    assert_eq!(w.process(id).parent.process().map(|p| p.pid), Some(std::process::id()));
    assert!(w.world.by_pid(1).is_some() && w.world.by_pid(2).is_some());
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

#[test]
fn the_lab_scope_leaves_others_alone() {
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
fn dropping_it_ends_its_thread() {
    for _ in 0..20 {
        let w = Watched::start(Options::default());
        drop(w);
    }
    let names = std::fs::read_dir("/proc/self/task").expect("/proc").flatten();
    let _ = names.count();
}
