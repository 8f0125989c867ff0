//! Why processes and containers ended, on recorded worlds.

use podscope::model::end_chain::{EndFact, Gap, explain_container_end, explain_end};
use podscope::model::prediction::Effect;
use podscope::model::{
    BackOff, ContainerState, Delta, EventKind, EventReason, FactChanges, Member, MonoNs, Namespace, NodeEnd,
    NodeSignalTarget, NsId, NsKind, Parent, Pod, PodEvent, RestartPolicy, SentBy, Signal, SignalResult, SignalSender,
    SignalSent, Source, Stamp, TerminatedReason, WaitStatus, WaitingReason, World,
};
use podscope::wording::end_chain::link;

use crate::views::fixture::{MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, id, pod, prompt, uid, world_with};

const KILLED: Option<WaitStatus> = Some(WaitStatus::killed(9));

fn exited(pid: u32, status: Option<WaitStatus>, ms: u64) -> Delta {
    Delta::Exited { id: id(pid), status, at: at(ms) }
}

fn reaped(pid: u32, by: Parent, ms: u64) -> Delta {
    Delta::Reaped { id: id(pid), by, at: prompt(ms, Source::Pidfd) }
}

fn sent(target: u32, signal: Signal, effect: Effect, by: SentBy, ms: u64) -> Delta {
    let (effect, at) = (Some(effect), prompt(ms, Source::App));
    Delta::Signalled { target: id(target), signal, effect, also_end: Vec::new(), error: None, by, at }
}

fn user_kills(target: u32, ms: u64) -> Delta {
    sent(target, Signal::KILL, Effect::Ends(WaitStatus::killed(9)), SentBy::User, ms)
}

fn node_sends(target: u32, signal: Signal, ms: u64) -> Delta {
    Delta::NodeSignalled { to: NodeSignalTarget::Process(id(target)), signal, at: prompt(ms, Source::Node) }
}

fn sandbox_changed(ms: u64) -> Delta {
    let (kind, reason) = (EventKind::Normal, EventReason::SandboxChanged);
    Delta::Event { event: PodEvent { pod: uid(), kind, reason, message: String::new(), at: prompt(ms, Source::Node) } }
}

/// The pod after a change of its containers.
fn pod_now(share_pid: bool, ms: u64, change: impl FnOnce(&mut Pod)) -> Delta {
    let mut pod = pod(share_pid);
    change(&mut pod);
    Delta::Pod { pod: Box::new(pod), at: prompt(ms, Source::Node) }
}

/// How the container busybox (1) or nginx (0) has ended.
fn terminated(nth: usize, status: WaitStatus, reason: TerminatedReason, ms: u64) -> ContainerState {
    let started = Some(at(u64::from([MASTER, SH][nth])));
    ContainerState::Terminated { status, reason, message: None, started, at: prompt(ms, Source::Node) }
}

/// The titles of the chain.
fn titles(world: &World, pid: u32) -> Vec<String> {
    let chain = explain_end(world, id(pid)).expect("it has ended");
    chain.links.iter().map(|known| link(world, &known.fact).title).collect()
}

fn check(world: &World, pid: u32, expected: &[&str]) {
    assert_eq!(titles(world, pid), expected);
}

#[test]
fn a_living_process_has_no_chain() {
    assert_eq!(explain_end(&world_with(true, &[user_kills(SH, 700)]), id(SH)), None);
    assert_eq!(explain_end(&World::default(), id(SH)), None);
}

#[test]
fn a_worker_that_the_user_killed_was_reaped_by_its_master() {
    let end = [user_kills(WORKERS[0], 700), exited(WORKERS[0], KILLED, 701)];
    let end = [&end[..], &[reaped(WORKERS[0], Parent::Process(id(MASTER)), 703)]].concat();
    let world = world_with(true, &end);
    check(
        &world,
        WORKERS[0],
        &[
            "You sent SIGKILL to web: worker",
            "web: worker was killed by SIGKILL (exit code 137)",
            "Reaped by web: master",
        ],
    );
    let chain = explain_end(&world, id(WORKERS[0])).expect("it has ended");
    let sources: Vec<_> = chain.links.iter().map(|link| link.at.map(|at| (at.t.0 / 1_000_000, at.source))).collect();
    let expected = [(700, Source::App), (701, Source::Connector), (703, Source::Pidfd)];
    assert_eq!(sources, expected.map(Some));
    assert_eq!(link(&world, &chain.links[2].fact).detail, "Zombie for 2.00 ms");
}

