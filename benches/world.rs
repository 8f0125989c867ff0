//! What the picture of a large machine costs: `cargo bench --bench world`. It asks the kernel for nothing but its own
//! memory.
//!
//! - a copy of the World, compared with a copy of a plain map;
//! - 5,000 forks, compared with 5,000 entries in a plain map;
//! - one event back in time, compared with one event forward;
//! - the map of a pod among 200 pods, compared with the same pod alone;
//! - what the store says that it keeps, compared with the memory that it takes.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use podscope::layout::pod_map::{Arrangement, lay_out};
use podscope::model::{
    Container, ContainerKind, ContainerState, Cpu, Delta, Facts, Member, MonoNs, NsId, NsKind, NsSet, Parent, Phase,
    Pod, PodUid, ProcId, Process, Program, RestartPolicy, Runtime, Sandbox, SandboxKind, SignalMasks, Stamp, State,
    WaitStatus, World,
};
use podscope::store::{Bounds, Cursor, Store};

const MANY: u32 = 50_000;
const SOME: u32 = 5_000;
const PODS: u32 = 200;

fn main() {
    // first, while there is no freed memory to use again
    memory();
    copies();
    forks();
    steps_back();
    maps();
}

/// The median and the longest.
fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: pid as u64 }
}

const fn at(t: u64) -> Stamp {
    Stamp::connector(MonoNs(t))
}

fn parent(pid: u32) -> Parent {
    if pid == 0 { Parent::Outside } else { Parent::Process(id(pid)) }
}

/// The namespaces of the host, with those of pod `n` in their place if it is not 0.
fn namespaces(n: u32, member: u32) -> NsSet {
    let mut set = NsSet::default();
    for kind in NsKind::ALL {
        let ino = match kind {
            NsKind::Mnt | NsKind::Cgroup => 10 * n + member,
            NsKind::User | NsKind::Time => 0,
            _ => 10 * n,
        };
        set.set(NsId { kind, dev: 4, ino: 4_026_531_835 + u64::from(ino), generation: 0 });
    }
    set
}

fn facts(pid: u32, by: u32, namespaces: NsSet, t: u64) -> Delta {
    let facts = Facts {
        id: id(pid),
        parent: parent(by),
        comm: "worker".into(),
        cmdline: vec!["/usr/lib/systemd/worker".into(), format!("--number={pid}")],
        state: State::Sleeping,
        uid: 1_000,
        nspid: vec![pid],
        threads: 1,
        rss_bytes: 4 << 20,
        cpu: Cpu { time_ns: t, permille: 1 },
        waited_cpu: Cpu::default(),
        signals: SignalMasks::default(),
        namespaces,
    };
    Delta::Facts { facts: Box::new(facts), at: at(t) }
}

/// A machine: each process has up to 16 children.
fn machine(processes: u32) -> World {
    let mut world = World::default();
    for pid in 1..=processes {
        world.apply(&facts(pid, pid / 16, namespaces(0, 0), u64::from(pid)));
    }
    world
}

fn born(pid: u32, t: u64) -> Delta {
    Delta::Born { id: id(pid), parent: Parent::Process(id(pid % SOME / 16 + 1)), at: at(t) }
}

fn copies() {
    let world = machine(MANY);
    let plain: BTreeMap<ProcId, Arc<Process>> = world.processes.iter().map(|(id, p)| (*id, p.clone())).collect();
    let (one, _) = median((0..50).map(|_| timed(|| world.clone())).collect());
    let (floor, _) = median((0..50).map(|_| timed(|| plain.clone())).collect());
    println!("a copy of {MANY} processes: {one:.1?}; a plain map of the same: {floor:.1?}");
}

fn forks() {
    let deltas: Vec<Delta> = (0..SOME).map(|n| born(SOME + n + 1, u64::from(SOME + n))).collect();
    let (mut all, mut stored, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..10 {
        let mut world = machine(SOME);
        all.push(timed(|| deltas.iter().for_each(|d| world.apply(d))));
        let mut store = Store::from_world(machine(SOME), Bounds::default());
        stored.push(timed(|| deltas.iter().for_each(|d| store.push(d.clone()))));
        let mut plain: BTreeMap<ProcId, Arc<Process>> = machine(SOME).processes.iter().map(own).collect();
        floor.push(timed(|| {
            for new in (1..=SOME).map(|n| id(SOME + n)) {
                plain.insert(new, Arc::new(Process::new(new, Parent::Unknown, at(1))));
            }
        }));
    }
    let [(all, _), (stored, _), (floor, _)] = [all, stored, floor].map(median);
    println!(
        "{SOME} forks at {SOME} processes: {all:.1?}, with their history {stored:.1?}; in a plain map: {floor:.1?}"
    );
}

fn own<'a>((id, p): (&'a ProcId, &'a Arc<Process>)) -> (ProcId, Arc<Process>) {
    (*id, p.clone())
}

