//! The channel into the observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Input;
use super::error::Error;
use crate::model::Source;

/// How many inputs may wait for a busy observer. A pod that forks as fast as it can sends some thousand a second.
const MAX_INPUTS: usize = 65_536;
/// How many inputs may wait when a record of pause comes: records come fastest, and a lost one only hides a reaper.
const MAX_INPUTS_FOR_RECORDS: usize = 16_384;

/// Counts inputs that found no room.
#[derive(Debug, Default)]
struct Refused {
    records: AtomicU64,
    others: AtomicU64,
}

/// Sends inputs to the observer, from any thread.
#[derive(Clone, Debug)]
pub struct InputSender {
    queue: Sender<Input>,
    refused: Arc<Refused>,
    /// Wakes the observer. `None` if the receiver waits on the channel itself.
    bell: Option<Arc<EventFd>>,
}

/// The receiving end of an [`InputSender`].
#[derive(Debug)]
pub(super) struct Inbox {
    queue: Receiver<Input>,
    refused: Arc<Refused>,
}

impl From<Sender<Input>> for InputSender {
    /// For a receiver that takes the observer's place, as in tests.
    fn from(queue: Sender<Input>) -> Self {
        Self { queue, refused: Arc::default(), bell: None }
    }
}

impl InputSender {
    pub(super) fn pair() -> Result<(Self, Inbox, Arc<EventFd>), Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = EventFd::from_flags(flags).map_err(|e| Error::Wait("eventfd", e))?;
        let bell = Arc::new(bell);
        let (queue, inbox) = unbounded();
        let sender = Self { queue, refused: Arc::default(), bell: Some(Arc::clone(&bell)) };
        let inbox = Inbox { queue: inbox, refused: Arc::clone(&sender.refused) };
        Ok((sender, inbox, bell))
    }

    /// Never blocks: an input that finds no room is counted and reported as lost. Does nothing once the observer has
    /// stopped.
    pub fn send(&self, input: Input) {
        let (room, refused) = match input {
            Input::PauseReaped { .. } => (MAX_INPUTS_FOR_RECORDS, &self.refused.records),
            _ => (MAX_INPUTS, &self.refused.others),
        };
        if self.queue.len() >= room {
            refused.fetch_add(1, Ordering::Relaxed);
        } else if self.queue.send(input).is_ok() {
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        if let Some(bell) = &self.bell {
            // a full counter means that the observer was already woken
            let _ = bell.write(1);
        }
    }
}

impl Inbox {
    pub fn next(&self) -> Option<Input> {
        self.queue.try_recv().ok()
    }

    /// How many inputs found no room since the last call, by their source.
    pub fn take_refused(&self) -> impl Iterator<Item = (Source, u64)> {
        let refused = [(Source::Pause, &self.refused.records), (Source::Node, &self.refused.others)];
        let counts = refused.map(|(source, count)| (source, count.swap(0, Ordering::Relaxed)));
        counts.into_iter().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MonoNs, ProcId, WaitStatus};

    #[test]
    fn the_inbox_is_bounded_and_counts_refused_inputs() {
        let (sender, inbox, _bell) = InputSender::pair().expect("an eventfd");
        let pause = ProcId { pid: 1, start: 1 };
        let record = Input::PauseReaped { pause, pid_in_pod: 2, status: WaitStatus(0), at: MonoNs(1) };
        for _ in 0..MAX_INPUTS_FOR_RECORDS + 7 {
            sender.send(record.clone());
        }
        sender.send(Input::Watch(pause));
        assert_eq!(inbox.queue.len(), MAX_INPUTS_FOR_RECORDS + 1, "others have room left");
        for _ in 0..MAX_INPUTS {
            sender.send(Input::Reread(pause));
        }
        assert_eq!(inbox.queue.len(), MAX_INPUTS);
        let lost: Vec<_> = inbox.take_refused().collect();
        assert_eq!(lost, [(Source::Pause, 7), (Source::Node, MAX_INPUTS_FOR_RECORDS as u64 + 1)]);
        assert_eq!(inbox.take_refused().count(), 0);
        while inbox.next().is_some() {}
        sender.send(Input::Watch(pause));
        assert_eq!(inbox.next(), Some(Input::Watch(pause)));
    }
}
