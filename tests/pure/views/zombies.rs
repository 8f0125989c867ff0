//! Zombies by the process that must reap them, why they wait, what helps, and how long they lived.

use podscope::model::prediction::{Effect, ZombieFate};
use podscope::model::zombies::{
    Histogram, Holdup, Lives, RemedyEffect, ZombieTime, groups, holdup, without_leader, zombie_time,
};
use podscope::model::{
    Delta, FactChanges, MonoNs, Parent, ProcessUsage, SandboxKind, SentBy, Signal, SignalMasks, Source, Stamp, State,
    WaitStatus, World,
};
use podscope::wording::zombies;

use crate::views::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, bit, id, pod, prompt, world_with};

fn exited(pid: u32, ms: u64) -> Delta {
    Delta::Exited { id: id(pid), status: Some(WaitStatus::exited(0)), at: at(ms) }
}

fn state(pid: u32, state: State) -> Delta {
    Delta::State { id: id(pid), state, at: at(699) }
}

/// Pause that does not reap.
fn no_reap() -> Delta {
    let mut pod = pod(true);
    if let Some(sandbox) = &mut pod.sandbox {
        sandbox.kind = SandboxKind::PauseNoReap;
    }
    Delta::Pod { pod: Box::new(pod), at: at(650) }
}

fn adopted(pid: u32, ms: u64) -> Delta {
    Delta::Reparented { id: id(pid), from: Parent::Process(id(SH)), to: Parent::Process(id(PAUSE)), at: at(ms) }
}

/// The only group, with its remedy in short.
fn only_group(deltas: &[Delta]) -> (Option<u32>, Holdup, Option<(u32, Signal, RemedyEffect)>) {
    let world = world_with(true, deltas);
    let [group] = groups(&world).try_into().expect("one group");
    let remedy = group.remedy(&world).map(|remedy| (remedy.target.pid, remedy.signal, remedy.then));
    (group.reaper.map(|id| id.pid), group.holdup, remedy)
}

