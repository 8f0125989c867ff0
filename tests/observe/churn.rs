//! Processes and namespaces that come and go all the time, so that what is compared meets them.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Threads that start short-lived processes with namespaces of their own until this is dropped.
pub struct Churn {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Churn {
    pub fn start() -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..2).map(|_| {
            let (stop, rounds) = (Arc::clone(&stop), Arc::clone(&rounds));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // each lives for some time: lsns fails if a process ends while it reads that one
                    let mut command = Command::new("unshare");
                    command.args(["--user", "--map-root-user", "--uts", "--ipc", "--net", "sleep", "0.03"]);
                    let done = command.stdin(Stdio::null()).status().expect("util-linux is installed");
                    assert!(done.success());
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let threads = threads.collect();
        Self { stop, rounds, threads }
    }

    /// How many have come and gone.
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a process could not be started");
        }
    }
}
