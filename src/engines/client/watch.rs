//! Follows one engine: asks it, waits for its events, asks again.

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use async_io::Timer;
use futures_lite::FutureExt as _;

use super::{Options, cri, docker};
use crate::engines::values::{ListedContainer, Note, Protocol, Report, Socket};

/// The longest time between two attempts to reach an engine that fails. An attempt costs a system call where there is
/// no engine.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What one engine's protocol needs to follow it.
pub struct Following<'a> {
    pub socket: &'a Socket,
    pub options: &'a Options,
    asked: &'a Receiver<()>,
    sink: &'a dyn Fn(Report),
    has_answered: Cell<bool>,
}

/// Follows the engine for ever. Once nobody has listened at its socket for some time, it is asked again only when somebody
/// sends to `asked`.
pub async fn watch(socket: Socket, options: &Options, asked: Receiver<()>, sink: &dyn Fn(Report)) {
    let (socket, asked) = (&socket, &asked);
    let following = Following { socket, options, asked, sink, has_answered: Cell::new(false) };
    let mut pause = options.gap;
    let mut last = None;
    loop {
        let began = Instant::now();
        following.has_answered.set(false);
        let ended = match socket.protocol {
            Protocol::Docker => docker::follow(&following).await,
            Protocol::Cri => cri::follow(&following).await,
        };
        if following.has_answered.get() {
            last = None;
            if began.elapsed() > LONGEST_PAUSE {
                pause = options.gap;
            }
        }
        // after the end of its events an engine may be starting again, which the next attempt tells
        if let Err(note) = ended
            && last.as_ref() != Some(&note)
        {
            tracing::debug!("{}: {note}", socket.path.display());
            last = Some(note.clone());
            sink(Report { socket: socket.clone(), answer: Err(note) });
        }
        Timer::after(options.gap).await;
        // an engine may come up, or be busy no longer, without anyone asking
        let is_absent = last == Some(Note::NotThere) && pause == LONGEST_PAUSE;
        let later = async {
            if is_absent {
                // its socket will appear
                std::future::pending::<()>().await;
            }
            Timer::after(pause).await;
            false
        };
        let asked = async {
            if asked.recv().await.is_err() {
                std::future::pending::<()>().await;
            }
            true
        };
        let was_asked = asked.or(later).await;
        // it may not listen yet at the socket that has just appeared
        pause = if was_asked && is_absent { options.gap } else { (pause * 2).min(LONGEST_PAUSE) };
    }
}

impl Following<'_> {
    /// Asks by `list`, reports the answer, waits until `changed` says that it may be different, and so on. It ends when
    /// `changed` says that there are no more events.
    pub async fn ask_after_each_change(
        &self,
        mut list: impl AsyncFnMut() -> Result<Vec<ListedContainer>, Note>,
        mut changed: impl AsyncFnMut() -> Result<Change, Note>,
    ) -> Result<(), Note> {
        loop {
            let began = Instant::now();
            // what was asked for until now is answered by this
            let _ = self.asked.try_recv();
            let answer = list().await?;
            self.has_answered.set(true);
            (self.sink)(Report { socket: self.socket.clone(), answer: Ok(answer) });
            let took = began.elapsed();
            Timer::after(self.options.gap.max(took * 4)).await;
            let asked = async {
                match self.asked.recv().await {
                    Ok(()) => Ok(Change::Some),
                    Err(_) => std::future::pending().await,
                }
            };
            match asked.or(changed()).await? {
                Change::Some => {}
                Change::End => return Ok(()),
            }
        }
    }
}

/// What waiting for a change has ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Some,
    /// There will be no more events.
    End,
}
