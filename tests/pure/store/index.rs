//! What a World finds by its indexes is what a scan of all processes finds.

use std::collections::BTreeSet;

use podscope::model::{Delta, Host, Member, NsId, NsKind, Parent, ProcId, Process, World};
use proptest::prelude::*;

use crate::store::stream::deltas;
use crate::store::world::at;

fn ids<'a>(processes: impl IntoIterator<Item = &'a Process>) -> Vec<ProcId> {
    processes.into_iter().map(|p| p.id).collect()
}

fn scan(world: &World, wanted: impl Fn(&Process) -> bool) -> Vec<ProcId> {
    ids(world.processes.values().map(AsRef::as_ref).filter(|p| wanted(p)))
}

fn assert_indexes_are_right(world: &World) {
    let all = || world.processes.values();
    for member in all().filter_map(|p| p.member.as_ref()).collect::<BTreeSet<&Member>>() {
        let is_in = |p: &Process| p.member.as_ref() == Some(member);
        assert_eq!(ids(world.remembered_of_member(member)), scan(world, is_in));
        assert_eq!(ids(world.member_processes(member)), scan(world, |p| is_in(p) && !p.is_gone()));
        let is_in = |p: &Process| p.member.as_ref().is_some_and(|m| m.pod == member.pod);
        assert_eq!(ids(world.remembered_of_pod(&member.pod)), scan(world, is_in));
        assert_eq!(ids(world.pod_processes(&member.pod)), scan(world, |p| is_in(p) && !p.is_gone()));
    }
    assert_eq!(ids(world.remembered_of_pods()), scan(world, |p| p.member.is_some()));
    assert_eq!(ids(world.processes_of_pods()), scan(world, |p| p.member.is_some() && !p.is_gone()));
    assert_eq!(ids(world.zombies()), scan(world, Process::is_zombie));
    for ns in all().flat_map(|p| p.namespaces.iter()).collect::<BTreeSet<NsId>>() {
        let is_in = |p: &Process| p.is_alive() && p.namespaces.get(ns.kind) == Some(ns);
        assert_eq!(ids(world.ns_members(ns)), scan(world, is_in));
        assert_eq!(ids(world.ns_members_of_pods(ns)), scan(world, |p| is_in(p) && p.member.is_some()));
        let is_below = |p: &Process| {
            let own = p.namespaces.get(NsKind::Pid);
            !p.is_gone() && own.is_some_and(|own| world.with_parents(own).any(|above| above == ns))
        };
        let below: BTreeSet<ProcId> = world.in_pid_ns(ns).map(|p| p.id).collect();
        assert_eq!(below.into_iter().collect::<Vec<_>>(), scan(world, is_below));
    }
    for p in all() {
        assert_eq!(ids(world.remembered_with_pid(p.id.pid)), scan(world, |q| q.id.pid == p.id.pid));
        let by_it = |q: &Process| q.reap.is_some_and(|r| r.by == Parent::Process(p.id));
        let last = scan(world, |q| !p.is_alive() && by_it(q) && world.ended_with_pid_ns(q)).len() as u64;
        assert_eq!(world.reaped_by(p), p.reaped.saturating_sub(last));
    }
}

/// The processes that get a member with `head`: it, and those that descend from it by birth and have no member.
fn joining(world: &World, head: ProcId) -> BTreeSet<ProcId> {
    let mut found = BTreeSet::from([head]);
    let mut heads = vec![head];
    while let Some(head) = heads.pop() {
        let first_parent = |p: &Process| p.reparents.first().map_or(p.parent, |r| r.from);
        for child in scan(world, |p| first_parent(p) == Parent::Process(head) && p.member.is_none()) {
            if found.insert(child) {
                heads.push(child);
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn an_index_finds_what_a_scan_finds(all in deltas()) {
        let mut world = World::default();
        for delta in &all {
            world.apply(delta);
            assert_indexes_are_right(&world);
        }
        let text = serde_json::to_string(&world).unwrap();
        assert_indexes_are_right(&serde_json::from_str(&text).unwrap());
        // the namespaces of the host are looked up in another way
        let mut host = Host::default();
        for ns in world.processes.values().flat_map(|p| p.namespaces.iter()) {
            host.namespaces.set(ns);
        }
        world.apply(&Delta::Host { host: Box::new(host), at: at(0) });
        assert_indexes_are_right(&world);
    }

    #[test]
    fn those_born_before_the_report_join_too(all in deltas()) {
        let mut world = World::default();
        for delta in &all {
            let before = world.clone();
            world.apply(delta);
            let Delta::Joined { id, member, .. } = delta else { continue };
            let joining = joining(&before, *id);
            for p in world.processes.values() {
                let known = before.process(p.id).and_then(|p| p.member.as_ref());
                prop_assert_eq!(p.member.as_ref(), if joining.contains(&p.id) { Some(member) } else { known });
            }
        }
    }

    #[test]
    fn a_copy_stays_as_it_was(before in deltas(), after in deltas()) {
        let mut world = World::default();
        for delta in &before {
            world.apply(delta);
        }
        let (copy, text) = (world.clone(), serde_json::to_string(&world).unwrap());
        for delta in &after {
            world.apply(delta);
        }
        prop_assert_eq!(serde_json::to_string(&copy).unwrap(), text);
        assert_indexes_are_right(&copy);
    }
}
