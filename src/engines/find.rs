//! The pods of engines as a World has them.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use super::grouping::{SeenProcess, pods};
use super::known::Known;
use super::values::{ContainerStatus, EngineContainer, EnginePod};
use crate::model::{
    Container, ContainerKind, ContainerState, Member, NsKind, NsSet, Phase, Pod, PodUid, ProcId, Process, Program,
    Sandbox, SandboxKind, Source, Stamp, TerminatedReason, WaitStatus, WaitingReason, World,
};

/// The pods of engines at one moment.
#[derive(Clone, Debug, Default)]
pub struct FoundPods {
    pub pods: Vec<Pod>,
    /// The process of each member of these pods, and of each program that runs in it.
    pub members: Vec<(ProcId, Member)>,
    /// Whether there is a container that no engine has listed.
    pub has_unlisted: bool,
}

/// Finds them among the processes of a World, which are those of the whole machine. Reads their cgroups in /proc.
/// `others`: the processes that belong to no engine, such as those of the lab.
pub fn find(world: &World, others: &BTreeSet<ProcId>, known: &Known) -> FoundPods {
    let all: Vec<_> = world.present().filter(|p| !others.contains(&p.id) && !is_below_node(world, p)).collect();
    // a process that has ended meanwhile has none, as one that may not be read
    let cgroup = |id: ProcId| fs::read_to_string(format!("/proc/{}/cgroup", id.pid)).unwrap_or_default();
    let cgroups: HashMap<ProcId, String> = all.iter().map(|p| (p.id, cgroup(p.id))).collect();
    let seen: Vec<SeenProcess<'_>> = all
        .iter()
        .map(|p| SeenProcess {
            id: p.id,
            parent: p.parent.process(),
            namespaces: &p.namespaces,
            comm: &p.comm,
            argv: &p.cmdline,
            cgroup: cgroups.get(&p.id).map_or("", String::as_str),
        })
        .collect();
    let found = pods(&seen, &world.host.namespaces, known);
    let has_unlisted = !super::unlisted(&found, known).is_empty();
    let members = found.iter().flat_map(members_of).collect();
    FoundPods { pods: found.iter().map(|pod| pod_of(world, pod)).collect(), members, has_unlisted }
}

/// The name of the process that runs the pods of a lab.
const NODE: &str = "podscope-node";

/// Whether it is a process of a lab, of this user or another. Its pods are the lab's.
fn is_below_node(world: &World, p: &Process) -> bool {
    let parents = std::iter::successors(Some(p), |p| world.process(p.parent.process()?));
    // a chain of parents that is longer has a circle, which a reused pid can make for a moment
    parents.take(1_000).any(|p| p.comm == NODE)
}

fn uid(pod: &EnginePod) -> PodUid {
    PodUid(pod.uid.clone().unwrap_or_else(|| pod.id.clone()))
}

/// The name of a container; without one, the beginning of its id, as docker shows it.
fn name(container: &EngineContainer) -> String {
    container.name.clone().unwrap_or_else(|| short(&container.id))
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

fn members_of(pod: &EnginePod) -> Vec<(ProcId, Member)> {
    let uid = uid(pod);
    let of_sandbox =
        pod.sandbox.iter().flat_map(|sandbox| sandbox.processes.iter().map(|id| (*id, Member::pause(&uid))));
    let of_containers = pod.containers.iter().flat_map(|container| {
        let member = Member::container(&uid, &name(container));
        container.processes.iter().map(move |id| (*id, member.clone()))
    });
    of_sandbox.chain(of_containers).collect()
}

fn pod_of(world: &World, pod: &EnginePod) -> Pod {
    let now = Stamp::by_then(world.now, Source::Scan);
    let born = |container: &EngineContainer| {
        let first = container.processes.first().and_then(|id| world.process(*id));
        first.map_or(now, |p| Stamp::by_then(p.born.t.min(now.t), Source::Scan))
    };
    let links: Vec<&NsSet> =
        pod.members().filter_map(|c| world.process(*c.processes.first()?)).map(|p| &p.namespaces).collect();
    let sandbox = pod.sandbox.as_ref().filter(|sandbox| sandbox.status.is_alive() || !sandbox.processes.is_empty());
    // without a sandbox the container that is the oldest holds what the others have joined
    let oldest = |c: &&EngineContainer| c.processes.first().map(|id| (id.start, id.pid));
    let first = pod.containers.iter().filter(|c| !c.processes.is_empty()).min_by_key(oldest);
    let alive = pod.containers.iter().any(|c| c.status.is_alive() || !c.processes.is_empty());
    Pod {
        uid: uid(pod),
        name: pod.name.clone().unwrap_or_else(|| short(&pod.id)),
        runtime: pod.runtime,
        // an engine other than a kubelet has no phases
        phase: if alive || sandbox.is_some() { Phase::Running } else { Phase::Pending },
        reason: None,
        message: None,
        ip: None,
        share_pid: shares(&links, NsKind::Pid, &world.host.namespaces),
        restart: None,
        sandbox: sandbox.or(first).map(|holder| Sandbox {
            attempt: None,
            kind: match sandbox {
                // its behaviour is not known, whatever its name is
                Some(_) => SandboxKind::Own(holder.image.clone().unwrap_or_else(|| name(holder))),
                None => SandboxKind::Infra(name(holder)),
            },
            process: holder.processes.first().copied(),
            started: born(holder),
            ended: None,
        }),
        containers: pod.containers.iter().map(|c| container_of(world, c, born(c), now)).collect(),
        host_network: links.first().is_some_and(|first| {
            let host = world.host.namespaces.get(NsKind::Net);
            host.is_some() && first.get(NsKind::Net) == host
        }),
        host_ports: Vec::new(),
        volumes: Vec::new(),
        manifest: None,
        created: pod.members().map(born).min_by_key(|at| at.t).unwrap_or(now),
    }
}

/// Whether two members are in the same namespace, which is not the host's.
fn shares(links: &[&NsSet], kind: NsKind, host: &NsSet) -> bool {
    let mut seen = BTreeSet::new();
    links.iter().filter_map(|set| set.get(kind)).filter(|ns| host.get(kind) != Some(*ns)).any(|ns| !seen.insert(ns))
}

fn container_of(world: &World, container: &EngineContainer, born: Stamp, now: Stamp) -> Container {
    let first = container.processes.first().copied();
    let state = match container.status {
        ContainerStatus::Exited { code: Some(code) } => ContainerState::Terminated {
            status: WaitStatus::exited(code),
            reason: if code == 0 { TerminatedReason::Completed } else { TerminatedReason::Error },
            message: None,
            started: None,
            at: now,
        },
        ContainerStatus::Exited { code: None } => ContainerState::waiting(WaitingReason::Other("Exited".into()), None),
        ContainerStatus::Created => ContainerState::waiting(WaitingReason::Other("Created".into()), None),
        ContainerStatus::Running | ContainerStatus::Paused => ContainerState::Running { since: born },
        ContainerStatus::Unknown if first.is_some() => ContainerState::Running { since: born },
        ContainerStatus::Unknown => ContainerState::waiting(WaitingReason::Other("Unknown".into()), None),
    };
    Container {
        name: name(container),
        kind: ContainerKind::App,
        image: container.image.clone().unwrap_or_default(),
        program: Program::Image,
        command: first.and_then(|id| world.process(id)).map(|p| p.cmdline.clone()).unwrap_or_default(),
        stdin: false,
        state,
        process: first,
        restarts: None,
        last_exit: None,
        last_message: None,
        last_state: None,
        kill_at: None,
    }
}
