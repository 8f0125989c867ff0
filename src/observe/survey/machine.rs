//! Reads all processes of the machine: by BPF where it can be used, and otherwise from `/proc`.
//!
//! BPF tells all but the arguments, which are read from `/proc` at the same time ([`Arguments`]).

use super::arguments::Arguments;
use super::by_bpf::{self, Gathered};
use super::parallel;
use super::process::ProcessReader;
use super::seen::Sighting;
use crate::model::NsSet;
use crate::observe::bpf::{Holder, HolderReader, Loader, Task, TaskReader, Unavailable};
use crate::observe::error::Error;
use crate::observe::proc;

/// All processes.
pub struct Machine {
    pub processes: Vec<Sighting>,
    /// Those of processes that BPF has told of, or why BPF was not used.
    pub arguments: Result<Arguments, Unavailable>,
}

impl Machine {
    /// `own`: our own namespaces. `permission`: whether to use BPF.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn read(own: &NsSet, permission: Result<(), Unavailable>) -> Result<Self, Error> {
        if let Err(why) = permission {
            return Ok(Self { processes: by_proc(&pids()?, true), arguments: Err(why) });
        }
        let (kernel, listed) = parallel::both(ask_kernel, || {
            let pids = pids()?;
            Ok::<_, Error>((Arguments::start(pids.clone()), pids))
        });
        let (arguments, pids) = listed?;
        let (tasks, holders) = match kernel {
            Ok(seen) => seen,
            Err(why) => return Ok(Self { processes: by_proc(&pids, true), arguments: Err(why) }),
        };
        let mut gathered = by_bpf::gather(tasks, &holders);
        complete(&mut gathered);
        let (mut processes, rest) = by_bpf::split(gathered, own, &pids);
        processes.extend(by_proc(&rest, true));
        Ok(Self { processes, arguments: Ok(arguments) })
    }
}

/// Reads these processes from `/proc`. `with_holders`: look at threads, open files and sockets too.
pub fn by_proc(pids: &[u32], with_holders: bool) -> Vec<Sighting> {
    parallel::map(pids, 32, || ProcessReader::new(with_holders), |reader, pid| reader.read(*pid))
}

fn pids() -> Result<Vec<u32>, Error> {
    proc::pids().map_err(Error::Proc)
}

fn ask_kernel() -> Result<(Vec<Task>, Vec<Holder>), Unavailable> {
    let failed = |what| move |error| Unavailable::Failed { what, error };
    let loader = Loader::new()?;
    let (holders, tasks) = parallel::both(
        || HolderReader::load(&loader)?.read().map_err(failed("the iterator over files")),
        || TaskReader::load(&loader)?.read().map_err(failed("the iterator over tasks")),
    );
    Ok((tasks?, holders?))
}

/// Reads from `/proc` what BPF could not tell.
fn complete(gathered: &mut [Gathered]) {
    let incomplete = |(i, one): (usize, &Gathered)| (!one.missing.is_empty()).then_some((i, one.pid(), one.missing));
    let incomplete: Vec<_> = gathered.iter().enumerate().filter_map(incomplete).collect();
    let read = parallel::map(&incomplete, 32, proc::Reader::default, |reader, (i, pid, missing)| {
        (*i, reader.read_missing(*pid, *missing))
    });
    for (i, found) in read {
        gathered[i].add(found);
    }
}
