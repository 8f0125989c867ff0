//! Queries of a World.

use std::sync::Arc;

use super::{NodeTrouble, World};
use crate::model::{
    Cpu, Figure, Member, NsId, NsKind, OomKill, Pod, PodUid, ProcId, Process, SignalResult, SignalSender, SignalSent,
    State, Usage, WaitStatus,
};

impl World {
    /// Why the lab's node does not work; `None` if it works, or if there is none.
    pub fn node_trouble(&self) -> Option<NodeTrouble> {
        let node = self.node.as_ref()?;
        if let Some((end, _)) = node.ended {
            return Some(NodeTrouble::Ended(end));
        }
        let state = self.process(node.process).map(|p| p.state);
        if matches!(state, Some(State::Stopped | State::Traced)) {
            return Some(NodeTrouble::Stopped(node.process));
        }
        node.silent.map(|since| NodeTrouble::Silent(node.process, since.t))
    }

    /// The process that has this pid now.
    pub fn by_pid(&self, pid: u32) -> Option<ProcId> {
        self.by_pid.get(&pid).copied()
    }

    pub fn process(&self, id: ProcId) -> Option<&Process> {
        self.processes.get(&id).map(Arc::as_ref)
    }

    /// The last signals to this process that the kernel has reported, the oldest first. There are none where
    /// [`Capability::Signals`](crate::model::Capability::Signals) is missing.
    pub fn signals_to(&self, id: ProcId) -> impl DoubleEndedIterator<Item = &SignalSent> {
        self.signals.iter().filter(move |sent| sent.target == id)
    }

    /// The signal that has ended this process: the last delivered one of the number in its exit status.
    pub fn signal_that_ended(&self, id: ProcId) -> Option<&SignalSent> {
        let exit = self.process(id)?.exit?;
        let number = exit.status.and_then(WaitStatus::signal)?;
        let is_it = |sent: &&SignalSent| {
            let delivered = matches!(sent.result, SignalResult::Delivered | SignalResult::InformationLost);
            delivered && sent.signal.0 == number && sent.at.t <= exit.at.t
        };
        self.signals_to(id).rev().find(is_it)
    }

    /// Whether a signal is worth listing: a process of a pod has sent it or gets it. The user's own are listed with their
    /// outcomes, and the ends of children as what they are.
    pub fn is_signal_of_pods(&self, sent: &SignalSent) -> bool {
        let is_of_pod = |id| self.process(id).is_some_and(|p| p.member.is_some());
        match sent.sender {
            SignalSender::App | SignalSender::Child => false,
            SignalSender::Process { id, .. } if is_of_pod(id) => true,
            _ => is_of_pod(sent.target),
        }
    }

    /// The kill of this process for lack of memory.
    pub fn oom_kill_of(&self, id: ProcId) -> Option<&OomKill> {
        self.oom_kills.iter().rev().find(|kill| kill.victim == id)
    }

    /// The processes that have or had this pid, as far as they are remembered, in the order of their starts.
    pub fn remembered_with_pid(&self, pid: u32) -> impl Iterator<Item = &Process> {
        let all = ProcId { pid, start: 0 }..=ProcId { pid, start: u64::MAX };
        self.processes.range(all).map(|(_, p)| p.as_ref())
    }

    /// All processes that are not reaped yet, in the order of (pid, start).
    pub fn present(&self) -> impl Iterator<Item = &Process> {
        self.by_pid.values().filter_map(|id| self.process(*id))
    }

    /// All its children, including the reaped ones that are remembered.
    pub fn children(&self, id: ProcId) -> impl Iterator<Item = &Process> {
        const FIRST: ProcId = ProcId { pid: 0, start: 0 };
        const LAST: ProcId = ProcId { pid: u32::MAX, start: u64::MAX };
        self.by_parent.range((id, FIRST)..=(id, LAST)).filter_map(|(_, child)| self.process(*child))
    }

    pub fn pod(&self, uid: &PodUid) -> Option<&Pod> {
        self.pods.get(uid).map(Arc::as_ref)
    }

    pub fn pod_named(&self, name: &str) -> Option<&Pod> {
        self.pods.values().map(Arc::as_ref).find(|p| p.name == name)
    }

    /// All pods in the order in which views list them: the lab's first, the oldest first.
    pub fn pods_in_order(&self) -> Vec<&Arc<Pod>> {
        let mut all: Vec<&Arc<Pod>> = self.pods.values().collect();
        let place = |pod: &Pod| (!pod.is_of_lab(), pod.created.t);
        all.sort_by(|a, b| (place(a), &a.name, &a.uid).cmp(&(place(b), &b.name, &b.uid)));
        all
    }

