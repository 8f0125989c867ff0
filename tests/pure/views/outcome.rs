//! The outcome that is shown for a signal, and the reapers of processes that ended.

use podscope::model::outcome::last_sent;
use podscope::model::prediction::{Effect, predict};
use podscope::model::{Delta, Parent, ProcId, SendError, Sent, SentBy, Signal, Source, WaitStatus, World};
use podscope::wording::outcome::sentences as outcome;
use podscope::wording::reaper::reaped_by;

use crate::views::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, id, prompt, world, world_with};

const KILLED: Option<WaitStatus> = Some(WaitStatus::killed(9));

fn exited(pid: u32, status: Option<WaitStatus>, ms: u64) -> Delta {
    Delta::Exited { id: id(pid), status, at: at(ms) }
}

fn reaped(pid: u32, by: Parent, ms: u64) -> Delta {
    Delta::Reaped { id: id(pid), by, at: prompt(ms, Source::Inferred) }
}

fn sent(target: u32, signal: Signal, effect: Effect, also_end: Vec<ProcId>, ms: u64) -> Sent {
    let at = prompt(ms, Source::App);
    let by = SentBy::User;
    Sent { target: id(target), signal, effect: Some(effect), also_end, error: None, by, at }
}

fn signalled(sent: Sent) -> Delta {
    let Sent { target, signal, effect, also_end, error, by, at } = sent;
    Delta::Signalled { target, signal, effect, also_end, error, by, at }
}

/// What the observer reports when pause is killed. Members end first; they are reaped by their parents, or the reaper
/// is unknown.
fn pause_killed() -> Vec<Delta> {
    let mut all: Vec<Delta> = [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP].map(|p| exited(p, KILLED, 702)).into();
    let node = Parent::Process(id(NODE));
    all.extend([MASTER, SH].map(|p| reaped(p, node, 703)));
    all.push(reaped(WORKERS[0], Parent::Process(id(PAUSE)), 703));
    all.extend([WORKERS[1], SLEEP].map(|p| reaped(p, Parent::Unknown, 703)));
    all.extend([exited(PAUSE, KILLED, 704), reaped(PAUSE, node, 705)]);
    all
}

#[test]
fn the_outcome_is_compared_with_the_prediction() {
    let f = predict(&world(true), id(PAUSE), Signal::KILL).expect("a prediction");
    let sent = sent(PAUSE, Signal::KILL, f.effect, f.also_end.into_iter().collect(), 701);
    let lines = outcome(&world_with(true, &pause_killed()), &sent);
    assert!(lines[0].contains("killed by SIGKILL (137) after 3.00 ms"), "{lines:?}");
    assert!(lines.iter().any(|l| l.contains("5 of the 5 predicted")), "{lines:?}");
}

#[test]
fn an_exit_is_attributed_only_to_the_signal_that_caused_it() {
    let term = sent(SH, Signal::TERM, Effect::Nothing, vec![], 700);
    let world = world_with(true, &pause_killed());
    let lines = outcome(&world, &term);
    assert!(
        lines[0].starts_with("SIGTERM did not end sh: killed by SIGKILL (137) with its pid namespace"),
        "{lines:?}"
    );
    // a later signal ended it
    let kill = signalled(sent(SH, Signal::KILL, Effect::Ends(WaitStatus::killed(9)), vec![], 701));
    let end = [signalled(term.clone()), kill, exited(SH, KILLED, 702)];
    let lines = outcome(&world_with(true, &end), &term);
    assert!(lines[0].contains("did not end sh: killed by SIGKILL (137), which you sent 1.00 ms after it"), "{lines:?}");
    // it exited by itself, long after a signal that it handled
    let hup = sent(MASTER, Signal::HUP, Effect::Handled, vec![], 700);
    let lines = outcome(&world_with(true, &[exited(MASTER, Some(WaitStatus::exited(0)), 60_700)]), &hup);
    assert!(lines[0].starts_with("web: master took SIGHUP; it ended 60.00 s later: exit 0"), "{lines:?}");
    // it exited at once after a signal that it handled
    let lines = outcome(&world_with(true, &[exited(MASTER, Some(WaitStatus::exited(0)), 710)]), &hup);
    assert!(lines[0].starts_with("web: master: exit 0 after 10.00 ms"), "{lines:?}");
}

#[test]
fn a_signal_that_was_not_sent_does_not_hide_one_that_was() {
    let kill = sent(SH, Signal::KILL, Effect::Ends(WaitStatus::killed(9)), vec![], 700);
    let failed = Sent { error: Some(SendError::Gone), ..sent(SH, Signal::HUP, Effect::Nothing, vec![], 800) };
    let world = world_with(true, &[signalled(kill.clone()), exited(SH, KILLED, 701), signalled(failed.clone())]);
    assert_eq!(last_sent(&world, id(SH)), (Some(&kill), Some(&failed)));
    assert_eq!(outcome(&world, &failed), ["Not sent: the process is gone."]);
    // and it is no longer shown once another was sent
    let again = sent(SH, Signal::TERM, Effect::Nothing, vec![], 900);
    let world = world_with(true, &[signalled(kill), signalled(failed), signalled(again.clone())]);
    assert_eq!(last_sent(&world, id(SH)), (Some(&again), None));
}

#[test]
fn processes_that_ended_with_the_pid_namespace_were_reaped_by_the_kernel() {
    let world = world_with(true, &pause_killed());
    for pid in [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP] {
        let p = world.process(id(pid)).expect("remembered");
        assert_eq!(reaped_by(&world, p), "reaped by the kernel, with the pid namespace", "{pid}");
    }
    let pause = world.process(id(PAUSE)).expect("remembered");
    assert!(!world.ended_with_pid_ns(pause), "the node has waited for it");
    assert_eq!(world.reaped_by(pause), 0, "the zombies that the kernel made it reap at its end do not count");
}

#[test]
fn a_process_that_ended_before_was_reaped_by_its_parent() {
    let by = Parent::Process(id(MASTER));
    let mut all = vec![exited(WORKERS[0], KILLED, 650), reaped(WORKERS[0], by, 651)];
    // another process is born after it, so the namespace was still alive
    all.push(Delta::Born { id: id(600), parent: by, at: at(660) });
    all.extend(pause_killed());
    let world = world_with(true, &all);
    let reaper = |pid| reaped_by(&world, world.process(id(pid)).expect("remembered"));
    assert_eq!(reaper(WORKERS[0]), "reaped by web: master");
    assert_eq!(reaper(SLEEP), "reaped by the kernel, with the pid namespace");
}

#[test]
fn the_count_of_reaped_processes_does_not_shrink_when_they_are_forgotten() {
    let mut world = world(true);
    let by = Parent::Process(id(PAUSE));
    let many = World::MAX_GONE as u32 + 500;
    let mut before = 0;
    for pid in 10_000..10_000 + many {
        world.apply(&Delta::Born { id: id(pid), parent: by, at: at(700) });
        world.apply(&exited(pid, Some(WaitStatus::exited(0)), 701));
        // reported twice, the second time with the reaper
        world.apply(&reaped(pid, Parent::Unknown, 702));
        world.apply(&reaped(pid, by, 702));
        let count = world.process(id(PAUSE)).map_or(0, |p| world.reaped_by(p));
        assert!(count > before, "{count} after {before}");
        before = count;
    }
    assert_eq!(before, u64::from(many));
}
