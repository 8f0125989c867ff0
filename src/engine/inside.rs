//! Reads what is in the namespaces that the front end shows: when it begins to show them, when something changes in
//! them, on request, and the one that is shown in full also now and then. Nothing is read while none is shown.

use std::sync::Arc;

use super::worker::{JobResult, Worker};
use crate::command::Outcome;
use crate::inside::{self, InsideOf, Program, Reading};
use crate::model::{Delta, MonoNs, World};
use crate::observe::{Input, now};

/// The least time between two readings.
const GAP_NS: u64 = 1_000_000_000;
/// How long after a change it is read: a program that has just started opens its sockets now.
const SETTLE_NS: u64 = 200_000_000;
/// While the namespace is shown it is read again after this time: no process tells that it has made a connection. Each
/// time that nothing has changed it takes twice as long, up to the second.
const AGAIN_NS: u64 = 2_000_000_000;
const AGAIN_AT_MOST_NS: u64 = 32_000_000_000;
/// How long after the last change it is read once more: some programs take a while to open theirs.
const SETTLE_LATE_NS: u64 = 2_000_000_000;

#[derive(Debug, Default)]
pub(super) struct InsideReader {
    program: Arc<Program>,
    shown: Option<InsideOf>,
    requested: Option<InsideOf>,
    is_reading: bool,
    /// When the last reading ended.
    ended: MonoNs,
    /// When to read next.
    due: Option<MonoNs>,
    /// When to read once more.
    due_late: Option<MonoNs>,
    /// When to read the shown namespace alone, though nothing is known to have changed.
    due_again: Option<MonoNs>,
    /// Until then, in nanoseconds.
    again: u64,
}

impl InsideReader {
    /// The front end shows these from now on.
    pub fn show(&mut self, shown: Option<InsideOf>) {
        if self.shown == shown {
            return;
        }
        self.shown = shown;
        (self.due, self.due_late) = (self.shown.is_some().then(now), None);
        (self.due_again, self.again) = (None, AGAIN_NS);
    }

    /// A reading has ended. `is_known`: it has found what was found before.
    fn read(&mut self, is_known: impl Fn(&Reading) -> bool, found: &[Reading]) {
        let Some(shown) = self.shown.as_ref().and_then(|shown| shown.namespace) else { return };
        // where no process leads to it there is nothing to be read
        let Some(reading) = found.iter().find(|reading| reading.ns == shown) else { return };
        self.again = if is_known(reading) { (self.again * 2).min(AGAIN_AT_MOST_NS) } else { AGAIN_NS };
        self.due_again = Some(self.ended.plus(self.again));
    }

    /// Something has changed. `after` is the World with it.
    pub fn note(&mut self, delta: &Delta, after: &World) {
        if let Some(shown) = &self.shown
            && may_change(shown, delta, after)
        {
            let at = now();
            self.due = self.due.or(Some(at.plus(SETTLE_NS)));
            self.due_late = Some(at.plus(SETTLE_LATE_NS));
        }
    }
}

/// Whether other things may be in the namespaces after this.
fn may_change(shown: &InsideOf, delta: &Delta, after: &World) -> bool {
    let is_relevant = match delta {
        Delta::Born { .. }
        | Delta::Facts { .. }
        | Delta::Exec { .. }
        | Delta::Exited { .. }
        | Delta::Reaped { .. }
        | Delta::InCgroup { .. }
        | Delta::Joined { .. } => true,
        Delta::Changed { changes, .. } => !changes.namespaces.is_empty(),
        _ => false,
    };
    let process = delta.process().filter(|_| is_relevant).and_then(|id| after.process(id));
    process.is_some_and(|p| {
        let is_of_pod = shown.pod.is_some() && p.member.as_ref().map(|member| &member.pod) == shown.pod.as_ref();
        is_of_pod || shown.namespace.is_some_and(|ns| p.namespaces.get(ns.kind) == Some(ns))
    })
}

impl Worker {
    /// Reads them as soon as the gap to the last reading allows it.
    pub(super) fn request_inside(&mut self, of: InsideOf) -> Outcome {
        self.inside.requested = Some(of);
        self.inside.due = Some(now());
        Outcome::Done
    }