/// A short life of a new process, and new figures of two others.
fn day(n: u32, t: u64) -> [Delta; 6] {
    let (pid, by) = (SOME + 1 + n, Parent::Process(id(1)));
    let other = |k: u32| (n * 2 + k) * 7_919 % SOME + 1;
    [
        Delta::Born { id: id(pid), parent: by, at: at(t) },
        Delta::Exec { id: id(pid), comm: "true".into(), cmdline: vec!["/usr/bin/true".into()], at: at(t + 1) },
        facts(other(0), other(0) / 16, namespaces(0, 0), t + 2),
        Delta::Exited { id: id(pid), status: Some(WaitStatus::exited(0)), at: at(t + 3) },
        Delta::Reaped { id: id(pid), by, at: at(t + 4) },
        facts(other(1), other(1) / 16, namespaces(0, 0), t + 5),
    ]
}

fn days(rounds: u32) -> impl Iterator<Item = Delta> {
    (0..rounds).flat_map(|n| day(n, u64::from(SOME + 1 + n * 6)))
}

fn history(rounds: u32) -> Store {
    let mut store = Store::from_world(machine(SOME), Bounds::default());
    days(rounds).for_each(|delta| store.push(delta));
    store
}

fn steps_back() {
    let mut store = history(4_000);
    let times: Vec<MonoNs> = store.entries(MonoNs(0)..=MonoNs(u64::MAX)).map(|e| e.t).collect();
    let last = &times[times.len() - 3_000..];
    let step = |store: &mut Store, t: MonoNs| timed(|| store.view(Cursor::At(t)).now);
    let first = step(&mut store, last[last.len() - 1]);
    let (back, longest) = median(last.iter().rev().skip(1).map(|t| step(&mut store, *t)).collect());
    let (forward, _) = median(last.iter().skip(1).map(|t| step(&mut store, *t)).collect());
    println!(
        "one event back at {SOME} processes: median {back:.1?}, longest {longest:.1?}, the first {first:.1?}; one \
         forward: {forward:.1?}"
    );
}

fn pod(n: u32, containers: &[u32]) -> Pod {
    let container = |(k, pid): (usize, &u32)| Container {
        name: format!("c{k}"),
        image: "nginx".into(),
        kind: ContainerKind::App,
        program: Program::StandIn("web".into()),
        command: vec!["web".into()],
        stdin: false,
        state: ContainerState::Running { since: at(1) },
        process: Some(id(*pid)),
        restarts: Some(0),
        last_exit: None,
        last_message: None,
        last_state: None,
        kill_at: None,
    };
    Pod {
        uid: uid(n),
        name: format!("pod-{n}"),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: None,
        message: None,
        ip: None,
        share_pid: true,
        restart: Some(RestartPolicy::Always),
        sandbox: Some(Sandbox {
            attempt: Some(0),
            kind: SandboxKind::Pause,
            process: Some(id(containers[0] - 1)),
            started: at(1),
            ended: None,
        }),
        containers: containers.iter().enumerate().map(container).collect(),
        host_network: false,
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: None,
        created: at(1),
    }
}

fn uid(n: u32) -> PodUid {
    PodUid(format!("00000000-0000-4000-8000-{n:012}"))
}

/// Pods of pause and three containers with a child each, from pid 10 on.
fn pods(world: &mut World, numbers: impl Iterator<Item = u32>) {
    for n in numbers {
        let first = 10 * n;
        for k in 0..4 {
            let pid = first + k;
            let member =
                if k == 0 { Member::pause(&uid(n)) } else { Member::container(&uid(n), &format!("c{}", k - 1)) };
            world.apply(&facts(pid, 1, namespaces(n, k), 1));
            world.apply(&Delta::Joined { id: id(pid), member, at: at(1) });
            if k > 0 {
                world.apply(&Delta::Born { id: id(pid + 5), parent: Parent::Process(id(pid)), at: at(2) });
            }
        }
        let containers = [first + 1, first + 2, first + 3];
        world.apply(&Delta::Pod { pod: Box::new(pod(n, &containers)), at: at(3) });
    }
}

fn maps() {
    let one = |world: &World, pod: &Pod| timed(|| lay_out(world, pod, &Arrangement::of_width(900.0), MonoNs(10)));
    let mut world = World::default();
    pods(&mut world, 1..=PODS);
    let (among, _) = median(world.pods.values().map(|pod| one(&world, pod)).collect());
    let mut lonely = World::default();
    pods(&mut lonely, 1..=1);
    let pod = lonely.pod(&uid(1)).expect("it is there");
    let (alone, _) = median((0..PODS).map(|_| one(&lonely, pod)).collect());
    println!("the map of one pod among {PODS}: {among:.1?}; alone: {alone:.1?}");
}

/// Resident memory in bytes (`proc_pid_statm(5)`).
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc is there");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4_096
}

fn memory() {
    const ROUNDS: u32 = 20_000;
    let start = resident();
    let mut world = machine(SOME);
    days(ROUNDS).for_each(|delta| world.apply(&delta));
    let with_world = resident();
    let store = history(ROUNDS);
    let live = with_world - start;
    let taken = (resident() - with_world).saturating_sub(live);
    let (deltas, counted) = store.size();
    let [live, taken, counted] = [live, taken, counted].map(|bytes| bytes as f64 / 1e6);
    println!(
        "{deltas} deltas kept: {counted:.1} MB by the store's count; resident {taken:.1} MB, besides {live:.1} MB of \
         the live World"
    );
    black_box((world, store));
}
