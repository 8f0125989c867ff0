//! Which lane is scrolled into view: the selected one, and the newest one while the present is shown.

use crate::layout::timeline::Lanes;
use crate::model::{MonoNs, PodUid, ProcId};

/// Two new lanes are not followed sooner than this, so that the view does not jump back and forth.
const PAUSE_NS: u64 = 1_000_000_000;

#[derive(Clone, Debug, Default)]
pub struct Follow {
    pod: Option<PodUid>,
    selected: Option<ProcId>,
    /// The newest lane so far; `None` before the first frame.
    newest: Option<(MonoNs, ProcId)>,
    /// When a new lane was followed last.
    at: MonoNs,
}

impl Follow {
    /// The row to scroll to. `follows_newest`: the present is shown and the user does not point at a lane.
    pub fn target(
        &mut self,
        lanes: &Lanes,
        (pod, selected): (Option<&PodUid>, Option<ProcId>),
        now: MonoNs,
        follows_newest: bool,
    ) -> Option<usize> {
        if self.pod.as_ref() != pod {
            // the lanes of another pod are not new
            (self.pod, self.newest) = (pod.cloned(), None);
        }
        let is_first = self.newest.is_none();
        let is_newer = lanes.newest > self.newest;
        if is_newer {
            self.newest = lanes.newest;
        }
        if selected != self.selected {
            // a selected process without a lane may get one in the next frames
            let place = selected.and_then(|id| lanes.position(id));
            if place.is_some() || selected.is_none() {
                self.selected = selected;
            }
            return place;
        }
        let (_, id) = lanes.newest?;
        if is_first || !is_newer || !follows_newest || now.since(self.at) < PAUSE_NS {
            return None;
        }
        self.at = now;
        lanes.position(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::timeline::Row;

    const S: u64 = 1_000_000_000;

    const fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 0 }
    }

    /// Lanes of these processes; the last one is the newest.
    fn lanes(pids: &[u32]) -> Lanes {
        let rows = pids.iter().map(|pid| Row::Lane(id(*pid))).collect();
        Lanes { rows, newest: pids.iter().map(|pid| (MonoNs(u64::from(*pid)), id(*pid))).max() }
    }

    #[test]
    fn a_new_lane_and_a_new_selection_are_scrolled_into_view_once() {
        let mut follow = Follow::default();
        let mut next = |pids: &[u32], selected: Option<u32>, now: u64, follows| {
            follow.target(&lanes(pids), (None, selected.map(id)), MonoNs(now), follows)
        };
        assert_eq!(next(&[1, 2], None, 10 * S, true), None, "the first frame scrolls nowhere");
        assert_eq!(next(&[1, 3, 2], None, 11 * S, true), Some(1));
        assert_eq!(next(&[1, 3, 2], None, 12 * S, true), None, "it is not new any more");
        assert_eq!(next(&[1, 3, 4], None, 12 * S, false), None, "the user looks at something else");
        assert_eq!(next(&[1, 3, 4], Some(1), 13 * S, true), Some(0));
        assert_eq!(next(&[1, 3, 4], Some(1), 14 * S, true), None);
        assert_eq!(next(&[1, 5], Some(1), 15 * S, true), Some(1));
        assert_eq!(next(&[1, 6], Some(1), 15 * S + 1, true), None, "too soon after the last");
        assert_eq!(next(&[1, 6], Some(9), 17 * S, true), None);
        assert_eq!(next(&[1, 6, 9], Some(9), 18 * S, true), Some(2), "its lane has come");
        let pod = PodUid("other".into());
        let other = follow.target(&lanes(&[20, 30]), (Some(&pod), Some(id(9))), MonoNs(30 * S), true);
        assert_eq!(other, None, "the lanes of another pod are not new");
    }
}
