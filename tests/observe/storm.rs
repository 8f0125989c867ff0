//! Many short lives.

use std::collections::HashMap;

use podscope::model::{Delta, Parent, Precision, Source, WaitStatus};
use podscope::observe::Options;

use crate::support::{Helper, Watched, unless_lost};

fn storm(helper: &mut Helper, count: u32) -> HashMap<u32, i32> {
    helper.tell(&count.to_string());
    let mut ends = HashMap::new();
    loop {
        let line = helper.answer();
        let Some((pid, status)) = line.split_once(' ') else { return ends };
        ends.insert(pid.parse().expect("a pid"), status.parse().expect("a status"));
    }
}

#[test]
fn three_thousand_short_lives_are_all_recorded() {
    unless_lost(three_thousand);
}

fn three_thousand() {
    let mut helper = Helper::start("storm");
    let mut w = Watched::start(Options::default());
    let parent = w.watch(helper.pid);
    let ends = storm(&mut helper, 3_000);
    assert_eq!(ends.len(), 3_000);
    w.until("every reap", |w| w.world.processes.values().filter(|p| p.is_gone()).count() >= 3_000);
    assert_eq!(w.world.lost.get(&Source::Connector), None);
    for (pid, status) in ends {
        let all = w.all_of(pid);
        assert_eq!(all.len(), 1, "{pid} is one process");
        let p = all[0];
        assert_eq!((p.parent, p.born.precision), (Parent::Process(parent), Precision::Exact), "{pid}");
        let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("reaped"));
        assert_eq!((exit.status, exit.at.precision), (Some(WaitStatus(status)), Precision::Exact), "{pid}");
        assert_eq!(reap.by, Parent::Process(parent), "{pid}");
        assert!(p.born.t < exit.at.t && exit.at.t <= reap.at.t, "{pid}");
    }
    assert_eq!(w.world.present().count(), 1, "only the parent is left");
}

#[test]
fn an_overrun_is_said_and_mended() {
    let mut helper = Helper::start("storm");
    // the least the kernel gives
    let mut w = Watched::start(Options { buffer: 1, ..Options::default() });
    let parent = w.watch(helper.pid);
    let mut rounds = 0;
    while !w.world.lost.contains_key(&Source::Connector) {
        rounds += 1;
        assert!(rounds < 50, "no overrun with the smallest buffer");
        storm(&mut helper, 500);
        w.gather(std::time::Duration::from_millis(50));
    }
    w.until("the mended picture", |w| w.world.present().count() == 1);
    assert_eq!(w.world.present().next().map(|p| p.id), Some(parent));
    assert!(w.log.iter().any(|d| matches!(d, Delta::Lost { source: Source::Connector, .. })));
    // nobody is charged with a reap that was not his
    for p in w.world.processes.values().filter(|p| p.is_gone()) {
        let by = p.reap.expect("gone").by;
        assert!(by == Parent::Process(parent) || by == Parent::Unknown, "{p:?}");
    }
}
