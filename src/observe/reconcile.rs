//! Reconciles the facts of all sources into one stream of deltas. Only this module knows which process a pid means.
//!
//! It is a state machine over typed facts and does no I/O. What it has to know before it goes on it asks the trait
//! [`Kernel`]: on the real machine a reader of `/proc` answers, in tests a table. The same events and answers always
//! give the same deltas, so tests can play them in any order.

mod entry;
mod facts;
mod life;
mod membership;
mod news;
mod node_facts;
mod pause;
mod pid_namespace;
mod reap;
mod restart;
mod scan;
mod scope;
mod signal_limit;
#[cfg(test)]
mod tests;
mod traced;
mod unread;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use nix::errno::Errno;

use super::clock::Ticks;
use super::decode::Event;
use super::input::Input;
use super::namespaces::{NsTable, Nsfs};
use super::proc::{Depth, Reading, Unread};
use crate::model::{
    Delta, Holder, Member, MonoNs, NsId, NsKind, NsSet, Parent, ProcId, Scope, Source, Stamp, WaitStatus, World,
};
use crate::procfs::Stat;
use entry::Entry;
pub use facts::denied_coverage;
use pause::Record;
use pid_namespace::PidNamespace;
use signal_limit::SignalLimit;
pub use unread::UnreadCount;
use usage::WatchedCgroup;
pub use usage::{CgroupFigures, rss_bytes};

/// A namespace as its descriptor shows it (`ioctl_nsfs(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawNs {
    pub kind: NsKind,
    pub ns: Nsfs,
    pub owner_uid: Option<u32>,
    pub owner: Option<Nsfs>,
    pub parent: Option<Nsfs>,
}

/// What the reconciler asks. The answers are from now: an event that is still to come may say something newer.
pub trait Kernel {
    fn now(&mut self) -> MonoNs;
    fn ticks(&mut self) -> Ticks;
    /// The pids of all processes.
    fn pids(&mut self) -> Result<Vec<u32>, Unread>;
    fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread>;
    /// Reads `stat` of each of these processes. None depends on another, so they can be read in parallel.
    fn read_stats(&mut self, pids: &[u32]) -> Vec<Result<Stat, Unread>> {
        pids.iter().map(|pid| self.read(*pid, Depth::Stat).map(|reading| reading.stat)).collect()
    }
    /// Reads everything about a process, and from now on reports its exit and reap if it can.
    fn open_and_read(&mut self, pid: u32) -> Result<Reading, Unread>;
    /// Reports this process's exit and reap, if necessary instead of another's.
    fn prefer(&mut self, id: ProcId);
    /// The figures of the cgroup at this path; `None` if there is none.
    fn read_cgroup(&mut self, cgroup: &str) -> Option<CgroupFigures>;
    /// Exit status of a process that was opened and has been reaped.
    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus>;
    /// Whether its exit and reap will be reported.
    fn holds(&self, id: ProcId) -> bool;
    /// Reports what BPF can tell of this process. What it forks from then on is followed too.
    fn follow(&mut self, id: ProcId);
    /// Reports what BPF can tell of all processes of the machine, or only of those that are followed.
    fn follow_everything(&mut self, on: bool);
    /// Reports nothing more of this process.
    fn release(&mut self, id: ProcId);
    /// The namespace of this process, and its owners and parents that are not `known`.
    fn describe(&mut self, pid: u32, kind: NsKind, known: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs>;
    /// The namespace of this process.
    fn namespace(&mut self, pid: u32, kind: NsKind) -> Option<Nsfs>;
    /// What holds it besides its processes: bind mounts in our own mount namespace, and open files of `processes`.
    fn holders(&mut self, ns: NsId, processes: &mut dyn Iterator<Item = ProcId>) -> Vec<Holder>;
}

/// How many reaped processes are remembered, for reports that come late.
const MAX_PAST: usize = World::MAX_GONE;
/// Time between scans that verify what is known.
const VERIFY_NS: u64 = 1_000_000_000;
/// Time until a process that has not run is read in full again. Others can still change a little of it: its memory by
/// reclaim, its arguments by `/proc/PID/mem`.
const REREAD_NS: u64 = 10_000_000_000;
/// Time between searches for children when the connector is missing.
const DISCOVER_NS: u64 = 100_000_000;
/// Time from a birth, an exec or a signal until the process is read again.
const RECHECK_NS: u64 = 25_000_000;
/// How long contradicting facts wait for an event that explains them.
const PATIENCE_NS: u64 = 250_000_000;
/// How much later than pause's report the kernel's event may come.
const GRACE_NS: u64 = 5_000_000;
/// How many of pause's records may wait for events. They wait longest in a storm of events.
const MAX_RECORDS: usize = 65_536;

pub struct Reconciler {
    scope: Scope,
    /// The proc connector reports forks and exits as they happen.
    connector: bool,
    entries: HashMap<ProcId, Entry>,
    /// The last process that had each pid, dead or alive.
    current: HashMap<u32, ProcId>,
    /// The children of each process that are not reaped yet.
    children: HashMap<ProcId, BTreeSet<ProcId>>,
    unreaped: BTreeSet<ProcId>,
    /// Reaped processes, in the order of their reaps.
    past: VecDeque<ProcId>,
    namespaces: NsTable,
    pid_namespaces: HashMap<ProcId, PidNamespace>,
    /// Process 1 of each pid namespace.
    inits: HashMap<NsId, ProcId>,
    /// No longer in the process table. Their reaper is determined at the end of the batch.
    ending: BTreeSet<ProcId>,
    /// Reaped by one of two: by the parent, which died at about the same time, or by the process that adopted its
    /// children.
    unsure: BTreeSet<ProcId>,
    records: Vec<Record>,
    /// Records that found no room, until that is reported.
    refused_records: u64,
    to_recheck: BTreeSet<ProcId>,
    recheck_at: Option<MonoNs>,
    verify_at: MonoNs,
    discover_at: MonoNs,
    /// Pids that a search found and that are not to be watched.
    unrelated: HashSet<u32>,
    cgroups: BTreeMap<Member, WatchedCgroup>,
    /// First processes of members, and programs run in members later, as the node reported.
    joined: HashMap<ProcId, Member>,
    /// Where the next partial scan begins.
    scan_from: Option<ProcId>,
    denied: usize,
    /// Processes that could not be read, by pid, until they are read or gone.
    unread: BTreeMap<u32, Unread>,
    /// Why the list of processes could not be read.
    unlisted: Option<Errno>,
    unread_reported: UnreadCount,
    /// To be watched, but not readable so far.
    wanted: BTreeSet<ProcId>,
    signal_limit: SignalLimit,
    /// The pid of the observer's own process.
    own_pid: Option<u32>,
    own_namespaces: NsSet,
    caught_up: bool,
    out: Vec<Delta>,
}

impl Reconciler {
    /// `dev` is the device number of nsfs.
    pub fn new(scope: Scope, connector: bool, dev: u64) -> Self {
        Self {
            scope,
            connector,
            entries: HashMap::new(),
            current: HashMap::new(),
            children: HashMap::new(),
            unreaped: BTreeSet::new(),
            past: VecDeque::new(),
            namespaces: NsTable::new(dev),
            pid_namespaces: HashMap::new(),
            inits: HashMap::new(),
            ending: BTreeSet::new(),
            unsure: BTreeSet::new(),
            records: Vec::new(),
            refused_records: 0,
            to_recheck: BTreeSet::new(),
            recheck_at: None,
            verify_at: MonoNs(0),
            discover_at: MonoNs(0),
            unrelated: HashSet::new(),
            cgroups: BTreeMap::new(),
            joined: HashMap::new(),
            scan_from: None,
            denied: 0,
            unread: BTreeMap::new(),
            unlisted: None,
            unread_reported: UnreadCount::default(),
            wanted: BTreeSet::new(),
            signal_limit: SignalLimit::default(),
            own_pid: None,
            own_namespaces: NsSet::default(),
            caught_up: true,
            out: Vec::new(),
        }
    }

