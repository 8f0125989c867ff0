//! Births, execs and exits.

use super::{Entry, Kernel, Reconciler};
use crate::model::{Delta, MonoNs, Parent, Precision, ProcId, Scope, Source, Stamp, WaitStatus};
use crate::observe::proc::{Depth, Reading, Unread};
use crate::procfs::Stat;

impl Reconciler {
    pub(super) fn forked(&mut self, kernel: &mut impl Kernel, at: Stamp, parent: u32, pid: u32) {
        let known = self.by_pid(pid);
        let from = self.by_pid(parent);
        if from.is_none() && known.is_none() && self.scope == Scope::Lab {
            return;
        }
        let parent = from.map_or(Parent::Outside, Parent::Process);
        let start = kernel.ticks().start_at(at.t);
        if let Some(id) = self.current.get(&pid).copied()
            && let Some(entry) = self.entries.get_mut(&id)
        {
            if entry.matches_start(start, true) {
                // a scan or the node reported it first
                if !entry.exact_birth {
                    entry.exact_birth = true;
                    self.out.push(Delta::Born { id, parent, at });
                }
                return;
            }
            if entry.is_unreaped() {
                // the pid is reused, so the end of its former process was missed
                self.vanished(id, Stamp::by_then(at.t, Source::Inferred), None);
                self.conclude_now(kernel, id);
            }
        }
        if from.is_none() && self.scope == Scope::Lab {
            return;
        }
        let predicted = Entry { exact_birth: true, exact_threads: true, ..Entry::new(ProcId { pid, start }, parent) };
        let reading = Self::open_and_read(kernel, &predicted, true);
        self.born(kernel, predicted, reading, at);
    }

    /// Opens and reads the process that `entry` means; [`Unread::Gone`] if another process has its pid now. `derived`:
    /// the start time of `entry` is derived from the fork event.
    pub(super) fn open_and_read(kernel: &mut impl Kernel, entry: &Entry, derived: bool) -> Result<Reading, Unread> {
        let reading = kernel.open_and_read(entry.id.pid)?;
        let same =
            if derived { entry.matches_start(reading.stat.start, false) } else { entry.id.start == reading.stat.start };
        if !same {
            kernel.release(ProcId { pid: entry.id.pid, start: reading.stat.start });
        }
        same.then_some(reading).ok_or(Unread::Gone)
    }

    /// Adds a process that was not known.
    pub(super) fn born(
        &mut self,
        kernel: &mut impl Kernel,
        mut entry: Entry,
        reading: Result<Reading, Unread>,
        at: Stamp,
    ) -> ProcId {
        if let Ok(reading) = &reading {
            entry.id.start = reading.stat.start;
            entry.exact_start = true;
            if !entry.exact_birth {
                entry.threads = reading.stat.threads;
            }
        }
        let id = entry.id;
        let parent = entry.parent;
        // the namespaces of a process that is found dead are unknown, except those that its zombie keeps
        let found_dead = !entry.exact_birth && reading.as_ref().is_ok_and(|reading| reading.stat.is_dead());
        if let Some(from) = parent.process().and_then(|p| self.entries.get(&p)) {
            if !found_dead {
                entry.namespaces = from.namespaces;
                entry.cgroup.clone_from(&from.cgroup);
            }
            entry.init = from.init;
            entry.in_lab |= from.in_lab;
        }
        self.namespaces.join(&entry.namespaces);
        if reading.is_err()
            && let Some(init) = entry.init
        {
            let pid_namespace = self.pid_namespaces.entry(init).or_default();
            entry.pid_inside = pid_namespace.predict_next();
            if let Some(inner) = entry.pid_inside {
                pid_namespace.add_predicted(inner, id);
            }
        }
        if entry.in_lab {
            kernel.follow(id);
        }
        self.entries.insert(id, entry);
        self.current.insert(id.pid, id);
        self.unreaped.insert(id);
        if let Some(p) = parent.process() {
            self.children.entry(p).or_default().insert(id);
        }
        self.out.push(Delta::Born { id, parent, at });
        match reading {
            Ok(reading) => {
                self.mark_read(id.pid);
                self.apply_reading(kernel, id, reading, true);
                self.recheck_soon(kernel, id);
            }
            Err(Unread::Gone) => {
                let now = kernel.now();
                self.vanished(id, Stamp::by_then(now, Source::Inferred), None);
            }
            Err(why) => {
                self.mark_unread(id.pid, why);
                self.recheck_soon(kernel, id);
            }
        }
        id
    }

