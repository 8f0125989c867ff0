//! Turns readings of /proc into facts, and reports those that say something new.

use super::usage::{cpu_is_news, memory_is_news};
use super::{Kernel, Reconciler};
use crate::model::{
    Capability, Coverage, Cpu, Delta, Facts, Namespace, NsId, NsKind, NsSet, ProcId, Source, Stamp, State,
};
use crate::observe::clock::NS_PER_TICK;
use crate::observe::namespaces::Nsfs;
use crate::observe::proc::Reading;

impl Reconciler {
    /// Applies a reading of a living or dead process. With `all` it is reported even if nothing changed or only the
    /// scheduler state did.
    pub(super) fn apply_reading(&mut self, kernel: &mut impl Kernel, id: ProcId, reading: &Reading, all: bool) {
        let now = kernel.now();
        let at = Stamp::by_then(now, Source::Scan);
        self.update_namespaces(kernel, id, reading);
        self.update_pids(id, reading);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.denied = reading.denied;
        if reading.status.is_some() {
            entry.full_read = reading.sched.map(|sched| (now, sched));
        }
        let cpu = entry.cpu.sample(now, reading.stat.cpu_ticks * NS_PER_TICK);
        let waited_cpu = entry.waited_cpu.sample(now, reading.stat.waited_ticks * NS_PER_TICK);
        let known = entry.facts.as_ref();
        let status = reading.status.clone().unwrap_or_default();
        let dead = reading.stat.is_dead();
        let facts = Facts {
            id,
            parent: entry.parent,
            comm: reading.stat.comm.clone(),
            cmdline: match known {
                Some(known) if reading.cmdline.is_empty() => known.cmdline.clone(),
                _ => reading.cmdline.clone(),
            },
            // also `Z` while threads live whose leader has ended
            state: reading.stat.state,
            uid: reading.status.as_ref().map(|s| s.uid).or(known.map(|k| k.uid)).unwrap_or_default(),
            nspid: match known {
                Some(known) if status.nspid.is_empty() => known.nspid.clone(),
                _ => status.nspid,
            },
            threads: reading.stat.threads,
            rss_bytes: match (known, &reading.status) {
                // the figure in `stat` is less exact
                (Some(known), None) if reading.has_not_run => known.rss_bytes,
                (_, status) => {
                    status.as_ref().and_then(|s| s.rss_bytes).unwrap_or(reading.stat.rss_pages * page_size())
                }
            },
            cpu,
            waited_cpu,
            signals: match (&reading.status, known) {
                (None, Some(known)) => known.signals,
                _ => status.signals,
            },
            namespaces: entry.namespaces,
        };
        // a death is reported by `ended`, with a better time
        if dead && (entry.exit.is_some() || self.connector) && known.is_some() {
            return;
        }
        let news = match known {
            None => true,
            Some(known) => all || is_worth_reporting(known, &facts, &mut entry.unconfirmed_state),
        };
        if !news {
            return;
        }
        entry.unconfirmed_state = None;
        let mut reported = facts.clone();
        if dead {
            // the exit itself is still to be reported
            reported.state = State::Sleeping;
        }
        entry.facts = Some(facts);
        self.out.push(Delta::Facts { facts: Box::new(reported), at });
    }

    fn update_namespaces(&mut self, kernel: &mut impl Kernel, id: ProcId, reading: &Reading) {
        let Some(entry) = self.entries.get(&id) else { return };
        let old = entry.namespaces;
        let counted = entry.exit.is_none();
        let mut new = old;
        new.merge(&self.resolve_namespaces(kernel, id.pid, reading, &old));
        if new != old {
            if counted {
                self.namespaces.join(&new);
                self.leave_namespaces(kernel, &old);
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.namespaces = new;
            }
        }
    }

    /// The identities of the namespaces in a reading; reports those that are new. `before`: the namespaces that the
    /// process was in so far.
    pub(super) fn resolve_namespaces(
        &mut self,
        kernel: &mut impl Kernel,
        pid: u32,
        reading: &Reading,
        before: &NsSet,
    ) -> NsSet {
        let mut set = NsSet::default();
        for kind in NsKind::ALL {
            let Some(ino) = reading.links[kind as usize] else { continue };
            // most processes are where they were, and then the number still means the same namespace
            let same = before.get(kind).filter(|id| id.ino == ino && self.namespaces.has_processes(*id));
            set.set(same.unwrap_or_else(|| self.resolve_namespace(kernel, pid, kind, ino)));
        }
        set
    }

