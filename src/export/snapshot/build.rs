//! Builds a snapshot from the World.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{self, Capability, Coverage, MonoNs, NsId, NsKind, NsSet, PodUid, Source, World};

use crate::export::lsns::is_in;
use crate::wording::coverage;
use crate::wording::inside::{NOT_READ, why_not_short};

use super::{
    Holder, Host, Inside, Level, Namespace, Namespaces, Pod, Process, SCHEMA, Seen, Selection, Snapshot, events, pods,
};

const ASPECTS: [Capability; 8] = [
    Capability::ProcConnector,
    Capability::Pidfd,
    Capability::PidfdExitInfo,
    Capability::Processes,
    Capability::Namespaces,
    Capability::Holders,
    Capability::Bpf,
    Capability::Cgroups,
];

impl Snapshot {
    pub fn new(world: &World, selection: &Selection) -> Self {
        let processes: Vec<&model::Process> = world.present().filter(|p| selection.includes(p)).collect();
        let mut pods: Vec<Pod> = world
            .pods
            .values()
            .filter(|pod| selection.pids.is_empty() || processes.iter().any(|p| is_of(p, &pod.uid)))
            .map(|p| pods::pod(world, p))
            .collect();
        pods.sort_by(|a, b| (&a.name, &a.uid).cmp(&(&b.name, &b.uid)));
        Self {
            schema: SCHEMA.to_owned(),
            taken_at: rfc3339(world, world.now),
            host: Host {
                kernel: world.host.kernel.clone(),
                boot_id: world.host.boot_id.clone(),
                user: world.host.user.clone(),
                visibility: visibility(world, &processes, selection),
                search: world.search,
            },
            namespaces: namespaces(world, &processes, selection),
            processes: processes.iter().map(|p| process(world, p, selection)).collect(),
            pods,
            events: events::all(world, selection),
        }
    }
}

fn is_of(process: &model::Process, pod: &PodUid) -> bool {
    process.member.as_ref().is_some_and(|m| m.pod == *pod)
}

pub(super) fn rfc3339(world: &World, t: MonoNs) -> String {
    let ns = world.host.anchor.unix_ns_at(t);
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default().to_string()
}

/// The name of the pod, or its uid if the pod is removed.
pub(super) fn pod_name(world: &World, uid: &PodUid) -> String {
    world.pod(uid).map_or_else(|| uid.0.clone(), |p| p.name.clone())
}

fn process(world: &World, p: &model::Process, selection: &Selection) -> Process {
    Process {
        pid: p.id.pid,
        start_time: p.id.start,
        ppid: events::pid_of(p.parent),
        comm: p.comm.clone(),
        cmdline: (!selection.redact).then(|| p.cmdline.clone()),
        state: p.state.letter(),
        uid: p.uid,
        nspid: p.nspid.clone(),
        threads: p.is_alive().then_some(p.threads),
        rss_bytes: p.is_alive().then_some(p.rss_bytes),
        cpu_time_ns: p.cpu.time_ns,
        namespaces: inodes(&p.namespaces),
        pod: p.member.as_ref().map(|m| pod_name(world, &m.pod)),
        container: p.member.as_ref().and_then(|m| m.container.clone()),
    }
}

fn inodes(set: &NsSet) -> Namespaces {
    let ino = |kind| set.get(kind).map(|ns| ns.ino);
    Namespaces {
        cgroup: ino(NsKind::Cgroup),
        ipc: ino(NsKind::Ipc),
        mnt: ino(NsKind::Mnt),
        net: ino(NsKind::Net),
        pid: ino(NsKind::Pid),
        time: ino(NsKind::Time),
        user: ino(NsKind::User),
        uts: ino(NsKind::Uts),
    }
}

fn namespaces(world: &World, processes: &[&model::Process], selection: &Selection) -> Vec<Namespace> {
    let mut members: BTreeMap<NsId, BTreeSet<u32>> = BTreeMap::new();
    for p in processes {
        for ns in p.namespaces.iter() {
            let pids = members.entry(ns).or_default();
            if is_in(p, ns) {
                pids.insert(p.id.pid);
            }
        }
    }
    if selection.pids.is_empty() {
        for id in world.namespaces.keys() {
            members.entry(*id).or_default();
        }
    }
    let mut pending: Vec<NsId> = members.keys().copied().collect();
    while let Some(id) = pending.pop() {
        let above = world.namespaces.get(&id).into_iter().flat_map(|n| [n.owner, n.parent]).flatten();
        for up in above {
            members.entry(up).or_insert_with(|| {
                pending.push(up);
                BTreeSet::new()
            });
        }
    }
    let known = |id: NsId| world.namespaces.get(&id).cloned().unwrap_or(model::Namespace::new(id));
    members
        .into_iter()
        .map(|(id, pids)| {
            let ns = known(id);
            Namespace {
                id: id.ino,
                kind: id.kind,
                owner: ns.owner.map(|o| o.ino),
                parent: ns.parent.map(|p| p.ino),
                owner_uid: ns.owner_uid,
                members: pids.into_iter().collect(),
                unique_id: ns.unique,
                holders: ns.holders.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
                held_by: ns.holders.as_ref().map(|all| all.iter().map(holder).collect()),
                inside: world
                    .inside
                    .get(&id)
                    .map(|inside| Inside { read_at: rfc3339(world, inside.at.t), content: (*inside.content).clone() }),
            }
        })
        .collect()
}

