//! What the program is started with: the environment and the limits. Checked once, before anything begins.

use nix::sys::resource::{Resource, getrlimit};

use super::output::Failure;
use super::{Cli, Command};
use crate::observe;

/// Descriptors that every command can do with: the observer and the node have some twenty each.
const FILES: u64 = 64;
/// Bytes of address space: each thread reserves some for its stack and for its memory to allocate from.
const MEMORY: u64 = 256 << 20;
/// The same with a window, and a driver that draws in software.
const WINDOW_MEMORY: u64 = 2 << 30;

/// # Errors
/// `PODSCOPE_WITHOUT` names something unknown, or a limit leaves too little room to begin with.
pub fn check(cli: &Cli) -> Result<(), Failure> {
    if let Some(word) = observe::unknown_switch() {
        let known = observe::SWITCHES.join(", ");
        return Err(Failure::Usage(format!("PODSCOPE_WITHOUT: `{word}` is unknown; it can be {known}")));
    }
    if matches!(cli.command, Some(Command::Pause(_))) {
        return Ok(());
    }
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    if files < FILES {
        return Err(Failure::Failed(format!(
            "only {files} files may be open at once (ulimit -n), which is too few; allow {FILES} or more: ulimit -n 1024"
        )));
    }
    let (memory, _) = getrlimit(Resource::RLIMIT_AS).unwrap_or((u64::MAX, u64::MAX));
    let needed = if cli.command.is_none() { WINDOW_MEMORY } else { MEMORY };
    if memory < needed {
        return Err(Failure::Failed(format!(
            "only {} MB of address space may be used (ulimit -v), and {} are needed: ulimit -v unlimited",
            memory >> 20,
            needed >> 20
        )));
    }
    Ok(())
}
