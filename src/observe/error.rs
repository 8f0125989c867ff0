//! What keeps the observer from starting. Anything less is told as `Visibility`.

use std::io;

use nix::errno::Errno;

use super::Unread;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot wait for events: {0} ({1})")]
    Wait(&'static str, #[source] Errno),
    #[error("cannot start the observer's thread")]
    Thread(#[source] io::Error),
    #[error("cannot read /proc; is it mounted? (mount -t proc proc /proc)")]
    Proc(#[source] io::Error),
    #[error("cannot read process {0}: {1}")]
    Process(u32, #[source] Unread),
}
