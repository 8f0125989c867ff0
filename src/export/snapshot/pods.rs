//! Pods, and which namespaces their members share.

use std::collections::BTreeMap;

use crate::model::{self, Member, NsKind, NsSet, World};

use super::{Container, ContainerState, Pod, Sandbox, SandboxKind, Usage};

/// The namespaces of each member's first process.
fn members(world: &World, pod: &model::Pod) -> Vec<NsSet> {
    let mut first: BTreeMap<&Member, &model::Process> = BTreeMap::new();
    for p in world.pod_processes(&pod.uid) {
        if let Some(member) = &p.member {
            let seen = first.entry(member).or_insert(p);
            if (p.born.t, p.id) < (seen.born.t, seen.id) {
                *seen = p;
            }
        }
    }
    first.into_values().map(|p| p.namespaces).collect()
}

/// How the members of a pod share one kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Shared,
    Private,
    Host,
    Unknown,
}

fn sharing(world: &World, members: &[NsSet], kind: NsKind) -> Sharing {
    let known: Option<Vec<_>> = members.iter().map(|m| m.get(kind)).collect();
    match known.as_deref() {
        None | Some([]) => Sharing::Unknown,
        Some([first, rest @ ..]) if rest.iter().all(|ns| ns == first) => {
            if world.is_host_ns(*first) {
                Sharing::Host
            } else {
                Sharing::Shared
            }
        }
        Some(_) => Sharing::Private,
    }
}

const fn sandbox_kind(kind: &model::SandboxKind) -> SandboxKind {
    match kind {
        model::SandboxKind::Pause => SandboxKind::Pause,
        model::SandboxKind::PauseNoReap => SandboxKind::PauseNoReap,
        model::SandboxKind::PauseDelay(_) => SandboxKind::PauseDelay,
        model::SandboxKind::Infra(_) => SandboxKind::Infra,
        model::SandboxKind::Missing => SandboxKind::Missing,
        model::SandboxKind::Own(_) => SandboxKind::Own,
    }
}

fn container(world: &World, pod: &model::Pod, c: &model::Container) -> Container {
    let (state, reason, exit) = match &c.state {
        model::ContainerState::Waiting { reason, .. } => (ContainerState::Waiting, Some(reason.to_string()), None),
        model::ContainerState::Running { .. } => (ContainerState::Running, None, None),
        model::ContainerState::Terminated { status, reason, .. } => {
            (ContainerState::Terminated, Some(reason.to_string()), Some(*status))
        }
    };
    Container {
        name: c.name.clone(),
        id: (pod.is_of_lab()).then(|| format!("lab://{}/{}", pod.uid, c.name)),
        pid: c.process.map(|p| p.pid),
        state,
        reason,
        kind: c.kind,
        restarts: c.restarts,
        exit_code: exit.or(c.last_exit).map(model::WaitStatus::code),
        usage: usage(world, &Member::container(&pod.uid, &c.name)),
    }
}

fn usage(world: &World, member: &Member) -> Option<Usage> {
    let model::Usage { cpu, memory_bytes: memory, tasks } = world.usage(member)?;
    Some(Usage {
        cgroup: world.cgroups.get(member).map(|cgroup| cgroup.path.clone()),
        cpu_time_ns: cpu.value.time_ns,
        cpu_permille: cpu.value.permille,
        cpu_from: cpu.origin,
        memory_bytes: memory.value,
        memory_from: memory.origin,
        tasks: tasks.value,
        tasks_from: tasks.origin,
    })
}

pub(super) fn pod(world: &World, pod: &model::Pod) -> Pod {
    let members = members(world, pod);
    let kinds = |wanted| NsKind::ALL.into_iter().filter(|k| sharing(world, &members, *k) == wanted).collect();
    Pod {
        name: pod.name.clone(),
        uid: pod.uid.0.clone(),
        runtime: pod.runtime,
        phase: pod.phase,
        reason: pod.reason.as_ref().map(ToString::to_string),
        ip: pod.ip.map(|ip| ip.to_string()),
        sandbox: pod.sandbox.as_ref().map(|s| Sandbox {
            attempt: s.attempt,
            pid: s.process.map(|p| p.pid),
            kind: sandbox_kind(&s.kind),
            usage: usage(world, &Member::pause(&pod.uid)),
        }),
        containers: pod.containers.iter().map(|c| container(world, pod, c)).collect(),
        shared: kinds(Sharing::Shared),
        private: kinds(Sharing::Private),
        host: kinds(Sharing::Host),
    }
}
