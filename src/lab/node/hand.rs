//! Orders to containers of the image `podscope/hand`, which change their own namespaces, and their answers.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::event_loop::{Node, Watch};
use super::process::Failure;
use crate::lab::protocol::hand::{NamespaceAnswer, NamespaceCommand};
use crate::lab::protocol::{Answer, Call, NamespaceStep, Report};
use crate::lab::wire::{Inbox, WireError, send_now};
use crate::model::Member;

impl Node {
    pub(super) fn order_hand(&mut self, call: Call, member: &Member, step: NamespaceStep) -> Result<(), Answer> {
        let pid = self.member_pid(member)?;
        let socket = self.watches.values().find(|(_, w)| matches!(w, Watch::Hand(it) if *it == pid));
        let (socket, _) = socket.ok_or_else(|| {
            Answer::Failed("it takes no orders; give the container the image podscope/hand".to_owned())
        })?;
        let (order, fds) = match step {
            NamespaceStep::Unshare(kinds) => (NamespaceCommand::Unshare(kinds), Vec::new()),
            NamespaceStep::Fork => (NamespaceCommand::Fork, Vec::new()),
            NamespaceStep::Join { kinds, target } => {
                let target = self.member_pid(&target)?;
                let pidfd = self.children.get(&target).ok_or(Answer::NotRunning)?.pidfd.try_clone();
                (NamespaceCommand::Join(kinds), vec![pidfd.map_err(|e| Answer::Failed(e.to_string()))?])
            }
        };
        send_now(socket, &order, &fds).map_err(|e| match e {
            // the node must not block on a container
            WireError::System(Errno::EAGAIN) => Answer::Failed("it does not read its orders".to_owned()),
            e => Answer::Failed(e.to_string()),
        })?;
        self.pending_orders.push_back((pid, call));
        Ok(())
    }

    fn member_pid(&self, member: &Member) -> Result<i32, Answer> {
        let run = self.pods.get(&member.pod).ok_or(Answer::NoSuchPod)?;
        run.pid_of(member.container.as_deref()).ok_or(Answer::NotRunning)
    }

    pub(super) fn is_hand(&self, token: u64) -> bool {
        matches!(self.watches.get(&token), Some((_, Watch::Hand(_))))
    }

    pub(super) fn receive_hand_answer(&mut self, token: u64) {
        let Some((socket, Watch::Hand(pid))) = self.watches.get(&token) else { return };
        let pid = *pid;
        let Ok(obeyed) = Inbox::default().receive::<NamespaceAnswer>(socket, false) else {
            self.unwatch(token);
            return;
        };
        let waiting = self.pending_orders.iter().position(|(it, _)| *it == pid);
        let (Some(obeyed), Some((_, call))) = (obeyed, waiting.and_then(|i| self.pending_orders.remove(i))) else {
            return;
        };
        if let Some(id) = self.children.get(&pid).map(|c| c.id) {
            // the kernel reports no event for unshare(2) and setns(2)
            self.report(&Report::Reread { id });
        }
        self.answer(call, obeyed.map_or_else(Answer::Failed, |()| Answer::Done));
    }

    /// Fails the calls that wait for an answer of a child that has ended.
    pub(super) fn fail_pending_orders(&mut self, pid: i32) {
        let (gone, rest) = std::mem::take(&mut self.pending_orders).into_iter().partition(|(it, _)| *it == pid);
        self.pending_orders = rest;
        for (_, call) in Vec::from_iter::<std::collections::VecDeque<_>>(gone) {
            self.answer(call, Answer::NotRunning);
        }
    }
}

/// Makes the socket for orders: our end, and the container's standard input.
pub(super) fn socket() -> Result<(OwnedFd, OwnedFd), Failure> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|e| Failure::create("make a socket", e))
}
