//! The state of the machine at one moment.

mod pid_space;
mod query;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::prediction::Effect;
use super::{
    Capability, Cgroup, CgroupUsage, Coverage, Delta, Exit, Facts, Host, Member, MonoNs, Namespace, NsId, Parent, Pod,
    PodEvent, PodUid, ProcId, Process, Reap, Reparent, Signal, SignalMasks, Source, Stamp, State, WaitStatus,
};
use pid_space::PidSpace;

/// A signal that the user sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub target: ProcId,
    pub signal: Signal,
    /// The predicted effect on the target.
    #[serde(default)]
    pub effect: Option<Effect>,
    /// The processes that were predicted to end with the target.
    #[serde(alias = "foretold")]
    pub also_end: Vec<ProcId>,
    pub error: Option<String>,
    pub at: Stamp,
}

/// The lab's node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub process: ProcId,
    pub started: Stamp,
    /// Since when it has not sent an answer that was due at once.
    #[serde(default)]
    pub silent: Option<Stamp>,
    /// How and when it ended.
    pub ended: Option<(String, Stamp)>,
}

/// Why the lab's node does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeTrouble<'a> {
    /// The kernel shows it as stopped, by a signal or by a tracer.
    Stopped(ProcId),
    /// It has not answered since then.
    Silent(ProcId, MonoNs),
    /// How it ended.
    Ended(&'a str),
}

/// Everything known at one moment. A clone is cheap enough for a keyframe: processes and pods are shared until they
/// change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The latest time of all deltas applied so far.
    pub now: MonoNs,
    pub host: Host,
    pub visibility: BTreeMap<Capability, Coverage>,
    #[serde(with = "pairs")]
    pub processes: BTreeMap<ProcId, Arc<Process>>,
    #[serde(with = "pairs")]
    pub namespaces: BTreeMap<NsId, Namespace>,
    pub node: Option<Node>,
    pub pods: BTreeMap<PodUid, Arc<Pod>>,
    /// The cgroups of the members that have their own.
    #[serde(with = "pairs")]
    pub cgroups: BTreeMap<Member, Cgroup>,
    pub events: VecDeque<PodEvent>,
    pub sent: VecDeque<Sent>,
    /// How many facts each source lost. A loss counts as one if the source cannot tell how many.
    pub lost: BTreeMap<Source, u64>,
    /// Reaped processes in the order of their reaps: the oldest is forgotten first.
    gone: VecDeque<ProcId>,
    /// The process, living or zombie, that has each pid now.
    by_pid: BTreeMap<u32, ProcId>,
    /// (parent, child) of every remembered process with a known parent.
    by_parent: BTreeSet<(ProcId, ProcId)>,
    #[serde(with = "pairs", default)]
    pid_spaces: BTreeMap<NsId, PidSpace>,
}

impl World {
    /// How many reaped processes are remembered.
    pub const MAX_GONE: usize = 16_384;
    /// How many pod events, and how many sent signals, are remembered.
    pub const MAX_EVENTS: usize = 4_096;
    /// Above this number, namespaces that no remembered process was in are forgotten.
    pub const MAX_NAMESPACES: usize = 4_096;
    /// How many execs, and how many reparents, are remembered of one process.
    pub const MAX_STEPS: usize = 256;

