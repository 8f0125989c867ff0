//! Which process belongs to which container.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::SeenProcess;
use crate::engines::cgroup_path::{Level, PodKey, levels};
use crate::engines::known::Known;
use crate::engines::monitor::{KubernetesName, Monitor};
use crate::engines::values::ListedContainer;
use crate::model::{NsId, NsKind, Runtime};

/// A container as cgroups and arguments show it.
#[derive(Debug)]
pub struct Found {
    pub runtime: Runtime,
    pub id: String,
    /// From the arguments of its conmon.
    pub name: Option<String>,
    pub kubernetes: Option<KubernetesName>,
    pub pod: Option<PodKey>,
    /// The sandbox's id, from the arguments of containerd's shim above a container of a kubelet.
    pub shim: Option<String>,
    pub within: Option<String>,
    /// Places in the list of processes.
    pub processes: Vec<usize>,
}

impl Found {
    fn new(runtime: Runtime, id: String, within: Option<String>) -> Self {
        Self { runtime, id, name: None, kubernetes: None, pod: None, shim: None, within, processes: Vec::new() }
    }

    pub fn without_process(listed: &ListedContainer) -> Self {
        Self::new(listed.runtime, listed.id.clone(), None)
    }
}

/// The outer container and the id.
type Key = (Option<String>, String);

/// The containers, and the processes that are in none and belong to no engine.
pub fn find_containers(processes: &[SeenProcess], known: &Known) -> (Vec<Found>, Vec<usize>) {
    let monitors: Vec<Option<Monitor>> = processes.iter().map(|p| Monitor::of(p.argv)).collect();
    let above = nearest_above(processes, &monitors);
    let shims: BTreeSet<(&str, &str)> = monitors
        .iter()
        .filter_map(|monitor| match monitor {
            Some(Monitor::Shim { namespace, id }) => Some((namespace.as_str(), id.as_str())),
            _ => None,
        })
        .collect();
    let is_confirmed = |id: &str| known.container(id).is_some() || shims.iter().any(|(_, shim)| *shim == id);
    let levels: Vec<Vec<Level>> = processes
        .iter()
        .map(|process| {
            let mut levels = levels(process.cgroup);
            levels.retain(|level| !level.is_uncertain || level.container.as_deref().is_some_and(is_confirmed));
            // a monitor, or a process in a pod's own cgroup, is in the container around the engine
            while levels.last().is_some_and(|last| last.is_monitor || last.container.is_none()) {
                levels.pop();
            }
            levels
        })
        .collect();

    let mut found: BTreeMap<Key, Found> = BTreeMap::new();
    let mut loose = Vec::new();
    let mut by_conmon = Vec::new();
    for (i, process) in processes.iter().enumerate() {
        let level = levels[i].last();
        if let Some(Monitor::Conmon { .. }) = above[i].and_then(|at| monitors[at].as_ref())
            && let Some(conmon) = above[i]
            && levels[conmon] == levels[i]
        {
            // the cgroup tells no more than that of its monitor
            let mount = |at: usize| processes[at].namespaces.get(NsKind::Mnt);
            let is_engines_own = monitors[i].is_some() || (mount(i).is_some() && mount(i) == mount(conmon));
            if !is_engines_own {
                by_conmon.push((i, conmon));
            }
            continue;
        }
        let Some(Level { runtime, container: Some(id), pod, .. }) = level else {
            if monitors[i].is_none() {
                loose.push(i);
            }
            continue;
        };
        let within = levels[i].iter().rev().nth(1).and_then(|outer| outer.container.clone());
        let container =
            found.entry((within.clone(), id.clone())).or_insert_with(|| Found::new(*runtime, id.clone(), within));
        container.pod = container.pod.take().or_else(|| pod.clone());
        container.processes.push(i);
        if let Some(monitor) = above[i].and_then(|at| monitors[at].as_ref()) {
            container.take(monitor, process.parent == above[i].map(|at| processes[at].id));
        }
    }
    for (i, key) in of_conmon(processes, &monitors, &levels, &by_conmon) {
        let (within, id) = key.clone();
        let container = found.entry(key).or_insert_with(|| Found::new(Runtime::Unknown, id, within));
        container.processes.push(i);
        let monitor = above[i].and_then(|at| monitors[at].as_ref());
        if let Some(monitor @ Monitor::Conmon { container: id, .. }) = monitor
            && *id == container.id
        {
            container.take(monitor, true);
        }
    }
    (found.into_values().collect(), loose)
}

