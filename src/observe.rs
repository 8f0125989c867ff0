//! Where Deltas come from: what the kernel reports, reconciled into one stream.
//!
//! [`Observer`] owns one thread that sleeps in one `epoll_wait` over the proc connector, pidfds of watched processes,
//! BPF's ring buffer, an eventfd for facts from others ([`Input`]), and a timer for the scan that verifies what is
//! known. The timer is armed only while something is watched. [`once`] looks a single time.
//!
//! "No such process", "not permitted" and "could not be read" are three different answers ([`Unread`]). Only the first
//! ends a process in the World. Pidfds use at most half of the limit of open files; members of pods, zombies and the
//! parents of zombies get theirs first. Queues are bounded. Lost events are counted and a rescan looks for what they
//! reported, with a pause after each rescan. When the thread fails, it says so and starts again with what it knew.
//!
//! What each source gives, and what is left without it:
//!
//! | source | gives | without it |
//! |---|---|---|
//! | proc connector | births, execs, renames, exits with status, at the kernel's time | children are searched for every 100 ms; processes that live shorter are not seen |
//! | BPF | who sends which signal to whom, kills for lack of memory, the status of every exit; without the connector also births and execs | signals are not seen but for the user's own |
//! | `NS_GET_ID` | which namespace an inode number means | it is the same one if something was seen to hold it all the time |
//! | pidfd | the reap as it happens, and without the connector the exit | found by the scan, "by then" |
//! | `PIDFD_GET_INFO` | the status of a process whose exit no other source reported | `None`, unless /proc shows the zombie's |
//! | BPF | all processes and open files for [`once`], as root | they are read from /proc, which takes longer |
//! | a cgroup's files | CPU, memory and tasks of a container, including processes that have ended | the sum over the living processes |
//! | reports of pause and the node | who reaped, and when, also for the shortest lives | inferred from the parent |

pub mod bpf;
pub(crate) mod cgroup;
mod clock;
pub(crate) mod decode;
mod error;
mod held;
mod hierarchy;
mod holders;
mod host;
mod input;
mod live;
mod losses;
mod namespaces;
mod observer;
mod once;
mod options;
pub(crate) mod proc;
mod reconcile;
mod sender;
pub mod signal;
mod sources;
mod survey;
mod tracer;
mod worker;

pub use clock::now;
pub use error::Error;
pub use input::Input;
pub use observer::Observer;
pub use once::{once, once_by_proc};
pub use options::{Options, SWITCHES, unknown_switch, without};
pub use proc::Unread;
pub use sender::InputSender;
pub(crate) use survey::parallel::map as map_in_parallel;
pub use tracer::probe as probe_signals;

use crate::model::ProcId;
pub use crate::model::Scope;

/// The identity of the process that has `pid` now.
///
/// # Errors
/// Why it could not be read; [`Unread::Gone`] if no process has it.
pub fn look_up(pid: u32) -> Result<ProcId, Unread> {
    let reading = proc::Reader::default().read(pid, proc::Depth::Stat)?;
    Ok(ProcId { pid, start: reading.stat.start })
}

/// As [`look_up`], without the reason for a failure.
pub fn identify(pid: u32) -> Option<ProcId> {
    look_up(pid).ok()
}
