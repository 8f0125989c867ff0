//! Searches the machine for what holds namespaces: on request, and when the namespace whose holders are shown has lost its
//! last process. Nothing is searched while nobody looks.

use std::collections::BTreeSet;

use super::worker::{JobResult, Worker};
use crate::command::Outcome;
use crate::model::{Capability, Delta, MonoNs, Namespace, NsId, Source, Stamp, World};
use crate::observe::{self, Input, now};

/// The least time between two searches: one reads all processes of the machine with their open files.
const GAP_NS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct HolderSearch {
    /// The front end shows what holds this one.
    shown: Option<NsId>,
    wanted: Option<NsId>,
    is_searching: bool,
    /// When the last search ended.
    ended: MonoNs,
}

impl HolderSearch {
    /// The front end shows the holders of this one from now on.
    pub fn show(&mut self, shown: Option<NsId>) {
        self.shown = shown;
    }

    /// Something has changed.
    pub fn note(&mut self, before: &World, after: &World) {
        let is_empty = |world: &World, ns| world.ns_members(ns).next().is_none();
        if let Some(ns) = self.shown
            && is_empty(after, ns)
            && !is_empty(before, ns)
        {
            self.wanted = Some(ns);
        }
    }
}

impl Worker {
    /// Searches as soon as the gap to the last search allows it.
    pub(super) fn request_holders(&mut self, ns: NsId) -> Outcome {
        self.holders.wanted = Some(ns);
        Outcome::Done
    }

    /// Searches if that is wanted. Returns when it will be due.
    pub(super) fn search_holders_if_due(&mut self) -> Option<MonoNs> {
        let search = &mut self.holders;
        let wanted = search.wanted.filter(|_| !search.is_searching)?;
        let due = if search.ended == MonoNs(0) { search.ended } else { search.ended.plus(GAP_NS) };
        let at = now();
        if due > at {
            return Some(due);
        }
        search.wanted = None;
        let look = move || {
            let found = observe::once(None).map_err(|e| e.to_string());
            JobResult::HoldersFound { found, wanted, at }
        };
        match self.spawn("find holders", look) {
            Ok(()) => self.holders.is_searching = true,
            Err(why) => tracing::warn!("what holds namespaces is not searched for: {why}"),
        }
        None
    }

    /// Passes on what was found.
    pub(super) fn holders_found(&mut self, found: Result<Vec<Delta>, String>, wanted: NsId, at: MonoNs) {
        (self.holders.is_searching, self.holders.ended) = (false, now());
        let found = match found {
            Ok(found) => found,
            Err(why) => return tracing::warn!("what holds namespaces is not searched for: {why}"),
        };
        let Some(observer) = &self.observer else { return };
        let input = observer.input();
        for delta in news(self.store.live(), found, wanted, Stamp::prompt(at, Source::Scan)) {
            input.send(Input::Delta(delta));
        }
    }
}

/// What a search tells of the namespaces that are known, and of those below the wanted one. `found` are the changes of an
/// empty World.
fn news(live: &World, found: Vec<Delta>, wanted: NsId, at: Stamp) -> Vec<Delta> {
    let mut all = Vec::new();
    let mut seen: Vec<Namespace> = Vec::new();
    for delta in found {
        match delta {
            Delta::Namespace { namespace, .. } => seen.push(namespace),
            Delta::Visibility { capability: Capability::Holders, .. } | Delta::Searched { .. } => all.push(delta),
            _ => {}
        }
    }
    let mut told_of = BTreeSet::new();
    for namespace in &seen {
        let known = known_as(live, namespace);
        let is_below = || [namespace.owner, namespace.parent].into_iter().flatten().any(|up| same(up, wanted));
        let told = match known {
            Some(known) => Namespace { holders: namespace.holders.clone(), ..known.clone() },
            // nothing was known of it, since no process of a pod was in it
            None if is_below() => {
                let above = |up: Option<NsId>| up.map(|up| if same(up, wanted) { wanted } else { up });
                Namespace { owner: above(namespace.owner), parent: above(namespace.parent), ..namespace.clone() }
            }
            None => continue,
        };
        told_of.insert(told.id);
        all.push(Delta::Namespace { namespace: told, at });
    }
    // what was found by an earlier search, and is not there any more
    let was_held = |known: &&Namespace| known.holders.as_ref().is_some_and(|holders| !holders.is_empty());
    let gone = live.namespaces.values().filter(|known| known.id == wanted || was_held(known));
    for gone in gone.filter(|gone| !told_of.contains(&gone.id)) {
        let namespace = Namespace { holders: Some([].into()), ..gone.clone() };
        all.push(Delta::Namespace { namespace, at });
    }
    all
}

fn same(a: NsId, b: NsId) -> bool {
    (a.kind, a.ino) == (b.kind, b.ino)
}

