//! A World with one pod, built from the deltas that a lab would send.

use podscope::model::{
    Capability, Container, ContainerKind, ContainerState, Coverage, Delta, EventKind, EventReason, Facts, Host, Member,
    MonoNs, Namespace, NsId, NsKind, NsSet, Parent, Phase, Pod, PodEvent, PodUid, ProcId, Program, RestartPolicy,
    Runtime, Sandbox, SandboxKind, SignalMasks, Source, Stamp, State, WaitStatus, WallAnchor, World,
};

pub const NODE: u32 = 50;
pub const PAUSE: u32 = 100;
pub const NGINX: u32 = 101;
pub const WORKER: u32 = 102;
pub const BUSYBOX: u32 = 103;

pub const fn at(t: u64) -> Stamp {
    Stamp::connector(MonoNs(t))
}

pub const fn proc(pid: u32) -> ProcId {
    ProcId { pid, start: pid as u64 * 10 }
}

pub fn uid() -> PodUid {
    PodUid("uid-1".into())
}

pub const fn ns(kind: NsKind, ino: u64) -> NsId {
    NsId { kind, dev: 4, ino, generation: 0 }
}

/// The host's namespaces have inodes 1 to 8, the pod's shared ones 101 to 108, mnt ones 1000 times the pid.
pub fn namespaces(pid: u32) -> NsSet {
    let mut set = NsSet::default();
    for kind in NsKind::ALL {
        let n = kind as u64 + 1;
        set.set(match kind {
            NsKind::Time | NsKind::Cgroup => ns(kind, n),
            NsKind::Mnt => ns(kind, u64::from(pid) * 1_000),
            _ => ns(kind, 100 + n),
        });
    }
    set
}

pub fn facts(pid: u32, parent: u32, comm: &str, argv: &[&str], inside: u32) -> Delta {
    let facts = Facts {
        id: proc(pid),
        parent: Parent::Process(proc(parent)),
        comm: comm.into(),
        cmdline: argv.iter().map(|s| (*s).to_owned()).collect(),
        state: State::Sleeping,
        uid: 1_000,
        nspid: vec![pid, inside],
        threads: 1,
        rss_bytes: 4_096,
        cpu: podscope::model::Cpu::default(),
        waited_cpu: podscope::model::Cpu::default(),
        signals: SignalMasks::default(),
        namespaces: namespaces(pid),
    };
    Delta::Facts { facts: Box::new(facts), at: at(u64::from(pid)) }
}

pub fn container(name: &str, pid: u32, restarts: u32) -> Container {
    Container {
        name: name.into(),
        image: name.into(),
        kind: ContainerKind::App,
        program: Program::StandIn("web".into()),
        command: vec!["web".into()],
        state: ContainerState::Running { since: at(1) },
        process: Some(proc(pid)),
        restarts: Some(restarts),
        last_exit: (restarts > 0).then_some(WaitStatus::killed(9)),
        last_message: None,
        stdin: false,
        last_state: None,
        kill_at: None,
    }
}

pub fn pod(containers: Vec<Container>) -> Pod {
    Pod {
        uid: uid(),
        name: "nginx-busybox".into(),
        runtime: Runtime::Lab,
        phase: Phase::Running,
        reason: None,
        message: None,
        ip: Some([10, 88, 0, 2].into()),
        share_pid: true,
        restart: Some(RestartPolicy::Always),
        host_network: false,
        host_ports: Vec::new(),
        sandbox: Some(Sandbox {
            attempt: Some(0),
            kind: SandboxKind::Pause,
            process: Some(proc(PAUSE)),
            started: at(1),
            ended: None,
        }),
        containers,
        volumes: vec!["html".into()],
        manifest: None,
        created: at(1),
    }
}

pub fn pod_delta(pod: Pod) -> Delta {
    Delta::Pod { pod: Box::new(pod), at: at(200) }
}

fn joined(pid: u32, member: Member) -> Delta {
    Delta::Joined { id: proc(pid), member, at: at(u64::from(pid)) }
}

pub fn deltas() -> Vec<Delta> {
    let mut own = NsSet::default();
    for kind in NsKind::ALL {
        own.set(ns(kind, kind as u64 + 1));
    }
    let host = Host {
        kernel: "6.18.0".into(),
        boot_id: "b0071d".into(),
        user: "ann".into(),
        uid: 1_000,
        anchor: WallAnchor { mono: MonoNs(0), unix_ns: 1_700_000_000_000_000_000 },
        namespaces: own,
    };
    let secret = &["nginx: master process", "--token", "hush"];
    let mut deltas = vec![
        Delta::Host { host: Box::new(host), at: at(0) },
        Delta::Visibility { capability: Capability::ProcConnector, coverage: Coverage::Full, at: at(0) },
        Delta::Visibility { capability: Capability::Namespaces, coverage: Coverage::Full, at: at(0) },
        facts(PAUSE, NODE, "pause", &["/pause"], 1),
        facts(NGINX, NODE, "nginx", secret, 7),
        facts(WORKER, NGINX, "nginx", &["nginx: worker process"], 8),
        facts(BUSYBOX, NODE, "busybox", &["client"], 9),
        joined(PAUSE, Member::pause(&uid())),
        joined(NGINX, Member::container(&uid(), "nginx")),
        joined(BUSYBOX, Member::container(&uid(), "busybox")),
        pod_delta(pod(vec![container("nginx", NGINX, 0), container("busybox", BUSYBOX, 0)])),
    ];
    let user = NsKind::User;
    let mut net = Namespace::new(ns(NsKind::Net, 104));
    net.owner = Some(ns(user, 107));
    let mut above = Namespace::new(ns(user, 107));
    above.parent = Some(ns(user, 7));
    above.owner_uid = Some(1_000);
    deltas.extend([net, above].map(|namespace| Delta::Namespace { namespace, at: at(210) }));
    deltas.push(Delta::Event {
        event: PodEvent {
            pod: uid(),
            kind: EventKind::Normal,
            reason: EventReason::Started,
            message: "Started container nginx".into(),
            at: Stamp::prompt(MonoNs(205), Source::Node),
        },
    });
    deltas
}

pub fn world() -> World {
    let mut world = World::default();
    for delta in deltas() {
        world.apply(&delta);
    }
    world
}
