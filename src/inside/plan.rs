//! Which process leads to which namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::request::{Request, Target};
use crate::model::inside::Content;
use crate::model::{NsId, PodUid, ProcId, Process, World};

/// Of how many processes in one namespace the files are looked at.
const MAX_PROCESSES: usize = 1_024;

/// Whose namespaces are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsideOf {
    /// All namespaces of the members of this pod.
    pub pod: Option<PodUid>,
    /// This one.
    pub namespace: Option<NsId>,
}

impl InsideOf {
    /// The namespaces with a content to be read, sorted.
    pub fn namespaces(&self, world: &World) -> BTreeSet<NsId> {
        let of_pod = self.pod.iter().flat_map(|uid| world.pod_processes(uid));
        let of_pod = of_pod.filter(|p| p.is_alive()).flat_map(|p| p.namespaces.iter());
        of_pod.chain(self.namespace).filter(|ns| Content::KINDS.contains(&ns.kind)).collect()
    }
}

/// What to ask the helper for, one request for each process that leads to some of the namespaces, and the namespaces in
/// the order of its targets. A namespace without a living process that is known is left out: nothing leads to it.
pub fn plan(world: &World, namespaces: &BTreeSet<NsId>) -> Vec<(Request, Vec<NsId>)> {
    let mut by_witness: BTreeMap<ProcId, (Vec<Target>, Vec<NsId>)> = BTreeMap::new();
    for ns in namespaces {
        let processes = inside(world, *ns);
        // pause, where there is one, since it was first: so one helper reads most namespaces of a pod
        let Some(witness) = processes.first().copied() else { continue };
        let (targets, all) = by_witness.entry(witness).or_default();
        targets.push(Target { kind: ns.kind, ino: ns.ino, processes });
        all.push(*ns);
    }
    by_witness.into_iter().map(|(witness, (targets, all))| (Request { witness, targets }, all)).collect()
}

/// The living processes in a namespace, the first one born in front. Of a namespace of the host only those of pods, as
/// long as there are some: most of the machine is in it.
fn inside(world: &World, ns: NsId) -> Vec<ProcId> {
    let of_pods = world.ns_members_of_pods(ns);
    let mut all: Vec<&Process> =
        if of_pods.is_empty() || !world.is_host_ns(ns) { world.ns_members(ns).collect() } else { of_pods };
    all.sort_by_key(|p| (p.id.start, p.id.pid));
    all.into_iter().take(MAX_PROCESSES).map(|p| p.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delta, Facts, Member, MonoNs, NsKind, NsSet, Parent, Source, Stamp, State};

    const AT: Stamp = Stamp::prompt(MonoNs(1), Source::Scan);

    fn ns(kind: NsKind, ino: u64) -> NsId {
        NsId { kind, dev: 4, ino, generation: 0 }
    }

    fn add(world: &mut World, pid: u32, start: u64, namespaces: &[NsId]) -> ProcId {
        let id = ProcId { pid, start };
        let mut set = NsSet::default();
        for ns in namespaces {
            set.set(*ns);
        }
        let process = Process::new(id, Parent::Outside, AT);
        let facts = Facts {
            id,
            parent: Parent::Outside,
            comm: "x".into(),
            cmdline: Vec::new(),
            state: State::Sleeping,
            uid: 0,
            nspid: vec![pid],
            threads: 1,
            rss_bytes: 0,
            cpu: process.cpu,
            waited_cpu: process.waited_cpu,
            signals: process.signals,
            namespaces: set,
        };
        world.apply(&Delta::Facts { facts: Box::new(facts), at: AT });
        let member = Member { pod: PodUid("p".into()), container: Some("c".into()) };
        world.apply(&Delta::Joined { id, member, at: AT });
        id
    }

    #[test]
    fn the_first_process_leads_to_all_namespaces_that_it_is_in() {
        let mut world = World::default();
        let (net, first, second, pid) =
            (ns(NsKind::Net, 1), ns(NsKind::Mnt, 2), ns(NsKind::Mnt, 3), ns(NsKind::Pid, 4));
        let other = add(&mut world, 7, 20, &[net, second, pid]);
        let pause = add(&mut world, 9, 10, &[net, first, pid]);
        let of = InsideOf { pod: Some(PodUid("p".into())), namespace: None };
        let namespaces = of.namespaces(&world);
        assert_eq!(namespaces, BTreeSet::from([first, second, net]), "pid has no content to be read");
        let plan = plan(&world, &namespaces);
        let found: Vec<_> = plan.iter().map(|(request, all)| (request.witness, all.clone())).collect();
        assert_eq!(found, [(other, vec![second]), (pause, vec![first, net])]);
        let (request, _) = &plan[1];
        assert_eq!(request.targets[1], Target { kind: NsKind::Net, ino: 1, processes: vec![pause, other] });
    }

    #[test]
    fn nothing_leads_to_a_namespace_without_a_process() {
        let world = World::default();
        let of = InsideOf { pod: None, namespace: Some(ns(NsKind::Net, 5)) };
        assert_eq!(of.namespaces(&world).len(), 1);
        assert_eq!(plan(&world, &of.namespaces(&world)), []);
    }
}
