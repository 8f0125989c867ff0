//! The state of the machine at one moment.

mod index;
mod lives;
mod pid_space;
mod processes;
mod query;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use serde::{Deserialize, Serialize};

use super::prediction::Effect;
use super::{
    Capability, Cgroup, CgroupUsage, Coverage, Delta, ExecId, ExecRun, Host, Inside, Member, MonoNs, Namespace,
    NodeEnd, NodeSignal, NsId, OomKill, Output, Pod, PodEvent, PodUid, ProcId, Reparent, Scope, Search, SendError,
    SentBy, Signal, SignalSent, Source, Stamp,
};
use lives::push_step;
use pid_space::PidSpace;
pub use processes::Processes;
use written::remove_members;

/// A signal that the user or a script sent.
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
    pub error: Option<SendError>,
    #[serde(default)]
    pub by: SentBy,
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
    pub ended: Option<(NodeEnd, Stamp)>,
}

/// Why the lab's node does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeTrouble {
    /// The kernel shows it as stopped, by a signal or by a tracer.
    Stopped(ProcId),
    /// It has not answered since then.
    Silent(ProcId, MonoNs),
    /// How it ended.
    Ended(NodeEnd),
}

/// Everything known at one moment. What may be large in it is a tree, and two Worlds share the nodes in which they do
/// not differ. So a clone takes the same time however many processes there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The latest time of all deltas applied so far.
    pub now: MonoNs,
    pub host: Host,
    /// Which processes are observed at this moment.
    #[serde(default)]
    pub scope: Scope,
    pub visibility: BTreeMap<Capability, Coverage>,
    pub processes: Processes,
    #[serde(with = "pairs")]
    pub namespaces: OrdMap<NsId, Namespace>,
    /// How complete the last search of the whole machine was; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Stamp>,
    /// What was in namespaces when each was read last. Most are never read.
    #[serde(with = "pairs", default)]
    pub inside: OrdMap<NsId, Inside>,
    pub node: Option<Node>,
    pub pods: OrdMap<PodUid, Arc<Pod>>,
    /// The cgroups of the members that have their own.
    #[serde(with = "pairs")]
    pub cgroups: OrdMap<Member, Cgroup>,
    pub events: Vector<PodEvent>,
    /// What the members have written, without what was dropped.
    #[serde(with = "pairs")]
    pub output: OrdMap<Member, Output>,
    /// The programs that were executed in containers, in the order of their starts.
    pub execs: OrdMap<ExecId, ExecRun>,
    /// The signals that the user sent.
    pub sent: Vector<Sent>,
    /// The signals that the lab's node sent.
    #[serde(default)]
    pub node_signals: Vector<NodeSignal>,
    /// The last signals that the kernel reports of watched processes, the user's own too.
    #[serde(default)]
    pub signals: Vector<SignalSent>,
    #[serde(default)]
    pub oom_kills: Vector<OomKill>,
    /// How many facts each source lost. A loss counts as one if the source cannot tell how many.
    pub lost: BTreeMap<Source, u64>,
    /// Reaped processes in the order of their reaps: the oldest is forgotten first.
    gone: Vector<ProcId>,
    /// The process, living or zombie, that has each pid now.
    by_pid: OrdMap<u32, ProcId>,
    /// (parent, child) of every remembered process with a known parent.
    by_parent: OrdSet<(ProcId, ProcId)>,
    #[serde(with = "pairs", default)]
    pid_spaces: OrdMap<NsId, PidSpace>,
}

impl World {
    /// How many reaped processes are remembered.
    pub const MAX_GONE: usize = 16_384;
    /// How many are remembered of pod events, of signals of each kind and of kills for lack of memory, each.
    pub const MAX_EVENTS: usize = 4_096;
    /// Above this number, namespaces that no remembered process was in are forgotten.
    pub const MAX_NAMESPACES: usize = 4_096;
    /// Of how many namespaces it is remembered what was in them.
    pub const MAX_INSIDE: usize = 512;
    /// How many programs that were executed in containers are remembered.
    pub const MAX_EXECS: usize = 64;
    /// How many execs, and how many reparents, are remembered of one process.
    pub const MAX_STEPS: usize = 256;

