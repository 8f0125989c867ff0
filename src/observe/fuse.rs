//! All sources become one stream: the only place that knows which process a pid means.
//!
//! A state machine over typed facts. It asks the machine through [`Kernel`], so that every order of
//! events can be played in tests.

mod canon;
mod entry;
mod facts;
mod kin;
mod life;
mod pause;
mod reap;
mod restart;
mod scan;
mod space;
#[cfg(test)]
mod tests;
mod unread;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use nix::errno::Errno;

use super::clock::Ticks;
use super::decode::Event;
use super::input::Input;
use super::namespaces::{Holder, NsTable, Nsfs};
use super::options::Scope;
use super::proc::{Depth, Reading, Unread};
use crate::model::{Delta, Member, MonoNs, NsId, NsKind, NsSet, Parent, ProcId, Source, Stamp, WaitStatus, World};
use entry::Entry;
use pause::Record;
use space::Space;
pub use unread::UnreadCount;
pub use usage::Counted;
use usage::Watched;

/// A namespace as its descriptor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawNs {
    pub kind: NsKind,
    pub ns: Nsfs,
    pub owner_uid: Option<u32>,
    pub owner: Option<Nsfs>,
    pub parent: Option<Nsfs>,
}

/// What the fuse asks of the machine.
pub trait Kernel {
    fn now(&mut self) -> MonoNs;
    fn ticks(&mut self) -> Ticks;
    /// Every pid there is.
    fn pids(&mut self) -> Result<Vec<u32>, Unread>;
    fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread>;
    /// Reads all, and from now on reports this process's exit and reap, if it can.
    fn meet(&mut self, pid: u32) -> Result<Reading, Unread>;
    /// Reports this one's exit and reap, if need be instead of another's.
    fn prefer(&mut self, id: ProcId);
    /// What the cgroup of this path counts; `None` if there is none.
    fn count(&mut self, cgroup: &str) -> Option<Counted>;
    /// Exit status of a process that was met and has been reaped.
    fn exit_status(&mut self, id: ProcId) -> Option<WaitStatus>;
    /// Its exit and reap will be reported.
    fn holds(&self, id: ProcId) -> bool;
    fn release(&mut self, id: ProcId);
    /// The namespace of this process, and those above it that are not `known`.
    fn describe(&mut self, pid: u32, kind: NsKind, known: &dyn Fn(NsKind, Nsfs) -> bool) -> Vec<RawNs>;
    /// The namespace of this process.
    fn namespace(&mut self, pid: u32, kind: NsKind) -> Option<Nsfs>;
    /// What holds it besides its members, as far as these processes and the mounts tell.
    fn holders(&mut self, ns: NsId, pids: &mut dyn Iterator<Item = u32>) -> Vec<Holder>;
}

/// Reaped processes that are remembered, for those who tell late.
const MAX_PAST: usize = World::MAX_GONE;
/// Between verifying scans.
const VERIFY_NS: u64 = 1_000_000_000;
/// Until a process that has not run is read whole again: others can change little of it (its memory by reclaim, its
/// arguments by `/proc/PID/mem`).
const REREAD_NS: u64 = 10_000_000_000;
/// Between searches for children where the connector does not tell of them.
const DISCOVER_NS: u64 = 100_000_000;
/// After a birth, an exec or a signal, until a second look.
const SETTLE_NS: u64 = 25_000_000;
/// How long facts that contradict each other wait for the event that explains them.
const PATIENCE_NS: u64 = 250_000_000;
/// How much later than pause's report the kernel's own may come.
const GRACE_NS: u64 = 5_000_000;

