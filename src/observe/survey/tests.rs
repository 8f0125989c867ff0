//! The survey against the reconciler, on this machine.

use crate::model::{Cpu, Delta, MonoNs, Namespace, NsSet, Process, Scope, SignalMasks, Source, Stamp, State, World};
use crate::observe::hierarchy::nsfs_device;
use crate::observe::live::LiveKernel;
use crate::observe::once;
use crate::observe::reconcile::Reconciler;

fn world(deltas: &[Delta]) -> World {
    let mut world = World::default();
    for delta in deltas {
        world.apply(delta);
    }
    world
}

fn by_survey() -> World {
    world(&once(None).expect("/proc is there"))
}

fn by_reconciler() -> World {
    let mut kernel = LiveKernel::new(None, false);
    let mut reconciler = Reconciler::new(Scope::Host, false, nsfs_device());
    reconciler.start_host(&mut kernel);
    let deltas = reconciler.finish(&mut kernel, true);
    // a single look does not know when a process was born
    world(&deltas.into_iter().filter(|delta| !matches!(delta, Delta::Born { .. })).collect::<Vec<_>>())
}

/// What does not change while a process sleeps, and what both know: for which signals it waits only the reconciler asks.
fn lasting(p: &Process) -> Process {
    let (mut p, stamp) = (p.clone(), Stamp::by_then(MonoNs(0), Source::Scan));
    // only the reconciler looks at cgroups
    (p.born, p.rss_bytes, p.cgroup) = (stamp, 0, None);
    (p.cpu, p.waited_cpu) = (Cpu::default(), Cpu::default());
    // running or asleep, and what a kernel worker does at the moment
    if p.state != State::Zombie {
        p.state = State::Sleeping;
    }
    if p.comm.starts_with("kworker/") {
        p.comm.clear();
    }
    // other tests of this program start and end threads
    p.threads = p.threads.min(2);
    p.signals = SignalMasks { awaiting: false, awaited: None, signalfd: 0, ..p.signals };
    if let Some(exit) = &mut p.exit {
        exit.at = stamp;
    }
    p
}

/// A process that was the same before and after is the same for the reconciler. The one difference: where it may not
/// read the namespaces of a child it takes those of the parent.
#[test]
fn the_survey_sees_the_world_of_the_reconciler() {
    let mut zombie = std::process::Command::new("true").spawn().expect("coreutils");
    let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().expect("coreutils");
    let before = by_survey();
    let middle = by_reconciler();
    let after = by_survey();
    let mut compared = 0;
    for p in before.present() {
        let (then, Some(now)) = (lasting(p), after.process(p.id).map(lasting)) else { continue };
        if then != now {
            continue;
        }
        let mut seen = lasting(middle.process(p.id).unwrap_or_else(|| panic!("{} {} is missing", p.id, p.comm)));
        if p.namespaces == NsSet::default() {
            seen.namespaces = NsSet::default();
        }
        assert_eq!(seen, then);
        compared += 1;
    }
    assert!(compared > 10, "only {compared} processes stayed");
    for child in [&mut zombie, &mut sleeper] {
        let _ = child.kill();
        child.wait().expect("our child");
    }
    let known = |ns: &Namespace| Namespace { net: None, holders: None, ..ns.clone() };
    let both = before.namespaces.values().filter(|ns| after.namespaces.get(&ns.id) == Some(*ns));
    let compared = both.filter_map(|ns| Some((ns, middle.namespaces.get(&ns.id)?)));
    assert!(compared.map(|(ns, seen)| assert_eq!(known(ns), known(seen))).count() >= 8);
}
