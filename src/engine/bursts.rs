//! Notices when more happens to a pod at once than a person can follow.
//!
//! A burst begins with a signal of the user to a process of a pod, or with the end of the process that holds its
//! sandbox. It is over when nothing has happened to the pod for a while.

use std::collections::VecDeque;

use crate::model::burst::{Burst, concerns};
use crate::model::{Delta, MonoNs, PodUid, World};

/// It is over when nothing about the pod has been reported for this time. On a busy machine reports come late.
const QUIET_NS: u64 = 250_000_000;
/// A signal is reported after what it has caused, so this much of the past belongs to it.
const BEFORE_NS: u64 = 10_000_000;
/// It is cut after this time.
const MAX_NS: u64 = 2_000_000_000;
/// It is cut after so many changes of the machine.
const MAX_DELTAS: usize = 4_096;

/// A World, and the changes that follow it.
#[derive(Debug)]
struct Batch {
    before: World,
    at: MonoNs,
    deltas: Vec<Delta>,
}

#[derive(Debug)]
struct Open {
    pod: PodUid,
    began: MonoNs,
    /// When something last happened to the pod.
    last: MonoNs,
}

#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// The last batches. The first is at least [`BEFORE_NS`] old, or as old as the open burst.
    recent: VecDeque<Batch>,
    count: usize,
    open: Option<Open>,
}

impl Bursts {
    /// Takes in the changes that led from one World to another. Returns a burst that they have ended.
    pub fn push(&mut self, before: World, deltas: Vec<Delta>, after: &World, now: MonoNs) -> Option<Burst> {
        let over = self.take_if_over(now);
        let is_open = self.open.is_some();
        if let Some(open) = &mut self.open {
            if deltas.iter().any(|delta| concerns(delta, &open.pod, after)) {
                open.last = now;
            }
        } else {
            let pod = deltas.iter().find_map(|delta| trigger(delta, after));
            self.open = pod.map(|pod| Open { pod, began: now, last: now });
        }
        self.count += deltas.len();
        self.recent.push_back(Batch { before, at: now, deltas });
        if !is_open {
            self.forget_old(now);
        }
        over
    }

    /// When to ask [`Bursts::take_if_over`] again; `None` without an open burst.
    pub fn deadline(&self) -> Option<MonoNs> {
        self.open.as_ref().map(|open| open.last.plus(QUIET_NS).min(open.began.plus(MAX_NS)))
    }

    /// The burst that is over now.
    pub fn take_if_over(&mut self, now: MonoNs) -> Option<Burst> {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now) || self.count > MAX_DELTAS;
        let open = self.open.take_if(|_| is_over)?;
        self.count = 0;
        let mut batches = std::mem::take(&mut self.recent).into_iter();
        let first = batches.next()?;
        let deltas = first.deltas.into_iter().chain(batches.flat_map(|batch| batch.deltas)).collect();
        Burst::new(&open.pod, first.before, deltas)
    }

    fn forget_old(&mut self, now: MonoNs) {
        let is_old = |batch: &Batch| batch.at.plus(BEFORE_NS) < now;
        while self.recent.len() > 1 && (self.recent.front().is_some_and(is_old) || self.count > MAX_DELTAS) {
            let Some(old) = self.recent.pop_front() else { return };
            self.count -= old.deltas.len();
        }
    }
}

