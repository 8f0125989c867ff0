//! The way into the observer.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Input;
use super::error::Error;

/// Tells the observer something, from any thread.
#[derive(Clone, Debug)]
pub struct InputSender {
    queue: Sender<Input>,
    bell: Arc<EventFd>,
}

impl InputSender {
    pub(super) fn pair() -> Result<(Self, Receiver<Input>, Arc<EventFd>), Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = EventFd::from_flags(flags).map_err(|e| Error::Wait("eventfd", e))?;
        let bell = Arc::new(bell);
        let (queue, inbox) = unbounded();
        Ok((Self { queue, bell: Arc::clone(&bell) }, inbox, bell))
    }

    /// Never blocks. After the observer has stopped it does nothing.
    pub fn send(&self, input: Input) {
        if self.queue.send(input).is_ok() {
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        // a full counter means that the observer has been woken already
        let _ = self.bell.write(1);
    }
}

impl super::Inputs for InputSender {
    fn tell(&self, input: Input) {
        self.send(input);
    }
}