#[test]
fn a_signal_of_a_script_is_not_called_the_users() {
    let kill = sent(SLEEP, Signal::KILL, Effect::Ends(WaitStatus::killed(9)), SentBy::Script, 700);
    let world = world_with(true, &[kill, exited(SLEEP, KILLED, 701), reaped(SLEEP, Parent::Unknown, 702)]);
    check(
        &world,
        SLEEP,
        &[
            "A script sent SIGKILL to sleep",
            "sleep was killed by SIGKILL (exit code 137)",
            "Reaped; by whom was not seen",
        ],
    );
}

/// A signal as the kernel reports it.
fn reported(target: u32, signal: Signal, sender: SignalSender, ms: u64) -> Delta {
    let (target, target_name, result) = (id(target), "x".to_owned(), SignalResult::Delivered);
    let at = prompt(ms, Source::Bpf);
    Delta::SignalSent { sent: Box::new(SignalSent { signal, sender, target, target_name, result, skipped: None, at }) }
}

#[test]
fn a_sender_that_the_kernel_reports_is_named() {
    let by = |pid, name: &str| SignalSender::Process { id: id(pid), name: name.into() };
    let first_link = |sender, by_app: bool| {
        let mut all = vec![reported(SLEEP, Signal::KILL, sender, 700), exited(SLEEP, KILLED, 701)];
        if by_app {
            all.insert(0, user_kills(SLEEP, 699));
        }
        titles(&world_with(true, &all), SLEEP).remove(0)
    };
    assert_eq!(first_link(by(4_000, "bash"), false), "bash (pid 4000) sent SIGKILL to sleep");
    assert_eq!(first_link(by(SLEEP, "sleep"), false), "The process itself sent SIGKILL to sleep");
    assert_eq!(first_link(SignalSender::Fault, false), "The kernel sent SIGKILL to sleep");
    assert_eq!(first_link(SignalSender::App, true), "You sent SIGKILL to sleep", "named once");
    assert!(first_link(by(SH, "x"), false).ends_with(&format!("(pid {SH}) sent SIGKILL to sleep")), "an observed one");
}

#[test]
fn an_unknown_sender_is_said_to_be_unknown() {
    let end = |status| world_with(true, &[exited(SLEEP, status, 701), reaped(SLEEP, Parent::Process(id(SH)), 702)]);
    let gap = |world: &World| {
        let chain = explain_end(world, id(SLEEP)).expect("it has ended");
        chain.links.iter().find_map(|link| if let EndFact::Gap(gap) = link.fact { Some(gap) } else { None })
    };
    let killed = |n| Some(WaitStatus::killed(n));
    let table = [
        (killed(9), Some(Gap::Sender { signal: Signal::KILL, is_of_lab: true })),
        (killed(15), Some(Gap::Sender { signal: Signal::TERM, is_of_lab: true })),
        (killed(11), Some(Gap::FaultOrSender(Signal(11)))),
        (None, Some(Gap::Status)),
        (Some(WaitStatus::exited(3)), None),
    ];
    for (status, expected) in table {
        assert_eq!(gap(&end(status)), expected, "{status:?}");
    }
    // a signal that came after the end, or that was not sent, has not ended it
    let late = [exited(SLEEP, KILLED, 701), user_kills(SLEEP, 705)];
    assert_eq!(gap(&world_with(true, &late)), Some(Gap::Sender { signal: Signal::KILL, is_of_lab: true }));
}

#[test]
fn a_signal_that_it_survived_is_told_apart_from_the_one_that_ended_it() {
    let hup = |ms| sent(MASTER, Signal::HUP, Effect::Handled, SentBy::User, ms);
    let term = sent(MASTER, Signal::TERM, Effect::Handled, SentBy::User, 60_000);
    let end = exited(MASTER, Some(WaitStatus::exited(0)), 60_010);
    let world = world_with(true, &[hup(700), hup(800), hup(900), hup(1_000), term, end]);
    // the earlier ones are left out
    check(
        &world,
        MASTER,
        &[
            "You sent SIGHUP to web: master",
            "You sent SIGHUP to web: master",
            "You sent SIGTERM to web: master",
            "web: master exited with code 0",
            "It is a zombie: nobody has reaped it yet",
        ],
    );
    let chain = explain_end(&world, id(MASTER)).expect("it has ended");
    let details: Vec<String> = chain.links.iter().map(|known| link(&world, &known.fact).detail).collect();
    assert_eq!(details[1], "It did not end it");
    assert_eq!(details[2], "It exited by itself 10.00 ms later, perhaps because of it");
}

