//! Predictions for the cases of `signal(7)` and `pid_namespaces(7)`.

use std::collections::BTreeMap;
use std::ops::Deref;

use podscope::model::prediction::{self, Effect, Hit, Hits, Prediction};
use podscope::model::{
    ContainerState, Delta, Facts, NsKind, Parent, Pod, RestartPolicy, Runtime, SandboxKind, Signal, SignalMasks, State,
    TerminatedReason, WaitStatus, World,
};
use podscope::wording::prediction::sentences;

use crate::views::fixture::{MASTER, PAUSE, SH, SLEEP, WORKERS, at, bit, id, world, world_with};

/// A prediction with its sentences.
#[derive(Debug)]
struct Told {
    prediction: Prediction,
    lines: Vec<String>,
}

impl Deref for Told {
    type Target = Prediction;

    fn deref(&self) -> &Prediction {
        &self.prediction
    }
}

fn predict(world: &World, pid: u32, signal: Signal) -> Told {
    let prediction = prediction::predict(world, id(pid), signal).expect("a known process has a prediction");
    let lines = sentences(world, &prediction);
    Told { prediction, lines }
}

fn says(f: &Told, words: &str) -> bool {
    f.lines.iter().any(|line| line.contains(words))
}

#[test]
fn killing_a_pause_with_a_shared_pid_namespace_kills_every_member() {
    let f = predict(&world(true), PAUSE, Signal::KILL);
    assert_eq!(f.effect, Effect::Ends(WaitStatus::killed(9)));
    let expected = [MASTER, WORKERS[0], WORKERS[1], SH, SLEEP].map(id).into_iter().collect();
    assert_eq!(f.also_end, expected);
    let kinds: Vec<NsKind> = f.released.iter().map(|ns| ns.kind).collect();
    for kind in [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid] {
        assert!(kinds.contains(&kind), "{kind} has no holder left: {kinds:?}");
    }
    assert!(!kinds.contains(&NsKind::Cgroup), "a namespace of the host is never released");
    assert!(says(&f, "kills 5 more processes"), "{:#?}", f.lines);
}

#[test]
fn killing_a_pause_with_a_private_pid_namespace_spares_the_members() {
    let f = predict(&world(false), PAUSE, Signal::KILL);
    assert!(f.also_end.is_empty());
    assert!(!f.released.iter().any(|ns| ns.kind == NsKind::Net), "the members still hold the net namespace");
    assert!(says(&f, "live on in the same network"), "{:#?}", f.lines);
}

#[test]
fn pause_ends_by_term_and_int_and_ignores_other_signals() {
    let world = world(true);
    for signal in [Signal::TERM, Signal::INT] {
        assert_eq!(predict(&world, PAUSE, signal).effect, Effect::Ends(WaitStatus::exited(0)), "{signal}");
    }
    for signal in [Signal::HUP, Signal::USR1, Signal::QUIT] {
        assert_eq!(predict(&world, PAUSE, signal).effect, Effect::Nothing, "{signal}: PID 1 has no handler");
    }
    assert_eq!(predict(&world, PAUSE, Signal::STOP).effect, Effect::Stops, "STOP from an ancestor namespace works");
}

/// The fixture's facts of a process with a change.
fn facts_with(pid: u32, change: impl Fn(&mut Facts)) -> Delta {
    let mut all = crate::views::fixture::deltas(true).into_iter();
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
fn for_a_process_that_waits_for_unknown_signals_the_prediction_is_open() {
    let world = with_masks(SH, SignalMasks { awaiting: true, ..SignalMasks::default() });
    let f = predict(&world, SH, Signal::TERM);
    assert_eq!(f.effect, Effect::Awaited);
    assert!(
        says(&f, "if SIGTERM is one of them, it wakes up and decides what to do, otherwise it ends"),
        "{:#?}",
        f.lines
    );
    assert!(predict(&world, SH, Signal::KILL).is_deadly());
}

#[test]
fn a_process_in_sigtimedwait_receives_only_the_signals_it_waits_for() {
    let awaited = Some(bit(1) | bit(17));
    // signals that it waits for appear as not blocked; it receives them even if they are ignored
    let masks = SignalMasks { awaiting: true, awaited, ignored: bit(17), ..SignalMasks::default() };
    let world = with_masks(SH, masks);
    let f = predict(&world, SH, Signal::HUP);
    assert_eq!(f.effect, Effect::Handled);
    assert!(says(&f, "waits for SIGHUP in sigtimedwait"), "{:#?}", f.lines);
    assert_eq!(predict(&world, SH, Signal::CHLD).effect, Effect::Handled);
    assert_eq!(predict(&world, SH, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)));
    let pause = crate::views::fixture::world(true);
    assert_eq!(predict(&pause, PAUSE, Signal::CHLD).effect, Effect::Handled);
    assert_eq!(predict(&pause, PAUSE, Signal(13)).effect, Effect::Pending, "pause blocks PIPE");
}

