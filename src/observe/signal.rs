//! Sends a signal to exactly the process that is meant, or to none.

use nix::errno::Errno;

use super::{Unread, clock::now, look_up};
use crate::model::{Delta, OsError, ProcId, SendError, SentBy, Signal, Source, Stamp, World, prediction::predict};
use crate::sys::pidfd;

impl From<Errno> for SendError {
    fn from(e: Errno) -> Self {
        match e {
            Errno::ESRCH => Self::Gone,
            Errno::EPERM => Self::Denied,
            Errno::EINVAL => Self::Invalid,
            other => Self::Failed(OsError(other as i32)),
        }
    }
}

/// Sends a signal through a pidfd whose process is checked by its start time, so that a process which reuses the pid is
/// never hit. Signal 0 only checks whether a signal could be sent.
pub fn send(target: ProcId, signal: Signal) -> Result<(), SendError> {
    let fd = match pidfd::open(target.pid) {
        // a thread has the pid now, or its process is being released
        Err(Errno::EINVAL) => return Err(SendError::Gone),
        fd => fd?,
    };
    // read while the pidfd is open: either the start time is that of the pidfd's process, or that process has been
    // reaped and the signal below fails
    match look_up(target.pid) {
        Ok(id) if id == target => {}
        Ok(_) | Err(Unread::Gone) => return Err(SendError::Gone),
        Err(Unread::Denied) => return Err(SendError::Denied),
        Err(Unread::Failed(e)) => return Err(SendError::Failed(OsError(e as i32))),
    }
    Ok(pidfd::send_signal(fd, signal.0)?)
}

/// Sends a signal, and returns a delta that records the prediction and the result.
pub fn send_recorded(world: &World, target: ProcId, signal: Signal, by: SentBy) -> (Delta, Result<(), SendError>) {
    let predicted = predict(world, target, signal);
    let effect = predicted.as_ref().map(|f| f.effect);
    let also_end = predicted.map_or_else(Vec::new, |f| f.also_end.into_iter().collect());
    let at = Stamp::prompt(now(), Source::App);
    let sent = send(target, signal);
    let error = sent.err();
    (Delta::Signalled { target, signal, effect, also_end, error, by, at }, sent)
}
