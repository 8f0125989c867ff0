//! Starts threads, with an error if that fails.

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::errno::Errno;

/// A thread could not be started. The kernel returns `EAGAIN` for several limits (`pthread_create(3)`).
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error(
        "no more threads can be started: the limit of processes and threads (`ulimit -u`) or of memory (`ulimit -v`) is \
         reached; raise it, or end some programs, then try again"
    )]
    Exhausted,
    #[error("a thread cannot be started: {0}")]
    Other(io::Error),
}

impl SpawnError {
    pub fn errno(&self) -> Errno {
        match self {
            Self::Exhausted => Errno::EAGAIN,
            Self::Other(e) => e.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        }
    }
}

/// Starts a thread with this name, which the kernel cuts at 15 bytes. Unlike [`std::thread::spawn`] it does not panic
/// if there are too many threads.
pub fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, SpawnError> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => SpawnError::Exhausted,
        _ => SpawnError::Other(e),
    })
}

/// Checks that `n` threads can run at the same time, for libraries that panic if theirs cannot start.
///
/// # Errors
/// There are too many threads already. Another program may still start some before the library does.
pub fn room_for(n: usize) -> Result<(), SpawnError> {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let mut threads = Vec::new();
    let mut room = Ok(());
    for _ in 0..n {
        let held = std::sync::Arc::clone(&held);
        // all of them wait until the sender is dropped
        match spawn("room", move || drop(held.lock().map(|held| held.recv()))) {
            Ok(thread) => threads.push(thread),
            Err(e) => {
                room = Err(e);
                break;
            }
        }
    }
    drop(hold);
    for thread in threads {
        let _ = thread.join();
    }
    room
}
