//! Turns the tasks and open files that BPF has read into what the survey is made of: pure, without I/O.

use std::collections::{HashMap, HashSet};

use super::seen::{NetOfSocket, OpenNamespace, Sighting, Socket, ThreadNamespace, count};
use crate::model::{NsKind, NsSet, ProcId, SignalMasks, Source, State};
use crate::observe::bpf::{HeldBy, Holder, NsNumbers, Task};
use crate::observe::clock::NS_PER_TICK;
use crate::observe::proc::{Missing, Reading, Status, Supplement, Unread};
use crate::procfs::Stat;

/// `PF_WQ_WORKER` of `include/linux/sched.h`.
const WORKQUEUE_WORKER: u32 = 0x20;
/// As long a name may have been cut.
const LONGEST_NAME: usize = 15;

/// A process, as far as BPF tells.
pub struct Gathered {
    sighting: Sighting,
    /// Nanoseconds on a CPU, of all threads.
    run_time: u64,
    /// What only `/proc` tells of it.
    pub missing: Missing,
}

/// Puts together tasks and holders. A thread without its process is left out.
pub fn gather(tasks: Vec<Task>, holders: &[Holder]) -> Vec<Gathered> {
    let mut all = Vec::with_capacity(tasks.len());
    let mut at: HashMap<ProcId, usize> = HashMap::with_capacity(tasks.len());
    let mut threads = Vec::new();
    for task in tasks {
        if task.is_first_thread() {
            at.insert(task.process(), all.len());
            all.push(Gathered::new(task));
        } else {
            threads.push(task);
        }
    }
    for thread in threads {
        if let Some(at) = at.get(&thread.process()) {
            all[*at].add_thread(&thread);
        }
    }
    for holder in holders {
        // `/proc/PID/fd` shows the files of the first thread only, and so do we
        if let Some(at) = holder.by.process().and_then(|process| at.get(&process))
            && holder.by.pid == holder.by.tgid
        {
            all[*at].add_holder(holder);
        }
    }
    all
}

/// The processes, and the pids of those that `/proc` is to be asked for: it shows them and BPF does not, or they have
/// changed their namespaces while they were read. `own`: our own namespaces. `listed`: what `/proc` shows.
pub fn split(gathered: Vec<Gathered>, own: &NsSet, listed: &[u32]) -> (Vec<Sighting>, Vec<u32>) {
    let (whole, changing): (Vec<_>, Vec<_>) = gathered.into_iter().partition(|one| one.has_namespaces(own));
    let seen: HashSet<u32> = whole.iter().map(Gathered::pid).collect();
    let mut rest: Vec<u32> = listed.iter().copied().filter(|pid| !seen.contains(pid)).collect();
    let listed: HashSet<u32> = listed.iter().copied().collect();
    rest.extend(changing.iter().map(Gathered::pid).filter(|pid| !listed.contains(pid)));
    (whole.into_iter().map(Gathered::finish).collect(), rest)
}

impl Gathered {
    fn new(task: Task) -> Self {
        let actions = task.actions.map_or((0, 0), |actions| (actions.ignored, actions.caught));
        let mut links = [None; 8];
        for (link, ns) in links.iter_mut().zip(task.namespaces) {
            *link = ns.map(|ns| u64::from(ns.inode));
        }
        let stat = Stat {
            state: task.state,
            ppid: task.ppid,
            flags: task.flags,
            threads: task.threads,
            start: task.start,
            waited_ticks: task.used.map_or(0, |used| used.waited.iter().map(|ns| ns / NS_PER_TICK).sum()),
            rss_pages: task.used.and_then(|used| used.rss_pages).unwrap_or(0),
            exit_code: task.exit_status.map_or(0, |status| status.0),
            comm: task.comm,
            ..Stat::default()
        };
        let is_user_process = stat.has_memory() && !stat.is_kernel_thread();
        let missing = Missing {
            // a kernel thread has a longer name in /proc, and that of a worker says what it does
            comm: stat.is_kernel_thread() && (stat.comm.len() >= LONGEST_NAME || stat.flags & WORKQUEUE_WORKER != 0),
            rss: is_user_process && task.used.is_none_or(|used| used.rss_pages.is_none()),
        };
        let status = Status {
            uid: task.euid,
            nspid: task.pids,
            signals: SignalMasks {
                blocked: task.blocked,
                ignored: actions.0,
                caught: actions.1,
                ..SignalMasks::default()
            },
            rss_bytes: None,
            tracer: task.tracer.unwrap_or(0),
        };
        let has_files = !stat.is_kernel_thread() && !stat.is_dead();
        let reading = Reading { stat, status: Some(status), links, ..Reading::default() };
        let mut sighting = Sighting { by: Source::Bpf, ..Sighting::new(task.pid, Ok(reading)) };
        if has_files {
            count(&mut sighting.files_looked, Ok(()));
        }
        let run_time = task.run_time + task.used.map_or(0, |used| used.ended_run_time);
        let mut new = Self { sighting, run_time, missing };
        new.add_for_children(task.pid, task.pid_for_children, task.time_for_children);
        new
    }

