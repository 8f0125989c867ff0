//! Turns Ctrl-C, TERM and HUP into messages, so that the lab ends in order.

use crossbeam_channel::{Receiver, bounded};
use nix::sys::signal::{SigSet, Signal};

use crate::cli::output::Failure;
use crate::sys::thread;

/// Blocks INT, TERM and HUP in this thread and in all threads that it starts later, and waits for them in an extra
/// thread. A second signal ends the program at once, and the node and its pods with it.
pub fn signals() -> Result<Receiver<()>, Failure> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block().map_err(|e| Failure::Failed(format!("signals cannot be blocked: {e}")))?;
    let (sender, stops) = bounded(1);
    let wait_for_signals = move || {
        let mut is_second = false;
        while let Ok(signal) = set.wait() {
            if is_second {
                std::process::exit(128 + signal as i32);
            }
            is_second = true;
            let _ = sender.try_send(());
        }
    };
    thread::spawn("signals", wait_for_signals).map_err(Failure::failed)?;
    Ok(stops)
}
