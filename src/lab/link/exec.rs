//! Programs run in a container.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::{Hear, Lab, PATIENCE, Shared, of_member};
use crate::lab::Error;
use crate::lab::protocol::{Answer, Call, ExecOutput, Request};
use crate::model::Member;

/// A program that runs in a container. It is killed when this is dropped before it has ended.
#[derive(Debug)]
pub struct Exec {
    cancel: CancelExec,
    member: Member,
    told: Receiver<Answer>,
    patience: Duration,
    ended: bool,
}

/// Ends a program that runs in a container. Cloned into whatever thread decides so.
#[derive(Clone, Debug)]
pub struct CancelExec {
    shared: Arc<Shared>,
    call: Call,
}

impl CancelExec {
    /// Kills the program, and what it has started in its own process group. Nothing happens if it has ended.
    pub fn cancel(&self) {
        // a node that is gone has taken it along
        let _ = self.shared.send(&Request::CancelExec { call: self.call }, &[]);
    }
}

impl Exec {
    pub fn cancel_handle(&self) -> CancelExec {
        self.cancel.clone()
    }

    /// Waits until the program has ended, was killed after its time, or was cancelled.
    ///
    /// # Errors
    /// It could not be started, or the node is gone or does not answer.
    pub fn wait(mut self) -> Result<ExecOutput, Error> {
        let CancelExec { shared, call } = &self.cancel;
        let answer = shared.wait(*call, &self.told, self.patience, self.patience)?;
        self.ended = true;
        match answer {
            Answer::Output(output) => Ok(output),
            other => Err(of_member(other, &self.member)),
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
    /// Runs a program in a container's namespaces and root, and waits for it: for `timeout` at most,
    /// then it is killed.
    ///
    /// # Errors
    /// As [`Exec::wait`].
    pub fn exec(&self, member: &Member, argv: &[String], timeout: Duration) -> Result<ExecOutput, Error> {
        self.start_exec(member, argv, timeout, |_, _| ())?.wait()
    }

    /// As [`Lab::exec`], but does not wait. `hear` gets what the program writes as it writes it, with whether it is to
    /// stderr; it is called from the link's thread, which it must not keep.
    ///
    /// # Errors
    /// The node is gone.
    pub fn start_exec(
        &self,
        member: &Member,
        argv: &[String],
        timeout: Duration,
        hear: impl FnMut(bool, &[u8]) + Send + 'static,
    ) -> Result<Exec, Error> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let (of, argv) = (member.clone(), argv.to_vec());
        let request = |call| Request::Exec { call, member: of, argv, timeout_ms: Some(timeout_ms), streams: None };
        let hear: Hear = Box::new(hear);
        let (call, told) = self.shared.ask(request, Some(hear))?;
        let cancel = CancelExec { shared: Arc::clone(&self.shared), call };
        let patience = timeout.saturating_add(PATIENCE);
        Ok(Exec { cancel, member: member.clone(), told, patience, ended: false })
    }
}
