//! Where Deltas come from: the kernel's own words, fused into one stream.
//!
//! [`Observer`] owns one thread that sleeps in one `epoll_wait` over the proc connector, pidfds of watched processes,
//! an eventfd for what others tell it ([`Input`]), and a timer for the scan that verifies the picture, armed only while
//! something is watched. [`once`] looks a single time.
//!
//! A process that is not there, one that is closed to us and one that could not be read are three answers ([`Unread`]):
//! only the first ends a process in the picture. Pidfds are held within half of the limit of open files, those of
//! members, of zombies and of who must reap them first. Queues are bounded; what is lost is counted and looked for, with
//! a pause after each rescan. When the thread fails it says so and starts again with what it knew.
//!
//! What each source gives, and what is left without it:
//!
//! | source | gives | without it |
//! |---|---|---|
//! | proc connector | births, execs, renames, exits with status, at the kernel's time | children are searched for every 100 ms; shorter lives are not seen |
//! | `NS_GET_ID` | which namespace an inode number means | whoever was seen to hold it all the time |
//! | pidfd | the reap, and without the connector the exit, as they happen | found by the scan, "by then" |
//! | `PIDFD_GET_INFO` | the status of a process whose exit nobody told | `None`, unless /proc shows the zombie's |
//! | a cgroup's files | CPU, memory and tasks of a container, of what has ended too | added up from the processes that live |
//! | pause's, the node's report | who reaped, and when, for the shortest lives too | concluded from who was the parent |

pub(crate) mod cgroup;
mod clock;
mod decode;
mod error;
mod fuse;
mod held;
mod holders;
mod host;
mod input;
mod live;
mod losses;
mod namespaces;
mod observer;
mod once;
mod options;
mod proc;
mod sender;
pub mod signal;
mod sources;
mod worker;

pub use clock::now;
pub use error::Error;
pub use input::Input;
pub use observer::Observer;
pub use once::once;
pub use options::{Options, SWITCHES, Scope, unknown_switch, without};
pub use proc::Unread;
pub use sender::InputSender;

use crate::model::ProcId;

/// The identity of the process that bears `pid` now.
///
/// # Errors
/// Why it could not be read; [`Unread::Gone`] if nobody bears it.
pub fn look_up(pid: u32) -> Result<ProcId, Unread> {
    let reading = proc::Reader::default().read(pid, proc::Depth::Stat)?;
    Ok(ProcId { pid, start: reading.stat.start })
}

/// The same for those to whom the reason makes no difference.
pub fn identify(pid: u32) -> Option<ProcId> {
    look_up(pid).ok()
}