pub struct Fuse {
    scope: Scope,
    /// Forks and exits are told as they happen.
    connector: bool,
    entries: HashMap<ProcId, Entry>,
    /// The last bearer of each pid, dead or alive.
    current: HashMap<u32, ProcId>,
    /// Children not yet reaped.
    children: HashMap<ProcId, BTreeSet<ProcId>>,
    unreaped: BTreeSet<ProcId>,
    /// In the order of their reaps.
    past: VecDeque<ProcId>,
    namespaces: NsTable,
    spaces: HashMap<ProcId, Space>,
    /// Process 1 of each pid namespace.
    inits: HashMap<NsId, ProcId>,
    /// Gone from the table; who reaped them is to be found out at the end of the batch.
    ending: BTreeSet<ProcId>,
    /// Reaped by one of two: the parent that died at about the same time, or the one who got its children.
    unsure: BTreeSet<ProcId>,
    records: Vec<Record>,
    unsettled: BTreeSet<ProcId>,
    settle_at: Option<MonoNs>,
    verify_at: MonoNs,
    discover_at: MonoNs,
    /// Seen by a search and not ours.
    unrelated: HashSet<u32>,
    cgroups: BTreeMap<Member, Watched>,
    /// First processes of members, and programs run in them, as the node told.
    joined: HashMap<ProcId, Member>,
    /// Where the next partial scan begins.
    scan_from: Option<ProcId>,
    denied: usize,
    /// By pid, until they are read or gone.
    unread: BTreeMap<u32, Unread>,
    /// Why the list of processes could not be read.
    unlisted: Option<Errno>,
    unread_told: UnreadCount,
    /// To be watched, and could not be read so far.
    wanted: BTreeSet<ProcId>,
    caught_up: bool,
    out: Vec<Delta>,
}

