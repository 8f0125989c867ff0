//! What is foretold of a signal, case by case of `signal(7)` and `pid_namespaces(7)`.

use podscope::model::forecast::{Effect, Forecast, forecast, outcome};
use podscope::model::{Delta, NsKind, Parent, Sent, Signal, Source, State, WaitStatus, World};

use crate::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, id, prompt, world, world_with};

fn of(world: &World, pid: u32, signal: Signal) -> Forecast {
    forecast(world, id(pid), signal).expect("a known process has a forecast")
}

fn said(f: &Forecast, words: &str) -> bool {
    f.lines.iter().any(|line| line.contains(words))
}

#[test]
fn killing_a_pause_that_shares_its_pids_takes_every_member() {
    let f = of(&world(true), PAUSE, Signal::KILL);
    assert_eq!(f.effect, Effect::Ends(WaitStatus::killed(9)));
    let expected = [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP].map(id).into_iter().collect();
    assert_eq!(f.also_end, expected);
    let kinds: Vec<NsKind> = f.released.iter().map(|ns| ns.kind).collect();
    for kind in [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid] {
        assert!(kinds.contains(&kind), "{kind} has no holder left: {kinds:?}");
    }
    assert!(!kinds.contains(&NsKind::Cgroup), "the host's own is never released");
    assert!(said(&f, "kills 5 more processes"), "{:#?}", f.lines);
}

#[test]
fn killing_a_pause_that_does_not_share_its_pids_spares_the_members() {
    let f = of(&world(false), PAUSE, Signal::KILL);
    assert!(f.also_end.is_empty());
    assert!(!f.released.iter().any(|ns| ns.kind == NsKind::Net), "the members still hold the net namespace");
    assert!(said(&f, "live on in the same network"), "{:#?}", f.lines);
}

#[test]
fn pause_hears_term_and_int_and_is_deaf_to_the_rest() {
    let world = world(true);
    for signal in [Signal::TERM, Signal::INT] {
        assert_eq!(of(&world, PAUSE, signal).effect, Effect::Ends(WaitStatus::exited(0)), "{signal}");
    }
    for signal in [Signal::HUP, Signal::USR1, Signal::QUIT] {
        assert_eq!(of(&world, PAUSE, signal).effect, Effect::Nothing, "{signal}: PID 1 has no handler");
    }
    assert_eq!(of(&world, PAUSE, Signal::STOP).effect, Effect::Stops, "STOP from an ancestor namespace works");
}

#[test]
fn of_one_that_waits_for_signals_no_more_is_foretold_than_can_be_known() {
    let mut facts = None;
    for delta in crate::fixture::deltas(true) {
        if let Delta::Facts { facts: f, .. } = delta
            && f.id == id(SH)
        {
            facts = Some(f);
        }
    }
    let mut facts = facts.expect("the shell is in the fixture");
    facts.signals.awaiting = true;
    let world = world_with(true, &[Delta::Facts { facts, at: at(700) }]);
    let f = of(&world, SH, Signal::TERM);
    assert_eq!(f.effect, Effect::Awaited);
    assert!(said(&f, "if SIGTERM is one of them it wakes and decides itself, else it ends"), "{:#?}", f.lines);
    assert!(of(&world, SH, Signal::KILL).is_deadly());
}

#[test]
fn a_member_has_default_actions_unless_it_is_pid_1() {
    let shared = world(true);
    assert_eq!(of(&shared, SH, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)));
    assert_eq!(of(&shared, SH, Signal::CHLD).effect, Effect::Nothing);
    assert_eq!(of(&shared, MASTER, Signal::HUP).effect, Effect::Handled);
    let own = world(false);
    let f = of(&own, SH, Signal::TERM);
    assert_eq!(f.effect, Effect::Nothing, "PID 1 without a handler ignores TERM");
    assert!(said(&f, "grace period"));
    let f = of(&own, SH, Signal::KILL);
    assert_eq!(f.also_end, [id(SLEEP)].into(), "its own pid namespace ends with it");
}

#[test]
fn killing_a_member_orphans_its_children_to_pause_and_keeps_the_pod() {
    let f = of(&world(true), MASTER, Signal::KILL);
    assert!(f.also_end.is_empty());
    assert!(said(&f, "adopted by pause"), "{:#?}", f.lines);
    assert!(said(&f, "The pod, its IP and its namespaces stay"));
    assert!(said(&f, "The node, its parent, reaps it at once"));
}

#[test]
fn a_stopped_process_hears_only_kill_and_cont() {
    let world = world_with(true, &[Delta::State { id: id(SH), state: State::Stopped, at: at(700) }]);
    assert_eq!(of(&world, SH, Signal::TERM).effect, Effect::Pending);
    assert_eq!(of(&world, SH, Signal::CONT).effect, Effect::Continues);
    assert_eq!(of(&world, SH, Signal::STOP).effect, Effect::Nothing);
    assert!(of(&world, SH, Signal::KILL).is_deadly());
}

#[test]
fn a_zombie_cannot_be_killed_and_it_is_said_who_must_reap_it() {
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(700) };
    let f = of(&world_with(true, &[died]), WORKERS[0], Signal::KILL);
    assert_eq!(f.effect, Effect::Nothing);
    assert!(said(&f, "web: master must reap it. If web: master ends, pause adopts"), "{:#?}", f.lines);
}

#[test]
fn what_came_of_it_is_told_beside_what_was_foretold() {
    let foretold: Vec<_> = of(&world(true), PAUSE, Signal::KILL).also_end.into_iter().collect();
    let mut extra: Vec<Delta> =
        foretold.iter().map(|p| Delta::Exited { id: *p, status: Some(WaitStatus::killed(9)), at: at(702) }).collect();
    extra.push(Delta::Exited { id: id(PAUSE), status: Some(WaitStatus::killed(9)), at: at(703) });
    extra.push(Delta::Reaped { id: id(PAUSE), by: Parent::Process(id(NODE)), at: prompt(704, Source::Node) });
    let sent = Sent { target: id(PAUSE), signal: Signal::KILL, foretold, error: None, at: prompt(701, Source::App) };
    let lines = outcome(&world_with(true, &extra), &sent);
    assert!(lines[0].contains("killed by SIGKILL (137) after 2.00 ms"), "{lines:?}");
    assert!(lines.iter().any(|l| l.contains("5 of the 5 foretold")), "{lines:?}");
}
