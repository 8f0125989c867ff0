//! Pods that no engine knows: processes that share a namespace with a pause, such as one that `unshare(1)` has started
//! and others have joined by `nsenter(1)`.

use std::collections::BTreeMap;

use super::{SHARED, SeenProcess};
use crate::engines::infra::{Infra, infra};
use crate::engines::values::{ContainerStatus, EngineContainer, EnginePod};
use crate::model::{NsId, NsKind, NsSet, Runtime};

/// The pods among processes that are in no container.
///
/// The pause that keeps the namespaces of rootless podman has its own user and mount namespaces only, so it is none.
pub fn pods(processes: &[SeenProcess], loose: &[usize], host: &NsSet) -> Vec<EnginePod> {
    let own = |i: usize| -> Vec<NsId> {
        let of_kind = |kind: NsKind| {
            let (namespace, host) = (processes[i].namespaces.get(kind)?, host.get(kind)?);
            (namespace != host).then_some(namespace)
        };
        SHARED.into_iter().filter_map(of_kind).collect()
    };
    let mut holders: Vec<usize> =
        loose.iter().copied().filter(|i| infra(processes[*i].argv, processes[*i].comm) == Infra::Pause).collect();
    holders.sort_by_key(|i| (processes[*i].id.start, processes[*i].id.pid));
    // the oldest pause in a namespace holds it
    let mut held: BTreeMap<NsId, usize> = BTreeMap::new();
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for holder in holders {
        let own = own(holder);
        if !own.is_empty() && own.iter().all(|namespace| !held.contains_key(namespace)) {
            held.extend(own.into_iter().map(|namespace| (namespace, holder)));
            members.insert(holder, Vec::new());
        }
    }
    if members.is_empty() {
        return Vec::new();
    }
    for i in loose.iter().copied() {
        if !members.contains_key(&i)
            && let Some(holder) = own(i).iter().find_map(|namespace| held.get(namespace)).copied()
        {
            members.entry(holder).or_default().push(i);
        }
    }
    let of = |(holder, members)| Some(pod(processes, *own(holder).first()?, holder, members));
    members.into_iter().filter_map(of).collect()
}

/// Whether a pod was found here.
pub fn is_one(pod: &EnginePod) -> bool {
    pod.id.ends_with(']')
}

fn pod(processes: &[SeenProcess], namespace: NsId, holder: usize, mut members: Vec<usize>) -> EnginePod {
    members.sort_by_key(|i| (processes[*i].id.start, processes[*i].id.pid));
    // what has a mount namespace of its own counts as a container
    let mut containers: BTreeMap<Option<NsId>, Vec<usize>> = BTreeMap::new();
    for i in members {
        containers.entry(processes[i].namespaces.get(NsKind::Mnt)).or_default().push(i);
    }
    let container = |id: String, of: &[usize]| EngineContainer {
        id,
        name: None,
        image: None,
        status: ContainerStatus::Running,
        processes: of.iter().map(|i| processes[*i].id).collect(),
    };
    let sandbox = container(format!("process {}", processes[holder].id), &[holder]);
    let mut containers: Vec<EngineContainer> = containers
        .into_values()
        .filter_map(|of| Some(container(format!("process {}", processes[*of.first()?].id), &of)))
        .collect();
    containers.sort_by_key(|c| c.processes.first().map(|id| (id.start, id.pid)));
    EnginePod {
        runtime: Runtime::Unknown,
        id: namespace.to_string(),
        name: None,
        namespace: None,
        uid: None,
        sandbox: Some(sandbox),
        containers,
        within: None,
    }
}
