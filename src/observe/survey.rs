//! Reads the whole machine once: all processes, all namespaces and what holds them.
//!
//! Where BPF can be used, it tells of all processes, threads, open files and sockets, and only arguments and what it
//! leaves out are read from `/proc` ([`machine`]). Otherwise `/proc` tells all. Several threads read it at the same time,
//! with few system calls for each process: every file is opened below one descriptor, and nothing is allocated for a
//! link. What either has found is put together by the same pure code ([`build`]).
//!
//! A namespace is found by one of these, and each is listed:
//!
//! - a process, or a thread that is in another namespace than its process;
//! - the pid or time namespace of the next children of a thread (`/proc/PID/ns/pid_for_children`);
//! - an open file, or a socket that was made in another network namespace than its process is in now;
//! - a bind mount in any mount namespace;
//! - a namespace below it, by owner or parent.
//!
//! Not seen: descriptors in a message that nobody has received (`SCM_RIGHTS`), registered with io_uring, or of a thread
//! that does not share the files of its process. `listns(2)` tells how many namespaces only those hold.

mod arguments;
mod build;
mod by_bpf;
mod machine;
mod mounts;
mod net_id;
pub mod parallel;
mod process;
mod seen;
#[cfg(test)]
mod tests;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::bpf::Unavailable;
use super::error::Error;
use super::hierarchy::nsfs_device;
use super::proc::Unread;
use super::reconcile::UnreadCount;
use super::{host, look_up};
use crate::model::{Coverage, Delta, NsKind, NsSet, ProcId};
use crate::sys::nsfs;
use machine::Machine;
use mounts::Mounts;
use process::ProcessReader;
use seen::Sighting;
use witness::Found;

/// The inode number of the first pid namespace (`PROC_PID_INIT_INO` of include/linux/proc_ns.h).
const INITIAL_PID: u64 = 0xEFFF_FFFC;

/// What was read of the machine.
pub struct Survey {
    processes: Vec<Sighting>,
    /// Whether BPF has told of them, and why not. `None` if it was not tried.
    bpf: Option<Result<(), Unavailable>>,
    /// Parents of processes that were not to be read, which only identifies them.
    parents: Vec<ProcId>,
    /// Our own namespaces.
    own: NsSet,
    namespaces: Found,
    mounts: Mounts,
    /// Whether holders were searched for, which takes all processes.
    is_whole: bool,
    /// `/proc` shows every process of the machine.
    shows_all: bool,
    /// Threads on the whole machine.
    threads: Option<u32>,
    /// Device number of nsfs.
    dev: u64,
}

impl Survey {
    /// Reads all processes and what holds namespaces. `permission`: whether to use BPF.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn of_machine(permission: Result<(), Unavailable>) -> Result<Self, Error> {
        let own = own_namespaces();
        let Machine { processes, arguments } = Machine::read(&own, permission)?;
        let mut survey = Self::put_together(own, processes, true);
        survey.bpf = Some(arguments.map(|arguments| arguments.add_to(&mut survey.processes)));
        Ok(survey)
    }

    /// Reads these processes only, and does not search for holders.
    pub fn of_processes(pids: &[u32]) -> Self {
        Self::put_together(own_namespaces(), machine::by_proc(pids, false), false)
    }

    fn put_together(own: NsSet, processes: Vec<Sighting>, is_whole: bool) -> Self {
        let dev = nsfs_device();
        let mut mounts = if is_whole { mounts::read(&processes) } else { Mounts::default() };
        let namespaces = Found::describe(&processes, &mut mounts, dev);
        let shows_all = host::processes().is_full() && own.get(NsKind::Pid).is_some_and(|ns| ns.ino == INITIAL_PID);
        let threads = if is_whole && !shows_all { threads_of_machine() } else { None };
        let parents = if is_whole { Vec::new() } else { parents(&processes) };
        Self { processes, bpf: None, parents, own, namespaces, mounts, is_whole, shows_all, threads, dev }
    }

    /// Whether the process with this pid could be read.
    ///
    /// # Errors
    /// Why it could not.
    pub fn outcome(&self, pid: u32) -> Result<(), Unread> {
        let sighting = self.processes.iter().find(|sighting| sighting.pid == pid).ok_or(Unread::Gone)?;
        sighting.reading.as_ref().map(|_| ()).map_err(|why| *why)
    }

    pub const fn own_namespaces(&self) -> NsSet {
        self.own
    }

    /// Whether BPF was used, and why not. `None` if it was not tried.
    pub fn bpf(&self) -> Option<Coverage> {
        let used = self.bpf.as_ref()?;
        Some(used.as_ref().map_or_else(|why| Coverage::Missing(why.limitation()), |()| Coverage::Full))
    }

    /// Processes that could not be read.
    pub fn unread(&self) -> UnreadCount {
        let mut count = UnreadCount::default();
        for why in self.processes.iter().filter_map(|sighting| sighting.reading.as_ref().err()) {
            match why {
                Unread::Gone => {}
                Unread::Denied => count.denied += 1,
                Unread::Failed(e) => (count.failed, count.why) = (count.failed + 1, Some(*e)),
            }
        }
        count
    }

    /// Of how many processes we may not read the namespaces, and how many processes were read.
    pub fn denied(&self) -> (usize, usize) {
        let read = self.processes.iter().filter_map(|sighting| sighting.reading.as_ref().ok());
        read.fold((0, 0), |(denied, all), reading| (denied + usize::from(reading.denied), all + 1))
    }

    /// Everything as deltas for an empty World.
    pub fn deltas(self) -> Vec<Delta> {
        build::deltas(self)
    }
}

fn own_namespaces() -> NsSet {
    let own = ProcessReader::new(false).read(std::process::id()).reading;
    own.map_or_else(|_| NsSet::default(), |reading| build::namespaces(&reading, nsfs_device()))
}

/// The parents of these processes that are not among them.
fn parents(processes: &[Sighting]) -> Vec<ProcId> {
    let read = processes.iter().filter_map(|sighting| Some((sighting.pid, sighting.reading.as_ref().ok()?.stat.ppid)));
    let (pids, ppids): (BTreeSet<u32>, BTreeSet<u32>) = read.unzip();
    ppids.difference(&pids).filter_map(|pid| look_up(*pid).ok()).collect()
}

/// Threads on the machine, in all pid namespaces, from `/proc/loadavg` (`proc_loadavg(5)`): `0.1 0.2 0.3 1/123 4567`.
fn threads_of_machine() -> Option<u32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The unique numbers of all namespaces that we may see. `None` if the kernel does not list them.
fn listed() -> Option<Vec<u64>> {
    let mut all = Vec::new();
    let mut ids = [0; 512];
    loop {
        let more = nsfs::list(all.last().copied().unwrap_or_default(), &mut ids).ok()?;
        if more.is_empty() {
            return Some(all);
        }
        all.extend_from_slice(more);
    }
}

/// Namespaces by kind and inode number.
type ByInode<T> = BTreeMap<(NsKind, u64), T>;