#[test]
fn a_blocked_signal_can_be_read_from_a_signalfd() {
    let masks = SignalMasks { blocked: bit(1) | bit(10), signalfd: bit(1) | bit(15), ..SignalMasks::default() };
    let world = with_masks(MASTER, masks);
    let f = predict(&world, MASTER, Signal::HUP);
    assert_eq!(f.effect, Effect::Readable);
    assert!(says(&f, "holds a signalfd for SIGHUP"), "{:#?}", f.lines);
    assert_eq!(predict(&world, MASTER, Signal::USR1).effect, Effect::Pending, "blocked, and in no signalfd");
    assert_eq!(predict(&world, MASTER, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)), "not blocked");
}

#[test]
fn a_blocked_signal_is_not_ignored() {
    let world = with_masks(SH, SignalMasks { blocked: bit(1), ignored: bit(1) | bit(2), ..SignalMasks::default() });
    assert_eq!(predict(&world, SH, Signal::HUP).effect, Effect::Pending);
    assert_eq!(predict(&world, SH, Signal::INT).effect, Effect::Nothing);
}

#[test]
fn a_terminal_stop_signal_may_be_dropped() {
    assert_eq!(predict(&world(true), SH, Signal(20)).effect, Effect::MayStop);
    assert_eq!(predict(&world(false), SH, Signal(20)).effect, Effect::Nothing, "PID 1");
}

#[test]
fn default_actions_apply_unless_the_process_is_pid_1() {
    let shared = world(true);
    assert_eq!(predict(&shared, SH, Signal::TERM).effect, Effect::Ends(WaitStatus::killed(15)));
    assert_eq!(predict(&shared, SH, Signal::CHLD).effect, Effect::Nothing);
    assert_eq!(predict(&shared, MASTER, Signal::HUP).effect, Effect::Handled);
    let own = world(false);
    let f = predict(&own, SH, Signal::TERM);
    assert_eq!(f.effect, Effect::Nothing, "PID 1 without a handler ignores TERM");
    assert!(says(&f, "grace period"));
    let f = predict(&own, SH, Signal::KILL);
    assert_eq!(f.also_end, [id(SLEEP)].into(), "its own pid namespace ends with it");
}

#[test]
fn the_other_processes_of_a_container_end_with_its_first_process() {
    let f = predict(&world(true), MASTER, Signal::KILL);
    assert_eq!(f.also_end, WORKERS.map(id).into(), "and none of the other container");
    assert!(says(&f, "the lab kills what it leaves behind, 2 more processes (web: worker ×2)"), "{:#?}", f.lines);
    assert!(!says(&f, "live on"), "{:#?}", f.lines);
    assert!(says(&f, "The pod, its IP and its namespaces stay: pause holds them"));
    assert!(says(&f, "The node, its parent, reaps it at once"));
    // no process is left in its mount namespace
    assert!(f.released.iter().any(|ns| ns.kind == NsKind::Mnt));
}

#[test]
fn pause_adopts_the_children_of_a_killed_process() {
    let by = Parent::Process(id(WORKERS[0]));
    let world = world_with(true, &[Delta::Born { id: id(600), parent: by, at: at(700) }]);
    let f = predict(&world, WORKERS[0], Signal::KILL);
    assert!(f.also_end.is_empty());
    assert!(says(&f, "lives on: orphaned, adopted by pause"), "{:#?}", f.lines);
    assert!(says(&f, "A zombie until web: master waits for it"), "{:#?}", f.lines);
}

