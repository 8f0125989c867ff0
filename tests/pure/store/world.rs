//! Rules of the World.

use podscope::model::{
    Delta, Member, MonoNs, Namespace, NsId, NsKind, Parent, PodUid, ProcId, Scope, Source, Stamp, WaitStatus, World,
};
use proptest::prelude::*;

use crate::store::stream::deltas;

pub const fn at(t: u64) -> Stamp {
    Stamp::connector(MonoNs(t))
}

const fn proc(pid: u32) -> ProcId {
    ProcId { pid, start: pid as u64 }
}

fn born(pid: u32, parent: u32, t: u64) -> Delta {
    Delta::Born { id: proc(pid), parent: Parent::Process(proc(parent)), at: at(t) }
}

pub fn renamed(pid: u32, comm: &str, t: u64) -> Delta {
    Delta::Renamed { id: proc(pid), comm: comm.into(), at: at(t) }
}

fn world(deltas: impl IntoIterator<Item = Delta>) -> World {
    let mut world = World::default();
    for delta in deltas {
        world.apply(&delta);
    }
    world
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn every_kind_of_change_is_documented(delta in crate::store::stream::delta()) {
        let json = serde_json::to_value(&delta).unwrap();
        let kind = json["delta"].as_str().unwrap();
        prop_assert!(include_str!("../../../docs/formats.md").contains(&format!("`{kind}`")), "{}", kind);
    }

    #[test]
    fn a_pid_has_one_process_and_the_index_of_children_is_right(all in deltas()) {
        let world = world(all);
        let mut pids: Vec<u32> = world.present().map(|p| p.id.pid).collect();
        let present = pids.len();
        pids.dedup();
        prop_assert_eq!(pids.len(), present);
        prop_assert_eq!(world.processes.values().filter(|p| !p.is_gone()).count(), present);
        for p in world.processes.values() {
            let children: Vec<ProcId> = world.children(p.id).map(|c| c.id).collect();
            let scanned: Vec<ProcId> =
                world.processes.values().filter(|c| c.parent == Parent::Process(p.id)).map(|c| c.id).collect();
            prop_assert_eq!(children, scanned);
            prop_assert_eq!(p.is_gone(), world.by_pid(p.id.pid) != Some(p.id));
        }
    }
}

#[test]
fn a_reused_pid_implies_a_reap() {
    let (old, new) = (ProcId { pid: 7, start: 1 }, ProcId { pid: 7, start: 9 });
    for order in [[old, new], [new, old]] {
        let world = world(order.map(|id| Delta::Renamed { id, comm: "x".into(), at: at(3) }));
        assert_eq!(world.by_pid(7), Some(new));
        assert_eq!(world.process(old).unwrap().reap.unwrap().at.source, Source::Inferred);
        assert!(world.process(new).unwrap().is_alive());
    }
}

#[test]
fn an_inferred_time_is_replaced_by_a_seen_one() {
    let id = proc(7);
    let status = Some(WaitStatus::exited(3));
    let scanned = Stamp::by_then(MonoNs(90), Source::Scan);
    let world =
        world([Delta::Reaped { id, by: Parent::Outside, at: at(50) }, Delta::Exited { id, status, at: scanned }]);
    let exit = world.process(id).unwrap().exit.unwrap();
    assert_eq!((exit.at, exit.status), (scanned, status));
}

#[test]
fn what_is_no_longer_observed_is_forgotten_with_its_end() {
    let scope = |scope, forgotten: &[u32]| {
        let forgotten = forgotten.iter().map(|pid| proc(*pid)).collect();
        Delta::Scope { scope, forgotten, at: at(9) }
    };
    let kept = [born(2, 1, 1), born(3, 2, 2)];
    let ended = Delta::Reaped { id: proc(5), by: Parent::Process(proc(4)), at: at(6) };
    let others = [scope(Scope::Host, &[]), born(1, 0, 3), born(4, 1, 4), born(5, 4, 5), ended];
    let all = world(kept.clone().into_iter().chain(others.clone()));
    assert_eq!((all.scope, all.processes.len()), (Scope::Host, 5));
    let after = world(kept.into_iter().chain(others).chain([scope(Scope::Lab, &[1, 4, 5])]));
    assert_eq!(after.scope, Scope::Lab);
    assert_eq!(after.processes.keys().map(|id| id.pid).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((after.by_pid(4), after.by_pid(3)), (None, Some(proc(3))));
    assert_eq!(after.children(proc(1)).map(|p| p.id).collect::<Vec<_>>(), [proc(2)], "its parent is known by its id");
    assert_eq!(after.children(proc(4)).count(), 0);
}

#[test]
fn membership_is_inherited_by_children_born_before_and_after() {
    let uid = PodUid("p".into());
    let member = Member::container(&uid, "nginx");
    let world = world([born(2, 1, 1), born(3, 2, 2), Delta::Joined { id: proc(2), member, at: at(3) }, born(4, 3, 4)]);
    let pids: Vec<u32> = world.pod_processes(&uid).map(|p| p.id.pid).collect();
    assert_eq!(pids, [2, 3, 4]);
}

#[test]
fn an_orphan_belongs_to_its_first_parents_member_even_if_reported_late() {
    let member = |name| Member::container(&PodUid("u".into()), name);
    // the member of 2 is reported when its grandchild 4 was already adopted by 1
    let (from, to) = (Parent::Process(proc(3)), Parent::Process(proc(1)));
    let world = world([
        born(1, 0, 1),
        Delta::Joined { id: proc(1), member: member("init"), at: at(2) },
        born(2, 0, 3),
        born(3, 2, 4),
        born(4, 3, 5),
        Delta::Reparented { id: proc(4), from, to, at: at(6) },
        Delta::Joined { id: proc(2), member: member("shell"), at: at(7) },
    ]);
    for pid in [2, 3, 4] {
        assert_eq!(world.process(proc(pid)).unwrap().member, Some(member("shell")), "{pid}");
    }
}

#[test]
fn the_worlds_memory_is_bounded() {
    let mut world = World::default();
    for n in 1..40_000_u32 {
        world.apply(&born(n, 1, u64::from(n)));
        world.apply(&renamed(1, "forker", u64::from(n)));
        world.apply(&Delta::Exec { id: proc(1), comm: "sh".into(), cmdline: vec![], at: at(u64::from(n)) });
        let to = Parent::Process(proc(n % 5));
        world.apply(&Delta::Reparented { id: proc(1), from: Parent::Outside, to, at: at(u64::from(n)) });
        let id = NsId { kind: NsKind::Net, dev: 4, ino: u64::from(n), generation: 0 };
        world.apply(&Delta::Namespace { namespace: Namespace::new(id), at: at(u64::from(n)) });
        if n.is_multiple_of(100) {
            let member = Member::container(&PodUid("p".into()), "c");
            world.apply(&Delta::Joined { id: proc(n), member, at: at(u64::from(n)) });
        }
        if n > 1 {
            world.apply(&Delta::Reaped { id: proc(n), by: Parent::Process(proc(1)), at: at(u64::from(n)) });
        }
    }
    assert!(world.processes.len() <= World::MAX_GONE + 8);
    assert!(world.namespaces.len() <= World::MAX_NAMESPACES * 5 / 4);
    let members = world.processes.values().filter(|p| p.member.is_some()).count();
    assert_eq!(world.remembered_of_pods().len(), members);
    let first = world.process(proc(1)).unwrap();
    assert!(first.execs.len() <= World::MAX_STEPS && first.reparents.len() <= World::MAX_STEPS);
}
