//! How much happened in a pod during the last minute.

use std::collections::BTreeMap;

use crate::model::{EventKind, MonoNs, PodUid, Process, World};

/// How long a bar of the picture is. Bars begin at round times, so that they move only once in this time.
const STEP_NS: u64 = 2_000_000_000;
/// How many bars there are: those of a minute.
pub const BARS: usize = 30;

/// How many events there were in one step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    pub all: u32,
    /// Those of them that are warnings of a kubelet.
    pub warnings: u32,
}

/// The events of a pod by the number of their step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    steps: BTreeMap<u64, Bar>,
}

impl Activity {
    fn note(&mut self, t: MonoNs, since: MonoNs, is_warning: bool) {
        if t >= since {
            let bar = self.steps.entry(t.0 / STEP_NS).or_default();
            bar.all += 1;
            bar.warnings += u32::from(is_warning);
        }
    }

    fn note_process(&mut self, p: &Process, since: MonoNs) {
        // nothing of a process is later than its reap
        if p.reap.is_some_and(|reap| reap.at.t < since) {
            return;
        }
        let ends = p.exit.map(|exit| exit.at).into_iter().chain(p.reap.map(|reap| reap.at));
        for at in std::iter::once(p.born).chain(p.execs.iter().copied()).chain(ends) {
            self.note(at.t, since, false);
        }
    }

    /// The bars up to `now`, the oldest first. The last is of the step that `now` is in.
    pub fn bars(&self, now: MonoNs) -> [Bar; BARS] {
        let last = now.0 / STEP_NS;
        let step = |nth: usize| (last + 1 + nth as u64).checked_sub(BARS as u64);
        std::array::from_fn(|nth| step(nth).and_then(|step| self.steps.get(&step)).copied().unwrap_or_default())
    }
}

/// What happened in each pod until the moment of the World, no longer than the bars show: births, execs, ends and reaps
/// of its processes, signals that the user sent to them, and the pod's own events.
pub fn of_pods(world: &World) -> BTreeMap<PodUid, Activity> {
    let since = world.now.minus(BARS as u64 * STEP_NS);
    let mut found: BTreeMap<PodUid, Activity> = BTreeMap::new();
    for uid in world.pods.keys() {
        let mut activity = Activity::default();
        world.remembered_of_pod(uid).for_each(|p| activity.note_process(p, since));
        found.insert(uid.clone(), activity);
    }
    for sent in &world.sent {
        let member = world.process(sent.target).and_then(|p| p.member.as_ref());
        if let Some(activity) = member.and_then(|m| found.get_mut(&m.pod)) {
            activity.note(sent.at.t, since, false);
        }
    }
    for event in &world.events {
        if let Some(activity) = found.get_mut(&event.pod) {
            activity.note(event.at.t, since, event.kind == EventKind::Warning);
        }
    }
    found
}
