//! A program that crashes on purpose, to show restarts, back-off and exit codes.
//!
//! `--code N` (1), `--signal NAME` instead of it, `--after TIME` (0ms), and `--healthy FILE`: if that file exists, the
//! program keeps running, so that a crash loop can be fixed.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use nix::unistd::pause;

use super::options::Options;
use super::{Call, end_on_term_as_init, print_error, print_line, usage_error};
use crate::sys::signals;

enum Death {
    Code(u8),
    Signal(Signal),
}

struct Plan {
    death: Death,
    after: Duration,
    healthy: Option<String>,
}

impl Plan {
    fn read(args: &[String]) -> Result<Self, String> {
        let options = Options::read(args, &["code", "after", "signal", "healthy"], &[])?;
        let code = Death::Code(options.number("code", 1)?);
        let death = options.parsed("signal", code, "a signal such as SEGV", |name| {
            let name = name.strip_prefix("SIG").unwrap_or(name);
            format!("SIG{name}").parse().ok().map(Death::Signal)
        })?;
        let after = options.duration("after", Duration::ZERO)?;
        Ok(Self { death, after, healthy: options.get("healthy").map(str::to_owned) })
    }
}

pub fn main(call: &Call<'_>) -> i32 {
    let plan = match Plan::read(call.args) {
        Ok(plan) => plan,
        Err(why) => return usage_error("crash", &why),
    };
    end_on_term_as_init();
    if let Some(file) = plan.healthy.filter(|file| Path::new(file).exists()) {
        print_line(format_args!("crash: {file} is there: runs on"));
        loop {
            pause();
        }
    }
    sleep(plan.after);
    match plan.death {
        Death::Code(code) => {
            print_error(format_args!("crash: exits with code {code}"));
            i32::from(code)
        }
        Death::Signal(signal) => die_by(signal),
    }
}

fn die_by(signal: Signal) -> i32 {
    let name = signal.as_str();
    print_error(format_args!("crash: dies by {name}"));
    // avoid a core dump in the user's directory and a crash report on the desktop
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = prctl::set_dumpable(false);
    let _ = signals::reset();
    if signal == Signal::SIGSEGV {
        signals::fault();
    }
    let _ = raise(signal);
    let code = 128 + signal as i32;
    print_error(format_args!("crash: {name} does not end this process, PID 1 least of all: exits with code {code}"));
    code
}
