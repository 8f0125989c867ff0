//! A pod as the observer would report it: pause, nginx with two workers, and busybox with a sleep.

use podscope::model::{
    Capability, Container, ContainerState, Coverage, Delta, Facts, Host, Member, MonoNs, Namespace, NsId, NsKind,
    NsSet, Parent, Pod, PodUid, ProcId, Program, Sandbox, SandboxKind, SignalMasks, Source, Stamp, State, World,
};

use crate::fixture;

pub const NODE: u32 = 500;
pub const PAUSE: u32 = 501;
pub const MASTER: u32 = 502;
pub const WORKERS: [u32; 2] = [503, 504];
pub const SH: u32 = 505;
pub const SLEEP: u32 = 506;

pub fn at(ms: u64) -> Stamp {
    Stamp::connector(MonoNs(ms * 1_000_000))
}

pub fn id(pid: u32) -> ProcId {
    ProcId { pid, start: u64::from(pid) * 10 }
}

pub fn uid() -> PodUid {
    PodUid("0c0ffee0".into())
}

fn ns(kind: NsKind, ino: u64) -> NsId {
    NsId { kind, dev: 4, ino, generation: 0 }
}

fn host_set() -> NsSet {
    let mut set = NsSet::default();
    for (i, kind) in NsKind::ALL.into_iter().enumerate() {
        set.set(ns(kind, 4_026_531_830 + i as u64));
    }
    set
}

/// The namespaces of a member: the pod's shared ones, and its own mount namespace. Also its own pid namespace unless
/// `share_pid`.
fn pod_set(member: u64, share_pid: bool) -> NsSet {
    let mut set = host_set();
    set.set(ns(NsKind::Net, 4_026_532_328));
    set.set(ns(NsKind::Ipc, 4_026_532_326));
    set.set(ns(NsKind::Uts, 4_026_532_325));
    set.set(ns(NsKind::Pid, if share_pid { 4_026_532_327 } else { 4_026_532_400 + member }));
    set.set(ns(NsKind::Mnt, 4_026_532_330 + member));
    set.set(ns(NsKind::User, 4_026_532_177));
    set
}

struct ProcessSpec {
    pid: u32,
    parent: Parent,
    comm: &'static str,
    cmdline: &'static [&'static str],
    inside: u32,
    member: u64,
    signals: SignalMasks,
}

fn facts(p: &ProcessSpec, share_pid: bool) -> Delta {
    let facts = Facts {
        id: id(p.pid),
        parent: p.parent,
        comm: p.comm.into(),
        cmdline: p.cmdline.iter().map(|s| (*s).into()).collect(),
        state: State::Sleeping,
        uid: 1000,
        nspid: vec![p.pid, p.pid - 498, p.inside],
        threads: 1,
        rss_bytes: 4096 * u64::from(p.pid - 500),
        cpu: podscope::model::Cpu::default(),
        waited_cpu: podscope::model::Cpu::default(),
        signals: p.signals,
        namespaces: pod_set(p.member, share_pid),
    };
    Delta::Facts { facts: Box::new(facts), at: at(u64::from(p.pid)) }
}

pub fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

fn container(name: &str, program: Program, pid: u32) -> Container {
    Container {
        program,
        command: vec![name.into()],
        state: ContainerState::Running { since: at(u64::from(pid)) },
        process: Some(id(pid)),
        ..fixture::container(name, pid, 0)
    }
}

pub fn pod(share_pid: bool) -> Pod {
    Pod {
        uid: uid(),
        ip: Some([10, 244, 0, 2].into()),
        share_pid,
        sandbox: Some(Sandbox {
            attempt: Some(1),
            kind: SandboxKind::Pause,
            process: Some(id(PAUSE)),
            started: at(501),
            ended: None,
        }),
        volumes: vec!["html".into(), "log".into()],
        created: at(500),
        ..fixture::pod(vec![
            container("nginx", Program::StandIn("web".into()), MASTER),
            container("busybox", Program::Host, SH),
        ])
    }
}

