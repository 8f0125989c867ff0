//! Members whose output the app follows.

use super::event_loop::Node;
use crate::lab::protocol::{Answer, Call, Report};
use crate::model::{Member, PodUid};

/// If more bytes than this wait to be read by the app, the node sends no more output until the app has caught up, and
/// then the whole log: a member that writes without end must not fill the memory.
pub(super) const MAX_WAITING_BYTES: usize = 1024 * 1024;

pub(super) struct Follower {
    member: Member,
    /// Whether it has missed some output.
    is_behind: bool,
}

impl Node {
    pub(super) fn follow(&mut self, call: Call, member: Member) {
        if !self.pods.contains_key(&member.pod) {
            return self.answer(call, Answer::NoSuchPod);
        }
        self.answer(call, Answer::Done);
        self.send_log(call, &member);
        self.followers.insert(call, Follower { member, is_behind: false });
    }

    /// Sends a member's new output to its followers.
    pub(super) fn send_to_followers(&mut self, pod: &PodUid, container: Option<&str>, bytes: &[u8]) {
        let full = self.waiting_bytes() > MAX_WAITING_BYTES;
        let mut calls = Vec::new();
        for (call, follower) in &mut self.followers {
            if follower.member.pod == *pod && follower.member.container.as_deref() == container {
                follower.is_behind |= full;
                calls.extend((!follower.is_behind).then_some(*call));
            }
        }
        for call in calls {
            self.report(&Report::Log { call, restart: false, bytes: bytes.to_vec() });
        }
    }

    /// Once the app has read everything, sends the whole log to the followers that have missed output. Returns whether
    /// there were any.
    pub(super) fn catch_up(&mut self) -> bool {
        if self.waiting_bytes() > 0 {
            return false;
        }
        let behind = self.followers.iter_mut().filter(|(_, f)| f.is_behind);
        let behind: Vec<(Call, Member)> = behind
            .map(|(call, f)| {
                f.is_behind = false;
                (*call, f.member.clone())
            })
            .collect();
        for (call, member) in &behind {
            self.send_log(*call, member);
        }
        !behind.is_empty()
    }

    fn send_log(&mut self, call: Call, member: &Member) {
        let kept = self.pods.get(&member.pod).and_then(|pod| pod.logs.get(&member.container));
        let bytes = kept.map(super::output::Ring::to_vec).unwrap_or_default();
        self.report(&Report::Log { call, restart: true, bytes });
    }

    pub(super) fn unfollow_pod(&mut self, pod: &PodUid) {
        self.followers.retain(|_, f| f.member.pod != *pod);
    }
}
