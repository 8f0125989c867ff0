//! A program that ignores TERM, so that stopping it takes the whole grace period and a KILL.

use nix::sys::signal::Signal;
use nix::unistd::{getpid, pause};

use super::options::Options;
use super::{Call, print_line, usage_error};
use crate::sys::signals;

pub fn main(call: &Call<'_>) -> i32 {
    if let Err(why) = Options::read(call.args, &[], &[]) {
        return usage_error("deaf", &why);
    }
    if getpid().as_raw() == 1 {
        // nothing has to be done for this, which surprises many people
        print_line("deaf: is PID 1 and has no handler for TERM, so the kernel drops it");
    } else {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let _ = signals::ignore(signal);
        }
        print_line("deaf: ignores TERM and INT");
    }
    loop {
        pause();
    }
}
