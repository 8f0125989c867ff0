//! Makes zombies: orphans, which pause reaps, or children that their parent never reaps.
//!
//! `--mode orphan|held` (orphan), `--rate N` per second (1; 0 is as fast as possible), `--total N` (0: for ever),
//! `--hold MS` (the lifetime of each child: orphans 1000, held ones 0). After the last one it keeps running: held
//! zombies exist only as long as it does.

use std::ffi::CStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::unistd::{getpid, pause};

use super::options::Options;
use super::{Call, end_on_term_as_init, print_error, print_line, usage_error};
use crate::sys::fork::{self, SingleThreaded};
use crate::sys::wait;

/// How long to wait for room in the process table: the first time, and at most.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// The exit code of a middle process that could not start its orphan.
const EXIT_FORK_FAILED: i32 = 75;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Orphan,
    Held,
}

struct Plan {
    mode: Mode,
    every: Option<Duration>,
    total: u64,
    hold: Duration,
}

impl Plan {
    fn read(args: &[String]) -> Result<Self, String> {
        let options = Options::read(args, &["mode", "rate", "total", "hold"], &[])?;
        let mode = options.parsed("mode", Mode::Orphan, "orphan or held", |mode| match mode {
            "orphan" => Some(Mode::Orphan),
            "held" => Some(Mode::Held),
            _ => None,
        })?;
        let rate: u32 = options.number("rate", 1)?;
        let hold = options.number("hold", if mode == Mode::Orphan { 1000 } else { 0 })?;
        Ok(Self {
            mode,
            every: (rate > 0).then(|| Duration::from_secs(1) / rate),
            total: options.number("total", 0)?,
            hold: Duration::from_millis(hold),
        })
    }
}

pub fn main(call: &Call<'_>) -> i32 {
    let plan = match Plan::read(call.args) {
        Ok(plan) => plan,
        Err(why) => return usage_error("zombies", &why),
    };
    end_on_term_as_init();
    let Ok(alone) = SingleThreaded::check() else { return 1 };
    if plan.mode == Mode::Orphan && getpid().as_raw() == 1 {
        print_error("zombies: is PID 1 here, so orphans come back to it, and it does not wait for them");
    }
    make(&plan, &alone);
    print_line(format_args!("zombies: made {}", plan.total));
    loop {
        pause();
    }
}

fn make(plan: &Plan, alone: &SingleThreaded) {
    let mut made = 0;
    let mut next = Instant::now();
    let mut has_warned = false;
    let mut delay = RETRY_MIN;
    while plan.total == 0 || made < plan.total {
        let done = match plan.mode {
            Mode::Held => fork::spawn(alone, CloneFlags::empty(), || child_main(c"zombies: held", plan.hold)).map(drop),
            Mode::Orphan => orphan(alone, plan.hold),
        };
        if let Err(e) = done {
            if !has_warned {
                print_error(format_args!(
                    "zombies: no room for another process after {made}: {}; waits for room",
                    e.desc()
                ));
                has_warned = true;
            }
            // no event tells that another process has ended
            sleep(delay);
            delay = RETRY_MAX.min(delay * 2);
            continue;
        }
        made += 1;
        delay = RETRY_MIN;
        if let Some(every) = plan.every {
            // count from the last due time, so that the rate is exact; but do not catch up in a burst
            next = (next + every).max(Instant::now());
            sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// Starts a child that starts a child and exits.
fn orphan(alone: &SingleThreaded, hold: Duration) -> Result<(), Errno> {
    let middle = fork::spawn(alone, CloneFlags::empty(), || {
        let _ = prctl::set_name(c"zombies: middle");
        // it was forked from a process with one thread, so it has one
        let Ok(alone) = SingleThreaded::check() else { return 1 };
        fork::spawn(&alone, CloneFlags::empty(), || child_main(c"orphan", hold)).map_or(EXIT_FORK_FAILED, |_| 0)
    })?;
    match wait::one(middle.pid)? {
        0 => Ok(()),
        _ => Err(Errno::EAGAIN),
    }
}

fn child_main(name: &CStr, hold: Duration) -> i32 {
    let _ = prctl::set_name(name);
    if !hold.is_zero() {
        sleep(hold);
    }
    0
}
