//! Signals that reach the very process meant, or nobody.

use nix::errno::Errno;

use super::{Unread, clock::now, look_up};
use crate::model::{Delta, ProcId, Signal, Source, Stamp, World, forecast::forecast};
use crate::sys::pidfd;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the process is gone")]
    Gone,
    #[error("not permitted: the process belongs to another user; run as root or grant CAP_KILL")]
    Denied,
    #[error("there is no signal of this number")]
    Invalid,
    #[error("{0}")]
    Other(Errno),
}

impl From<Errno> for SendError {
    fn from(e: Errno) -> Self {
        match e {
            Errno::ESRCH => Self::Gone,
            Errno::EPERM => Self::Denied,
            Errno::EINVAL => Self::Invalid,
            other => Self::Other(other),
        }
    }
}

/// Sends a signal through a pidfd whose process is verified by its start time, so a pid that was given
/// anew is never hit. Signal 0 only asks whether one could be sent.
pub fn send(target: ProcId, signal: Signal) -> Result<(), SendError> {
    let fd = match pidfd::open(target.pid) {
        // the pid is a thread's by now, or its process is being released
        Err(Errno::EINVAL) => return Err(SendError::Gone),
        fd => fd?,
    };
    // read while the descriptor is held: the start time is the descriptor's process's, or the pid has been
    // freed since, and then the signal below fails
    match look_up(target.pid) {
        Ok(id) if id == target => {}
        Ok(_) | Err(Unread::Gone) => return Err(SendError::Gone),
        Err(Unread::Denied) => return Err(SendError::Denied),
        Err(Unread::Failed(e)) => return Err(SendError::Other(e)),
    }
    Ok(pidfd::send_signal(fd, signal.0)?)
}

/// Sends it and tells what happened beside what was predicted, for the record.
pub fn send_recorded(world: &World, target: ProcId, signal: Signal) -> (Delta, Result<(), SendError>) {
    let predicted = forecast(world, target, signal);
    let effect = predicted.as_ref().map(|f| f.effect);
    let also_end = predicted.map_or_else(Vec::new, |f| f.also_end.into_iter().collect());
    let at = Stamp::prompt(now(), Source::App);
    let sent = send(target, signal);
    let error = sent.err().map(|e| e.to_string());
    (Delta::Signalled { target, signal, effect, also_end, error, at }, sent)
}
