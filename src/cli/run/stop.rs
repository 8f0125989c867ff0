//! Ctrl-C and TERM as messages, so that the lab ends in order.

use crossbeam_channel::{Receiver, bounded};
use nix::sys::signal::{SigSet, Signal};

use crate::cli::output::Failure;
use crate::sys::thread;

/// Blocks INT, TERM and HUP in this thread and all it will start, and hears them in one of its own. A second
/// one ends the program at once; the node and its pods go with it.
pub fn signals() -> Result<Receiver<()>, Failure> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block().map_err(|e| Failure::Failed(format!("signals cannot be blocked: {e}")))?;
    let (tell, told) = bounded(1);
    let hear = move || {
        let mut before = false;
        while let Ok(signal) = set.wait() {
            if before {
                std::process::exit(128 + signal as i32);
            }
            before = true;
            let _ = tell.try_send(());
        }
    };
    thread::spawn("signals", hear).map_err(Failure::failed)?;
    Ok(told)
}