    pub const fn pid(&self) -> u32 {
        self.sighting.pid
    }

    fn add_thread(&mut self, thread: &Task) {
        self.run_time += thread.run_time;
        count(&mut self.sighting.threads_looked, Ok(()));
        let Ok(reading) = &self.sighting.reading else { return };
        for kind in NsKind::ALL {
            // a thread cannot have one of the others of its own
            if let Some(ns) = thread.namespaces[kind as usize]
                && !matches!(kind, NsKind::Pid | NsKind::Time | NsKind::User)
                && reading.links[kind as usize] != Some(ns.inode.into())
            {
                self.sighting.threads.push(ThreadNamespace {
                    tid: thread.pid,
                    kind,
                    ino: ns.inode.into(),
                    unique: ns.unique,
                    for_children: false,
                });
            }
        }
        self.add_for_children(thread.pid, thread.pid_for_children, thread.time_for_children);
    }

    /// The pid and time namespaces of a thread's next children, if they are others than its process is in.
    fn add_for_children(&mut self, tid: u32, pid: Option<NsNumbers>, time: Option<NsNumbers>) {
        let Ok(reading) = &self.sighting.reading else { return };
        for (kind, ns) in [(NsKind::Pid, pid), (NsKind::Time, time)] {
            if let Some(ns) = ns
                && reading.links[kind as usize] != Some(ns.inode.into())
            {
                let (ino, unique) = (ns.inode.into(), ns.unique);
                self.sighting.threads.push(ThreadNamespace { tid, kind, ino, unique, for_children: true });
            }
        }
    }

    fn add_holder(&mut self, holder: &Holder) {
        let ino = u64::from(holder.namespace.inode);
        match holder.file {
            HeldBy::File => self.sighting.files.push(OpenNamespace { fd: holder.fd, kind: holder.kind, ino }),
            HeldBy::Socket { .. } => {
                let net = holder.namespace.unique.map_or(NetOfSocket::Inode(ino), NetOfSocket::Unique);
                self.sighting.sockets.push(Socket { fd: holder.fd, net });
                count(&mut self.sighting.sockets_looked, Ok(()));
            }
        }
    }

    /// Adds what was missing. If it could not be read, the process is not known.
    pub fn add(&mut self, found: Result<Supplement, Unread>) {
        let Ok(reading) = &mut self.sighting.reading else { return };
        match found {
            Ok(Supplement { comm, rss_bytes }) => {
                reading.stat.comm = comm.unwrap_or_else(|| std::mem::take(&mut reading.stat.comm));
                if let Some(status) = &mut reading.status {
                    status.rss_bytes = rss_bytes;
                }
            }
            Err(why) => self.sighting = Sighting::new(self.pid(), Err(why)),
        }
    }

    /// A zombie, or a process that exits, has left all but two.
    fn has_namespaces(&self, own: &NsSet) -> bool {
        let Ok(reading) = &self.sighting.reading else { return true };
        let has_left = reading.stat.state == State::Zombie || reading.stat.is_exiting();
        has_left || NsKind::ALL.iter().all(|kind| own.get(*kind).is_none() || reading.links[*kind as usize].is_some())
    }

    fn finish(mut self) -> Sighting {
        if let Ok(reading) = &mut self.sighting.reading {
            reading.stat.cpu_ticks = self.run_time / NS_PER_TICK;
        }
        self.sighting
    }
}
