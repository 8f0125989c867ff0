//! Many short-lived processes.

use std::collections::HashMap;
use std::time::Duration;

use podscope::model::{Delta, Parent, Precision, Source, WaitStatus};
use podscope::observe::{Options, now};

use crate::support::{Helper, Watched};

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
fn three_thousand_short_lived_processes_are_all_recorded() {
    let mut helper = Helper::start("storm");
    let mut w = Watched::start(Options::default());
    let parent = w.watch(helper.pid);
    let ends = storm(&mut helper, 3_000);
    assert_eq!(ends.len(), 3_000);
    w.until("every reap", |w| {
        let gone = w.world.processes.values().filter(|p| p.is_gone()).count();
        gone >= 3_000 || !w.has_all_events() && w.world.present().count() == 1
    });
    let exact = w.has_all_events();
    for (pid, status) in ends {
        let all = w.all_of(pid);
        if all.is_empty() && !exact {
            continue;
        }
        assert_eq!(all.len(), 1, "{pid} is one process");
        let p = all[0];
        let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("reaped"));
        assert_eq!(p.parent, Parent::Process(parent), "{pid}");
        assert!(exit.status == Some(WaitStatus(status)) || !exact && exit.status.is_none(), "{pid}: {exit:?}");
        assert!(reap.by == Parent::Process(parent) || !exact && reap.by == Parent::Unknown, "{pid}: {reap:?}");
        assert!(p.born.t < exit.at.t && exit.at.t <= reap.at.t || !exact, "{pid}");
        let precise = (p.born.precision, exit.at.precision) == (Precision::Exact, Precision::Exact);
        assert!(precise || !exact, "{pid}");
    }
    assert_eq!(w.world.present().count(), 1, "only the parent is left");
}

#[test]
fn an_overrun_is_counted_and_rescans_are_limited() {
    let mut helper = Helper::start("storm");
    let start = now();
    // the smallest buffer that the kernel gives
    let mut w = Watched::start(Options { buffer: 1, ..Options::default() });
    let parent = w.watch(helper.pid);
    let mut rounds = 0;
    while w.world.lost.get(&Source::Connector).is_none_or(|n| *n < 100) {
        rounds += 1;
        assert!(rounds < 200, "no overrun with the smallest buffer: {:?}", w.world.lost);
        storm(&mut helper, 500);
        w.gather(Duration::from_millis(1));
    }
    w.until("the right number of processes", |w| w.world.present().count() == 1);
    let took = now().since(start);
    assert_eq!(w.world.present().next().map(|p| p.id), Some(parent));
    let losses: Vec<(u64, u64)> = w
        .log
        .iter()
        .filter_map(|d| match d {
            Delta::Lost { source: Source::Connector, count, at } => Some((at.t.0, count.expect("the kernel counts"))),
            _ => None,
        })
        .collect();
    assert!(losses.iter().all(|(at, count)| *at >= start.0 && *count > 0), "{losses:?}");
    assert_eq!(w.world.lost.get(&Source::Connector), Some(&losses.iter().map(|(_, count)| count).sum()));
    // losses follow each other within microseconds, but there are at least 250 ms between rescans
    let most = 2 + took / 250_000_000;
    assert!(losses.len() as u64 <= most, "{} rescans in {} ms", losses.len(), took / 1_000_000);
    // no process is named as a reaper that was not the reaper
    for p in w.world.processes.values().filter(|p| p.is_gone()) {
        let by = p.reap.expect("gone").by;
        assert!(by == Parent::Process(parent) || by == Parent::Unknown, "{p:?}");
    }
}