    pub(super) fn thread_born(&mut self, tgid: u32) {
        let Some(id) = self.by_pid(tgid) else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.threads += 1;
        // threads take pids too
        if let Some(pid_namespace) = entry.init.and_then(|init| self.pid_namespaces.get_mut(&init)) {
            pid_namespace.predict_next();
        }
    }

    pub(super) fn exec(&mut self, kernel: &mut impl Kernel, at: Stamp, tgid: u32) {
        let Some(id) = self.by_pid(tgid) else { return };
        // an exec leaves the namespaces as they are, except the time namespace, which the check that follows sees
        let reading = kernel.read(tgid, Depth::Program).ok().filter(|r| r.stat.start == id.start);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (denied, full_read) = (entry.denied, entry.full_read);
        // the other threads are gone, and the thread that called execve is now the leader (de_thread, fs/exec.c)
        entry.threads = 1;
        entry.leader_status = None;
        let (comm, cmdline) = match (&reading, &entry.facts) {
            (Some(r), _) => (r.stat.comm.clone(), r.cmdline.clone()),
            (None, Some(f)) => (f.comm.clone(), f.cmdline.clone()),
            (None, None) => (String::new(), Vec::new()),
        };
        if let Some(facts) = &mut entry.facts {
            facts.comm.clone_from(&comm);
            facts.cmdline.clone_from(&cmdline);
            facts.signals = facts.signals.after_exec();
        }
        self.out.push(Delta::Exec { id, comm, cmdline, at });
        if let Some(reading) = reading {
            self.apply_reading(kernel, id, Reading { denied, ..reading }, true);
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.full_read = full_read;
            }
        }
        self.recheck_soon(kernel, id);
    }

    pub(super) fn renamed(&mut self, tgid: u32, comm: String, t: MonoNs) {
        let Some(id) = self.by_pid(tgid) else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(facts) = &mut entry.facts {
            facts.comm.clone_from(&comm);
        }
        self.out.push(Delta::Renamed { id, comm, at: Stamp::connector(t) });
    }

    pub(super) fn reread(&mut self, kernel: &mut impl Kernel, tgid: u32) {
        let Some(id) = self.by_pid(tgid) else { return };
        match kernel.read(tgid, Depth::All) {
            Ok(reading) if reading.stat.start == id.start => self.apply_reading(kernel, id, reading, false),
            _ => self.recheck_soon(kernel, id),
        }
    }

    pub(super) fn thread_ended(
        &mut self,
        kernel: &mut impl Kernel,
        t: MonoNs,
        pid: u32,
        tgid: u32,
        status: WaitStatus,
        parent: Option<u32>,
    ) {
        let Some(id) = self.by_pid(tgid) else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.threads = entry.threads.saturating_sub(1);
        let leader = if pid == tgid { Some(status) } else { entry.leader_status };
        let Some(of_leader) = leader else {
            // a thread ended, and the leader lives
            return self.recheck_soon(kernel, id);
        };
        let over = if entry.exact_threads {
            entry.threads == 0
        } else {
            match kernel.read(tgid, Depth::Stat) {
                Ok(r) => !entry.matches_start(r.stat.start, false) || r.stat.is_dead(),
                Err(why) => why == Unread::Gone,
            }
        };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if !over {
            entry.leader_status = leader;
            return self.recheck_soon(kernel, id);
        }
        // if the statuses of leader and last thread differ, only the reap tells which one counts
        // (wait_task_zombie, kernel/exit.c)
        let status = (status == of_leader).then_some(status);
        self.ended(kernel, id, status, Stamp::connector(t), parent);
        if parent.is_none() && pid == tgid {
            // reaped before the event was sent; threads other than the leader release themselves
            self.vanished(id, Stamp::by_then(t, Source::Connector), None);
        }
    }

    /// The whole process exited; `parent` is the pid of its parent at that time.
    pub(super) fn ended(
        &mut self,
        kernel: &mut impl Kernel,
        id: ProcId,
        status: Option<WaitStatus>,
        at: Stamp,
        parent: Option<u32>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some((known_at, known)) = entry.exit {
            let better = known.is_none() && status.is_some() || at.is_better_than(known_at);
            if better {
                let at = if at.is_better_than(known_at) { at } else { known_at };
                entry.exit = Some((at, known.or(status)));
                self.out.push(Delta::Exited { id, status: known.or(status), at });
            }
            return;
        }
        let (at, status) = match entry.traced_exit {
            Some((exact, known)) if at.precision != Precision::Exact => (exact, Some(known)),
            Some((_, known)) => (at, status.or(Some(known))),
            None => (at, status),
        };
        entry.exit = Some((at, status));
        let (is_there, namespaces, reaper) = (entry.gone.is_none(), entry.namespaces, entry.parent.process());
        if is_there {
            // the zombie, and its parent, which must reap it
            kernel.prefer(id);
            reaper.filter(|id| self.entries.contains_key(id)).into_iter().for_each(|id| kernel.prefer(id));
        }
        self.leave_namespaces(kernel, &namespaces);
        self.to_recheck.remove(&id);
        let known = self.entries.get(&id).map_or(Parent::Unknown, |e| e.parent);
        if let Some(to) = parent.map(|pid| self.parent_now(known, pid)) {
            self.reparented(id, to, Stamp::by_then(at.t, at.source));
        }
        self.out.push(Delta::Exited { id, status, at });
        // the kernel reparented the children before it reported the exit (exit_notify, kernel/exit.c)
        let children: Vec<ProcId> = self.children.get(&id).into_iter().flatten().copied().collect();
        let pids: Vec<u32> = children.iter().map(|child| child.pid).collect();
        for (child, read) in children.into_iter().zip(kernel.read_stats(&pids)) {
            match read {
                Ok(stat) if self.is_process(child, &stat) => {
                    if stat.ppid != id.pid {
                        let to = self.parent_of(stat.ppid);
                        self.reparented(child, to, at);
                    }
                }
                Ok(_) | Err(Unread::Gone) => {
                    let now = kernel.now();
                    self.vanished(child, Stamp::by_then(now, Source::Inferred), None);
                }
                Err(why) => {
                    self.mark_unread(child.pid, why);
                    self.recheck_soon(kernel, child);
                }
            }
        }
    }

    /// Whether `stat` is of this process.
    pub(super) fn is_process(&self, id: ProcId, stat: &Stat) -> bool {
        self.entries.get(&id).map_or(stat.start == id.start, |e| e.matches_start(stat.start, false))
    }

    /// Reports the new parent if it has changed.
    pub(super) fn reparented(&mut self, id: ProcId, to: Parent, at: Stamp) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let from = entry.parent;
        if from == to {
            return;
        }
        // it was reparented when its former parent exited, if that time is known
        let ended = from.process().and_then(|p| self.entries.get(&p)?.exit).map(|(at, _)| at);
        let at = ended.filter(|e| e.t <= at.t).unwrap_or(at);
        if let Some(entry) = self.entries.get_mut(&id) {
            (entry.parent, entry.moved) = (to, Some(at));
        }
        if let Some(siblings) = from.process().and_then(|p| self.children.get_mut(&p)) {
            siblings.remove(&id);
        }
        if let Some(p) = to.process() {
            self.children.entry(p).or_default().insert(id);
        }
        self.out.push(Delta::Reparented { id, from, to, at });
    }
}