#[test]
fn each_reason_has_its_remedy() {
    use RemedyEffect::{AdopterEnds, ParentEnds, ParentReaps};
    let ignores = SignalMasks { ignored: bit(17), ..SignalMasks::default() };
    let ignores = FactChanges { signals: Some(ignores), ..FactChanges::default() };
    let ignores = Delta::Changed { id: id(SH), changes: Box::new(ignores), at: at(690) };
    let (kill, cont) = (Signal::KILL, Signal::CONT);
    let pause_reaps = ParentEnds(ZombieFate::Reaped(id(PAUSE)));
    let with_namespace = ParentEnds(ZombieFate::ReapedWithNamespace);
    let zombie = || exited(SLEEP, 700);
    type Case = (&'static str, Vec<Delta>, u32, Holdup, Option<(u32, Signal, RemedyEffect)>);
    let traced = |by| Delta::Traced { id: id(SLEEP), by: Some(by), at: at(650) };
    let table: [Case; 11] = [
        ("a parent that does not wait", vec![zombie()], SH, Holdup::NotReaped, Some((SH, kill, pause_reaps))),
        (
            "it ignores SIGCHLD",
            vec![zombie(), ignores],
            SH,
            Holdup::ParentIgnoresSigchld,
            Some((SH, kill, pause_reaps)),
        ),
        (
            "it is stopped",
            vec![state(SH, State::Stopped), zombie()],
            SH,
            Holdup::ParentStopped,
            Some((SH, cont, ParentReaps { is_sure: false })),
        ),
        (
            "a tracer comes first",
            vec![traced(MASTER), state(SH, State::Stopped), zombie()],
            SH,
            Holdup::TracerFirst { tracer: MASTER },
            None,
        ),
        ("its parent traces it", vec![traced(SH), zombie()], SH, Holdup::NotReaped, Some((SH, kill, pause_reaps))),
        ("it is traced", vec![state(SH, State::Traced), zombie()], SH, Holdup::ParentTraced, None),
        (
            "pause would not reap either",
            vec![no_reap(), zombie()],
            SH,
            Holdup::NotReaped,
            Some((PAUSE, kill, AdopterEnds { parent: id(SH) })),
        ),
        (
            "pause has it and does not reap",
            vec![no_reap(), zombie(), adopted(SLEEP, 701)],
            PAUSE,
            Holdup::PauseNeverReaps,
            Some((PAUSE, kill, with_namespace)),
        ),
        (
            "pause is stopped",
            vec![zombie(), adopted(SLEEP, 701), state(PAUSE, State::Stopped)],
            PAUSE,
            Holdup::ParentStopped,
            Some((PAUSE, cont, ParentReaps { is_sure: true })),
        ),
        ("pause is about to reap", vec![zombie(), adopted(SLEEP, 701)], PAUSE, Holdup::NotReaped, None),
        // the end of the node would end all pods, so it is no remedy; here the node was not read
        ("the node must reap it", vec![exited(SH, 700)], NODE, Holdup::ParentOutside, None),
    ];
    for (name, deltas, reaper, why, remedy) in table {
        assert_eq!(only_group(&deltas), (Some(reaper), why, remedy), "{name}");
    }
}

#[test]
fn a_killed_init_waits_for_the_zombies_of_its_namespace() {
    let kill = Delta::Signalled {
        target: id(PAUSE),
        signal: Signal::KILL,
        effect: Some(Effect::Ends(WaitStatus::killed(9))),
        also_end: Vec::new(),
        error: None,
        by: SentBy::User,
        at: prompt(690, Source::App),
    };
    let (_, why, remedy) = only_group(&[kill, exited(SLEEP, 700)]);
    assert_eq!((why, remedy), (Holdup::NamespaceEnding { init: id(PAUSE) }, None));
}

#[test]
fn zombies_are_grouped_by_reaper_and_the_oldest_comes_first() {
    let world = world_with(true, &[exited(WORKERS[1], 800), exited(SLEEP, 750), exited(WORKERS[0], 700)]);
    let all = groups(&world);
    let found: Vec<_> = all.iter().map(|group| (group.reaper, group.zombies.clone())).collect();
    let workers = vec![id(WORKERS[0]), id(WORKERS[1])];
    assert_eq!(found, [(Some(id(MASTER)), workers), (Some(id(SH)), vec![id(SLEEP)])]);
    let remedy = all[0].remedy(&world).expect("a remedy");
    assert_eq!(zombies::remedy_label(&world, &remedy), "KILL web: master");
    assert_eq!(
        zombies::remedy(&world, &remedy),
        "When web: master ends, pause adopts and reaps them. No other process ends with it."
    );
    let why = |n| zombies::holdup(&world, Some(id(MASTER)), Holdup::NotReaped, n);
    assert_eq!(why(2), "web: master lives, and has not reaped them yet");
    assert_eq!(why(1), "web: master lives, and has not reaped it yet");
}

#[test]
fn a_process_whose_first_thread_has_exited_is_no_zombie() {
    let usage = ProcessUsage { threads: 3, ..ProcessUsage::default() };
    let world =
        world_with(true, &[Delta::ProcessUsage { id: id(SLEEP), usage, at: at(698) }, state(SLEEP, State::Zombie)]);
    assert_eq!((groups(&world), without_leader(&world)), (vec![], vec![id(SLEEP)]));
}

#[test]
fn a_zombie_whose_parent_has_ended_is_to_get_another() {
    let world = world_with(true, &[exited(SLEEP, 700), exited(SH, 701)]);
    assert_eq!(holdup(&world, world.process(id(SLEEP)).expect("it is there")), Holdup::ParentEnded);
}

#[test]
fn a_length_is_as_exact_as_its_times() {
    let by_then = |ms: u64, source| Stamp::by_then(MonoNs(ms * 1_000_000), source);
    let (exact, scan) = (at(700), by_then(700, Source::Scan));
    let (reap, reap_scan) = (prompt(705, Source::Pidfd), by_then(705, Source::Scan));
    let five = 5_000_000;
    let table = [
        (Some(exact), reap, ZombieTime::Exactly(five), "5.00 ms"),
        (Some(exact), reap_scan, ZombieTime::AtMost(five), "at most 5.00 ms"),
        (Some(scan), reap, ZombieTime::AtLeast(five), "at least 5.00 ms"),
        (Some(scan), reap_scan, ZombieTime::About(five), "about 5.00 ms"),
        (None, reap_scan, ZombieTime::Unknown, "a time that was not seen"),
    ];
    for (exit, reaped, time, words) in table {
        let exit = exit.map(|at| Delta::Exited { id: id(SLEEP), status: None, at });
        let reap = Delta::Reaped { id: id(SLEEP), by: Parent::Unknown, at: reaped };
        let world = world_with(true, &exit.into_iter().chain([reap]).collect::<Vec<_>>());
        let p = world.process(id(SLEEP)).expect("it is remembered");
        assert_eq!(zombie_time(p, world.now), Some(time));
        assert_eq!(zombies::time(time), words);
        let histogram = Lives::of(&world).histogram;
        let is_known = time != ZombieTime::Unknown;
        assert_eq!((histogram.known(), histogram.unknown), (u32::from(is_known), u32::from(!is_known)));
        assert!(!is_known || histogram.counts[Histogram::class(five)] == 1);
    }
    assert_eq!(zombie_time(world_with(true, &[]).process(id(SH)).expect("it lives"), MonoNs(0)), None);
}

#[test]
fn classes_are_two_for_each_power_of_ten() {
    let table = [
        (0, 0),
        (1_000, 0),
        (3_161, 0),
        (3_162, 1),
        (9_999, 1),
        (10_000, 2),
        (1_000_000, 6),
        (1_000_000_000, 12),
        (1_000_000_000_000, 18),
        (u64::MAX, 18),
    ];
    for (ns, class) in table {
        assert_eq!(Histogram::class(ns), class, "{ns}");
    }
    assert!(Histogram::FROM_NS.is_sorted());
    assert_eq!(Lives::of(&World::default()).all, []);
}
