//! Pid namespaces, their init processes, and the processes that ended with them.

use serde::{Deserialize, Serialize};

use super::World;
use crate::model::names::is_ns_init;
use crate::model::{MonoNs, NsId, NsKind, Parent, ProcId, Process};

/// Longest time from the kill of all processes in a pid namespace to the exit of its init. It takes some ms; more on a
/// busy machine.
const TEARDOWN_NS: u64 = 2_000_000_000;
/// The dying init waits for older zombies last, at most this long before its own exit.
const LAST_WAIT_NS: u64 = 50_000_000;

/// What is remembered of a pid namespace, as long as its init is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PidSpace {
    init: Option<ProcId>,
    /// The latest birth in it: a process that ended before that did not end with the namespace.
    last_birth: MonoNs,
}

impl World {
    /// Records a process in its pid namespace, if that is known.
    pub(super) fn record_in_pid_space(&mut self, id: ProcId) {
        let Some(p) = self.processes.get(&id) else { return };
        let Some(ns) = p.namespaces.get(NsKind::Pid) else { return };
        let known = self.pid_spaces.get(&ns).copied();
        let mut space = known.unwrap_or_default();
        space.last_birth = space.last_birth.max(p.born.t);
        if is_ns_init(p) {
            space.init = Some(id);
        }
        // a write would end the sharing with other Worlds
        if known != Some(space) {
            self.pid_spaces.insert(ns, space);
        }
    }

    pub(super) fn forget_pid_space(&mut self, init: ProcId) {
        let ns = self.processes.get(&init).filter(|p| is_ns_init(p)).and_then(|p| p.namespaces.get(NsKind::Pid));
        if let Some(ns) = ns.filter(|ns| self.pid_spaces.get(ns).is_some_and(|s| s.init == Some(init))) {
            self.pid_spaces.remove(&ns);
        }
    }

    /// The process that is or was PID 1 of a pid namespace, as long as it is remembered.
    pub fn pid_ns_init(&self, ns: NsId) -> Option<&Process> {
        self.process(self.pid_spaces.get(&ns)?.init?)
    }

    /// A namespace, its parent, the parent's parent and so on.
    pub fn with_parents(&self, ns: NsId) -> impl Iterator<Item = NsId> + '_ {
        // nesting is at most 32 deep (MAX_PID_NS_LEVEL in include/linux/pid_namespace.h)
        std::iter::successors(Some(ns), |at| self.namespaces.get(at)?.parent).take(33)
    }

    /// Whether it ended because the init of its pid namespace, or of one above it, exited: the kernel then kills all
    /// processes in the namespace, and the dying init waits for them before it exits itself.
    pub fn ended_with_pid_ns(&self, p: &Process) -> bool {
        let Some(own) = p.namespaces.get(NsKind::Pid) else { return false };
        self.with_parents(own).any(|ns| self.ended_with(p, ns))
    }

    /// The init whose exit made the kernel kill this process (`zap_pid_ns_processes` in kernel/pid_namespace.c). `None`
    /// also for a process that had ended before, and was only reaped with the namespace.
    pub fn killed_by_end_of(&self, p: &Process) -> Option<&Process> {
        let own = p.namespaces.get(NsKind::Pid)?;
        let exit = p.exit.filter(|exit| exit.status.is_none_or(|status| status.signal() == Some(9)))?;
        let ns = self.with_parents(own).find(|ns| self.ended_with(p, *ns))?;
        let init = self.pid_ns_init(ns)?;
        init.exit.is_some_and(|end| exit.at.t.plus(TEARDOWN_NS) >= end.at.t).then_some(init)
    }

    /// How many processes it has reaped, without those that the kernel made it wait for when it exited as an init.
    pub fn reaped_by(&self, p: &Process) -> u64 {
        if p.is_alive() {
            return p.reaped;
        }
        let last = self.processes.reaped_by(p.id).filter(|q| self.ended_with_pid_ns(q)).count();
        p.reaped.saturating_sub(last as u64)
    }

    fn ended_with(&self, p: &Process, ns: NsId) -> bool {
        let Some(space) = self.pid_spaces.get(&ns) else { return false };
        let Some(init) = space.init.filter(|init| *init != p.id).and_then(|id| self.process(id)) else { return false };
        let (Some(end), Some(exit), Some(reap)) = (init.exit, p.exit, p.reap) else { return false };
        // no process is born into a pid namespace whose init is dead (`pidns_operations`: ENOMEM)
        if space.last_birth > exit.at.t && exit.at.t.0 < end.at.t.0 {
            return false;
        }
        let killed = exit.status.is_none_or(|status| status.signal() == Some(9));
        let in_time = exit.at.t.plus(TEARDOWN_NS) >= end.at.t;
        // a zombie that no process had reaped before
        let held = matches!(reap.by, Parent::Unknown) || reap.by == Parent::Process(init.id);
        killed && in_time || held && reap.at.t.plus(LAST_WAIT_NS) >= end.at.t && !in_time
    }
}