    /// Takes note of the observer's own process, and returns its namespaces, which live as long as it does.
    pub fn own_namespaces(&mut self, kernel: &mut impl Kernel, pid: u32, reading: &Reading) -> NsSet {
        self.own_pid = Some(pid);
        let set = self.resolve_namespaces(kernel, pid, reading, &NsSet::default());
        self.namespaces.join(&set);
        self.own_namespaces = set;
        set
    }

    pub fn event(&mut self, kernel: &mut impl Kernel, event: Event) {
        match event {
            Event::Fork { t, parent, pid, tgid } if pid == tgid => {
                self.forked(kernel, Stamp::connector(t), parent, pid);
            }
            Event::Fork { tgid, .. } => self.thread_born(tgid),
            Event::Exec { t, tgid } => self.exec(kernel, Stamp::connector(t), tgid),
            Event::Ids { tgid, .. } => self.reread(kernel, tgid),
            Event::Comm { t, pid, tgid, comm } if pid == tgid => self.renamed(tgid, comm, t),
            Event::Exit { t, pid, tgid, status, parent } => self.thread_ended(kernel, t, pid, tgid, status, parent),
            Event::Comm { .. } | Event::Ack { .. } => {}
        }
    }

    pub fn input(&mut self, kernel: &mut impl Kernel, input: Input) {
        match input {
            Input::Watch(id) => self.watch_all(kernel, &[id]),
            Input::WatchAll(ids) => self.watch_all(kernel, &ids),
            Input::Observe(scope) => self.observe(kernel, scope),
            Input::Reread(id) => self.look_again(kernel, id),
            Input::Delta(delta) => self.take_delta(kernel, delta),
            Input::PauseReaped { pause, pid_in_pod, status, at } => {
                let pause = self.canonical(pause);
                self.add_record(Record { pause, pid: pid_in_pod, status, at, has_all_events: false });
            }
            Input::PauseDropped { pause, count, at } => self.pause_dropped(self.canonical(pause), count, at),
        }
    }