    pub fn apply(&mut self, delta: &Delta) {
        self.now = self.now.max(delta.time());
        match delta {
            Delta::Host { host, .. } => self.host = (**host).clone(),
            Delta::Visibility { capability, coverage, .. } => {
                self.visibility.insert(*capability, coverage.clone());
            }
            Delta::Born { id, parent, at } => self.born(*id, *parent, *at),
            Delta::Facts { facts, at } => self.facts(facts, *at),
            Delta::Changed { id, changes, at } => {
                self.process_mut(*id, *at).change(changes);
                self.record_in_pid_space(*id);
            }
            Delta::ProcessUsage { id, usage, at } => self.process_mut(*id, *at).set_usage(*usage),
            Delta::Exec { id, comm, cmdline, at } => {
                let p = self.process_mut(*id, *at);
                p.comm.clone_from(comm);
                p.cmdline.clone_from(cmdline);
                push_step(&mut p.execs, *at);
                p.signals = p.signals.after_exec();
            }
            Delta::Renamed { id, comm, at } => self.process_mut(*id, *at).comm.clone_from(comm),
            Delta::State { id, state, at } => {
                let p = self.process_mut(*id, *at);
                if p.is_alive() {
                    p.state = *state;
                }
            }
            Delta::Exited { id, status, at } => self.exited(*id, *status, *at),
            Delta::Reparented { id, from, to, at } => self.reparented(*id, Reparent { at: *at, from: *from, to: *to }),
            Delta::Reaped { id, by, at } => self.reaped(*id, *by, *at),
            Delta::Joined { id, member, at } => self.joined(*id, member, *at),
            Delta::Cgroup { member, path: Some(path), .. } => {
                let cgroup = Cgroup { path: path.clone(), usage: CgroupUsage::default() };
                self.cgroups.insert(member.clone(), cgroup);
            }
            Delta::Cgroup { member, path: None, .. } => drop(self.cgroups.remove(member)),
            Delta::Usage { member, usage, .. } => {
                if let Some(cgroup) = self.cgroups.get_mut(member) {
                    cgroup.usage = *usage;
                }
            }
            Delta::Namespace { namespace, .. } => {
                let new = self.namespaces.insert(namespace.id, *namespace).is_none();
                let count = self.namespaces.len();
                if new && count > Self::MAX_NAMESPACES && count.is_multiple_of(Self::MAX_NAMESPACES / 4) {
                    self.forget_namespaces();
                }
            }
            Delta::NodeStarted { id, at } => {
                self.node = Some(Node { process: *id, started: *at, silent: None, ended: None });
            }
            Delta::NodeSilent { silent, at } => {
                if let Some(node) = &mut self.node {
                    node.silent = silent.then_some(*at);
                }
            }
            Delta::NodeEnded { reason, at } => {
                if let Some(node) = &mut self.node {
                    node.ended = Some((reason.clone(), *at));
                }
                self.cgroups.clear();
            }
            Delta::Pod { pod, .. } => {
                self.pods.insert(pod.uid.clone(), Arc::new((**pod).clone()));
            }
            Delta::PodRemoved { uid, .. } => {
                self.pods.remove(uid);
                self.cgroups.retain(|member, _| member.pod != *uid);
            }
            Delta::Event { event } => push_bounded(&mut self.events, event.clone()),
            Delta::Signalled { target, signal, effect, also_end, error, at } => {
                let (also_end, error) = (also_end.clone(), error.clone());
                let sent = Sent { target: *target, signal: *signal, effect: *effect, also_end, error, at: *at };
                push_bounded(&mut self.sent, sent);
            }
            Delta::Lost { source, count, .. } => {
                let lost = self.lost.entry(*source).or_default();
                *lost = lost.saturating_add(count.unwrap_or(1));
            }
        }
    }

    fn process_mut(&mut self, id: ProcId, at: Stamp) -> &mut Process {
        if !self.processes.contains_key(&id) {
            self.enter(id, at);
        }
        let fresh = || Arc::new(Process::new(id, Parent::Unknown, born_by(at)));
        let p = Arc::make_mut(self.processes.entry(id).or_insert_with(fresh));
        if born_by(at).is_better_than(p.born) {
            p.born = born_by(at);
        }
        p
    }

    /// Adds a process that was not known. Only one process has a pid at a time, so of two the one that started first
    /// has been reaped.
    fn enter(&mut self, id: ProcId, at: Stamp) {
        self.processes.insert(id, Arc::new(Process::new(id, Parent::Unknown, born_by(at))));
        let reused = Stamp::by_then(at.t, Source::Inferred);
        match self.by_pid.get(&id.pid).copied() {
            Some(newer) if newer.start > id.start => self.reaped(id, Parent::Unknown, reused),
            Some(older) => {
                self.by_pid.insert(id.pid, id);
                self.reaped(older, Parent::Unknown, reused);
            }
            None => {
                self.by_pid.insert(id.pid, id);
            }
        }
    }

