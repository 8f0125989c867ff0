//! What `tests/shared/docker_daemon.rs` needs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A program or directory that a script has put below `target/tools`.
pub fn tool(name: &str) -> PathBuf {
    let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
    exe.parent().and_then(Path::parent).expect("a target directory").join("tools").join(name)
}

pub fn wait_within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