#[test]
fn zombies_are_not_called_orphans_when_their_parent_ends() {
    let died = Delta::Exited { id: id(SLEEP), status: Some(WaitStatus::exited(0)), at: at(700) };
    let f = predict(&world_with(true, std::slice::from_ref(&died)), SH, Signal::KILL);
    assert!(says(&f, "sleep is a zombie: pause adopts and reaps it") && !says(&f, "lives on"), "{:#?}", f.lines);
    let moved =
        Delta::Reparented { id: id(SLEEP), from: Parent::Process(id(SH)), to: Parent::Process(id(PAUSE)), at: at(701) };
    let f = predict(&world_with(true, &[died, moved]), PAUSE, Signal::KILL);
    let words = "sleep is a zombie: the kernel reaps it with the pid namespace";
    assert!(says(&f, words) && !says(&f, "lives on"), "{:#?}", f.lines);
}

fn pod_with(change: impl Fn(&mut Pod)) -> Delta {
    let mut pod = crate::views::fixture::pod(true);
    change(&mut pod);
    Delta::Pod { pod: Box::new(pod), at: at(700) }
}

#[test]
fn the_prediction_knows_a_pause_that_does_not_reap() {
    let by = |pid| Parent::Process(id(pid));
    let moved = Delta::Reparented { id: id(SLEEP), from: by(SH), to: by(PAUSE), at: at(701) };
    let kind = |pod: &mut Pod| pod.sandbox.as_mut().expect("a sandbox").kind = SandboxKind::PauseNoReap;
    let f = predict(&world_with(true, &[pod_with(kind), moved]), SLEEP, Signal::KILL);
    assert!(says(&f, "this pause does not reap"), "{:#?}", f.lines);
}

/// The behaviour of the lab's own pause is not assumed for another one.
#[test]
fn nothing_is_assumed_about_the_users_own_pause() {
    let own = |pod: &mut Pod| pod.sandbox.as_mut().expect("a sandbox").kind = SandboxKind::Own("pause.c".into());
    let by = |pid| Parent::Process(id(pid));
    let moved = Delta::Reparented { id: id(SLEEP), from: by(SH), to: by(PAUSE), at: at(701) };
    let world = world_with(true, &[pod_with(own), moved]);
    let f = predict(&world, SLEEP, Signal::KILL);
    assert!(says(&f, "A zombie until pause waits for it"), "{:#?}", f.lines);
    let f = predict(&world, PAUSE, Signal::STOP);
    assert!(says(&f, "pause stops (state T) until CONT") && !says(&f, "it does not reap"), "{:#?}", f.lines);
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(700) };
    let f = predict(&world_with(true, &[pod_with(own), died]), WORKERS[0], Signal::KILL);
    assert!(says(&f, "pause adopts it; it stays until pause waits for it"), "{:#?}", f.lines);
    let f = predict(&world, PAUSE, Signal::KILL);
    assert!(f.is_deadly() && says(&f, "The pid namespace ends with its init"), "{:#?}", f.lines);
}

/// The pod as docker runs it, with a pause of its own.
fn of_docker(share_pid: bool) -> World {
    let mut pod = crate::views::fixture::pod(share_pid);
    (pod.runtime, pod.restart) = (Runtime::Docker, None);
    let sandbox = pod.sandbox.as_mut().expect("a sandbox");
    sandbox.kind = SandboxKind::Own("registry.k8s.io/pause:3.10".into());
    world_with(share_pid, &[Delta::Pod { pod: Box::new(pod), at: at(600) }])
}

/// What the lab's controller would do, and no other engine has promised.
const OF_THE_LAB: [&str; 8] =
    ["the lab", "SandboxChanged", "is kept", "are kept", "released", "its IP", "is free", "and is started again"];

#[test]
fn what_becomes_of_a_container_of_an_engine_is_the_engines_decision() {
    for share_pid in [true, false] {
        let f = predict(&of_docker(share_pid), MASTER, Signal::KILL);
        assert!(says(&f, "Container nginx is terminated, exit code 137."), "{:#?}", f.lines);
        assert!(says(&f, "docker decides whether it is started again."), "{:#?}", f.lines);
        assert!(says(&f, "share stay: pause holds them"), "{:#?}", f.lines);
        // where they are not killed with its pid namespace
        let left = says(&f, "docker decides what becomes of the other processes of its container (web: worker ×2)");
        assert_eq!(left, share_pid, "{:#?}", f.lines);
        assert!(!says(&f, "live on"), "{:#?}", f.lines);
        assert!(!OF_THE_LAB.iter().any(|words| says(&f, words)), "{:#?}", f.lines);
    }
}

