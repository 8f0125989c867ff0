//! Puts together what was read: pure, without I/O.

use std::collections::{BTreeMap, HashMap};

use super::seen::{Sighting, count};
use super::{ByInode, Survey};
use crate::model::{
    Cpu, Delta, Facts, Holder, Looked, Namespace, NsId, NsKind, NsSet, Parent, ProcId, Search, Source, Stamp, State,
};
use crate::observe::clock::{self, NS_PER_TICK};
use crate::observe::namespaces::Nsfs;
use crate::observe::proc::Reading;
use crate::observe::reconcile::rss_bytes;

/// The namespaces of a process, as far as they could be read.
pub fn namespaces(reading: &Reading, dev: u64) -> NsSet {
    let mut set = NsSet::default();
    for kind in NsKind::ALL {
        if let Some(ino) = reading.links[kind as usize] {
            set.set(ns_id(kind, ino, dev));
        }
    }
    set
}

/// A single survey sees each inode number once, so all namespaces are of the first generation.
const fn ns_id(kind: NsKind, ino: u64, dev: u64) -> NsId {
    NsId { kind, dev, ino, generation: 0 }
}

pub fn deltas(survey: Survey) -> Vec<Delta> {
    let at = Stamp::by_then(clock::now(), Source::Scan);
    let holders = survey.is_whole.then(|| holders(&survey));
    let search = survey.is_whole.then(|| search(&survey));
    let mut deltas = Vec::with_capacity(survey.processes.len() + survey.namespaces.all.len() + 8);
    deltas.extend(all_namespaces(&survey, holders).map(|namespace| Delta::Namespace { namespace, at }));
    let dev = survey.dev;
    let parents = survey.parents;
    let mut order: Vec<(ProcId, Reading, Stamp)> = Vec::with_capacity(survey.processes.len());
    for Sighting { pid, reading, by, .. } in survey.processes {
        if let Ok(reading) = reading {
            order.push((ProcId { pid, start: reading.stat.start }, reading, Stamp { source: by, ..at }));
        }
    }
    // parents first
    order.sort_unstable_by_key(|(id, ..)| (id.start, id.pid));
    let read = order.iter().map(|(id, ..)| id);
    let by_pid: HashMap<u32, ProcId> = parents.iter().chain(read).map(|id| (id.pid, *id)).collect();
    for (id, reading, at) in order {
        let parent = by_pid.get(&reading.stat.ppid).map_or(Parent::Outside, |parent| Parent::Process(*parent));
        let exit = reading.stat.is_dead().then(|| Delta::Exited { id, status: reading.zombie_status(), at });
        let tracer = reading.status.as_ref().map(|status| status.tracer).filter(|tracer| *tracer != 0);
        if let Some(facts) = facts(id, parent, reading, dev) {
            deltas.push(Delta::Facts { facts: Box::new(facts), at });
            deltas.extend(tracer.map(|tracer| Delta::Traced { id, by: Some(tracer), at }));
            deltas.extend(exit);
        }
    }
    deltas.extend(search.map(|search| Delta::Searched { search: Box::new(search), at }));
    deltas
}

fn facts(id: ProcId, parent: Parent, reading: Reading, dev: u64) -> Option<Facts> {
    let namespaces = namespaces(&reading, dev);
    let Reading { stat, status, cmdline, .. } = reading;
    let rss_bytes = rss_bytes(&stat, status.as_ref());
    let status = status?;
    let cpu = |ticks: u64| Cpu { time_ns: ticks.saturating_mul(NS_PER_TICK), permille: 0 };
    Some(Facts {
        id,
        parent,
        // an exit is told apart
        state: if stat.is_dead() { State::Sleeping } else { stat.state },
        comm: stat.comm,
        cmdline,
        uid: status.uid,
        nspid: status.nspid,
        threads: stat.threads,
        rss_bytes,
        cpu: cpu(stat.cpu_ticks),
        waited_cpu: cpu(stat.waited_ticks),
        signals: status.signals,
        namespaces,
    })
}

