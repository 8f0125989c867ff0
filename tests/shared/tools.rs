//! Where the scripts put programs for the tests, and how to wait for a condition.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A program or directory that a script has put below `target/tools`.
pub fn tool(name: &str) -> PathBuf {
    let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
    exe.parent().and_then(Path::parent).expect("a target directory").join("tools").join(name)
}

pub fn wait_within(limit: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(within(limit, condition), "not within {limit:?}: {what}");
}

/// Whether a condition becomes true within this time.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
