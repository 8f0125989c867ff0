//! Facts come from several sources: the order in which two of them arrive does not change the result.

use podscope::model::{Delta, World};
use proptest::prelude::*;

use crate::store::stream::{delta, id, parent, stamp, status};

fn world_after(before: &[Delta], last: [&Delta; 2]) -> World {
    let mut world = World::default();
    for delta in before.iter().chain(last) {
        world.apply(delta);
    }
    world
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn exit_and_reap_commute(before in prop::collection::vec(delta(), 0..20), id in id(), status in status(), by in parent(), at in stamp(), then in stamp()) {
        let exited = Delta::Exited { id, status, at };
        let reaped = Delta::Reaped { id, by, at: then };
        // only streams in which this process has not ended before
        let mut before = before;
        before.push(Delta::Renamed { id, comm: "known".into(), at });
        prop_assume!(before.iter().fold(World::default(), |mut w, d| { w.apply(d); w }).process(id).unwrap().is_alive());
        prop_assert_eq!(world_after(&before, [&exited, &reaped]), world_after(&before, [&reaped, &exited]));
    }

    #[test]
    fn exit_and_reap_of_an_unknown_process_commute(id in id(), status in status(), by in parent(), at in stamp(), then in stamp()) {
        let exited = Delta::Exited { id, status, at };
        let reaped = Delta::Reaped { id, by, at: then };
        prop_assert_eq!(world_after(&[], [&exited, &reaped]), world_after(&[], [&reaped, &exited]));
    }

    #[test]
    fn two_reports_of_one_exit_commute(id in id(), status in status(), at in stamp(), then in stamp()) {
        let one = Delta::Exited { id, status, at };
        let two = Delta::Exited { id, status: None, at: then };
        let (ab, ba) = (world_after(&[], [&one, &two]), world_after(&[], [&two, &one]));
        prop_assert_eq!(ab.process(id).unwrap().exit, ba.process(id).unwrap().exit);
    }

    #[test]
    fn two_reports_of_one_reap_commute(id in id(), by in parent(), at in stamp(), then in stamp()) {
        let one = Delta::Reaped { id, by, at };
        let two = Delta::Reaped { id, by, at: then };
        let (ab, ba) = (world_after(&[], [&one, &two]), world_after(&[], [&two, &one]));
        prop_assert_eq!(ab.process(id).unwrap().reap, ba.process(id).unwrap().reap);
    }

    #[test]
    fn birth_and_reparent_commute(id in id(), a in parent(), b in parent(), at in stamp(), then in stamp()) {
        let born = Delta::Born { id, parent: a, at };
        let moved = Delta::Reparented { id, from: a, to: b, at: then };
        let (ab, ba) = (world_after(&[], [&born, &moved]), world_after(&[], [&moved, &born]));
        prop_assert_eq!(ab.process(id).unwrap().parent, ba.process(id).unwrap().parent);
    }
}
