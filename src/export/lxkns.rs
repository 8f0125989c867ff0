//! The JSON of a discovery of lxkns (<https://github.com/thediveo/lxkns>, `DiscoveryResult` of its OpenAPI document).
//!
//! What Podscope does not read is empty, and `discovery-options` says so: cgroups and the freezer, mounts other than
//! those of namespaces, and the tasks of a process besides its first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use super::Selection;
use super::lsns::{is_in, user_name};
use crate::model::text::escaped_json;
use crate::model::{Holder, Namespace, NsId, NsKind, NsSet, Parent, Process, World};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Output {
    discovery_options: Options,
    namespaces: BTreeMap<u64, DiscoveredNamespace>,
    processes: BTreeMap<u32, DiscoveredProcess>,
    containers: Map<String, Value>,
    container_engines: Map<String, Value>,
    container_groups: Map<String, Value>,
    cpus_online: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Options {
    from_procs: bool,
    from_tasks: bool,
    from_fds: bool,
    from_bindmounts: bool,
    with_hierarchy: bool,
    with_ownership: bool,
    with_freezer: bool,
    with_mounts: bool,
    scanned_namespace_types: [NsKind; 8],
    labels: BTreeMap<String, String>,
}

/// Empty lists and unknown numbers are left out, as lxkns does.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DiscoveredNamespace {
    nsid: u64,
    r#type: NsKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reference: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaders: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loose_threads: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ealdorman: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possessions: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
}

#[derive(Serialize)]
struct DiscoveredProcess {
    pid: u32,
    ppid: u32,
    cmdline: Vec<String>,
    tasks: Vec<Task>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Task {
    tid: u32,
    #[serde(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Common {
    name: String,
    starttime: u64,
    namespaces: BTreeMap<NsKind, u64>,
    cpucgroup: &'static str,
    fridgecgroup: &'static str,
    fridgefrozen: bool,
}

pub fn render(world: &World, selection: &Selection) -> String {
    let processes: Vec<&Process> = world.present().filter(|p| selection.includes(p)).collect();
    let leaders = leaders(world, &processes);
    let wanted = |ns: &&Namespace| selection.pids.is_empty() || leaders.contains_key(&ns.id);
    let output = Output {
        discovery_options: Options {
            from_procs: true,
            from_tasks: world.search.is_some(),
            from_fds: world.search.is_some(),
            from_bindmounts: world.search.is_some(),
            with_hierarchy: true,
            with_ownership: true,
            with_freezer: false,
            with_mounts: false,
            scanned_namespace_types: NsKind::ALL,
            labels: BTreeMap::new(),
        },
        namespaces: world
            .namespaces
            .values()
            .filter(wanted)
            .map(|ns| (ns.id.ino, namespace(world, ns, &leaders)))
            .collect(),
        processes: processes.iter().map(|p| (p.id.pid, process(p, selection))).collect(),
        containers: Map::new(),
        container_engines: Map::new(),
        container_groups: Map::new(),
        cpus_online: [],
    };
    // plain structs with string keys: serialisation to a string cannot fail
    let mut text = serde_json::to_string_pretty(&output).unwrap_or_default();
    text.push('\n');
    escaped_json(text)
}

type Leaders<'a> = BTreeMap<NsId, Vec<&'a Process>>;

/// The topmost processes in each namespace: those whose parent is in another one. The oldest is first.
fn leaders<'a>(world: &World, processes: &[&'a Process]) -> Leaders<'a> {
    let mut all = Leaders::new();
    for process in processes {
        let parent = process.parent.process().and_then(|parent| world.process(parent));
        for ns in process.namespaces.iter().filter(|ns| is_in(process, *ns)) {
            let of_it = all.entry(ns).or_default();
            if parent.and_then(|parent| parent.namespaces.get(ns.kind)) != Some(ns) {
                of_it.push(process);
            }
        }
    }
    for of_it in all.values_mut() {
        of_it.sort_by_key(|process| (process.id.start, process.id.pid));
    }
    all
}

