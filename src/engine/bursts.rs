//! Notices when more happens to a pod at once than a person can follow.
//!
//! A burst begins with a signal of the user to a process of a pod, or with the end of the process that holds its
//! sandbox. It is over when nothing has happened to the pod for a while.

use std::collections::VecDeque;

use crate::model::burst::{Burst, concerns};
use crate::model::{Delta, MonoNs, PodUid, World};

/// It is over when nothing has happened to the pod for this time.
const QUIET_NS: u64 = 50_000_000;
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
    pub fn push(&mut self, before: World, deltas: &[Delta], after: &World, now: MonoNs) -> Option<Burst> {
        let over = self.take_if_over(now);
        self.recent.push_back(Batch { before, at: now, deltas: deltas.to_vec() });
        self.count += deltas.len();
        match &mut self.open {
            Some(open) => {
                if deltas.iter().any(|delta| concerns(delta, &open.pod, after)) {
                    open.last = now;
                }
            }
            None => {
                let pod = deltas.iter().find_map(|delta| trigger(delta, after));
                self.open = pod.map(|pod| Open { pod, began: now, last: now });
                self.forget_old(now);
            }
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