    /// Reads what is due. Returns when the next reading will be.
    pub(super) fn read_inside_if_due(&mut self) -> Option<MonoNs> {
        let reader = &mut self.inside;
        if reader.is_reading {
            return None;
        }
        let due = [reader.due, reader.due_late, reader.due_again].into_iter().flatten().min()?;
        let due = if reader.ended == MonoNs(0) { due } else { due.max(reader.ended.plus(GAP_NS)) };
        let at = now();
        if due > at {
            return Some(due);
        }
        let later = |due: Option<MonoNs>| due.filter(|due| *due > at);
        let is_for_change = (reader.due, reader.due_late) != (later(reader.due), later(reader.due_late));
        (reader.due, reader.due_late, reader.due_again) = (later(reader.due), later(reader.due_late), None);
        let of = if is_for_change {
            [reader.shown.clone(), reader.requested.take()]
        } else {
            let namespace = reader.shown.as_ref().and_then(|shown| shown.namespace);
            [Some(InsideOf { pod: None, namespace }), None]
        };
        let live = self.store.live();
        let namespaces = of.iter().flatten().flat_map(|of| of.namespaces(live)).collect();
        let plan = inside::plan(live, &namespaces);
        let program = Arc::clone(&self.inside.program);
        let read = move || JobResult::InsideRead(inside::read_all(&program, &plan));
        match self.spawn("read namespaces", read) {
            Ok(()) => self.inside.is_reading = true,
            Err(why) => {
                tracing::warn!("what is in the namespaces is not read: {why}");
                self.inside.ended = at;
            }
        }
        self.inside.due_late
    }

    /// Passes on what was found.
    pub(super) fn inside_read(&mut self, found: Vec<Reading>) {
        (self.inside.is_reading, self.inside.ended) = (false, now());
        let known = &self.store.live().inside;
        self.inside
            .read(|reading| known.get(&reading.ns).is_some_and(|known| *known.content == reading.content), &found);
        let Some(observer) = &self.observer else { return };
        let input = observer.input();
        for reading in found {
            input.send(Input::Delta(reading.into_delta()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Finding;
    use crate::model::inside::Content;
    use crate::model::{Member, NsId, NsKind, Parent, PodUid, ProcId, Source, Stamp};

    #[test]
    fn while_nothing_changes_the_shown_namespace_is_read_less_and_less() {
        let ns = NsId { kind: NsKind::Net, dev: 4, ino: 5, generation: 0 };
        let content = Content::missing(NsKind::Net, &Finding::NotThere).expect("a content");
        let found = [Reading { ns, content, at: MonoNs(1) }];
        let mut reader = InsideReader::default();
        reader.show(Some(InsideOf { pod: None, namespace: Some(ns) }));
        let mut after = |is_known: bool, ended: u64| {
            reader.ended = MonoNs(ended);
            reader.read(|_| is_known, &found);
            reader.due_again.map(|due| due.since(MonoNs(ended)) / 1_000_000_000)
        };
        assert_eq!(after(false, 7), Some(2), "its first content");
        let times: Vec<_> = (0..6).map(|n| after(true, n)).collect();
        assert_eq!(times, [4, 8, 16, 32, 32, 32].map(Some));
        assert_eq!(after(false, 9), Some(2));
        reader.read(|_| false, &[]);
        reader.show(None);
        assert_eq!(reader.due_again, None, "it is not on screen any more");
    }

    #[test]
    fn only_what_happens_in_the_shown_namespaces_is_a_change() {
        let at = Stamp::prompt(MonoNs(1), Source::Scan);
        let mut world = World::default();
        let (inside, outside) = (ProcId { pid: 1, start: 1 }, ProcId { pid: 2, start: 1 });
        let born = |id| Delta::Born { id, parent: Parent::Outside, at };
        for id in [inside, outside] {
            world.apply(&born(id));
        }
        let pod = PodUid("web".into());
        let member = Member { pod: pod.clone(), container: None };
        world.apply(&Delta::Joined { id: inside, member, at });
        let shown =
            InsideOf { pod: Some(pod), namespace: Some(NsId { kind: NsKind::Net, dev: 4, ino: 5, generation: 0 }) };
        assert!(may_change(&shown, &born(inside), &world));
        assert!(!may_change(&shown, &born(outside), &world));
        let renamed = Delta::Renamed { id: inside, comm: "x".into(), at };
        assert!(!may_change(&shown, &renamed, &world));
        assert!(!may_change(&InsideOf::default(), &born(outside), &world), "no pod is shown");
    }
}
