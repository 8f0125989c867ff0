//! A limit of open files that is lower than the number of processes.

use nix::sys::resource::{Resource, getrlimit};

use crate::support::{Helper, children};

/// Watches so many children under a limit of open files.
fn watch_crowd(size: usize, limit: u32) {
    let mut crowd = Helper::start("crowd");
    crowd.tell(&size.to_string());
    assert_eq!(crowd.answer(), "up");
    let mut observer = Helper::start("few-files");
    observer.tell(&limit.to_string());
    observer.tell(&crowd.pid.to_string());
    let mut look = |crowd: &Helper, scans: u32| {
        let there = children(crowd.pid).len() + 1;
        observer.tell(&format!("{there} {scans}"));
        let counts = observer.answer();
        assert_eq!(counts, format!("{there} {there}"), "with {limit} files all are known and read");
        (there, observer.answer(), observer.answer())
    };
    let (there, processes, pidfd) = look(&crowd, 1);
    assert_eq!(there, size + 1);
    assert_eq!(processes, "full", "every process is shown");
    assert!(pidfd.contains(&format!("only {} processes are held", limit / 2)), "{pidfd}");
    assert!(
        pidfd.contains("ulimit -n") && pidfd.contains("by a scan"),
        "it says the remedy and the consequence: {pidfd}"
    );
    // processes that end are gone
    crowd.tell("400");
    assert_eq!(crowd.answer(), "ended");
    let (there, ..) = look(&crowd, 1);
    assert_eq!(there, size + 1 - 400);
    // with few enough processes all have pidfds
    let left = there - 1 - limit as usize / 4;
    crowd.tell(&left.to_string());
    assert_eq!(crowd.answer(), "ended");
    // a scan opens those of 64 processes
    let (_, _, pidfd) = look(&crowd, limit.div_ceil(4 * 64) + 1);
    assert_eq!(pidfd, "full");
}

#[test]
fn with_128_open_files_all_processes_are_known() {
    watch_crowd(860, 128);
}

#[test]
fn five_thousand_live_processes_are_all_known() {
    // an ordinary user may be limited to fewer processes
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).expect("known");
    let pids = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("known").trim().parse().expect("a number");
    watch_crowd(5_000.min(soft.min(pids) as usize / 2), 512);
}
