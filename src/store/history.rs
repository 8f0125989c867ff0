//! The lives of the pods' processes and what happened to the pods, each found by its time: what a timeline draws.
//!
//! It follows the Deltas one by one, so that nothing walks through all that the ring keeps. A World forgets reaped
//! processes and old signals; this keeps them as long as the ring keeps their time. A copy shares what does not change.

mod family;
mod life;
mod moment;
mod pod;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::model::{
    Delta, Member, MonoNs, NodeSignalTarget, Parent, PodUid, ProcId, Process, SignalSender, SignalSent, World,
};
use family::FamilyKey;
pub use family::{Family, Found};
pub use life::{Life, Stretch};
pub use moment::{Moment, Note, Told, What};
use pod::Happened;
pub use pod::PodHistory;

/// How many steps of ancestors are followed: facts may come in any order, so parents could run in a circle.
const MAX_DEPTH: usize = 1_024;

#[derive(Clone, Debug, Default)]
pub struct History {
    lives: OrdMap<ProcId, Arc<Life>>,
    pods: OrdMap<PodUid, PodHistory>,
    /// Signals of the user to processes of no pod.
    elsewhere: Happened,
    /// Reaped processes by the time of their reap: the first is forgotten first.
    ended: OrdSet<(MonoNs, ProcId)>,
    /// How many signals and events were noted.
    noted: u64,
}

impl History {
    /// How many reaped processes are kept.
    pub const MAX_ENDED: usize = 65_536;

    /// What a World remembers.
    pub fn of(world: &World) -> Self {
        let mut history = Self::default();
        for pod in world.pods.values() {
            history.pod(&pod.uid).describe(pod);
        }
        for p in world.remembered_of_pods() {
            history.follow(p, p.born.t, world);
        }
        world.events.iter().for_each(|event| history.note_told(Told::Event(event.clone()), world));
        world.sent.iter().for_each(|sent| history.note_told(Told::by_user(sent, world), world));
        world.node_signals.iter().for_each(|sent| history.note_told(Told::by_node(sent, world), world));
        world.signals.iter().for_each(|sent| history.note_told(Told::Reported(sent.clone()), world));
        world.oom_kills.iter().for_each(|kill| history.note_told(Told::OutOfMemory(kill.clone()), world));
        history
    }

    /// Takes in a Delta. `after` is the World with it, `oldest` the oldest moment that can still be shown.
    pub(super) fn note(&mut self, delta: &Delta, after: &World, oldest: MonoNs) {
        match delta {
            Delta::Born { id, .. }
            | Delta::Changed { id, .. }
            | Delta::Exec { id, .. }
            | Delta::Renamed { id, .. }
            | Delta::State { id, .. }
            | Delta::Exited { id, .. }
            | Delta::Reparented { id, .. }
            | Delta::Reaped { id, .. } => self.note_process(*id, delta.time(), after),
            // it may be the first that is known of a process, or make its birth earlier
            Delta::ProcessUsage { id, .. } => {
                let born = after.process(*id).map(|p| p.born.t);
                if self.lives.get(id).map(|life| life.born) == born {
                    return;
                }
                self.note_process(*id, delta.time(), after);
            }
            Delta::Facts { facts, .. } => self.note_process(facts.id, delta.time(), after),
            Delta::Joined { id, member, .. } => {
                self.note_process(*id, delta.time(), after);
                // its children have joined with it
                let missing = |p: &&Process| !self.lives.contains_key(&p.id);
                let missing: Vec<&Process> = after.remembered_of_member(member).filter(missing).collect();
                for p in missing {
                    self.follow(p, delta.time(), after);
                }
            }
            Delta::Pod { pod, .. } => self.pod(&pod.uid).describe(pod),
            Delta::PodRemoved { .. } => self.forget_pods(after, oldest),
            Delta::Event { event } => self.note_told(Told::Event(event.clone()), after),
            Delta::SignalSent { sent } => self.note_told(Told::Reported((**sent).clone()), after),
            Delta::OomKill { kill } => self.note_told(Told::OutOfMemory((**kill).clone()), after),
            Delta::Signalled { .. } => {
                if let Some(sent) = after.sent.last() {
                    self.note_told(Told::by_user(sent, after), after);
                }
            }
            Delta::NodeSignalled { .. } => {
                if let Some(sent) = after.node_signals.last() {
                    self.note_told(Told::by_node(sent, after), after);
                }
            }
            _ => return,
        }
        self.forget(oldest);
    }

