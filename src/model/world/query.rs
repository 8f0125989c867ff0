//! Queries of a World.

use std::sync::Arc;

use super::{NodeTrouble, World};
use crate::model::{Cpu, Figure, Member, NsId, Pod, PodUid, ProcId, Process, State, Usage};

impl World {
    /// Why the lab's node does not work; `None` if it works, or if there is none.
    pub fn node_trouble(&self) -> Option<NodeTrouble<'_>> {
        let node = self.node.as_ref()?;
        if let Some((reason, _)) = &node.ended {
            return Some(NodeTrouble::Ended(reason));
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

    /// Processes of a pod that are not yet reaped.
    pub fn pod_processes<'a>(&'a self, uid: &'a PodUid) -> impl Iterator<Item = &'a Process> {
        self.present().filter(move |p| p.member.as_ref().is_some_and(|m| m.pod == *uid))
    }

    /// What a member uses: the figures of its cgroup where it has them, else the sums over its living processes. `None`
    /// while it has no living process.
    pub fn usage(&self, member: &Member) -> Option<Usage> {
        let (mut cpu, mut memory, mut tasks) = (Cpu::default(), 0_u64, 0);
        for p in self.present().filter(|p| p.is_alive() && p.member.as_ref() == Some(member)) {
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

    /// Living processes in a namespace. They keep it alive, as do open files and bind mounts.
    pub fn ns_members(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        self.present().filter(move |p| p.is_alive() && p.namespaces.get(ns.kind) == Some(ns))
    }

    /// Whether it is the observer's own namespace.
    pub fn is_host_ns(&self, ns: NsId) -> bool {
        self.host.namespaces.get(ns.kind) == Some(ns)
    }
}
