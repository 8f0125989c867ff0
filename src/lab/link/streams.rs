//! Executes programs in containers, and attaches to containers, with their streams passed to the caller.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded, select};

use super::error::Error;
use super::{Lab, Shared, Waiting, member_error, new_call};
use crate::lab::protocol::{Answer, Call, ExecStreams, OutputStart, Request, Stream, StreamRequest};
use crate::model::{Member, WaitStatus};

/// The other ends of a program's streams. All except standard input are non-blocking.
#[derive(Debug, Default)]
pub struct Streams {
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
    /// The master of its terminal. It takes the place of standard input and of the missing output streams.
    pub terminal: Option<OwnedFd>,
}

/// A program that was started in a container, or a container that the caller is attached to.
#[derive(Debug)]
pub struct Attachment {
    shared: Arc<Shared>,
    call: Call,
    member: Member,
    answers: Receiver<Answer>,
}

/// A handle to detach from an [`Attachment`] that another thread waits for.
#[derive(Clone, Debug)]
pub struct DetachHandle {
    shared: Arc<Shared>,
    call: Call,
}

impl DetachHandle {
    /// Tells the node that the streams are closed. With `keep`, a program with a terminal keeps running; else its
    /// terminal hangs up.
    pub fn detach(&self, keep: bool) {
        // if the node is gone, so is the program
        let _ = self.shared.send(&Request::Detach { call: self.call, keep }, &[]);
        if let Some(calls) = self.shared.calls().as_mut() {
            // the answer is no longer needed
            calls.remove(&self.call);
        }
    }
}

impl Attachment {
    pub fn detach_handle(&self) -> DetachHandle {
        DetachHandle { shared: Arc::clone(&self.shared), call: self.call }
    }

    /// Waits, without a timeout, until the program has ended. `None`: the caller has detached.
    ///
    /// # Errors
    /// It could not be started, or the node is gone.
    pub fn wait(self) -> Result<Option<WaitStatus>, Error> {
        match self.answers.recv() {
            Ok(Answer::Output(output)) => Ok(Some(output.status)),
            Ok(other) => Err(member_error(other, &self.member)),
            Err(_) if self.shared.calls().is_some() => Ok(None),
            Err(_) => Err(Error::NodeGone),
        }
    }
}

impl Lab {
    /// Runs a program in a container without a timeout, and returns its streams.
    ///
    /// # Errors
    /// It could not be started, or the node is gone.
    pub fn open_exec(
        &self,
        member: &Member,
        argv: &[String],
        wanted: StreamRequest,
    ) -> Result<(Attachment, Streams), Error> {
        self.open(member, |call| Request::Exec {
            call,
            member: member.clone(),
            argv: argv.to_vec(),
            timeout_ms: None,
            output: ExecStreams::Client(wanted),
        })
    }

    /// Attaches to a container's output until its present run ends, and with `stdin` to its standard input.
    ///
    /// # Errors
    /// There is no such container, it does not run, or it has no standard input open.
    pub fn attach(&self, member: &Member, stdin: bool, since: OutputStart) -> Result<(Attachment, Streams), Error> {
        self.open(member, |call| Request::Attach { call, member: member.clone(), stdin, since, wait: false })
    }

    /// Attaches to a container that has just been added, once it runs, and gets its output from the beginning.
    ///
    /// # Errors
    /// It cannot be started, or there is no such container.
    pub fn attach_once_it_runs(&self, member: &Member, stdin: bool) -> Result<(Attachment, Streams), Error> {
        let since = OutputStart::Start;
        self.open(member, |call| Request::Attach { call, member: member.clone(), stdin, since, wait: true })
    }

    fn open(&self, member: &Member, request: impl FnOnce(Call) -> Request) -> Result<(Attachment, Streams), Error> {
        let shared = Arc::clone(&self.shared);
        let call = new_call();
        let ((answer, answers), (opened, is_open)) = (bounded(1), bounded(1));
        let waiting = Waiting { answer, opened: Some(opened) };
        shared.calls().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        shared.send(&request(call), &[])?;
        // wait for the streams, an answer without them, or the end of the node
        let streams = select! {
            recv(is_open) -> streams => streams.map_err(|_| Error::NodeGone)?,
            recv(answers) -> answer => match answer {
                // the program has ended so soon that both have arrived
                Ok(answer) => match is_open.try_recv() {
                    Ok(streams) => {
                        let (again, answers) = bounded(1);
                        let _ = again.send(answer);
                        return Ok((Attachment { shared, call, member: member.clone(), answers }, streams));
                    }
                    Err(_) => return Err(member_error(answer, member)),
                },
                Err(_) => return Err(Error::NodeGone),
            },
        };
        Ok((Attachment { shared, call, member: member.clone(), answers }, streams))
    }
}

impl Shared {
    /// Passes the streams of a call to the waiting caller.
    pub(super) fn opened(&self, call: Call, kinds: &[Stream], fds: Vec<OwnedFd>) {
        if let Some(opened) = self.calls().as_mut().and_then(|calls| calls.get_mut(&call)?.opened.take()) {
            let _ = opened.send(Streams::from_parts(kinds, fds));
        }
    }
}

impl Streams {
    /// The streams and descriptors to send with a message, in this order.
    pub fn into_parts(self) -> (Vec<Stream>, Vec<OwnedFd>) {
        let all = [
            (Stream::Stdin, self.stdin),
            (Stream::Stdout, self.stdout),
            (Stream::Stderr, self.stderr),
            (Stream::Terminal, self.terminal),
        ];
        all.into_iter().filter_map(|(kind, fd)| Some((kind, fd?))).unzip()
    }

    /// Puts streams and descriptors together as they arrived with a message.
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
