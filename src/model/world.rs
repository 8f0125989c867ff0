//! The picture itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Aspect, Delta, Exit, Facts, Host, Member, MonoNs, Namespace, NsId, Parent, Pod, PodEvent, PodUid, ProcId, Process,
    Reap, Reparent, Sight, Signal, Source, Stamp, State, WaitStatus,
};

/// A signal the user sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub target: ProcId,
    pub signal: Signal,
    pub error: Option<String>,
    pub at: Stamp,
}

/// The lab's node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub process: ProcId,
    pub started: Stamp,
    /// How and when it ended.
    pub ended: Option<(String, Stamp)>,
}

/// Everything known at one instant. Cloning is cheap enough for keyframes: processes and pods are
/// shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The latest time of any delta applied.
    pub now: MonoNs,
    pub host: Host,
    pub visibility: BTreeMap<Aspect, Sight>,
    #[serde(with = "pairs")]
    pub processes: BTreeMap<ProcId, Arc<Process>>,
    #[serde(with = "pairs")]
    pub namespaces: BTreeMap<NsId, Namespace>,
    pub node: Option<Node>,
    pub pods: BTreeMap<PodUid, Arc<Pod>>,
    pub events: VecDeque<PodEvent>,
    pub sent: VecDeque<Sent>,
    /// How often each source lost facts, and how many where it can tell.
    pub lost: BTreeMap<Source, u64>,
    /// Reaped processes in the order of their reaps: the oldest is forgotten first.
    gone: VecDeque<ProcId>,
    /// The living or zombie process that has a pid now.
    by_pid: BTreeMap<u32, ProcId>,
}

impl World {
    /// Reaped processes that are remembered.
    pub const MAX_GONE: usize = 16_384;
    /// Pod events, and signals sent, that are remembered.
    pub const MAX_EVENTS: usize = 4_096;

    pub fn apply(&mut self, delta: &Delta) {
        self.now = self.now.max(delta.time());
        match delta {
            Delta::Host { host, .. } => self.host = host.clone(),
            Delta::Visibility { aspect, sight, .. } => {
                self.visibility.insert(*aspect, sight.clone());
            }
            Delta::Born { id, parent, at } => self.born(*id, *parent, *at),
            Delta::Facts { facts, at } => self.facts(facts, *at),
            Delta::Exec { id, comm, cmdline, at } => {
                let p = self.process_mut(*id, *at);
                p.comm.clone_from(comm);
                p.cmdline.clone_from(cmdline);
                p.execs.push(*at);
                // execve resets caught signals (execve(2)); a reading will tell the new ones
                p.signals.caught = 0;
            }
            Delta::Renamed { id, comm, at } => self.process_mut(*id, *at).comm.clone_from(comm),
            Delta::State { id, state, at } => {
                let p = self.process_mut(*id, *at);
                if p.is_alive() {
                    p.state = *state;
                }
            }
            Delta::Exited { id, status, at } => self.exited(*id, *status, *at),
            Delta::Reparented { id, from, to, at } => {
                let p = self.process_mut(*id, *at);
                p.parent = *to;
                p.reparents.push(Reparent { at: *at, from: *from, to: *to });
            }
            Delta::Reaped { id, by, at } => self.reaped(*id, *by, *at),
            Delta::Joined { id, member, at } => self.joined(*id, member, *at),
            Delta::Namespace { namespace, .. } => {
                self.namespaces.insert(namespace.id, *namespace);
            }
            Delta::NodeStarted { id, at } => self.node = Some(Node { process: *id, started: *at, ended: None }),
            Delta::NodeEnded { reason, at } => {
                if let Some(node) = &mut self.node {
                    node.ended = Some((reason.clone(), *at));
                }
            }
            Delta::Pod { pod, .. } => {
                self.pods.insert(pod.uid.clone(), Arc::new((**pod).clone()));
            }
            Delta::PodRemoved { uid, .. } => {
                self.pods.remove(uid);
            }
            Delta::Event { event } => push_bounded(&mut self.events, event.clone()),
            Delta::Signalled { target, signal, error, at } => {
                let sent = Sent { target: *target, signal: *signal, error: error.clone(), at: *at };
                push_bounded(&mut self.sent, sent);
            }
            Delta::Lost { source, count, .. } => *self.lost.entry(*source).or_default() += count.unwrap_or(1),
        }
    }

    fn process_mut(&mut self, id: ProcId, at: Stamp) -> &mut Process {
        let entry = self.processes.entry(id).or_insert_with(|| {
            self.by_pid.insert(id.pid, id);
            // heard of before it was seen: it was alive by then
            Arc::new(Process::new(id, Parent::Unknown, Stamp::by_then(at.t, at.source)))
        });
        Arc::make_mut(entry)
    }

    fn born(&mut self, id: ProcId, parent: Parent, at: Stamp) {
        let from = parent.process().and_then(|p| self.processes.get(&p)).cloned();
        let p = self.process_mut(id, at);
        p.born = at;
        p.parent = parent;
        if let Some(from) = from {
            if p.cmdline.is_empty() && p.comm.is_empty() {
                p.comm.clone_from(&from.comm);
                p.cmdline.clone_from(&from.cmdline);
            }
            let mut namespaces = from.namespaces;
            namespaces.merge(&p.namespaces);
            p.namespaces = namespaces;
            p.uid = p.uid.or(from.uid);
            if p.signals == super::SignalMasks::default() {
                p.signals = from.signals;
            }
            if p.member.is_none() {
                p.member.clone_from(&from.member);
            }
        }
    }