    pub fn apply(&mut self, delta: &Delta) {
        self.now = self.now.max(delta.time());
        match delta {
            Delta::Host { host, .. } => self.host = (**host).clone(),
            Delta::Visibility { capability, coverage, .. } => {
                self.visibility.insert(*capability, coverage.clone());
            }
            Delta::Scope { scope, forgotten, .. } => {
                self.scope = *scope;
                self.forget_all(forgotten);
            }
            Delta::Born { id, parent, at } => self.born(*id, *parent, *at),
            Delta::Facts { facts, at } => self.facts(facts, *at),
            Delta::Changed { id, changes, at } => {
                self.update(*id, *at, |p| p.change(changes));
                self.record_in_pid_space(*id);
            }
            Delta::ProcessUsage { id, usage, at } => self.update(*id, *at, |p| p.set_usage(*usage)),
            Delta::Traced { id, by, at } => self.update(*id, *at, |p| p.tracer = *by),
            Delta::InCgroup { id, path, at } => self.update(*id, *at, |p| p.cgroup = Some(Arc::clone(path))),
            Delta::Exec { id, comm, cmdline, at } => {
                self.update(*id, *at, |p| {
                    p.comm.clone_from(comm);
                    p.cmdline.clone_from(cmdline);
                    push_step(&mut p.execs, *at);
                    p.signals = p.signals.after_exec();
                });
            }
            Delta::Renamed { id, comm, at } => self.update(*id, *at, |p| p.comm.clone_from(comm)),
            Delta::State { id, state, at } => self.update(*id, *at, |p| {
                if p.is_alive() {
                    p.state = *state;
                }
            }),
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
                let new = self.namespaces.insert(namespace.id, namespace.clone()).is_none();
                let count = self.namespaces.len();
                if new && count > Self::MAX_NAMESPACES && count.is_multiple_of(Self::MAX_NAMESPACES / 4) {
                    self.forget_namespaces();
                }
            }
            Delta::Searched { search, at } => (self.search, self.searched) = (Some(**search), Some(*at)),
            Delta::Inside { ns, content, at } => self.read_inside(*ns, content, *at),
            Delta::NodeStarted { id, at } => {
                self.node = Some(Node { process: *id, started: *at, silent: None, ended: None });
            }
            Delta::NodeSilent { silent, at } => {
                if let Some(node) = &mut self.node {
                    node.silent = silent.then_some(*at);
                }
            }
            Delta::NodeEnded { end, at } => {
                if let Some(node) = &mut self.node {
                    node.ended = Some((*end, *at));
                }
                self.cgroups.clear();
                self.end_execs(*at);
            }
            Delta::Pod { pod, .. } => {
                self.pods.insert(pod.uid.clone(), Arc::new((**pod).clone()));
                self.forget_output_of_removed(pod);
            }
            Delta::PodRemoved { uid, .. } => {
                self.pods.remove(uid);
                remove_members(&mut self.cgroups, uid);
                self.forget_output(uid);
            }
            Delta::Event { event } => push_bounded(&mut self.events, event.clone()),
            Delta::Output { from, text, skipped, at } => self.written(from, text, *skipped, *at),
            Delta::ExecStarted { exec, member, argv, at } => self.exec_started(*exec, member, argv, *at),
            Delta::ExecEnded { exec, end, at } => self.exec_ended(*exec, end, *at),
            Delta::Signalled { target, signal, effect, also_end, error, by, at } => {
                let (also_end, error, by) = (also_end.clone(), *error, *by);
                let sent = Sent { target: *target, signal: *signal, effect: *effect, also_end, error, by, at: *at };
                push_bounded(&mut self.sent, sent);
            }
            Delta::NodeSignalled { to, signal, at } => {
                let (to, signal, at) = (to.clone(), *signal, *at);
                push_bounded(&mut self.node_signals, NodeSignal { to, signal, at });
            }
            Delta::SignalSent { sent } => push_bounded(&mut self.signals, (**sent).clone()),
            Delta::OomKill { kill } => push_bounded(&mut self.oom_kills, (**kill).clone()),
            Delta::Lost { source, count, .. } => {
                let lost = self.lost.entry(*source).or_default();
                *lost = lost.saturating_add(count.unwrap_or(1));
            }
        }
    }
}

fn push_bounded<T: Clone>(queue: &mut Vector<T>, item: T) {
    queue.push_back(item);
    if queue.len() > World::MAX_EVENTS {
        queue.pop_front();
    }
}

/// Serialises maps with structured keys as lists of pairs, since JSON keys are strings.
mod pairs {
    use imbl::OrdMap;
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    pub fn serialize<K, V, S>(map: &OrdMap<K, V>, s: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        s.collect_seq(map)
    }

    pub fn deserialize<'de, K, V, D>(d: D) -> Result<OrdMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord + Clone,
        V: Deserialize<'de> + Clone,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(d)?.into())
    }
}