    fn set_parent(&mut self, id: ProcId, parent: Parent, at: Stamp) {
        let p = self.process_mut(id, at);
        let before = std::mem::replace(&mut p.parent, parent);
        if let Some(before) = before.process() {
            self.by_parent.remove(&(before, id));
        }
        if let Some(parent) = parent.process() {
            self.by_parent.insert((parent, id));
        }
    }

    fn reparented(&mut self, id: ProcId, step: Reparent) {
        let steps = &mut self.process_mut(id, step.at).reparents;
        let place = steps.partition_point(|s| s.at.t <= step.at.t);
        steps.insert(place, step);
        if steps.len() > Self::MAX_STEPS {
            steps.remove(0);
        }
        let parent = steps.last().map_or(step.to, |s| s.to);
        self.set_parent(id, parent, step.at);
    }

    fn born(&mut self, id: ProcId, parent: Parent, at: Stamp) {
        let from = parent.process().and_then(|p| self.processes.get(&p)).cloned();
        let p = self.process_mut(id, at);
        if at.is_better_than(p.born) {
            p.born = at;
        }
        if p.reparents.is_empty() {
            self.set_parent(id, parent, at);
        }
        let p = self.process_mut(id, at);
        if let Some(from) = from {
            if p.cmdline.is_empty() && p.comm.is_empty() {
                p.comm.clone_from(&from.comm);
                p.cmdline.clone_from(&from.cmdline);
            }
            let mut namespaces = from.namespaces;
            namespaces.merge(&p.namespaces);
            p.namespaces = namespaces;
            // if its uid is known, its signals were read too, and it may have none
            if p.uid.is_none() && p.signals == SignalMasks::default() {
                p.signals = from.signals;
            }
            p.uid = p.uid.or(from.uid);
            if p.member.is_none() {
                p.member.clone_from(&from.member);
            }
        }
        self.record_in_pid_space(id);
    }

    fn facts(&mut self, facts: &Facts, at: Stamp) {
        let inherited = facts.parent.process().and_then(|p| self.processes.get(&p)).and_then(|p| p.member.clone());
        let p = self.process_mut(facts.id, at);
        if !facts.comm.is_empty() {
            p.comm.clone_from(&facts.comm);
        }
        // a zombie has no arguments any more: keep the earlier ones
        if !facts.cmdline.is_empty() {
            p.cmdline.clone_from(&facts.cmdline);
        }
        if !facts.nspid.is_empty() {
            p.nspid.clone_from(&facts.nspid);
        }
        let orphan = p.parent == Parent::Unknown;
        p.uid = Some(facts.uid);
        p.namespaces.merge(&facts.namespaces);
        if p.is_alive() {
            p.state = facts.state;
            // with more threads than the leader it still lives (`Process::threads_without_leader`)
            if facts.state == State::Zombie && facts.threads <= 1 {
                p.exit = Some(Exit { at: Stamp::by_then(at.t, at.source), status: None });
            } else {
                p.threads = facts.threads;
                p.rss_bytes = facts.rss_bytes;
                (p.cpu, p.waited_cpu) = (facts.cpu, facts.waited_cpu);
                p.signals = facts.signals;
            }
        }
        // after an adoption it does not inherit the adopter's membership; its own is reported later
        if p.member.is_none() && (orphan || (p.parent == facts.parent && p.reparents.is_empty())) {
            p.member = inherited;
        }
        if orphan {
            self.set_parent(facts.id, facts.parent, at);
        }
        self.record_in_pid_space(facts.id);
    }