#[test]
fn members_end_with_a_pause_that_was_killed_and_come_back() {
    let back = |ms| {
        pod_now(true, ms, |pod| {
            let busybox = &mut pod.containers[1];
            busybox.last_state = Some(terminated(1, WaitStatus::killed(9), TerminatedReason::Error, 704));
            busybox.state = ContainerState::Running { since: prompt(ms, Source::Node) };
            (busybox.process, busybox.restarts) = (Some(id(605)), Some(1));
            if let Some(sandbox) = &mut pod.sandbox {
                (sandbox.attempt, sandbox.process, sandbox.started) = (Some(2), Some(id(601)), at(ms - 1));
            }
        })
    };
    let mut all = vec![user_kills(PAUSE, 701)];
    all.extend([MASTER, WORKERS[0], WORKERS[1], SH, SLEEP].map(|p| exited(p, KILLED, 702)));
    all.extend([MASTER, WORKERS[0], WORKERS[1], SH, SLEEP].map(|p| reaped(p, Parent::Unknown, 703)));
    all.extend([exited(PAUSE, KILLED, 704), reaped(PAUSE, Parent::Process(id(NODE)), 705), sandbox_changed(706)]);
    all.push(back(720));
    let world = world_with(true, &all);
    check(
        &world,
        SH,
        &[
            "You sent SIGKILL to pause",
            "pause was killed by SIGKILL",
            "sh was killed by SIGKILL (exit code 137)",
            "Reaped by the kernel, with the pid namespace",
            "Container busybox is terminated: exit code 137, Error",
            "SandboxChanged",
            "Container busybox is started again",
        ],
    );
    // the node itself is not in the fixture, so only its pid is known
    check(
        &world,
        PAUSE,
        &[
            "You sent SIGKILL to pause",
            "pause was killed by SIGKILL (exit code 137)",
            "Reaped by pid 500",
            "SandboxChanged",
            "The pod has a new sandbox #3",
        ],
    );
}

#[test]
fn before_the_end_of_pause_is_seen_the_prediction_tells_why_a_member_ended() {
    let kill = Delta::Signalled {
        target: id(PAUSE),
        signal: Signal::KILL,
        effect: Some(Effect::Ends(WaitStatus::killed(9))),
        also_end: vec![id(SH)],
        error: None,
        by: SentBy::User,
        at: prompt(701, Source::App),
    };
    let world = world_with(true, &[kill, exited(SH, KILLED, 702)]);
    check(
        &world,
        SH,
        &[
            "You sent SIGKILL to pause",
            "sh was killed by SIGKILL (exit code 137)",
            "It is a zombie: nobody has reaped it yet",
        ],
    );
}

#[test]
fn a_pause_in_another_pid_namespace_takes_members_with_it_by_the_node() {
    let all = [
        user_kills(PAUSE, 701),
        exited(PAUSE, KILLED, 702),
        sandbox_changed(704),
        node_sends(SH, Signal::TERM, 705),
        node_sends(SH, Signal::KILL, 3_705),
        exited(SH, KILLED, 3_706),
    ];
    let world = world_with(false, &all);
    check(
        &world,
        SH,
        &[
            "You sent SIGKILL to pause",
            "pause was killed by SIGKILL",
            "SandboxChanged",
            "The lab's node sent SIGTERM to sh",
            "The lab's node sent SIGKILL to sh",
            "sh was killed by SIGKILL (exit code 137)",
            "It is a zombie: nobody has reaped it yet",
        ],
    );
    let chain = explain_end(&world, id(SH)).expect("it has ended");
    assert_eq!(link(&world, &chain.links[4].fact).detail, "3.00 s after SIGTERM: the grace period was over");
}

#[test]
fn what_a_container_leaves_behind_ends_because_its_first_process_did() {
    let leftovers = NodeSignalTarget::Leftovers(Member::container(&uid(), "busybox"));
    let all = [
        user_kills(SH, 700),
        exited(SH, KILLED, 701),
        pod_now(true, 702, |pod| {
            pod.containers[1].state = terminated(1, WaitStatus::killed(9), TerminatedReason::Error, 702);
        }),
        Delta::NodeSignalled { to: leftovers, signal: Signal::KILL, at: prompt(703, Source::Node) },
        exited(SLEEP, KILLED, 704),
    ];
    check(
        &world_with(true, &all),
        SLEEP,
        &[
            "You sent SIGKILL to sh",
            "sh was killed by SIGKILL",
            "The lab's node sent SIGKILL to sleep",
            "sleep was killed by SIGKILL (exit code 137)",
            "It is a zombie: nobody has reaped it yet",
        ],
    );
}

