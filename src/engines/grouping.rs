//! Finds the pods of all engines among the processes of a machine.
//!
//! The cgroup of a process tells its container, and where it does not, the engine's process above it. Containers are in
//! one pod if the engine says so, by a pod's uid or id in the path of their cgroups or in its answer, or if they share a
//! network, ipc or pid namespace, as after `docker run --net=container:X`. So pods are found without an engine's answer;
//! it adds names.

mod by_hand;
mod containers;
mod union;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::containers::{Found, find_containers};
use self::union::Groups;
use super::cgroup_path::PodKey;
use super::infra::{Infra, infra};
use super::known::Known;
use super::values::{ContainerStatus, EngineContainer, EnginePod, ListedContainer};
use crate::model::{NsId, NsKind, NsSet, ProcId, Runtime};

/// What is needed of a process.
#[derive(Clone, Copy, Debug)]
pub struct SeenProcess<'a> {
    pub id: ProcId,
    pub parent: Option<ProcId>,
    pub namespaces: &'a NsSet,
    pub comm: &'a str,
    /// Empty if it cannot be read.
    pub argv: &'a [String],
    /// The text of `/proc/PID/cgroup`; empty if it cannot be read.
    pub cgroup: &'a str,
}

/// The kinds that make containers a pod if they share one.
const SHARED: [NsKind; 3] = [NsKind::Net, NsKind::Ipc, NsKind::Pid];

/// The pods of all engines, sorted by name and id.
///
/// `processes` are those of the machine without the lab's, whose pods are known already. `host` has the namespaces of
/// the machine itself. A pod without a process is among them only if its engine says that it lives.
pub fn pods(processes: &[SeenProcess], host: &NsSet, known: &Known) -> Vec<EnginePod> {
    // the order in which they were read must not matter where processes contradict each other
    let mut processes = processes.to_vec();
    processes.sort_by_key(|process| (process.id.start, process.id.pid));
    let processes = &processes[..];
    let (found, loose) = find_containers(processes, known);
    let mut members = members(processes, found, known);
    let groups = group(processes, &mut members, host);
    let mut pods: Vec<EnginePod> =
        groups.into_iter().map(|group| pod(processes, group)).filter(|pod| pod.members().any(is_present)).collect();
    pods.extend(by_hand::pods(processes, &loose, host));
    pods.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    pods
}

/// The ids of containers with processes that no engine has listed. A new one among them is a reason to ask the engines
/// again.
///
/// Engines in containers are not asked, so their containers do not count.
pub fn unlisted<'a>(pods: &'a [EnginePod], known: &Known) -> BTreeSet<&'a str> {
    let of_engines = pods.iter().filter(|pod| pod.within.is_none() && !by_hand::is_one(pod));
    let ids = of_engines.flat_map(EnginePod::members).filter(|c| !c.processes.is_empty()).map(|c| c.id.as_str());
    ids.filter(|id| known.container(id).is_none()).collect()
}

fn is_present(container: &EngineContainer) -> bool {
    container.status.is_alive() || !container.processes.is_empty()
}

/// A container with all that is known of it.
struct Member<'a> {
    found: Found,
    listed: Option<&'a ListedContainer>,
}

impl Member<'_> {
    fn uid(&self) -> Option<&str> {
        let listed = || self.listed.and_then(|listed| listed.pod.as_ref()?.uid.as_deref());
        let named = || self.found.kubernetes.as_ref().map(|name| name.uid.as_str());
        match &self.found.pod {
            Some(PodKey::Kubernetes { uid, .. }) => Some(uid),
            _ => listed().or_else(named).filter(|uid| !uid.is_empty()),
        }
    }

    /// The engine's id of the pod.
    fn pod_id(&self) -> Option<&str> {
        match &self.found.pod {
            Some(PodKey::Podman(id)) => Some(id),
            _ => self.listed.and_then(|listed| Some(listed.pod.as_ref()?.id.as_str())).or(self.found.shim.as_deref()),
        }
    }

    fn runtime(&self) -> Runtime {
        self.listed.map_or(self.found.runtime, |listed| listed.runtime)
    }

    fn is_sandbox(&self) -> bool {
        self.listed.is_some_and(|listed| listed.is_sandbox)
            || self.found.kubernetes.as_ref().is_some_and(|name| name.container.is_none())
            || self.found.shim.as_deref() == Some(&self.found.id)
    }
}

/// Containers that were found, and those that an engine lists but of which no process was seen.
fn members<'a>(processes: &[SeenProcess], found: Vec<Found>, known: &'a Known) -> Vec<Member<'a>> {
    let mut members: Vec<Member> = found
        .into_iter()
        .map(|mut found| {
            found.processes.sort_by_key(|i| (processes[*i].id.start, processes[*i].id.pid));
            let listed = known.container(&found.id);
            Member { found, listed }
        })
        .collect();
    let seen: BTreeSet<String> = members.iter().map(|member| member.found.id.clone()).collect();
    let unseen = known.current().filter(|listed| !seen.contains(&listed.id));
    members.extend(unseen.map(|listed| Member { found: Found::without_process(listed), listed: Some(listed) }));
    members
}