    fn facts(&mut self, facts: &Facts, at: Stamp) {
        let inherited = facts.parent.process().and_then(|p| self.processes.get(&p)).and_then(|p| p.member.clone());
        let p = self.process_mut(facts.id, at);
        if !facts.comm.is_empty() {
            p.comm.clone_from(&facts.comm);
        }
        // a zombie has no arguments any more: keep those it lived with
        if !facts.cmdline.is_empty() {
            p.cmdline.clone_from(&facts.cmdline);
        }
        if !facts.nspid.is_empty() {
            p.nspid.clone_from(&facts.nspid);
        }
        if p.parent == Parent::Unknown {
            p.parent = facts.parent;
        }
        p.uid = Some(facts.uid);
        p.namespaces.merge(&facts.namespaces);
        if p.is_alive() {
            p.state = facts.state;
            if facts.state == State::Zombie {
                p.exit = Some(Exit { at: Stamp::by_then(at.t, at.source), status: None });
            } else {
                p.threads = facts.threads;
                p.rss_bytes = facts.rss_bytes;
                p.signals = facts.signals;
            }
        }
        if p.member.is_none() {
            p.member = inherited;
        }
    }

    fn exited(&mut self, id: ProcId, status: Option<WaitStatus>, at: Stamp) {
        let p = self.process_mut(id, at);
        let known = p.exit;
        let sharper = known.is_none_or(|e| at.precision < e.at.precision);
        p.exit = Some(Exit {
            at: known.filter(|_| !sharper).map_or(at, |e| e.at),
            status: known.and_then(|e| e.status).or(status),
        });
        p.rss_bytes = 0;
        if p.reap.is_none() {
            p.state = State::Zombie;
        }
    }

    fn reaped(&mut self, id: ProcId, by: Parent, at: Stamp) {
        let p = self.process_mut(id, at);
        let first = p.reap.is_none();
        match &mut p.reap {
            None => p.reap = Some(Reap { at, by }),
            Some(known) => {
                // every report of a reap is late, so of two equals the earlier is nearer
                if (at.precision, at.t) < (known.at.precision, known.at.t) {
                    known.at = at;
                }
                if known.by == Parent::Unknown {
                    known.by = by;
                }
            }
        }
        p.state = State::Gone;
        p.rss_bytes = 0;
        if p.exit.is_none() {
            // it cannot have been reaped without having ended
            p.exit = Some(Exit { at: Stamp::by_then(at.t, Source::Inferred), status: None });
        }
        if first {
            if self.by_pid.get(&id.pid) == Some(&id) {
                self.by_pid.remove(&id.pid);
            }
            self.gone.push_back(id);
            if self.gone.len() > Self::MAX_GONE
                && let Some(oldest) = self.gone.pop_front()
            {
                self.processes.remove(&oldest);
            }
        }
    }

    fn joined(&mut self, id: ProcId, member: &Member, at: Stamp) {
        self.process_mut(id, at).member = Some(member.clone());
        // children born between the fork and this report
        let mut heads = vec![id];
        while let Some(head) = heads.pop() {
            let children: Vec<ProcId> = self.children(head).filter(|c| c.member.is_none()).map(|c| c.id).collect();
            for child in children {
                self.process_mut(child, at).member = Some(member.clone());
                heads.push(child);
            }
        }
    }

    /// The process that bears this pid now.
    pub fn by_pid(&self, pid: u32) -> Option<ProcId> {
        self.by_pid.get(&pid).copied()
    }

    pub fn process(&self, id: ProcId) -> Option<&Process> {
        self.processes.get(&id).map(Arc::as_ref)
    }

    /// Not yet reaped, by (pid, start).
    pub fn present(&self) -> impl Iterator<Item = &Process> {
        self.by_pid.values().filter_map(|id| self.process(*id))
    }

    /// All whose parent it is, the reaped ones too.
    pub fn children(&self, id: ProcId) -> impl Iterator<Item = &Process> {
        self.processes.values().map(Arc::as_ref).filter(move |p| p.parent == Parent::Process(id))
    }

    pub fn pod(&self, uid: &PodUid) -> Option<&Pod> {
        self.pods.get(uid).map(Arc::as_ref)
    }

    pub fn pod_named(&self, name: &str) -> Option<&Pod> {
        self.pods.values().map(Arc::as_ref).find(|p| p.name == name)
    }

    /// Processes of a pod that are not yet reaped.
    pub fn pod_processes<'a>(&'a self, uid: &'a PodUid) -> impl Iterator<Item = &'a Process> {
        self.present().filter(move |p| p.member.as_ref().is_some_and(|m| m.pod == *uid))
    }

    /// Living processes in a namespace: what keeps it alive, next to open files and bind mounts.
    pub fn ns_members(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        self.present().filter(move |p| p.is_alive() && p.namespaces.get(ns.kind) == Some(ns))
    }

    /// Whether it is the observer's own instance.
    pub fn is_host_ns(&self, ns: NsId) -> bool {
        self.host.namespaces.get(ns.kind) == Some(ns)
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    queue.push_back(item);
    if queue.len() > World::MAX_EVENTS {
        queue.pop_front();
    }
}

/// Maps with structured keys as lists of values' pairs, since JSON keys are strings.
mod pairs {
    use std::collections::BTreeMap;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub fn deserialize<'de, K, V, D>(d: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(d)?.into_iter().collect())
    }
}