    /// The processes that have ended and are not reaped yet, in the order of (pid, start).
    pub fn zombies(&self) -> impl Iterator<Item = &Process> {
        self.processes.zombies()
    }

    /// Processes of a pod that are not yet reaped, in the order of (pid, start).
    pub fn pod_processes<'a>(&'a self, uid: &PodUid) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.processes.present_of_pod(uid)
    }

    /// Processes of a pod, including the reaped ones that are remembered, in the order of (pid, start).
    pub fn remembered_of_pod<'a>(&'a self, uid: &PodUid) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.processes.all_of_pod(uid)
    }

    /// Processes of all pods that are not yet reaped, in the order of (pid, start).
    pub fn processes_of_pods(&self) -> Vec<&Process> {
        in_order(self.processes.present_of_pods())
    }

    /// Processes of all pods, including the reaped ones that are remembered, in the order of (pid, start).
    pub fn remembered_of_pods(&self) -> Vec<&Process> {
        in_order(self.processes.all_of_pods())
    }

    /// Processes of a pod's member that are not yet reaped, in the order of (pid, start).
    pub fn member_processes<'a>(&'a self, member: &Member) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.processes.present_of_member(member)
    }

    /// Processes of a pod's member, including the reaped ones that are remembered, in the order of (pid, start).
    pub fn remembered_of_member<'a>(&'a self, member: &Member) -> impl Iterator<Item = &'a Process> + use<'a> {
        self.processes.all_of_member(member)
    }

    /// What a member uses: the figures of its cgroup where it has them, else the sums over its living processes. `None`
    /// while it has no living process.
    pub fn usage(&self, member: &Member) -> Option<Usage> {
        let (mut cpu, mut memory, mut tasks) = (Cpu::default(), 0_u64, 0);
        for p in self.member_processes(member).filter(|p| p.is_alive()) {
            cpu = cpu.and(p.cpu);
            // pause reaps what the pod's containers leave behind, so that CPU time is not its own
            if member.container.is_some() {
                cpu = cpu.and(p.waited_cpu);
            }
            memory = memory.saturating_add(p.rss_bytes);
            tasks += u64::from(p.threads);
        }
        // a living process has at least one thread
        if tasks == 0 {
            return None;
        }
        let counted = self.cgroups.get(member).map(|c| c.usage).unwrap_or_default();
        Some(Usage {
            cpu: Figure::best(counted.cpu, cpu),
            memory_bytes: Figure::best(counted.memory_bytes, memory),
            tasks: Figure::best(counted.tasks, tasks),
        })
    }

    /// Living processes in a namespace, in the order of (pid, start). They keep it alive, as do open files and bind
    /// mounts.
    pub fn ns_members(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        self.processes.present_in(ns).filter(|p| p.is_alive())
    }

    /// The namespaces of a kind that a process is in, in the order of their numbers.
    pub fn namespaces_with_processes(&self, kind: NsKind) -> impl Iterator<Item = NsId> {
        self.processes.namespaces(kind)
    }

    /// Living processes of pods in a namespace, in the order of (pid, start).
    pub fn ns_members_of_pods(&self, ns: NsId) -> Vec<&Process> {
        if self.is_host_ns(ns) {
            // most of the machine is in it, and few processes of pods are
            let inside = |p: &&Process| p.is_alive() && p.namespaces.get(ns.kind) == Some(ns);
            return in_order(self.processes.present_of_pods().filter(inside));
        }
        self.ns_members(ns).filter(|p| p.member.is_some()).collect()
    }

    /// Processes in a pid namespace and in those nested in it that are not yet reaped.
    pub fn in_pid_ns(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        let inside = move |at: &NsId| self.with_parents(*at).any(|above| above == ns);
        self.processes.namespaces(NsKind::Pid).filter(inside).flat_map(|at| self.processes.present_in(at))
    }

    /// Whether it is the observer's own namespace.
    pub fn is_host_ns(&self, ns: NsId) -> bool {
        self.host.namespaces.get(ns.kind) == Some(ns)
    }
}

fn in_order<'a>(processes: impl Iterator<Item = &'a Process>) -> Vec<&'a Process> {
    let mut all: Vec<&Process> = processes.collect();
    all.sort_by_key(|p| p.id);
    all
}
