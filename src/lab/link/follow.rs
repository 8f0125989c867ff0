//! Follows the output of a member.

use std::sync::Arc;

use crossbeam_channel::bounded;

use super::error::Error;
use super::{ANSWER_TIMEOUT, Lab, OVERDUE_AFTER, Shared, Waiting, member_error};
use crate::lab::protocol::{Answer, Call, Request};
use crate::model::Member;

/// Receives a member's log. The first call passes all that is kept (the bool, `restart`, is true), later calls what is
/// added. If too much was written to pass it on piece by piece, all that is kept is passed again, with `restart`.
pub(super) type LogSink = Box<dyn FnMut(bool, &[u8]) + Send>;

/// Follows a member's output until it is dropped.
#[derive(Debug)]
pub struct Follow {
    shared: Arc<Shared>,
    call: Call,
}

impl Lab {
    /// Passes the member's output to `on_log`, across restarts, until the returned value is dropped, the pod is gone or
    /// the node ends. `on_log` is called from the link's thread and must not block it. Its bool says whether the bytes
    /// replace all earlier ones.
    pub fn follow(&self, member: &Member, on_log: impl FnMut(bool, &[u8]) + Send + 'static) -> Result<Follow, Error> {
        let call = self.shared.new_call();
        let (answer, answers) = bounded(1);
        let waiting = Waiting { answer, on_output: None, opened: None };
        // insert it before the request: the output follows at once
        self.shared.follows().insert(call, Box::new(on_log));
        let follow = Follow { shared: Arc::clone(&self.shared), call };
        self.shared.calls().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        self.shared.send(&Request::Follow { call, member: member.clone() }, &[])?;
        match self.shared.wait(call, &answers, OVERDUE_AFTER, ANSWER_TIMEOUT)? {
            Answer::Done => Ok(follow),
            other => Err(member_error(other, member)),
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.shared.follows().remove(&self.call);
        // if the node is gone, there is nothing to unfollow
        let _ = self.shared.send(&Request::Unfollow { call: self.call }, &[]);
    }
}