fn namespace(world: &World, ns: &Namespace, leaders: &Leaders) -> DiscoveredNamespace {
    let of_it = leaders.get(&ns.id).map(Vec::as_slice).unwrap_or_default();
    let below = |above: fn(&Namespace) -> Option<NsId>| {
        world.namespaces.values().filter(move |below| above(below) == Some(ns.id)).map(|below| below.id.ino)
    };
    let owner_uid = ns.owner_uid.filter(|_| ns.id.kind == NsKind::User);
    let loose: BTreeSet<u32> = holders(ns).iter().filter_map(loose_thread).collect();
    DiscoveredNamespace {
        nsid: ns.id.ino,
        r#type: ns.id.kind,
        // of a user namespace the owner is its parent, and lxkns does not say it twice
        owner: ns.owner.filter(|_| ns.id.kind != NsKind::User).map(|owner| owner.ino),
        reference: reference(ns, leaders),
        leaders: of_it.iter().map(|process| process.id.pid).collect(),
        loose_threads: loose.into_iter().collect(),
        parent: ns.parent.map(|parent| parent.ino),
        ealdorman: of_it.first().map(|process| process.id.pid),
        children: below(|ns| ns.parent).collect(),
        possessions: below(|ns| ns.owner.filter(|_| ns.id.kind != NsKind::User)).collect(),
        user_id: owner_uid,
        user_name: owner_uid.map(user_name),
    }
}

fn holders(ns: &Namespace) -> &[Holder] {
    ns.holders.as_deref().unwrap_or_default()
}

const fn loose_thread(holder: &Holder) -> Option<u32> {
    match holder {
        Holder::Thread { tid, .. } => Some(*tid),
        _ => None,
    }
}

/// Paths that lead to the namespace one after the other: a mount point is looked up in the mount namespace before it.
fn reference(ns: &Namespace, leaders: &Leaders) -> Vec<String> {
    let kind = ns.id.kind;
    let of = |id: NsId| leaders.get(&id)?.first().map(|process| format!("/proc/{}/ns/{}", process.id, id.kind));
    if let Some(path) = of(ns.id) {
        return vec![path];
    }
    // a thread before an open file, and a mount last, as they are sorted
    match holders(ns).iter().find(|holder| !matches!(holder, Holder::Socket { .. })) {
        Some(Holder::Thread { tid, .. }) => vec![format!("/proc/{tid}/ns/{kind}")],
        Some(Holder::ForChildren { tid, .. }) => vec![format!("/proc/{tid}/ns/{kind}_for_children")],
        Some(Holder::File { process, fd }) => vec![format!("/proc/{process}/fd/{fd}")],
        Some(Holder::Mount { inside, point, .. }) => of(*inside).into_iter().chain([point.clone()]).collect(),
        Some(Holder::Socket { .. }) | None => Vec::new(),
    }
}

fn process(process: &Process, selection: &Selection) -> DiscoveredProcess {
    let common = || Common {
        name: process.comm.clone(),
        starttime: process.id.start,
        namespaces: inodes(process, &process.namespaces),
        cpucgroup: "",
        fridgecgroup: "",
        fridgefrozen: false,
    };
    DiscoveredProcess {
        pid: process.id.pid,
        ppid: match process.parent {
            Parent::Process(parent) => parent.pid,
            Parent::Outside | Parent::Unknown => 0,
        },
        cmdline: if selection.redact { Vec::new() } else { process.cmdline.clone() },
        tasks: vec![Task { tid: process.id.pid, common: common() }],
        common: common(),
    }
}

fn inodes(process: &Process, set: &NsSet) -> BTreeMap<NsKind, u64> {
    set.iter().filter(|ns| is_in(process, *ns)).map(|ns| (ns.kind, ns.ino)).collect()
}