    /// A pidfd became readable: the process exited.
    pub fn pidfd_exit(&mut self, kernel: &mut impl Kernel, id: ProcId, at: MonoNs) {
        // the connector reports the same with the kernel's own time
        if self.entries.get(&id).is_some_and(|e| e.exit.is_none()) && !self.connector {
            let status = reap::zombie_status(kernel, id);
            self.ended(kernel, id, status, Stamp::prompt(at, Source::Pidfd), None);
        }
    }

    /// A pidfd hung up: the process was reaped.
    pub fn pidfd_reaped(&mut self, id: ProcId, at: MonoNs) {
        self.vanished(id, Stamp::prompt(at, Source::Pidfd), None);
    }

    /// The connector or BPF lost `count` events; `at` is when the loss was noticed.
    pub fn lost(&mut self, kernel: &mut impl Kernel, source: Source, at: MonoNs, count: Option<u64>) {
        self.out.push(Delta::Lost { source, count, at: Stamp::by_then(at, Source::Scan) });
        self.rescan(kernel);
    }

    /// `count` facts of `source` found no room in the inbox.
    pub fn refused(&mut self, source: Source, count: u64, at: MonoNs) {
        if source == Source::Pause {
            self.record_is_missing();
        }
        self.out.push(Delta::Lost { source, count: Some(count), at: Stamp::by_then(at, Source::App) });
    }

    /// Compares everything known with the machine, and finds what is not known.
    fn rescan(&mut self, kernel: &mut impl Kernel) {
        for entry in self.entries.values_mut() {
            entry.exact_threads = false;
            entry.suspect = true;
        }
        self.discover(kernel);
        self.verify(kernel, usize::MAX);
    }

    /// Draws conclusions from what was reported, and returns the batch. `caught_up`: no more events are waiting.
    pub fn finish(&mut self, kernel: &mut impl Kernel, caught_up: bool) -> Vec<Delta> {
        self.caught_up = caught_up;
        if caught_up {
            self.match_records(kernel);
        }
        self.conclude(kernel);
        std::mem::take(&mut self.out)
    }

    /// How many processes are watched.
    pub fn watched(&self) -> usize {
        self.unreaped.len()
    }

    /// Has everything reported that BPF can tell of the watched processes: it was not there before.
    pub fn follow_all(&self, kernel: &mut impl Kernel) {
        // first: if there is no room for all that are followed, everything is reported
        kernel.follow_everything(self.scope == Scope::Host);
        let is_followed = |id: &&ProcId| self.entries.get(id).is_some_and(|entry| entry.in_lab);
        self.unreaped.iter().filter(is_followed).for_each(|id| kernel.follow(*id));
    }

    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Does what is due by now.
    pub fn tick(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        if self.recheck_at.is_some_and(|at| at <= now) {
            self.recheck(kernel);
        }
        self.report_held_signals(now);
        if self.unreaped.is_empty() {
            return;
        }
        if !self.connector && self.discover_at <= now {
            self.discover(kernel);
        }
        if self.verify_at <= now {
            self.verify(kernel, scan::BUDGET);
        }
    }

    /// When to call `tick` next; `None` while nothing is watched.
    pub fn deadline(&self) -> Option<MonoNs> {
        let mut first = self.recheck_at;
        let mut also = |at: MonoNs| first = Some(first.map_or(at, |f| f.min(at)));
        if !self.unreaped.is_empty() {
            also(self.verify_at);
            if !self.connector {
                also(self.discover_at);
            }
        }
        if let Some(at) = self.signal_limit.deadline() {
            also(at);
        }
        for gone in self.ending.iter().filter_map(|id| self.entries.get(id)?.gone) {
            also(gone.at.t.plus(PATIENCE_NS));
        }
        for record in &self.records {
            also(record.at.plus(if record.has_all_events { PATIENCE_NS } else { GRACE_NS }));
        }
        first
    }

    /// The process that has the pid and is not reaped.
    fn by_pid(&self, pid: u32) -> Option<ProcId> {
        self.current.get(&pid).copied().filter(|id| self.entries.get(id).is_some_and(Entry::is_unreaped))
    }

    fn parent_of(&self, ppid: u32) -> Parent {
        self.by_pid(ppid).map_or(Parent::Outside, Parent::Process)
    }

    fn recheck_soon(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        self.to_recheck.insert(id);
        self.schedule_recheck(kernel);
    }

    fn schedule_recheck(&mut self, kernel: &mut impl Kernel) {
        if self.recheck_at.is_none() {
            self.recheck_at = Some(kernel.now().plus(RECHECK_NS));
        }
    }
}
