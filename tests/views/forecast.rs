//! What is predicted of a signal, case by case of `signal(7)` and `pid_namespaces(7)`.

use podscope::model::forecast::{Effect, Forecast, forecast};
use podscope::model::{
    ContainerState, Delta, Facts, NsKind, Parent, Pod, RestartPolicy, SandboxKind, Signal, SignalMasks, State,
    WaitStatus, World,
};

use crate::fixture::{MASTER, PAUSE, SH, SLEEP, WORKERS, at, bit, id, world, world_with};

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

/// The fixture's facts of a process, changed.
fn facts_with(pid: u32, change: impl Fn(&mut Facts)) -> Delta {
    let mut all = crate::fixture::deltas(true).into_iter();
    let mut facts = all
        .find_map(|delta| match delta {
            Delta::Facts { facts, .. } if facts.id == id(pid) => Some(facts),
            _ => None,
        })
        .expect("the fixture has it");
    change(&mut facts);
    Delta::Facts { facts, at: at(700) }
}

fn with_masks(pid: u32, masks: SignalMasks) -> World {
    world_with(true, &[facts_with(pid, |f| f.signals = masks)])
}

#[test]
fn of_one_that_waits_for_unknown_signals_no_more_is_predicted_than_can_be_known() {
    let world = with_masks(SH, SignalMasks { awaiting: true, ..SignalMasks::default() });
    let f = of(&world, SH, Signal::TERM);
    assert_eq!(f.effect, Effect::Awaited);
    assert!(said(&f, "if SIGTERM is one of them it wakes and decides itself, else it ends"), "{:#?}", f.lines);
    assert!(of(&world, SH, Signal::KILL).is_deadly());
}

#[test]
fn one_that_waits_in_sigtimedwait_takes_what_it_waits_for_and_no_more() {
    let awaited = Some(bit(1) | bit(17));
    // what it waits for shows as not blocked; an ignored signal is taken all the same
    let masks = SignalMasks { awaiting: true, awaited, ignored: bit(17), ..SignalMasks::default() };
    let world = with_masks(SH, masks);
    let f = of(&world, SH, Signal::HUP);
    assert_eq!(f.effect, Effect::Handled);
    assert!(said(&f, "waits for SIGHUP in sigtimedwait"), "{:#?}", f.lines);
    assert_eq!(of(&world, SH, Signal::CHLD).effect, Effect::Handled);
    assert_eq!(of(&world, SH, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)));
    let pause = crate::fixture::world(true);
    assert_eq!(of(&pause, PAUSE, Signal::CHLD).effect, Effect::Handled);
    assert_eq!(of(&pause, PAUSE, Signal(13)).effect, Effect::Pending, "pause blocks PIPE");
}

#[test]
fn one_that_holds_a_signalfd_reads_what_is_blocked() {
    let masks = SignalMasks { blocked: bit(1) | bit(10), signalfd: bit(1) | bit(15), ..SignalMasks::default() };
    let world = with_masks(MASTER, masks);
    let f = of(&world, MASTER, Signal::HUP);
    assert_eq!(f.effect, Effect::Readable);
    assert!(said(&f, "holds a signalfd for SIGHUP"), "{:#?}", f.lines);
    assert_eq!(of(&world, MASTER, Signal::USR1).effect, Effect::Pending, "blocked, and in no signalfd");
    assert_eq!(of(&world, MASTER, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)), "not blocked");
}

#[test]
fn a_blocked_signal_is_not_ignored() {
    let world = with_masks(SH, SignalMasks { blocked: bit(1), ignored: bit(1) | bit(2), ..SignalMasks::default() });
    assert_eq!(of(&world, SH, Signal::HUP).effect, Effect::Pending);
    assert_eq!(of(&world, SH, Signal::INT).effect, Effect::Nothing);
}