    fn note_process(&mut self, id: ProcId, t: MonoNs, world: &World) {
        if !self.lives.contains_key(&id) {
            // the pid is used again, so the process that had it has been reaped
            let others = world.remembered_with_pid(id.pid).filter(|p| p.id != id);
            others.for_each(|p| self.follow(p, t, world));
        }
        if let Some(p) = world.process(id) {
            self.follow(p, t, world);
        }
    }

    /// Takes in what is known of a process now.
    fn follow(&mut self, p: &Process, t: MonoNs, world: &World) {
        let Some(member) = &p.member else { return };
        let old = self.lives.get(&p.id).cloned();
        let known = old.as_ref().filter(|old| *old.member == *member);
        let (member, head) = match known {
            Some(known) => (Arc::clone(&known.member), known.head),
            None => (Arc::new(member.clone()), self.head(p, world)),
        };
        let new = Life::after(old.as_deref(), p, member, head, t);
        if old.as_deref() != Some(&new) {
            self.replace(old.as_deref(), Some(Arc::new(new)));
        }
    }

    /// The ancestor that is the first of the process's member: what its container began with.
    fn head(&self, p: &Process, world: &World) -> ProcId {
        let mut head = p;
        for _ in 0..MAX_DEPTH {
            let parent = head.reparents.first().map_or(head.parent, |step| step.from);
            let Parent::Process(parent) = parent else { break };
            if let Some(known) = self.lives.get(&parent).filter(|life| Some(&*life.member) == p.member.as_ref()) {
                return known.head;
            }
            match world.process(parent).filter(|parent| parent.member == p.member && parent.id != p.id) {
                Some(parent) => head = parent,
                None => break,
            }
        }
        head.id
    }

    /// Replaces what is known of a process, and changes where it is found.
    fn replace(&mut self, old: Option<&Life>, new: Option<Arc<Life>>) {
        let Some(id) = old.map(|old| old.id).or_else(|| new.as_ref().map(|new| new.id)) else { return };
        let (old_end, new_end) = (old.and_then(|life| life.reap), new.as_ref().and_then(|life| life.reap));
        if old_end != new_end {
            if let Some(t) = old_end {
                self.ended.remove(&(t, id));
            }
            if let Some(t) = new_end {
                self.ended.insert((t, id));
            }
        }
        let same_pod = old.zip(new.as_deref()).is_some_and(|(old, new)| old.member.pod == new.member.pod);
        match (old, new.as_deref()) {
            (Some(old), Some(new)) if same_pod => self.pod(&new.member.pod).replace(Some(old), Some(new)),
            (old, new) => {
                if let Some(old) = old {
                    self.pod(&old.member.pod).replace(Some(old), None);
                }
                if let Some(new) = new {
                    self.pod(&new.member.pod).replace(None, Some(new));
                }
            }
        }
        match new {
            Some(new) => drop(self.lives.insert(id, new)),
            None => drop(self.lives.remove(&id)),
        }
    }

    fn pod(&mut self, uid: &PodUid) -> &mut PodHistory {
        self.pods.entry(uid.clone()).or_default()
    }

    /// Takes in a signal, an event or a kill for lack of memory.
    fn note_told(&mut self, told: Told, world: &World) {
        if matches!(&told, Told::Reported(sent) if !is_worth_noting(sent, world)) || told.has_failed() {
            return;
        }
        let member_of = |id: ProcId| world.process(id).and_then(|p| p.member.as_ref());
        let pod_of = |id| member_of(id).map(|member: &Member| &member.pod);
        let pod = match &told {
            Told::User { sent, .. } => pod_of(sent.target),
            Told::Node { sent, .. } => match &sent.to {
                NodeSignalTarget::Process(id) => pod_of(*id),
                NodeSignalTarget::Leftovers(member) => Some(&member.pod),
                NodeSignalTarget::Pod(uid) => Some(uid),
            },
            Told::Reported(sent) => pod_of(sent.target).or_else(|| match sent.sender {
                SignalSender::Process { id, .. } => pod_of(id),
                _ => None,
            }),
            Told::OutOfMemory(kill) => pod_of(kill.victim),
            Told::Event(event) => Some(&event.pod),
        };
        let pod = pod.cloned();
        self.noted += 1;
        let note = Note::new(self.noted, told);
        match pod {
            Some(pod) => self.pod(&pod).happened.insert(note),
            // what the node does to other processes, such as those that publish ports, is of no pod
            None if !matches!(note.told, Told::Node { .. }) => self.elsewhere.insert(note),
            None => {}
        }
    }

