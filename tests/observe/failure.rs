//! Failures of the observer itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use podscope::model::{Capability, Coverage, Limitation, ObserverFailure, World};
use podscope::observe::{Input, Observer, Options, Scope, identify};

use crate::support::{Helper, sleeper};

#[test]
fn an_observer_that_cannot_wait_for_events_reports_it_and_restarts() {
    let mut helper = Helper::start("lost-epoll");
    assert_eq!(helper.answer(), "missing true");
    assert_eq!(helper.answer(), "gone true", "a process that ended meanwhile is found to be gone");
    assert_eq!(helper.answer(), "reaped by Pidfd", "the others have pidfds again");
    assert_eq!(helper.answer(), "processes 2", "no process is known twice");
}

#[test]
fn an_observer_that_panics_reports_it_and_restarts() {
    let (out, stream) = crossbeam_channel::unbounded();
    let fails = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&fails);
    let sink = Box::new(move |batch| {
        let _ = out.send(batch);
        assert!(!armed.swap(false, Ordering::SeqCst), "on purpose");
    });
    let observer = Observer::start(Scope::Lab, Options::default(), sink).expect("it starts");
    let mut world = World::default();
    let mut until = |what: &str, done: &dyn Fn(&World) -> bool| {
        while !done(&world) {
            let batch: Vec<_> =
                stream.recv_timeout(std::time::Duration::from_secs(20)).unwrap_or_else(|e| panic!("{what}: {e}"));
            for delta in &batch {
                world.apply(delta);
            }
        }
    };
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    observer.input().send(Input::Watch(id));
    until("the process", &|w| w.process(id).is_some_and(|p| !p.nspid.is_empty()));
    // the sink panics with the batch that reports the exit
    fails.store(true, Ordering::SeqCst);
    child.kill().expect("our child");
    until("the failure", &|w| {
        let coverage = w.visibility.get(&Capability::Observer);
        let panic = ObserverFailure::Panic("on purpose".to_owned());
        coverage == Some(&Coverage::Missing(Limitation::ObserverFailed(panic)))
    });
    until("the exit", &|w| w.process(id).is_some_and(|p| !p.is_alive()));
    child.wait().expect("our child");
    until("the reap", &|w| w.process(id).is_some_and(podscope::model::Process::is_gone));
    until("the restart", &|w| matches!(w.visibility.get(&Capability::Observer), Some(Coverage::Partial(_))));
}

#[test]
fn an_observer_with_nothing_to_watch_has_no_timer() {
    let mut helper = Helper::start("idle");
    assert_eq!(helper.answer(), "the timer is stopped");
}
