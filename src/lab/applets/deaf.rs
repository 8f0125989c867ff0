//! Does not hear TERM, so that whoever stops it has to wait for the grace period and kill it.

use nix::sys::signal::Signal;
use nix::unistd::{getpid, pause};

use super::options::Options;
use super::{Call, say, usage};
use crate::sys::signals;

pub fn main(call: &Call<'_>) -> i32 {
    if let Err(why) = Options::read(call.args, &[], &[]) {
        return usage("deaf", &why);
    }
    if getpid().as_raw() == 1 {
        // nothing has to be done for it: that is what surprises people
        say("deaf: is PID 1 and has no handler for TERM, so the kernel drops it");
    } else {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let _ = signals::ignore(signal);
        }
        say("deaf: ignores TERM and INT");
    }
    loop {
        pause();
    }
}