#[test]
fn a_stop_by_the_terminal_is_dropped_for_an_orphaned_group() {
    assert_eq!(of(&world(true), SH, Signal(20)).effect, Effect::MayStop);
    assert_eq!(of(&world(false), SH, Signal(20)).effect, Effect::Nothing, "PID 1");
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
fn what_a_container_leaves_behind_ends_with_its_first_process() {
    let f = of(&world(true), MASTER, Signal::KILL);
    assert_eq!(f.also_end, WORKERS.map(id).into(), "and nobody of the other container");
    assert!(said(&f, "the lab kills what it leaves behind, 2 more processes (web: worker ×2)"), "{:#?}", f.lines);
    assert!(!said(&f, "live on"), "{:#?}", f.lines);
    assert!(said(&f, "The pod, its IP and its namespaces stay: pause holds them"));
    assert!(said(&f, "The node, its parent, reaps it at once"));
    // its mount namespace goes with all of them
    assert!(f.released.iter().any(|ns| ns.kind == NsKind::Mnt));
}

#[test]
fn killing_another_process_orphans_its_children_to_pause() {
    let by = Parent::Process(id(WORKERS[0]));
    let world = world_with(true, &[Delta::Born { id: id(600), parent: by, at: at(700) }]);
    let f = of(&world, WORKERS[0], Signal::KILL);
    assert!(f.also_end.is_empty());
    assert!(said(&f, "lives on: orphaned, adopted by pause"), "{:#?}", f.lines);
    assert!(said(&f, "A zombie until web: master waits for it"), "{:#?}", f.lines);
}

#[test]
fn zombies_do_not_live_on_when_their_parent_ends() {
    let died = Delta::Exited { id: id(SLEEP), status: Some(WaitStatus::exited(0)), at: at(700) };
    let f = of(&world_with(true, std::slice::from_ref(&died)), SH, Signal::KILL);
    assert!(said(&f, "sleep is a zombie: pause adopts and reaps it") && !said(&f, "lives on"), "{:#?}", f.lines);
    let moved =
        Delta::Reparented { id: id(SLEEP), from: Parent::Process(id(SH)), to: Parent::Process(id(PAUSE)), at: at(701) };
    let f = of(&world_with(true, &[died, moved]), PAUSE, Signal::KILL);
    let words = "sleep is a zombie: the kernel reaps it with the pid namespace";
    assert!(said(&f, words) && !said(&f, "lives on"), "{:#?}", f.lines);
}

fn pod_with(change: impl Fn(&mut Pod)) -> Delta {
    let mut pod = crate::fixture::pod(true);
    change(&mut pod);
    Delta::Pod { pod: Box::new(pod), at: at(700) }
}

#[test]
fn a_pause_that_does_not_reap_is_not_said_to_reap() {
    let by = |pid| Parent::Process(id(pid));
    let moved = Delta::Reparented { id: id(SLEEP), from: by(SH), to: by(PAUSE), at: at(701) };
    let kind = |pod: &mut Pod| pod.sandbox.as_mut().expect("a sandbox").kind = SandboxKind::PauseNoReap;
    let f = of(&world_with(true, &[pod_with(kind), moved]), SLEEP, Signal::KILL);
    assert!(said(&f, "this pause does not reap"), "{:#?}", f.lines);
}

/// What the lab's own pause would do is not said of another.
#[test]
fn a_pause_of_the_users_own_is_not_said_to_do_what_ours_does() {
    let own = |pod: &mut Pod| pod.sandbox.as_mut().expect("a sandbox").kind = SandboxKind::Own("pause.c".into());
    let by = |pid| Parent::Process(id(pid));
    let moved = Delta::Reparented { id: id(SLEEP), from: by(SH), to: by(PAUSE), at: at(701) };
    let world = world_with(true, &[pod_with(own), moved]);
    let f = of(&world, SLEEP, Signal::KILL);
    assert!(said(&f, "A zombie until pause waits for it"), "{:#?}", f.lines);
    let f = of(&world, PAUSE, Signal::STOP);
    assert!(said(&f, "pause stops (state T) until CONT") && !said(&f, "nobody reaps"), "{:#?}", f.lines);
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(700) };
    let f = of(&world_with(true, &[pod_with(own), died]), WORKERS[0], Signal::KILL);
    assert!(said(&f, "pause adopts it; it stays until pause waits for it"), "{:#?}", f.lines);
    let f = of(&world, PAUSE, Signal::KILL);
    assert!(f.is_deadly() && said(&f, "The pid namespace dies with its init"), "{:#?}", f.lines);
}

/// The lab ends the sandbox of a pod that is over, and is said to.
#[test]
fn with_the_last_container_the_sandbox_goes() {
    let done = ContainerState::Terminated {
        status: WaitStatus::exited(0),
        reason: "Completed".into(),
        message: None,
        started: None,
        at: at(690),
    };
    let last = |restart| {
        let done = done.clone();
        pod_with(move |pod| {
            pod.restart = restart;
            let other = pod.containers.iter_mut().find(|c| c.process == Some(id(MASTER))).expect("a container");
            other.state = done.clone();
        })
    };
    let gone = [MASTER, WORKERS[0], WORKERS[1]].map(|pid| Delta::Exited { id: id(pid), status: None, at: at(690) });
    for (restart, over) in
        [(RestartPolicy::Never, true), (RestartPolicy::OnFailure, false), (RestartPolicy::Always, false)]
    {
        let mut deltas = gone.to_vec();
        deltas.push(last(restart));
        let f = of(&world_with(true, &deltas), SH, Signal::KILL);
        assert_eq!(f.also_end.contains(&id(PAUSE)), over, "{restart:?} {:#?}", f.lines);
        assert_eq!(said(&f, "is over then, so the lab ends its sandbox"), over, "{:#?}", f.lines);
        assert_eq!(said(&f, "pause holds them"), !over, "{:#?}", f.lines);
        assert_eq!(f.released.iter().any(|ns| ns.kind == NsKind::Net), over);
        // what it leaves behind, and not pause, is killed at once
        assert!(said(&f, "the lab kills what it leaves behind, 1 more process (sleep)"), "{:#?}", f.lines);
    }
}

#[test]
fn a_container_in_the_place_of_pause_holds_the_namespaces_and_is_named() {
    let infra = |pod: &mut Pod| {
        let sandbox = pod.sandbox.as_mut().expect("a sandbox");
        (sandbox.kind, sandbox.process) = (SandboxKind::Infra("nginx".into()), Some(id(MASTER)));
    };
    let f = of(&world_with(true, &[pod_with(infra)]), SH, Signal::KILL);
    assert!(said(&f, "web: master holds them"), "{:#?}", f.lines);
    let f = of(&world_with(true, &[pod_with(infra)]), MASTER, Signal::KILL);
    assert!(said(&f, "SandboxChanged"), "{:#?}", f.lines);
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