fn all_namespaces(survey: &Survey, holders: Option<ByInode<Vec<Holder>>>) -> impl Iterator<Item = Namespace> {
    let dev = survey.dev;
    let mut holders = holders;
    survey.namespaces.all.iter().map(move |((kind, ino), description)| {
        let above = |kind, ns: Option<Nsfs>| ns.map(|ns| ns_id(kind, ns.ino, dev));
        let raw = description.raw;
        Namespace {
            unique: raw.and_then(|raw| raw.ns.unique),
            owner_uid: raw.and_then(|raw| raw.owner_uid),
            owner: above(NsKind::User, raw.and_then(|raw| raw.owner)),
            parent: above(*kind, raw.and_then(|raw| raw.parent)),
            net: description.net,
            holders: holders.as_mut().map(|all| all.remove(&(*kind, *ino)).unwrap_or_default().into()),
            ..Namespace::new(ns_id(*kind, *ino, dev))
        }
    })
}

/// Everything but processes and children that holds each namespace, sorted.
fn holders(survey: &Survey) -> ByInode<Vec<Holder>> {
    let mut all: ByInode<Vec<Holder>> = BTreeMap::new();
    let mut add = |kind, ino, holder| all.entry((kind, ino)).or_default().push(holder);
    let of_net = |(key, description): (&(NsKind, u64), &super::witness::Description)| {
        (key.0 == NsKind::Net).then_some((description.raw?.ns.unique?, key.1))
    };
    let nets: HashMap<u64, u64> = survey.namespaces.all.iter().filter_map(of_net).collect();
    for sighting in &survey.processes {
        let Ok(reading) = &sighting.reading else { continue };
        let process = ProcId { pid: sighting.pid, start: reading.stat.start };
        for ns in &sighting.threads {
            let tid = ns.tid;
            let holder =
                if ns.for_children { Holder::ForChildren { process, tid } } else { Holder::Thread { process, tid } };
            add(ns.kind, ns.ino, holder);
        }
        for ns in &sighting.files {
            add(ns.kind, ns.ino, Holder::File { process, fd: ns.fd });
        }
        for socket in &sighting.sockets {
            let net = match socket.net {
                super::seen::NetOfSocket::Unique(unique) => nets.get(&unique).copied(),
                super::seen::NetOfSocket::Inode(ino) => Some(ino),
            };
            // a process holds its own namespace anyway
            if let Some(net) = net.filter(|net| reading.links[NsKind::Net as usize] != Some(*net)) {
                add(NsKind::Net, net, Holder::Socket { process, fd: socket.fd });
            }
        }
    }
    for mount in &survey.mounts.found {
        let inside = ns_id(NsKind::Mnt, mount.inside, survey.dev);
        let point = mount.point.to_string_lossy().into_owned();
        add(mount.kind, mount.ino, Holder::Mount { inside, id: mount.id, point });
    }
    for holders in all.values_mut() {
        holders.sort_unstable();
    }
    all
}

fn search(survey: &Survey) -> Search {
    let mut search = Search { mounts: survey.mounts.looked, ..Search::default() };
    let mut threads = 0;
    for sighting in &survey.processes {
        count(&mut search.processes, sighting.reading.as_ref().map(|_| ()).map_err(|why| *why));
        let Ok(reading) = &sighting.reading else { continue };
        threads += reading.stat.threads;
        let denied = u32::from(reading.denied);
        search.links = search.links.and(Looked { found: 1, denied, ..Looked::default() });
        search.threads = search.threads.and(sighting.threads_looked);
        search.files = search.files.and(sighting.files_looked);
        search.sockets = search.sockets.and(sighting.sockets_looked);
    }
    search.namespaces = survey.namespaces.unreached;
    search.hidden_threads =
        if survey.shows_all { Some(0) } else { survey.threads.map(|all| all.saturating_sub(threads)) };
    search
}