/// Puts the members of each pod together.
fn group<'a>(processes: &[SeenProcess], members: &mut Vec<Member<'a>>, host: &NsSet) -> Vec<Vec<Member<'a>>> {
    let hard = |member: &Member| member.uid().or_else(|| member.pod_id()).map(str::to_owned);
    let mut groups = Groups::new(members.iter().map(hard).collect());
    let mut by_key: BTreeMap<(Option<&str>, &str), usize> = BTreeMap::new();
    let mut by_namespace: HashMap<(Option<&str>, NsId), usize> = HashMap::new();
    let by_id: HashMap<&str, usize> = members.iter().enumerate().map(|(i, m)| (m.found.id.as_str(), i)).collect();
    for (i, member) in members.iter().enumerate() {
        let within = member.found.within.as_deref();
        for key in [member.uid(), member.pod_id()].into_iter().flatten() {
            let first = *by_key.entry((within, key)).or_insert(i);
            groups.join_surely(first, i);
        }
    }
    for (i, member) in members.iter().enumerate() {
        if let Some(target) = member.listed.and_then(|listed| listed.joins.as_deref()) {
            let is_target = |other: &Member| other.listed.is_some_and(|l| l.name.as_deref() == Some(target));
            let at = by_id.get(target).copied().or_else(|| members.iter().position(is_target));
            if let Some(at) = at {
                groups.join(at, i);
            }
        }
        // only those of the first process: others may visit another pod's, as nsenter does
        let Some(first) = member.found.processes.first() else { continue };
        let within = member.found.within.as_deref();
        // an engine in a container has that container as its host
        let outer = within.and_then(|outer| members[*by_id.get(outer)?].found.processes.first());
        let outer = outer.map(|outer| processes[*outer].namespaces);
        for kind in SHARED {
            let Some(namespace) = processes[*first].namespaces.get(kind) else { continue };
            let is_hosts = host.get(kind) == Some(namespace) || outer.is_some_and(|o| o.get(kind) == Some(namespace));
            // without the host's own it cannot be told from a pod's
            if is_hosts || host.get(kind).is_none() {
                continue;
            }
            let other = *by_namespace.entry((within, namespace)).or_insert(i);
            groups.join(other, i);
        }
    }
    let of: Vec<usize> = (0..members.len()).map(|i| groups.of(i)).collect();
    let mut grouped: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
    for (root, member) in of.into_iter().zip(members.drain(..)) {
        grouped.entry(root).or_default().push(member);
    }
    grouped.into_values().collect()
}

/// The pod of these containers.
fn pod(processes: &[SeenProcess], mut members: Vec<Member>) -> EnginePod {
    // the oldest first; those without a process last
    let birth = |member: &Member| member.found.processes.first().map(|i| processes[*i].id);
    members.sort_by_key(|member| birth(member).map_or((u64::MAX, 0), |id| (id.start, id.pid)));
    let runtime = members.iter().map(Member::runtime).find(|r| *r != Runtime::Unknown).unwrap_or(Runtime::Unknown);
    let listed_pod = members.iter().find_map(|member| member.listed?.pod.as_ref());
    let kubernetes = members.iter().find_map(|member| member.found.kubernetes.as_ref());
    let uid = members.iter().find_map(Member::uid).map(str::to_owned);
    let name = listed_pod.and_then(|pod| pod.name.clone()).or_else(|| kubernetes.map(|name| name.pod.clone()));
    let namespace =
        listed_pod.and_then(|pod| pod.namespace.clone()).or_else(|| kubernetes.map(|name| name.namespace.clone()));
    let pod_id = members.iter().find_map(Member::pod_id).map(str::to_owned);
    let within = members.first().and_then(|member| member.found.within.clone());
    // the container whose network the others use holds the pod, whatever it runs
    let joined = members.iter().find_map(|member| member.listed?.joins.clone());
    let holder = members.iter().position(|m| joined.is_some() && (Some(&m.found.id) == joined.as_ref()));

    let sandbox = sandbox(processes, &members);
    let mut containers: Vec<EngineContainer> = members.into_iter().map(|m| container(processes, m)).collect();
    let holder = sandbox.or(holder).unwrap_or(0);
    let (holder_id, holder_name) = (containers[holder].id.clone(), containers[holder].name.clone());
    let sandbox = sandbox.map(|at| containers.remove(at));
    EnginePod {
        runtime,
        id: pod_id.or_else(|| uid.clone()).unwrap_or(holder_id),
        name: name.or(holder_name),
        namespace,
        uid,
        sandbox,
        containers,
        within,
    }
}

/// Which of the containers holds the namespaces and does nothing else.
fn sandbox(processes: &[SeenProcess], members: &[Member]) -> Option<usize> {
    // an old sandbox may still be listed
    let told = members.iter().position(|m| m.is_sandbox() && !m.found.processes.is_empty());
    let told = told.or_else(|| members.iter().position(Member::is_sandbox));
    let kind = |member: &Member| {
        let first = member.found.processes.first().map(|i| &processes[*i]);
        first.map_or(Infra::No, |first| infra(first.argv, first.comm))
    };
    told.or_else(|| members.iter().position(|m| kind(m) == Infra::Pause)).or_else(|| {
        let is_idle = |m: &Member| kind(m) == Infra::Init && m.found.processes.len() == 1;
        members.iter().position(is_idle).filter(|_| members.len() > 1)
    })
}

fn container(processes: &[SeenProcess], member: Member) -> EngineContainer {
    let Member { found, listed } = member;
    let status = match (listed.map(|listed| listed.status), found.processes.is_empty()) {
        // what was seen is newer than what was told
        (Some(ContainerStatus::Paused), false) => ContainerStatus::Paused,
        (_, false) => ContainerStatus::Running,
        (Some(told), true) => told,
        (None, true) => ContainerStatus::Unknown,
    };
    let of_kubernetes = found.kubernetes.as_ref().and_then(|name| name.container.clone());
    EngineContainer {
        id: found.id,
        name: listed.and_then(|listed| listed.name.clone()).or(of_kubernetes).or(found.name),
        image: listed.and_then(|listed| listed.image.clone()),
        status,
        processes: found.processes.iter().map(|i| processes[*i].id).collect(),
    }
}

#[cfg(test)]
mod tests;