/// The namespace of the World that a search means. Its number may have been that of others before.
fn known_as<'a>(live: &'a World, found: &Namespace) -> Option<&'a Namespace> {
    let first = NsId { generation: 0, ..found.id };
    let with_number = live.namespaces.range(first..).map(|(_, known)| known).take_while(|known| same(known.id, first));
    let last = with_number.last()?;
    match (last.unique, found.unique) {
        (Some(known), Some(now)) if known != now => None,
        _ => Some(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Holder, NsKind, Parent, ProcId};

    const AT: Stamp = Stamp::prompt(MonoNs(9), Source::Scan);
    const PROCESS: ProcId = ProcId { pid: 7, start: 7 };

    fn ns(kind: NsKind, ino: u64, generation: u32) -> NsId {
        NsId { kind, dev: 4, ino, generation }
    }

    fn namespace(id: NsId, unique: Option<u64>, holders: Option<&[Holder]>) -> Namespace {
        Namespace { unique, holders: holders.map(Into::into), ..Namespace::new(id) }
    }

    fn world(all: &[Namespace]) -> World {
        let mut world = World::default();
        for namespace in all {
            world.apply(&Delta::Namespace { namespace: namespace.clone(), at: AT });
        }
        world
    }

    fn told(live: &World, found: &[Namespace], wanted: NsId) -> Vec<(NsId, Option<usize>)> {
        let found = found.iter().map(|n| Delta::Namespace { namespace: n.clone(), at: AT }).collect();
        let of = |delta: Delta| match delta {
            Delta::Namespace { namespace, .. } => Some((namespace.id, namespace.holders.map(|all| all.len()))),
            _ => None,
        };
        news(live, found, wanted, AT).into_iter().filter_map(of).collect()
    }

    #[test]
    fn a_search_tells_of_the_namespace_that_has_the_number_now() {
        let (old, new) = (ns(NsKind::Net, 5, 0), ns(NsKind::Net, 5, 1));
        let live = world(&[namespace(old, Some(50), None), namespace(new, Some(51), None)]);
        let file = [Holder::File { process: PROCESS, fd: 3 }];
        let found = |unique| [namespace(old, Some(unique), Some(&file))];
        assert_eq!(told(&live, &found(51), new), [(new, Some(1))]);
        // it has gone, and its number is that of a namespace that nothing is known of
        assert_eq!(told(&live, &found(52), new), [(new, Some(0))]);
        assert_eq!(told(&live, &[], old), [(old, Some(0))]);
        // also one that nobody has asked for has gone
        let other = ns(NsKind::Ipc, 6, 0);
        let live = world(&[namespace(old, None, None), namespace(other, None, Some(&file))]);
        assert_eq!(told(&live, &[], old), [(other, Some(0)), (old, Some(0))]);
    }

    #[test]
    fn what_is_below_the_wanted_one_is_told_too_and_nothing_else() {
        let (user, other) = (ns(NsKind::User, 5, 2), ns(NsKind::User, 6, 0));
        let live = world(&[namespace(user, None, None)]);
        let mut child = namespace(ns(NsKind::Net, 8, 0), None, Some(&[]));
        child.owner = Some(ns(NsKind::User, 5, 0));
        let mut unrelated = namespace(ns(NsKind::Net, 9, 0), None, Some(&[]));
        unrelated.owner = Some(other);
        let found = [namespace(ns(NsKind::User, 5, 0), None, Some(&[])), child.clone(), unrelated];
        assert_eq!(told(&live, &found, user), [(user, Some(0)), (child.id, Some(0))]);
        let deltas = found.iter().map(|n| Delta::Namespace { namespace: n.clone(), at: AT }).collect();
        let child = news(&live, deltas, user, AT).into_iter().find_map(|delta| match delta {
            Delta::Namespace { namespace, .. } if namespace.id == child.id => namespace.owner,
            _ => None,
        });
        assert_eq!(child, Some(user), "its owner is the one that is known");
    }

    #[test]
    fn the_end_of_the_last_process_of_the_shown_namespace_leads_to_a_search() {
        let net = ns(NsKind::Net, 5, 0);
        let mut before = world(&[namespace(net, None, None)]);
        before.apply(&Delta::Born { id: PROCESS, parent: Parent::Outside, at: AT });
        let changes = crate::model::FactChanges { namespaces: vec![net], ..Default::default() };
        before.apply(&Delta::Changed { id: PROCESS, changes: Box::new(changes), at: AT });
        let mut after = before.clone();
        after.apply(&Delta::Exited { id: PROCESS, status: None, at: AT });
        let mut search = HolderSearch::default();
        search.note(&before, &after);
        assert_eq!(search.wanted, None, "nobody looks");
        search.show(Some(net));
        search.note(&before, &before);
        assert_eq!(search.wanted, None);
        search.note(&before, &after);
        assert_eq!(search.wanted, Some(net));
    }
}
