//! What keeps the observer from starting. Anything less is told as `Visibility`.

use std::io;

use nix::errno::Errno;

use crate::sys::thread::SpawnError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot wait for events: {0} ({1})")]
    Wait(&'static str, #[source] Errno),
    #[error(transparent)]
    Thread(#[from] SpawnError),
    #[error("cannot read /proc: {0}; is it mounted? (mount -t proc proc /proc)")]
    Proc(#[source] io::Error),
}