impl Found {
    /// Takes what the arguments of the monitor say. Of a container in another container the inner engine's monitor
    /// counts, so the process must be its child.
    fn take(&mut self, monitor: &Monitor, is_parent: bool) {
        if !is_parent {
            return;
        }
        match monitor {
            Monitor::Conmon { runtime, container, name } if *container == self.id => {
                if self.runtime == Runtime::Unknown {
                    self.runtime = *runtime;
                }
                self.kubernetes = name.as_deref().and_then(KubernetesName::parse);
                self.name.clone_from(name);
            }
            Monitor::Conmon { .. } => {}
            Monitor::Shim { namespace, id } => {
                if self.runtime == Runtime::Unknown {
                    self.runtime = if namespace == "moby" { Runtime::Docker } else { Runtime::Containerd };
                }
                if namespace == "k8s.io" {
                    self.shim = Some(id.clone());
                }
            }
        }
    }
}

/// For each process the nearest monitor above it.
fn nearest_above(processes: &[SeenProcess], monitors: &[Option<Monitor>]) -> Vec<Option<usize>> {
    let place: HashMap<_, usize> = processes.iter().enumerate().map(|(i, p)| (p.id, i)).collect();
    let parent = |i: usize| processes[i].parent.and_then(|id| place.get(&id).copied());
    // `None` is not known yet
    let mut above: Vec<Option<Option<usize>>> = vec![None; processes.len()];
    for i in 0..processes.len() {
        let mut way = Vec::new();
        let mut at = i;
        let answer = loop {
            if let Some(answer) = above[at] {
                break answer;
            }
            // read at different moments, parents can run in a circle; this breaks it
            above[at] = Some(None);
            way.push(at);
            match parent(at) {
                Some(up) if monitors[up].is_some() => break Some(up),
                Some(up) => at = up,
                None => break None,
            }
        };
        for step in way {
            above[step] = Some(answer);
        }
    }
    above.into_iter().map(Option::flatten).collect()
}

/// The container of each process below a conmon.
///
/// An orphan in a shared pid namespace becomes a child of the pod's pause, below another conmon. Its mount namespace
/// tells where it comes from.
fn of_conmon(
    processes: &[SeenProcess],
    monitors: &[Option<Monitor>],
    levels: &[Vec<Level>],
    by_conmon: &[(usize, usize)],
) -> Vec<(usize, Key)> {
    let key = |conmon: usize| match &monitors[conmon] {
        Some(Monitor::Conmon { container, .. }) => {
            let within = levels[conmon].last().and_then(|outer| outer.container.clone());
            Some((within, container.clone()))
        }
        _ => None,
    };
    let mut owners: HashMap<NsId, BTreeSet<usize>> = HashMap::new();
    let mount = |i: usize| processes[i].namespaces.get(NsKind::Mnt);
    for (i, conmon) in by_conmon.iter().copied().filter(|(i, conmon)| is_child(processes, *i, *conmon)) {
        if let Some(mount) = mount(i) {
            owners.entry(mount).or_default().insert(conmon);
        }
    }
    let owner = |i: usize, conmon: usize| {
        let owners = mount(i).and_then(|mount| owners.get(&mount));
        match owners {
            Some(owners) if owners.len() == 1 && !is_child(processes, i, conmon) => {
                owners.first().copied().unwrap_or(conmon)
            }
            _ => conmon,
        }
    };
    by_conmon.iter().filter_map(|(i, conmon)| Some((*i, key(owner(*i, *conmon))?))).collect()
}

fn is_child(processes: &[SeenProcess], i: usize, of: usize) -> bool {
    processes[i].parent == Some(processes[of].id)
}