/// The pod whose burst this change begins.
fn trigger(delta: &Delta, after: &World) -> Option<PodUid> {
    let pod_of = |id| after.process(id).and_then(|p| p.member.as_ref());
    match delta {
        Delta::Signalled { target, error: None, .. } => pod_of(*target).map(|member| member.pod.clone()),
        // pause, or the container in its place
        Delta::Exited { id, .. } => {
            let pod = after.pod(&pod_of(*id)?.pod)?;
            let holds = pod.sandbox.as_ref().and_then(|sandbox| sandbox.process) == Some(*id);
            holds.then(|| pod.uid.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::burst::BurstEvent;
    use crate::model::{Member, Parent, ProcId, SentBy, Signal, Source, Stamp, WaitStatus};

    const POD: &str = "pod";

    fn id(pid: u32) -> ProcId {
        ProcId { pid, start: u64::from(pid) }
    }

    fn ms(ms: u64) -> MonoNs {
        MonoNs(1_000_000_000 + ms * 1_000_000)
    }

    fn at(t: u64) -> Stamp {
        Stamp::connector(ms(t))
    }

    /// A World and what has noticed its bursts so far.
    #[derive(Default)]
    struct Scene {
        world: World,
        bursts: Bursts,
    }

    impl Scene {
        /// With three processes of a pod.
        fn new() -> Self {
            let mut scene = Self::default();
            let member = Member::container(&PodUid(POD.to_owned()), "web");
            for pid in 1..4 {
                let born = Delta::Born { id: id(pid), parent: Parent::Outside, at: at(0) };
                let joined = Delta::Joined { id: id(pid), member: member.clone(), at: at(0) };
                assert_eq!(scene.push(0, &[born, joined]), None);
            }
            scene
        }

        fn push(&mut self, now: u64, deltas: &[Delta]) -> Option<Burst> {
            let before = self.world.clone();
            for delta in deltas {
                self.world.apply(delta);
            }
            self.bursts.push(before, deltas.to_vec(), &self.world, ms(now))
        }
    }

    fn exited(pid: u32, t: u64) -> Delta {
        Delta::Exited { id: id(pid), status: Some(WaitStatus(9)), at: at(t) }
    }

    fn signalled(t: u64) -> Delta {
        let (also_end, at) = (Vec::new(), Stamp::prompt(ms(t), Source::App));
        let by = SentBy::User;
        Delta::Signalled { target: id(1), signal: Signal::KILL, effect: None, also_end, error: None, by, at }
    }

    #[test]
    fn a_signal_and_what_follows_it_is_a_burst_once_it_is_quiet() {
        let mut scene = Scene::new();
        // the kernel's events may come before the report of the signal
        assert_eq!(scene.push(1_001, &[exited(1, 1_001)]), None);
        assert_eq!(scene.push(1_002, &[signalled(1_000), exited(2, 1_002)]), None);
        assert_eq!(scene.bursts.deadline(), Some(ms(1_252)));
        assert_eq!(scene.push(1_030, &[exited(3, 1_003)]), None);
        assert_eq!(scene.bursts.take_if_over(ms(1_279)), None);
        let burst = scene.bursts.take_if_over(ms(1_280)).expect("it is over");
        let events: Vec<&BurstEvent> = burst.steps.iter().map(|step| &step.event).collect();
        assert!(matches!(
            events[..],
            [
                BurstEvent::Signalled { .. },
                BurstEvent::Exited { .. },
                BurstEvent::Exited { .. },
                BurstEvent::Exited { .. }
            ]
        ));
        assert_eq!((burst.start(), burst.length()), (ms(1_000), 3_000_000));
        let alive = |world: World| world.present().filter(|p| p.is_alive()).count();
        assert_eq!((0..4).map(|step| alive(burst.world_after(step))).collect::<Vec<_>>(), [3, 2, 1, 0]);
        assert_eq!(burst.world_at_end(), scene.world);
        assert_eq!(scene.bursts.deadline(), None);
    }

    #[test]
    fn what_nobody_has_caused_is_no_burst() {
        let mut scene = Scene::new();
        for pid in 1..4 {
            assert_eq!(scene.push(100, &[exited(pid, 100)]), None);
        }
        assert_eq!((scene.bursts.deadline(), scene.bursts.take_if_over(ms(9_999))), (None, None));
    }

    #[test]
    fn a_signal_that_changes_little_is_no_burst() {
        let mut scene = Scene::new();
        scene.push(100, &[signalled(100), exited(1, 101)]);
        assert!(scene.bursts.deadline().is_some());
        assert_eq!(scene.bursts.take_if_over(ms(500)), None);
        assert_eq!(scene.bursts.deadline(), None);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut scene = Scene::new();
        for t in 0..10_000 {
            scene.push(t, &[Delta::Renamed { id: id(1), comm: "x".to_owned(), at: at(t) }]);
        }
        assert!(scene.bursts.recent.len() <= 12 && scene.bursts.count <= 12);
    }
}