fn holder(holder: &model::Holder) -> Holder {
    match holder {
        model::Holder::Thread { process, tid } => Holder::Thread { pid: process.pid, tid: *tid },
        model::Holder::ForChildren { process, tid } => Holder::ForChildren { pid: process.pid, tid: *tid },
        model::Holder::File { process, fd } => Holder::File { pid: process.pid, fd: *fd },
        model::Holder::Socket { process, fd } => Holder::Socket { pid: process.pid, fd: *fd },
        model::Holder::Mount { inside, id, point } => Holder::Mount { mnt: inside.ino, id: *id, path: point.clone() },
    }
}

/// All sources of facts, so that for each `null` there is a reason.
fn visibility(world: &World, processes: &[&model::Process], selection: &Selection) -> BTreeMap<String, Seen> {
    let mut all: BTreeMap<String, Seen> = ASPECTS
        .into_iter()
        .map(|capability| (key(capability), seen(world, capability).unwrap_or_else(not_searched)))
        .collect();
    // a single scan does not report the namespaces: their links were read with the processes
    let links = all.entry(key(Capability::Namespaces)).or_insert_with(not_searched);
    if !world.visibility.contains_key(&Capability::Namespaces) && !processes.is_empty() {
        *links = Seen { level: Level::Full, reason: None };
    }
    let blind = processes.iter().filter(|p| p.namespaces.0.contains(&None)).count();
    if let Some(seen) = all.get_mut(&key(Capability::Namespaces)).filter(|s| s.level == Level::Full && blind > 0) {
        *seen = Seen { level: Level::Partial, reason: Some(coverage::links_unread(blind, processes.len())) };
    }
    let lost = world.lost.get(&Source::Connector).copied().unwrap_or_default();
    if let Some(seen) = all.get_mut(&key(Capability::ProcConnector)).filter(|s| s.level == Level::Full && lost > 0) {
        *seen = Seen { level: Level::Partial, reason: Some(coverage::events_lost(lost)) };
    }
    if let Some(observer) = seen(world, Capability::Observer) {
        all.insert(key(Capability::Observer), observer);
    }
    let arguments = if selection.redact {
        Seen { level: Level::Missing, reason: Some(coverage::LEFT_OUT.into()) }
    } else {
        Seen { level: Level::Full, reason: None }
    };
    all.insert("arguments".into(), arguments);
    all.insert("inside".into(), inside(world));
    all
}

/// How much of what is in namespaces was read.
fn inside(world: &World) -> Seen {
    let gaps: BTreeSet<&str> =
        world.inside.values().flat_map(|inside| inside.content.gaps()).filter_map(|gap| why_not_short(&gap)).collect();
    if world.inside.is_empty() {
        return Seen { level: Level::Missing, reason: Some(NOT_READ.to_owned()) };
    }
    let reason =
        (!gaps.is_empty()).then(|| format!("parts of it: {}", gaps.into_iter().collect::<Vec<_>>().join(", ")));
    Seen { level: if reason.is_some() { Level::Partial } else { Level::Full }, reason }
}

fn key(capability: Capability) -> String {
    capability.name().replace(' ', "_")
}

fn not_searched() -> Seen {
    Seen { level: Level::Missing, reason: Some(coverage::NOT_SEARCHED.into()) }
}

fn seen(world: &World, capability: Capability) -> Option<Seen> {
    world.visibility.get(&capability).map(|coverage| seen_as(capability, coverage))
}

fn seen_as(capability: Capability, of_it: &Coverage) -> Seen {
    let level = match of_it {
        Coverage::Full => Level::Full,
        Coverage::Partial(_) => Level::Partial,
        Coverage::Missing(_) => Level::Missing,
    };
    Seen { level, reason: coverage::reason(capability, of_it) }
}