/// All deltas until the pod runs.
pub fn deltas(share_pid: bool) -> Vec<Delta> {
    let host = Host { user: "ana".into(), uid: 1000, namespaces: host_set(), ..Host::default() };
    let mut all = vec![Delta::Host { host: Box::new(host), at: at(1) }];
    for capability in [Capability::ProcConnector, Capability::Pidfd] {
        all.push(Delta::Visibility { capability, coverage: Coverage::Full, at: at(1) });
    }
    all.push(Delta::NodeStarted { id: id(NODE), at: at(400) });
    let node = Parent::Process(id(NODE));
    // as the kernel shows a process that sleeps in sigtimedwait
    let awaited = Some(bit(2) | bit(15) | bit(17));
    let pause_masks = SignalMasks { awaiting: true, awaited, blocked: bit(13), ..SignalMasks::default() };
    let web = SignalMasks { caught: bit(1) | bit(15), ..SignalMasks::default() };
    let plain = SignalMasks::default();
    let inside = |shared: u32, own: u32| if share_pid { shared } else { own };
    let master = Parent::Process(id(MASTER));
    let processes = [
        ProcessSpec {
            pid: PAUSE,
            parent: node,
            comm: "pause",
            cmdline: &["/pause"],
            inside: 1,
            member: 0,
            signals: pause_masks,
        },
        ProcessSpec {
            pid: MASTER,
            parent: node,
            comm: "web: master",
            cmdline: &["podscope", "web"],
            inside: inside(7, 1),
            member: 1,
            signals: web,
        },
        ProcessSpec {
            pid: WORKERS[0],
            parent: master,
            comm: "web: worker",
            cmdline: &["podscope", "web"],
            inside: inside(8, 2),
            member: 1,
            signals: web,
        },
        ProcessSpec {
            pid: WORKERS[1],
            parent: master,
            comm: "web: worker",
            cmdline: &["podscope", "web"],
            inside: inside(9, 3),
            member: 1,
            signals: web,
        },
        ProcessSpec {
            pid: SH,
            parent: node,
            comm: "sh",
            cmdline: &["sh", "-c", "while true; do sleep 1h; done"],
            inside: inside(10, 1),
            member: 2,
            signals: plain,
        },
        ProcessSpec {
            pid: SLEEP,
            parent: Parent::Process(id(SH)),
            comm: "sleep",
            cmdline: &["sleep", "1h"],
            inside: inside(11, 2),
            member: 2,
            signals: plain,
        },
    ];
    for p in &processes {
        all.push(Delta::Born { id: id(p.pid), parent: p.parent, at: at(u64::from(p.pid)) });
        let member = match p.member {
            0 => Member::pause(&uid()),
            1 => Member::container(&uid(), "nginx"),
            _ => Member::container(&uid(), "busybox"),
        };
        all.push(Delta::Joined { id: id(p.pid), member, at: at(u64::from(p.pid)) });
        all.push(facts(p, share_pid));
    }
    for kind in [NsKind::Pid, NsKind::Net] {
        let id = pod_set(0, share_pid).get(kind).unwrap_or(ns(kind, 0));
        all.push(Delta::Namespace { namespace: Namespace::new(id), at: at(600) });
    }
    all.push(Delta::Pod { pod: Box::new(pod(share_pid)), at: at(600) });
    all
}

pub fn world(share_pid: bool) -> World {
    let mut world = World::default();
    for delta in deltas(share_pid) {
        world.apply(&delta);
    }
    world
}

/// The same World with the deltas `extra` applied after it.
pub fn world_with(share_pid: bool, extra: &[Delta]) -> World {
    let mut world = world(share_pid);
    for delta in extra {
        world.apply(delta);
    }
    world
}

pub fn prompt(ms: u64, source: Source) -> Stamp {
    Stamp::prompt(MonoNs(ms * 1_000_000), source)
}
