//! The arguments of processes, which only `/proc` tells.
//!
//! BPF could copy them from the memory of the process, but for that it must wait for memory that is not there: a process
//! that maps a file over its own arguments could make us wait for as long as it wants. `/proc` refuses such memory
//! (`FOLL_ANON` of `get_mm_cmdline` in fs/proc/base.c).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use super::parallel::threads;
use super::seen::Sighting;
use crate::model::Source;
use crate::observe::proc::{Reader, Unread};

/// How many processes a thread takes at once.
const CHUNK: usize = 64;

type ByPid = HashMap<u32, Result<Vec<String>, Unread>>;

/// Arguments that other threads read while one asks BPF.
pub struct Arguments {
    work: Arc<Work>,
    others: Vec<JoinHandle<ByPid>>,
}

struct Work {
    pids: Vec<u32>,
    next: AtomicUsize,
}

impl Arguments {
    /// Begins to read the arguments of these processes.
    pub fn start(pids: Vec<u32>) -> Self {
        let work = Arc::new(Work { pids, next: AtomicUsize::new(0) });
        let spawn = |_| {
            let work = Arc::clone(&work);
            thread::Builder::new().spawn(move || work.run()).ok()
        };
        let others = (1..threads(work.pids.len(), CHUNK).max(2)).map_while(spawn).collect();
        Self { work, others }
    }

    /// Reads the rest.
    fn finish(self) -> ByPid {
        let mut all = self.work.run();
        for other in self.others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    }

    /// Adds them to the processes that BPF has told of. They may have been read a little before or after that. The kernel
    /// gives pids in turn (`alloc_pid` in kernel/pid.c), so no other process had the pid then.
    pub fn add_to(self, processes: &mut [Sighting]) {
        let mut read_before = self.finish();
        let of_bpf = |sighting: &&mut Sighting| sighting.by == Source::Bpf && sighting.has_arguments();
        let mut born_since = Vec::new();
        for sighting in processes.iter_mut().filter(of_bpf) {
            match read_before.remove(&sighting.pid) {
                Some(arguments) => sighting.add_arguments(arguments),
                None => born_since.push(sighting.pid),
            }
        }
        let mut rest = read(born_since);
        for sighting in processes.iter_mut().filter(of_bpf) {
            if let Some(arguments) = rest.remove(&sighting.pid) {
                sighting.add_arguments(arguments);
            }
        }
    }
}

impl Work {
    fn run(&self) -> ByPid {
        let mut reader = Reader::default();
        let mut read = HashMap::new();
        loop {
            let from = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(rest) = self.pids.get(from..) else { break };
            read.extend(rest.iter().take(CHUNK).map(|pid| (*pid, reader.arguments(*pid))));
        }
        read
    }
}

fn read(pids: Vec<u32>) -> ByPid {
    Work { pids, next: AtomicUsize::new(0) }.run()
}
