//! Executes programs in containers.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::error::Error;
use super::{ANSWER_TIMEOUT, Lab, Shared, member_error};
use crate::lab::protocol::{Answer, Call, ExecOutput, ExecStreams, Request};
use crate::model::{ExecId, Member};

/// A program that runs in a container. Dropping this value kills the program if it has not ended.
#[derive(Debug)]
pub struct Exec {
    cancel: CancelExec,
    member: Member,
    answers: Receiver<Answer>,
    timeout: Duration,
    ended: bool,
}

/// A handle, usable from any thread, to kill a program that runs in a container.
#[derive(Clone, Debug)]
pub struct CancelExec {
    shared: Arc<Shared>,
    call: Call,
}

impl CancelExec {
    /// Kills the program and the processes of its process group. Does nothing if it has ended.
    pub fn cancel(&self) {
        // if the node is gone, so is the program
        let _ = self.shared.send(&Request::CancelExec { call: self.call }, &[]);
    }
}

impl Exec {
    pub fn cancel_handle(&self) -> CancelExec {
        self.cancel.clone()
    }

    /// What it is called in Deltas.
    pub const fn id(&self) -> ExecId {
        ExecId(self.cancel.call)
    }

    /// Waits until the program has ended, was killed at its timeout, or was cancelled.
    ///
    /// # Errors
    /// It could not be started, or the node is gone or does not answer.
    pub fn wait(mut self) -> Result<ExecOutput, Error> {
        let CancelExec { shared, call } = &self.cancel;
        let answer = shared.wait(*call, &self.answers, self.timeout, self.timeout)?;
        self.ended = true;
        match answer {
            Answer::Output(output) => Ok(output),
            other => Err(member_error(other, &self.member)),
        }
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        if !self.ended {
            self.cancel.cancel();
        }
    }
}

impl Lab {
    /// Kills a program that was executed in a container, and the processes of its process group. Does nothing if it has
    /// ended.
    pub fn cancel_exec(&self, exec: ExecId) {
        CancelExec { shared: Arc::clone(&self.shared), call: exec.0 }.cancel();
    }

    /// Runs a program in a container's namespaces and root, and waits for it. After `timeout` it is killed.
    ///
    /// # Errors
    /// As [`Exec::wait`].
    pub fn exec(&self, member: &Member, argv: &[String], timeout: Duration) -> Result<ExecOutput, Error> {
        self.start_exec(member, argv, timeout, false)?.wait()
    }

    /// Like [`Lab::exec`], but does not wait. If it is `recorded`, the start, the output and the end of the program are
    /// Deltas.
    ///
    /// # Errors
    /// The node is gone.
    pub fn start_exec(
        &self,
        member: &Member,
        argv: &[String],
        timeout: Duration,
        recorded: bool,
    ) -> Result<Exec, Error> {
        let timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let (of, argv) = (member.clone(), argv.to_vec());
        let output = if recorded { ExecStreams::Record } else { ExecStreams::Answer };
        let (call, answers) = self.shared.ask(|call| Request::Exec { call, member: of, argv, timeout_ms, output })?;
        let cancel = CancelExec { shared: Arc::clone(&self.shared), call };
        let timeout = timeout.saturating_add(ANSWER_TIMEOUT);
        Ok(Exec { cancel, member: member.clone(), answers, timeout, ended: false })
    }
}
