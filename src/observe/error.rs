//! What keeps the observer from starting. Anything less is reported as `Visibility`.

use std::io;

use nix::errno::Errno;

use super::Unread;
use crate::sys::limits;
use crate::sys::thread::SpawnError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot wait for events: {0}: {reason}", reason = limits::reason(*.1))]
    Wait(&'static str, #[source] Errno),
    #[error(transparent)]
    Thread(#[from] SpawnError),
    #[error("cannot read /proc: {reason}; is it mounted? (mount -t proc proc /proc)", reason = limits::reason_of(.0))]
    Proc(#[source] io::Error),
    #[error("cannot read process {0}: {1}")]
    Process(u32, #[source] Unread),
}