    fn resolve_namespace(&mut self, kernel: &mut impl Kernel, pid: u32, kind: NsKind, ino: u64) -> NsId {
        // it may be in another namespace since its link was read
        let ns = kernel.namespace(pid, kind).filter(|ns| ns.ino == ino).unwrap_or(Nsfs { ino, unique: None });
        if ns.unique.is_none() && self.namespaces.depends_on_holders(ino) {
            let id = NsId { kind, dev: self.namespaces.device(), ino, generation: 0 };
            let now = kernel.holders(id, &mut self.unreaped.iter().map(|id| id.pid));
            self.namespaces.check_holders(ino, &now);
        }
        if self.namespaces.current(kind, ns).is_some() {
            return self.namespaces.intern(kind, ns).0;
        }
        let at = Stamp::by_then(kernel.now(), Source::Scan);
        let table = &self.namespaces;
        let found = kernel.describe(pid, kind, &|kind, ns| table.current(kind, ns).is_some());
        let id = self.namespaces.intern(kind, ns).0;
        if !found.iter().any(|raw| raw.ns.ino == ino) {
            self.out.push(Delta::Namespace { namespace: Namespace::new(id), at });
        }
        for raw in found {
            let id = self.namespaces.intern(raw.kind, raw.ns).0;
            let owner = raw.owner.map(|ns| self.namespaces.intern(NsKind::User, ns).0);
            let parent = raw.parent.map(|ns| self.namespaces.intern(raw.kind, ns).0);
            self.namespaces.set_ancestors(id, [owner, parent]);
            let namespace = Namespace { id, owner_uid: raw.owner_uid, owner, parent };
            self.out.push(Delta::Namespace { namespace, at });
        }
        id
    }

    /// A process has left these namespaces.
    pub(super) fn leave_namespaces(&mut self, kernel: &mut impl Kernel, set: &NsSet) {
        for id in self.namespaces.leave(set) {
            let holders = kernel.holders(id, &mut self.unreaped.iter().map(|id| id.pid));
            self.namespaces.set_holders(id, holders);
        }
    }

    /// Updates its pid inside its pid namespace, and that namespace's PID 1.
    fn update_pids(&mut self, id: ProcId, reading: &Reading) {
        let Some(inner) = reading.status.as_ref().and_then(|s| s.nspid.last().copied()) else { return };
        let depth = reading.status.as_ref().map_or(0, |s| s.nspid.len());
        let Some(entry) = self.entries.get(&id) else { return };
        let ns = entry.namespaces.get(NsKind::Pid);
        let of_parent = entry.parent.process().and_then(|p| self.entries.get(&p));
        let same_depth =
            of_parent.and_then(|p| p.facts.as_ref()).is_some_and(|f| f.nspid.len() == depth || f.nspid.is_empty());
        let init = if inner == 1 {
            Some(id)
        } else if let Some(known) = ns.and_then(|ns| self.inits.get(&ns)) {
            Some(*known)
        } else if same_depth {
            entry.init
        } else {
            None
        };
        let known_before = entry.exact_pid_inside && entry.init == init && entry.pid_inside == Some(inner);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.init = init;
            entry.pid_inside = Some(inner);
            entry.exact_pid_inside = true;
        }
        if known_before {
            return;
        }
        if let (1, Some(ns)) = (inner, ns) {
            self.inits.insert(ns, id);
        }
        if let Some(init) = init {
            let pid_namespace = self.pid_namespaces.entry(init).or_default();
            pid_namespace.add_read(inner, id);
        }
    }

    /// Reports of how many processes we may not read the namespaces, when that changes.
    pub(super) fn report_denied(&mut self, kernel: &mut impl Kernel) {
        let all = self.unreaped.len();
        let denied = self.unreaped.iter().filter(|id| self.entries.get(id).is_some_and(|e| e.denied)).count();
        // a small change of the number is not reported
        if denied == self.denied || denied != 0 && self.denied != 0 && denied.abs_diff(self.denied) * 10 < denied {
            return;
        }
        self.denied = denied;
        let at = Stamp::by_then(kernel.now(), Source::Scan);
        self.out.push(Delta::Visibility {
            capability: Capability::Namespaces,
            coverage: denied_coverage(denied, all),
            at,
        });
    }
}

