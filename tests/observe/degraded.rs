//! The observer without some of its sources, on the real kernel.

use std::os::unix::process::ExitStatusExt as _;

use podscope::model::{Capability, Coverage, Parent, Precision, Process, Signal, Source, WaitStatus};
use podscope::observe::{Options, identify, signal};

use crate::support::{Helper, Sentinel, Watched, sleeper, stat, wait_for};

/// Watches a child's life without some sources. Returns its status, and the sources that reported its exit and its
/// reap.
fn watch_a_life(without: &str) -> (Option<WaitStatus>, Source, Source) {
    let mut w = Watched::start(Options::without(without));
    let mut helper = Helper::start("holder");
    let parent = w.watch(helper.pid);
    helper.tell("go");
    let id = identify(helper.answer_number()).expect("a zombie keeps its pid");
    w.until("the zombie", |w| w.world.process(id).is_some_and(Process::is_zombie));
    assert_eq!(stat(id.pid), Some(('Z', parent.pid)));
    helper.tell("reap");
    assert_eq!(helper.answer(), "reaped");
    let p = w.until_gone(id);
    let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("gone"));
    assert_eq!((p.parent, reap.by), (Parent::Process(parent), Parent::Process(parent)), "without {without}");
    // an exit event that was lost is found by a scan
    let exit_source = if w.has_all_events() { exit.at.source } else { Source::Connector };
    (exit.status, exit_source, reap.at.source)
}

#[test]
fn without_the_connector_a_scan_finds_the_exit() {
    let (status, exit, reap) = watch_a_life("connector");
    assert_eq!(status, Some(WaitStatus(0x500)));
    assert_eq!((exit, reap), (Source::Scan, Source::Pidfd), "it was dead when it was found");
}

#[test]
fn without_pidfds_a_scan_finds_the_reap() {
    let (status, exit, reap) = watch_a_life("pidfd");
    assert_eq!((status, exit, reap), (Some(WaitStatus(0x500)), Source::Connector, Source::Scan));
}

#[test]
fn without_pidfd_info_the_connector_gives_the_status() {
    let (status, exit, reap) = watch_a_life("pidfd-info");
    assert_eq!((status, exit, reap), (Some(WaitStatus(0x500)), Source::Connector, Source::Pidfd));
}

#[test]
fn with_scans_alone_exit_and_reap_are_found() {
    let (status, exit, reap) = watch_a_life("connector,pidfd");
    assert_eq!((status, exit, reap), (Some(WaitStatus(0x500)), Source::Scan, Source::Scan));
}

#[test]
fn the_pidfd_reports_a_kill_without_the_connector() {
    let mut w = Watched::start(Options::without("connector,bpf"));
    let me = w.watch(std::process::id());
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    w.until("the child", |w| w.world.process(id).is_some());
    signal::send(id, Signal::KILL).expect("our own child");
    w.until("its death", |w| w.process(id).is_zombie());
    let status = child.wait().expect("our child").into_raw();
    let p = w.until_gone(id);
    let exit = p.exit.expect("ended");
    assert_eq!((exit.at.source, exit.at.precision), (Source::Pidfd, Precision::Prompt));
    assert_eq!((exit.status, p.reap.map(|r| r.by)), (Some(WaitStatus(status)), Some(Parent::Process(me))));
}

#[test]
fn the_exit_status_can_be_read_after_the_reap() {
    // reaped before it could be read: only PIDFD_GET_INFO has the status
    let mut w = Watched::start(Options::without("connector"));
    let mut child = sleeper();
    let id = w.watch(child.id());
    child.kill().expect("our child");
    let status = child.wait().expect("our child").into_raw();
    w.until_gone(id);
    let full = w.world.visibility.get(&Capability::PidfdExitInfo).is_some_and(Coverage::is_full);
    let reported = w.process(id).exit.and_then(|e| e.status);
    assert!(reported == Some(WaitStatus(status)) || !full && reported.is_none(), "{reported:?}");
}

#[test]
fn a_missing_source_is_reported() {
    let coverage = |without: &str, capability| {
        let w = Watched::start(Options::without(without));
        w.world.visibility.get(&capability).cloned()
    };
    assert_eq!(coverage("", Capability::ProcConnector), Some(Coverage::Full));
    assert_eq!(coverage("", Capability::Pidfd), Some(Coverage::Full));
    for (without, capability) in [
        ("connector", Capability::ProcConnector),
        ("pidfd", Capability::Pidfd),
        ("pidfd", Capability::PidfdExitInfo),
        ("pidfd-info", Capability::PidfdExitInfo),
        ("bpf", Capability::Signals),
    ] {
        assert!(matches!(coverage(without, capability), Some(Coverage::Missing(_))), "{without}: {capability:?}");
    }
}

#[test]
fn outside_the_initial_network_namespace_it_works_without_the_connector() {
    let mut helper = Helper::under(&["unshare", "--user", "--map-root-user", "--net"], "observer");
    assert!(helper.answer().starts_with("missing "));
    assert_eq!(helper.answer(), "gone by Pidfd");
}

#[test]
fn a_quiet_process_causes_no_deltas() {
    // an event of BPF would show the sentinel before the scan does
    for without in ["bpf", "connector,bpf", "pidfd,bpf"] {
        let mut child = sleeper();
        let mut w = Watched::start(Options::without(without));
        let sentinel = Sentinel::start(&mut w);
        let id = w.watch(child.id());
        // it has started fully, and a scan has seen that
        wait_for("it sleeps in nanosleep", || {
            std::fs::read_to_string(format!("/proc/{}/wchan", id.pid)).expect("our child").contains("nanosleep")
        });
        sentinel.wait_for_scan(&mut w);
        sentinel.wait_for_scan(&mut w);
        let before = w.log.len();
        sentinel.wait_for_scan(&mut w);
        let news: Vec<_> = w.log[before..].iter().filter(|delta| !sentinel.is_subject_of(delta)).collect();
        assert!(news.is_empty(), "without {without:?}: {news:?}");
        child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
    }
}