#[test]
fn what_becomes_of_a_pod_without_its_sandbox_is_the_engines_decision() {
    for share_pid in [true, false] {
        let f = predict(&of_docker(share_pid), PAUSE, Signal::KILL);
        assert!(says(&f, "docker decides what becomes of pod "), "{:#?}", f.lines);
        assert!(!OF_THE_LAB.iter().any(|words| says(&f, words)), "{:#?}", f.lines);
        assert!(!says(&f, "in the same network"), "docker may take it away: {:#?}", f.lines);
        // what the kernel does is the same
        assert_eq!(says(&f, "kills 5 more processes"), share_pid, "{:#?}", f.lines);
        assert!(says(&f, "no process that is seen is left in"), "{:#?}", f.lines);
    }
}

#[test]
fn the_restart_policy_is_named_where_the_engine_tells_it() {
    let mut pod = crate::views::fixture::pod(true);
    (pod.runtime, pod.restart) = (Runtime::Unknown, Some(RestartPolicy::Always));
    let f = predict(&world_with(true, &[Delta::Pod { pod: Box::new(pod), at: at(600) }]), MASTER, Signal::KILL);
    assert!(says(&f, "Whoever runs it decides whether it is started again (restart policy Always)."), "{:#?}", f.lines);
}

/// The lab ends the sandbox of a finished pod, and the prediction says so.
#[test]
fn the_sandbox_ends_with_the_last_container() {
    let done = ContainerState::Terminated {
        status: WaitStatus::exited(0),
        reason: TerminatedReason::Completed,
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
    for (restart, finished) in
        [(RestartPolicy::Never, true), (RestartPolicy::OnFailure, false), (RestartPolicy::Always, false)]
    {
        let mut deltas = gone.to_vec();
        deltas.push(last(Some(restart)));
        let f = predict(&world_with(true, &deltas), SH, Signal::KILL);
        assert_eq!(f.also_end.contains(&id(PAUSE)), finished, "{restart:?} {:#?}", f.lines);
        assert_eq!(says(&f, "is then finished, so the lab ends its sandbox"), finished, "{:#?}", f.lines);
        assert_eq!(says(&f, "pause holds them"), !finished, "{:#?}", f.lines);
        assert_eq!(f.released.iter().any(|ns| ns.kind == NsKind::Net), finished);
        // the container's other processes are killed at once, but not pause
        assert!(says(&f, "the lab kills what it leaves behind, 1 more process (sleep)"), "{:#?}", f.lines);
    }
}

#[test]
fn a_container_in_place_of_pause_is_named_as_the_holder() {
    let infra = |pod: &mut Pod| {
        let sandbox = pod.sandbox.as_mut().expect("a sandbox");
        (sandbox.kind, sandbox.process) = (SandboxKind::Infra("nginx".into()), Some(id(MASTER)));
    };
    let f = predict(&world_with(true, &[pod_with(infra)]), SH, Signal::KILL);
    assert!(says(&f, "web: master holds them"), "{:#?}", f.lines);
    let f = predict(&world_with(true, &[pod_with(infra)]), MASTER, Signal::KILL);
    assert!(says(&f, "SandboxChanged"), "{:#?}", f.lines);
}

#[test]
fn a_stopped_process_reacts_only_to_kill_and_cont() {
    let world = world_with(true, &[Delta::State { id: id(SH), state: State::Stopped, at: at(700) }]);
    assert_eq!(predict(&world, SH, Signal::TERM).effect, Effect::Pending);
    assert_eq!(predict(&world, SH, Signal::CONT).effect, Effect::Continues);
    assert_eq!(predict(&world, SH, Signal::STOP).effect, Effect::Nothing);
    assert!(predict(&world, SH, Signal::KILL).is_deadly());
}

#[test]
fn a_zombie_cannot_be_killed_and_its_reaper_is_named() {
    let died = Delta::Exited { id: id(WORKERS[0]), status: Some(WaitStatus::killed(9)), at: at(700) };
    let f = predict(&world_with(true, &[died]), WORKERS[0], Signal::KILL);
    assert_eq!(f.effect, Effect::Nothing);
    assert!(says(&f, "web: master must reap it. If web: master ends, pause adopts"), "{:#?}", f.lines);
}

/// A process of the machine, outside of all pods.
fn of_machine(pid: u32, signals: SignalMasks) -> Delta {
    let p = world(true).process(id(SLEEP)).expect("of the fixture").clone();
    let facts = Facts {
        id: id(pid),
        parent: Parent::Outside,
        comm: "daemon".into(),
        cmdline: Vec::new(),
        state: State::Sleeping,
        uid: 0,
        nspid: vec![pid],
        threads: 1,
        rss_bytes: 0,
        cpu: p.cpu,
        waited_cpu: p.waited_cpu,
        signals,
        namespaces: podscope::model::NsSet::default(),
    };
    Delta::Facts { facts: Box::new(facts), at: at(10) }
}

#[test]
fn the_machines_init_gets_only_signals_for_which_it_has_a_handler() {
    let handles_term = SignalMasks { caught: bit(15), ..SignalMasks::default() };
    let world = world_with(true, &[of_machine(1, handles_term)]);
    for signal in [Signal::KILL, Signal::STOP, Signal::HUP] {
        let f = predict(&world, 1, signal);
        assert_eq!(f.effect, Effect::Nothing, "{signal}");
        assert!(says(&f, "is PID 1 of its namespace"), "{:#?}", f.lines);
    }
    assert_eq!(predict(&world, 1, Signal::TERM).effect, Effect::Handled);
}

#[test]
fn a_kernel_thread_ignores_all_signals() {
    let ignores_all = SignalMasks { ignored: u64::MAX, ..SignalMasks::default() };
    let world = world_with(true, &[of_machine(2, ignores_all), of_machine(3, SignalMasks::default())]);
    for signal in [Signal::KILL, Signal::STOP, Signal::TERM] {
        let f = predict(&world, 2, signal);
        assert_eq!(f.effect, Effect::Nothing, "{signal}");
        assert!(says(&f, "ignores SIG"), "{:#?}", f.lines);
    }
    assert!(predict(&world, 3, Signal::KILL).is_deadly());
}

#[test]
fn each_process_that_a_signal_hits_is_known_for_the_map() {
    let world = world(true);
    let hits = |pid, signal| Hits::of(&predict(&world, pid, signal).prediction);
    let all = hits(PAUSE, Signal::KILL);
    let ending = [PAUSE, MASTER, WORKERS[0], WORKERS[1], SH, SLEEP];
    assert_eq!(all.processes, BTreeMap::from(ending.map(|pid| (id(pid), Hit::Ends))));
    assert!(all.released.iter().any(|ns| ns.kind == NsKind::Net));
    for (pid, signal, hit) in [
        (SH, Signal::STOP, Hit::Stops),
        (SH, Signal::CHLD, Hit::Nothing),
        (MASTER, Signal::HUP, Hit::Receives),
        (PAUSE, Signal(13), Hit::Waits),
    ] {
        assert_eq!(hits(pid, signal).processes, BTreeMap::from([(id(pid), hit)]), "{signal} to {pid}");
    }
    let some = hits(MASTER, Signal::KILL);
    let (three, one) = ([id(MASTER), id(WORKERS[0]), id(WORKERS[1])], [id(SH)]);
    assert_eq!((some.among(&three), some.among(&one)), (Some((Hit::Ends, 3)), None));
}

#[test]
fn orphans_and_zombies_of_a_killed_parent_are_told_apart_on_the_map() {
    let by = Parent::Process(id(WORKERS[0]));
    let child = |pid| Delta::Born { id: id(pid), parent: by, at: at(700) };
    let died = Delta::Exited { id: id(601), status: Some(WaitStatus::exited(0)), at: at(800) };
    let world = world_with(true, &[child(600), child(601), died]);
    let hits = Hits::of(&predict(&world, WORKERS[0], Signal::KILL).prediction);
    let of = |pid| hits.on(id(pid));
    assert_eq!([of(WORKERS[0]), of(600), of(601)], [Some(Hit::Ends), Some(Hit::Adopted), Some(Hit::Reaped)]);
    assert_eq!(of(MASTER), None);
}
