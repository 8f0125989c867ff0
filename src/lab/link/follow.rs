//! Output of a member as it writes it.

use std::sync::Arc;

use crossbeam_channel::bounded;

use super::{Lab, OVERDUE, PATIENCE, Shared, Waiting, of_member};
use crate::lab::Error;
use crate::lab::protocol::{Answer, Call, Request};
use crate::model::Member;

/// Gets what is kept at first (`anew`), and all that is written after; `anew` once more, with all that is
/// kept, if so much was written that it was not passed on piece by piece.
pub(super) type HearLog = Box<dyn FnMut(bool, &[u8]) + Send>;

/// Ends when dropped.
#[derive(Debug)]
pub struct Follow {
    shared: Arc<Shared>,
    call: Call,
}

impl Lab {
    /// Tells `hear` of the member's output from now on, through its restarts, until the answer is dropped, the
    /// pod is gone or the node ends. `hear` is called from the link's thread, which it must not keep.
    pub fn follow(&self, member: &Member, hear: impl FnMut(bool, &[u8]) + Send + 'static) -> Result<Follow, Error> {
        let call = self.shared.fresh_call();
        let (answer, told) = bounded(1);
        let waiting = Waiting { answer, hear: None, opened: None };
        // before it is asked for: it comes at once
        self.shared.follows().insert(call, Box::new(hear));
        let follow = Follow { shared: Arc::clone(&self.shared), call };
        self.shared.locked().as_mut().ok_or(Error::NodeGone)?.insert(call, waiting);
        self.shared.send(&Request::Follow { call, member: member.clone() }, &[])?;
        match self.shared.wait(call, &told, OVERDUE, PATIENCE)? {
            Answer::Done => Ok(follow),
            other => Err(of_member(other, member)),
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.shared.follows().remove(&self.call);
        // a node that is gone follows nobody
        let _ = self.shared.send(&Request::Unfollow { call: self.call }, &[]);
    }
}