#[test]
fn a_container_waits_for_its_back_off_or_stays_ended() {
    let wait = BackOff { kubelet_ms: 20_000, clock: 10 };
    let over = || terminated(1, WaitStatus::exited(1), TerminatedReason::Error, 702);
    let end = |change: &dyn Fn(&mut Pod)| {
        world_with(true, &[exited(SH, Some(WaitStatus::exited(1)), 701), pod_now(true, 702, change)])
    };
    let last = |world: &World| {
        let pod = world.pod(&uid()).expect("the pod");
        let of_process = explain_end(world, id(SH)).expect("it has ended");
        let of_container = explain_container_end(world, pod, &pod.containers[1]).expect("it has ended");
        assert_eq!(of_process, of_container);
        assert_eq!(explain_container_end(world, pod, &pod.containers[0]), None, "nginx runs");
        of_process.links.last().expect("links").fact.clone()
    };
    let world = end(&|pod| {
        let (reason, message) = (WaitingReason::CrashLoopBackOff, None);
        pod.containers[1].last_state = Some(over());
        pod.containers[1].state = ContainerState::Waiting { reason, message, back_off: Some(wait) };
    });
    assert_eq!(last(&world), EndFact::BackOff { wait, until: MonoNs(2_702_000_000) });
    let world = end(&|pod| {
        pod.restart = Some(RestartPolicy::Never);
        pod.containers[1].state = over();
    });
    assert_eq!(last(&world), EndFact::StaysEnded { policy: RestartPolicy::Never });
}

#[test]
fn the_oom_killer_is_named_where_the_node_says_so() {
    let world = world_with(
        true,
        &[
            exited(SH, KILLED, 701),
            pod_now(true, 702, |pod| {
                pod.containers[1].state = terminated(1, WaitStatus::killed(9), TerminatedReason::OomKilled, 702);
            }),
        ],
    );
    check(
        &world,
        SH,
        &[
            "The kernel's OOM killer sent it SIGKILL",
            "sh was killed by SIGKILL (exit code 137)",
            "It is a zombie: nobody has reaped it yet",
            "Container busybox is terminated: exit code 137, OOMKilled",
        ],
    );
}

#[test]
fn a_container_of_which_only_the_runtime_tells_has_what_it_tells() {
    let world = world_with(
        true,
        &[pod_now(true, 702, |pod| {
            let (status, reason, at) =
                (WaitStatus::exited(0), TerminatedReason::Completed, Stamp::by_then(MonoNs(5), Source::App));
            pod.containers[1].state = ContainerState::Terminated { status, reason, message: None, started: None, at };
            (pod.containers[1].process, pod.restart) = (None, None);
        })],
    );
    let pod = world.pod(&uid()).expect("the pod");
    let chain = explain_container_end(&world, pod, &pod.containers[1]).expect("it has ended");
    let titles: Vec<String> = chain.links.iter().map(|known| link(&world, &known.fact).title).collect();
    assert_eq!(
        titles,
        [
            "Its first process is no longer remembered, or was not observed",
            "Container busybox is terminated: exit code 0, Completed",
        ]
    );
}

#[test]
fn the_end_of_the_labs_node_is_a_cause_of_its_own() {
    let space = |ino| NsId { kind: NsKind::Pid, dev: 4, ino, generation: 0 };
    let (of_node, of_pod) = (space(4_026_532_300), space(4_026_532_327));
    // the node is PID 1 of a pid namespace around that of the pod
    let changes = FactChanges { nspid: Some(vec![NODE, 1]), namespaces: vec![of_node], ..FactChanges::default() };
    let all = [
        Delta::Born { id: id(NODE), parent: Parent::Outside, at: at(400) },
        Delta::Changed { id: id(NODE), changes: Box::new(changes), at: at(401) },
        Delta::Namespace { namespace: Namespace { parent: Some(of_node), ..Namespace::new(of_pod) }, at: at(690) },
        exited(SH, KILLED, 702),
        reaped(SH, Parent::Unknown, 703),
        exited(NODE, KILLED, 704),
        Delta::NodeEnded { end: NodeEnd::Closed, at: prompt(705, Source::App) },
    ];
    check(
        &world_with(true, &all),
        SH,
        &[
            "The lab was closed",
            "sh was killed by SIGKILL (exit code 137)",
            "Reaped by the kernel, with the pid namespace",
        ],
    );
}
