//! A limit of open files that is lower than the number of processes.

use crate::support::{Helper, children};

/// How many children there are to watch.
const CROWD: usize = 860;

fn with_limit(limit: u32) {
    let mut crowd = Helper::start("crowd");
    crowd.tell(&CROWD.to_string());
    assert_eq!(crowd.answer(), "up");
    let mut observer = Helper::start("few-files");
    observer.tell(&limit.to_string());
    observer.tell(&crowd.pid.to_string());
    let mut look = |crowd: &Helper| {
        let there = children(crowd.pid).len() + 1;
        observer.tell(&there.to_string());
        let counts = observer.answer();
        assert_eq!(counts, format!("{there} {there}"), "with {limit} files all are known and read");
        (there, observer.answer(), observer.answer())
    };
    let (there, processes, pidfd) = look(&crowd);
    assert_eq!(there, CROWD + 1);
    assert_eq!(processes, "full", "every process is shown");
    assert!(pidfd.contains(&format!("only {} processes are held", limit / 2)), "{pidfd}");
    assert!(
        pidfd.contains("ulimit -n") && pidfd.contains("by a scan"),
        "it says the remedy and the consequence: {pidfd}"
    );
    // processes that end are gone
    crowd.tell("400");
    assert_eq!(crowd.answer(), "ended");
    let (there, ..) = look(&crowd);
    assert_eq!(there, CROWD + 1 - 400);
    // with few enough processes all have pidfds
    let left = there - 1 - limit as usize / 4;
    crowd.tell(&left.to_string());
    assert_eq!(crowd.answer(), "ended");
    let (_, _, pidfd) = look(&crowd);
    assert_eq!(pidfd, "full");
}

#[test]
fn with_128_open_files_all_processes_are_known() {
    with_limit(128);
}

#[test]
fn with_512_open_files_all_processes_are_known() {
    with_limit(512);
}
