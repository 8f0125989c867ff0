//! What keeps the observer from starting. Anything less is reported as `Visibility`.

use std::io;

use nix::errno::Errno;

use super::Unread;
use crate::model::{ObserverFailure, OsError};
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

impl Error {
    /// The same for the World: which call or file failed, and its errno.
    pub(super) fn failure(&self) -> ObserverFailure {
        let failed = |what: String, error: Errno| ObserverFailure::Failed { what, error: OsError(error as i32) };
        match self {
            Self::Wait(what, e) => failed((*what).to_owned(), *e),
            Self::Thread(e) => failed("pthread_create".to_owned(), e.errno()),
            Self::Proc(e) => failed("/proc".to_owned(), e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
            Self::Process(pid, why) => failed(format!("/proc/{pid}"), why.errno()),
        }
    }
}
