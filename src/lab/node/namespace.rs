//! How the node enters another namespace for a moment.

use std::os::fd::OwnedFd;
use std::process::exit;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use crate::lab::protocol::LOST_IN_NAMESPACE;

/// Does some work in another namespace of this kind and returns to the node's `own`. For a pid namespace only the
/// children that are started meanwhile are in the other one (`setns(2)`).
///
/// If the node cannot return, it ends at once, and the kernel ends every pod with it. Nothing else is safe: all that it
/// starts or connects from then on would be in the namespace of this pod, and what `work` has started would run without
/// the node's knowledge. Only a lack of memory can cause this, since the node has kept its own namespace open.
///
/// # Errors
/// The other namespace cannot be entered. No work was done.
pub fn within<T>(target: &OwnedFd, own: &OwnedFd, kind: CloneFlags, work: impl FnOnce() -> T) -> Result<T, Errno> {
    setns(target, kind)?;
    let result = work();
    if setns(own, kind).is_err() {
        exit(LOST_IN_NAMESPACE);
    }
    Ok(result)
}
