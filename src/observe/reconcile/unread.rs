//! Processes that exist and could not be read.

use nix::errno::Errno;

use super::Reconciler;
use crate::observe::proc::Unread;

/// How many could not be read, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadCount {
    /// We may not read them.
    pub denied: usize,
    /// Reading failed for another reason; they are tried again.
    pub failed: usize,
    /// The reason for one of `failed`.
    pub why: Option<Errno>,
    /// Why the list of all processes could not be read.
    pub list: Option<Errno>,
}

impl UnreadCount {
    /// A small change of a count is no news.
    const fn is_news(&self, reported: &Self) -> bool {
        const fn moved(now: usize, reported: usize) -> bool {
            (now == 0) != (reported == 0) || now.abs_diff(reported) * 10 > reported
        }
        moved(self.denied, reported.denied)
            || moved(self.failed, reported.failed)
            || self.list.is_some() != reported.list.is_some()
    }
}

impl Reconciler {
    /// A process could not be read. It stays in the World as it was last seen.
    pub(super) fn mark_unread(&mut self, pid: u32, why: Unread) {
        match why {
            Unread::Gone => drop(self.unread.remove(&pid)),
            Unread::Denied | Unread::Failed(_) => drop(self.unread.insert(pid, why)),
        }
    }

    pub(super) fn mark_read(&mut self, pid: u32) {
        // usually there is none at all
        if !self.unread.is_empty() {
            self.unread.remove(&pid);
        }
    }

    /// How many processes cannot be read now, if that has changed.
    pub fn take_unread_change(&mut self) -> Option<UnreadCount> {
        let mut now = UnreadCount { list: self.unlisted, ..UnreadCount::default() };
        for why in self.unread.values() {
            match why {
                Unread::Failed(e) => (now.failed, now.why) = (now.failed + 1, Some(*e)),
                Unread::Denied | Unread::Gone => now.denied += 1,
            }
        }
        if !now.is_news(&self.unread_reported) {
            return None;
        }
        self.unread_reported = now;
        Some(now)
    }
}
