//! Programs in containers whose streams are the caller's own.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded, select};

use super::{Lab, Shared, Waiting, of_member};
use crate::lab::Error;
use crate::lab::protocol::{Answer, Call, Request, Since, Stream, Wanted};
use crate::model::{Member, WaitStatus};

/// The other ends of a program's streams. Each is non-blocking but standard input.
#[derive(Debug, Default)]
pub struct Streams {
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
    /// The master of its terminal: in place of standard input, and of the others that are not there.
    pub terminal: Option<OwnedFd>,
}

/// A program that was started in a container, or a container that is attached to.
#[derive(Debug)]
pub struct Attachment {
    shared: Arc<Shared>,
    call: Call,
    member: Member,
    told: Receiver<Answer>,
}

/// Lets go of an [`Attachment`] that another thread waits for.
#[derive(Clone, Debug)]
pub struct DetachHandle {
    shared: Arc<Shared>,
    call: Call,
}

impl DetachHandle {
    /// The streams have been closed. With `keep` a program with a terminal runs on, else its terminal hangs up.
    pub fn detach(&self, keep: bool) {
        // a node that is gone has taken it along
        let _ = self.shared.send(&Request::Detach { call: self.call, keep }, &[]);
        if let Some(calls) = self.shared.locked().as_mut() {
            // nobody waits for the answer
            calls.remove(&self.call);
        }
    }
}

impl Attachment {
    pub fn detach_handle(&self) -> DetachHandle {
        DetachHandle { shared: Arc::clone(&self.shared), call: self.call }
    }

    /// Waits until the program has ended, however long that takes. `None`: it was detached from.
    ///
    /// # Errors
    /// It could not be started, or the node is gone.
    pub fn wait(self) -> Result<Option<WaitStatus>, Error> {
        match self.told.recv() {
            Ok(Answer::Output(output)) => Ok(Some(output.status)),
            Ok(other) => Err(of_member(other, &self.member)),
            Err(_) if self.shared.locked().is_some() => Ok(None),
            Err(_) => Err(Error::NodeGone),
        }
    }
}

impl Lab {
    /// Runs a program in a container for as long as it likes, with streams of the caller's own.
    ///
    /// # Errors
    /// It could not be started, or the node is gone.
    pub fn open_exec(&self, member: &Member, argv: &[String], wanted: Wanted) -> Result<(Attachment, Streams), Error> {
        self.open(member, |call| Request::Exec {
            call,
            member: member.clone(),
            argv: argv.to_vec(),
            timeout_ms: None,
            streams: Some(wanted),
        })
    }

    /// What a container writes, until this run of it ends, and with `stdin` what it reads.
    ///
    /// # Errors
    /// There is no such container, it does not run, or it has no standard input open.
    pub fn attach(&self, member: &Member, stdin: bool, since: Since) -> Result<(Attachment, Streams), Error> {
        self.open(member, |call| Request::Attach { call, member: member.clone(), stdin, since, wait: false })
    }

    /// The same from its beginning, once it runs; for a container that has just been added.
    ///
    /// # Errors
    /// It cannot be started, or there is no such container.
    pub fn attach_once_it_runs(&self, member: &Member, stdin: bool) -> Result<(Attachment, Streams), Error> {
        let since = Since::Start;
        self.open(member, |call| Request::Attach { call, member: member.clone(), stdin, since, wait: true })
    }

    fn open(&self, member: &Member, request: impl FnOnce(Call) -> Request) -> Result<(Attachment, Streams), Error> {
        let shared = Arc::clone(&self.shared);
        let call = shared.fresh_call();
        let ((answer, told), (opened, is_open)) = (bounded(1), bounded(1));
        let waiting = Waiting { answer, hear: None, opened: Some(opened) };
        shared.locked().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        shared.send(&request(call), &[])?;
        // either comes, or the node ends
        let streams = select! {
            recv(is_open) -> streams => streams.map_err(|_| Error::NodeGone)?,
            recv(told) -> answer => match answer {
                // it has ended so soon that both are there
                Ok(answer) => match is_open.try_recv() {
                    Ok(streams) => {
                        let (again, told) = bounded(1);
                        let _ = again.send(answer);
                        return Ok((Attachment { shared, call, member: member.clone(), told }, streams));
                    }
                    Err(_) => return Err(of_member(answer, member)),
                },
                Err(_) => return Err(Error::NodeGone),
            },
        };
        Ok((Attachment { shared, call, member: member.clone(), told }, streams))
    }
}

impl Shared {
    /// The streams of a call have come.
    pub(super) fn opened(&self, call: Call, kinds: &[Stream], fds: Vec<OwnedFd>) {
        if let Some(opened) = self.locked().as_mut().and_then(|calls| calls.get_mut(&call)?.opened.take()) {
            let _ = opened.send(Streams::from_parts(kinds, fds));
        }
    }
}

impl Streams {
    /// To be sent with a message, in this order.
    pub fn into_parts(self) -> (Vec<Stream>, Vec<OwnedFd>) {
        let all = [
            (Stream::Stdin, self.stdin),
            (Stream::Stdout, self.stdout),
            (Stream::Stderr, self.stderr),
            (Stream::Terminal, self.terminal),
        ];
        all.into_iter().filter_map(|(kind, fd)| Some((kind, fd?))).unzip()
    }

    /// As they came with a message.
    pub fn from_parts(kinds: &[Stream], fds: Vec<OwnedFd>) -> Self {
        let mut streams = Self::default();
        for (kind, fd) in kinds.iter().zip(fds) {
            let place = match kind {
                Stream::Stdin => &mut streams.stdin,
                Stream::Stdout => &mut streams.stdout,
                Stream::Stderr => &mut streams.stderr,
                Stream::Terminal => &mut streams.terminal,
            };
            *place = Some(fd);
        }
        streams
    }
}
