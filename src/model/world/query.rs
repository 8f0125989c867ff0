//! What a World can be asked.

use std::sync::Arc;

use super::{NodeTrouble, World};
use crate::model::{Cpu, Figure, Member, NsId, Pod, PodUid, ProcId, Process, State, Usage};

impl World {
    /// Why the lab's node does nothing; `None` while it is well, or where there is none.
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

    /// What a member uses: by its cgroup as far as it has one, else by what its living processes use. `None` while
    /// it has none.
    pub fn usage(&self, member: &Member) -> Option<Usage> {
        let (mut cpu, mut memory, mut tasks) = (Cpu::default(), 0, 0);
        for p in self.present().filter(|p| p.is_alive() && p.member.as_ref() == Some(member)) {
            cpu = cpu.and(p.cpu);
            // pause waits for whatever the pod leaves behind, so that is not its own
            if member.container.is_some() {
                cpu = cpu.and(p.waited_cpu);
            }
            memory += p.rss_bytes;
            tasks += u64::from(p.threads);
        }
        // a living process has a thread at least
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

    /// Living processes in a namespace: what keeps it alive, next to open files and bind mounts.
    pub fn ns_members(&self, ns: NsId) -> impl Iterator<Item = &Process> {
        self.present().filter(move |p| p.is_alive() && p.namespaces.get(ns.kind) == Some(ns))
    }

    /// Whether it is the observer's own instance.
    pub fn is_host_ns(&self, ns: NsId) -> bool {
        self.host.namespaces.get(ns.kind) == Some(ns)
    }
}