    fn exited(&mut self, id: ProcId, status: Option<WaitStatus>, at: Stamp) {
        let p = self.process_mut(id, at);
        p.exit = Some(match p.exit {
            None => Exit { at, status },
            Some(known) => {
                Exit { at: if at.is_better_than(known.at) { at } else { known.at }, status: known.status.or(status) }
            }
        });
        p.clear_usage();
        if p.reap.is_none() {
            p.state = State::Zombie;
        }
    }

    fn reaped(&mut self, id: ProcId, by: Parent, at: Stamp) {
        let p = self.process_mut(id, at);
        let first = p.reap.is_none();
        let mut named = true;
        match &mut p.reap {
            None => p.reap = Some(Reap { at, by }),
            Some(known) => {
                if at.is_better_than(known.at) {
                    known.at = at;
                }
                named = known.by == Parent::Unknown;
                if named {
                    known.by = by;
                }
            }
        }
        p.state = State::Gone;
        p.clear_usage();
        // a process that was reaped has exited before
        let ended = Stamp::by_then(at.t, Source::Inferred);
        let exit = p.exit.get_or_insert(Exit { at: ended, status: None });
        if ended.is_better_than(exit.at) {
            exit.at = ended;
        }
        if named && let Some(reaper) = by.process().and_then(|by| self.processes.get_mut(&by)) {
            Arc::make_mut(reaper).reaped += 1;
        }
        if first {
            if self.by_pid.get(&id.pid) == Some(&id) {
                self.by_pid.remove(&id.pid);
            }
            self.gone.push_back(id);
            if self.gone.len() > Self::MAX_GONE
                && let Some(oldest) = self.gone.pop_front()
            {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, id: ProcId) {
        self.forget_pid_space(id);
        if let Some(p) = self.processes.remove(&id)
            && let Some(parent) = p.parent.process()
        {
            self.by_parent.remove(&(parent, id));
        }
    }

    fn forget_namespaces(&mut self) {
        let mut kept: BTreeSet<NsId> = self.processes.values().flat_map(|p| p.namespaces.iter()).collect();
        kept.extend(self.host.namespaces.iter());
        let mut open: Vec<NsId> = kept.iter().copied().collect();
        while let Some(id) = open.pop() {
            let above = self.namespaces.get(&id).into_iter().flat_map(|n| [n.owner, n.parent]);
            open.extend(above.flatten().filter(|up| kept.insert(*up)));
        }
        self.namespaces.retain(|id, _| kept.contains(id));
        self.pid_spaces.retain(|id, _| kept.contains(id));
    }

    fn joined(&mut self, id: ProcId, member: &Member, at: Stamp) {
        self.process_mut(id, at).member = Some(member.clone());
        // children that were born between the fork and this report belong to the member too
        let mut heads = vec![id];
        while let Some(head) = heads.pop() {
            // also those that have another parent by now
            let left = |c: &&Arc<Process>| c.reparents.first().is_some_and(|r| r.from == Parent::Process(head));
            let lost = self.processes.values().filter(left).map(Arc::as_ref);
            let children = self.children(head).filter(|c| c.reparents.is_empty()).chain(lost);
            let children: Vec<ProcId> = children.filter(|c| c.member.is_none()).map(|c| c.id).collect();
            for child in children {
                if let Some(p) = self.processes.get_mut(&child) {
                    Arc::make_mut(p).member = Some(member.clone());
                }
                heads.push(child);
            }
        }
    }
}

/// The stamp of a process's birth, from the stamp of any fact about it: it was born by then.
const fn born_by(at: Stamp) -> Stamp {
    Stamp::by_then(at.t, at.source)
}

fn push_step(steps: &mut Vec<Stamp>, at: Stamp) {
    steps.push(at);
    if steps.len() > World::MAX_STEPS {
        steps.remove(0);
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    queue.push_back(item);
    if queue.len() > World::MAX_EVENTS {
        queue.pop_front();
    }
}

/// Serialises maps with structured keys as lists of pairs, since JSON keys are strings.
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