impl Fuse {
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
            spaces: HashMap::new(),
            inits: HashMap::new(),
            ending: BTreeSet::new(),
            unsure: BTreeSet::new(),
            records: Vec::new(),
            unsettled: BTreeSet::new(),
            settle_at: None,
            verify_at: MonoNs(0),
            discover_at: MonoNs(0),
            unrelated: HashSet::new(),
            cgroups: BTreeMap::new(),
            joined: HashMap::new(),
            scan_from: None,
            denied: 0,
            unread: BTreeMap::new(),
            unlisted: None,
            unread_told: UnreadCount::default(),
            wanted: BTreeSet::new(),
            caught_up: true,
            out: Vec::new(),
        }
    }

    /// The observer's own namespaces, which live as long as it does.
    pub fn own_namespaces(&mut self, kernel: &mut impl Kernel, pid: u32, reading: &Reading) -> NsSet {
        let set = self.set_of(kernel, pid, reading, &NsSet::default());
        self.namespaces.join(&set);
        set
    }

    pub fn event(&mut self, kernel: &mut impl Kernel, event: Event) {
        match event {
            Event::Fork { t, parent, pid, tgid } if pid == tgid => self.forked(kernel, t, parent, pid),
            Event::Fork { tgid, .. } => self.thread_born(tgid),
            Event::Exec { t, tgid } => self.exec(kernel, t, tgid),
            Event::Ids { t, tgid } => self.reread(kernel, tgid, Stamp::connector(t)),
            Event::Comm { t, pid, tgid, comm } if pid == tgid => self.renamed(tgid, comm, t),
            Event::Exit { t, pid, tgid, status, parent } => self.thread_ended(kernel, t, pid, tgid, status, parent),
            Event::Comm { .. } | Event::Ack { .. } => {}
        }
    }

    pub fn input(&mut self, kernel: &mut impl Kernel, input: Input) {
        match input {
            Input::Watch(id) => self.watch(kernel, id),
            Input::Look(id) => self.look_again(kernel, id),
            Input::Delta(delta) => self.told(kernel, delta),
            Input::PauseReaped { pause, pid_in_pod, status, at } => {
                let pause = self.canonical(pause);
                self.records.push(Record { pause, pid: pid_in_pod, status, at, ripe: false });
            }
            Input::PauseDropped { pause, count, at } => self.pause_dropped(self.canonical(pause), count, at),
        }
    }

    /// A pidfd became readable.
    pub fn pidfd_exit(&mut self, kernel: &mut impl Kernel, id: ProcId, at: MonoNs) {
        // the connector tells the same with the kernel's own time
        if self.entries.get(&id).is_some_and(|e| e.exit.is_none()) && !self.connector {
            let status = reap::zombie_status(kernel, id);
            self.ended(kernel, id, status, Stamp::prompt(at, Source::Pidfd), None);
        }
    }

    /// A pidfd hung up.
    pub fn pidfd_reaped(&mut self, id: ProcId, at: MonoNs) {
        self.vanished(id, Stamp::prompt(at, Source::Pidfd), None);
    }

    /// The connector lost so many events; `at` is when that was noticed.
    pub fn lost(&mut self, kernel: &mut impl Kernel, at: MonoNs, count: Option<u64>) {
        self.out.push(Delta::Lost { source: Source::Connector, count, at: Stamp::by_then(at, Source::Scan) });
        self.compare(kernel);
    }

    /// Facts that others told found no room.
    pub fn refused(&mut self, source: Source, count: u64, at: MonoNs) {
        if source == Source::Pause {
            // a record that is missing proves nothing of who reaped
            self.unsure.clear();
        }
        self.out.push(Delta::Lost { source, count: Some(count), at: Stamp::by_then(at, Source::App) });
    }

    /// Compares all that is known with what is there, and finds what is not known.
    fn compare(&mut self, kernel: &mut impl Kernel) {
        for entry in self.entries.values_mut() {
            entry.exact_threads = false;
            entry.suspect = true;
        }
        self.discover(kernel);
        self.verify(kernel, usize::MAX);
    }

    /// Concludes what follows from what was told. `caught_up`: no events wait that might say more.
    pub fn finish(&mut self, kernel: &mut impl Kernel, caught_up: bool) -> Vec<Delta> {
        self.caught_up = caught_up;
        if caught_up {
            self.match_records(kernel);
        }
        self.conclude(kernel);
        std::mem::take(&mut self.out)
    }

    /// How many processes are followed.
    pub fn watched(&self) -> usize {
        self.unreaped.len()
    }

    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// What is due by now.
    pub fn tick(&mut self, kernel: &mut impl Kernel) {
        let now = kernel.now();
        if self.settle_at.is_some_and(|at| at <= now) {
            self.settle(kernel);
        }
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

    /// When `tick` is next to be called; `None` while nothing is watched.
    pub fn deadline(&self) -> Option<MonoNs> {
        let mut first = self.settle_at;
        let mut also = |at: MonoNs| first = Some(first.map_or(at, |f| f.min(at)));
        if !self.unreaped.is_empty() {
            also(self.verify_at);
            if !self.connector {
                also(self.discover_at);
            }
        }
        for gone in self.ending.iter().filter_map(|id| self.entries.get(id)?.gone) {
            also(gone.at.t.plus(PATIENCE_NS));
        }
        for record in &self.records {
            also(record.at.plus(if record.ripe { PATIENCE_NS } else { GRACE_NS }));
        }
        first
    }

    /// The process that bears the pid and is not reaped.
    fn bearer(&self, pid: u32) -> Option<ProcId> {
        self.current.get(&pid).copied().filter(|id| self.entries.get(id).is_some_and(Entry::is_unreaped))
    }

    fn parent_of(&self, ppid: u32) -> Parent {
        self.bearer(ppid).map_or(Parent::Outside, Parent::Process)
    }

    fn unsettle(&mut self, kernel: &mut impl Kernel, id: ProcId) {
        self.unsettled.insert(id);
        self.settle_soon(kernel);
    }

    fn settle_soon(&mut self, kernel: &mut impl Kernel) {
        if self.settle_at.is_none() {
            self.settle_at = Some(kernel.now().plus(SETTLE_NS));
        }
    }
}
