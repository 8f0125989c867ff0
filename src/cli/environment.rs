//! Checks the environment and the resource limits once, before anything else starts.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::output::Failure;
use super::{Cli, Command};
use crate::observe;

/// Descriptors that are enough for a lab with a small pod. The observer and the node have about twenty each.
const FILES: u64 = 64;
/// Bytes of address space. Each thread reserves some for its stack and for its allocation arena.
const MEMORY: u64 = 1 << 30;
/// The same for a window that a software driver draws.
const WINDOW_MEMORY: u64 = 2 << 30;

/// # Errors
/// `PODSCOPE_WITHOUT` names something unknown, or a limit is too low to start.
pub fn check(cli: &Cli) -> Result<(), Failure> {
    if let Some(word) = observe::unknown_switch() {
        let known = observe::SWITCHES.join(", ");
        return Err(Failure::Usage(format!("PODSCOPE_WITHOUT: `{word}` is unknown; it can be {known}")));
    }
    match &cli.command {
        Some(
            Command::Pause(_)
            | Command::Labs(_)
            | Command::Get(_)
            | Command::Describe(_)
            | Command::Ps(_)
            | Command::Debug(_)
            | Command::Exec(_)
            | Command::Attach(_)
            | Command::Logs(_)
            | Command::Delete(_),
        ) => Ok(()),
        Some(Command::Snapshot(_)) => check_memory(MEMORY),
        Some(Command::Run(_) | Command::Doctor(_)) => ensure_files().and_then(|()| check_memory(MEMORY)),
        None => ensure_files().and_then(|()| check_memory(WINDOW_MEMORY)),
    }
}

/// Raises the soft limit of descriptors to [`FILES`] if needed.
fn ensure_files() -> Result<(), Failure> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    if soft < FILES && hard >= FILES {
        return setrlimit(Resource::RLIMIT_NOFILE, FILES, hard).map_err(Failure::failed);
    }
    if hard < FILES {
        return Err(Failure::Failed(format!(
            "only {hard} files may be open at once (ulimit -n), which is too few; allow {FILES} or more: ulimit -n 1024"
        )));
    }
    Ok(())
}

fn check_memory(needed: u64) -> Result<(), Failure> {
    match getrlimit(Resource::RLIMIT_AS) {
        Ok((limit, _)) if limit < needed => Err(Failure::Failed(format!(
            "only {} MB of memory may be addressed (ulimit -v), and {} are needed: ulimit -v unlimited",
            limit >> 20,
            needed >> 20
        ))),
        _ => Ok(()),
    }
}