    /// Forgets processes that were reaped before the oldest moment, or are too many.
    fn forget(&mut self, oldest: MonoNs) {
        while let Some((t, id)) = self.ended.get_min().copied() {
            if t >= oldest && self.ended.len() <= Self::MAX_ENDED {
                break;
            }
            self.ended.remove(&(t, id));
            if let Some(life) = self.lives.get(&id).cloned() {
                self.replace(Some(&life), None);
            }
        }
    }

    /// Forgets removed pods of which nothing is left, and what happened before the oldest moment.
    fn forget_pods(&mut self, world: &World, oldest: MonoNs) {
        let old = self.pods.iter().filter(|(uid, _)| !world.pods.contains_key(*uid));
        for uid in old.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            let pod = self.pod(&uid);
            pod.happened.forget(oldest);
            if pod.is_empty() {
                self.pods.remove(&uid);
            }
        }
    }

    pub fn life(&self, id: ProcId) -> Option<&Life> {
        self.lives.get(&id).map(AsRef::as_ref)
    }

    /// One pod, or all, in the order of their uids. Also those that are removed.
    pub fn pods<'a>(&'a self, uid: Option<&PodUid>) -> impl Iterator<Item = (&'a PodUid, &'a PodHistory)> + use<'a> {
        let one = uid.and_then(|uid| self.pods.get_key_value(uid));
        let all = uid.is_none().then(|| self.pods.iter());
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// Signals and kills for lack of memory of a pod or of all, and the user's to processes of no pod, in this order.
    pub fn signals(&self, pod: Option<&PodUid>, from: MonoNs, to: MonoNs) -> Vec<&Arc<Note>> {
        let of_pods = self.pods(pod).flat_map(|(_, pod)| pod.happened.signals(from, to));
        sorted(of_pods.chain(self.elsewhere.signals(from, to)).collect())
    }

    /// Events of a pod or of all.
    pub fn events(&self, pod: Option<&PodUid>, from: MonoNs, to: MonoNs) -> Vec<&Arc<Note>> {
        sorted(self.pods(pod).flat_map(|(_, pod)| pod.happened.events(from, to)).collect())
    }

    /// Forks, execs, adoptions, exits and reaps of a pod's processes, or of those of all pods.
    pub fn steps(&self, pod: Option<&PodUid>, from: MonoNs, to: MonoNs) -> Vec<Moment> {
        let mut all: Vec<Moment> = self.pods(pod).flat_map(|(_, pod)| pod.steps(from, to)).collect();
        all.sort_unstable();
        all
    }

    /// The first moment after `t` at which something of these kinds happened.
    pub fn next(&self, pod: Option<&PodUid>, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        let pods = self.pods(pod).filter_map(|(_, pod)| pod.next(of, t));
        let elsewhere = of.signals.then(|| self.elsewhere.next(of, t)).flatten();
        pods.chain(elsewhere).min()
    }

    /// The last moment before `t` at which something of these kinds happened.
    pub fn previous(&self, pod: Option<&PodUid>, of: Kinds, t: MonoNs) -> Option<MonoNs> {
        let pods = self.pods(pod).filter_map(|(_, pod)| pod.previous(of, t));
        let elsewhere = of.signals.then(|| self.elsewhere.previous(of, t)).flatten();
        pods.chain(elsewhere).max()
    }

    /// How many things have happened after `t`, counted up to `most`.
    pub fn count_after(&self, pod: Option<&PodUid>, of: Kinds, t: MonoNs, most: usize) -> usize {
        self.pods(pod).map(|(_, pod)| pod.count_after(of, t, most)).sum::<usize>().min(most)
    }
}

/// Which kinds of what happened are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Forks, execs, adoptions, exits and reaps.
    pub steps: bool,
    pub signals: bool,
    pub events: bool,
}

/// Whether a signal that the kernel reports is noted: not the user's and the node's own, which these tell themselves.
fn is_worth_noting(sent: &SignalSent, world: &World) -> bool {
    let node = world.node.as_ref().map(|node| node.process);
    let is_by_node = matches!(sent.sender, SignalSender::Process { id, .. } if Some(id) == node);
    !is_by_node && world.is_signal_of_pods(sent)
}

fn sorted(mut notes: Vec<&Arc<Note>>) -> Vec<&Arc<Note>> {
    notes.sort_by_key(|note| note.moment);
    notes
}

fn family_of(life: &Life) -> FamilyKey {
    (life.member.container.as_deref().map(Arc::from), life.head)
}

#[cfg(test)]
mod tests;
