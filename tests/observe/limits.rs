//! Fewer descriptors than processes.

use crate::support::{Helper, children};

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
        assert_eq!(counts, format!("{there} {there}"), "with {limit} files, all of them and all read");
        (there, observer.answer(), observer.answer())
    };
    let (there, processes, pidfd) = look(&crowd);
    assert_eq!(there, CROWD + 1);
    assert_eq!(processes, "full", "nothing is missing of what is shown");
    assert!(pidfd.contains(&format!("only {} processes are held", limit / 2)), "{pidfd}");
    assert!(pidfd.contains("ulimit -n") && pidfd.contains("by looking"), "the remedy and what is lost: {pidfd}");
    // those that really end are gone
    crowd.tell("400");
    assert_eq!(crowd.answer(), "ended");
    let (there, ..) = look(&crowd);
    assert_eq!(there, CROWD + 1 - 400);
    // and with room for all, all are held
    let left = there - 1 - limit as usize / 4;
    crowd.tell(&left.to_string());
    assert_eq!(crowd.answer(), "ended");
    let (_, _, pidfd) = look(&crowd);
    assert_eq!(pidfd, "full");
}

#[test]
fn a_crowd_with_128_open_files() {
    with_limit(128);
}

#[test]
fn a_crowd_with_512_open_files() {
    with_limit(512);
}
