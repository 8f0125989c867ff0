//! Random streams of deltas with few pids, reused pids, stamps out of order and the largest possible times.

use std::num::NonZeroU64;
use std::sync::Arc;

use podscope::model::inside::{Content, SystemNames, UtsContent};
use podscope::model::{
    Capability, CgroupUsage, Container, ContainerKind, ContainerState, Coverage, Cpu, Delta, EventKind, EventReason,
    ExecEnd, ExecId, FactChanges, Facts, Finding, Host, Limitation, Member, MonoNs, Namespace, NodeEnd,
    NodeSignalTarget, NsId, NsKind, NsSet, OomKill, OutputSource, Parent, Phase, Pod, PodEvent, PodUid, Precision,
    ProcId, ProcessUsage, Program, RestartPolicy, Runtime, Sandbox, SandboxKind, Scope, SentBy, Signal, SignalMasks,
    SignalResult, SignalSender, SignalSent, Source, Stamp, State, WaitStatus, WaitingReason,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Writes no file into the source tree, which another user may own; a failure prints its input.
pub fn config() -> ProptestConfig {
    let cases = crate::rounds::number_of(256);
    // some tests refuse some inputs
    ProptestConfig { cases, max_global_rejects: 4 * cases, failure_persistence: None, ..ProptestConfig::default() }
}

pub fn id() -> impl Strategy<Value = ProcId> {
    (prop_oneof![1_u32..6, Just(u32::MAX)], prop_oneof![0_u64..3, Just(u64::MAX)])
        .prop_map(|(pid, start)| ProcId { pid, start })
}

fn time() -> impl Strategy<Value = MonoNs> {
    prop_oneof![20 => 0_u64..1_000, 1 => Just(u64::MAX), 1 => any::<u64>()].prop_map(MonoNs)
}

pub fn stamp() -> impl Strategy<Value = Stamp> {
    let source = prop_oneof![
        Just(Source::Connector),
        Just(Source::Bpf),
        Just(Source::Pidfd),
        Just(Source::Pause),
        Just(Source::Node),
        Just(Source::Scan),
        Just(Source::Inferred)
    ];
    let precision = prop_oneof![Just(Precision::Exact), Just(Precision::Prompt), Just(Precision::ByThen)];
    (time(), source, precision).prop_map(|(t, source, precision)| Stamp::new(t, source, precision))
}

pub fn parent() -> impl Strategy<Value = Parent> {
    prop_oneof![id().prop_map(Parent::Process), Just(Parent::Outside), Just(Parent::Unknown)]
}

pub fn status() -> impl Strategy<Value = Option<WaitStatus>> {
    option::of(any::<i32>().prop_map(WaitStatus))
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{0,6}"
}

fn uid() -> impl Strategy<Value = PodUid> {
    (0..3_u8).prop_map(|n| PodUid(format!("pod-{n}")))
}

fn ns() -> impl Strategy<Value = NsId> {
    (0..8_usize, 0..4_u64).prop_map(|(kind, ino)| NsId { kind: NsKind::ALL[kind], dev: 4, ino, generation: 0 })
}

fn facts() -> impl Strategy<Value = Facts> {
    let state = "[RSDTtIZX]".prop_map(|s| State::from_letter(s.chars().next().unwrap()));
    let names = (word(), vec(word(), 0..3), vec(any::<u32>(), 0..3));
    (id(), parent(), names, state, vec(ns(), 0..8)).prop_map(|(id, parent, (comm, cmdline, nspid), state, all)| {
        let mut namespaces = NsSet::default();
        for ns in all {
            namespaces.set(ns);
        }
        let signals = SignalMasks { blocked: 1, ignored: 2, caught: 4, ..SignalMasks::default() };
        let (cpu, waited_cpu) = (Cpu { time_ns: 7, permille: 3 }, Cpu::default());
        Facts {
            id,
            parent,
            comm,
            cmdline,
            state,
            uid: 0,
            nspid,
            threads: 1,
            rss_bytes: 9,
            cpu,
            waited_cpu,
            signals,
            namespaces,
        }
    })
}

fn changes() -> impl Strategy<Value = FactChanges> {
    let names = (option::of(word()), option::of(vec(word(), 0..3)), option::of(vec(any::<u32>(), 0..3)));
    (names, option::of(any::<u32>()), option::of(any::<u64>()), vec(ns(), 0..3)).prop_map(
        |((comm, cmdline, nspid), uid, blocked, namespaces)| {
            let signals = blocked.map(|blocked| SignalMasks { blocked, ..SignalMasks::default() });
            FactChanges { comm, cmdline, uid, nspid, signals, namespaces }
        },
    )
}

fn container() -> impl Strategy<Value = Container> {
    (word(), option::of(id()), 0..4_u32, status()).prop_map(|(name, process, restarts, last_exit)| Container {
        name,
        image: "nginx".into(),
        kind: ContainerKind::App,
        program: Program::StandIn("web".into()),
        command: vec!["web".into()],
        state: ContainerState::waiting(WaitingReason::CrashLoopBackOff, None),
        process,
        restarts: Some(restarts),
        last_exit,
        last_message: None,
        stdin: false,
        last_state: None,
        kill_at: None,
    })
}

fn pod() -> impl Strategy<Value = Pod> {
    (uid(), word(), vec(container(), 0..3), option::of(id()), stamp()).prop_map(
        |(uid, name, containers, process, at)| Pod {
            uid,
            name,
            runtime: Runtime::Lab,
            phase: Phase::Running,
            reason: None,
            message: None,
            ip: None,
            share_pid: true,
            restart: Some(RestartPolicy::Always),
            host_network: false,
            host_ports: Vec::new(),
            sandbox: Some(Sandbox { attempt: Some(0), kind: SandboxKind::Pause, process, started: at, ended: None }),
            containers,
            volumes: vec![],
            manifest: None,
            created: at,
        },
    )
}

/// What members and executed programs write.
fn output() -> impl Strategy<Value = Delta> {
    let member = || (uid(), option::of(word())).prop_map(|(pod, container)| Member { pod, container });
    let exec = || (0..4_u64).prop_map(ExecId);
    let from = prop_oneof![
        member().prop_map(OutputSource::Member),
        (exec(), any::<bool>()).prop_map(|(exec, stderr)| OutputSource::Exec { exec, stderr }),
    ];
    prop_oneof![
        (from, "[a-z\n]{0,9}", 0..3_u64, stamp()).prop_map(|(from, text, skipped, at)| Delta::Output {
            from,
            text,
            skipped: NonZeroU64::new(skipped),
            at
        }),
        (exec(), member(), vec(word(), 0..3), stamp()).prop_map(|(exec, member, argv, at)| Delta::ExecStarted {
            exec,
            member,
            argv,
            at
        }),
        (exec(), status(), stamp()).prop_map(|(exec, status, at)| {
            Delta::ExecEnded { exec, end: status.map_or(ExecEnd::Cancelled, ExecEnd::Exited), at }
        }),
    ]
}

/// Any delta.
pub fn delta() -> impl Strategy<Value = Delta> {
    let life = prop_oneof![
        (id(), parent(), stamp()).prop_map(|(id, parent, at)| Delta::Born { id, parent, at }),
        // the large ones are boxed, since a strategy of all kinds is too large for a test's stack
        (facts(), stamp()).prop_map(|(facts, at)| Delta::Facts { facts: Box::new(facts), at }).boxed(),
        (id(), changes(), stamp())
            .prop_map(|(id, changes, at)| Delta::Changed { id, changes: Box::new(changes), at })
            .boxed(),
        (id(), (0..9_u32, 0..1_u64 << 40), stamp()).prop_map(|(id, (threads, rss_bytes), at)| {
            let cpu = Cpu { time_ns: rss_bytes, permille: threads };
            Delta::ProcessUsage { id, usage: ProcessUsage { threads, rss_bytes, cpu, waited_cpu: cpu }, at }
        }),
        (id(), word(), vec(word(), 0..3), stamp())
            .prop_map(|(id, comm, cmdline, at)| Delta::Exec { id, comm, cmdline, at })
            .boxed(),
        (id(), word(), stamp()).prop_map(|(id, comm, at)| Delta::Renamed { id, comm, at }),
        (id(), stamp()).prop_map(|(id, at)| Delta::State { id, state: State::Stopped, at }),
        (id(), status(), stamp()).prop_map(|(id, status, at)| Delta::Exited { id, status, at }),
        (id(), parent(), parent(), stamp()).prop_map(|(id, from, to, at)| Delta::Reparented { id, from, to, at }),
        (id(), parent(), stamp()).prop_map(|(id, by, at)| Delta::Reaped { id, by, at }),
        (id(), uid(), option::of(word()), stamp())
            .prop_map(|(id, pod, container, at)| Delta::Joined { id, member: Member { pod, container }, at })
            .boxed(),
    ];
    let rest = prop_oneof![
        stamp().prop_map(|at| Delta::Host { host: Box::new(Host::default()), at }),
        (any::<bool>(), vec(id(), 0..3), stamp()).prop_map(|(host, forgotten, at)| Delta::Scope {
            scope: if host { Scope::Host } else { Scope::Lab },
            forgotten,
            at
        }),
        stamp().prop_map(|at| Delta::Visibility {
            capability: Capability::Holders,
            coverage: Coverage::Missing(Limitation::HoldersNotSearched),
            at
        }),
        (ns(), option::of(ns()), stamp()).prop_map(|(id, parent, at)| {
            Delta::Namespace { namespace: Namespace { parent, ..Namespace::new(id) }, at }
        }),
        (uid(), option::of(word()), option::of(word()), stamp())
            .prop_map(|(pod, container, path, at)| { Delta::Cgroup { member: Member { pod, container }, path, at } }),
        (uid(), option::of(word()), option::of(any::<u64>()), stamp()).prop_map(|(pod, container, tasks, at)| {
            let usage = CgroupUsage { cpu: Some(Cpu::default()), memory_bytes: None, tasks };
            Delta::Usage { member: Member { pod, container }, usage, at }
        }),
        (id(), stamp()).prop_map(|(id, at)| Delta::NodeStarted { id, at }),
        (ns(), word(), stamp()).prop_map(|(ns, host_name, at)| {
            let names = Finding::Known(SystemNames { host_name, domain_name: String::new() });
            Delta::Inside { ns, content: Arc::new(Content::Uts(UtsContent { names })), at }
        }),
        (any::<bool>(), stamp()).prop_map(|(silent, at)| Delta::NodeSilent { silent, at }),
        stamp().prop_map(|at| Delta::NodeEnded { end: NodeEnd::Closed, at }),
        (pod(), stamp()).prop_map(|(pod, at)| Delta::Pod { pod: Box::new(pod), at }),
        (uid(), stamp()).prop_map(|(uid, at)| Delta::PodRemoved { uid, at }),
        (uid(), word(), stamp()).prop_map(|(pod, message, at)| Delta::Event {
            event: PodEvent { pod, kind: EventKind::Normal, reason: EventReason::Started, message, at }
        }),
        (id(), any::<i32>(), stamp()).prop_map(|(target, n, at)| Delta::Signalled {
            target,
            signal: Signal(n),
            effect: None,
            also_end: vec![target],
            error: None,
            by: SentBy::User,
            at
        }),
        (id(), any::<i32>(), stamp()).prop_map(|(target, n, at)| Delta::NodeSignalled {
            to: NodeSignalTarget::Process(target),
            signal: Signal(n),
            at
        }),
        (id(), id(), word(), any::<i32>(), stamp())
            .prop_map(|(from, target, name, n, at)| Delta::SignalSent {
                sent: Box::new(SignalSent {
                    signal: Signal(n),
                    sender: SignalSender::Process { id: from, name: name.clone() },
                    target,
                    target_name: name,
                    result: SignalResult::Delivered,
                    skipped: None,
                    at
                })
            })
            .boxed(),
        (id(), id(), option::of(word()), word(), stamp())
            .prop_map(|(victim, caused_by, victim_name, caused_by_name, at)| Delta::OomKill {
                kill: Box::new(OomKill { victim, victim_name, caused_by, caused_by_name, at })
            })
            .boxed(),
        (option::of(any::<u64>()), stamp()).prop_map(|(count, at)| Delta::Lost { source: Source::Pause, count, at }),
        output().boxed(),
    ];
    prop_oneof![4 => life, 1 => rest]
}

pub fn deltas() -> impl Strategy<Value = Vec<Delta>> {
    vec(delta(), 0..120)
}
