//! Reads what is in namespaces: interfaces and sockets, mounts, shared memory, names, id maps, limits and clocks.
//!
//! ```text
//! World ──► plan ──► Request ──► helper process ──► Content, one for each namespace ──► Delta::Inside
//!                    (stdin)     joins user, net,   (stdout)
//!                                ipc and uts
//! ```
//!
//! To see what is in a network, IPC or UTS namespace a process must be in it, and to join one that an ordinary user's
//! user namespace owns, it must first join that (`setns(2)`), which only a process with one thread can do. So a helper
//! does it: our own program in a hidden mode ([`dispatch`]), from a sealed copy in memory. One helper reads all namespaces
//! of one process. It
//!
//! - reads files of `/proc` and cgroups and asks netlink, and runs no program of a container;
//! - stays outside of the pod's pid and mount namespaces, so that no process of the pod sees it there, and no path leads
//!   into a file system of the pod. It cannot be traced (`PR_SET_DUMPABLE`);
//! - has an empty environment, and of descriptors only the two pipes and `/dev/null`;
//! - has a limit of time and of size, and ends after its answer. It writes nothing.
//!
//! What it cannot see: sockets that only a message in flight holds have no owner; who has the other end of a Unix socket
//! in another network namespace; a bind(2) that has failed, which the kernel does not keep. The path of a Unix socket is
//! what its process gave to bind(2), line ends included.

mod entry;
mod helper;
pub(crate) mod interfaces;
pub(crate) mod ipc;
mod mounts;
mod net;
mod plan;
pub(crate) mod process;
mod request;
mod run;
pub(crate) mod sockets;
pub(crate) mod unix_diag;
pub(crate) mod values;

use nix::errno::Errno;

use crate::model::{Finding, OsError};
use crate::observe::Unread;

pub use helper::dispatch;
pub use plan::{InsideOf, plan};
pub use request::{Request, Target};
pub use run::{Helper, Program, Reading, read, read_all};

/// A result as one of the four answers.
fn finding<T, E: Into<Unread>>(result: Result<T, E>) -> Finding<T> {
    match result.map_err(Into::into) {
        Ok(found) => Finding::Known(found),
        Err(Unread::Gone) => Finding::NotThere,
        Err(Unread::Denied) => Finding::NotPermitted,
        Err(Unread::Failed(error)) => Finding::Failed(OsError(error as i32)),
    }
}

/// That a text of the kernel is not as expected.
const UNEXPECTED: Errno = Errno::EBADMSG;