pub fn denied_coverage(denied: usize, all: usize) -> Coverage {
    match denied {
        0 => Coverage::Full,
        n if n == all => Coverage::Missing(format!(
            "the namespaces of all {n} processes cannot be read; needs CAP_SYS_PTRACE, which root usually has"
        )),
        n => Coverage::Partial(format!(
            "the namespaces of {n} of {all} processes cannot be read; needs CAP_SYS_PTRACE, which root usually has"
        )),
    }
}

fn page_size() -> u64 {
    static SIZE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
        size.ok().flatten().map_or(4096, |n| n as u64)
    })
}

/// Whether a reading has news for the user. A process that was running in one reading only is no news; one that was
/// running in two is.
fn is_worth_reporting(known: &Facts, new: &Facts, unconfirmed_state: &mut Option<State>) -> bool {
    let rest = |f: &Facts| Facts {
        state: State::Sleeping,
        rss_bytes: 0,
        cpu: Cpu::default(),
        waited_cpu: Cpu::default(),
        ..f.clone()
    };
    let uses_more = cpu_is_news(known.cpu, new.cpu)
        || cpu_is_news(known.waited_cpu, new.waited_cpu)
        || memory_is_news(known.rss_bytes, new.rss_bytes);
    if uses_more || rest(known) != rest(new) {
        return true;
    }
    if known.state == new.state {
        *unconfirmed_state = None;
        return false;
    }
    let scheduler = |s: State| matches!(s, State::Running | State::Sleeping | State::Disk | State::Idle);
    // a process that was reported as running and now sleeps is news at once
    if known.state == State::Running || !scheduler(known.state) || !scheduler(new.state) {
        return true;
    }
    unconfirmed_state.replace(new.state) == Some(new.state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Parent, SignalMasks};

    fn facts(state: State, rss_bytes: u64) -> Facts {
        Facts {
            id: ProcId { pid: 1, start: 1 },
            parent: Parent::Outside,
            comm: "x".into(),
            cmdline: vec![],
            state,
            uid: 0,
            nspid: vec![1],
            threads: 1,
            rss_bytes,
            cpu: Cpu::default(),
            waited_cpu: Cpu::default(),
            signals: SignalMasks::default(),
            namespaces: NsSet::default(),
        }
    }

    #[test]
    fn a_state_seen_once_is_not_news_but_seen_twice_it_is() {
        let mut unconfirmed_state = None;
        let asleep = facts(State::Sleeping, 0);
        let running = facts(State::Running, 0);
        assert!(!is_worth_reporting(&asleep, &running, &mut unconfirmed_state));
        assert!(!is_worth_reporting(&asleep, &asleep, &mut unconfirmed_state));
        assert!(!is_worth_reporting(&asleep, &running, &mut unconfirmed_state));
        assert!(is_worth_reporting(&asleep, &running, &mut unconfirmed_state), "running twice");
        assert!(is_worth_reporting(&running, &asleep, &mut None), "asleep once");
        assert!(is_worth_reporting(&asleep, &facts(State::Stopped, 0), &mut None));
        assert!(is_worth_reporting(&facts(State::Stopped, 0), &asleep, &mut None));
    }

    #[test]
    fn a_small_change_of_memory_or_cpu_is_not_news() {
        let of = |rss| facts(State::Sleeping, rss);
        assert!(!is_worth_reporting(&of(1 << 20), &of((1 << 20) + 4096), &mut None));
        assert!(is_worth_reporting(&of(1 << 20), &of(2 << 20), &mut None));
        let busy = |permille| Facts { cpu: Cpu { time_ns: 0, permille }, ..of(0) };
        assert!(!is_worth_reporting(&busy(300), &busy(301), &mut None));
        assert!(is_worth_reporting(&busy(300), &busy(900), &mut None));
    }
}
